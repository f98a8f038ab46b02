// Merging by rules: each strategy, paths, conflicts, and where the result says its members come from. Documents are written in
// TestFormat.
#include "core/document/combine.h"

#include <gtest/gtest.h>

#include <deque>

#include "core/document/shape.h"
#include "test_format.h"

namespace sluice::document {
namespace {

class Origins final : public MergeTrace {
 public:
  void member(std::span<const std::string_view> path, uint32_t part, Strategy s, bool of_both) override {
    std::string key;
    for (std::string_view p : path) key += (key.empty() ? "" : ".") + std::string{p};
    text += key + " from " + std::to_string(part) + " by " + std::string{to_string(s)} + "; ";
    if (of_both) both += key + " ";
  }
  std::string text, both;
};

class CombineTest : public ::testing::Test {
 protected:
  std::string combined(const std::vector<std::string>& parts, const MergeRules& rules, MergeTrace* trace = nullptr) {
    std::vector<Node> nodes;
    for (const std::string& p : parts) nodes.push_back(format_.decode(arena_, texts_.emplace_back(p)));
    Node out;
    if (combine(arena_, nodes, rules, &out, &conflict_, trace)) return to_json(arena_, out);
    return "conflict at " + std::string{conflict_.key} + ": " + std::to_string(conflict_.first) + ", " + std::to_string(conflict_.second);
  }
  static MergeRules keyed(const std::string& path, Strategy s, const std::string& by = "") {
    MergeRules rules;
    EXPECT_EQ(rules.add(path, s, by), nullptr);
    return rules;
  }
  std::deque<std::string> texts_;
  BlockPool pool_;
  Arena arena_{pool_};
  TestFormat format_;
  MergeConflict conflict_;
};

TEST_F(CombineTest, WithDefaultRulesItIsThePlainMerge) {
  const std::vector<std::vector<std::string>> cases{{},          {"~"}, {"(a=1)"}, {"(a=1,b=2)", "(b=3,c=4)", "~", "(a=(x=1))"}, {"(o=(a=1))", "(o=(b=2))"},
                                                    {"()", "()"}};
  for (const auto& parts : cases) {
    std::vector<Node> nodes;
    for (const std::string& p : parts) nodes.push_back(format_.decode(arena_, texts_.emplace_back(p)));
    Node plain = merge(arena_, nodes);
    Origins origins;
    EXPECT_EQ(combined(parts, {}), to_json(arena_, plain));
    EXPECT_EQ(combined(parts, {}, &origins), to_json(arena_, plain)) << "whoever listens changes nothing";
  }
}

TEST_F(CombineTest, TheFirstValueOrTheLaterOneIsTaken) {
  EXPECT_EQ(combined({"(a=1,b=1)", "(a=2,c=2)", "(a=3)"}, MergeRules{Strategy::first}), R"({"a":1,"b":1,"c":2})");
  EXPECT_EQ(combined({"(a=1,b=1)", "(a=2,b=2)"}, keyed("b", Strategy::first)), R"({"a":2,"b":1})");
  EXPECT_EQ(combined({"(a=~)", "(a=2)"}, MergeRules{Strategy::first}), R"({"a":null})") << "null is a value";
}

TEST_F(CombineTest, ObjectsAreMergedMemberByMember) {
  const MergeRules deep{Strategy::deep};
  EXPECT_EQ(combined({"(o=(a=1,p=(x=1)),s=1)", "(o=(b=2,p=(y=2,x=3)),s=(t=1))"}, deep), R"({"o":{"a":1,"p":{"x":3,"y":2},"b":2},"s":{"t":1}})");
  EXPECT_EQ(combined({"(o=(l=[1]))", "(o=(l=[2]))"}, deep), R"({"o":{"l":[2]}})") << "lists are not";
  EXPECT_EQ(combined({"(o=(a=1))", "(o=(b=2))", "(o=(c=3))"}, deep), R"({"o":{"a":1,"b":2,"c":3}})");
}

TEST_F(CombineTest, ListsAreJoined) {
  const MergeRules concat{Strategy::concat};
  EXPECT_EQ(combined({"(l=[1,2],s=1)", "(l=[],s=2)", "(l=[(a=1)])"}, concat), R"({"l":[1,2,{"a":1}],"s":2})");
  EXPECT_EQ(combined({"(l=1)", "(l=[2])", "(l=~)", "(l=x)"}, concat), R"({"l":[1,2,"x"]})");
  EXPECT_EQ(combined({"(l=~)", "(l=~)"}, concat), R"({"l":null})");
}

TEST_F(CombineTest, ElementsWithAnEqualMemberAreMerged) {
  MergeRules rules = keyed("users", Strategy::zip, "id");
  EXPECT_EQ(combined({"(users=[(id=1,a=x),(id=2,a=y),(a=z)])", "(users=[(id=2,b=q,a=w),(id=7),(b=r),5])"}, rules),
            R"({"users":[{"id":1,"a":"x"},{"id":2,"a":"w","b":"q"},{"a":"z"},{"id":7},{"b":"r"},5]})");
  EXPECT_EQ(combined({"(users=[(id=1)])", "(users=[(id=x1)])"}, rules), R"({"users":[{"id":1},{"id":"x1"}]})");
  EXPECT_EQ(combined({"(users=[(id=1)])", "(users=(id=1))"}, rules), R"({"users":{"id":1}})") << "the later value when they are no two lists";
  ASSERT_EQ(rules.add("users.tags", Strategy::concat), nullptr);
  EXPECT_EQ(combined({"(users=[(id=1,tags=[a])])", "(users=[(id=1,tags=[b])])"}, rules), R"({"users":[{"id":1,"tags":["a","b"]}]})");
}

TEST_F(CombineTest, ManyElementsFindTheirs) {
  std::string a = "(l=[", b = "(l=[", want = "{\"l\":[";
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i), m = std::to_string(499 - i), comma = i ? "," : "";
    a += comma + "(k=" + n + ",a=" + n + ")";
    b += comma + "(k=" + m + ",b=" + m + ")";
    want += comma + "{\"k\":" + n + ",\"a\":" + n + ",\"b\":" + n + "}";
  }
  EXPECT_EQ(combined({a + "])", b + "])"}, keyed("l", Strategy::zip, "k")), want + "]}");
}

TEST_F(CombineTest, APathRuleHoldsBelowWhatItLeadsThrough) {
  MergeRules rules = keyed("meta.tags", Strategy::concat);
  EXPECT_EQ(combined({"(meta=(tags=[1],n=1),x=(a=1))", "(meta=(tags=[2],n=2),x=(b=1))"}, rules), R"({"meta":{"tags":[1,2],"n":2},"x":{"b":1}})");
  EXPECT_NE(rules.add("meta.tags", Strategy::first), nullptr) << "twice";
  EXPECT_NE(rules.add("", Strategy::first), nullptr);
  std::string deep = "a";
  for (int i = 0; i < 32; ++i) deep += ".a";
  EXPECT_NE(rules.add(deep, Strategy::first), nullptr);
}

TEST_F(CombineTest, AKeyThatNobodyMayHaveTwiceIsAConflict) {
  EXPECT_EQ(combined({"(a=1)", "(b=1)", "(a=2)"}, MergeRules{Strategy::error}), "conflict at a: 0, 2");
  EXPECT_EQ(combined({"(a=1)", "(b=1)"}, MergeRules{Strategy::error}), R"({"a":1,"b":1})");
  EXPECT_EQ(combined({"(a=1,b=1)", "(a=2)"}, keyed("b", Strategy::error)), R"({"a":2,"b":1})");
}

TEST_F(CombineTest, ItSaysWhereMembersComeFrom) {
  Origins origins;
  MergeRules rules = keyed("o", Strategy::deep);
  ASSERT_EQ(rules.add("f", Strategy::first), nullptr);
  combined({"(a=1,o=(x=1),f=1)", "(a=2,o=(y=2),f=2)"}, rules, &origins);
  EXPECT_EQ(origins.text,
            "a from 0 by overwrite; o from 0 by deep; f from 0 by first; a from 1 by overwrite; o.y from 1 by deep; o from 1 by deep; ");
  EXPECT_EQ(origins.both, "o ");
}

TEST_F(CombineTest, DocumentsMayBeDeeperThanTheMergeGoes) {
  std::string a, b, end;
  for (int i = 0; i < 200; ++i) a += "(n=", b += "(n=", end += ")";
  std::string got = combined({a + "(a=1)" + end, b + "(b=2)" + end}, MergeRules{Strategy::deep});
  EXPECT_NE(got.find(R"("b":2)"), std::string::npos);
  EXPECT_EQ(got.find(R"("a":1)"), std::string::npos);
}

TEST_F(CombineTest, UntouchedMembersKeepTheirText) {
  std::vector<Node> nodes{format_.decode(arena_, "(a=1 ,b=[x, y])"), format_.decode(arena_, "(o=(q=1))")};
  Node out;
  ASSERT_TRUE(combine(arena_, nodes, MergeRules{Strategy::deep}, &out, &conflict_));
  uint32_t n = 0;
  EXPECT_EQ(source_run(&arena_, out, "test", 0, &n), "a=1 ,b=[x, y]");
}

}  // namespace
}  // namespace sluice::document

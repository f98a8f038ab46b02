// pipeline.md §6 (variant A), §5.1 and §10, rule by rule. Documents are written in TestFormat.
#include "core/document/shape.h"

#include <gtest/gtest.h>

#include <deque>

#include "test_format.h"

namespace sluice::document {
namespace {

using Options = Shape::Options;
using List = std::vector<std::string>;
using Names = std::vector<std::pair<std::string, std::string>>;

Options target(std::string path) { return {.target = std::move(path), .allow = {}, .deny = {}, .mapping = {}, .group = {}}; }
Options allow(List paths) { return {.target = {}, .allow = std::move(paths), .deny = {}, .mapping = {}, .group = {}}; }
Options deny(List paths) { return {.target = {}, .allow = {}, .deny = std::move(paths), .mapping = {}, .group = {}}; }
Options mapping(Names names) { return {.target = {}, .allow = {}, .deny = {}, .mapping = std::move(names), .group = {}}; }
Options group(std::string name) { return {.target = {}, .allow = {}, .deny = {}, .mapping = {}, .group = std::move(name)}; }

class ShapeTest : public ::testing::Test {
 protected:
  Node node(std::string text) { return format_.decode(arena_, texts_.emplace_back(std::move(text))); }
  std::string json(Node n) { return to_json(arena_, n); }
  Node apply(std::string text, Options options) {
    Node n = node(std::move(text));
    shapes_.emplace_back(std::move(options)).apply(arena_, n);
    return n;
  }
  std::string shaped(std::string text, Options options) { return json(apply(std::move(text), std::move(options))); }

  std::deque<std::string> texts_;
  std::deque<Shape> shapes_;
  BlockPool pool_;
  Arena arena_{pool_};
  TestFormat format_;
};

TEST_F(ShapeTest, AnAnswerThatIsOnlyGroupedMayStayWhole) {
  EXPECT_TRUE(Shape{group("g")}.only_groups());
  EXPECT_FALSE(Shape{{}}.only_groups());
  for (Options o : {target("t"), allow({"a"}), deny({"a"}), mapping({{"a", "b"}})}) {
    EXPECT_FALSE(Shape{o}.only_groups());
    o.group = "g";
    EXPECT_FALSE(Shape{o}.only_groups());
  }
}

TEST_F(ShapeTest, RangesOutsideTheTextSpoilTheDocument) {
  for (Builder::Range wrong : {Builder::Range{0, 1, 2, 4, 9, Kind::number}, {1, 0, 2, 4, 5, Kind::number}, {0, 3, 2, 4, 5, Kind::number},
                               {0, 1, 5, 4, 5, Kind::number}, {0, 1, 2, 6, 5, Kind::number}}) {
    Builder builder{arena_, &format_};
    ASSERT_TRUE(builder.begin(Kind::object));
    EXPECT_TRUE(builder.deferred_member("\"a\":1}", {0, 1, 2, 4, 5, Kind::number}));
    EXPECT_FALSE(builder.deferred_member("\"a\":1}", wrong));
    EXPECT_TRUE(builder.failed());
  }
}

TEST_F(ShapeTest, OnlyMembersThatCanPassNeedToBeKept) {
  EXPECT_EQ(Shape{{}}.wanted(), nullptr);
  EXPECT_EQ((Shape{{.target = {}, .allow = {}, .deny = {"a"}, .mapping = {{"b", "c"}}, .group = "g"}}.wanted()), nullptr);
  Shape allow{{.target = {}, .allow = {"a.x", "b", "a.y"}, .deny = {}, .mapping = {}, .group = {}}};
  EXPECT_EQ(*allow.wanted(), (std::vector<std::string>{"a", "b"}));
  Shape target{{.target = "t.u", .allow = {"a"}, .deny = {}, .mapping = {}, .group = {}}};
  EXPECT_EQ(*target.wanted(), (std::vector<std::string>{"t"}));

  Builder builder{arena_, &format_};
  builder.want_only(allow.wanted());
  ASSERT_TRUE(builder.begin(Kind::object));
  for (std::string_view name : {"z", "b", "", "bb", "a"})
    ASSERT_TRUE(builder.deferred_member(name, "(1)", Kind::number, "1"));
  Node root;
  ASSERT_TRUE(builder.end() && builder.finish(&root));
  ASSERT_EQ(root.count, 2u);
  EXPECT_EQ(root.members[0].key, "b");
  EXPECT_EQ(root.members[1].key, "a");
}

TEST_F(ShapeTest, NoRulesChangeNothing) {
  EXPECT_TRUE(Shape{}.empty());
  EXPECT_TRUE(Shape{Options{}}.empty());
  EXPECT_FALSE(Shape{group("g")}.empty());
  EXPECT_FALSE(Shape{deny({"x"})}.empty());
  EXPECT_EQ(shaped("(a=1)", {}), R"({"a":1})");
}

TEST_F(ShapeTest, TargetReplacesTheDataByAnObjectBelow) {
  EXPECT_EQ(shaped("(a=(b=(c=1)),d=2)", target("a.b")), R"({"c":1})");
  EXPECT_EQ(shaped("(a=(b=1))", target("a")), R"({"b":1})");
}

TEST_F(ShapeTest, TargetThatIsMissingOrNoObjectGivesAnEmptyObject) {
  for (const char* path : {"x", "a.x", "list", "s", "n", "a.b.c", "A", "collection"})
    EXPECT_EQ(shaped("(a=(b=1),list=[1],s=x,n=~)", target(path)), "{}") << path;
  EXPECT_EQ(shaped("(collection=[(a=1)])", target("collection")), "{}");
  EXPECT_EQ(shaped("~", target("a")), "{}");
}

TEST_F(ShapeTest, AllowKeepsTheListedPathsWhole) {
  std::string text = "(a=1,b=(x=1,y=[1,2],z=(q=1)),c=[(p=1)],d=~)";
  EXPECT_EQ(shaped(text, allow({"a"})), R"({"a":1})");
  EXPECT_EQ(shaped(text, allow({"b"})), R"({"b":{"x":1,"y":[1,2],"z":{"q":1}}})");
  EXPECT_EQ(shaped(text, allow({"b.y", "b.z.q"})), R"({"b":{"y":[1,2],"z":{"q":1}}})");
  EXPECT_EQ(shaped(text, allow({"d", "a"})), R"({"a":1,"d":null})");
  EXPECT_EQ(shaped(text, allow({"c"})), R"({"c":[{"p":1}]})");
}

TEST_F(ShapeTest, AllowRemovesParentsWithoutAKeptChild) {
  EXPECT_EQ(shaped("(a=(x=1),b=2)", allow({"a.y", "b"})), R"({"b":2})");
  EXPECT_EQ(shaped("(a=(x=()),b=2)", allow({"a.x.y", "b"})), R"({"b":2})");
  EXPECT_EQ(shaped("(a=(x=1))", allow({"a.y"})), "{}");
  EXPECT_EQ(shaped("(a=())", allow({"a"})), R"({"a":{}})");
}

TEST_F(ShapeTest, AllowDoesNotDescendIntoArraysOrScalars) {
  EXPECT_EQ(shaped("(arr=[(p=1)],s=x,n=~,k=1)", allow({"arr.p", "s.x", "n.x", "arr.0", "k"})), R"({"k":1})");
}

TEST_F(ShapeTest, AllowLetsTheLastWrittenDecideBetweenPrefixAndLongerPath) {
  EXPECT_EQ(shaped("(a=(x=1,y=2))", allow({"a.x", "a"})), R"({"a":{"x":1,"y":2}})");
  EXPECT_EQ(shaped("(a=(x=1,y=2))", allow({"a", "a.x"})), R"({"a":{"x":1}})");
  EXPECT_EQ(shaped("(a=(x=(m=1,n=2),y=2))", allow({"a.x.m", "a.x", "a.x.n"})), R"({"a":{"x":{"n":2}}})");
}

TEST_F(ShapeTest, AllowIsCaseSensitiveAndTakesTheEmptyName) {
  EXPECT_EQ(shaped("(A=1,a=2)", allow({"a"})), R"({"a":2})");
  EXPECT_EQ(shaped("(=1,a=2)", allow({""})), R"({"":1})");
  EXPECT_EQ(shaped("(a=2)", allow({""})), "{}");
}

TEST_F(ShapeTest, AllowWithManyPathsFindsEach) {
  std::string text = "(";
  List paths;
  std::string expected = "{";
  for (int i = 0; i < 100; ++i) {
    std::string k = "k" + std::to_string(i);
    text += k + "=" + std::to_string(i) + ",";
    if (i % 3) continue;
    paths.push_back(k);
    expected += "\"" + k + "\":" + std::to_string(i) + ",";
  }
  text.back() = ')', expected.back() = '}';
  EXPECT_EQ(shaped(text, allow(paths)), expected);
}

TEST_F(ShapeTest, DenyRemovesTheListedPaths) {
  std::string text = "(a=1,b=(x=1,y=(q=1,r=2)),c=[(p=1)])";
  EXPECT_EQ(shaped(text, deny({"a"})), R"({"b":{"x":1,"y":{"q":1,"r":2}},"c":[{"p":1}]})");
  EXPECT_EQ(shaped(text, deny({"b.x", "b.y.q"})), R"({"a":1,"b":{"y":{"r":2}},"c":[{"p":1}]})");
  EXPECT_EQ(shaped(text, deny({"a", "b", "c"})), "{}");
}

TEST_F(ShapeTest, DenyIgnoresWhatIsMissingAndWhatIsNoObject) {
  std::string text = "(arr=[(p=1)],s=x,n=~,o=(a=1))";
  EXPECT_EQ(shaped(text, deny({"x", "arr.p", "arr.0", "s.x", "n.x", "o.b", "o.a.c"})), R"({"arr":[{"p":1}],"s":"x","n":null,"o":{"a":1}})");
}

TEST_F(ShapeTest, DenyLeavesAnEmptiedObject) { EXPECT_EQ(shaped("(a=(x=1))", deny({"a.x"})), R"({"a":{}})"); }

TEST_F(ShapeTest, DenyLetsThePrefixWinInAnyOrder) {
  EXPECT_EQ(shaped("(a=(x=1,y=2),b=1)", deny({"a.x", "a"})), R"({"b":1})");
  EXPECT_EQ(shaped("(a=(x=1,y=2),b=1)", deny({"a", "a.x"})), R"({"b":1})");
}

TEST_F(ShapeTest, DenyCountsOnlyWithoutAllow) {
  Options both = allow({"a"});
  both.deny = {"a"};
  EXPECT_EQ(shaped("(a=1,b=2)", both), R"({"a":1})");
}

TEST_F(ShapeTest, MappingRenamesTopLevelKeysInPlace) {
  EXPECT_EQ(shaped("(a=1,b=2,c=3)", mapping({{"b", "x"}})), R"({"a":1,"x":2,"c":3})");
  EXPECT_EQ(shaped("(a=(x=1))", mapping({{"a.x", "y"}, {"x", "z"}})), R"({"a":{"x":1}})");
  EXPECT_EQ(shaped("(a=1)", mapping({{"none", "x"}})), R"({"a":1})");
  EXPECT_EQ(shaped("(collection=[1])", mapping({{"collection", "items"}})), R"({"items":[1]})");
}

TEST_F(ShapeTest, MappingCutsTheNewNameAtItsFirstDot) { EXPECT_EQ(shaped("(a=1)", mapping({{"a", "x.y"}})), R"({"x":1})"); }

TEST_F(ShapeTest, MappingOverwritesAnExistingKey) {
  EXPECT_EQ(shaped("(a=1,b=2,c=3)", mapping({{"a", "b"}})), R"({"b":1,"c":3})");
  EXPECT_EQ(shaped("(a=1,b=2,c=3)", mapping({{"c", "a"}})), R"({"a":3,"b":2})");
}

TEST_F(ShapeTest, MappingAKeyToItselfDeletesIt) { EXPECT_EQ(shaped("(a=1,b=2)", mapping({{"a", "a.x"}})), R"({"b":2})"); }

TEST_F(ShapeTest, MappingTakesTheEmptyNewName) { EXPECT_EQ(shaped("(a=1)", mapping({{"a", ""}})), R"({"":1})"); }

TEST_F(ShapeTest, MappingsApplyInTheOrderWritten) {
  EXPECT_EQ(shaped("(a=1,b=2)", mapping({{"a", "c"}, {"c", "d"}})), R"({"d":1,"b":2})");
  EXPECT_EQ(shaped("(a=1,b=2)", mapping({{"a", "t"}, {"b", "a"}, {"t", "b"}})), R"({"b":1,"a":2})");
}

TEST_F(ShapeTest, GroupWrapsUnderALiteralName) {
  EXPECT_EQ(shaped("(a=1)", group("g")), R"({"g":{"a":1}})");
  EXPECT_EQ(shaped("(a=1)", group("a.b")), R"({"a.b":{"a":1}})");
  EXPECT_EQ(shaped("()", group("g")), R"({"g":{}})");
  EXPECT_EQ(shaped("~", group("g")), R"({"g":null})");
}

TEST_F(ShapeTest, EmptyAndNullDataPassTheRulesUnchanged) {
  Options all = allow({"a"});
  all.mapping = {{"a", "b"}};
  EXPECT_EQ(shaped("~", all), "null");
  EXPECT_EQ(shaped("()", all), "{}");
  EXPECT_EQ(shaped("~", deny({"a"})), "null");
}

TEST_F(ShapeTest, RulesRunInTheirFixedOrder) {
  Options o{.target = "data", .allow = {"a", "b.x"}, .deny = {}, .mapping = {{"b", "c"}}, .group = "data"};
  EXPECT_EQ(shaped("(data=(a=1,b=(x=2,y=3),d=4),a=9)", o), R"({"data":{"a":1,"c":{"x":2}}})");
  // The old name is what allow sees.
  o = {.target = {}, .allow = {"new"}, .deny = {}, .mapping = {{"old", "new"}}, .group = {}};
  EXPECT_EQ(shaped("(old=1)", o), "{}");
}

TEST_F(ShapeTest, RulesExpandOnlyWhatTheyLookInto) {
  Node n = apply("(a=(x=(p=1),y=(q=1)),b=(z=1),c=1)", deny({"a.x", "c"}));
  EXPECT_EQ(format_.expansions, 1);  // a
  EXPECT_TRUE(find(arena_, n, "b")->deferred);
  EXPECT_TRUE(find(arena_, *find(arena_, n, "a"), "y")->deferred);
}

TEST_F(ShapeTest, WhatSurvivesUntouchedKeepsItsText) {
  Node n = apply("(a=1, b=(x=1,y=2), c=[1], d=4,e=5)", deny({"b.x", "zzz"}));
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "a=1");
  EXPECT_EQ(members, 1u);
  EXPECT_EQ(source_run(&arena_, n, "test", 1, &members), "");
  EXPECT_EQ(members, 0u);
  EXPECT_EQ(source(&arena_, *find(arena_, n, "b"), "test"), "");
  EXPECT_EQ(source_run(&arena_, n, "test", 2, &members), "c=[1], d=4,e=5");
  EXPECT_EQ(members, 3u);
  EXPECT_EQ(source_run(&arena_, n, "other", 2, &members), "");

  n = apply("(a=1,b=2,c=3,d=4)", mapping({{"b", "x"}}));
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "a=1");
  EXPECT_EQ(source_run(&arena_, n, "test", 1, &members), "");
  EXPECT_EQ(source(&arena_, *find(arena_, n, "x"), "test"), "2");
  EXPECT_EQ(source_run(&arena_, n, "test", 2, &members), "c=3,d=4");

  n = apply("(a=(x=1,y=2),b=2)", allow({"b", "a.x", "a.y"}));
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "a=(x=1,y=2),b=2");  // all was kept
}

// Of a key that comes twice the last counts; the text has both, so it is none of an object that somebody looked into.
TEST_F(ShapeTest, WhatALaterMemberOfTheSameNameReplacedIsNotWrittenOut) {
  for (const char* text : {"(t=(k=(x=secret),k=(y=2)))", "(t=(k=(x=secret,y=1),k=(y=2)))", "(t=(k=secret,k=(y=2)))"})
    for (const Options& o : {allow({"t.k.y"}), allow({"t.k"}), deny({"t.k.x"}), deny({"t.k.x", "z"})}) {
      Node n = apply(text, o);
      uint32_t members = 0;
      EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "") << text;
      EXPECT_EQ(source(&arena_, *find(arena_, n, "t"), "test"), "") << text;
      EXPECT_EQ(json(n), R"({"t":{"k":{"y":2}}})") << text;
    }
  Node n = apply("(t=(k=(x=secret),k=5),u=(k=1,k=2))", deny({"t.k.x"}));
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "");
  EXPECT_EQ(source_run(&arena_, n, "test", 1, &members), "u=(k=1,k=2)") << "nobody looked into it";
}

TEST_F(ShapeTest, ARuleThatFindsNothingLeavesTheMembersWhereTheyAre) {
  Node before = node("(a=1,b=(x=1))"), after = before;
  Shape{deny({"c", "b.y"})}.apply(arena_, after);
  EXPECT_EQ(after.members, before.members);
  Shape{allow({"a", "b"})}.apply(arena_, after);
  EXPECT_EQ(after.members, before.members);
}

TEST_F(ShapeTest, ShapingACopyLeavesTheOriginalAsItWas) {
  Node original = node("(a=1,b=(x=1,y=2),c=3)");
  for (Options o : {deny({"b.x", "a"}), allow({"b.x"}), mapping({{"a", "c"}}), mapping({{"a", "a"}}), group("g"), target("b")}) {
    Node copy = original;
    shapes_.emplace_back(o).apply(arena_, copy);
    EXPECT_EQ(json(original), R"({"a":1,"b":{"x":1,"y":2},"c":3})");
  }
}

class MergeTest : public ShapeTest {
 protected:
  std::string merged(std::vector<std::string> texts) {
    std::vector<Node> parts;
    for (auto& t : texts) parts.push_back(node(t));
    return json(merge(arena_, parts));
  }
};

TEST_F(MergeTest, LaterPartsOverwriteTopLevelKeysInDeclaredOrder) {
  EXPECT_EQ(merged({"(a=1,b=2)", "(c=3)"}), R"({"a":1,"b":2,"c":3})");
  EXPECT_EQ(merged({"(a=1,b=(x=1))", "(b=(y=2))", "(a=9)"}), R"({"a":9,"b":{"y":2}})");
}

TEST_F(MergeTest, NullAndEmptyPartsContributeNothing) {
  EXPECT_EQ(merged({"~", "(a=1)", "()"}), R"({"a":1})");
  EXPECT_EQ(merged({"~", "~"}), "{}");
  EXPECT_EQ(merged({}), "{}");
}

TEST_F(MergeTest, AWidePartIsFoundByItsIndex) {
  std::string wide = "(", again = "(", expected = "{";
  for (int i = 0; i < 300; ++i) {
    wide += "k" + std::to_string(i) + "=old,";
    again += "k" + std::to_string(299 - i) + "=" + std::to_string(i) + ",";
    expected += "\"k" + std::to_string(i) + "\":" + std::to_string(299 - i) + ",";
  }
  wide.back() = again.back() = ')', expected.back() = '}';
  EXPECT_EQ(merged({wide, again}), expected);
}

TEST_F(MergeTest, PartsKeepTheirTextWhereNothingOverwrote) {
  Node parts[] = {node("(a=1,b=2,c=3)"), node("(b=9,d=4)")};
  Node m = merge(arena_, parts);
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, m, "test", 0, &members), "a=1");
  EXPECT_EQ(source_run(&arena_, m, "test", 1, &members), "b=9");  // at the place of the first
  EXPECT_EQ(source_run(&arena_, m, "test", 2, &members), "c=3");
  EXPECT_EQ(source_run(&arena_, m, "test", 3, &members), "d=4");
  EXPECT_EQ(members, 1u);
}

class OverlayTest : public ShapeTest {};

TEST_F(OverlayTest, PutsMembersAtTopLevelOverwriting) {
  Node extra = node("(b=(n=1),c=3)");
  Node data = node("(a=1,b=2)");
  overlay(arena_, data, extra);
  EXPECT_EQ(json(data), R"({"a":1,"b":{"n":1},"c":3})");
}

TEST_F(OverlayTest, NullDataBecomesAnObject) {
  Node extra = node("(c=3)"), data = make_null();
  overlay(arena_, data, extra);
  EXPECT_EQ(json(data), R"({"c":3})");
}

TEST_F(OverlayTest, NothingReachedThroughTheDataIsTheExtraTree) {
  // A configuration's tree: expanded, and read by all workers.
  Builder b{arena_, nullptr};
  b.begin(Kind::object), b.key("s"), b.begin(Kind::object), b.key("t"), b.begin(Kind::array), b.begin(Kind::object), b.key("u"), b.integer(1);
  b.key("v"), b.integer(2), b.end(), b.end(), b.end(), b.end();
  Node extra;
  ASSERT_TRUE(b.finish(&extra));
  Node data = make_object();
  overlay(arena_, data, extra);
  Node* t = find_path(arena_, data, "s.t");
  ASSERT_TRUE(t);
  Node* element = at(&arena_, *t, 0, nullptr);
  ASSERT_TRUE(element);
  EXPECT_TRUE(erase(arena_, *element, "u"));
  EXPECT_TRUE(erase(arena_, *find(arena_, data, "s"), "t"));
  EXPECT_EQ(json(data), R"({"s":{}})");
  EXPECT_EQ(json(extra), R"({"s":{"t":[{"u":1,"v":2}]}})");
}

TEST_F(ShapeTest, PathsAreFoundThroughObjectsOnly) {
  Node n = node("(a=(b=(c=1)),l=[(x=1)],=(=5))");
  EXPECT_EQ(text(arena_, *find_path(arena_, n, "a.b.c")), "1");
  EXPECT_EQ(find_path(arena_, n, "a.x"), nullptr);
  EXPECT_EQ(find_path(arena_, n, "l.0"), nullptr);
  EXPECT_EQ(find_path(arena_, n, "a.b.c.d"), nullptr);
  EXPECT_EQ(text(arena_, *find_path(arena_, n, ".")), "5");
}

}  // namespace
}  // namespace sluice::document

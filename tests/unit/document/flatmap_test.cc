// pipeline.md §6.1, rule by rule. Documents are written in TestFormat.
#include "core/document/flatmap.h"

#include <gtest/gtest.h>

#include <deque>

#include "core/document/shape.h"
#include "test_format.h"

namespace sluice::document {
namespace {

using List = std::vector<std::string>;
struct Op {
  const char* type;
  List paths;
};

class FlatmapTest : public ::testing::Test {
 protected:
  Node node(std::string text) { return format_.decode(arena_, texts_.emplace_back(std::move(text))); }
  Node apply(std::string text, const std::vector<Op>& ops) {
    Flatmap& f = maps_.emplace_back();
    for (const Op& op : ops) EXPECT_EQ(f.add(op.type, op.paths), nullptr) << op.type;
    Node n = node(std::move(text));
    f.apply(arena_, n);
    return n;
  }
  std::string mapped(std::string text, const std::vector<Op>& ops) {
    Node n = apply(std::move(text), ops);
    return to_json(arena_, n);
  }

  std::deque<std::string> texts_;
  std::deque<Flatmap> maps_;
  BlockPool pool_;
  Arena arena_{pool_};
  TestFormat format_;
};

TEST_F(FlatmapTest, OperationsThatCannotBeCarriedOutAreRefused) {
  Flatmap f;
  EXPECT_NE(f.add("explode", {"a"}), nullptr);
  EXPECT_NE(f.add("move", {"a"}), nullptr);
  EXPECT_NE(f.add("append", {"a"}), nullptr);
  EXPECT_NE(f.add("del", {}), nullptr);
  std::string deep = "a";
  for (size_t i = 1; i < Flatmap::kMaxSegments; ++i) deep += ".a";
  EXPECT_NE(f.add("del", {deep + ".a"}), nullptr);
  EXPECT_TRUE(f.empty());
  EXPECT_EQ(f.add("del", {deep}), nullptr);
  for (size_t i = 1; i < Flatmap::kMaxOperations; ++i) EXPECT_EQ(f.add("del", {"a"}), nullptr);
  EXPECT_NE(f.add("del", {"a"}), nullptr);
}

TEST_F(FlatmapTest, NullStaysNullAndMissingPathsChangeNothing) {
  EXPECT_EQ(mapped("~", {{"del", {"*"}}}), "null");
  for (const Op& op : std::vector<Op>{{"del", {"x", "a.x", "s.x", "l.7", "l.00", ""}},
                                      {"move", {"x", "y"}},
                                      {"move", {"a.x", "x"}},
                                      {"move", {"x", "a.b.c"}},
                                      {"append", {"l", "x"}},
                                      {"append", {"x", "l"}},
                                      {"append", {"s", "l"}},
                                      {"append", {"l", "a"}}})
    EXPECT_EQ(mapped("(a=(b=1),s=t,l=[1])", {op}), R"({"a":{"b":1},"s":"t","l":[1]})") << op.type << " " << op.paths[0];
}

TEST_F(FlatmapTest, DelRemovesMembersElementsAndWildcards) {
  EXPECT_EQ(mapped("(a=1,b=(c=2,d=3))", {{"del", {"a", "b.c"}}}), R"({"b":{"d":3}})");
  EXPECT_EQ(mapped("(l=[1,2,3])", {{"del", {"l.1"}}}), R"({"l":[1,3]})");
  EXPECT_EQ(mapped("(l=[(a=1,b=1),(a=2,b=2)])", {{"del", {"l.*.a"}}}), R"({"l":[{"b":1},{"b":2}]})");
  EXPECT_EQ(mapped("(u=(n=1,m=1),v=(n=2,m=2),s=x)", {{"del", {"*.n"}}}), R"({"u":{"m":1},"v":{"m":2},"s":"x"})");
}

TEST_F(FlatmapTest, ElementsKeepTheirLabelsWithinOneList) {
  EXPECT_EQ(mapped("(l=[1,2,3])", {{"del", {"l.0", "l.0"}}}), R"({"l":[2,3]})");
  EXPECT_EQ(mapped("(l=[1,2,3])", {{"del", {"l.0"}}, {"del", {"l.2"}}}), R"({"l":[2]})");
}

TEST_F(FlatmapTest, WhatLosesAllChildrenBecomesNull) {
  EXPECT_EQ(mapped("(x=(a=1,b=2),y=1)", {{"del", {"x.*"}}}), R"({"x":null,"y":1})");
  EXPECT_EQ(mapped("(x=[1,2])", {{"del", {"x.0", "x.1"}}}), R"({"x":null})");
  EXPECT_EQ(mapped("(a=1,b=2)", {{"del", {"*"}}}), "null");
  EXPECT_EQ(mapped("(u=(n=1))", {{"move", {"u.n", "n"}}}), R"({"u":null,"n":1})");
  EXPECT_EQ(mapped("(o=(),e=[])", {{"del", {"o.*", "e.*", "o.x"}}}), R"({"o":{},"e":[]})") << "empty from the start";
}

TEST_F(FlatmapTest, AppendJoinsListsAndRemovesTheSource) {
  EXPECT_EQ(mapped("(a=[1,2],b=[3])", {{"append", {"a", "b"}}}), R"({"b":[3,1,2]})");
  EXPECT_EQ(mapped("(a=[1],b=[])", {{"append", {"a", "b"}}}), R"({"b":[1]})");
  EXPECT_EQ(mapped("(a=[],b=[1])", {{"append", {"a", "b"}}}), R"({"b":[1]})");
  EXPECT_EQ(mapped("(n=[[1,2],[3]])", {{"append", {"n.1", "n.0"}}}), R"({"n":[[1,2,3]]})");
  EXPECT_EQ(mapped("(a=[1],b=2)", {{"append", {"a", "a"}}}), R"({"b":2})") << "a list appended to itself is deleted";
  EXPECT_EQ(mapped("(a=[[1]],b=2)", {{"append", {"a", "a.0"}}}), R"({"b":2})") << "and so is one appended to its own element";
  EXPECT_EQ(mapped("(l=[[1],[2],[3]],all=[0])", {{"append", {"l.*", "all"}}}), R"({"l":null,"all":[0,1,2,3]})");
}

TEST_F(FlatmapTest, MoveAtTheSameDepthRenamesInPlace) {
  EXPECT_EQ(mapped("(a=1,b=2)", {{"move", {"a", "z"}}}), R"({"z":1,"b":2})");
  EXPECT_EQ(mapped("(a=(x=1))", {{"move", {"a.x", "b.q"}}}), R"({"a":{"q":1}})") << "only the last label counts";
  EXPECT_EQ(mapped("(l=[(k=1),(k=2)])", {{"move", {"l.*.k", "l.*.key"}}}), R"({"l":[{"key":1},{"key":2}]})");
  EXPECT_EQ(mapped("(l=[(k=1),(k=2)])", {{"move", {"l.1.k", "l.1.key"}}}), R"({"l":[{"k":1},{"key":2}]})");
  EXPECT_EQ(mapped("(a=1,b=2)", {{"move", {"a", "b"}}}), R"({"b":1})");
  EXPECT_EQ(mapped("(a=1,b=2)", {{"move", {"b", "a"}}}), R"({"a":2})");
  EXPECT_EQ(mapped("(a=1)", {{"move", {"a", "a"}}}), R"({"a":1})");
  EXPECT_EQ(mapped("(l=[1,2])", {{"move", {"l.0", "l.x"}}}), R"({"l":[1,2]})") << "elements have no names that show";
  EXPECT_EQ(mapped("(l=[1,2])", {{"move", {"l.0", "l.x"}}, {"del", {"l.x"}}}), R"({"l":[2]})");
  EXPECT_EQ(mapped("(a=1,b=2)", {{"move", {"*", "z"}}}), R"({"a":1,"b":2})") << "the last label is literal";
}

TEST_F(FlatmapTest, MoveUpwardsPromotes) {
  EXPECT_EQ(mapped("(u=(m=1,n=2),id=3)", {{"move", {"u.m", "id"}}}), R"({"u":{"n":2},"id":1})");
  EXPECT_EQ(mapped("(a=(b=(c=1,d=2)))", {{"move", {"a.b.c", "a.c"}}}), R"({"a":{"b":{"d":2},"c":1}})");
  EXPECT_EQ(mapped("(l=[(p=1),(q=2),(p=3)])", {{"move", {"l.*.p", "ps"}}}), R"({"l":[null,{"q":2},null],"ps":3})") << "the last wins";
  EXPECT_EQ(mapped("(a=(x=(k=1)),b=(x=(k=2)))", {{"move", {"*.x.k", "*.k"}}}), R"({"a":{"x":null,"k":1},"b":{"x":null,"k":2}})");
  EXPECT_EQ(mapped("(l=[(x=(k=1)),(x=(k=2))])", {{"move", {"l.*.x.k", "l.*.k"}}}), R"({"l":[{"x":null,"k":1},{"x":null,"k":2}]})");
  EXPECT_EQ(mapped("(a=(b=(c=1,d=1)))", {{"move", {"a.b.c", "no.c"}}}), R"({"a":{"b":{"d":1}},"c":1})") << "as deep as the path exists";
  EXPECT_EQ(mapped("(o=(l=(x=1,y=2)),l=[9])", {{"move", {"o.l.x", "l.0"}}}), R"({"o":{"l":{"y":2}},"l":[9,1]})") << "a list takes it at its end";
}

TEST_F(FlatmapTest, MoveDownwardsEmbedsBelowItsOwnParent) {
  EXPECT_EQ(mapped("(id=1,u=(n=2))", {{"move", {"id", "u.id"}}}), R"({"u":{"n":2,"id":1}})");
  EXPECT_EQ(mapped("(s=1)", {{"move", {"s", "q.w.e"}}}), R"({"q":{"w":{"e":1}}})");
  EXPECT_EQ(mapped("(l=[(p=1),(p=2)])", {{"move", {"l.*.p", "l.*.deep.p"}}}), R"({"l":[{"deep":{"p":1}},{"deep":{"p":2}}]})");
  EXPECT_EQ(mapped("(a=(x=1,y=2))", {{"move", {"a.x", "l.0.x"}}}), R"({"a":{"y":2,"0":{"x":1}}})") << "the first labels are ignored";
  EXPECT_EQ(mapped("(a=1,s=2)", {{"move", {"a", "s.a"}}}), R"({"s":{"a":1}})") << "a scalar gives way";
  EXPECT_EQ(mapped("(a=1,e=[])", {{"move", {"a", "e.0"}}}), R"({"e":[1]})");
}

TEST_F(FlatmapTest, OperationsSeeWhatThoseBeforeLeft) {
  EXPECT_EQ(mapped("(collection=[(a=1,b=2),(a=3,b=4)])",
                   {{"del", {"collection.*.b"}}, {"move", {"collection.*.a", "collection.*.x"}}, {"move", {"collection", "items"}}}),
            R"({"items":[{"x":1},{"x":3}]})");
  EXPECT_EQ(mapped("(a=(x=1,y=2))", {{"move", {"a.x", "x"}}, {"move", {"x", "n.x"}}, {"move", {"n.x", "n.z"}}}), R"({"a":{"y":2},"n":{"z":1}})");
}

TEST_F(FlatmapTest, OnlyWhatAPathLeadsThroughIsExpanded) {
  Node n = node("(a=(x=(deep=1)),b=(y=(deep=1)),l=[(z=1)])");
  Flatmap f;
  f.add("del", {"b.no"});
  format_.expansions = 0;
  f.apply(arena_, n);
  EXPECT_EQ(format_.expansions, 1);
}

TEST_F(FlatmapTest, UntouchedPartsKeepTheirSourceText) {
  Node n = apply("(a=(x= 1),b=(y=1),c=(z=1))", {{"del", {"b.y.q", "c.no"}}});
  EXPECT_EQ(source(&arena_, n.members[0].value, "test"), "(x= 1)");
  n = apply("(a=(x=1),b=(y=1,z=2),c=(z=1))", {{"del", {"b.y"}}, {"move", {"c", "d"}}});
  ASSERT_EQ(n.count, 3u);
  uint32_t run = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &run), "a=(x=1)");
  EXPECT_EQ(run, 1u);
  EXPECT_EQ(source_run(&arena_, n, "test", 1, &run), "") << "changed inside";
  EXPECT_EQ(source_run(&arena_, n, "test", 2, &run), "") << "has another name";
  EXPECT_EQ(source(&arena_, n.members[2].value, "test"), "(z=1)") << "but its value is as it came";
}

TEST_F(FlatmapTest, WhatALaterMemberOfTheSameNameReplacedIsNotWrittenOut) {
  Node n = apply("(l=[(o=(x=secret),o=(y=2))])", {{"del", {"l.*.o.x"}}});
  EXPECT_EQ(source(&arena_, *find(arena_, n, "l"), "test"), "");
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "");
  EXPECT_EQ(to_json(arena_, n), R"({"l":[{"o":{"y":2}}]})");
}

TEST_F(FlatmapTest, ATreeOfTheConfigurationIsNotChanged) {
  Node original = node("(a=(x=1,y=2))");
  find_path(arena_, original, "a.x");
  Node copy = share(original);
  Flatmap f;
  f.add("del", {"a.x"});
  f.apply(arena_, copy);
  EXPECT_EQ(to_json(arena_, copy), R"({"a":{"y":2}})");
  EXPECT_EQ(to_json(arena_, original), R"({"a":{"x":1,"y":2}})");
}

TEST_F(FlatmapTest, InAShapeItTakesThePlaceOfAllowDenyAndMapping) {
  auto f = std::make_shared<Flatmap>();
  f->add("move", {"n", "name"});
  Shape shape{{.target = "u", .allow = {"id"}, .deny = {}, .mapping = {{"n", "i"}}, .group = "g", .flatmap = f}};
  EXPECT_FALSE(shape.empty());
  Node n = node("(u=(n=1,m=2),id=3)");
  shape.apply(arena_, n);
  EXPECT_EQ(to_json(arena_, n), R"({"g":{"name":1,"m":2}})");
  auto all = std::make_shared<Flatmap>();
  all->add("del", {"*"});
  Shape nothing{{.target = {}, .allow = {}, .deny = {}, .mapping = {}, .group = "g", .flatmap = all}};
  n = node("(a=1)");
  nothing.apply(arena_, n);
  EXPECT_EQ(to_json(arena_, n), R"({"g":null})");
}

}  // namespace
}  // namespace sluice::document

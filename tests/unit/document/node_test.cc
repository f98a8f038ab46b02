// Nodes, builder, source text, in-place changes and the core's own JSON.
#include "core/document/node.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <functional>
#include <limits>
#include <set>

#include "core/document/builder.h"
#include "core/document/write.h"
#include "test_format.h"

namespace sluice::document {
namespace {

using namespace std::string_literals;

class NodeTest : public ::testing::Test {
 protected:
  Node node(std::string text) { return format_.decode(arena_, texts_.emplace_back(std::move(text))); }
  std::string json(Node& n) { return to_json(arena_, n); }
  std::string built(Builder& b) {
    Node n;
    return b.finish(&n) ? json(n) : "refused";
  }
  std::deque<std::string> texts_;
  BlockPool pool_;
  Arena arena_{pool_};
  TestFormat format_;
};

TEST_F(NodeTest, ReadingExpandsOneLevelOnce) {
  Node n = node("(a=(b=1),c=[1,2])");
  EXPECT_EQ(format_.expansions, 0);
  EXPECT_EQ(count(arena_, *find(arena_, n, "c")), 2u);
  EXPECT_EQ(count(arena_, *find(arena_, n, "c")), 2u);
  EXPECT_EQ(format_.expansions, 1);
  EXPECT_TRUE(find(arena_, n, "a")->deferred);
}

TEST_F(NodeTest, ScalarsReadAsTheirKinds) {
  Node n = node("(s=word,i=42,t=+,f=-,z=~)");
  EXPECT_EQ(text(arena_, *find(arena_, n, "s")), "word");
  EXPECT_EQ(text(arena_, *find(arena_, n, "i")), "42");
  EXPECT_TRUE(boolean(&arena_, *find(arena_, n, "t")));
  EXPECT_FALSE(boolean(&arena_, *find(arena_, n, "f")));
  EXPECT_EQ(text(arena_, *find(arena_, n, "z")), "");
  EXPECT_EQ(text(arena_, *find(arena_, n, "t")), "");
  EXPECT_FALSE(boolean(&arena_, *find(arena_, n, "s")));
  EXPECT_EQ(find(arena_, *find(arena_, n, "s"), "x"), nullptr);
  EXPECT_EQ(find(arena_, n, "nobody"), nullptr);
}

TEST_F(NodeTest, MembersAndElementsByIndex) {
  Node n = node("(a=1,b=[x,y])");
  std::string_view key;
  Node* b = at(&arena_, n, 1, &key);
  ASSERT_TRUE(b);
  EXPECT_EQ(key, "b");
  Node* y = at(&arena_, *b, 1, &key);
  ASSERT_TRUE(y);
  EXPECT_EQ(key, "");
  EXPECT_EQ(text(arena_, *y), "y");
  EXPECT_EQ(at(&arena_, *b, 2, nullptr), nullptr);
  EXPECT_EQ(at(&arena_, n, 2, nullptr), nullptr);
  EXPECT_EQ(at(&arena_, *y, 0, nullptr), nullptr);
}

TEST_F(NodeTest, NumbersAreIntegersWhenTheyAreWhole) {
  struct Case {
    const char* text;
    std::optional<int64_t> integer;
  };
  for (const Case& c : {Case{"0", 0}, {"-7", -7}, {"9223372036854775807", INT64_MAX}, {"9223372036854775808", std::nullopt}, {"1.0", 1}, {"1e3", 1000},
                        {"1.5", std::nullopt}, {"1e300", std::nullopt}, {"-0.0", 0}}) {
    Node n = make_number(c.text);
    EXPECT_EQ(as_integer(&arena_, n), c.integer) << c.text;
  }
  Node n = make_number("2.5"), huge = make_number("1e999"), tiny = make_number("1e-999"), word = make_string("1");
  EXPECT_EQ(as_double(&arena_, n), 2.5);
  EXPECT_EQ(as_double(&arena_, huge), std::nullopt);
  EXPECT_EQ(as_double(&arena_, tiny), 0.0);
  auto number = [&](std::string text) { return make_number(texts_.emplace_back(std::move(text))); };
  Node long_huge = number("1" + std::string(400, '0')), long_tiny = number("0." + std::string(400, '0') + "1");
  EXPECT_EQ(as_double(&arena_, long_huge), std::nullopt);
  EXPECT_EQ(as_double(&arena_, long_tiny), 0.0);
  Node cancelled = number("0." + std::string(400, '0') + "1e99999999999999999999"), long_fine = number("1" + std::string(400, '0') + "e-400");
  EXPECT_EQ(as_double(&arena_, cancelled), std::nullopt);
  EXPECT_EQ(as_double(&arena_, long_fine), 1.0);
  EXPECT_EQ(as_double(&arena_, word), std::nullopt);
  EXPECT_EQ(as_integer(&arena_, word), std::nullopt);
}

TEST_F(NodeTest, EmptyObjectsAreKnown) {
  Node empty = make_object(), full = node("(a=())"), null = make_null(), list = node("[]");
  EXPECT_TRUE(is_empty_object(arena_, empty));
  EXPECT_FALSE(is_empty_object(arena_, full));
  EXPECT_TRUE(is_empty_object(arena_, *find(arena_, full, "a")));
  EXPECT_FALSE(is_empty_object(arena_, null));
  EXPECT_FALSE(is_empty_object(arena_, list));
}

TEST_F(NodeTest, TextThatCannotBeExpandedReadsAsNull) {
  Format broken;
  broken.name = "broken";
  broken.expand = [](const Format*, std::string_view, Builder& b) noexcept { return b.begin(Kind::object); };
  Builder b{arena_, &broken};
  b.deferred(Kind::object, "whatever");
  Node n;
  ASSERT_TRUE(b.finish(&n));
  EXPECT_EQ(find(arena_, n, "a"), nullptr);
  EXPECT_EQ(n.kind, Kind::null);
  // A format that answers with another kind than it promised is broken as well.
  broken.expand = [](const Format*, std::string_view, Builder& into) noexcept { return into.integer(1); };
  Builder c{arena_, &broken};
  c.deferred(Kind::array, "whatever");
  ASSERT_TRUE(c.finish(&n));
  EXPECT_EQ(count(arena_, n), 0u);
  EXPECT_EQ(n.kind, Kind::null);
}

TEST_F(NodeTest, ATreeWithoutArenaIsReadAndNotWritten) {
  Node n = node("(a=(b=1))");
  to_json(arena_, n);
  Node* a = find(nullptr, n, "a");
  ASSERT_TRUE(a);
  EXPECT_EQ(text(nullptr, *find(nullptr, *a, "b")), "1");
  Node deferred = *find(nullptr, n, "a");
  deferred.deferred = true;
  EXPECT_EQ(find(nullptr, deferred, "b"), nullptr);
  EXPECT_EQ(count(nullptr, deferred), 0u);
  EXPECT_TRUE(deferred.deferred);
}

TEST_F(NodeTest, KeysHashEquallyAndApart) {
  std::set<uint32_t> hashes;
  std::string s = "the quick brown fox jumps over the lazy dog";
  for (size_t n = 0; n <= s.size(); ++n) {
    hashes.insert(hash_key(s.substr(0, n)));
    EXPECT_EQ(hash_key(s.substr(0, n)), hash_key(std::string_view{s}.substr(0, n)));
  }
  for (size_t i = 0; i < s.size(); ++i) {
    std::string t = s;
    t[i] ^= 1;
    hashes.insert(hash_key(t));
  }
  EXPECT_GE(hashes.size(), 2 * s.size() - 1);  // every byte counts; one accidental collision would be bad luck enough
}

TEST_F(NodeTest, SourceIsWhatTheDecoderHandedOver) {
  Node n = node("(a=(b=1 , c=2),d=3)");
  Node* a = find(arena_, n, "a");
  EXPECT_EQ(source(&arena_, *a, "test"), "(b=1 , c=2)");
  EXPECT_EQ(source(&arena_, *a, "json"), "");
  to_json(arena_, n);
  EXPECT_EQ(source(&arena_, *a, "test"), "(b=1 , c=2)");  // looking is not changing
  EXPECT_EQ(source(&arena_, n, "test"), "");              // the root came in pieces
}

TEST_F(NodeTest, ARunEndsWhereTheTextIsNotOnePiece) {
  Node n = node("(a=1,b=2 ,  c=3)");
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "a=1,b=2 ,  c=3");
  EXPECT_EQ(members, 3u);
  EXPECT_EQ(source_run(&arena_, n, "test", 2, &members), "c=3");
  EXPECT_EQ(source_run(&arena_, n, "test", 3, &members), "");
  EXPECT_EQ(members, 0u);
  ASSERT_TRUE(erase(arena_, n, "b"));
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "a=1");
  EXPECT_EQ(members, 1u);
  Node scalar = make_string("x");
  EXPECT_EQ(source_run(&arena_, scalar, "test", 0, &members), "");
}

TEST_F(NodeTest, NeighboursOfDifferentTextsAreNoRun) {
  // Two texts that stand behind each other in memory: the bracket between them ends the run.
  texts_.push_back("(a=1)(b=2)");
  std::string_view both = texts_.back();
  Node x = format_.decode(arena_, both.substr(0, 5)), y = format_.decode(arena_, both.substr(5));
  ObjectWriter w{arena_};
  w.set(x.members[0]), w.set(y.members[0]);
  Node n = w.finish();
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "a=1");
  EXPECT_EQ(members, 1u);
  // And members in another order than the text's.
  Node z = node("(p=1,q=2)");
  ObjectWriter v{arena_};
  v.set(z.members[1]), v.set(z.members[0]);
  Node turned = v.finish();
  EXPECT_EQ(source_run(&arena_, turned, "test", 0, &members), "q=2");
}

TEST_F(NodeTest, RunsDoNotMixFormats) {
  TestFormat other{"other"};
  Node n = node("(a=1,b=2)");
  n.members[1].value.format = &other;
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "a=1");
  EXPECT_EQ(source_run(&arena_, n, "other", 1, &members), "b=2");
  EXPECT_EQ(source_run(&arena_, n, "test", 1, &members), "");
}

TEST_F(NodeTest, AChangeDeepInsideTakesTheSourceOfEverythingAround) {
  Node n = node("(a=(b=(c=1,d=2),e=(f=1)),g=[(h=1,i=2)],k=1)");
  to_json(arena_, n);
  Node* a = find(arena_, n, "a");
  ASSERT_TRUE(erase(arena_, *find(arena_, *a, "b"), "c"));
  ASSERT_TRUE(erase(arena_, *at(&arena_, *find(arena_, n, "g"), 0, nullptr), "i"));
  uint32_t members = 0;
  EXPECT_EQ(source_run(&arena_, n, "test", 0, &members), "");
  EXPECT_EQ(source_run(&arena_, n, "test", 1, &members), "");
  EXPECT_EQ(source_run(&arena_, n, "test", 2, &members), "k=1");
  EXPECT_EQ(source(&arena_, *a, "test"), "");
  EXPECT_EQ(source(&arena_, *find(arena_, *a, "b"), "test"), "");
  EXPECT_EQ(source(&arena_, *find(arena_, *a, "e"), "test"), "(f=1)");
  EXPECT_EQ(json(n), R"({"a":{"b":{"d":2},"e":{"f":1}},"g":[{"h":1}],"k":1})");
}

TEST_F(NodeTest, EraseTakesOneMemberOut) {
  Node n = node("(a=1,b=2,c=3)"), copy = n;
  EXPECT_FALSE(erase(arena_, n, "x"));
  EXPECT_TRUE(erase(arena_, n, "a"));
  EXPECT_TRUE(erase(arena_, n, "c"));
  EXPECT_FALSE(erase(arena_, n, "a"));
  EXPECT_EQ(json(n), R"({"b":2})");
  EXPECT_TRUE(erase(arena_, n, "b"));
  EXPECT_EQ(json(n), "{}");
  EXPECT_EQ(json(copy), R"({"a":1,"b":2,"c":3})");  // the copy shares the old array
  Node scalar = make_null();
  EXPECT_FALSE(erase(arena_, scalar, "a"));
}

TEST_F(NodeTest, ErasingManyMembersNeedsNoMemoryForEach) {
  std::string text = "(";
  for (int i = 0; i < 1000; ++i) text += "k" + std::to_string(i) + "=1,";
  text.back() = ')';
  Node n = node(text);
  erase(arena_, n, "k0");
  size_t before = arena_.allocated();
  for (int i = 1; i < 1000; ++i) ASSERT_TRUE(erase(arena_, n, "k" + std::to_string(i)));
  EXPECT_EQ(arena_.allocated(), before);
}

TEST_F(NodeTest, AMarkingEraseLeavesMarkedPlacesAndGivesTheSameTree) {
  Node n = node("(a=(x=(y=1)),b=2,c=3)"), shared = share(n);
  Node* x = find(arena_, *find(arena_, n, "a"), "x");
  Node *y = find(arena_, *x, "y"), *c = find(arena_, n, "c");
  EXPECT_FALSE(erase_marking(arena_, n, "none"));
  EXPECT_FALSE(c->flags & Node::kGone);
  EXPECT_TRUE(erase_marking(arena_, n, "a"));
  for (const Node* left : {x, y, c}) EXPECT_TRUE(left->flags & Node::kGone);
  EXPECT_EQ(json(n), R"({"b":2,"c":3})");
  for (uint32_t i = 0; i < n.count; ++i) EXPECT_FALSE(at(&arena_, n, i, nullptr)->flags & Node::kGone);
  Node* b = find(arena_, n, "b");
  EXPECT_TRUE(erase_marking(arena_, n, "c"));
  EXPECT_TRUE(b->flags & Node::kGone) << "the place that it had";
  EXPECT_EQ(json(n), R"({"b":2})");
  EXPECT_EQ(json(shared), R"({"a":{"x":{"y":1}},"b":2,"c":3})");
  EXPECT_FALSE(share(*c).flags & Node::kGone) << "a copy is in another tree";
}

TEST_F(NodeTest, MarkingErasesOfALargeObjectAreBounded) {
  std::string text = "(";
  for (int i = 0; i < 5000; ++i) text += "k" + std::to_string(i) + "=1,";
  text.back() = ')';
  Node n = node(text);
  erase_marking(arena_, n, "k0");
  const size_t before = arena_.allocated();
  for (int i = 1; n.count > kMostCopied; ++i) ASSERT_TRUE(erase_marking(arena_, n, "k" + std::to_string(i)));
  EXPECT_EQ(arena_.allocated(), before);
}

TEST_F(NodeTest, ObjectWriterOverwritesInPlace) {
  for (int size : {3, 16, 17, 200}) {
    ObjectWriter w{arena_};
    std::deque<std::string> names;
    for (int i = 0; i < size; ++i) w.set(names.emplace_back("k" + std::to_string(i)), make_number("1"));
    for (int i = 0; i < size; i += 2) w.set(names[static_cast<size_t>(i)], make_number("2"));
    EXPECT_EQ(w.size(), static_cast<uint32_t>(size));
    EXPECT_EQ(w.find("none", hash_key("none")), nullptr);
    ASSERT_TRUE(w.find("k2", hash_key("k2")));
    EXPECT_EQ(w.find("k2", hash_key("k2"))->text, "2");
    Node n = w.finish();
    ASSERT_EQ(n.count, static_cast<uint32_t>(size));
    for (uint32_t i = 0; i < n.count; ++i) {
      EXPECT_EQ(n.members[i].key, "k" + std::to_string(i));
      EXPECT_EQ(n.members[i].value.text, i % 2 ? "1" : "2");
    }
  }
}

TEST_F(NodeTest, FinishedObjectsGiveTheirSpareRoomBackButNoOnesElse) {
  ObjectWriter w{arena_};
  for (const char* k : {"a", "b", "c", "d", "e"}) w.set(k, make_null());
  Node n = w.finish();
  // What is allocated next follows at once, and later objects do not disturb it.
  auto* next = static_cast<char*>(arena_.alloc(16, 1));
  EXPECT_EQ(next, reinterpret_cast<char*>(n.members + 5));
  ObjectWriter x{arena_};
  x.set("a", make_null());
  auto* between = static_cast<char*>(arena_.alloc(16, 1));
  Node m = x.finish();  // not the last allocation: nothing to give back
  EXPECT_EQ(arena_.alloc(1, 1), between + 16);
  EXPECT_EQ(m.count, 1u);
}

class BuilderTest : public NodeTest {};

TEST_F(BuilderTest, BuildsEveryKind) {
  Builder b{arena_, nullptr};
  EXPECT_TRUE(b.begin(Kind::object));
  EXPECT_TRUE(b.key("a") && b.begin(Kind::array) && b.null() && b.boolean(true) && b.integer(INT64_MIN) && b.number(1.5) && b.end());
  EXPECT_TRUE(b.key("s") && b.string("x\"") && b.key("n") && b.number_text("-0.0e5"));
  EXPECT_TRUE(b.end());
  EXPECT_EQ(built(b), R"({"a":[null,true,-9223372036854775808,1.5],"s":"x\"","n":-0.0e5})");
}

TEST_F(BuilderTest, CopiesWhatIsNotStable) {
  Builder b{arena_, nullptr};
  std::string volatile_text = "key", value = "value", stable = "stable";
  b.begin(Kind::object), b.key(volatile_text), b.string(value), b.key("n"), b.number_text(std::string{"12"}), b.key("s"), b.string(stable, true), b.end();
  volatile_text = "xxx", value = "yyyyy";
  Node n;
  ASSERT_TRUE(b.finish(&n));
  EXPECT_EQ(json(n), R"({"key":"value","n":12,"s":"stable"})");
  EXPECT_EQ(find(arena_, n, "s")->text.data(), stable.data());
}

TEST_F(BuilderTest, RefusesTokensThatDoNotFit) {
  using Steps = std::vector<std::function<bool(Builder&)>>;
  auto object = [](Builder& b) { return b.begin(Kind::object); };
  auto array = [](Builder& b) { return b.begin(Kind::array); };
  auto end = [](Builder& b) { return b.end(); };
  auto key = [](Builder& b) { return b.key("k"); };
  auto one = [](Builder& b) { return b.integer(1); };
  for (const Steps& steps : {Steps{end}, {one, one}, {one, array}, {object, one}, {object, object}, {object, key, key}, {object, key, end}, {array, key}, {key},
                             {array, end, end}, {array, end, one}, {[](Builder& b) { return b.begin(Kind::string); }},
                             {[](Builder& b) { return b.deferred(Kind::object, "x"); }},  // without a format
                             {[](Builder& b) { return b.number(NAN); }}, {[](Builder& b) { return b.number(std::numeric_limits<double>::infinity()); }},
                             {[](Builder& b) { return b.number_text("01"); }}}) {
    Builder b{arena_, nullptr};
    for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i](b), i + 1 < steps.size());
    EXPECT_TRUE(b.failed());
    EXPECT_FALSE(b.string("spoilt"));
    EXPECT_EQ(built(b), "refused");
  }
}

TEST_F(BuilderTest, FinishesOnlyWholeDocuments) {
  Builder empty{arena_, nullptr}, open{arena_, nullptr};
  EXPECT_EQ(built(empty), "refused");
  open.begin(Kind::array);
  EXPECT_EQ(built(open), "refused");
}

TEST_F(BuilderTest, DuplicateKeysLeaveTheLastInTheFirstPlace) {
  Builder b{arena_, nullptr};
  b.begin(Kind::object), b.key("a"), b.integer(1), b.key("b"), b.integer(2), b.key("a"), b.integer(3), b.end();
  EXPECT_EQ(built(b), R"({"a":3,"b":2})");
}

TEST_F(BuilderTest, NestsTenThousandLevels) {
  Builder b{arena_, nullptr};
  for (uint32_t i = 0; i < Builder::kMaxDepth; ++i) ASSERT_TRUE(b.begin(Kind::array));
  EXPECT_FALSE(b.too_deep());
  Builder deeper = b;
  for (uint32_t i = 0; i < Builder::kMaxDepth; ++i) ASSERT_TRUE(b.end());
  EXPECT_EQ(built(b), std::string(10'000, '[') + std::string(10'000, ']'));
  EXPECT_FALSE(deeper.begin(Kind::object));
  EXPECT_TRUE(deeper.too_deep());
}

TEST_F(BuilderTest, ACopiedNodeIsIndependentOfTheOriginal) {
  Node original = node("(a=(x=1,y=2))");
  to_json(arena_, original);
  Builder b{arena_, nullptr};
  b.begin(Kind::object), b.key("copy"), b.copy(original), b.end();
  Node n;
  ASSERT_TRUE(b.finish(&n));
  ASSERT_TRUE(erase(arena_, *find(arena_, *find(arena_, n, "copy"), "a"), "x"));
  EXPECT_EQ(json(n), R"({"copy":{"a":{"y":2}}})");
  EXPECT_EQ(json(original), R"({"a":{"x":1,"y":2}})");
}

TEST_F(BuilderTest, NumberTextFollowsTheGrammar) {
  for (const char* good : {"0", "-0", "10", "-1.5", "0.0", "1e5", "1E+05", "1.5e-7", "123456789012345678901234567890"})
    EXPECT_TRUE(is_json_number(good)) << good;
  for (const char* bad : {"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e5", "0x1", "1 ", " 1", "1a", "NaN", "--1", "1.5.5"})
    EXPECT_FALSE(is_json_number(bad)) << bad;
}

TEST_F(BuilderTest, DoublesAreWrittenInTheReferencesForm) {
  struct Case {
    double value;
    const char* text;
  };
  for (const Case& c : {Case{0, "0"}, {-0.0, "-0"}, {1, "1"}, {-1.5, "-1.5"}, {100, "100"}, {1e20, "100000000000000000000"}, {1e21, "1e+21"},
                        {1.2345678901234567e20, "123456789012345670000"}, {1.5e300, "1.5e+300"}, {0.000001, "0.000001"}, {0.0000001, "1e-7"},
                        {1.25e-7, "1.25e-7"}, {0.1, "0.1"}, {123.456, "123.456"}, {5e-324, "5e-324"}, {1.7976931348623157e308, "1.7976931348623157e+308"},
                        {-2.2250738585072014e-308, "-2.2250738585072014e-308"}, {9007199254740993.0, "9007199254740992"}}) {
    char out[32];
    EXPECT_EQ(std::string(out, format_number(c.value, out)), c.text);
    double back = 1;
    std::from_chars(c.text, c.text + std::strlen(c.text), back);
    EXPECT_EQ(back, c.value) << c.text;
  }
}

TEST_F(NodeTest, JsonStringsEscapeOnlyWhatTheyMust) {
  auto quoted = [](std::string_view s) {
    std::string out;
    append_json_string(out, s);
    return out;
  };
  EXPECT_EQ(quoted("a\"\\/<>&\b\f\n\r\t\x01\x7f"), "\"a\\\"\\\\/<>&\\b\\f\\n\\r\\t\\u0001\x7f\"");
  EXPECT_EQ(quoted("\xc3\xa9\xff\xe2\x82"), "\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(quoted("\0"s), "\"\\u0000\"");
}

}  // namespace
}  // namespace sluice::document

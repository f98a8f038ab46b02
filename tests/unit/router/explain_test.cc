#include "core/router/explain.h"

#include <gtest/gtest.h>

#include "tests/unit/router/oracle.h"

namespace sluice::router {
namespace {

Verdict judge(std::string_view pattern, std::string_view path, const Condition& condition = {}, const oracle::Request& q = {},
              std::string_view method = "GET") {
  return judge(*parse_pattern(pattern), {"GET", "POST"}, condition, method, path, q);
}
std::string first(std::string_view a, std::string_view b, const Condition& x = {}, const Condition& y = {}) {
  return why_first(*parse_pattern(a), x, *parse_pattern(b), y);
}

TEST(JudgeTest, SaysAtWhichSegmentAPathEndsToFit) {
  EXPECT_EQ(judge("/a/b", "/a/c").why, "segment 2 is \"c\", not \"b\"");
  EXPECT_EQ(judge("/a/b", "/a/c").segments, 1u);
  EXPECT_EQ(judge("/a/b", "/a/B").why, "segment 2 is \"B\", not \"b\": upper and lower case differ");
  EXPECT_EQ(judge("/v{n}", "/w1").why, "segment 1 is \"w1\", which v{n} does not fit");
  EXPECT_EQ(judge("/{name}:rename", "/x:delete").why, "segment 1 is \"x:delete\", which {name}:rename does not fit");
  EXPECT_EQ(judge("/a/{x}", "/a/").why, "segment 2 is \"\", which {x} does not fit");
  EXPECT_EQ(judge("/a/{x}/c", "/a/b").why, "goes on with /c where the request's path ends");
  EXPECT_EQ(judge("/a", "/a/b/c").why, "ends where the request's path goes on with /b");
  EXPECT_EQ(judge("/a", "*").why, "the path does not begin with '/'");
}

TEST(JudgeTest, SaysWhatIsMissingBesidesThePath) {
  Condition c{"api.example.com", {{"x-version", "2"}}, false};
  oracle::Request q;
  EXPECT_EQ(judge("/a", "/a", c, q, "PUT").why, "takes GET, POST, not PUT");
  EXPECT_EQ(judge("/a", "/a", c, q).why, "wants the host api.example.com, found none");
  q.name = "www.example.com";
  EXPECT_EQ(judge("/a", "/a", c, q).why, "wants the host api.example.com, found \"www.example.com\"");
  c.host = ".other.com";
  EXPECT_EQ(judge("/a", "/a", c, q).why, "wants the host *.other.com, found \"www.example.com\"");
  c.host = ".example.com";
  EXPECT_EQ(judge("/a", "/a", c, q).why, "wants the header x-version: 2, found none");
  q.headers = {{"x-version", "1"}};
  EXPECT_EQ(judge("/a", "/a", c, q).why, "wants the header x-version: 2, found another value");
  q.headers = {{"x-version", "2"}};
  Verdict v = judge("/a", "/a", c, q);
  EXPECT_EQ(v.fate, Verdict::Fate::fits);
  EXPECT_EQ(v.why, "");
}

TEST(WhyFirstTest, NamesThePlaceWhereTwoRoutesPart) {
  EXPECT_EQ(first("/a/b", "/a/{x}"), "segment 2: literal text (b) goes before a parameter ({x})");
  EXPECT_EQ(first("/a/{n}:x", "/a/{y}"), "segment 2: text with parameters ({n}:x) goes before a parameter ({y})");
  EXPECT_EQ(first("/a/{x}/c", "/{rest...}"), "segment 1: literal text (a) goes before a wildcard ({rest...})");
  EXPECT_EQ(first("/{a}xy", "/{b}y"), "segment 1: more literal text ({a}xy) goes before less ({b}y)");
  EXPECT_EQ(first("/a", "/a", {"h", {}, false}), "a route for the host goes before one for any host");
  EXPECT_EQ(first("/a", "/a", {"h.x", {}, false}, {".x", {}, false}), "an exact host goes before *.x");
  EXPECT_EQ(first("/a", "/a", {".h.x", {}, false}, {".x", {}, false}), "the longer domain *.h.x goes before *.x");
  EXPECT_EQ(first("/a", "/a", {"", {{"x", "1"}}, false}), "asks for more headers (1 instead of 0)");
  EXPECT_EQ(first("/a", "/a", {"", {{"x", "1"}}, false}, {"", {{"x", "*"}}, false}), "its header values say more");
  EXPECT_EQ(first("/a", "/a"), "names the method, the other one takes any");
}

TEST(SegmentTextTest, IsWhatTheParserReads) {
  for (const char* pattern : {"/a/{x}/v{n}.{m}/{rest...}", "/{a}-{b}/{{}x/*", "/a/"}) {
    Pattern p = *parse_pattern(pattern);
    std::string out;
    for (size_t i = 0; i < p.segments.size(); ++i) out += "/" + segment_text(p, i);
    EXPECT_EQ(out, pattern);
  }
}

}  // namespace
}  // namespace sluice::router

#include "core/pipeline/url.h"

#include <gtest/gtest.h>

namespace sluice::pipeline {
namespace {

using config::UrlPart;

class UrlTest : public testing::Test {
 protected:
  std::string target(std::vector<UrlPart> parts, std::vector<router::Param> params = {}, std::string_view prefix = "") {
    ArenaVector<router::Param> list{arena_};
    for (const auto& p : params) list.push(p);
    last_ = build_target(arena_, prefix, parts, list, nullptr);
    return std::string{last_.text};
  }
  static UrlPart text(std::string t) { return {UrlPart::Kind::text, std::move(t), 0, false}; }
  static UrlPart query(std::string t) { return {UrlPart::Kind::text, std::move(t), 0, true}; }
  static UrlPart param(std::string t, bool in_query = false) { return {UrlPart::Kind::parameter, std::move(t), 0, in_query}; }
  std::string filtered(std::string_view raw, bool any, std::vector<std::string> allowed = {}) {
    return std::string{filter_query(arena_, raw, any, allowed, nullptr)};
  }

  BlockPool pool_;
  Arena arena_{pool_};
  Target last_;
};

TEST_F(UrlTest, PlainTextStaysAsWritten) { EXPECT_EQ(target({text("/a/b.c")}), "/a/b.c"); }

TEST_F(UrlTest, ParameterGoesIntoThePathWithOnlyTheNeededEscapes) {
  EXPECT_EQ(target({text("/a/"), param("id")}, {{"id", "x y"}}), "/a/x%20y");
  EXPECT_EQ(target({text("/a/"), param("id")}, {{"id", "a&b+c;d:e@f=g,h$"}}), "/a/a&b+c;d:e@f=g,h$");
  EXPECT_EQ(target({text("/a/"), param("id")}, {{"id", "\xc3\xa9"}}), "/a/%C3%A9");
}

TEST_F(UrlTest, EscapesOfThePatternAreKeptWhileTheRestIsValid) {
  EXPECT_EQ(target({text("/a%2Fb")}), "/a%2Fb");
  EXPECT_EQ(target({text("/a%2Fb "), text("c")}), "/a/b%20c");
}

TEST_F(UrlTest, InvalidEscapeIsAProblem) {
  target({text("/a%zz")});
  EXPECT_NE(last_.problem, nullptr);
}

TEST_F(UrlTest, ParameterInTheQueryIsEncodedCompletely) {
  EXPECT_EQ(target({text("/a"), query("?q="), param("id", true)}, {{"id", "a&b=c d/é"}}), "/a?q=a%26b%3Dc%20d%2F%C3%A9");
}

TEST_F(UrlTest, MissingParameterIsSentAsItsTemplate) { EXPECT_EQ(target({text("/"), param("id")}), "/%7B%7B.Id%7D%7D"); }

TEST_F(UrlTest, FirstLetterCaseDoesNotCountAndTheLastOneWins) {
  EXPECT_EQ(target({text("/"), param("Id")}, {{"id", "1"}, {"id", "2"}}), "/2");
}

TEST_F(UrlTest, DotSegmentsAreReported) {
  target({text("/a/"), param("id")}, {{"id", ".."}});
  EXPECT_TRUE(last_.traversal);
}

TEST_F(UrlTest, PrefixStandsInFront) { EXPECT_EQ(target({text("/echo")}, {}, "/base"), "/base/echo"); }

TEST_F(UrlTest, QuestionMarkInAValueStartsTheQueryAndHashCuts) {
  EXPECT_EQ(target({text("/"), param("id")}, {{"id", "a?b c#d"}}), "/a?b%20c");
}

TEST_F(UrlTest, QueryIsFilteredSortedAndEncodedAgain) {
  EXPECT_EQ(filtered("b=2&a=1&b=1&c", true), "a=1&b=2&b=1&c=");
  EXPECT_EQ(filtered("b=2&a=1", false, {"a"}), "a=1");
  EXPECT_EQ(filtered("a=x%20y+z&a[]=1", true), "a=x+y+z&a%5B%5D=1");
  EXPECT_EQ(filtered("a=1;b=2&c=%zz&d=1", true), "d=1");
  EXPECT_EQ(filtered("A=1", false, {"a"}), "");
}

TEST_F(UrlTest, ManyPairsKeepTheOrderOfEqualNames) {
  std::string raw, want;
  for (int i = 0; i < 100; ++i) raw += (i ? "&k=" : "k=") + std::to_string(i);
  EXPECT_EQ(filtered(raw, true), raw);
}

TEST_F(UrlTest, ATargetOfABackendIsEncodedForTheRequestLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"/a/b?c=d&e", "/a/b?c=d&e"}, {"/a b?c d", "/a%20b?c%20d"}, {"/a HTTP/1.1", "/a%20HTTP/1.1"}, {"/\xc3\xbc?\xc3\xbc", "/%C3%BC?%C3%BC"},
      {"/\"<>{}|\\^", "/%22%3C%3E%7B%7D%7C%5C%5E"}, {"/a%2fb", "/a%2fb"}, {"/?", "/?"}, {"/%zz", ""}, {"/a\tb", ""}, {"/a?b\tc", ""}, {"/a\x7f", ""}};
  for (const auto& [written, sent] : cases) EXPECT_EQ(escape_target(arena_, written), sent) << written;
}

TEST_F(UrlTest, AForwardedPrefixIsAPathOfThisHostWhateverWasSent) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""}, {"/", ""}, {"//", ""}, {"/api", "/api"}, {"api", "/api"}, {"/api/", "/api"}, {"/a//b///", "/a/b"}, {"//evil.example", "/evilexample"},
      {"https://evil.example/x", "/https/evilexample/x"}, {"/../x", "/x"}, {"/a b\xc3\xa9-1_2%2F", "/ab-122F"}, {"...", ""}};
  for (const auto& [sent, used] : cases) EXPECT_EQ(forwarded_prefix(arena_, sent), used) << sent;
}

TEST(ResolveLocationTest, FollowsRfc3986) {
  EXPECT_EQ(resolve_location("http://a/b/c?x", "http://z/y?q#f"), "http://z/y?q");
  EXPECT_EQ(resolve_location("http://a/b/c?x", "/n"), "http://a/n");
  EXPECT_EQ(resolve_location("http://a/b/c?x", "n?m"), "http://a/b/n?m");
  EXPECT_EQ(resolve_location("http://a/b/c?x", "../../n"), "http://a/n");
  EXPECT_EQ(resolve_location("http://a/b/c?x", "./"), "http://a/b/");
  EXPECT_EQ(resolve_location("http://a/b/c?x", "?y"), "http://a/b/c?y");
  EXPECT_EQ(resolve_location("https://a/b", "//z/p"), "https://z/p");
  EXPECT_EQ(resolve_location("http://a", "n"), "http://a/n");
}

TEST(NamedByConnectionTest, OnlyFieldsThatAreNamedBelongToTheConnection) {
  BlockPool pool;
  Arena arena{pool};
  http::Headers headers{arena};
  headers.add("Connection", "keep-alive");
  EXPECT_FALSE(NamedByConnection{headers}("X-Hop"));
  headers.add("connection", "close, X-Hop ,x-other");
  const NamedByConnection named{headers};
  EXPECT_TRUE(named("x-hop"));
  EXPECT_TRUE(named("X-Other"));
  EXPECT_FALSE(named("X-Ho"));
  EXPECT_FALSE(named("Content-Type"));
  EXPECT_FALSE(NamedByConnection{http::Headers{arena}}("X-Hop"));
}

}  // namespace
}  // namespace sluice::pipeline

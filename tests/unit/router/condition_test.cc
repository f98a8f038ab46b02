// Routes of one path that differ in host and headers.
#include "core/router/condition.h"

#include <gtest/gtest.h>

#include "core/router/router.h"
#include "tests/unit/router/oracle.h"

namespace sluice::router {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

Condition on(std::string host, Headers headers = {}) { return {std::move(host), std::move(headers), false}; }

struct ConditionTest : ::testing::Test {
  BlockPool pool;
  Arena arena{pool};
  Router router;
  uint32_t routes = 0;

  uint32_t add(std::string_view pattern, const Condition& condition, std::string_view method = "GET") {
    auto added = router.add(method, pattern, condition, routes, nullptr);
    EXPECT_TRUE(added) << added.error().message;
    return routes++;
  }
  // The number of the route; -1: 404, -405, -301.
  int get(std::string_view path, std::string host, Headers headers = {}, std::string_view method = "GET") {
    oracle::Request q;
    q.name = std::move(host);
    q.headers = std::move(headers);
    Match match;
    switch (router.find(method, path, {}, arena, &match, &location, &allow, &q)) {
      case Router::Found::yes: return static_cast<int>(match.route);
      case Router::Found::method_not_allowed: return -405;
      case Router::Found::redirect: return -301;
      case Router::Found::no: break;
    }
    return -1;
  }
  std::string_view location, allow;
};

TEST_F(ConditionTest, AnExactHostGoesBeforeADomainBeforeNone) {
  add("/a", {});
  add("/a", on(".example.com"));
  add("/a", on("api.example.com"));
  add("/a", on(".eu.example.com"));
  EXPECT_EQ(get("/a", "api.example.com"), 2);
  EXPECT_EQ(get("/a", "www.example.com"), 1);
  EXPECT_EQ(get("/a", "x.y.example.com"), 1) << "any number of labels";
  EXPECT_EQ(get("/a", "www.eu.example.com"), 3) << "the longer domain";
  EXPECT_EQ(get("/a", "example.com"), 0) << "a domain is below itself only";
  EXPECT_EQ(get("/a", "badexample.com"), 0);
  EXPECT_EQ(get("/a", ""), 0);
}

TEST_F(ConditionTest, MoreHeadersGoFirstThenTheMoreExactValues) {
  add("/a", {});
  add("/a", on("", {{"x", "*"}}));
  add("/a", on("", {{"x", "1*"}}));
  add("/a", on("", {{"x", "12"}}));
  add("/a", on("", {{"x", "*"}, {"y", "*"}}));
  EXPECT_EQ(get("/a", "h"), 0);
  EXPECT_EQ(get("/a", "h", {{"x", "2"}}), 1);
  EXPECT_EQ(get("/a", "h", {{"x", ""}}), 1);
  EXPECT_EQ(get("/a", "h", {{"x", "13"}}), 2);
  EXPECT_EQ(get("/a", "h", {{"x", "12"}}), 3);
  EXPECT_EQ(get("/a", "h", {{"x", "12"}, {"y", ""}}), 4);
  EXPECT_EQ(get("/a", "h", {{"x", "3"}, {"x", "12"}}), 3) << "each line of a header counts";
}

TEST_F(ConditionTest, TheHostGoesBeforeHeaders) {
  add("/a", on("", {{"x", "*"}, {"y", "*"}}));
  add("/a", on("h"));
  EXPECT_EQ(get("/a", "h", {{"x", ""}, {"y", ""}}), 1);
  EXPECT_EQ(get("/a", "i", {{"x", ""}, {"y", ""}}), 0);
}

TEST_F(ConditionTest, ThePathDecidesFirstAndWhereNoConditionIsMetTheSearchGoesOn) {
  add("/a/b", on("h"));
  add("/a/{x}", on("", {{"v", "2"}}));
  add("/{rest...}", {});
  EXPECT_EQ(get("/a/b", "h"), 0);
  EXPECT_EQ(get("/a/b", "i", {{"v", "2"}}), 1);
  EXPECT_EQ(get("/a/b", "i"), 2);
  EXPECT_EQ(get("/a/b", "h", {{"v", "2"}}), 0) << "a literal path without the header leads";
}

TEST_F(ConditionTest, AWildcardWithAnUnmetConditionTakesNothing) {
  add("/s/{rest...}", on("h"));
  add("/{x}/b", {});
  EXPECT_EQ(get("/s/b", "h"), 0);
  EXPECT_EQ(get("/s/b", "i"), 1);
  EXPECT_EQ(get("/s/c", "i"), -1);
}

TEST_F(ConditionTest, MethodsAndRedirectsOfOtherHostsDoNotExist) {
  add("/a", on("h"), "POST");
  add("/r/", on("h"));
  add("/Spelt", on("h"));
  EXPECT_EQ(get("/a", "h"), -405);
  EXPECT_EQ(allow, "POST");
  EXPECT_EQ(get("/a", "i"), -1);
  EXPECT_EQ(get("/r", "h"), -301);
  EXPECT_EQ(location, "/r/");
  EXPECT_EQ(get("/r", "i"), -1);
  EXPECT_EQ(get("/spelt", "h"), -301);
  EXPECT_EQ(get("/spelt", "i"), -1);
}

TEST_F(ConditionTest, AFallbackGivesWayWhicheverCameFirst) {
  Condition any;
  any.fallback = true;
  for (bool first : {true, false}) {
    Router r;
    if (first) {
      ASSERT_TRUE(r.add("GET", "/a/{any}", any, 0, nullptr));
    }
    ASSERT_TRUE(r.add("GET", "/a/{named}", 1, nullptr));
    if (!first) {
      ASSERT_TRUE(r.add("GET", "/a/{any}", any, 0, nullptr));
    }
    Match match;
    ASSERT_EQ(r.find("GET", "/a/x", {}, arena, &match, &location, &allow), Router::Found::yes);
    EXPECT_EQ(match.route, 1u);
    EXPECT_EQ(match.params[0].name, "named");
    EXPECT_FALSE(r.conditional());
    uint32_t clash = 9;
    EXPECT_FALSE(r.add("GET", "/a/{x}", 2, &clash));
    EXPECT_EQ(clash, 1u);
  }
  Router r;
  uint32_t clash = 9;
  ASSERT_TRUE(r.add("GET", "/a", any, 0, nullptr));
  EXPECT_FALSE(r.add("GET", "/a", any, 1, &clash)) << "two of them are a clash";
  EXPECT_EQ(clash, 0u);
}

TEST_F(ConditionTest, TheSameConditionsAreAClash) {
  add("/a/{x}", on("h", {{"v", "1"}}));
  uint32_t clash = 9;
  EXPECT_FALSE(router.add("GET", "/a/{y}", on("h", {{"v", "1"}}), 7, &clash));
  EXPECT_EQ(clash, 0u);
  EXPECT_TRUE(router.ambiguities().empty());
}

TEST_F(ConditionTest, WhatFitsTheSameRequestWithoutSayingMoreIsAmbiguous) {
  EXPECT_TRUE(ambiguous(on("", {{"x", "1"}}), on("", {{"y", "1"}})));
  EXPECT_TRUE(ambiguous(on("h", {{"x", "a*"}}), on("h", {{"x", "*a"}})));
  EXPECT_TRUE(ambiguous(on("", {{"x", "longer"}}), on("", {{"y", "1"}}))) << "length says nothing between different headers";
  EXPECT_FALSE(ambiguous(on("", {{"x", "1"}}), on("", {{"x", "2"}})));
  EXPECT_FALSE(ambiguous(on("", {{"x", "a*"}}), on("", {{"x", "b*"}})));
  EXPECT_FALSE(ambiguous(on("", {{"x", "*a"}}), on("", {{"x", "*b"}})));
  EXPECT_FALSE(ambiguous(on("", {{"x", "a*"}}), on("", {{"x", "ab"}}))) << "the exact one leads";
  EXPECT_FALSE(ambiguous(on("", {{"x", "a*"}}), on("", {{"x", "ab*"}}))) << "the longer one leads";
  EXPECT_FALSE(ambiguous(on("", {{"x", "1"}, {"y", "1"}}), on("", {{"x", "2"}, {"z", "1"}})));
  EXPECT_FALSE(ambiguous(on("h", {{"x", "1"}}), on("", {{"y", "1"}})));
  EXPECT_FALSE(ambiguous(on("", {{"x", "1"}}), on("", {{"y", "1"}, {"z", "1"}})));
}

TEST_F(ConditionTest, ARouteForBothSettlesIt) {
  uint32_t a = add("/a", on("h", {{"x", "1"}})), b = add("/a", on("h", {{"y", "1"}}));
  EXPECT_EQ(router.ambiguities(), (std::vector<std::pair<uint32_t, uint32_t>>{{a, b}}));
  uint32_t both = add("/a", on("h", {{"x", "1"}, {"y", "1"}}));
  EXPECT_TRUE(router.ambiguities().empty());
  EXPECT_EQ(get("/a", "h", {{"x", "1"}, {"y", "1"}}), static_cast<int>(both));
  EXPECT_EQ(get("/a", "h", {{"y", "1"}}), static_cast<int>(b));
}

TEST_F(ConditionTest, AThousandHostsOfOnePathAreAllFound) {
  for (int i = 0; i < 1000; ++i) add("/", on("h" + std::to_string(i) + ".example"));
  add("/", on(".example"));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(get("/", "h" + std::to_string(i) + ".example"), i);
  EXPECT_EQ(get("/", "h1000.example"), 1000);
  EXPECT_EQ(get("/", "h.other"), -1);
}

TEST_F(ConditionTest, WithoutFactsOnlyRoutesWithoutConditionAreFound) {
  add("/a", on("h"));
  add("/b", on("h"));
  uint32_t plain = add("/b", {});
  EXPECT_TRUE(router.conditional());
  Match match;
  EXPECT_EQ(router.find("GET", "/a", {}, arena, &match, &location, &allow), Router::Found::no);
  ASSERT_EQ(router.find("GET", "/b", {}, arena, &match, &location, &allow), Router::Found::yes);
  EXPECT_EQ(match.route, plain);
}

TEST(ValueFitsTest, StarsStandForAnyTextAlsoNone) {
  const std::pair<const char*, const char*> yes[] = {{"", ""},       {"a", "a"},    {"*", ""},       {"*", "abc"},   {"a*", "a"},
                                                     {"*c", "abc"},  {"a*c", "ac"}, {"a*c", "abcc"}, {"*b*", "abc"}, {"a*b*c", "axbxbc"},
                                                     {"*ab", "aab"}, {"**", "x"},   {"*a*a*", "aa"}};
  const std::pair<const char*, const char*> no[] = {{"", "a"},    {"a", ""},      {"a", "A"},       {"a*", "ba"},    {"*c", "ca"},
                                                    {"a*a", "a"}, {"*a*a*", "a"}, {"a*b*c", "acb"}, {"ab*ba", "aba"}};
  for (const auto& [pattern, value] : yes) {
    EXPECT_TRUE(value_fits(pattern, value)) << pattern << " " << value;
    EXPECT_TRUE(oracle::Request::fits_stars(pattern, value)) << pattern << " " << value;
  }
  for (const auto& [pattern, value] : no) {
    EXPECT_FALSE(value_fits(pattern, value)) << pattern << " " << value;
    EXPECT_FALSE(oracle::Request::fits_stars(pattern, value)) << pattern << " " << value;
  }
}

TEST(HostNameTest, IsInLowerCaseWithoutPortAndFinalDot) {
  const std::pair<const char*, const char*> cases[] = {{"a.example", "a.example"},
                                                       {"A.Example:8080", "a.example"},
                                                       {"a.example.", "a.example"},
                                                       {"a.example.:80", "a.example"},
                                                       {"[::1]:80", "[::1]"},
                                                       {"[FE80::1]", "[fe80::1]"},
                                                       {"", ""},
                                                       {":80", ""},
                                                       {".", ""},
                                                       {"[", "["}};
  for (const auto& [authority, name] : cases) EXPECT_EQ(host_name(authority), name) << authority;
}

TEST(ShapeTest, IsEqualForPatternsThatClash) {
  EXPECT_EQ(shape("/a/{x}/b"), shape("/a/{y}/b"));
  EXPECT_EQ(shape("/a/*"), shape("/a/{rest...}"));
  EXPECT_EQ(shape("/v{n}:x"), shape("/v{m}:x"));
  EXPECT_NE(shape("/a/{x}"), shape("/a/x"));
  EXPECT_NE(shape("/a/{x}"), shape("/a/" + literal("{}")));
  EXPECT_NE(shape("/a/"), shape("/a"));
}

}  // namespace
}  // namespace sluice::router

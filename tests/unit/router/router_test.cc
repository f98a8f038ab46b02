#include "core/router/router.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::router {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  void add(std::string_view pattern, std::string_view method = "GET") {
    uint32_t clash = 0;
    auto added = router_.add(method, pattern, static_cast<uint32_t>(patterns_.size()), &clash);
    ASSERT_TRUE(added) << added.error().message;
    patterns_.emplace_back(pattern);
  }
  // "pattern name=value …", "-> location", "405 allow" or "404".
  std::string get(std::string_view path, std::string_view method = "GET") {
    Match match;
    std::string_view location, allow;
    switch (router_.find(method, path, options_, arena_, &match, &location, &allow)) {
      case Router::Found::yes: {
        std::string out = patterns_.at(match.route);
        for (const Param& p : match.params) out += " " + std::string{p.name} + "=" + std::string{p.value};
        return out;
      }
      case Router::Found::redirect: return "-> " + std::string{location};
      case Router::Found::method_not_allowed: return "405 " + std::string{allow};
      case Router::Found::no: break;
    }
    return "404";
  }
  std::string problem(std::string_view pattern) {
    uint32_t clash = 0;
    auto added = router_.add("GET", pattern, 0, &clash);
    return added ? "" : added.error().message;
  }

  BlockPool pool_;
  Arena arena_{pool_};
  Router router_;
  Router::Options options_;
  std::vector<std::string> patterns_;
};

TEST_F(RouterTest, LiteralWinsOverParameterWithBackTracking) {
  for (auto p : {"/a/{x}", "/a/b", "/a/b/c", "/a/{x}/d"}) add(p);
  EXPECT_EQ(get("/a/b"), "/a/b");
  EXPECT_EQ(get("/a/b/c"), "/a/b/c");
  EXPECT_EQ(get("/a/b/d"), "/a/{x}/d x=b");
  EXPECT_EQ(get("/a/q"), "/a/{x} x=q");
}

TEST_F(RouterTest, ParameterMayBeEmptyInsideAPathOnly) {
  options_ = {false, false, true};
  add("/a/{x}/b");
  EXPECT_EQ(get("/a//b"), "/a/{x}/b x=");
  EXPECT_EQ(get("/a//"), "404");
}

TEST_F(RouterTest, ParameterIsNotEmptyAtTheEndAndEndsAtTheSlash) {
  options_ = {false, false, true};
  add("/p/{id}");
  EXPECT_EQ(get("/p/"), "404");
  EXPECT_EQ(get("/p"), "404");
  EXPECT_EQ(get("/p/a/b"), "404");
  EXPECT_EQ(get("/p/a"), "/p/{id} id=a");
}

TEST_F(RouterTest, DifferentNamesAtTheSamePlaceAreAllowed) {
  add("/a/{x}/b");
  add("/a/{y}/c");
  EXPECT_EQ(get("/a/1/b"), "/a/{x}/b x=1");
  EXPECT_EQ(get("/a/1/c"), "/a/{y}/c y=1");
}

TEST_F(RouterTest, TextAndParametersMixInOneSegment) {
  for (auto p : {"/v{n}", "/{name}:rename", "/{a}.{b}", "/f/{a}-{b}-{c}.json", "/f/{a}.json"}) add(p);
  EXPECT_EQ(get("/v12"), "/v{n} n=12");
  EXPECT_EQ(get("/x:rename"), "/{name}:rename name=x");
  EXPECT_EQ(get("/x.y.z"), "/{a}.{b} a=x b=y.z");
  EXPECT_EQ(get("/f/1-2-3-4.json"), "/f/{a}-{b}-{c}.json a=1 b=2 c=3-4");
  EXPECT_EQ(get("/f/x.json.json"), "/f/{a}.json a=x.json");
  EXPECT_EQ(get("/v"), "404");
  EXPECT_EQ(get("/:rename"), "404");
  EXPECT_EQ(get("/.x"), "404");
}

TEST_F(RouterTest, LongerLiteralTextOfMixedSegmentsLeads) {
  for (auto p : {"/{x}", "/a{x}", "/ab{x}", "/{x}yz", "/abc"}) add(p);
  EXPECT_EQ(get("/abc"), "/abc");
  EXPECT_EQ(get("/abd"), "/ab{x} x=d");
  EXPECT_EQ(get("/axx"), "/a{x} x=xx");
  EXPECT_EQ(get("/qyz"), "/{x}yz x=q");
  EXPECT_EQ(get("/ab"), "/a{x} x=b");
  EXPECT_EQ(get("/a"), "/{x} x=a");
}

TEST_F(RouterTest, RestTakesWhatIsLeftAndMayBeEmpty) {
  for (auto p : {"/s/{rest...}", "/s/a/b", "/t/*", "/s/{x}/y"}) add(p);
  EXPECT_EQ(get("/s/"), "/s/{rest...} rest=");
  EXPECT_EQ(get("/s/a"), "/s/{rest...} rest=a");
  EXPECT_EQ(get("/s/a/b"), "/s/a/b");
  EXPECT_EQ(get("/s/a/b/"), "/s/{rest...} rest=a/b/");
  EXPECT_EQ(get("/s/a/y"), "/s/{x}/y x=a");
  EXPECT_EQ(get("/s/a/z"), "/s/{rest...} rest=a/z");
  EXPECT_EQ(get("/t/q//r"), "/t/* *=q//r");
  EXPECT_EQ(get("/s"), "-> /s/");
}

TEST_F(RouterTest, RootIsARouteLikeAnyOther) {
  EXPECT_EQ(get("/"), "404");
  add("/");
  EXPECT_EQ(get("/"), "/");
  EXPECT_EQ(get(""), "404");
  EXPECT_EQ(get("*"), "404");
  EXPECT_EQ(get("a"), "404");
}

TEST_F(RouterTest, TrailingSlashIsSignificantAndRedirected) {
  add("/a");
  add("/b/");
  EXPECT_EQ(get("/a/"), "-> /a");
  EXPECT_EQ(get("/b"), "-> /b/");
  EXPECT_EQ(get("/a"), "/a");
  EXPECT_EQ(get("/b/"), "/b/");
  options_.redirect_trailing_slash = false;
  EXPECT_EQ(get("/a/"), "-> /a") << "the other rule still does it";
  options_.redirect_fixed_path = false;
  EXPECT_EQ(get("/a/"), "404");
}

TEST_F(RouterTest, FixedPathHasTheSpellingOfTheRouteAndOfTheParameters) {
  for (auto p : {"/r/{x}", "/Data/v{n}/End", "/ä/b", "/w/{a}.JSON/q/{rest...}"}) add(p);
  EXPECT_EQ(get("/R/Abc"), "-> /r/Abc");
  EXPECT_EQ(get("/R/Abc/"), "-> /r/Abc");
  EXPECT_EQ(get("//r//Abc"), "-> /r/Abc");
  EXPECT_EQ(get("/x/../r/./Abc"), "-> /r/Abc");
  EXPECT_EQ(get("/dATA/V12X/end"), "-> /Data/v12X/End");
  EXPECT_EQ(get("/\xc3\xa4/B"), "-> /\xc3\xa4/b");
  EXPECT_EQ(get("/W/X.json/Q/Keep/This"), "-> /w/X.JSON/q/Keep/This");
  options_.redirect_fixed_path = false;
  EXPECT_EQ(get("/R/Abc"), "404");
}

TEST_F(RouterTest, FixedPathTriesEverySpellingNextToAParameter) {
  for (auto p : {"/a/{x}", "/a/b/c", "/A/B/d"}) add(p);
  EXPECT_EQ(get("/a/z/c"), "404");
  EXPECT_EQ(get("/A/z"), "-> /a/z");
  EXPECT_EQ(get("/a/b/D"), "-> /A/B/d");
  EXPECT_EQ(get("/a/B/c"), "-> /a/b/c");
}

TEST_F(RouterTest, ConnectAndTheRootAreNotRedirected) {
  add("/a", "CONNECT");
  add("/", "CONNECT");
  EXPECT_EQ(get("/a/", "CONNECT"), "404");
  add("/x/{y}");
  EXPECT_EQ(get("/"), "405 CONNECT");
}

TEST_F(RouterTest, OtherMethodsAreTheAllowListInOrder) {
  add("/a", "PUT");
  add("/a", "DELETE");
  add("/{x}", "POST");
  add("/b", "GET");
  EXPECT_EQ(get("/a"), "405 DELETE, POST, PUT");
  EXPECT_EQ(get("/a", "PATCH"), "405 DELETE, POST, PUT");
  EXPECT_EQ(get("/b", "POST"), "/{x} x=b");
  EXPECT_EQ(router_.allowed("/a", arena_), "DELETE, POST, PUT");
  EXPECT_EQ(router_.allowed("/b", arena_), "GET, POST");
  EXPECT_EQ(router_.allowed("/a/b", arena_), "");
  EXPECT_EQ(router_.allowed("", arena_), "");
  options_.method_not_allowed = false;
  EXPECT_EQ(get("/a"), "404");
}

TEST_F(RouterTest, RedirectOfTheOwnMethodComesBefore405) {
  add("/a/", "GET");
  add("/a", "POST");
  EXPECT_EQ(get("/a"), "-> /a/");
}

TEST_F(RouterTest, SameShapeIsAClashThatNamesTheOther) {
  add("/a/{x}/v{n}");
  add("/b/{rest...}");
  uint32_t clash = 99;
  EXPECT_FALSE(router_.add("GET", "/a/{y}/v{m}", 7, &clash));
  EXPECT_EQ(clash, 0u);
  EXPECT_FALSE(router_.add("GET", "/b/*", 7, &clash));
  EXPECT_EQ(clash, 1u);
  EXPECT_TRUE(router_.add("POST", "/a/{y}/v{m}", 2, &clash));
  EXPECT_FALSE(router_.add("POST", "/a/{y}/v{m}", 3, nullptr));
}

TEST_F(RouterTest, MalformedPatternsAreRefused) {
  EXPECT_NE(problem("a").find("does not begin with '/'"), std::string::npos);
  EXPECT_NE(problem("").find("does not begin with '/'"), std::string::npos);
  EXPECT_NE(problem("/a//b").find("empty segment"), std::string::npos);
  EXPECT_NE(problem("/a/../b").find("'..'"), std::string::npos);
  EXPECT_NE(problem("/{a}{b}").find("without text between"), std::string::npos);
  EXPECT_NE(problem("/{a...}/b").find("whole last segment"), std::string::npos);
  EXPECT_NE(problem("/x{a...}").find("whole last segment"), std::string::npos);
  EXPECT_NE(problem("/" + std::string(9000, 'a')).find("longer than"), std::string::npos);
  std::string deep, wide = "/";
  for (int i = 0; i < 200; ++i) deep += "/a", wide += "{a}-";
  EXPECT_NE(problem(deep).find("segments"), std::string::npos);
  EXPECT_NE(problem(wide).find("parameters"), std::string::npos);
  EXPECT_EQ(get("/a"), "404") << "nothing of a refused pattern stays";
}

TEST_F(RouterTest, BracesThatAreNoParametersAreLiteralText) {
  for (auto p : {"/{a b}", "/{}", "/x{", "/}{y}", "/{{}z}"}) add(p);
  EXPECT_EQ(get("/{a b}"), "/{a b}");
  EXPECT_EQ(get("/{}"), "/{}");
  EXPECT_EQ(get("/x{"), "/x{");
  EXPECT_EQ(get("/}1"), "/}{y} y=1");
  EXPECT_EQ(get("/{z}"), "/{{}z}");
}

TEST_F(RouterTest, LiteralTextMatchesItselfOnly) {
  for (std::string_view text : {"/{a}", "/{a...}", "/a{b}c/{{}x", "/{{}}"}) {
    Router router;
    ASSERT_TRUE(router.add("GET", literal(text), 0, nullptr)) << text;
    Match match;
    std::string_view location, allow;
    EXPECT_EQ(router.find("GET", text, {}, arena_, &match, &location, &allow), Router::Found::yes) << text;
    EXPECT_TRUE(match.params.empty());
    EXPECT_EQ(router.find("GET", "/q", {}, arena_, &match, &location, &allow), Router::Found::no) << text;
  }
}

TEST_F(RouterTest, EqualNamesAreAllReportedInOrder) {
  add("/{b}/{b}");
  EXPECT_EQ(get("/1/2"), "/{b}/{b} b=1 b=2");
}

TEST_F(RouterTest, MethodsAreCaseSensitive) {
  add("/a", "GET");
  EXPECT_EQ(get("/a", "get"), "405 GET");
}

TEST_F(RouterTest, MovedRouterKeepsItsRoutes) {
  add("/a/{x}");
  Router other{std::move(router_)};
  router_ = std::move(other);
  EXPECT_EQ(get("/a/1"), "/a/{x} x=1");
}

// Every segment of the path fits the literal, the mixed and the parameter edge of every level, and nothing fits at the
// end.
TEST_F(RouterTest, BackTrackingIsBoundedByTheNumberOfNodes) {
  std::string literal_path, parameter_path, mixed_path;
  for (int i = 0; i < 40; ++i) {
    add(literal_path + "/aa" + parameter_path + "/end");
    add(literal_path + "/{p}" + parameter_path + "/end2");
    add(literal_path + "/a{p}" + mixed_path + "/end3");
    literal_path += "/aa";
    parameter_path += "/{p}";
    mixed_path += "/{p}a";
    if (literal_path.size() > 60) break;
  }
  std::string path;
  for (int i = 0; i < 60; ++i) path += "/aa";
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(get(path + "/none"), "404");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(get(std::string(8000, '/')), "404");
}

TEST_F(RouterTest, TenThousandRoutesAreAllFound) {
  for (int i = 0; i < 5000; ++i) {
    add("/api/v1/resource" + std::to_string(i));
    add("/api/v1/resource" + std::to_string(i) + "/{id}/part" + std::to_string(i % 7));
  }
  for (int i = 0; i < 5000; ++i) {
    std::string base = "/api/v1/resource" + std::to_string(i);
    ASSERT_EQ(get(base), base);
    ASSERT_EQ(get(base + "/x/part" + std::to_string(i % 7)), base + "/{id}/part" + std::to_string(i % 7) + " id=x");
    arena_.reset();
  }
  EXPECT_EQ(get("/api/v1/resource5000"), "404");
}

TEST(CleanPathTest, ResolvesSlashesAndDotsAndKeepsTheTrailingSlash) {
  EXPECT_EQ(clean_path(""), "/");
  EXPECT_EQ(clean_path("/"), "/");
  EXPECT_EQ(clean_path("//"), "/");
  EXPECT_EQ(clean_path("a"), "/a");
  EXPECT_EQ(clean_path("/a//b"), "/a/b");
  EXPECT_EQ(clean_path("//c"), "/c");
  EXPECT_EQ(clean_path("/d/../e"), "/e");
  EXPECT_EQ(clean_path("/a/./b/"), "/a/b/");
  EXPECT_EQ(clean_path("/../../x"), "/x");
  EXPECT_EQ(clean_path("/a/.."), "/");
  EXPECT_EQ(clean_path("/a/b/../"), "/a/");
  EXPECT_EQ(clean_path("/a/..."), "/a/...");
  EXPECT_EQ(clean_path("/.a/b."), "/.a/b.");
}

TEST(CleanPathTest, CleaningTwiceChangesNothing) {
  const char kAlphabet[] = {'/', '.', 'a'};
  for (int n = 0; n < 3 * 3 * 3 * 3 * 3 * 3 * 3; ++n) {
    std::string path;
    for (int i = 0, m = n; i < 7; ++i, m /= 3) path += kAlphabet[m % 3];
    std::string once = clean_path(path);
    EXPECT_EQ(clean_path(once), once) << path;
    EXPECT_EQ(once.find("//"), std::string::npos);
    EXPECT_EQ(once[0], '/');
  }
}

}  // namespace
}  // namespace sluice::router

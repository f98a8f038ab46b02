#include "plugin_under_test.h"

#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sdk_test;
using sluice::testing::Configured;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

struct Case {
  FakeHost host;
  bool ok = false;
  explicit Case(std::string_view json, std::string_view where = "/extra_config/x", std::string_view endpoint = R"({"endpoint": "/a/{b}", "method": "POST"})") {
    host.location = where;
    std::string error;
    host.surrounding[SLC_AT_ENDPOINT] = Json::parse(endpoint, error);
    ok = Configured{host, SLC_ENTRY_SYMBOL, "test/options", json}.ok();
  }
};

}  // namespace

TEST(SetupTest, AbsentOptionsHaveTheirDefaults) {
  Case c{"{}"};
  ASSERT_TRUE(c.ok) << c.host.problem_text();
  EXPECT_EQ(Options::last.text, "t");
  EXPECT_EQ(Options::last.integer, 1);
  EXPECT_EQ(Options::last.number, 0.5);
  EXPECT_TRUE(Options::last.boolean);
  EXPECT_EQ(Options::last.duration, 1500ms);
  EXPECT_TRUE(Options::last.texts.empty());
  EXPECT_EQ(Options::last.place, "[TEST]");
  EXPECT_EQ(Options::last.scope, unsigned{SLC_AT_ENDPOINT});
}

TEST(SetupTest, OptionsAreRead) {
  Case c{R"({"text": "x", "integer": 7, "number": 2, "boolean": false, "duration": "1m0.5s", "texts": ["a", "b"],
             "members": {"k": {"v": "1"}, "l": {}}})"};
  ASSERT_TRUE(c.ok) << c.host.problem_text();
  EXPECT_EQ(Options::last.text, "x");
  EXPECT_EQ(Options::last.integer, 7);
  EXPECT_EQ(Options::last.number, 2);
  EXPECT_FALSE(Options::last.boolean);
  EXPECT_EQ(Options::last.duration, 60500ms);
  EXPECT_EQ(Options::last.texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Options::last.members, "k=1;l=?;");
}

TEST(SetupTest, NullIsAbsent) {
  Case c{R"({"text": null, "integer": null, "duration": null, "texts": null, "members": null})"};
  EXPECT_TRUE(c.ok) << c.host.problem_text();
}

TEST(SetupTest, AllProblemsAreReportedAtTheirPointers) {
  Case c{R"({"text": 1, "integer": 11, "number": "2", "boolean": 0, "duration": "5 apples", "texts": ["a", 2],
             "members": {"k/~": {"v": []}}, "list": [{"n": 1}, {"n": 1.5}, {}], "header": "a b", "required": {}})"};
  EXPECT_FALSE(c.ok);
  const std::pair<const char*, const char*> expected[] = {
      {"/text", "expected a string, found a number"},
      {"/integer", "must be from 0 to 10"},
      {"/number", "expected a number, found a string"},
      {"/boolean", "expected true or false, found a number"},
      {"/duration", "\"5 apples\" is not a duration such as \"300ms\" or \"1h30m\""},
      {"/texts/1", "expected a string, found a number"},
      {"/required/a", "a string is required"},
      {"/required/b", "an integer is required"},
      {"/required/c", "a number is required"},
      {"/required/d", "a duration such as \"300ms\" or \"1h30m\" is required"},
      {"/members/k~1~0/v", "expected a string, found a list"},
      {"/list/1/n", "expected an integer, found a number"},
      {"/list/2/n", "an integer is required"},
      {"/header", "is not a header name"}};
  ASSERT_EQ(c.host.problems().size(), std::size(expected)) << c.host.problem_text();
  for (size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(c.host.problems()[i].pointer, expected[i].first);
    EXPECT_EQ(c.host.problems()[i].message, expected[i].second);
  }
}

TEST(SetupTest, AContainerOfTheWrongKindIsAProblem) {
  Case c{R"({"texts": "a", "members": [1], "required": 5})"};
  EXPECT_TRUE(c.host.has_problem("/texts"));
  EXPECT_TRUE(c.host.has_problem("/members"));
  EXPECT_TRUE(c.host.has_problem("/required"));
}

TEST(SetupTest, AWarningDoesNotRefuse) {
  Case c{R"({"warn": true})"};
  EXPECT_TRUE(c.ok);
  ASSERT_EQ(c.host.warnings().size(), 1u);
  EXPECT_EQ(c.host.warnings()[0].pointer, "/warn");
}

TEST(SetupTest, ABlockThatAsksForNothingMakesNoObject) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "test/middle", R"({"nothing": true})"};
  EXPECT_TRUE(c.asks_for_nothing());
}

TEST(SetupTest, UniqueKeyFollowsTheEndpointAndNotItsPosition) {
  Case a{"{}", "/endpoints/12/backend/1/extra_config/x"};
  EXPECT_EQ(Options::last.key, "POST /a/{b}/backend/1/extra_config/x");
  Case b{"{}", "/extra_config/x"};
  EXPECT_EQ(Options::last.key, "/extra_config/x");
}

TEST(SetupTest, UniqueKeyTellsMethodsAndConditionsApart) {
  const auto key = [](std::string_view endpoint) {
    Case c{"{}", "/endpoints/3/extra_config/x", endpoint};
    return Options::last.key;
  };
  EXPECT_EQ(key(R"({"endpoint": "/x"})"), "GET /x/extra_config/x");
  EXPECT_EQ(key(R"({"endpoint": "/x", "method": []})"), "GET /x/extra_config/x");
  EXPECT_EQ(key(R"({"endpoint": "/x", "method": ["POST", "PUT"]})"), "POST,PUT /x/extra_config/x");
  EXPECT_EQ(key(R"({"endpoint": "/x", "match": {"host": "a"}})"), R"(GET /x {"host":"a"}/extra_config/x)");
  EXPECT_EQ(key(R"({"endpoint": "/x", "match": {"host": ["a", "b"], "headers": {"v": "1\"2"}}})"),
            R"(GET /x {"host":["a","b"],"headers":{"v":"1\"2"}}/extra_config/x)");
}

TEST(DurationTest, ReadsTheReferencesGrammar) {
  const auto parse = [](std::string_view s) {
    std::chrono::nanoseconds out{-1};
    return sluice::detail::parse_duration(s, out) ? std::to_string(out.count()) : std::string{"no"};
  };
  EXPECT_EQ(parse("0"), "0");
  EXPECT_EQ(parse("300ms"), "300000000");
  EXPECT_EQ(parse("1h30m"), "5400000000000");
  EXPECT_EQ(parse("-1.5s"), "-1500000000");
  EXPECT_EQ(parse("+.5s"), "500000000");
  EXPECT_EQ(parse("1.s"), "1000000000");
  EXPECT_EQ(parse("2us3ns"), "2003");
  EXPECT_EQ(parse("1\xC2\xB5s"), "1000");
  for (const char* bad : {"", "5", "-", "s", ".s", "1x", "1m2", "1 s", "99999999h", "--1s", "1e3s"}) EXPECT_EQ(parse(bad), "no") << bad;
}

TEST(DurationTest, EveryPrefixOfADurationIsADurationOrIsRefused) {
  const std::string all = "12h34m56.789s";
  size_t good = 0;
  for (size_t n = 0; n <= all.size(); ++n) {
    std::chrono::nanoseconds out{};
    good += sluice::detail::parse_duration(std::string_view{all}.substr(0, n), out);
  }
  EXPECT_EQ(good, 3u);  // "12h", "12h34m" and the whole
}

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sluice/testing.hpp>

#include "../verdicts.h"

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

constexpr auto kName = "security/bot-detector";
constexpr auto kTypical = R"({"allow": ["MyCrawler", "Good scan/2.0"], "deny": ["Evil", "a", "MyCrawler"], "patterns": ["(?i)scan", "^curl/[0-9]+"]})";

struct Case {
  FakeHost host;
  Configured bots;
  explicit Case(std::string_view json, int32_t scope = SLC_AT_ENDPOINT) : bots{host, SLC_ENTRY_SYMBOL, kName, json, scope} {}

  bool refuses(std::string_view agent) {
    FakeExchange x{host};
    if (agent.data()) x.add_header(SLC_REQUEST, "User-Agent", agent);
    const slc_action a = bots.on_request(x);
    if (a == SLC_NEXT) return false;
    EXPECT_EQ(a, SLC_FAIL);
    EXPECT_EQ(x.failure->http_status, 403);
    EXPECT_EQ(x.failure->body, "");
    EXPECT_TRUE(x.lines(SLC_RESPONSE).empty());
    return true;
  }
};

}  // namespace

TEST(BotDetectorTest, DenyIsExactPatternsAreFoundAnywhere) {
  Case c{kTypical};
  ASSERT_TRUE(c.bots.ok()) << c.host.problem_text();
  for (const char* bot : {"Evil", "a", "xx SCANner", "curl/7", "scan"}) EXPECT_TRUE(c.refuses(bot)) << bot;
  for (const char* other : {"evil", "Evil/1.0", "Mozilla/5.0", "libcurl/7", "aa"}) EXPECT_FALSE(c.refuses(other)) << other;
  EXPECT_EQ(c.host.metric("bot_detector_rejected_total"), 5);
  EXPECT_TRUE(c.host.logged("[Botdetector] bot rejected", SLC_ERROR));
}

TEST(BotDetectorTest, AllowWinsOverDenyAndPatterns) {
  Case c{kTypical};
  EXPECT_FALSE(c.refuses("MyCrawler"));
  EXPECT_FALSE(c.refuses("Good scan/2.0"));
  EXPECT_TRUE(c.refuses("MyCrawler scan"));
}

TEST(BotDetectorTest, AnEmptyUserAgentIsAQuestionOfItsOwnOption) {
  Case off{R"({"deny": ["x"], "patterns": [".*"]})"};
  EXPECT_FALSE(off.refuses(""));
  EXPECT_FALSE(off.refuses({}));
  Case on{R"({"empty_user_agent_is_bot": true, "allow": [""]})"};
  EXPECT_TRUE(on.refuses(""));
  EXPECT_TRUE(on.refuses({}));
  EXPECT_FALSE(on.refuses("x"));
}

TEST(BotDetectorTest, BytesThatAreNotUtf8DoNotHideABot) {
  Case c{R"({"patterns": ["(?i)crawl"]})"};
  EXPECT_TRUE(c.refuses("\xff\xfe crawler"));
}

TEST(BotDetectorTest, TheCacheChangesNoVerdict) {
  Case c{R"({"deny": ["Evil"], "patterns": ["scan"], "cache_size": 2})"};
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(c.refuses("Evil"));
    EXPECT_FALSE(c.refuses("one"));
    EXPECT_FALSE(c.refuses("two"));
    EXPECT_TRUE(c.refuses("scan"));
    EXPECT_TRUE(c.refuses("scan"));
  }
}

TEST(VerdictsTest, TheLeastRecentlyUsedGoesFirst) {
  bots::Verdicts v{2};
  v.keep("a", true);
  v.keep("b", false);
  EXPECT_EQ(v.find("a"), true);
  v.keep("c", true);
  EXPECT_EQ(v.find("b"), std::nullopt);
  EXPECT_EQ(v.find("a"), true);
  EXPECT_EQ(v.find("c"), true);
  EXPECT_EQ(v.size(), 2u);
}

TEST(VerdictsTest, LongTextsAreNotKept) {
  bots::Verdicts v{2};
  v.keep(std::string(bots::Verdicts::kLongest + 1, 'x'), true);
  EXPECT_EQ(v.size(), 0u);
}

TEST(BotDetectorTest, ABlockThatRefusesNobodyMakesNoStage) {
  EXPECT_TRUE(Case{"{}"}.bots.asks_for_nothing());
  EXPECT_TRUE(Case{R"({"allow": ["x"], "deny": []})"}.bots.asks_for_nothing());
}

TEST(BotDetectorTest, EachLevelHasItsOwnStage) {
  ASSERT_EQ(SLC_ENTRY_SYMBOL.binding_count, 2u);
  const slc_binding* b = SLC_ENTRY_SYMBOL.bindings;
  EXPECT_EQ(b[0].scopes, static_cast<uint32_t>(SLC_AT_SERVICE));
  EXPECT_EQ(b[0].stage, 500);
  EXPECT_EQ(b[1].scopes, static_cast<uint32_t>(SLC_AT_ENDPOINT));
  EXPECT_EQ(b[1].stage, 100);
  Case service{kTypical, SLC_AT_SERVICE};
  EXPECT_TRUE(service.refuses("Evil"));
}

TEST(BotDetectorTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"deny": "Evil"})", "/deny"},          {R"({"allow": [1]})", "/allow/0"},      {R"({"patterns": ["ok", "(?P<"]})", "/patterns/1"},
      {R"({"patterns": [null]})", "/patterns/0"}, {R"({"cache_size": -1})", "/cache_size"}, {R"({"empty_user_agent_is_bot": 1})", "/empty_user_agent_is_bot"},
  };
  for (const auto& [json, pointer] : cases) {
    Case c{json};
    EXPECT_FALSE(c.bots.ok()) << json;
    EXPECT_TRUE(c.host.has_problem(pointer)) << json << '\n' << c.host.problem_text();
  }
}

TEST(BotDetectorTest, TheOldNameIsAnAlias) {
  FakeHost host;
  Configured bots{host, SLC_ENTRY_SYMBOL, "github_com/devopsfaith/krakend-botdetector", kTypical};
  EXPECT_TRUE(bots.ok());
}

TEST(BotDetectorTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, kName, "{}"};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

constexpr auto kName = "qos/ratelimit/proxy";

bool passes(Configured& limit, FakeHost& host) {
  FakeExchange x{host, SLC_AT_BACKEND};
  if (limit.on_request(x) == SLC_NEXT) return true;
  EXPECT_EQ(x.failure->why, "rate limit exceded");
  EXPECT_EQ(x.failure->http_status, 0);
  return false;
}

}  // namespace

TEST(ProxyLimitTest, RefusesCallsBeyondTheCapacityUntilTheBucketRefills) {
  FakeHost host;
  Configured limit{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 30, "every": "1m", "capacity": 3})", SLC_AT_BACKEND};
  ASSERT_TRUE(limit.ok()) << host.problem_text();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(passes(limit, host));
  EXPECT_FALSE(passes(limit, host));
  host.advance(2000);
  EXPECT_TRUE(passes(limit, host));
  EXPECT_FALSE(passes(limit, host));
  EXPECT_EQ(host.metric("ratelimit_proxy_rejected_total"), 2);
}

TEST(ProxyLimitTest, AWindowBelowOneSecondMultipliesTheRate) {
  FakeHost host;
  Configured limit{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1, "every": "100ms"})", SLC_AT_BACKEND};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(passes(limit, host)) << i;  // capacity: ten per second
  EXPECT_FALSE(passes(limit, host));
  host.advance(100);
  EXPECT_TRUE(passes(limit, host));
}

TEST(ProxyLimitTest, AnEmptyOrNegativeWindowCountsAsOneSecond) {
  for (const char* every : {"0s", "-5s", "0"}) {
    FakeHost host;
    Configured limit{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 2, "every": ")" + std::string{every} + "\"}", SLC_AT_BACKEND};
    ASSERT_TRUE(limit.ok()) << host.problem_text();
    EXPECT_TRUE(passes(limit, host));
    EXPECT_TRUE(passes(limit, host));
    EXPECT_FALSE(passes(limit, host)) << every;
  }
}

TEST(ProxyLimitTest, WithoutARateNoStageIsMade) {
  FakeHost host;
  Configured limit{host, SLC_ENTRY_SYMBOL, kName, R"({"capacity": 5})", SLC_AT_BACKEND};
  EXPECT_TRUE(limit.asks_for_nothing());
}

TEST(ProxyLimitTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"max_rate": true})", "/max_rate"}, {R"({"max_rate": 1, "every": 5})", "/every"}, {R"({"max_rate": 1, "capacity": -3})", "/capacity"}};
  for (const auto& [json, pointer] : cases) {
    FakeHost host;
    Configured limit{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_BACKEND};
    EXPECT_FALSE(limit.ok());
    EXPECT_TRUE(host.has_problem(pointer)) << host.problem_text();
  }
}

TEST(ProxyLimitTest, TwoBackendsOfOneEndpointHaveTheirOwnBuckets) {
  FakeHost host;
  std::string error;
  host.surrounding[SLC_AT_ENDPOINT] = Json::parse(R"({"endpoint": "/x"})", error);
  host.location = "/endpoints/0/backend/0/extra_config/x";
  Configured a{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1})", SLC_AT_BACKEND};
  host.location = "/endpoints/0/backend/1/extra_config/x";
  Configured b{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1})", SLC_AT_BACKEND};
  EXPECT_TRUE(passes(a, host));
  EXPECT_TRUE(passes(b, host));
  EXPECT_FALSE(passes(a, host));
}

TEST(ProxyLimitTest, ThreadsTogetherGetExactlyTheCapacity) {
  FakeHost host{4};
  Configured limit{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1, "capacity": 50})", SLC_AT_BACKEND};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (uint32_t w = 0; w < 4; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; i < 100; ++i) {
        FakeExchange x{host, SLC_AT_BACKEND, w};
        if (limit.on_request(x) == SLC_NEXT) ++passed;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(passed, 50);
}

TEST(ProxyLimitTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "qos/ratelimit/proxy", "{}"};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

constexpr auto kName = "qos/ratelimit/router";

struct Case {
  FakeHost host;
  Configured limit;
  explicit Case(std::string_view json, std::string_view where = "/endpoints/0/extra_config/qos~1ratelimit~1router")
      : limit{(host.location = where, host), SLC_ENTRY_SYMBOL, kName, json} {}

  // The status of the refusal, 200 when the request passes.
  int request(const std::function<void(FakeExchange&)>& prepare = {}) {
    FakeExchange x{host};
    if (prepare) prepare(x);
    const slc_action a = limit.on_request(x);
    if (a == SLC_NEXT) return 200;
    EXPECT_EQ(a, SLC_FAIL);
    EXPECT_EQ(x.failure->why, "rate limit exceded");
    EXPECT_EQ(x.failure->body, "");
    EXPECT_TRUE(x.lines(SLC_RESPONSE).empty());
    return x.failure->http_status;
  }
  int from(std::string ip) {
    return request([&](FakeExchange& x) { x.client_ip = ip; });
  }
  int with_header(std::string_view name, std::string_view value) {
    return request([&](FakeExchange& x) { x.add_header(SLC_REQUEST, name, value); });
  }
};

}  // namespace

TEST(RouterLimitTest, EndpointLimitAnswers503BeyondItsCapacity) {
  Case c{R"({"max_rate": 2, "capacity": 3})"};
  ASSERT_TRUE(c.limit.ok()) << c.host.problem_text();
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 503);
  EXPECT_EQ(c.host.metric("ratelimit_router_rejected_total"), 1);
  c.host.advance(500);
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 503);
}

TEST(RouterLimitTest, IdleTimeNeverGivesMoreThanTheCapacity) {
  Case c{R"({"max_rate": 100, "capacity": 2})"};
  c.host.advance(60000);
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 503);
}

TEST(RouterLimitTest, CapacityDerivesFromTheRatePerSecond) {
  Case c{R"({"max_rate": 120, "every": "1m"})"};  // two per second
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 200);
  EXPECT_EQ(c.request(), 503);
}

TEST(RouterLimitTest, AClientLimitAloneHasRoomForOneRequest) {
  Case c{R"({"client_max_rate": 5, "strategy": "ip"})"};
  EXPECT_EQ(c.from("192.0.2.1"), 200);
  EXPECT_EQ(c.from("192.0.2.1"), 429);
  EXPECT_EQ(c.from("192.0.2.2"), 200);
  c.host.advance(200);
  EXPECT_EQ(c.from("192.0.2.1"), 200);
}

TEST(RouterLimitTest, ClientCapacityDerivesFromTheClientRateBesideAnEndpointRate) {
  Case c{R"({"max_rate": 100, "client_max_rate": 5, "strategy": "ip"})"};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(c.from("192.0.2.1"), 200);
  EXPECT_EQ(c.from("192.0.2.1"), 429);
}

TEST(RouterLimitTest, ARefusedClientTakesNoTokenOfTheEndpoint) {
  Case c{R"({"max_rate": 1, "capacity": 2, "client_max_rate": 1, "client_capacity": 1, "strategy": "ip"})"};
  EXPECT_EQ(c.from("192.0.2.1"), 200);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(c.from("192.0.2.1"), 429);
  EXPECT_EQ(c.from("192.0.2.2"), 200);  // the endpoint's second token is still there
  EXPECT_EQ(c.from("192.0.2.3"), 503);
}

TEST(RouterLimitTest, HeaderStrategyCountsByValueAndRefusesRequestsWithoutIt) {
  Case c{R"({"client_max_rate": 1, "strategy": "HEADER", "key": "X-Api-Key"})"};
  ASSERT_TRUE(c.limit.ok()) << c.host.problem_text();
  EXPECT_EQ(c.with_header("x-api-key", "a"), 200);
  EXPECT_EQ(c.with_header("x-api-key", "a"), 429);
  EXPECT_EQ(c.with_header("x-api-key", "b"), 200);
  EXPECT_EQ(c.request(), 429);
  EXPECT_EQ(c.with_header("x-api-key", ""), 429);
  EXPECT_EQ(c.host.metric("ratelimit_router_client_rejected_total"), 3);
}

TEST(RouterLimitTest, ParamStrategyCountsByRouteParameter) {
  Case c{R"({"client_max_rate": 1, "strategy": "param", "key": "id"})"};
  const auto id = [](std::string v) { return [v](FakeExchange& x) { x.params["id"] = v; }; };
  EXPECT_EQ(c.request(id("7")), 200);
  EXPECT_EQ(c.request(id("7")), 429);
  EXPECT_EQ(c.request(id("8")), 200);
  EXPECT_EQ(c.request(), 429);
}

TEST(RouterLimitTest, AddressMayComeFromAHeader) {
  Case c{R"({"client_max_rate": 1, "strategy": "ip", "key": "X-Real"})"};
  EXPECT_EQ(c.with_header("X-Real", "198.51.100.1, 10.0.0.1"), 200);
  EXPECT_EQ(c.with_header("X-Real", " 198.51.100.1:4711"), 429);  // the same client
  // No address in it: the connection's client counts, here 192.0.2.1. That includes IPv6, cut at its first colon.
  EXPECT_EQ(c.with_header("X-Real", "2001:db8::1"), 200);
  EXPECT_EQ(c.with_header("X-Real", "unknown"), 429);
  EXPECT_EQ(c.request(), 429);
}

TEST(RouterLimitTest, AWindowBelowOneSecondCountsAsOneSecond) {
  Case c{R"({"max_rate": 1, "every": "10ms"})"};
  EXPECT_EQ(c.request(), 200);
  c.host.advance(100);
  EXPECT_EQ(c.request(), 503);
  c.host.advance(900);
  EXPECT_EQ(c.request(), 200);
}

TEST(RouterLimitTest, AForgottenClientStartsWithAFullBucket) {
  Case c{R"({"client_max_rate": 1, "client_capacity": 1, "every": "1h", "strategy": "ip"})"};
  EXPECT_EQ(c.from("192.0.2.1"), 200);
  c.host.advance(30 * 60 * 1000);
  EXPECT_EQ(c.from("192.0.2.1"), 429);  // half a token, and within 1.25 hours not forgotten
}

TEST(RouterLimitTest, WithoutARateNoStageIsMade) {
  EXPECT_TRUE(Case{R"({})"}.limit.asks_for_nothing());
  EXPECT_TRUE(Case{R"({"max_rate": 0, "client_max_rate": -1, "strategy": "nonsense"})"}.limit.asks_for_nothing());
}

TEST(RouterLimitTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"max_rate": "2"})", "/max_rate"},
      {R"({"max_rate": 2, "capacity": -1})", "/capacity"},
      {R"({"max_rate": 2, "every": "1 minute"})", "/every"},
      {R"({"client_max_rate": 2})", "/strategy"},
      {R"({"client_max_rate": 2, "strategy": "cookie"})", "/strategy"},
      {R"({"client_max_rate": 2, "strategy": "header"})", "/key"},
      {R"({"client_max_rate": 2, "strategy": "header", "key": "a b"})", "/key"},
  };
  for (const auto& [json, pointer] : cases) {
    Case c{json};
    EXPECT_FALSE(c.limit.ok()) << json;
    EXPECT_TRUE(c.host.has_problem(pointer)) << json << '\n' << c.host.problem_text();
  }
}

TEST(RouterLimitTest, TwoEndpointsDoNotShareTheirBuckets) {
  FakeHost host;
  host.location = "/endpoints/0/extra_config/x";
  Configured a{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1})"};
  host.location = "/endpoints/1/extra_config/x";
  Configured b{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1})"};
  FakeExchange x{host}, y{host}, z{host};
  EXPECT_EQ(a.on_request(x), SLC_NEXT);
  EXPECT_EQ(b.on_request(y), SLC_NEXT);
  EXPECT_EQ(a.on_request(z), SLC_FAIL);
}

TEST(RouterLimitTest, ALimitSurvivesAReloadThatMovesItsEndpoint) {
  FakeHost host;
  std::string error;
  host.surrounding[SLC_AT_ENDPOINT] = Json::parse(R"({"endpoint": "/x", "method": "GET"})", error);
  host.location = "/endpoints/0/extra_config/x";
  Configured before{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1})"};
  host.location = "/endpoints/7/extra_config/x";
  Configured after{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1})"};
  FakeExchange x{host}, y{host};
  EXPECT_EQ(before.on_request(x), SLC_NEXT);
  EXPECT_EQ(after.on_request(y), SLC_FAIL);
}

TEST(RouterLimitTest, ThreadsTogetherGetExactlyTheCapacity) {
  FakeHost host{4};
  Configured limit{host, SLC_ENTRY_SYMBOL, kName, R"({"max_rate": 1, "capacity": 100})"};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (uint32_t w = 0; w < 4; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; i < 100; ++i) {
        FakeExchange x{host, SLC_AT_ENDPOINT, w};
        if (limit.on_request(x) == SLC_NEXT) ++passed;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(passed, 100);
}

TEST(RouterLimitTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "qos/ratelimit/router", "{}"};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}

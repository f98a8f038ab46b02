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

constexpr auto kName = "qos/circuit-breaker";

struct Case {
  FakeHost host;
  Configured breaker;
  explicit Case(std::string_view json) : breaker{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_BACKEND} {}

  // One call; answers the refusal's text, or "" when the call was let through.
  std::string call(slc_status outcome, bool response_side = true) {
    FakeExchange x{host, SLC_AT_BACKEND};
    if (breaker.on_request(x) != SLC_NEXT) return x.failure->why;
    x.outcome = outcome;
    if (response_side) breaker.on_response(x);
    return "";
  }
  std::string fail() { return call(SLC_EBACKEND); }
  std::string succeed() { return call(SLC_OK); }
};

constexpr auto kOpen = "circuit breaker is open";

}  // namespace

TEST(CircuitBreakerTest, OpensWhenMoreThanMaxErrorsFailInARow) {
  Case c{R"({"max_errors": 1, "timeout": 5})"};
  ASSERT_TRUE(c.breaker.ok()) << c.host.problem_text();
  EXPECT_EQ(c.fail(), "");
  EXPECT_EQ(c.fail(), "");
  EXPECT_EQ(c.fail(), kOpen);
  EXPECT_EQ(c.host.metric("circuit_breaker_opened_total"), 1);
  EXPECT_EQ(c.host.metric("circuit_breaker_rejected_total"), 1);
}

TEST(CircuitBreakerTest, ASuccessForgetsTheFailuresBefore) {
  Case c{R"({"max_errors": 1, "timeout": 5})"};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(c.fail(), "");
    EXPECT_EQ(c.succeed(), "");
  }
  EXPECT_EQ(c.succeed(), "");
}

TEST(CircuitBreakerTest, WithMaxErrorsZeroTheFirstFailureOpensIt) {
  Case c{R"({"max_errors": 0, "timeout": 5})"};
  EXPECT_EQ(c.fail(), "");
  EXPECT_EQ(c.succeed(), kOpen);
}

TEST(CircuitBreakerTest, OneProbeDecidesAfterTheTimeout) {
  Case c{R"({"max_errors": 0, "timeout": 5})"};
  c.fail();
  c.host.advance(5001);
  FakeExchange probe{c.host, SLC_AT_BACKEND};
  EXPECT_EQ(c.breaker.on_request(probe), SLC_NEXT);
  EXPECT_EQ(c.succeed(), "too many requests");  // exactly one at a time
  probe.outcome = SLC_OK;
  c.breaker.on_response(probe);
  EXPECT_EQ(c.succeed(), "");
}

TEST(CircuitBreakerTest, AFailingProbeOpensItForAnotherTimeout) {
  Case c{R"({"max_errors": 3, "timeout": 5})"};
  for (int i = 0; i < 4; ++i) c.fail();
  c.host.advance(5001);
  EXPECT_EQ(c.fail(), "");
  EXPECT_EQ(c.succeed(), kOpen);
  c.host.advance(4000);
  EXPECT_EQ(c.succeed(), kOpen);
  c.host.advance(1002);
  EXPECT_EQ(c.succeed(), "");
  EXPECT_EQ(c.succeed(), "");
}

TEST(CircuitBreakerTest, WithoutATimeoutItStaysOpenForSixtySeconds) {
  Case c{R"({"max_errors": 0, "name": "x"})"};
  c.fail();
  c.host.advance(59000);
  EXPECT_EQ(c.succeed(), kOpen);
  c.host.advance(1001);
  EXPECT_EQ(c.succeed(), "");
}

TEST(CircuitBreakerTest, TheIntervalClearsTheFailuresWhileClosed) {
  Case c{R"({"max_errors": 1, "timeout": 5, "interval": 10})"};
  EXPECT_EQ(c.fail(), "");
  c.host.advance(10001);
  EXPECT_EQ(c.fail(), "");  // the first one of a new period
  EXPECT_EQ(c.fail(), "");
  EXPECT_EQ(c.fail(), kOpen);
}

TEST(CircuitBreakerTest, AnAnswerFromBeforeTheChangeDoesNotCount) {
  Case c{R"({"max_errors": 0, "timeout": 5})"};
  FakeExchange slow{c.host, SLC_AT_BACKEND};
  ASSERT_EQ(c.breaker.on_request(slow), SLC_NEXT);
  c.fail();  // opens
  c.host.advance(5001);
  FakeExchange probe{c.host, SLC_AT_BACKEND};
  ASSERT_EQ(c.breaker.on_request(probe), SLC_NEXT);
  slow.outcome = SLC_OK;
  c.breaker.on_response(slow);  // would close the half-open breaker
  EXPECT_EQ(c.succeed(), "too many requests");
}

TEST(CircuitBreakerTest, TimeoutsAndCancelledCallsAreFailures) {
  for (const slc_status outcome : {SLC_ETIMEOUT, SLC_ECANCELED}) {
    Case c{R"({"max_errors": 0, "timeout": 5})"};
    EXPECT_EQ(c.call(outcome, false), "");  // on_done only
    EXPECT_EQ(c.succeed(), kOpen);
  }
}

TEST(CircuitBreakerTest, AnOutcomeIsCountedOnce) {
  Case c{R"({"max_errors": 1, "timeout": 5})"};
  EXPECT_EQ(c.fail(), "");  // on_response and on_done both see the failure
  EXPECT_EQ(c.fail(), "");
  EXPECT_EQ(c.fail(), kOpen);
}

TEST(CircuitBreakerTest, ARefusedCallChangesNothing) {
  Case c{R"({"max_errors": 0, "timeout": 5})"};
  c.fail();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(c.fail(), kOpen);
  c.host.advance(5001);
  EXPECT_EQ(c.succeed(), "");
}

TEST(CircuitBreakerTest, LogsEachChangeOfStateWhenAskedTo) {
  Case c{R"({"max_errors": 0, "timeout": 5, "name": "pricing", "log_status_change": true})"};
  c.fail();
  EXPECT_TRUE(c.host.logged("[CB] Circuit breaker named 'pricing' went from 'closed' to 'open'", SLC_WARNING));
  EXPECT_FALSE(c.host.logged("'half-open'"));
  c.host.advance(5001);
  EXPECT_FALSE(c.host.logged("'half-open'"));  // only a call moves it
  c.succeed();
  EXPECT_TRUE(c.host.logged("went from 'open' to 'half-open'", SLC_WARNING));
  EXPECT_TRUE(c.host.logged("went from 'half-open' to 'closed'", SLC_WARNING));
}

TEST(CircuitBreakerTest, SaysNothingWhenNotAskedTo) {
  Case c{R"({"max_errors": 0, "timeout": 5, "name": "pricing"})"};
  c.fail();
  EXPECT_FALSE(c.host.logged("went from"));
}

TEST(CircuitBreakerTest, ABlockOfZeroesIsNoBreaker) {
  for (const char* json : {"{}", R"({"max_errors": 0})", R"({"interval": 0, "timeout": 0.9, "name": "", "log_status_change": false})"}) {
    EXPECT_TRUE(Case{json}.breaker.asks_for_nothing()) << json;
  }
}

TEST(CircuitBreakerTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {{R"({"max_errors": "1"})", "/max_errors"},
                                                       {R"({"max_errors": -1})", "/max_errors"},
                                                       {R"({"timeout": "5s"})", "/timeout"},
                                                       {R"({"interval": 1e300})", "/interval"},
                                                       {R"({"log_status_change": "yes"})", "/log_status_change"}};
  for (const auto& [json, pointer] : cases) {
    Case c{json};
    EXPECT_FALSE(c.breaker.ok()) << json;
    EXPECT_TRUE(c.host.has_problem(pointer)) << c.host.problem_text();
  }
}

TEST(CircuitBreakerTest, AnswersToItsOldName) {
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "github.com/devopsfaith/krakend-circuitbreaker/gobreaker", R"({"timeout": 1})", SLC_AT_BACKEND};
  EXPECT_TRUE(b.ok());
  EXPECT_STREQ(b.binding().name, kName);
}

TEST(CircuitBreakerTest, AnOpenBreakerStaysOpenThroughAReload) {
  FakeHost host;
  Configured before{host, SLC_ENTRY_SYMBOL, kName, R"({"max_errors": 0, "timeout": 5})", SLC_AT_BACKEND};
  {
    FakeExchange x{host, SLC_AT_BACKEND};
    ASSERT_EQ(before.on_request(x), SLC_NEXT);
    x.outcome = SLC_EIO;
    before.on_response(x);
  }
  Configured after{host, SLC_ENTRY_SYMBOL, kName, R"({"max_errors": 0, "timeout": 9})", SLC_AT_BACKEND};
  FakeExchange y{host, SLC_AT_BACKEND};
  EXPECT_EQ(after.on_request(y), SLC_FAIL);
}

TEST(CircuitBreakerTest, OnlyOneOfManyThreadsIsTheProbe) {
  FakeHost host{4};
  Configured breaker{host, SLC_ENTRY_SYMBOL, kName, R"({"max_errors": 0, "timeout": 5})", SLC_AT_BACKEND};
  {
    FakeExchange x{host, SLC_AT_BACKEND};
    ASSERT_EQ(breaker.on_request(x), SLC_NEXT);
    x.outcome = SLC_EIO;
  }
  host.advance(5001);
  std::atomic<int> probes{0}, refused{0};
  std::atomic<bool> go{false}, finish{false};
  std::vector<std::thread> threads;
  for (uint32_t w = 0; w < 4; ++w) {
    threads.emplace_back([&, w] {
      while (!go) std::this_thread::yield();
      FakeExchange x{host, SLC_AT_BACKEND, w};
      if (breaker.on_request(x) == SLC_NEXT) ++probes;
      else ++refused;
      while (!finish) std::this_thread::yield();  // the probe's outcome comes after all have asked
    });
  }
  go = true;
  while (probes + refused < 4) std::this_thread::yield();
  EXPECT_EQ(probes, 1);
  EXPECT_EQ(refused, 3);
  finish = true;
  for (auto& t : threads) t.join();
}

TEST(CircuitBreakerTest, CountsOfManyThreadsAreNotLost) {
  FakeHost host{4};
  Configured breaker{host, SLC_ENTRY_SYMBOL, kName, R"({"max_errors": 399, "timeout": 5})", SLC_AT_BACKEND};
  std::vector<std::thread> threads;
  for (uint32_t w = 0; w < 4; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; i < 100; ++i) {
        FakeExchange x{host, SLC_AT_BACKEND, w};
        if (breaker.on_request(x) != SLC_NEXT) continue;
        x.outcome = SLC_EIO;
        breaker.on_response(x);
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(host.metric("circuit_breaker_opened_total"), 1);  // the 400th failure opened it
}

TEST(CircuitBreakerTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "qos/circuit-breaker", "{}"};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}

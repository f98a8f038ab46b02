#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

constexpr auto kName = "example/hedging";
constexpr auto kBlock = R"({"after": "50ms", "max_per_second": 2})";

class HedgingTest : public ::testing::Test {
 protected:
  void finish(size_t attempt, int status) {
    host_.finish_attempt(attempt, [&](FakeExchange& a) {
      a.status = status;
      a.outcome = status == 200 ? SLC_OK : SLC_EBACKEND;
      a.response_body = "answer " + std::to_string(attempt);
    });
  }
  FakeHost host_;
  Configured hedging_{host_, SLC_ENTRY_SYMBOL, kName, kBlock, SLC_AT_BACKEND};
};

TEST_F(HedgingTest, AQuickAnswerIsTheOnlyAttempt) {
  ASSERT_TRUE(hedging_.ok()) << host_.problem_text();
  FakeExchange x{host_, SLC_AT_BACKEND};
  EXPECT_EQ(hedging_.on_call(x), SLC_PENDING);
  host_.advance(49);
  finish(0, 200);
  EXPECT_EQ(x.resumed, SLC_REPLY);
  host_.advance(100);
  EXPECT_EQ(host_.attempts().size(), 1u) << "the timer comes too late and does nothing";
  EXPECT_EQ(host_.metric("hedging_second_attempts_total"), 0);
}

TEST_F(HedgingTest, TheFirstAnswerWins) {
  for (const size_t winner : {size_t{0}, size_t{1}}) {
    FakeExchange x{host_, SLC_AT_BACKEND};
    hedging_.on_call(x);
    host_.advance(50);
    ASSERT_EQ(host_.attempts().size(), 2u);
    finish(winner, 200);
    EXPECT_EQ(x.resumed, SLC_REPLY);
    EXPECT_EQ(x.response_body, "answer " + std::to_string(winner));
  }
  EXPECT_EQ(host_.metric("hedging_second_attempts_total"), 2);
  EXPECT_EQ(host_.metric("hedging_second_attempts_won_total"), 1);
}

TEST_F(HedgingTest, AFailureWaitsForTheOtherAttempt) {
  FakeExchange x{host_, SLC_AT_BACKEND};
  hedging_.on_call(x);
  host_.advance(50);
  finish(0, 500);
  EXPECT_FALSE(x.resumed);
  finish(1, 200);
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.outcome, SLC_OK);
}

TEST_F(HedgingTest, TheLastFailureIsTheAnswerWhenBothFail) {
  FakeExchange x{host_, SLC_AT_BACKEND};
  hedging_.on_call(x);
  host_.advance(50);
  finish(1, 503);
  finish(0, 500);
  EXPECT_TRUE(x.resumed);
  EXPECT_EQ(x.outcome, SLC_EBACKEND);
  EXPECT_EQ(x.response_body, "answer 0");
}

TEST_F(HedgingTest, SecondAttemptsHaveABudget) {
  std::vector<std::unique_ptr<FakeExchange>> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(std::make_unique<FakeExchange>(host_, SLC_AT_BACKEND));
    hedging_.on_call(*all.back());
  }
  host_.advance(50);
  EXPECT_EQ(host_.attempts().size(), 7u) << "five, and two more";
}

TEST_F(HedgingTest, IsRefusedWhereAskingTwiceIsNotTheSameAsAskingOnce) {
  std::string error;
  host_.surrounding[SLC_AT_BACKEND] = Json::parse(R"({"url_pattern": "/"})", error);
  host_.surrounding[SLC_AT_ENDPOINT] = Json::parse(R"({"method": "POST"})", error);
  Configured post{host_, SLC_ENTRY_SYMBOL, kName, kBlock, SLC_AT_BACKEND};
  EXPECT_FALSE(post.ok());
  EXPECT_TRUE(host_.has_problem("")) << host_.problem_text();
  host_.surrounding[SLC_AT_BACKEND] = Json::parse(R"({"url_pattern": "/", "method": "GET"})", error);
  Configured get{host_, SLC_ENTRY_SYMBOL, kName, kBlock, SLC_AT_BACKEND};
  EXPECT_TRUE(get.ok()) << host_.problem_text();
}

TEST(HedgingConfigurationTest, NumbersThatMakeNoSenseAreRefused) {
  FakeHost host;
  Configured hedging{host, SLC_ENTRY_SYMBOL, kName, R"({"after": "0s", "max_per_second": -1})", SLC_AT_BACKEND};
  EXPECT_FALSE(hedging.ok());
  EXPECT_TRUE(host.has_problem("/after")) << host.problem_text();
  EXPECT_TRUE(host.has_problem("/max_per_second")) << host.problem_text();
}

}  // namespace

// The authorization server is the test, and time moves when the test says so.
#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

constexpr auto kBlock = R"({"url": "http://auth/introspect", "authorization": "Basic Z3c6c2VjcmV0", "cache": "10s"})";

class TokenIntrospectionTest : public ::testing::Test {
 protected:
  slc_action ask(FakeExchange& x, std::string_view header) {
    x.add_header(SLC_REQUEST, "authorization", header);
    return plugin_.on_request(x);
  }
  // Asks for a token and answers the question that follows.
  void learn(const std::string& token, bool active) {
    FakeExchange x{host_};
    ASSERT_EQ(ask(x, "Bearer " + token), SLC_PENDING);
    host_.answer(0, 200, active ? R"({"active":true})" : R"({"active":false})");
    EXPECT_EQ(x.resumed, active ? SLC_NEXT : SLC_REPLY);
  }
  FakeHost host_;
  Configured plugin_{host_, SLC_ENTRY_SYMBOL, "example/token-introspection", kBlock};
};

TEST_F(TokenIntrospectionTest, AsksTheServerAndLetsActiveTokensPass) {
  ASSERT_TRUE(plugin_.ok()) << host_.problem_text();
  FakeExchange x{host_};
  EXPECT_EQ(ask(x, "bearer a+b/c="), SLC_PENDING);
  ASSERT_EQ(host_.callouts().size(), 1u);
  const auto& question = host_.callouts()[0];
  EXPECT_EQ(question.method, "POST");
  EXPECT_EQ(question.url, "http://auth/introspect");
  EXPECT_EQ(question.body, "token=a%2Bb%2Fc%3D");
  EXPECT_EQ(question.timeout_ms, 500u);
  ASSERT_EQ(question.headers.size(), 3u);
  EXPECT_EQ(question.headers[2].second, "Basic Z3c6c2VjcmV0");
  host_.answer(0, 200, R"({"active":true,"scope":"read"})");
  EXPECT_EQ(x.resumed, SLC_NEXT);
}

TEST_F(TokenIntrospectionTest, WaitsNoLongerThanTheRequestHasTime) {
  const auto asked_for = [&](uint32_t remaining) {
    FakeExchange x{host_};
    x.remaining_ms = remaining;
    EXPECT_EQ(ask(x, "Bearer t"), SLC_PENDING);
    const uint32_t timeout = host_.callouts().at(0).timeout_ms;
    x.finish();
    return timeout;
  };
  EXPECT_EQ(asked_for(20'000), 500u) << "the configured limit";
  EXPECT_EQ(asked_for(200), 190u) << "a little less than is left";
  EXPECT_EQ(asked_for(0), 1u) << "0 would be the gateway's own limit";
}

TEST_F(TokenIntrospectionTest, RefusesWhatIsNotActive) {
  FakeExchange x{host_};
  ask(x, "Bearer t");
  host_.answer(0, 200, R"({"active":false})");
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.status, 401);
  EXPECT_EQ(x.header(SLC_RESPONSE, "WWW-Authenticate"), R"(Bearer error="invalid_token")");
}

TEST_F(TokenIntrospectionTest, AsksNobodyAboutRequestsWithoutAToken) {
  for (const std::string& header :
       {std::string{}, std::string{"Basic abc"}, std::string{"Bearer"}, std::string{"Bearer  "}, "Bearer " + std::string(5000, 'x')}) {
    FakeExchange x{host_};
    EXPECT_EQ(ask(x, header), SLC_REPLY) << header;
    EXPECT_EQ(x.status, 401);
  }
  EXPECT_TRUE(host_.callouts().empty());
}

TEST_F(TokenIntrospectionTest, NobodyPassesBecauseTheServerIsIll) {
  for (int i = 0; i < 3; ++i) {
    FakeExchange x{host_};
    ask(x, "Bearer t");
    if (i == 0) host_.answer_error(0, SLC_ETIMEOUT, "timed out after 500ms");
    if (i == 1) host_.answer(0, 500, R"({"active":true})");
    if (i == 2) host_.answer(0, 200, "<html>");
    EXPECT_EQ(x.resumed, SLC_FAIL);
    ASSERT_TRUE(x.failure);
    EXPECT_EQ(x.failure->http_status, 503);
    EXPECT_EQ(x.failure->why.find("token introspection"), 0u) << x.failure->why;
  }
  EXPECT_EQ(host_.metric("token_introspection_failures_total"), 3);
}

TEST_F(TokenIntrospectionTest, RemembersBothVerdictsForAsLongAsItMay) {
  learn("good", true);
  learn("bad", false);
  host_.advance(9'999);
  FakeExchange good{host_}, bad{host_};
  EXPECT_EQ(ask(good, "Bearer good"), SLC_NEXT);
  EXPECT_EQ(ask(bad, "Bearer bad"), SLC_REPLY);
  host_.advance(1);
  FakeExchange again{host_};
  EXPECT_EQ(ask(again, "Bearer good"), SLC_PENDING) << "the time is over";
  EXPECT_EQ(host_.metric("token_introspection_calls_total"), 3);
}

TEST_F(TokenIntrospectionTest, WhatItRemembersIsBoundedAndBelongsToOneServer) {
  learn("t", true);
  EXPECT_EQ(host_.store_limit, uint64_t{16} << 20);
  EXPECT_EQ(host_.stored().count("http://auth/introspect t"), 1u);
  Configured other{host_, SLC_ENTRY_SYMBOL, "example/token-introspection", R"({"url": "http://other/introspect"})"};
  FakeExchange x{host_};
  x.add_header(SLC_REQUEST, "authorization", "Bearer t");
  EXPECT_EQ(other.on_request(x), SLC_PENDING);
}

TEST_F(TokenIntrospectionTest, NothingIsLeftWhenTheClientLeaves) {
  {
    FakeExchange x{host_};
    ask(x, "Bearer t");
  }
  EXPECT_TRUE(host_.callouts().empty());
}

TEST(TokenIntrospectionConfigurationTest, RefusesTimesThatMakeNoSense) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "example/token-introspection", R"({"url": "http://a/", "timeout": "0s", "cache": "-1s"})"};
  EXPECT_FALSE(plugin.ok());
  EXPECT_TRUE(host.has_problem("/timeout")) << host.problem_text();
  EXPECT_TRUE(host.has_problem("/cache")) << host.problem_text();
}

}  // namespace

#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, AnswersWhenTheTimeHasCome) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"delay_ms": 20})", SLC_AT_BACKEND};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();
  FakeExchange x{host, SLC_AT_BACKEND};
  x.path = "/somewhere";
  EXPECT_EQ(plugin.send(x), SLC_PENDING);
  host.advance(20);
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.response_body, R"({"greeting":"hello","method":"GET","path":"/somewhere"})");
}

TEST(PluginTest, NothingIsLeftWhenTheClientLeaves) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"delay_ms": 20})", SLC_AT_BACKEND};
  {
    FakeExchange x{host, SLC_AT_BACKEND};
    plugin.send(x);
  }
  EXPECT_EQ(host.timers(), 0u);
}

TEST(PluginTest, WhatTheClientSendsIsEscaped) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"greeting": "a \"b\" \\ \u0001", "delay_ms": 0})", SLC_AT_BACKEND};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();
  FakeExchange x{host, SLC_AT_BACKEND};
  x.path = "/";
  EXPECT_EQ(plugin.send(x), SLC_PENDING);
  host.advance(1);
  EXPECT_EQ(x.response_body, R"({"greeting":"a \"b\" \\ \u0001","method":"GET","path":"/"})");
}

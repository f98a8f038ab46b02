#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, AnswersWhenTheTimeHasCome) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"delay": "20ms"})", SLC_AT_BACKEND};
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
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"delay": "20ms"})", SLC_AT_BACKEND};
  {
    FakeExchange x{host, SLC_AT_BACKEND};
    plugin.send(x);
  }
  EXPECT_EQ(host.timers(), 0u);
}

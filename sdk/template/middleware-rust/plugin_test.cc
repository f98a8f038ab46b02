#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, AddsTheHeaderToTheAnswer) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"header": "X-Greeting", "value": "hello"})"};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();

  FakeExchange x{host};
  EXPECT_EQ(plugin.on_response(x), SLC_NEXT);
  EXPECT_EQ(x.header(SLC_RESPONSE, "X-Greeting"), "hello");
}

TEST(PluginTest, SaysWhichHeaderNameIsWrong) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"header": "not a name"})"};
  EXPECT_FALSE(plugin.ok());
  EXPECT_TRUE(host.has_problem("/header"));
}

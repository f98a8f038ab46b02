#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, AsksAgainAfterAFailure) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"attempts": 2})", SLC_AT_PROXY};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();

  FakeExchange x{host, SLC_AT_PROXY};
  EXPECT_EQ(plugin.on_call(x), SLC_PENDING);
  host.finish_attempt(0, [](FakeExchange& a) { a.outcome = SLC_EBACKEND; });
  EXPECT_FALSE(x.resumed);
  ASSERT_EQ(host.attempts().size(), 2u);
  host.finish_attempt(1, [](FakeExchange& a) { a.status = 200; });
  EXPECT_EQ(x.resumed, SLC_REPLY);
}

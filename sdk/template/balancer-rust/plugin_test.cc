#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, OneClientAlwaysGetsTheSameHost) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"header": "X-User"})", SLC_AT_BACKEND};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();
  const std::vector<slc_candidate> hosts(2, slc_candidate{{"http://a", 8}, 1, 0, 0});
  bool seen[2] = {false, false};
  for (const char* user : {"ada", "grace", "alan", "edsger", "barbara", "donald"}) {
    FakeExchange first{host, SLC_AT_BACKEND}, second{host, SLC_AT_BACKEND};
    first.add_header(SLC_REQUEST, "X-User", user);
    second.add_header(SLC_REQUEST, "X-User", user);
    const uint32_t chosen = plugin.pick(first, hosts);
    ASSERT_LT(chosen, 2u);
    EXPECT_EQ(plugin.pick(second, hosts), chosen) << user;
    seen[chosen] = true;
  }
  EXPECT_TRUE(seen[0] && seen[1]) << "all clients got one host";
}

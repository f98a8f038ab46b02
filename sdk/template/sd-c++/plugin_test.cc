#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, PublishesEveryPortOfTheRange) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@NAME@", {}, 0, SLC_IFACE_RESOLVER};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();
  const auto list = plugin.watch({"10.0.0.1:9001-9003", "10.0.0.2:80"});
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0].url, "http://10.0.0.1:9001");
  EXPECT_EQ(list[2].url, "http://10.0.0.1:9003");
  EXPECT_EQ(list[3].url, "http://10.0.0.2:80");
}

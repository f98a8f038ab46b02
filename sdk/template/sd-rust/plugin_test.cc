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

TEST(PluginTest, WhatIsNoRangeStandsAsItIs) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@NAME@", {}, 0, SLC_IFACE_RESOLVER};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();
  for (const char* name : {"a-b", "a:1-", "a:-1", "a:2-1", "a:1-70000", "a:1-1001", "a:x-y", "-", ":", ""}) {
    const auto list = plugin.watch({name}, "https");
    ASSERT_EQ(list.size(), 1u) << name;
    EXPECT_EQ(list[0].url, std::string{"https://"} + name);
  }
}

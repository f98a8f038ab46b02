#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeHost;

TEST(StaticTest, PublishesTheConfiguredHostsWithWeightOne) {
  FakeHost host;
  Configured sd{host, SLC_ENTRY_SYMBOL, "static"};
  ASSERT_TRUE(sd.ok()) << host.problem_text();
  const auto list = sd.watch({"http://a:1", "http://b:2", "http://a:1"});
  ASSERT_EQ(sd.watch_status, SLC_OK);
  ASSERT_EQ(list.size(), 3u);  // listed twice is called twice as often
  EXPECT_EQ(list[0].url, "http://a:1");
  EXPECT_EQ(list[1].url, "http://b:2");
  EXPECT_EQ(list[2].url, "http://a:1");
  for (const auto& a : list) EXPECT_EQ(a.weight, 1u);
}

TEST(StaticTest, IsTheDefaultResolver) {
  FakeHost host;
  Configured sd{host, SLC_ENTRY_SYMBOL, "static"};
  ASSERT_TRUE(sd.ok());
  EXPECT_EQ(sd.binding().flags & SLC_BIND_DEFAULT, unsigned{SLC_BIND_DEFAULT});
  EXPECT_STREQ(sd.binding().interface_id, SLC_IFACE_RESOLVER);
}

TEST(StaticTest, PublishesNothingForAnEmptyHostList) {
  FakeHost host;
  Configured sd{host, SLC_ENTRY_SYMBOL, "static"};
  EXPECT_TRUE(sd.watch({}).empty());
  EXPECT_EQ(sd.watch_status, SLC_OK);
}

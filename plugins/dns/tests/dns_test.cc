// How the watch asks, publishes and goes on is tested with a name server: tests/integration/service_discovery_test.cc.
#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeHost;

TEST(DnsTest, IsAResolverThatIsUsedOnlyWhenItIsNamed) {
  FakeHost host;
  Configured sd{host, SLC_ENTRY_SYMBOL, "dns"};
  ASSERT_TRUE(sd.ok()) << host.problem_text();
  EXPECT_STREQ(sd.binding().interface_id, SLC_IFACE_RESOLVER);
  EXPECT_EQ(sd.binding().flags & SLC_BIND_DEFAULT, 0u);
}

TEST(DnsTest, ABackendWithoutANameIsRefused) {
  FakeHost host;
  Configured sd{host, SLC_ENTRY_SYMBOL, "dns"};
  EXPECT_TRUE(sd.watch({}).empty());
  EXPECT_NE(sd.watch_status, SLC_OK);
  EXPECT_TRUE(host.logged("expected the name of SRV records", SLC_ERROR));
}

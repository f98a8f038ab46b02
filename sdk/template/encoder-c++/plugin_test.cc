#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, WritesALineForEachMember) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@NAME@", {}, 0, SLC_IFACE_ENCODER};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();

  FakeExchange x{host};
  std::string error;
  x.data = Json::parse(R"({"name": "Ada", "list": [1, 2]})", error);
  x.has_data = true;
  EXPECT_EQ(plugin.encode(x), SLC_OK);
  EXPECT_EQ(x.response_body, "name=Ada\nlist=[1,2]\n");
}

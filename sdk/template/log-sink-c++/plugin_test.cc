#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, WritesLinesWithItsMark) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@VENDOR@/@NAME@", R"({"mark": "here", "level": "ERROR"})", SLC_AT_SERVICE};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();
  const auto& sink = plugin.table<slc_log_sink>();
  EXPECT_EQ(sink.level(plugin.object()), SLC_ERROR);

  slc_log_record record{};
  record.size = sizeof record;
  record.level = SLC_ERROR;
  record.message = {"it broke", 8};
  testing::internal::CaptureStderr();
  sink.write(plugin.object(), &record);
  sink.flush(plugin.object());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "here ERROR it broke\n");
}

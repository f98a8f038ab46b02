// The test binary is built of the plugin's sources, so the entry is simply there.
#include <gtest/gtest.h>

#include <string_view>

#include "sluice/plugin.h"

extern "C" const slc_entry SLC_ENTRY_SYMBOL;

TEST(HelloHeaderTest, TheEntrySaysWhatTheLoaderWants) {
  const slc_entry& e = SLC_ENTRY_SYMBOL;
  EXPECT_EQ(e.magic, SLC_ABI_MAGIC);
  EXPECT_EQ(e.size, sizeof(slc_entry));
  ASSERT_EQ(e.binding_count, 1u);
  EXPECT_EQ(std::string_view{e.bindings[0].name}, "example/hello-header");
  auto* table = static_cast<const slc_middleware*>(e.get_interface(e.bindings[0].interface_id, e.bindings[0].name));
  ASSERT_NE(table, nullptr);
  EXPECT_NE(table->on_response, nullptr);
}

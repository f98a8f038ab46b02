// What the plugin is: two tables whose missing functions say "raw". What the gateway makes of that is in the conformance cases
// encoding-no-op*, and in tests/integration/streaming_test.cc.
#include <gtest/gtest.h>

#include <sluice/testing.hpp>

namespace {

using sluice::testing::Configured;
using sluice::testing::FakeHost;

TEST(NoOpTest, OneNameForBothDirections) {
  const slc_entry& e = SLC_ENTRY_SYMBOL;
  ASSERT_EQ(e.binding_count, 2u);
  EXPECT_STREQ(e.bindings[0].interface_id, SLC_IFACE_DECODER);
  EXPECT_STREQ(e.bindings[1].interface_id, SLC_IFACE_ENCODER);
  for (const slc_binding* b : {&e.bindings[0], &e.bindings[1]}) {
    EXPECT_STREQ(b->name, "no-op");
    EXPECT_EQ(b->schema, nullptr) << "there is no configuration block";
    EXPECT_EQ(b->flags & SLC_BIND_DEFAULT, 0u) << "nobody gets it without naming it";
  }
}

TEST(NoOpTest, TheDecoderIsRawAndMakesNoDeferredText) {
  FakeHost host;
  Configured decoder{host, SLC_ENTRY_SYMBOL, "no-op", {}, SLC_AT_BACKEND, SLC_IFACE_DECODER};
  ASSERT_TRUE(decoder.ok()) << host.problem_text();
  EXPECT_FALSE(decoder.asks_for_nothing()) << "without an object the gateway would make no stage";
  const auto& table = decoder.table<slc_decoder>();
  EXPECT_EQ(table.size, sizeof(slc_decoder));
  EXPECT_EQ(table.decode, nullptr);
  EXPECT_EQ(table.expand, nullptr);
  EXPECT_EQ(table.format.ptr, nullptr);
}

TEST(NoOpTest, TheEncoderIsRawAndNamesNoContentType) {
  FakeHost host;
  Configured encoder{host, SLC_ENTRY_SYMBOL, "no-op", {}, SLC_AT_ENDPOINT, SLC_IFACE_ENCODER};
  ASSERT_TRUE(encoder.ok()) << host.problem_text();
  EXPECT_FALSE(encoder.asks_for_nothing());
  const auto& table = encoder.table<slc_encoder>();
  EXPECT_EQ(table.size, sizeof(slc_encoder));
  EXPECT_EQ(table.encode, nullptr);
  EXPECT_EQ(table.content_type.ptr, nullptr) << "the backend's stays";
}

TEST(NoOpTest, ThePluginAnswersForNothingElse) {
  EXPECT_EQ(SLC_ENTRY_SYMBOL.get_interface(SLC_IFACE_MIDDLEWARE, "no-op"), nullptr);
  EXPECT_EQ(SLC_ENTRY_SYMBOL.get_interface(SLC_IFACE_DECODER, "noop"), nullptr);
}

}  // namespace

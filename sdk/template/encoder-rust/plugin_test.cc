#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

// What the encoder writes for a document; "refused" when it refuses it.
std::string encoded(std::string_view json) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@NAME@", {}, 0, SLC_IFACE_ENCODER};
  EXPECT_TRUE(plugin.ok()) << host.problem_text();
  FakeExchange x{host};
  std::string error;
  x.data = Json::parse(json, error);
  EXPECT_EQ(error, "");
  x.has_data = true;
  return plugin.encode(x) == SLC_OK ? x.response_body : "refused";
}

}  // namespace

TEST(PluginTest, WritesALineForEachValue) {
  EXPECT_EQ(encoded(R"({"name": "Ada", "list": [1, {"a": true}], "none": null})"), "name=Ada\nlist.0=1\nlist.1.a=true\nnone=null\n");
  EXPECT_EQ(encoded("{}"), "");
  EXPECT_EQ(encoded("[1.50]"), "0=1.50\n");
}

TEST(PluginTest, ATextStaysOnItsLine) { EXPECT_EQ(encoded(R"({"a": "one\ntwo\\", "b": ""})"), "a=one\\ntwo\\\\\nb=\n"); }

TEST(PluginTest, WhatIsNestedTooDeepIsRefused) {
  auto nested = [](size_t levels) { return std::string(levels, '[') + "1" + std::string(levels, ']'); };
  EXPECT_NE(encoded(nested(32)), "refused");
  EXPECT_EQ(encoded(nested(33)), "refused");
}

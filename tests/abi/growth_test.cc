// From one minor version to the next, only what docs/abi-policy.md allows.
#include <gtest/gtest.h>

#include <fstream>

#include "sluice/plugin.h"
#include "tests/abi/dump.h"

namespace sluice::test {
namespace {

Dump read(const std::string& name) {
  std::ifstream in{std::string{SLC_ABI_FOLDER} + "/" + name};
  EXPECT_TRUE(in) << name;
  std::stringstream text;
  text << in.rdbuf();
  return parse_dump(text.str());
}

TEST(AbiGrowthTest, NothingThatThePluginsOfTheFrozenVersionUseHasChanged) {
  for (const std::string& problem : breaks(read("v1/plugin-abi.dump"), read("plugin-abi.dump"))) ADD_FAILURE() << problem;
}

// What `#define NAME <number>u` of a header says.
unsigned long number_of(const std::string& header, const std::string& name) {
  std::ifstream in{header};
  std::stringstream text;
  text << in.rdbuf();
  const std::string define = "#define " + name + " ";
  const size_t at = text.str().find(define);
  EXPECT_NE(at, std::string::npos) << name << " in " << header;
  return at == std::string::npos ? 0 : std::stoul(text.str().substr(at + define.size()));
}

TEST(AbiGrowthTest, WhatGrewHasAMinorVersionOfItsOwn) {
  const Dump frozen = read("v1/plugin-abi.dump"), now = read("plugin-abi.dump");
  bool grown =
      frozen.structs.size() != now.structs.size() || frozen.values.size() != now.values.size() || frozen.texts != now.texts || frozen.types != now.types;
  for (const auto& [name, s] : frozen.structs) grown = grown || (now.structs.contains(name) && now.structs.at(name).fields.size() != s.fields.size());
  const std::string header = std::string{SLC_ABI_FOLDER} + "/v1/plugin.h";
  EXPECT_EQ(number_of(header, "SLC_ABI_MAJOR"), SLC_ABI_MAJOR);
  EXPECT_EQ(number_of(header, "SLC_ABI_MINOR"), 0u) << "the frozen one is 1.0 for ever";
  EXPECT_EQ(SLC_ABI_MINOR > 0, grown) << "a plugin that uses what is new must not be loaded by a gateway that has it not";
}

// The judge itself: what it must find, and what it must let pass.
TEST(AbiGrowthTest, FieldsAtTheEndAndNewNamesAreGrowth) {
  const Dump old = read("plugin-abi.dump");
  Dump now = old;
  now.structs["slc_lifecycle"].fields.push_back({"later", "void (*)(void)", now.structs["slc_lifecycle"].size, 8});
  now.structs["slc_lifecycle"].size += 8;
  now.structs["slc_new"] = {8, 8, {{"size", "uint32_t", 0, 4}}};
  now.values["SLC_NEW"] = "-14";
  now.texts["SLC_SVC_NEW"] = "\"sluice.new/1\"";
  EXPECT_TRUE(breaks(old, now).empty());
}

TEST(AbiGrowthTest, DraftsMayBecomeStable) {
  Dump old = read("plugin-abi.dump");
  const Dump now = old;
  old.texts["SLC_IFACE_SELECTOR"] = "\"sluice.selector/1.draft\"";
  EXPECT_TRUE(breaks(old, now).empty());
  old.texts["SLC_IFACE_SELECTOR"] = "\"sluice.selector/0\"";
  EXPECT_EQ(breaks(old, now).size(), 1u);
}

TEST(AbiGrowthTest, EveryKindOfBreakIsFound) {
  const Dump old = read("plugin-abi.dump");
  const auto found = [&](auto change) {
    Dump now = old;
    change(now);
    return breaks(old, now).size();
  };
  EXPECT_EQ(found([](Dump&) {}), 0u);
  EXPECT_EQ(found([](Dump& d) { d.values["SLC_EINVAL"] = "-99"; }), 1u);
  EXPECT_EQ(found([](Dump& d) { d.texts.erase("SLC_SVC_LOG"); }), 1u);
  EXPECT_EQ(found([](Dump& d) { d.types["slc_token"] = "uint32_t"; }), 1u);
  EXPECT_EQ(found([](Dump& d) { d.structs.erase("slc_job"); }), 1u);
  EXPECT_EQ(found([](Dump& d) { d.structs["slc_candidate"].size += 8; }), 1u) << "an element of an array must not grow";
  EXPECT_EQ(found([](Dump& d) { d.structs["slc_entry"].fields.pop_back(); }), 1u);
  EXPECT_EQ(found([](Dump& d) { std::swap(d.structs["slc_job"].fields[2], d.structs["slc_job"].fields[3]); }), 2u);
  EXPECT_EQ(found([](Dump& d) { d.structs["slc_around"].fields[2].type = "void (*)(void)"; }), 1u);
}

}  // namespace
}  // namespace sluice::test

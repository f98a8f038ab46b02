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

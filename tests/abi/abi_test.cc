// The layout that plugins are compiled against: what is written down, what the header says, what the frozen copy says.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "sluice/plugin.h"
#include "tests/abi/dump.h"
#include "tests/support/process.h"

namespace sluice::test {
namespace {

std::string file(const std::string& name) {
  std::ifstream in{name, std::ios::binary};
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(AbiTest, TheHeaderHasTheLayoutThatIsWrittenDown) {
  const Ran dump = run_program({SLC_ABI_DUMP}, kLimit, {}, "/");
  ASSERT_EQ(dump.code, 0) << dump.output;
  EXPECT_EQ(dump.output, file(SLC_ABI_FOLDER "/plugin-abi.dump"))
      << "The plugin interface has changed. If that is meant, and docs/abi-policy.md allows it, write it down:\n"
         "cmake --build --preset dev --target update_abi_dump";
}

TEST(AbiTest, NothingHidesInThePaddingAtTheEndOfAStruct) {
  // A field that a later minor puts there would not change the size, so nobody could tell who has it.
  for (const auto& [name, s] : parse_dump(file(SLC_ABI_FOLDER "/plugin-abi.dump")).structs) {
    ASSERT_FALSE(s.fields.empty()) << name;
    EXPECT_EQ(s.fields.back().offset + s.fields.back().size, s.size) << name << " ends with padding: add a reserved field";
  }
}

TEST(AbiTest, WhatGrowsBeginsWithItsSize) {
  // Structs that are copied, or stand in arrays, cannot grow: they are these, and no others (plugin.h, "Growth").
  const std::set<std::string> fixed{"slc_str", "slc_node", "slc_member_range", "slc_address", "slc_candidate", "slc_dns_record", "slc_binding", "slc_entry"};
  for (const auto& [name, s] : parse_dump(file(SLC_ABI_FOLDER "/plugin-abi.dump")).structs) {
    const Dump::Field& first = s.fields.front();
    EXPECT_EQ(first.name == "size" && first.size == 4, !fixed.contains(name)) << name;
  }
}

TEST(AbiTest, TheFrozenCopyIsTheHeaderWhileTheMajorVersionIsZero) {
  if (SLC_ABI_MAJOR != 0) GTEST_SKIP() << "frozen: the growth tests compare";
  EXPECT_EQ(file(SLC_SDK_INCLUDE "/sluice/plugin.h"), file(SLC_ABI_FOLDER "/v1/plugin.h"))
      << "copy sdk/include/sluice/plugin.h to tests/abi/v1/plugin.h, and tests/abi/plugin-abi.dump to tests/abi/v1/plugin-abi.dump";
}

}  // namespace
}  // namespace sluice::test

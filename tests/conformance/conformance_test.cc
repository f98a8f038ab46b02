// One test for each case of cases/: ConformanceTest.Case/<name with _ for ->.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "tests/conformance/features.h"
#include "tests/conformance/player.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> case_names() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(fs::path(SLC_CONFORMANCE_FOLDER) / "cases")) {
    if (entry.path().extension() == ".json") out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Json load(const std::string& name) {
  std::string path = SLC_CONFORMANCE_FOLDER "/" + name;
  return Json::parse_or_throw(read_file(path), path);
}

const Features& features() {
  static const Features kFeatures(load("features.json"));
  return kFeatures;
}

// How many cases were played, and what the others wait for: printed at the end.
class Tally : public ::testing::EmptyTestEventListener {
 public:
  static std::map<std::string, int>& skipped() {
    static std::map<std::string, int> by_feature;
    return by_feature;
  }
  void OnTestEnd(const ::testing::TestInfo& info) override {
    const ::testing::TestResult& r = *info.result();
    if (!r.Skipped()) ++(r.Passed() ? passed_ : failed_);
  }
  void OnTestProgramEnd(const ::testing::UnitTest&) override {
    int total = 0;
    for (const auto& [feature, n] : skipped()) total += n;
    std::printf("conformance: %d passed, %d failed, %d skipped", passed_, failed_, total);
    const char* before = " (";
    for (const auto& [feature, n] : skipped()) std::printf("%s%s %d", std::exchange(before, ", "), feature.c_str(), n);
    std::printf("%s\n", total > 0 ? ")" : "");
  }

 private:
  int passed_ = 0, failed_ = 0;
};

class ConformanceTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ConformanceTest, Case) {
  const std::string& name = GetParam();
  if (auto feature = features().missing(name)) {
    ++Tally::skipped()[*feature];
    GTEST_SKIP() << "needs " << *feature;
  }
  Json test_case = load("cases/" + name + ".json");
  features().adapt(name, test_case);
  ASSERT_TRUE(test_case.has("expect_start") || test_case.at("steps").size() > 0) << "nothing is left of the case";
  Player player(std::move(test_case));
  auto differences = player.play();
  for (const std::string& d : differences) ADD_FAILURE() << name << ": " << d;
  if (!differences.empty()) std::printf("%s\n", player.log().c_str());
}

INSTANTIATE_TEST_SUITE_P(Suite, ConformanceTest, ::testing::ValuesIn(case_names()),
                         [](const auto& i) { return replace_all(i.param, "-", "_"); });

TEST(FeaturesTest, EveryEntryFitsACase) {
  auto names = case_names();
  ASSERT_FALSE(names.empty());
  for (const std::string& dead : features().dead_entries(names)) ADD_FAILURE() << "features.json names no case: " << dead;
  for (const std::string& name : names) {
    Json test_case = load("cases/" + name + ".json");
    EXPECT_NO_THROW(features().adapt(name, test_case)) << name;
  }
}

}  // namespace
}  // namespace sluice::test

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ::testing::UnitTest::GetInstance()->listeners().Append(new sluice::test::Tally);
  return RUN_ALL_TESTS();
}

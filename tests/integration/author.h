// What an author has: the gateway as it is installed, and a folder to work in.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/gateway_process.h"

namespace sluice::test {

inline constexpr Limit kBuildLimit = std::chrono::minutes(8);

// The gateway as it is installed.
class Installed {
 public:
  Installed() {
    const Ran ran = run_program({SLC_CMAKE, "--install", SLC_BUILD_FOLDER, "--prefix", prefix()}, kBuildLimit);
    if (ran.code != 0) throw Failure(ran.output);
  }
  std::string prefix() const { return folder_.path() + "/prefix"; }
  std::string sluice() const { return prefix() + "/bin/sluice"; }

 private:
  TempFolder folder_;
};

class AuthorTest : public testing::Test {
 protected:
  // In the author's folder; PATH begins with the installed gateway's folder.
  Ran run(std::vector<std::string> argv, const std::string& folder = "") {
    if (argv[0] == "sluice") argv[0] = installed_.sluice();  // programs are looked for in the PATH of this process
    return run_program(argv, kBuildLimit, environment(), folder.empty() ? home_.path() : folder);
  }
  std::map<std::string, std::string> environment() const {
    const char* path = std::getenv("PATH");
    return {{"PATH", installed_.prefix() + "/bin:" + (path ? path : "")}, {"SLUICE_PREFIX", installed_.prefix()}, {"SLUICE_SANITIZE", SLC_CXX_FLAGS}};
  }
  void expect_clean(const Ran& ran, const std::string& what) { ASSERT_EQ(ran.code, 0) << what << ":\n" << ran.output; }

  // As the page says, but built like the gateway, which refuses what has another sanitizer.
  void build(const std::string& folder) {
    expect_clean(run({SLC_CMAKE, "-S", ".", "-B", "build", "-G", "Ninja", "-DCMAKE_PREFIX_PATH=" + installed_.prefix(),
                      std::string("-DCMAKE_CXX_COMPILER=") + SLC_CXX_COMPILER, "-DCMAKE_CXX_FLAGS=" SLC_CXX_FLAGS " -Wall -Wextra -Wpedantic -Werror",
                      "-DCMAKE_C_FLAGS=" SLC_CXX_FLAGS " -Wall -Wextra -Wpedantic -Werror", "-DCMAKE_MODULE_LINKER_FLAGS=" SLC_CXX_FLAGS}, folder),
                 "configure");
    expect_clean(run({SLC_CMAKE, "--build", "build"}, folder), "build");
    expect_clean(run({SLC_CTEST, "--test-dir", "build", "--output-on-failure", "--no-tests=error"}, folder), "unit test");
  }
  std::string home(const std::string& name) const { return home_.path() + "/" + name; }

  Installed installed_;
  TempFolder home_;
};

}  // namespace sluice::test

// What a user gets: the installed gateway, and a plugin built outside the tree with find_package(sluice-sdk).
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/fake_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/test_client.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
constexpr Limit kBuildLimit = std::chrono::minutes(5);

class InstallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Ran installed = run_program({SLC_CMAKE, "--install", SLC_BUILD_FOLDER, "--prefix", prefix()}, kBuildLimit);
    ASSERT_EQ(installed.code, 0) << installed.output;
  }
  std::string prefix() const { return folder_.path() + "/prefix"; }
  // Where the gateway of this prefix looks for plugins.
  fs::path plugins() const {
    for (const auto& entry : fs::recursive_directory_iterator(prefix())) {
      if (entry.is_directory() && entry.path().filename() == "plugins" && entry.path().parent_path().filename() == "sluice") return entry.path();
    }
    return {};
  }
  TempFolder folder_;
};

TEST_F(InstallTest, TheInstalledGatewayServesWithItsInstalledPlugins) {
  ASSERT_FALSE(plugins().empty());
  GatewayOptions options;
  options.binary = prefix() + "/bin/sluice";
  options.config = R"({"version": 3, "endpoints": []})";
  GatewayProcess gateway(options);
  EXPECT_EQ(get_once(gateway.port(), "/__health").status, 200);
}

}  // namespace
}  // namespace sluice::test

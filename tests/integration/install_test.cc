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

TEST_F(InstallTest, APluginBuiltOutOfTreeLoads) {
  std::string source = folder_.path() + "/template", build = folder_.path() + "/build";
  fs::copy(prefix() + "/share/sluice/plugin-template", source, fs::copy_options::recursive);
  Ran configured = run_program({SLC_CMAKE, "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_PREFIX_PATH=" + prefix(),
                                std::string("-DCMAKE_CXX_COMPILER=") + SLC_CXX_COMPILER, "-DCMAKE_CXX_FLAGS=" SLC_CXX_FLAGS,
                                "-DCMAKE_C_FLAGS=" SLC_CXX_FLAGS, "-DCMAKE_SHARED_LINKER_FLAGS=" SLC_CXX_FLAGS,
                                "-DCMAKE_MODULE_LINKER_FLAGS=" SLC_CXX_FLAGS}, kBuildLimit);
  ASSERT_EQ(configured.code, 0) << configured.output;
  Ran built = run_program({SLC_CMAKE, "--build", build}, kBuildLimit);
  ASSERT_EQ(built.code, 0) << built.output;

  std::vector<fs::path> modules;
  for (const auto& entry : fs::recursive_directory_iterator(build)) {
    if (entry.path().extension() == ".so") modules.push_back(entry.path());
  }
  ASSERT_EQ(modules.size(), 1u);
  fs::copy(modules[0], plugins() / modules[0].filename());

  // --strict refuses a namespace that nobody serves: the gateway runs because the module was loaded.
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayOptions options;
  options.binary = prefix() + "/bin/sluice";
  options.arguments = {"--strict"};
  options.config = R"({"version": 3, "endpoints": [{"endpoint": "/x", "backend": [{"host": [")" + up.url() + R"("], "url_pattern": "/d"}],
                       "extra_config": {"example/hello-header": {"name": "X-Hello", "value": "world"}}}]})";
  GatewayProcess gateway(options);
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Hello"), "world");
}

}  // namespace
}  // namespace sluice::test

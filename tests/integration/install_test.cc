// What a user gets: the installed gateway, and a plugin built outside the tree with find_package(sluice-sdk).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/fake_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/markdown.h"
#include "tests/support/test_client.h"
#include "tests/support/text.h"

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
      if (entry.path().filename() == "no-op.so") return entry.path().parent_path();
    }
    return {};
  }
  // Configures and builds a plugin's folder with the installed SDK; its one .so, or an empty path after a failure.
  fs::path build_plugin(const std::string& source) const {
    const std::string build = source + "-build";
    Ran configured = run_program({SLC_CMAKE, "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_PREFIX_PATH=" + prefix(),
                                  std::string("-DCMAKE_CXX_COMPILER=") + SLC_CXX_COMPILER, "-DCMAKE_CXX_FLAGS=" SLC_CXX_FLAGS,
                                  std::string("-DCMAKE_C_COMPILER=") + SLC_C_COMPILER, "-DCMAKE_C_FLAGS=" SLC_CXX_FLAGS,
                                  "-DCMAKE_SHARED_LINKER_FLAGS=" SLC_CXX_FLAGS, "-DCMAKE_MODULE_LINKER_FLAGS=" SLC_CXX_FLAGS}, kBuildLimit);
    EXPECT_EQ(configured.code, 0) << configured.output;
    if (configured.code != 0) return {};
    Ran built = run_program({SLC_CMAKE, "--build", build}, kBuildLimit);
    EXPECT_EQ(built.code, 0) << built.output;
    std::vector<fs::path> modules;
    for (const auto& entry : fs::recursive_directory_iterator(build)) {
      if (entry.path().extension() == ".so") modules.push_back(entry.path());
    }
    EXPECT_EQ(modules.size(), 1u);
    return modules.size() == 1 ? modules[0] : fs::path{};
  }
  // The installed gateway with one endpoint /x in front of `up`. --strict refuses a namespace that nobody serves, so a gateway
  // that runs has loaded the plugin.
  GatewayOptions gateway_with(const FakeUpstream& up, const std::string& extra_config) const {
    GatewayOptions options;
    options.binary = prefix() + "/bin/sluice";
    options.arguments = {"--strict"};
    options.config = R"({"version": 3, "endpoints": [{"endpoint": "/x", "backend": [{"host": [")" + up.url() +
                     R"("], "url_pattern": "/d"}], "extra_config": )" + extra_config + "}]}";
    return options;
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

// As packages are made: staged below a folder, meant for /usr. Wherever the tree ends up, the program looks for its plugins there.
TEST_F(InstallTest, APackageForUsrHasItsPluginsWhereTheProgramLooks) {
  const std::string root = folder_.path() + "/root";
  const Ran installed = run_program({SLC_CMAKE, "--install", SLC_BUILD_FOLDER, "--prefix", "/usr"}, kBuildLimit, {{"DESTDIR", root}});
  ASSERT_EQ(installed.code, 0) << installed.output;
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayOptions options = gateway_with(up, "{}");
  options.binary = root + "/usr/bin/sluice";
  GatewayProcess gateway(options);
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"a":1})");
  // And nothing of it is outside of the staged tree or the prefix.
  for (const auto& entry : fs::directory_iterator(root)) EXPECT_EQ(entry.path().filename(), "usr");
}

TEST_F(InstallTest, ThePluginOfTheReadmeBuildsAndDoesWhatThePageSays) {
  std::string code, lists;
  for (const CodeBlock& block : code_blocks(read_file(SLC_SOURCE_FOLDER "/README.md"))) {
    if (block.mark == "file: example_key.cc") code = block.text;
    if (block.mark == "file: CMakeLists.txt") lists = block.text;
  }
  ASSERT_FALSE(code.empty() || lists.empty());
  EXPECT_LE(std::count(code.begin(), code.end(), '\n'), 36) << "thirty lines of it were promised";
  folder_.write("readme/example_key.cc", code);
  folder_.write("readme/CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(readme C CXX)\n" + lists);
  const fs::path module = build_plugin(folder_.path() + "/readme");
  ASSERT_EQ(module.filename(), "example-key.so");
  fs::copy(module, plugins() / module.filename());

  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(gateway_with(up, R"({"auth/example-key": {"keys": ["one", "two"]}})"));
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Api-Key", "two"}}).body, R"({"a":1})");
  const Response refused = get_once(gateway.port(), "/x", {{"X-Api-Key", "three"}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.body, R"({"error": "unknown key"})");

  GatewayOptions none = gateway_with(up, R"({"auth/example-key": {"keys": []}})");
  const Ran checked = run_program({none.binary, "check", "--strict", "-c", folder_.write("none.json", none.config)});
  EXPECT_EQ(checked.code, 1);
  EXPECT_NE(checked.output.find("/auth~1example-key/keys: is empty: every request would be refused"), std::string::npos) << checked.output;
}

TEST_F(InstallTest, TheFirstPluginOfTheGuideBuildsAndItsTestsPass) {
  const std::string folder = folder_.path() + "/guide";
  for (const CodeBlock& block : code_blocks(read_file(SLC_SOURCE_FOLDER "/docs/plugin-guide.md"))) {
    for (const char* file : {"api_key.cc", "api_key_test.cc"})
      if (block.mark == std::string{"file: "} + file) folder_.write(std::string{"guide/"} + file, block.text);
    if (block.language == "cmake" && block.text.find("project(api-key") != std::string::npos) folder_.write("guide/CMakeLists.txt", block.text);
  }
  const fs::path module = build_plugin(folder);
  ASSERT_EQ(module.filename(), "api-key.so");
  const Ran tested = run_program({SLC_CTEST, "--test-dir", folder + "-build", "--output-on-failure", "--no-tests=error"}, kBuildLimit);
  EXPECT_EQ(tested.code, 0) << tested.output;
  fs::copy(module, plugins() / module.filename());

  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(gateway_with(up, R"({"example/api-key": {"key": "open sesame"}})"));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 401);
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Api-Key", "open sesame"}}).status, 200);
}

// A test that nobody runs is none. Plugins stand in folders that cmake visits before tests/.
TEST(BuildTest, TheTestsOfPluginsAreKnownToCtest) {
  const Ran listed = run_program({SLC_CTEST, "--test-dir", SLC_BUILD_FOLDER, "-N"}, kBuildLimit);
  ASSERT_EQ(listed.code, 0) << listed.output;
  for (const char* name : {"NoOpTest.", "StringTest.", "CorsTest.", "StubTest.", "GuideTest", "TaskTest."})
    EXPECT_NE(listed.output.find(name), std::string::npos) << name;
}

TEST_F(InstallTest, EveryLinkOfTheInstalledPagesLeadsSomewhere) {
  EXPECT_GT(pages_below(prefix()).size(), 20u);
  EXPECT_EQ(dead_links(prefix()), std::vector<std::string>{});
  // Each plugin's page and the schema of its block go where the pages link to.
  for (const auto& plugin : fs::directory_iterator{SLC_SOURCE_FOLDER "/plugins"}) {
    for (const char* file : {"README.md", "schema.json"}) {
      if (!fs::exists(plugin.path() / file)) continue;
      EXPECT_TRUE(fs::exists(fs::path{prefix()} / "share/doc/sluice/plugins" / plugin.path().filename() / file)) << plugin.path() << ' ' << file;
    }
  }
}

TEST_F(InstallTest, TheServiceUnitStartsWhatIsInstalled) {
  const std::string unit = read_file(prefix() + "/share/sluice/sluice.service");
  EXPECT_NE(unit.find("\nType=notify\n"), std::string::npos);
  EXPECT_NE(unit.find("\nExecStart=" + prefix() + "/bin/sluice run -c "), std::string::npos) << unit;
  EXPECT_EQ(unit.find("@SLC"), std::string::npos) << "a place that was not filled in:\n" << unit;
  EXPECT_NE(read_file(prefix() + "/share/sluice/sluice.logrotate").find("copytruncate"), std::string::npos);
}

}  // namespace
}  // namespace sluice::test

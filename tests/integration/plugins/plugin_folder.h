// A gateway with the product's plugins and some of the tests' own beside them.
#pragma once
#include <filesystem>

#include "tests/integration/gateway_config.h"
#include "tests/support/text.h"

namespace sluice::test {

// A folder of links: every plugin of the product, and those named.
class PluginFolder {
 public:
  // "script" is a test plugin, "build-a/stamp" one of several builds of another, "misbehaving/never_resumes" a fixture, and
  // "misbehaving/mapped/crashes_when_opened" one of those that must not be opened.
  explicit PluginFolder(const std::vector<std::string>& more) {
    namespace fs = std::filesystem;
    for (const auto& file : fs::directory_iterator{plugins_folder()}) {
      if (file.path().extension() == ".so") fs::create_symlink(file.path(), folder_.path() + "/" + file.path().filename().string());
    }
    for (const std::string& name : more) {
      constexpr std::string_view kFixture = "misbehaving/";
      const bool fixture = name.starts_with(kFixture);
      const std::string file = name.substr(name.rfind('/') + 1) + ".so";
      fs::create_symlink(fixture ? SLC_MISBEHAVING_FOLDER "/" + name.substr(kFixture.size()) + ".so" : SLC_TEST_PLUGINS_FOLDER "/" + name + ".so",
                         folder_.path() + "/" + file);
    }
  }
  const std::string& path() const { return folder_.path(); }

 private:
  TempFolder folder_;
};

class PluggedGateway {
 public:
  PluggedGateway(const std::vector<std::string>& plugins, std::string config, int workers = 1,
                 std::map<std::string, std::string> environment = {})
      : folder_{plugins}, process_{options(std::move(config), workers, std::move(environment), folder_.path())} {}
  GatewayProcess* operator->() { return &process_; }
  uint16_t port() const { return process_.port(); }
  // Ends the gateway; everything it ever logged.
  std::string log_to_the_end() {
    process_.terminate();
    EXPECT_EQ(process_.wait_for_exit(), 0) << process_.log();
    return process_.log();
  }

 private:
  static GatewayOptions options(std::string config, int workers, std::map<std::string, std::string> environment, const std::string& folder) {
#ifdef SLC_ISOLATED  // the same tests once more, with these plugins in processes of their own
    std::string isolated;
    for (std::string_view rest = SLC_ISOLATED; !rest.empty();) {
      const std::string name{rest.substr(0, rest.find(','))};
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      if (!std::filesystem::exists(folder + "/" + name + ".so")) continue;
      isolated += (isolated.empty() ? "" : ", ") + ("\"" + name + R"(": {"timeout": "60s"})");
    }
    if (!isolated.empty()) config.replace(config.find('{'), 1, R"({"plugin": {"isolate": {)" + isolated + "}}, ");
#endif
    GatewayOptions o = options_of(std::move(config), workers);
    o.binary = gateway_binary();
    o.arguments = {"--plugins", folder};
    o.environment = std::move(environment);
    return o;
  }
  PluginFolder folder_;
  GatewayProcess process_;
};

// Runs `sluice COMMAND -c FILE` with these plugins to its end. The text is not touched, so that lines and columns are the test's.
inline Ran run_plugged(const std::vector<std::string>& plugins, const std::string& command, const std::string& config,
                       const std::vector<std::string>& more = {}) {
  PluginFolder folder{plugins};
  TempFolder place;
  std::vector<std::string> argv{gateway_binary(), command, "-c", place.write("krakend.json", config), "--plugins", folder.path()};
  argv.insert(argv.end(), more.begin(), more.end());
  return run_program(argv, kLimit, {}, place.path());
}

inline bool contains(std::string_view text, std::string_view what) { return text.find(what) != text.npos; }

inline int occurrences(std::string_view text, std::string_view what) {
  int n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

// "extra_config" with these blocks; each one the inside of an object.
inline std::string extra(const std::vector<std::pair<std::string, std::string>>& blocks) {
  std::string out = R"("extra_config": {)";
  for (const auto& [name, block] : blocks) out += (&name == &blocks.front().first ? "\"" : ", \"") + name + "\": {" + block + "}";
  return out + "}";
}

}  // namespace sluice::test

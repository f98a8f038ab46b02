// Gateways whose plugin's code changes while they run.
#pragma once
#include <filesystem>
#include <memory>

#include "tests/integration/gateway_config.h"
#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {

// A gateway with all plugins of the product and one build of test/stamp beside them, which another build takes the place of; see
// tests/integration/plugins/builds/stamp.cc. Whoever derives from it says what is configured, and starts it.
class StampGateway {
 public:
  // Renamed into place, as an installation should do it.
  void put(const std::string& build) {
    namespace fs = std::filesystem;
    fs::copy_file(SLC_TEST_PLUGINS_FOLDER "/build-" + build + "/stamp.so", file() + ".new", fs::copy_options::overwrite_existing);
    fs::rename(file() + ".new", file());
  }
  std::string file() const { return folder_.path() + "/stamp.so"; }
  const std::string& folder() const { return folder_.path(); }
  GatewayProcess& operator*() { return *gateway_; }
  GatewayProcess* operator->() { return gateway_.get(); }
  Response get() { return get_once(gateway_->port(), "/x"); }

 protected:
  // Further plugins as in PluginFolder; of test/stamp the build "a" is there.
  explicit StampGateway(const std::vector<std::string>& more) : folder_{more} { put("a"); }
  void start(std::string config, int workers, const std::vector<std::string>& arguments = {}) {
    GatewayOptions o = options_of(std::move(config), workers);
    o.binary = gateway_binary();
    o.arguments = {"--plugins", folder_.path()};
    o.arguments.insert(o.arguments.end(), arguments.begin(), arguments.end());
    gateway_ = std::make_unique<GatewayProcess>(std::move(o));
  }

 private:
  PluginFolder folder_;
  std::unique_ptr<GatewayProcess> gateway_;
};

}  // namespace sluice::test

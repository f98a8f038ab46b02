#include "core/app/plugin_folders.h"

namespace sluice::app {

std::vector<PluginFolder> plugin_folders(const std::string& flag, const config::Config* config) {
  std::vector<PluginFolder> all{{flag.empty() ? plugin::default_folder() : flag, ".so"}};
  if (config && config->plugin_folder && !config->plugin_folder->empty()) {
    std::string pattern = config->plugin_pattern.value_or(".so");
    all.push_back({*config->plugin_folder, pattern.empty() ? ".so" : pattern});
  }
  return all;
}

plugin::LockPolicy lock_policy(const config::Config& config) {
  using Mode = plugin::LockPolicy::Mode;
  plugin::LockPolicy policy;
  policy.public_key = config.plugin_public_key;
  if (!config.plugin_lock) policy.mode = policy.public_key.empty() ? Mode::if_present : Mode::required;
  else policy.mode = *config.plugin_lock == "required" ? Mode::required : *config.plugin_lock == "off" ? Mode::off : Mode::if_present;
  return policy;
}

plugin::ScanResult scan_plugins(plugin::Registry& registry, const std::vector<PluginFolder>& folders, const config::Config* config,
                                plugin::Registry::Isolation isolation, const plugin::Pins& pins) {
  plugin::ScanResult found;
  if (config) {
    registry.set_lock_policy(lock_policy(*config));
    registry.isolate(config->isolated_plugins, isolation);
  }
  for (const PluginFolder& f : folders) registry.scan(f.path, f.pattern, found, pins);
  registry.finish(found);
  // A trial that meant another plugin would let that one's new build have every request.
  if (config)
    for (const config::PluginTrial& t : config->trials)
      if (!registry.find_module(t.plugin)) found.refused.push_back({t.pointer, registry.unknown_plugin(t.plugin)});
  return found;
}

}  // namespace sluice::app

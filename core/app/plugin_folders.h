// Where plugins are looked for, and which files there may be loaded: what run, check and the tools have in common.
#pragma once
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/plugin/admission.h"
#include "core/plugin/registry.h"

namespace sluice::app {

struct PluginFolder {
  std::string path, pattern;  // files whose name contains the pattern
};

// `flag` is --plugins, which stands for the default folder; "": not given. `config` may be null: there is none, or it could not be read.
std::vector<PluginFolder> plugin_folders(const std::string& flag, const config::Config* config);
// A public key without a mode requires the lock: a signature that may be left out protects nothing.
plugin::LockPolicy lock_policy(const config::Config&);
// All files of all folders, as run takes them: what may be loaded, and what runs in processes of its own. `config` as above.
plugin::ScanResult scan_plugins(plugin::Registry&, const std::vector<PluginFolder>&, const config::Config* config,
                                plugin::Registry::Isolation, const plugin::Pins& = {});

}  // namespace sluice::app

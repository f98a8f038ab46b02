// What is in the plugins folders: from the files' notes without running anything of them, and, with a configuration, from the
// generation that it compiles to. For `sluice plugins`.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/app/plugin_folders.h"
#include "core/config/report.h"
#include "core/plugin/note.h"

namespace sluice::app {

struct PluginUse {
  std::string place, name;  // "[ENDPOINT: /x]", the binding as the configuration names it
  uint64_t count = 0;
};

struct ListedPlugin {
  enum class State : uint8_t { readable, loaded, refused };
  enum class Lock : uint8_t { none, allowed, refused };  // none: no plugins.lock has a say
  std::string file, sha256;
  std::optional<plugin::Note> note;  // absent: it has none, or it could not be read
  State state = State::readable;
  Lock lock = Lock::none;
  std::string why;  // refused
  std::vector<PluginUse> uses;
  uint64_t used() const;
};

struct PluginList {
  std::vector<ListedPlugin> plugins;
  std::vector<std::string> problems;  // of whole folders
  bool with_configuration = false;
  bool compiled = true;               // false: the configuration is refused, and so nothing is known about uses
  config::Report report;              // what is wrong with it
  bool any_refused() const;
};

// Names of the files of a folder that a scan looks at, sorted. Problem: the folder cannot be read.
Result<std::vector<std::string>, Problem> plugin_files(const PluginFolder&);

// Reads notes only.
PluginList list_plugins(const std::string& plugins_flag, const plugin::LockPolicy&);
// Loads the plugins and compiles the configuration, as `check` does; that runs their code.
PluginList list_plugins_of(const std::string& config_file, const std::string& plugins_flag);

}  // namespace sluice::app

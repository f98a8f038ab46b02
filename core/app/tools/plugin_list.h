// What is in the plugins folders: from the files' notes without running anything of them, and, with a configuration, from the
// generation that it compiles to. Or what a gateway that runs has loaded. For `sluice plugins`.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/app/plugin_facts.h"
#include "core/app/plugin_folders.h"
#include "core/config/report.h"
#include "core/plugin/note.h"

namespace sluice::app {

struct ListedPlugin {
  enum class State : uint8_t { readable, loaded, refused };
  enum class Lock : uint8_t { none, allowed, refused };  // none: no plugins.lock has a say
  std::string file, sha256;
  std::optional<plugin::Note> note;  // absent: it has none, or it could not be read
  bool from_entry = false;           // the file has none: that is what its entry says, in the gateway that has loaded it
  State state = State::readable;
  Lock lock = Lock::none;
  std::string why;  // refused
  std::vector<PluginUse> uses;
  uint64_t more_places = 0, more_uses = 0;  // that the gateway has left out
  // In a gateway:
  bool isolated = false;    // it runs in a process of its own
  uint64_t generation = 0;  // that uses it
  std::string role;         // of that generation: "current", "trial", "draining", …
  uint64_t used() const;
};

// Whose list it is.
struct RunningGateway {
  int64_t pid = 0;
  std::string socket, config, address;  // address: "" is every one
  uint64_t port = 0, generation = 0;    // of what serves
};

struct PluginList {
  std::optional<RunningGateway> gateway;  // it has loaded these; absent: they are in the folders
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

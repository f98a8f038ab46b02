// What is said of plugins that are loaded, on both sides of the admin socket: the gateway that has them writes it, `sluice plugins`
// reads it, and writes the same of files.
#pragma once
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/plugin/note.h"

namespace sluice::pipeline {
class Generation;
}
namespace sluice::plugin {
class Module;
}

namespace sluice::app {

struct PluginUse {
  std::string place, name;  // "[ENDPOINT: /x]", the binding as the configuration names it
  uint64_t count = 0;
};

// Where a generation uses its plugins, by plugin id. [any] that keeps the generation from ending meanwhile; its parts do not change. Takes
// milliseconds with thousands of endpoints.
std::map<std::string, std::vector<PluginUse>> uses_of(const pipeline::Generation&);

// What the entry of a loaded plugin says, as its note would. [any] that keeps the module.
plugin::Note note_of(const plugin::Module&);

// "id", "version", "abi", "built_with", "sanitizer" and "bindings" of a plugin's object. [any]
void write_note(boost::json::object& to, const plugin::Note&);
// The same from there. nullopt: they are not there, or not of that kind.
std::optional<plugin::Note> note_from(const boost::json::object&);

// An element of "places". [any]
boost::json::object json_of(const PluginUse&);
std::optional<PluginUse> use_from(const boost::json::value&);

}  // namespace sluice::app

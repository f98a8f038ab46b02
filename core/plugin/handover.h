// State that a plugin hands over at a reload (slc_lifecycle.export_state, import_state). [load]
#pragma once
#include <cstddef>
#include <map>
#include <string>

#include "core/plugin/registry.h"

namespace sluice::plugin {

constexpr size_t kMostState = size_t{16} << 20;  // of one object

// The objects of the generation before, by the name of their place: plugin, binding, endpoint and backend. Methods, path and
// conditions of an endpoint are unique in a configuration, so a place keeps its name when an endpoint moves in the file; equal
// backends of one endpoint are numbered in order.
class Places {
 public:
  void add(const Object& o) { objects_.emplace(o.key(), &o); }
  // nullptr: nobody was there.
  const Object* find(const std::string& key) const {
    auto it = objects_.find(key);
    return it == objects_.end() ? nullptr : it->second;
  }

 private:
  std::map<std::string, const Object*> objects_;
};

// Gives what `from` exports to `to`, which no worker has started yet. Either may be of another build; without the functions, or
// when one of them refuses, `to` starts as new (the latter is logged).
void hand_over(const Object& from, const Object& to);

}  // namespace sluice::plugin

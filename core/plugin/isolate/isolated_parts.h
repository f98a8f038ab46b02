// What the gateway holds of an isolated plugin's bindings and objects; for the sources of Isolated only.
#pragma once
#include <atomic>

#include "core/plugin/isolate/isolated.h"

namespace sluice::plugin::isolate {

// In front of the states of several helpers, as texts.
constexpr std::string_view kStates{"\0slc-isolated-states/1\0", 23};

// The handle that tells create() which binding it is for.
struct Isolated::BindingHost : Host {
  Isolated* plugin;
  uint32_t binding;
  BindingHost(Isolated* p, uint32_t b, std::string id) : Host{std::move(id)}, plugin{p}, binding{b} {}
};

struct Isolated::Object {
  Isolated* plugin;
  uint32_t binding;
  std::shared_ptr<Record> record;
  std::atomic<bool> started{false};  // some worker has
  Object(Isolated* p, uint32_t b, std::shared_ptr<Record> r) : plugin{p}, binding{b}, record{std::move(r)} {}
};

struct Isolated::State {
  std::shared_ptr<Channel> channel;
  Target target;
};

// Another process of the same plugin, without its objects.
inline Subject subject_of_probe(const Subject& s) {
  Subject probe;
  probe.id = s.id, probe.title = s.title, probe.copy = s.copy, probe.limits = s.limits;
  probe.trees = s.trees;
  probe.deaths = s.deaths, probe.restarts = s.restarts;
  return probe;
}

}  // namespace sluice::plugin::isolate

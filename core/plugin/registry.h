// Plugins: files → modules → bindings → objects of one generation. [load thread] unless marked. A registry outlives the
// objects made of its bindings. The last one that has a module ends it (unload()); its image stays.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/config/model.h"
#include "core/config/report.h"
#include "core/document/node.h"
#include "core/plugin/admission.h"
#include "core/plugin/worker.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

// One loaded file. The image stays mapped for the life of the process (architecture page); the same content is loaded once.
class Module;
class Schema;
class RemoteCall;

// One name that a module answers to.
struct Binding {
  const slc_binding* spec = nullptr;
  std::string name;                    // spec->name
  std::string interface_id;
  const void* table = nullptr;         // slc_middleware, slc_decoder, … by interface_id
  const slc_lifecycle* life = nullptr;
  // Not nullptr: the plugin runs in another process, and what its table would answer at once is asked for like this (remote.h).
  void (*remote)(void* state, slc_exchange&, RemoteCall&) noexcept = nullptr;
  std::shared_ptr<Module> module;
  std::shared_ptr<const Schema> schema;  // nullptr: none
  const slc_host* host = nullptr;
  std::string plugin_id, plugin_version;
};

// Builds that a scan takes in the place of what the files hold now, by plugin id: a trial's other side.
using Pins = std::map<std::string, std::shared_ptr<Module>, std::less<>>;

struct ScanResult {
  std::vector<std::string> problems;  // one message per file that was refused; architecture of messages: plugin-abi.md §2.5
  struct Refusal {
    std::string pointer, message;
  };
  std::vector<Refusal> refused;  // what the configuration asks of a plugin and cannot have: errors, with their place
  std::vector<std::string> warnings;  // about files that were taken
};

// All bindings of one generation.
class Registry {
 public:
  Registry();
  ~Registry();
  // The plugins that are to run in processes of their own (plugin.isolate). Before scan() and add(). `describe`: for who reads
  // names and schemas and makes no object, nothing is started for them, and nothing of theirs runs.
  enum class Isolation : uint8_t { run, describe };
  void isolate(std::vector<config::IsolatedPlugin>, Isolation = Isolation::run);
  // After scan(): entries of that list that no plugin answered to are refused.
  void finish(ScanResult&);
  // Before scan(): which files it may load.
  void set_lock_policy(LockPolicy);
  // Loads every regular file in `folder` whose name contains `pattern` (default ".so"), in name order. A refused file is a
  // problem, never a crash. A folder that does not exist is a problem.
  void scan(const std::string& folder, const std::string& pattern, ScanResult&, const Pins& pins = {});
  // The generation's objects have been made, or refused.
  void made() const;
  // For tests and static builds: a module whose entry is linked in.
  void add(const slc_entry*, const std::string& file, ScanResult&);

  // Binding by name or alias for this interface kind; nullptr: nobody. Decoders, encoders, resolvers: by lower-case name.
  const Binding* find(std::string_view interface_id, std::string_view name) const;
  // Namespace (extra_config key): any interface that takes scopes. Of several bindings of one plugin under that name, the one
  // for `scopes` (SLC_AT_…); when none is, the first.
  const Binding* find_namespace(std::string_view name, bool* is_alias, uint32_t scopes = ~0u) const;
  // The binding with SLC_BIND_DEFAULT of that kind; nullptr: no plugin for it is loaded.
  const Binding* find_default(std::string_view interface_id) const;
  std::vector<const Binding*> bindings() const;
  // In the order they were found.
  const std::vector<std::shared_ptr<Module>>& modules() const;
  // All names and aliases of a kind ("" = namespaces), for suggestions.
  std::vector<std::string> names(std::string_view interface_id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A configured object: what create() made for one block (or for one encoding name), with its state per worker.
class alignas(64) Object {
 public:
  ~Object();  // worker_stop must have run on every worker
  const Binding& binding() const { return *binding_; }
  const Place& place() const { return place_; }
  // Names the place across generations: plugin, binding, endpoint and backend (handover.h).
  const std::string& key() const { return key_; }
  void* object() const { return object_; }
  // State for hooks on this worker. [worker]
  void* state(const slc_worker& w) const { return states_.empty() ? object_ : states_[w.index]; }
  // [worker], once each before the first and after the last hook there.
  Result<bool, Problem> start(slc_worker&);
  void stop(slc_worker&);

 private:
  friend class ObjectFactory;
  // What every call of a hook reads stands in one cache line: the end of the place, object and states.
  Place place_;
  void* object_ = nullptr;
  std::vector<void*> states_;     // per worker; empty: hooks get the object itself
  std::vector<uint8_t> started_;  // per worker; bytes, because each worker writes its own
  const Binding* binding_ = nullptr;
  std::shared_ptr<void> keep_;    // the configuration trees that the plugin may have views of
  std::string where_, key_;
  std::shared_ptr<cost::Account> account_;
};

class Places;

// Where a block stands, for create() and messages.
struct Context {
  int32_t scope = 0;                         // SLC_AT_…; 0 for encodings and sd
  std::string where;                         // "[ENDPOINT: /x]"
  std::string place;                         // the same in full, "[ENDPOINT: /x] [BACKEND: /y]"; empty: `where` says it all
  const config::Element* root = nullptr;     // surrounding()
  const config::Element* endpoint = nullptr;
  const config::Element* backend = nullptr;
  std::string endpoint_label;                // what tells its endpoint from all others: methods, path, conditions; "" outside of endpoints
};

// Makes objects for one generation. The configuration trees that plugins keep views of live as long as the objects.
class ObjectFactory {
 public:
  // `before`: objects whose state is handed over to those at the same places; nullptr: none.
  ObjectFactory(const Registry&, uint32_t workers, config::Report&, const Places* before = nullptr);
  ~ObjectFactory();
  // Somebody else looked for unknown keys in the blocks already.
  void keys_are_checked();
  // Schema check, then create(). Keys that the schema does not know are warned of; where they look like a known one, in a family that must
  // not fail open, they are errors. nullptr: refused (reported at the block's pointer), or the block asks for nothing.
  // `block` null: no configuration.
  std::shared_ptr<Object> make(const Binding&, const config::Block* block, const Context&);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The families that must not fail open: auth, security, validation, qos, modifier (deviations 2 and 3). families.cc is the
// one file that lists them.
bool must_not_fail_open(std::string_view name);
// The same as a regular expression of ECMAScript, for schemas.
std::string must_not_fail_open_pattern();

// Default plugins folder: $SLUICE_PLUGINS, else <prefix>/lib/sluice/plugins beside the executable, else the build tree's.
std::string default_folder();

// A configuration value as a fully expanded document in `arena`.
document::Node to_document(Arena&, const boost::json::value&);

// Balancers, encoders etc. reach their tables like this: table<slc_decoder>(binding).
template <class T>
const T* table(const Binding& b) {
  return static_cast<const T*>(b.table);
}

}  // namespace sluice::plugin

// A plugin whose code runs in helper processes. In the gateway its bindings get other tables: their create() makes the object
// over there, and their hooks are calls to it (channel.h), so nobody else knows the difference. The plugin's file is mapped in
// the gateway for its constant description only: load(), create() and hooks never run here.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/plugin/isolate/channel.h"
#include "core/plugin/isolate/supervisor.h"
#include "core/plugin/module.h"

namespace sluice::plugin::isolate {

// One entry of the root key plugin.isolate.
using Rule = config::IsolatedPlugin;

// Whether the rule names this file: by the plugin's id, or by the file's name with or without its ending.
bool names(const Rule&, const Module&);
// Why this plugin cannot be isolated; empty: it can.
std::string refusal(const Module&);

// [load] Outlives the objects made of its bindings.
class Isolated {
 public:
  // Starts the helpers and waits until each has loaded the plugin. Problem: why one did not.
  static Result<std::shared_ptr<Isolated>, Problem> start(std::shared_ptr<Module>, const Rule&);
  ~Isolated();  // ends the helpers
  Isolated(const Isolated&) = delete;
  Isolated& operator=(const Isolated&) = delete;

  // What binding `index` of the module is served with here.
  struct Served {
    const void* table;
    const slc_lifecycle* life;
    const slc_host* host;
  };
  Served serve(uint32_t index) const;

 private:
  Isolated(std::shared_ptr<Module>, const Rule&);
  struct BindingHost;
  struct Object;
  struct State;
  static const slc_lifecycle kLife;
  static slc_status create(const slc_host*, slc_node, slc_report*, void**) noexcept;
  static void destroy(void*) noexcept;
  static slc_status worker_start(void*, slc_worker*, void**) noexcept;
  static void worker_stop(void*) noexcept;
  template <Hook hook>
  static slc_action call(void* state, slc_exchange*, void** slot) noexcept;
  static void on_done(void* state, slc_exchange*, void** slot) noexcept;

  slc_status create_in(Helper&, Record&, slc_report&, bool first, bool* wanted);
  std::shared_ptr<Channel> channel(slc_worker&);

  std::shared_ptr<Module> module_;
  std::shared_ptr<Supervisor> supervisor_;
  Subject subject_;
  slc_metric_id failures_ = 0;
  std::vector<std::shared_ptr<Helper>> helpers_;
  std::deque<slc_middleware> tables_;        // one per binding
  std::deque<BindingHost> hosts_;
  uint64_t objects_ = 0;
  std::map<document::Node*, uint64_t> trees_;  // surrounding() → Subject::trees + 1
  std::mutex mutex_;                           // guards channels_
  std::map<slc_worker*, std::shared_ptr<Channel>> channels_;
};

}  // namespace sluice::plugin::isolate

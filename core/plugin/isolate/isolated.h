// A plugin whose code runs in helper processes. In the gateway its bindings get other tables: their create() makes the object
// over there, and their calls are messages to it, so nobody else knows the difference. The plugin's file is not mapped in the
// gateway: another process has said what is in it (describe.h).
//
// A generation that isolates the same build with the same limits uses the helpers that are up: what the plugin shares there
// (blocks, limiters, its store) goes on, and the objects of both generations stand side by side. A block that they do not have
// yet is first made in a process of its own, so that a create() that crashes or hangs costs the running helpers nothing.
#pragma once
#include <deque>
#include <map>
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

// Why this plugin cannot be isolated; empty: it can.
std::string refusal(const Module&);

// [load] Outlives the objects made of its bindings.
class Isolated {
 public:
  // The helpers of this build and these limits when they are up; else starts some and waits until each has loaded the plugin.
  // Problem: why one did not.
  static Result<std::shared_ptr<Isolated>, Problem> start(std::shared_ptr<Module>, const Rule&);
  ~Isolated();  // ends the helpers
  Isolated(const Isolated&) = delete;
  Isolated& operator=(const Isolated&) = delete;

  // What binding `index` of the module is served with here.
  struct Served {
    const void* table;
    const slc_lifecycle* life;
    const slc_host* host;
    AskRemote remote;  // as Binding has it
  };
  Served serve(uint32_t index) const { return served_[index]; }
  // The objects of a generation have been made, or refused: the process to try them in is not needed any more.
  void made();

 private:
  Isolated(std::shared_ptr<Module>, const Rule&);
  struct BindingHost;
  struct Object;
  struct State;
  bool usable(const Module&, const Rule&) const;
  void next_generation();
  void serve(const Module::Offer&, uint32_t index);
  static slc_status create(const slc_host*, slc_node, slc_report*, void**) noexcept;
  static void destroy(void*) noexcept;
  static slc_status worker_start(void*, slc_worker*, void**) noexcept;
  static void worker_stop(void*) noexcept;
  static slc_status export_state(void* object, slc_status (*write)(void*, slc_str) noexcept, void* to) noexcept;
  static slc_status import_state(void* object, slc_str bytes) noexcept;
  template <Hook hook>
  static slc_action call(void* state, slc_exchange*, void** slot) noexcept;
  static void on_done(void* state, slc_exchange*, void** slot) noexcept;
  static void ask_remote(void* state, slc_exchange&, RemoteCall&) noexcept;
  static slc_status watch(void* object, const slc_resolver_query*, slc_host_list*,
                          slc_status (*publish)(slc_host_list*, const slc_address*, uint32_t) noexcept, void**) noexcept;
  static void unwatch(void* object, void* watch) noexcept;
  static int32_t level(void* object) noexcept;
  static void write(void* object, const slc_log_record*) noexcept;
  static void flush(void* object) noexcept;

  slc_status create_in(Helper&, Record&, slc_report&, bool tell, bool* wanted);
  slc_status try_out(Record&, slc_report&, bool* wanted);
  // A question about an object, to one helper, and its answer.
  StateAnswer ask(Helper&, Control, uint64_t object, const std::string& more = {});
  std::shared_ptr<Channel> channel(slc_worker&);

  std::shared_ptr<Module> module_;
  std::shared_ptr<Supervisor> supervisor_;
  Subject subject_, probe_subject_;
  slc_metric_id failures_ = 0;
  std::vector<std::shared_ptr<Helper>> helpers_;
  std::shared_ptr<Helper> probe_;            // nullptr: none was needed yet
  std::deque<slc_middleware> middleware_;    // tables, one per binding of the kind
  std::deque<slc_transport> transports_;
  std::deque<slc_resolver> resolvers_;
  std::deque<slc_log_sink> sinks_;
  std::deque<slc_decoder> decoders_;
  std::deque<slc_encoder> encoders_;
  std::deque<slc_balancer> balancers_;
  std::deque<slc_around> arounds_;
  std::deque<slc_lifecycle> lives_;
  std::deque<BindingHost> hosts_;
  std::vector<Served> served_;
  uint64_t objects_ = 0, generation_ = 0, watches_ = 0;
  std::multiset<std::string> contents_;        // of the objects there are. Guarded by the supervisor's mutex
  std::map<document::Node*, uint64_t> trees_;  // surrounding() → number in the bank; of the generation that is being made
  std::mutex mutex_;                           // guards channels_
  std::map<slc_worker*, std::shared_ptr<Channel>> channels_;
};

}  // namespace sluice::plugin::isolate

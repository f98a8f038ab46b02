// The insides of the gateway, shared by the gateway*.cc files and nobody else.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/app/gateway.h"
#include "core/app/gateway_control.h"
#include "core/app/gateway_generation.h"
#include "core/app/gateway_trial.h"
#include "core/app/gateway_worker.h"
#include "core/log/log.h"
#include "core/plugin/watchdog.h"

namespace sluice::app {

uint64_t drain_limit_of(const config::Config&);

struct Gateway::Impl {
  struct Pending {
    ReloadRequest request;
    std::function<void(const ReloadOutcome&)> done;
  };

  // ---- gateway.cc ----
  Result<uint16_t, Problem> start();
  void wait();
  void retired(uint64_t number);  // one worker's plan of it is gone; the last one ends the generation
  void end(Live&);                // no request is left of it: it goes, or later if background work of it runs
  void tick();                    // what time alone brings
  Clock::time_point next_tick() const;

  // ---- gateway_reload.cc ----
  void carry_out();               // everything that is pending
  ReloadOutcome reload(const ReloadRequest&);
  ReloadOutcome promote(const ReloadRequest&);
  void read_and_swap(const ReloadRequest&, ReloadOutcome&);
  Result<bool, Problem> stage(Live&);
  Result<bool, Problem> open_listeners(const config::Config&);
  void drop_listeners();
  void swap(Live& current, Live* trial);  // the others drain
  void discard(Live&);
  void finish_trial(const std::string& how);
  void judge_trial(uint64_t number);
  void promote_trial(const std::string& why);
  void note(const ReloadOutcome&);        // log and status

  // ---- gateway_status.cc ----
  // [any] Of each worker, within a second; nullopt: a hook holds its loop, or it has ended.
  std::vector<std::optional<WorkerCounts>> ask_workers() const;

  Live* find(uint64_t number);
  Live& current() { return *find(current_number); }
  const Live& current() const { return *const_cast<Impl*>(this)->find(current_number); }

  GatewayOptions options;
  uint32_t count = 1;
  bool log_applied = false;  // the log goes to a sink of a generation, and is to be taken away before that ends
  std::vector<std::unique_ptr<GatewayWorker>> workers;  // from start() until the end
  plugin::Watchdog watchdog;
  Control control;
  std::atomic<bool> ending{false};
  std::atomic<uint64_t> drain_limit_ms{0};
  const plugin::HookState* main_thread = &plugin::hook_state;  // of the thread that builds it and waits
  std::atomic<int64_t> reloading_ms{0};  // when the reload that runs began, on the clock of the day; 0: none runs
  uint32_t running = 0;  // workers
  uint64_t last_number = 0;
  Trials trials;                // written under the mutex
  bool promoting = false;       // builds that would go on trial are taken as they are
  const Clock::time_point started = Clock::now();

  // Written by the main thread under the mutex; read by it without, by others with.
  mutable std::mutex mutex;
  std::vector<std::unique_ptr<Live>> live;
  uint64_t current_number = 0, trial_number = 0;
  std::string listen_ip;
  uint16_t port = 0, configured_port = 0;
  uint64_t reloads = 0, refused = 0;
  std::optional<ReloadOutcome> last;
  std::vector<Pending> pending;
};

}  // namespace sluice::app

// What a plugin knows as slc_worker: one loop and everything of it that host services need. Lives as long as the process's
// workers (longer than any generation). Its thread: the loop's, except where marked [any].
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/http/client.h"
#include "core/loop/loop.h"
#include "core/loop/task.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

// Suspended hooks, plugin timers and callouts of one worker, addressed by slc_token: 8 bits worker, 24 bits slot, 32 bits
// generation. Slots never move and live as long as the process, so a late resume finds something to be refused by.
class TokenTable;

// Metric values of one worker: plain integers that only the worker writes (relaxed atomics for the reader).
class MetricShard;

}  // namespace sluice::plugin

// Destroyed before its client and its loop.
struct slc_worker {
  sluice::loop::Loop& loop;
  sluice::http::Client& client;
  uint32_t index;
  uint32_t count;
  std::unique_ptr<sluice::plugin::TokenTable> tokens;
  std::unique_ptr<sluice::plugin::MetricShard> metrics;

  slc_worker(sluice::loop::Loop&, sluice::http::Client&, uint32_t index, uint32_t count);
  ~slc_worker();
};

namespace sluice::plugin {

// Makes a worker reachable by tokens and metrics readers of other threads, and takes it out again. [main thread]
void register_worker(slc_worker*);
void unregister_worker(slc_worker*);
// Tells the worker's tables that the calling thread is its own; Object::start does. [worker]
void enter_worker(slc_worker&);

// The binding whose code runs on this thread: for log lines, the watchdog and crash reports. Set around every hook.
struct Place {
  std::string_view plugin;   // id
  std::string_view binding;  // namespace
  std::string_view where;    // "[ENDPOINT: /x]"
};
inline thread_local const Place* current_place = nullptr;

// What the watchdog sees of a thread: written by the thread alone with plain stores.
struct HookState {
  std::atomic<uint32_t> count{0};       // moves with every hook
  std::atomic<uint32_t> depth{0};       // hooks this thread is inside of
  std::atomic<uint32_t> stalled_ms{0};  // set by the watchdog: the running hook has been long
};
inline thread_local constinit HookState hook_state{};
void report_stall(const Place*);

class PlaceScope {
 public:
  explicit PlaceScope(const Place* p) : before_{current_place} {
    current_place = p;
    step(hook_state.count, 1), step(hook_state.depth, 1);
  }
  ~PlaceScope() {
    if (hook_state.stalled_ms.load(std::memory_order_relaxed)) [[unlikely]]
      report_stall(current_place);
    step(hook_state.count, 1), step(hook_state.depth, ~0u);
    current_place = before_;
  }
  PlaceScope(const PlaceScope&) = delete;
  PlaceScope& operator=(const PlaceScope&) = delete;

 private:
  static void step(std::atomic<uint32_t>& n, uint32_t by) {
    n.store(n.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  const Place* before_;
};

}  // namespace sluice::plugin

// What a plugin knows as slc_worker: one loop and everything of it that host services need. Lives as long as the process's
// workers (longer than any generation). Its thread: the loop's, except where marked [any].
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/http/client.h"
#include "core/loop/loop.h"
#include "core/loop/task.h"
#include "core/plugin/cost.h"
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

// The binding whose code runs on this thread: for log lines, the watchdog, crash reports and its account. Set around every
// call into a plugin.
struct Place {
  std::string_view plugin;   // id
  std::string_view binding;  // namespace
  std::string_view where;    // "[ENDPOINT: /x]"
  std::string_view version{};
  cost::Account* account = nullptr;  // nullptr: nothing is counted
  const Place* module = nullptr;     // the plugin as a whole; lives as long as the process
};
inline thread_local constinit const Place* current_place = nullptr;

// What others see of a thread that runs plugins' code. Written by the thread alone with plain stores; the watchdog reads.
struct HookState {
  static constexpr uint32_t kNoWorker = ~0u;
  std::atomic<uint32_t> count{0};                        // moves when a hook begins and when it ends
  std::atomic<HookKind> kind{HookKind::none};            // what runs now
  std::atomic<const cost::Account*> account{nullptr};    // whose; may be gone when an onlooker looks: cost::describe()
  // Set by the watchdog: the running hook has been long.
  std::atomic<uint32_t> stalled_ms{0}, stalled_cpu_ms{0}, stalled_queued_ms{0};
  // The thread's own.
  uint32_t worker = kNoWorker;          // whose cells it counts into; others count nothing
  uint64_t inner_ticks = 0;             // spent in calls that were made from inside the running one
  uint64_t inner_bytes = 0;
  uint64_t ended = 0;                   // clock reading at the end of the last call
};
inline thread_local constinit HookState hook_state{};
void report_stall(const Place*, HookKind, uint64_t ticks);

// Around one call into a plugin: says who runs, and counts it. About 15 ns on a worker (tests/bench/hooks_bench.cc), less
// when `since` saves a reading of the clock. Callers that know the arena that the plugin takes memory from name it.
class PlaceScope {
 public:
  // since: hook_state.ended of a call right before this one, so that nothing else lies between; 0: read the clock.
  explicit PlaceScope(const Place* p, HookKind kind = HookKind::callback, const Arena* arena = nullptr, uint64_t since = 0)
      : PlaceScope{p, kind, arena, since, p ? p->account : nullptr} {}
  // With an account that is not the place's, which the caller keeps alive.
  PlaceScope(const Place* p, HookKind kind, const Arena* arena, uint64_t since, cost::Account* account)
      : before_{current_place}, arena_{arena} {
    HookState& s = hook_state;
    cell_ = account ? account->cell(s.worker, kind) : nullptr;  // a thread that is no worker has no cells
    current_place = p;
    kind_before_ = s.kind.load(std::memory_order_relaxed);
    account_before_ = s.account.load(std::memory_order_relaxed);
    s.kind.store(kind, std::memory_order_relaxed);
    s.account.store(account, std::memory_order_relaxed);
    step(s.count);
    if (!cell_) return;
    inner_ticks_ = std::exchange(s.inner_ticks, 0);
    inner_bytes_ = std::exchange(s.inner_bytes, 0);
    used_ = arena ? arena->used() : 0;
    since_ = since ? since : clock::ticks();
  }
  ~PlaceScope() {
    HookState& s = hook_state;
    uint64_t spent = 0;
    if (cell_) {
      uint64_t now = clock::ticks(), used = arena_ ? arena_->used() : 0;
      spent = now > since_ ? now - since_ : 0;
      uint64_t taken = used > used_ ? used - used_ : 0;
      cell_->add_call(spent > s.inner_ticks ? spent - s.inner_ticks : 0, taken > s.inner_bytes ? taken - s.inner_bytes : 0);
      s.inner_ticks = inner_ticks_ + spent, s.inner_bytes = inner_bytes_ + taken;
      s.ended = now;
    } else {
      s.ended = 0;
    }
    step(s.count);
    if (s.stalled_ms.load(std::memory_order_relaxed)) [[unlikely]] {
      if (cell_) cost::Cell::add(cell_->stalls, 1);
      report_stall(current_place, s.kind.load(std::memory_order_relaxed), spent);
    }
    s.kind.store(kind_before_, std::memory_order_relaxed);
    s.account.store(account_before_, std::memory_order_relaxed);
    current_place = before_;
  }
  PlaceScope(const PlaceScope&) = delete;
  PlaceScope& operator=(const PlaceScope&) = delete;

 private:
  static void step(std::atomic<uint32_t>& n) { n.store(n.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  const Place* before_;
  const Arena* arena_;
  cost::Cell* cell_;
  const cost::Account* account_before_;
  HookKind kind_before_;
  uint64_t since_ = 0, used_ = 0, inner_ticks_ = 0, inner_bytes_ = 0;
};

// Counts the time from a hook's SLC_PENDING until it goes on, however that ends: a local of the coroutine that waits. [worker]
class WaitScope {
 public:
  WaitScope(const Place& p, HookKind kind, const slc_worker& w)
      : cell_{p.account ? p.account->cell(w.index, kind) : nullptr}, since_{cell_ ? clock::ticks() : 0} {}
  ~WaitScope() {
    if (!cell_) return;
    uint64_t now = clock::ticks();
    cell_->add_wait(now > since_ ? now - since_ : 0);
  }
  WaitScope(const WaitScope&) = delete;
  WaitScope& operator=(const WaitScope&) = delete;

 private:
  cost::Cell* cell_;
  uint64_t since_;
};

// The last call of this kind failed: SLC_FAIL, an unknown action, another status than SLC_OK. [worker]
inline void count_error(const Place& p, HookKind kind, const slc_worker& w) {
  if (cost::Cell* c = p.account ? p.account->cell(w.index, kind) : nullptr) cost::Cell::add(c->errors, 1);
}

}  // namespace sluice::plugin

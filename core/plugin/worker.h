// What a plugin knows as slc_worker: one loop and everything of it that host services need. Lives as long as the process's
// workers (longer than any generation). Its thread: the loop's, except where marked [any].
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
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

// What others see of a thread that runs plugins' code, and what nested calls tell each other. One cache line.
struct alignas(64) HookState {
  static constexpr uint32_t kNoWorker = ~0u;
  // Written by the thread alone with plain stores; the watchdog reads.
  std::atomic<uint32_t> count{0};  // moves when a hook begins
  std::atomic<uint64_t> running{0};  // what runs now, packed; 0: nothing
  // Set by the watchdog: the running hook has been long.
  std::atomic<uint32_t> stalled_ms{0}, stalled_cpu_ms{0}, stalled_queued_ms{0};
  // The thread's own.
  uint32_t worker = kNoWorker;              // whose cells it counts into; others count into the one that they share
  uint64_t told_ticks = 0, told_bytes = 0;  // everything that hooks of this thread were charged with

  // Kind and account in one word: user space has 56 bits of address at most.
  static uint64_t pack(HookKind kind, const cost::Account* account) {
    return static_cast<uint64_t>(kind) << 56 | reinterpret_cast<uintptr_t>(account);
  }
  static HookKind kind_of(uint64_t running) { return static_cast<HookKind>(running >> 56); }
  // May be gone when an onlooker looks: cost::describe().
  static const cost::Account* account_of(uint64_t running) {
    return reinterpret_cast<const cost::Account*>(static_cast<uintptr_t>(running & ((uint64_t{1} << 56) - 1)));
  }
  HookKind kind() const { return kind_of(running.load(std::memory_order_relaxed)); }
  // A call begins: says so to onlookers.
  [[gnu::always_inline]] void begin(uint64_t packed) {
    running.store(packed, std::memory_order_relaxed);
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};
inline thread_local constinit HookState hook_state{};
void report_stall(const Place*, HookKind, uint64_t ticks);

// What a call cost, from two readings of the clock and of the arena. Calls from inside it, which say in HookState what they were
// charged with, are subtracted. A value that somebody holds while one call, or a run of calls, goes on. [worker]
class Meter {
 public:
  [[gnu::always_inline]] void start(const Arena* arena) {
    since_ = clock::ticks();
    ticks_base_ = since_ - hook_state.told_ticks;
    bytes_base_ = (arena ? arena->used() : 0) - hook_state.told_bytes;
  }
  // Charges what happened since start(), or since the last charge(), and goes on from here: one reading serves two calls that
  // follow each other. Answers the time, inner calls included.
  [[gnu::always_inline]] uint64_t charge(cost::Cell& cell, const Arena* arena) {
    HookState& s = hook_state;
    const uint64_t now = clock::ticks(), spent = now - since_;
    uint64_t own = now - s.told_ticks - ticks_base_;  // what inner calls were charged with has gone from it
    if (static_cast<int64_t>(own) < 0) own = 0;       // a counter that differs between cores by a hair
    cell.add_call(own);
    s.told_ticks += own;
    since_ = now, ticks_base_ = now - s.told_ticks;
    const uint64_t used = arena ? arena->used() : 0, taken = used - s.told_bytes - bytes_base_;
    if (taken) {
      if (static_cast<int64_t>(taken) > 0) cost::add(cell.bytes, taken), s.told_bytes += taken;  // else the host gave room back
      bytes_base_ = used - s.told_bytes;
    }
    return spent;
  }
  // The same into a cell that other threads add to as well.
  uint64_t charge(cost::OutsideCell&, const Arena*);

 private:
  // Now, less what this thread's hooks had been charged with by then.
  uint64_t ticks_base_ = 0, bytes_base_ = 0;
  uint64_t since_ = 0;
};

// Around one call into a plugin: says who runs, and counts it. tests/bench/hooks_bench.cc has the price, most of which is
// reading the clock. Callers that know the arena that the plugin takes memory from name it.
class PlaceScope {
 public:
  [[gnu::always_inline]] explicit PlaceScope(const Place* p, HookKind kind = HookKind::callback, const Arena* arena = nullptr)
      : PlaceScope{p, kind, arena, p ? p->account : nullptr} {}
  // With an account that is not the place's, which the caller keeps alive.
  [[gnu::always_inline]] PlaceScope(const Place* p, HookKind kind, const Arena* arena, cost::Account* account)
      : before_{current_place}, arena_{arena}, running_before_{hook_state.running.load(std::memory_order_relaxed)} {
    cell_ = account ? account->cell(hook_state.worker, kind) : nullptr;  // a thread that is no worker has none of its own
    current_place = p;
    hook_state.begin(HookState::pack(kind, account));
    if (account) meter_.start(arena);
  }
  [[gnu::always_inline]] ~PlaceScope() {  // inlined, what the two share stays in registers
    HookState& s = hook_state;
    const uint64_t spent = cell_ ? meter_.charge(*cell_, arena_) : charge_outside();
    if (s.stalled_ms.load(std::memory_order_relaxed)) [[unlikely]]
      report_stall(current_place, s.kind(), spent);
    s.running.store(running_before_, std::memory_order_relaxed);
    current_place = before_;
  }
  PlaceScope(const PlaceScope&) = delete;
  PlaceScope& operator=(const PlaceScope&) = delete;

 private:
  // Without a cell of a worker: into the one of all other threads, if this is one of them.
  [[gnu::cold, gnu::noinline]] uint64_t charge_outside();
  const Place* before_;
  const Arena* arena_;
  cost::Cell* cell_;
  uint64_t running_before_;
  Meter meter_;
};

// Who is called, and where it is counted: what PlaceScope finds out for every call, found out once.
struct CallSite {
  const Place* place = nullptr;
  uint64_t running = 0;        // HookState::pack
  cost::Cell* cell = nullptr;  // of the worker that calls; nullptr: it is not counted
};

// Around calls into plugins that follow each other with nothing in between: k of them cost k + 1 readings of the clock. A local
// of a function that is no coroutine. [worker]
class HookRun {
 public:
  // counted: every site that will be called has a cell; else nothing is counted.
  [[gnu::always_inline]] HookRun(const Arena& arena, bool counted)
      : before_{current_place}, arena_{&arena}, running_before_{hook_state.running.load(std::memory_order_relaxed)}, counted_{counted} {
    if (counted) meter_.start(arena_);
  }
  [[gnu::always_inline]] ~HookRun() { current_place = before_; }
  HookRun(const HookRun&) = delete;
  HookRun& operator=(const HookRun&) = delete;

  template <class F>
  [[gnu::always_inline]] auto call(const CallSite& site, F&& hook) {
    current_place = site.place;
    hook_state.begin(site.running);
    if constexpr (std::is_void_v<decltype(hook())>) {
      hook();
      end(site);
    } else {
      auto answer = hook();
      end(site);
      return answer;
    }
  }

 private:
  [[gnu::always_inline]] void end(const CallSite& site) {
    const uint64_t spent = counted_ ? meter_.charge(*site.cell, arena_) : 0;
    if (hook_state.stalled_ms.load(std::memory_order_relaxed)) [[unlikely]]
      report_stall(site.place, HookState::kind_of(site.running), spent);
    hook_state.running.store(running_before_, std::memory_order_relaxed);  // between two calls nobody is to blame
  }
  const Place* before_;
  const Arena* arena_;
  uint64_t running_before_;
  Meter meter_;
  bool counted_;
};

// Counts the time from a hook's SLC_PENDING until it goes on, however that ends: a local of the coroutine that waits. [worker]
class WaitScope {
 public:
  WaitScope(const Place& p, HookKind kind, const slc_worker& w)
      : cell_{p.account ? p.account->rare(w.index, kind) : nullptr}, since_{cell_ ? clock::ticks() : 0} {}
  ~WaitScope() {
    if (!cell_) return;
    uint64_t now = clock::ticks();
    cost::add(cell_->waits, 1), cost::add(cell_->waited, now > since_ ? now - since_ : 0);
  }
  WaitScope(const WaitScope&) = delete;
  WaitScope& operator=(const WaitScope&) = delete;

 private:
  cost::RareCell* cell_;
  uint64_t since_;
};

// A hook of this kind was suspended, and the time was over before anybody resumed it. [worker]
inline void count_timed_out(const Place& p, HookKind kind, const slc_worker& w) {
  if (cost::RareCell* c = p.account ? p.account->rare(w.index, kind) : nullptr) cost::add(c->timed_out, 1);
}

// The last call of this kind failed: as below, on whatever thread this is. [any]
void count_error(const Place&, HookKind);

// The last call of this kind failed: SLC_FAIL, an unknown action, another status than SLC_OK. [worker]
inline void count_error(const Place& p, HookKind kind, const slc_worker& w) {
  if (cost::RareCell* c = p.account ? p.account->rare(w.index, kind) : nullptr) cost::add(c->errors, 1);
}

}  // namespace sluice::plugin

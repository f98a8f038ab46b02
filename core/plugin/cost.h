// Who costs what: calls, errors, time and memory of each plugin at each place of the configuration, always on.
//
// One Account per (plugin, version, binding, place). It outlives a reload that leaves the place as it is, because the new
// generation finds it before the old one lets go. Within it every worker has a block of cells of its own, one per kind of hook,
// made at the first call: a hook adds to plain integers in cache lines that no other thread writes (relaxed atomics for the
// reader, no read-modify-write). Threads that are no worker (the pool of sluice.work/1, the log's, the main thread) share one cell
// per account and kind, which they add to atomically. PlaceScope and HookRun in worker.h do the counting.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/hook.h"

namespace sluice::plugin::cost {

using Number = std::atomic<uint64_t>;
inline void add(Number& n, uint64_t by) { n.store(n.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }

// What one kind of hook did on one worker. add_call: [worker]; values: [any].
struct Cell {
  Number calls{0};
  Number ticks{0}, longest{0};  // clock::ticks() inside the hook itself: what it called in other plugins is theirs
  Number bytes{0};              // taken from the arena of the exchange
  [[gnu::always_inline]] void add_call(uint64_t spent) {
    add(calls, 1), add(ticks, spent);
    if (spent > longest.load(std::memory_order_relaxed)) longest.store(spent, std::memory_order_relaxed);
  }
};
// What most hooks never have.
struct RareCell {
  Number errors{0};
  Number waits{0}, waited{0};   // suspensions that ended, and their ticks
  Number timed_out{0};          // suspensions that nobody had resumed when the time was over
  Number stalls{0};             // calls that the watchdog found holding the loop
};

// What one kind of hook did on threads that are no worker. They add to it at the same time. [any]
struct OutsideCell {
  HookKind kind = HookKind::none;
  OutsideCell* next = nullptr;  // of the same account; written before others see the cell
  Cell cell;
  Number errors{0};
  void add_call(const Cell& one);  // what a call cost, as its thread has measured it
};

// Cells that one worker uses one after the other, as a chain of hooks does, side by side in memory: ten hooks touch five cache
// lines instead of ten. Each account that has one of them keeps the row.
using CellRow = std::shared_ptr<Cell[]>;

// The cells of one place on one worker, in the order of their first use.
struct alignas(64) Block {
  static constexpr uint32_t kCells = 15;                 // kinds of hooks that one interface can have, and some
  std::array<std::atomic<uint8_t>, kHookKinds> index{};  // by HookKind: cell + 1; 0: none yet
  std::array<std::shared_ptr<Cell>, kCells> cells;       // set before the index says so, and never again
  std::atomic<std::array<RareCell, kCells>*> rare{nullptr};
  uint8_t used = 0;  // the worker's
  ~Block() { delete rare.load(std::memory_order_relaxed); }
};

// Sums over workers, in nanoseconds.
struct Totals {
  uint64_t calls = 0, errors = 0, busy_ns = 0, longest_ns = 0, waits = 0, waited_ns = 0, bytes = 0, timed_out = 0, stalls = 0;
  void operator+=(const Totals&);
  bool any() const { return (calls | errors | waits | timed_out | stalls) != 0; }
};

// Whose code it is; one for all its places, as long as the process.
struct Owner {
  std::string plugin, version, binding, interface_id;
};

class alignas(64) Account : public std::enable_shared_from_this<Account> {
 public:
  Account(const Owner&, std::string place, uint32_t workers);  // through find_or_make()
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  const Owner& owner() const { return *owner_; }
  const std::string& place() const { return place_; }
  uint32_t workers() const { return workers_; }
  // nullptr: no such worker, or no memory. [that worker]
  Cell* cell(uint32_t worker, HookKind kind) {
    Block* b = block(worker);
    uint8_t i = b ? b->index[static_cast<uint32_t>(kind)].load(std::memory_order_relaxed) : uint8_t{0};
    return i ? b->cells[i - 1u].get() : grow(worker, kind, nullptr);
  }
  // As cell(); when there is none yet, it becomes this one. [that worker]
  Cell* cell(uint32_t worker, HookKind kind, const CellRow& row, size_t at) {
    Block* b = block(worker);
    uint8_t i = b ? b->index[static_cast<uint32_t>(kind)].load(std::memory_order_relaxed) : uint8_t{0};
    return i ? b->cells[i - 1u].get() : grow(worker, kind, {row, &row[static_cast<std::ptrdiff_t>(at)]});
  }
  RareCell* rare(uint32_t worker, HookKind kind);
  // Of all threads that are no worker; it stays as long as the account. nullptr: the kind is not counted there (counts_outside),
  // or no memory. [any]
  OutsideCell* outside(HookKind kind) const;
  // f(kind, cell) for what that worker has called. [that worker]
  template <class F>
  void each(uint32_t worker, F&& f) const {
    const Block* b = block(worker);
    for (uint32_t k = 0; b && k < kHookKinds; ++k)
      if (uint8_t i = b->index[k].load(std::memory_order_relaxed)) f(static_cast<HookKind>(k), static_cast<const Cell&>(*b->cells[i - 1u]));
  }
  // f(kind, cell) for what threads that are no worker have called. [any]
  template <class F>
  void each_outside(F&& f) const {
    for (const OutsideCell* c = outside_.load(std::memory_order_acquire); c; c = c->next) f(c->kind, c->cell);
  }
  // Per HookKind. [any]
  std::array<Totals, kHookKinds> totals() const;

 private:
  static constexpr uint32_t kNear = 4;  // workers whose blocks stand in the account's own cache line
  Block* block(uint32_t worker) const {
    return worker < kNear ? near_[worker].load(std::memory_order_relaxed)
                          : worker < workers_ ? far_[worker - kNear].load(std::memory_order_relaxed) : nullptr;
  }
  Cell* grow(uint32_t worker, HookKind, std::shared_ptr<Cell> given);
  std::array<std::atomic<Block*>, kNear> near_{};
  std::unique_ptr<std::atomic<Block*>[]> far_;
  uint32_t workers_;
  const Owner* owner_;
  std::string place_;
  mutable std::atomic<OutsideCell*> outside_{nullptr};  // few, and never taken out
};

// The account of this place; the existing one while anybody holds it. [any]
std::shared_ptr<Account> find_or_make(Owner, std::string place, uint32_t workers);

// What a thread is busy with, copied out if the account is alive; false: it is gone, or there is none. For onlookers that have
// nothing but the pointer. [any]
bool describe(const Account*, Owner* owner, std::string* place);

// One place, with the kinds of hooks that did something.
struct Row {
  Owner owner;
  std::string place;  // "[ENDPOINT: /x] [BACKEND: /y]"; empty: places that are no longer configured, taken together
  std::vector<std::pair<HookKind, Totals>> hooks;
  Totals sum() const;
};
// Every place whose plugin was called, in order of owner and place. [any]
std::vector<Row> snapshot();

}  // namespace sluice::plugin::cost

// Suspended hooks, plugin timers and callouts of one worker, addressed by slc_token. A token is 8 bits of worker, 24 bits of
// slot and 32 bits of generation; each use of a slot has its own generation, so a late, double or invented token matches
// nothing. Tables are never freed: a late resume from another thread finds something to be refused by.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/loop/deadlines.h"
#include "core/plugin/exchange.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

class Origins;

// A timer or callout that runs. Owned by its table; ends by firing, by cancel, with its exchange or with its object.
class Operation : public OwnedOp {
 public:
  virtual ~Operation() = default;
  TokenTable* table = nullptr;
  slc_exchange* owner = nullptr;  // nullptr: belongs to the worker, and to the object whose place it has
  const Place* place = nullptr;   // who started it
  void* user = nullptr;
  bool quiet = false;             // ends with its object without a word: nobody is expected to cancel it
};

// [worker] except where marked.
class TokenTable {
 public:
  static constexpr uint32_t kChunk = 1024, kChunks = 1024;  // at most a million suspended things per worker
  static constexpr uint32_t kMostWorkers = 256;             // a token has 8 bits of its worker

  explicit TokenTable(slc_worker&);
  ~TokenTable();
  TokenTable(const TokenTable&) = delete;
  TokenTable& operator=(const TokenTable&) = delete;

  // Says that the calling thread is the worker's. Before it is known, every thread counts as a foreign one for resume()
  // and as the right one for everything else (unit tests, start-up).
  void bind_thread();
  bool on_thread() const;

  // A token for the next resume; a former one of this suspension becomes stale. 0: the table is full, or its worker has no number
  // that fits into a token.
  slc_token suspend(Suspension&);
  // Makes the suspension's token stale.
  void drop(Suspension&);
  // [any] Takes the token at once (the answer is final), wakes the exchange on a later turn of its loop.
  static slc_status resume(slc_token, slc_action);
  // Nobody has resumed it yet; false also for stale ones.
  bool is_waiting(slc_token) const;

  // 0: full.
  slc_token start_timer(slc_exchange* owner, uint32_t ms, slc_timer_fn, void* user);
  slc_token start_callout(slc_exchange* owner, const slc_callout&, slc_reply_fn, void* user);
  slc_status start_job(slc_exchange* owner, const slc_job&, void* user, slc_token*);
  slc_status start_lookup(slc_exchange* owner, const slc_dns_query&, slc_dns_fn, void* user, slc_token*);
  slc_token start_event(void (*fn)(void*) noexcept, void* user);
  // [any] Has the event's function run on a later turn; SLC_ESTALE when it is cancelled.
  static slc_status signal(slc_token);
  slc_status cancel(slc_token);
  void cancel_owned(slc_exchange&);
  // Cancels what this object left running on the worker; how many of them somebody should have cancelled. quiet_only: the
  // others stay.
  uint32_t cancel_of(const Place*, bool quiet_only = false);

  // An operation is about to call back: its token becomes stale, its owner forgets it.
  void detach(Operation&);
  // Operations end here: timers are kept for reuse.
  void recycle(Operation*);

  slc_worker& worker() { return *worker_; }
  Origins& origins() { return *origins_; }
  uint32_t used() const { return used_; }  // slots in use, for tests and gauges

  // Tokens of this worker are found from now on, or no longer. False: the worker has no number that fits into a token. [main thread]
  static bool publish(TokenTable*);
  static void unpublish(TokenTable*);
  static bool any_published();  // [any]
  // The worker is going: ends all operations without a call back and keeps the table for late tokens.
  static void retire(std::unique_ptr<TokenTable>);

 private:
  struct Slot;
  struct Timer;
  enum Kind : uint8_t { kFree = 0, kSuspended = 1, kResumed = 2, kOperation = 3, kEvent = 4, kSignalled = 5 };

  Slot* take(Kind, slc_token*);
  void release(Slot&);
  Slot* slot(uint32_t index) const;
  slc_token adopt(Operation*, slc_exchange* owner, Kind = kOperation);
  void deliver_later(slc_token);
  void flush();
  void deliver(slc_token);

  slc_worker* worker_;
  uint32_t index_;
  std::unique_ptr<Origins> origins_;
  std::atomic<Slot*> chunks_[kChunks] = {};
  uint32_t slots_ = 0, used_ = 0, free_ = UINT32_MAX, last_generation_;
  OwnedOp* ownerless_ = nullptr;
  std::vector<std::unique_ptr<Timer>> spare_;
  std::vector<slc_token> ready_, delivering_;
  bool flush_posted_ = false;
  std::atomic<const void*> thread_{nullptr};
  std::mutex mutex_;              // guards loop_ against the end of the worker
  loop::Loop* loop_;
};

}  // namespace sluice::plugin

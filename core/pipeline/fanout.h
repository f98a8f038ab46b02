// Several calls at once with a deadline over all of them: the parallel merge (pipeline.md §5.1) and concurrent_calls (§5.2).
// Lives in a coroutine frame; destroying it cancels what runs.
#pragma once
#include "core/pipeline/exchange.h"

namespace sluice::pipeline {

class FanOut {
 public:
  enum class Until : uint8_t { all, first_complete };
  FanOut(Exchange&, uint32_t calls, Until);
  ~FanOut();
  FanOut(const FanOut&) = delete;

  Arena& arena() { return exchange_.arena(); }
  // Starts one branch. `scope` may be set later by the branch (concurrent_calls pick one).
  void start(loop::Task<void> task, Scope* scope);
  // Waits until everything is done, somebody won, or `timeout_ms` has passed; then the rest is cancelled (Errc::timeout after
  // the deadline, Errc::cancelled after a win).
  loop::Task<void> wait(uint64_t timeout_ms);
  // In order of start.
  Scope& result(uint32_t i) { return *branches_[i].scope; }
  uint32_t size() const { return count_; }
  Scope* winner() const { return winner_; }
  Scope* last_finished() const { return last_; }
  Scope* last_without_error() const { return last_good_; }

 private:
  struct Branch : loop::Completion {
    FanOut* owner;
    loop::Task<void> task;
    Scope* scope;
    bool done;
  };
  void finished(Branch&);
  void cancel_rest(Errc why);
  Exchange& exchange_;
  Until until_;
  Branch* branches_;
  uint32_t count_ = 0, running_ = 0;
  Scope *winner_ = nullptr, *last_ = nullptr, *last_good_ = nullptr;
  bool expired_ = false;
  loop::Signal wake_;
  loop::Deadline deadline_;
};

// Has a word about the request of a call before it runs.
struct RequestWriter {
  void (*write)(void* context, BackendScope&);
  void* context;
};

// One backend, called `concurrent_calls` times at once: the first complete answer wins (0.75 T). With one call: just that.
// Leaves the chosen scope in *chosen. `ends_ms`: when the caller cuts it off, in the loop's time.
loop::Task<void> call_backend(Exchange&, const BackendPlan&, BackendScope** chosen, uint64_t ends_ms, const RequestWriter* = nullptr);

// The same with T over it: for stages outside that have to see the time-out. Leaves the outcome in `result`, and in *source the
// call whose body still streams, if any.
loop::Task<void> call_single(Exchange&, const EndpointPlan&, Scope& result, BackendScope** source);

// All backends at once, parts merged in the order of declaration (deviation 1), 0.85 T. Leaves data, complete and the error
// (all failed) or the log lines (some failed) in `result`.
loop::Task<void> call_all(Exchange&, const EndpointPlan&, Scope& result);

}  // namespace sluice::pipeline

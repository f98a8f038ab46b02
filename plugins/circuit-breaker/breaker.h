// The breaker's state machine: closed, open, half-open. One state per backend entry, in memory that all workers and later
// generations of the configuration share.
#pragma once
#include <atomic>
#include <cstdint>

namespace breaker {

enum class State : uint32_t { closed = 0, half_open = 1, open = 2 };

constexpr const char* name_of(State s) { return s == State::closed ? "closed" : s == State::open ? "open" : "half-open"; }

struct Options {
  uint64_t interval_ns = 0;  // while closed, counters are cleared this often; 0: never
  uint64_t timeout_ns = 0;   // how long it stays open
  uint32_t max_errors = 0;   // consecutive failures that are tolerated
};

struct Transition {
  State from, to;
  explicit operator bool() const { return from != to; }
};

// All zeroes is a closed breaker that nobody used yet. No pointers: another build of the plugin may take it over.
class Shared {
 public:
  // A call's permission. generation 0: the call was refused.
  struct Pass {
    uint64_t generation;
    State refused_in;       // when refused: open ("circuit breaker is open") or half-open ("too many requests")
    Transition transition;  // for the log
  };

  Pass begin(const Options& o, uint64_t now) {
    const Lock lock{*this};
    const Transition moved = catch_up(o, now);
    if (state_ == State::open || (state_ == State::half_open && requests_ >= 1)) return {0, state_, moved};
    ++requests_;
    return {generation_, state_, moved};
  }

  // What became of the call. Counts only while nothing changed since it began: an answer that comes after the breaker opened
  // says nothing about the backend now.
  Transition end(const Options& o, uint64_t now, uint64_t generation, bool success) {
    const Lock lock{*this};
    Transition moved = catch_up(o, now);
    if (generation != generation_) return moved;
    const State before = state_;
    if (success) {
      failures_ = 0;
      if (state_ == State::half_open) enter(State::closed, o, now);
    } else if (state_ == State::half_open || (state_ == State::closed && ++failures_ > o.max_errors)) {
      enter(State::open, o, now);
    }
    if (state_ != before) moved = {before, state_};
    return moved;
  }

  State state() {
    const Lock lock{*this};
    return state_;
  }

 private:
  // Held for a few loads and stores; workers are few, so spinning is cheaper than a kernel lock, and unlike a mutex it may
  // lie in memory that outlives the code.
  class Lock {
   public:
    explicit Lock(Shared& s) : shared_{s} {
      while (shared_.locked_.exchange(1, std::memory_order_acquire) != 0) {
        while (shared_.locked_.load(std::memory_order_relaxed) != 0) {
        }
      }
    }
    ~Lock() { shared_.locked_.store(0, std::memory_order_release); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    Shared& shared_;
  };

  void enter(State s, const Options& o, uint64_t now) {
    state_ = s;
    ++generation_;
    requests_ = failures_ = 0;
    expiry_ = s == State::open ? now + o.timeout_ns : s == State::closed && o.interval_ns != 0 ? now + o.interval_ns : 0;
  }

  // What time alone changed. Nothing happens without a call: there is no timer.
  Transition catch_up(const Options& o, uint64_t now) {
    const State before = state_;
    if (generation_ == 0) {
      enter(State::closed, o, now);
    } else if (state_ == State::closed && o.interval_ns != 0 && (expiry_ == 0 || expiry_ < now)) {
      enter(State::closed, o, now);
    } else if (state_ == State::open && expiry_ < now) {
      enter(State::half_open, o, now);
    }
    return {before, state_};
  }

  std::atomic<uint32_t> locked_;
  State state_;
  uint64_t generation_;
  uint64_t expiry_;
  uint32_t requests_, failures_;  // failures: consecutive ones
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);

}  // namespace breaker

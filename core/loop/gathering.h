// Waiting a moment for more while many large bodies pass through a loop.
//
// A loop with time to spare is woken for every segment that arrives: a turn, a read and a write for 64 KB of one body (one
// segment of the loopback device), and whoever reads at the other end is woken each time too. When many bodies are on the way
// at once, each of them waits for the others anyway; a pause far shorter than that makes their pieces larger and the wake-ups
// of both sides fewer. Network cards do the same with their interrupts (rx-usecs of ethtool(8)). On links whose segments reach
// the loop in smaller pieces than kLarge the rule never applies.
// Small requests of the same worker pay for it, with up to a pause for each turn that they need. A turn that brings any of
// them goes on at once. docs/life-of-a-request.md has the figures.
#pragma once
#include <uv.h>

#include <cstddef>
#include <cstdint>

namespace sluice::loop {

// One for a loop, on its thread.
class Gathering {
 public:
  static constexpr size_t kLarge = 32 * 1024;   // bytes of a read that belongs to a large body
  static constexpr uint32_t kManyStreams = 16;  // that had such a read in this or the last window
  static constexpr unsigned kWindowShift = 5;   // a window is 32 ms of the loop's time
  static constexpr uint32_t kEnough = 8;        // such reads in one turn: it gathers enough without a pause
  static constexpr uint32_t kPauseUs = 150;     // and what the kernel adds (prctl(2), PR_SET_TIMERSLACK: 50 us)

  // A stream's, for as long as it lives: in which window it was counted. A stale one only makes it count later.
  struct Mark {
    uint64_t window = 0;
  };

  explicit Gathering(uv_loop_t* loop) : loop_{loop} {}

  // A read of a stream brought so many bytes.
  void received(Mark& mark, size_t bytes) {
    if (bytes >= kLarge) [[unlikely]] {
      count(mark, uv_now(loop_));
    } else {
      ++small_;
    }
  }
  // At the end of a turn, when everything that it left to be done is done: pauses perhaps.
  void before_waiting() {
    if (large_) [[unlikely]] {
      pause_perhaps();
    } else {
      small_ = 0;
    }
  }
  uint64_t pauses() const { return pauses_; }  // so far
  uint64_t large_reads() const { return large_reads_; }

  // ---- the rule, apart from libuv and the clock (tests)
  void count(Mark&, uint64_t now_ms);
  // Ends the turn: is a pause worth its while?
  bool worth_a_pause();

 private:
  void pause_perhaps();
  uv_loop_t* loop_;
  uint64_t window_ = 1;
  uint32_t streams_ = 0, streams_before_ = 0;  // of this window and the one before
  uint32_t large_ = 0, small_ = 0;             // reads of this turn
  uint64_t pauses_ = 0, large_reads_ = 0;
};

}  // namespace sluice::loop

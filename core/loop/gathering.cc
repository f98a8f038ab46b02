#include "core/loop/gathering.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace sluice::loop {

void Gathering::count(Mark& mark, uint64_t now_ms) {
  ++large_, ++large_reads_;
  // Window 0 is of marks that were never counted.
  const uint64_t now = (now_ms >> kWindowShift) + 1;
  if (now != window_) {
    streams_before_ = now == window_ + 1 ? streams_ : 0;
    streams_ = 0;
    window_ = now;
  }
  if (mark.window != now) mark.window = now, ++streams_;
}

bool Gathering::worth_a_pause() {
  const uint32_t large = std::exchange(large_, 0), small = std::exchange(small_, 0);
  return small == 0 && large < kEnough && std::max(streams_, streams_before_) >= kManyStreams;
}

// A loop that still has something to do is not held: libuv's time-out is 0 while a handle is closing or a watcher has changed,
// as when a client takes nothing (a write is queued) or may be read from again.
void Gathering::pause_perhaps() {
  if (!worth_a_pause() || uv_backend_timeout(loop_) == 0) return;
  constexpr timespec pause{0, kPauseUs * 1000L};
  ++pauses_;
  ::nanosleep(&pause, nullptr);
}

}  // namespace sluice::loop

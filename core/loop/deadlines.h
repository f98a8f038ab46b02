// Deadlines without a timer each: one FIFO per distinct duration, one uv_timer that looks at the heads (hot-path.md).
// Adding and removing are O(1) pointer work; no system call unless the new deadline is the nearest one.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

struct uv_loop_s;
struct uv_timer_s;

namespace sluice::loop {

class Deadlines;

// Embed one per thing that can time out. Pinned while armed; disarms itself on destruction. One thread.
class Deadline {
 public:
  using Fn = void (*)(Deadline&) noexcept;
  Deadline() = default;
  explicit Deadline(Fn fn) : fn_{fn} {}
  ~Deadline() { disarm(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  void on_expire(Fn fn, void* context = nullptr) { fn_ = fn, context_ = context; }
  template <class T>
  T& owner() const {  // what on_expire was given
    return *static_cast<T*>(context_);
  }
  bool armed() const { return prev_ != nullptr; }
  uint64_t at_ms() const { return at_ms_; }  // in the loop's time; while armed
  void disarm() {
    if (!prev_) return;
    prev_->next_ = next_, next_->prev_ = prev_;
    prev_ = next_ = nullptr;
  }

 private:
  friend class Deadlines;
  Deadline *prev_ = nullptr, *next_ = nullptr;
  uint64_t at_ms_ = 0;
  Fn fn_ = nullptr;
  void* context_ = nullptr;
};

class Deadlines {
 public:
  explicit Deadlines(uv_loop_s*);
  ~Deadlines();  // after close(), and after the loop has run the close callback
  // Arms (or re-arms) `d` to expire `ms` from the loop's now; 0 expires at the next turn. The callback runs on the loop
  // and may arm, disarm or destroy any deadline, itself included. Also of those that a late loop finds due together, the
  // one that was due first expires first: a backend's limit before that of its endpoint.
  void arm(Deadline& d, uint64_t ms);
  void close();

 private:
  struct Queue {
    uint64_t ms;
    Deadline head;  // sentinel
  };
  static void tick(uv_timer_s*);
  void schedule();
  Deadline* nearest();  // the one that is due first; nullptr: none is armed
  uv_loop_s* loop_;
  uv_timer_s* timer_;
  uint64_t next_ms_ = UINT64_MAX;  // when the timer is set to fire
  std::vector<std::unique_ptr<Queue>> queues_;
};

}  // namespace sluice::loop

#include "core/loop/deadlines.h"

#include <uv.h>

namespace sluice::loop {

Deadlines::Deadlines(uv_loop_s* loop) : loop_{loop}, timer_{new uv_timer_t} {
  timer_->data = this;
  uv_timer_init(loop_, timer_);
  uv_unref(reinterpret_cast<uv_handle_t*>(timer_));
}

Deadlines::~Deadlines() {
  for (auto& q : queues_)  // whatever is still armed must not touch freed memory
    while (q->head.next_ != &q->head) q->head.next_->disarm();
  for (auto& q : queues_) q->head.prev_ = q->head.next_ = nullptr;
  if (timer_) close();
}

void Deadlines::close() {
  if (!timer_) return;
  timer_->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(timer_), [](uv_handle_t* h) { delete reinterpret_cast<uv_timer_t*>(h); });
  timer_ = nullptr;
}

void Deadlines::arm(Deadline& d, uint64_t ms) {
  d.disarm();
  if (!timer_) return;
  Queue* queue = nullptr;
  for (auto& q : queues_)
    if (q->ms == ms) {
      queue = q.get();
      break;
    }
  if (!queue) {
    // Arbitrary durations (a plugin's jitter) must not grow the list for ever: an empty queue changes its duration.
    if (queues_.size() >= 64)
      for (auto& q : queues_)
        if (q->head.next_ == &q->head) {
          queue = q.get();
          break;
        }
    if (!queue) {
      queues_.push_back(std::make_unique<Queue>());
      queue = queues_.back().get();
      queue->head.prev_ = queue->head.next_ = &queue->head;
    }
    queue->ms = ms;
  }
  d.at_ms_ = uv_now(loop_) + ms;
  d.prev_ = queue->head.prev_, d.next_ = &queue->head;
  d.prev_->next_ = &d, queue->head.prev_ = &d;
  if (d.at_ms_ < next_ms_) {
    next_ms_ = d.at_ms_;
    uv_timer_start(timer_, tick, ms, 0);
  }
}

void Deadlines::tick(uv_timer_t* timer) {
  auto* self = static_cast<Deadlines*>(timer->data);
  if (!self) return;
  self->next_ms_ = 0;  // arm() leaves the timer to schedule() meanwhile
  uint64_t now = uv_now(self->loop_);
  // The expired ones are set aside first: a callback that arms with 0 gets the next turn, not an endless one.
  Deadline due;
  due.prev_ = due.next_ = &due;
  while (Deadline* d = self->nearest()) {
    if (d->at_ms_ > now) break;
    d->disarm();
    d->prev_ = due.prev_, d->next_ = &due;
    d->prev_->next_ = d, due.prev_ = d;
  }
  while (due.next_ != &due) {
    Deadline& d = *due.next_;
    d.disarm();
    if (self->timer_) d.fn_(d);  // closed by a callback: the others never expire
  }
  due.prev_ = due.next_ = nullptr;
  self->next_ms_ = UINT64_MAX;
  if (self->timer_) self->schedule();
}

Deadline* Deadlines::nearest() {
  Deadline* found = nullptr;
  for (auto& q : queues_) {
    Deadline* first = q->head.next_;
    if (first != &q->head && (!found || first->at_ms_ < found->at_ms_)) found = first;
  }
  return found;
}

void Deadlines::schedule() {
  Deadline* first = this->nearest();
  const uint64_t nearest = first ? first->at_ms_ : UINT64_MAX;
  if (nearest >= next_ms_) return;
  next_ms_ = nearest;
  uint64_t now = uv_now(loop_);
  // Not 0: libuv would run the timer again before it looks at anything else.
  uv_timer_start(timer_, tick, nearest > now ? nearest - now : 1, 0);
}

}  // namespace sluice::loop

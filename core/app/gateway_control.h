// How threads of the gateway speak to each other: work for the main thread, and answers that workers owe.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::app {

using Clock = std::chrono::steady_clock;

// Everything that makes, changes or ends a generation runs on the main thread, one after the other. It gets its work here.
class Control {
 public:
  // [any]
  void post(std::function<void()> work) {
    {
      std::lock_guard lock{mutex_};
      work_.push_back(std::move(work));
    }
    wake_.notify_one();
  }
  // [main] Waits for work until then and does one piece of it. False: there was none.
  bool run_one(Clock::time_point until) {
    std::function<void()> work;
    {
      std::unique_lock lock{mutex_};
      if (!wake_.wait_until(lock, until, [this] { return !work_.empty(); })) return false;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
};

// One answer from each of n threads. What a thread never answers, because its loop has ended and dropped the question, is
// missing; a late answer goes nowhere.
template <class T>
class Round {
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::optional<T>> answers;
    size_t open = 0;
  };

 public:
  class Ticket {
   public:
    Ticket(std::shared_ptr<State> s, size_t i) : state_{std::move(s)}, index_{i} {}
    ~Ticket() { close({}); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    void answer(T value) { close(std::move(value)); }

   private:
    void close(std::optional<T> value) {
      if (!state_) return;
      {
        std::lock_guard lock{state_->mutex};
        state_->answers[index_] = std::move(value);
        --state_->open;
      }
      state_->changed.notify_all();
      state_.reset();
    }
    std::shared_ptr<State> state_;
    size_t index_;
  };

  explicit Round(size_t n) : state_{std::make_shared<State>()} { state_->answers.resize(n), state_->open = n; }
  // Shared because std::function copies; the last copy that goes unanswered closes it. Exactly one per index.
  std::shared_ptr<Ticket> ticket(size_t i) { return std::make_shared<Ticket>(state_, i); }
  // The answers there are when everybody answered or the time is over.
  std::vector<std::optional<T>> wait(std::chrono::milliseconds limit) {
    std::unique_lock lock{state_->mutex};
    state_->changed.wait_for(lock, limit, [this] { return state_->open == 0; });
    return state_->answers;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace sluice::app

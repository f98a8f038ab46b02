#include "core/plugin/work.h"

#include <pthread.h>

#include <algorithm>

#include "core/log/log.h"
#include "core/plugin/crash_report.h"
#include "core/plugin/shared.h"

namespace sluice::plugin {
namespace {

// Who has a share of the threads: a plugin with all that is made of it.
const Place* owner_of(const Work& w) { return w.place && w.place->module ? w.place->module : w.place; }

}  // namespace

WorkPool& WorkPool::get() {
  static auto* pool = new WorkPool;  // its threads outlive static destruction
  return *pool;
}

slc_status WorkPool::hold(const std::shared_ptr<Work>& w, slc_token* token) {
  Lock lock{mutex_};
  if (w->place && std::find(closing_.begin(), closing_.end(), w->place) != closing_.end()) return SLC_ECANCELED;
  if (waiting_ >= kMostWaiting) return SLC_ELIMIT;
  ++waiting_;
  w->token = ++last_token_;
  all_.push_back(w);
  if (token) *token = w->token;
  return SLC_OK;
}

void WorkPool::release(const std::shared_ptr<Work>& w, uint64_t delay_ms) {
  Lock lock{mutex_};
  if (w->state != Work::State::held) return;
  w->state = Work::State::waiting;
  if (delay_ms == 0) {
    ready_.push_back(w);
  } else {
    constexpr uint64_t kLongest = uint64_t{1} << 40;  // beyond any process
    w->due_ns = shared::now_ns() + std::min(delay_ms, kLongest) * 1'000'000;
    delayed_.emplace(w->due_ns, w);
  }
  wake_somebody(lock);
  const std::string shortage = shortage_of(*w, lock);
  lock.unlock();
  if (!shortage.empty()) SLC_LOG(warning, shortage);
}

// Told at most every ten seconds: that a plugin has used up its threads with work that does not end.
std::string WorkPool::shortage_of(const Work& w, Lock&) {
  constexpr uint64_t kLong = 1'000'000'000, kAgain = 10 * kLong;
  const uint64_t now = shared::now_ns();
  if (!w.place || (told_ns_ && now - told_ns_ < kAgain)) return {};
  size_t long_ones = 0;
  const Work* longest = nullptr;
  for (const auto& other : all_) {
    if (other->state != Work::State::running || owner_of(*other) != owner_of(w) || now - other->began_ns < kLong) continue;
    ++long_ones;
    if (!longest || other->began_ns < longest->began_ns) longest = other.get();
  }
  if (long_ones < kMostOfOne) return {};
  told_ns_ = now;
  return std::to_string(long_ones) + " pieces of background work of plugin " + std::string{w.place->plugin} + " do not end, the longest, " +
         call_at(longest->place, longest->kind).text() + ", for " + std::to_string((now - longest->began_ns) / kLong) + " s: further work of this plugin waits";
}

// The next that may run: its plugin has not used up its share. nullptr: none.
std::shared_ptr<Work> WorkPool::take_ready(Lock&) {
  if (ready_.empty()) return nullptr;
  std::vector<const Place*> running;
  for (const auto& w : all_)
    if (w->state == Work::State::running) running.push_back(owner_of(*w));
  auto at = std::find_if(ready_.begin(), ready_.end(), [&](const auto& w) {
    const Place* owner = owner_of(*w);
    return !owner || static_cast<size_t>(std::count(running.begin(), running.end(), owner)) < kMostOfOne;
  });
  if (at == ready_.end()) return nullptr;
  std::shared_ptr<Work> next = std::move(*at);
  ready_.erase(at);
  return next;
}

void WorkPool::wake_somebody(Lock&) {
  if (idle_ == 0 && threads_ < kThreads) {
    ++threads_;
    std::thread{[this] { thread_main(); }}.detach();
  }
  work_.notify_one();
}

void WorkPool::thread_main() {
  pthread_setname_np(pthread_self(), "sluice-pool");
  crash::protect_this_thread();
  Lock lock{mutex_};
  for (;;) {
    uint64_t now = shared::now_ns();
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
      ready_.push_back(std::move(delayed_.begin()->second));
      delayed_.erase(delayed_.begin());
    }
    if (std::shared_ptr<Work> w = take_ready(lock)) {
      if (!ready_.empty()) wake_somebody(lock);  // several became due at once
      run(std::move(w), lock);
      continue;
    }
    ++idle_;
    if (delayed_.empty())
      work_.wait(lock);
    else
      work_.wait_for(lock, std::chrono::nanoseconds{delayed_.begin()->first - now});
    --idle_;
  }
}

void WorkPool::begin(Work& w, Lock&) {
  w.state = Work::State::running;
  w.began_ns = shared::now_ns();
  w.runner = std::this_thread::get_id();
  --waiting_;
}

void WorkPool::run(std::shared_ptr<Work> w, Lock& lock) {
  begin(*w, lock);
  lock.unlock();
  {
    PlaceScope scope{w->place, w->kind};
    w->run();
    lock.lock();
    const bool cancelled = w->cancelled;
    lock.unlock();
    w->ended(cancelled);
  }
  lock.lock();
  finish(w, lock);
}

void WorkPool::finish(const std::shared_ptr<Work>& w, Lock&) {
  w->state = Work::State::over;
  all_.erase(std::find(all_.begin(), all_.end(), w));
  ended_.notify_all();
}

// Of work that does not run yet. Counts as running while `ended` is called: who waits for it waits for that, too.
void WorkPool::drop(const std::shared_ptr<Work>& w, Lock& lock) {
  if (auto at = std::find(ready_.begin(), ready_.end(), w); at != ready_.end()) ready_.erase(at);
  for (auto [it, end] = delayed_.equal_range(w->due_ns); it != end; ++it)
    if (it->second == w) {
      delayed_.erase(it);
      break;
    }
  begin(*w, lock);
  w->cancelled = true;
  lock.unlock();
  {
    PlaceScope scope{w->place, w->kind};
    w->ended(true);
  }
  lock.lock();
  finish(w, lock);
}

bool WorkPool::cancel(const std::shared_ptr<Work>& w) {
  Lock lock{mutex_};
  switch (w->state) {
    case Work::State::held:
    case Work::State::waiting: drop(w, lock); return true;
    case Work::State::running: w->cancelled = true; return true;
    case Work::State::over: break;
  }
  return false;
}

slc_status WorkPool::withdraw(const slc_host* host, slc_token token) {
  Lock lock{mutex_};
  auto at = std::find_if(all_.begin(), all_.end(), [&](auto& w) { return w->host && w->host == host && w->token == token; });
  if (at == all_.end()) return SLC_ESTALE;
  std::shared_ptr<Work> w = *at;
  if (w->state != Work::State::running) {
    drop(w, lock);
    return SLC_OK;
  }
  w->cancelled = true;
  if (w->runner == std::this_thread::get_id()) return SLC_OK;
  ended_.wait(lock, [&] { return w->state == Work::State::over; });
  return SLC_OK;
}

void WorkPool::end_all_of(const Place* place) {
  Lock lock{mutex_};
  closing_.push_back(place);
  for (;;) {
    auto at = std::find_if(all_.begin(), all_.end(), [&](auto& w) { return w->place == place && w->state != Work::State::running; });
    if (at == all_.end()) break;
    drop(std::shared_ptr<Work>{*at}, lock);
  }
  for (auto& w : all_)
    if (w->place == place) w->cancelled = true;
  ended_.wait(lock, [&] { return std::none_of(all_.begin(), all_.end(), [&](auto& w) { return w->place == place; }); });
  closing_.erase(std::find(closing_.begin(), closing_.end(), place));
}

std::vector<const Place*> WorkPool::that_run(std::vector<const Place*> places) const {
  const Lock lock{mutex_};
  std::erase_if(places, [&](const Place* p) {
    return std::none_of(all_.begin(), all_.end(), [&](const auto& w) { return w->state == Work::State::running && w->place == p; });
  });
  return places;
}

std::vector<WorkPool::Running> WorkPool::running(uint64_t least_ms) const {
  std::vector<Running> out;
  const uint64_t now = shared::now_ns();
  {
    const Lock lock{mutex_};
    for (const auto& w : all_)
      if (w->state == Work::State::running && now - w->began_ns >= least_ms * 1'000'000)
        out.push_back({call_at(w->place, w->kind), (now - w->began_ns) / 1'000'000});
  }
  std::sort(out.begin(), out.end(), [](const Running& a, const Running& b) { return a.for_ms > b.for_ms; });
  return out;
}

size_t WorkPool::threads() const {
  const Lock lock{mutex_};
  return threads_;
}

}  // namespace sluice::plugin

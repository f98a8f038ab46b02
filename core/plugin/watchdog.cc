#include "core/plugin/watchdog.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/plugin/shared.h"

namespace sluice::plugin {
namespace {

struct Watched {
  HookState* state;
  uint32_t worker;
  uint32_t count = 0;
  uint64_t since_ms = 0;
  bool told = false;
};

struct Book {
  std::mutex mutex;
  std::vector<Watched> threads;
  std::map<std::string, uint64_t> told_ms;  // binding → when it was last named
};
Book& book() {
  static auto* b = new Book;
  return *b;
}

// Takes the thread out of the book before its thread-local storage goes.
struct Guard {
  bool watched = false;
  ~Guard() {
    if (!watched) return;
    Book& b = book();
    std::lock_guard lock{b.mutex};
    std::erase_if(b.threads, [](const Watched& w) { return w.state == &hook_state; });
  }
};
thread_local Guard guard;

uint64_t now_ms() { return shared::now_ns() / 1'000'000; }

}  // namespace

namespace watchdog {

void watch_this_thread(uint32_t worker) {
  if (guard.watched) return;
  guard.watched = true;
  Book& b = book();
  std::lock_guard lock{b.mutex};
  b.threads.push_back({&hook_state, worker});
}

}  // namespace watchdog

void report_stall(const Place* place) {
  uint32_t ms = hook_state.stalled_ms.exchange(0, std::memory_order_relaxed);
  if (!ms || !place) return;
  Book& b = book();
  {
    std::lock_guard lock{b.mutex};
    if (b.told_ms.size() > 4096) b.told_ms.clear();
    uint64_t now = now_ms(), &last = b.told_ms[std::string{place->plugin} + ' ' + std::string{place->binding}];
    if (last && now - last < 60'000) return;
    last = now;
  }
  SLC_LOG(warning, place->where, "[", place->binding, "] held its event loop for about ", ms, " ms (plugin ", place->plugin,
          "): every request of the worker waited");
}

Watchdog::Watchdog(uint32_t limit_ms) : limit_ms_{limit_ms} {}

Watchdog::~Watchdog() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::start() {
  if (thread_.joinable()) return;
  thread_ = std::thread{[this] {
    std::unique_lock lock{mutex_};
    while (!wake_.wait_for(lock, std::chrono::milliseconds{std::max(limit_ms_ / 4, 1u)}, [this] { return stopping_; }))
      tick(now_ms());
  }};
}

void Watchdog::tick(uint64_t now) {
  Book& b = book();
  std::lock_guard lock{b.mutex};
  for (Watched& w : b.threads) {
    uint32_t count = w.state->count.load(std::memory_order_relaxed);
    bool inside = w.state->depth.load(std::memory_order_relaxed) != 0;
    if (!inside || count != w.count) {
      w.count = count, w.since_ms = now, w.told = false;
      continue;
    }
    uint64_t stalled = now - w.since_ms;
    if (stalled < limit_ms_) continue;
    w.state->stalled_ms.store(static_cast<uint32_t>(std::min<uint64_t>(stalled, UINT32_MAX)), std::memory_order_relaxed);
    if (stalled >= 10 * uint64_t{limit_ms_} && !std::exchange(w.told, true))
      SLC_LOG(error, "worker ", w.worker, " has been inside one plugin hook for ", stalled,
              " ms and serves nobody; the hook is named when it returns");
  }
}

}  // namespace sluice::plugin

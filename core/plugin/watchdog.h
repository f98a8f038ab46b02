// Notices hooks that hold an event loop. PlaceScope counts, and a thread looks every few milliseconds whether the count moved;
// hooks pay nothing for it. A hook that is back is named by its worker, with the time it really took. One that does not come
// back is named by the watchdog while it runs.
//
// Time that the thread was ready to run and got no CPU is no hook's fault: it is told apart (the kernel counts it per thread)
// and does not count towards the limit. What remains is computing or waiting, and both hold the loop.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/plugin/worker.h"

namespace sluice::plugin {

// What a thread has had of the machine since it began.
struct ThreadUse {
  uint64_t cpu_ns = 0;     // running
  uint64_t queued_ns = 0;  // ready, but not running; the stretch that goes on is not in it yet
  bool ready = false;      // it runs, or waits for a CPU
};

// A call into a plugin.
struct RunningCall {
  std::string plugin, version, binding, place;  // empty when the code belongs to no place, or to none any more
  HookKind hook = HookKind::none;
  std::string text() const;  // "[ENDPOINT: /x][acme/geoip] on_request of plugin acme.geoip 1.0"
};

// A call of that kind at that place, which may be nullptr: its names are empty then.
RunningCall call_at(const Place*, HookKind);

// One occasion, for `sluice status`.
struct Stall : RunningCall {
  int64_t unix_ms = 0;
  uint32_t worker = 0;
  uint32_t wall_ms = 0, cpu_ms = 0, queued_ms = 0;
  bool over = false;  // false: it was still running when it was noted
};

namespace watchdog {
// The calling thread's hooks are watched until it ends. [worker]
void watch_this_thread(uint32_t worker);
// The latest occasions, newest first, at most 16. [any]
std::vector<Stall> recent();

// What runs on the thread of this state just now; nullopt: no plugin's code. [any]
std::optional<RunningCall> running_on(const HookState&);
// What runs on the watched thread of a worker. [any]
std::optional<RunningCall> running_in(uint32_t worker);
struct Held {
  uint32_t worker;
  RunningCall by;
};
// Every watched thread that is in a plugin's code just now. [any]
std::vector<Held> held_workers();
}  // namespace watchdog

class Watchdog {
 public:
  static constexpr uint32_t kDefaultLimitMs = 100;
  explicit Watchdog(uint32_t limit_ms = kDefaultLimitMs);
  virtual ~Watchdog();  // ends the thread
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  // 0: nothing is reported. [any]
  void set_limit(uint32_t limit_ms);
  // Starts a thread that calls tick() a few times per limit. The application does so once, after daemonising.
  void start();
  // One look at every worker.
  void tick(uint64_t now_ms);

 protected:
  // Replaced by tests.
  virtual ThreadUse use_of(pthread_t, pid_t) const;

 private:
  std::atomic<uint32_t> limit_ms_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false, changed_ = false;
  std::thread thread_;
};

}  // namespace sluice::plugin

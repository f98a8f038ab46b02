// Notices hooks that hold an event loop. Hooks cost no clock reading: PlaceScope counts, and a thread looks every few
// milliseconds whether the count moved. The warning is written by the worker itself when the hook at last returns, so that
// the names in it are certainly alive.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "core/plugin/worker.h"

namespace sluice::plugin {

namespace watchdog {
// The calling thread's hooks are watched until it ends. [worker]
void watch_this_thread(uint32_t worker);
}  // namespace watchdog

class Watchdog {
 public:
  explicit Watchdog(uint32_t limit_ms = 100);
  ~Watchdog();  // ends the thread
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  // Starts a thread that calls tick() a few times per limit. The application does so once, after daemonising.
  void start();
  // One look at every worker.
  void tick(uint64_t now_ms);

 private:
  uint32_t limit_ms_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::plugin

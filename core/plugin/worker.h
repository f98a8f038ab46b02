// What a plugin knows as slc_worker: one loop and everything of it that host services need. Lives as long as the process's
// workers (longer than any generation). Its thread: the loop's, except where marked [any].
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/http/client.h"
#include "core/loop/loop.h"
#include "core/loop/task.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

// Suspended hooks, plugin timers and callouts of one worker, addressed by slc_token: 8 bits worker, 24 bits slot, 32 bits
// generation. Slots never move and live as long as the process, so a late resume finds something to be refused by.
class TokenTable;

// Metric values of one worker: plain integers that only the worker writes (relaxed atomics for the reader).
class MetricShard;

}  // namespace sluice::plugin

struct slc_worker {
  sluice::loop::Loop& loop;
  sluice::http::Client& client;
  uint32_t index;
  uint32_t count;
  std::unique_ptr<sluice::plugin::TokenTable> tokens;
  std::unique_ptr<sluice::plugin::MetricShard> metrics;

  slc_worker(sluice::loop::Loop&, sluice::http::Client&, uint32_t index, uint32_t count);
  ~slc_worker();
};

namespace sluice::plugin {

// Makes a worker reachable by tokens and metrics readers of other threads, and takes it out again. [main thread]
void register_worker(slc_worker*);
void unregister_worker(slc_worker*);

// The binding whose code runs on this thread: for log lines, the watchdog and crash reports. Set around every hook.
struct Place {
  std::string_view plugin;   // id
  std::string_view binding;  // namespace
  std::string_view where;    // "[ENDPOINT: /x]"
};
inline thread_local const Place* current_place = nullptr;
class PlaceScope {
 public:
  explicit PlaceScope(const Place* p) : before_{current_place} { current_place = p; }
  ~PlaceScope() { current_place = before_; }

 private:
  const Place* before_;
};

}  // namespace sluice::plugin

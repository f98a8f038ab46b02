// The host's pool of threads for code that must block (sluice.work/1), and for what calls plugins back without a worker.
// Bounded threads, bounded queue. Threads are started when there is work for them and stay; the pool lives as long as the
// process. [any]
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/plugin/watchdog.h"
#include "core/plugin/worker.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

// One piece of work. `run`, and then `ended` with whether it was cancelled, are called on a thread of the pool; when it is
// cancelled before it runs, `ended` is called by whoever cancels.
struct Work {
  std::function<void()> run;
  std::function<void(bool cancelled)> ended;
  const Place* place = nullptr;  // whose code this is; the pool sets it around the calls
  HookKind kind = HookKind::work;  // what they are; both together count as one call
  const slc_host* host = nullptr;  // who may withdraw it; nullptr: it has no token

 private:
  friend class WorkPool;
  enum class State : uint8_t { held, waiting, running, over };
  State state = State::held;
  bool cancelled = false;
  uint64_t due_ns = 0, began_ns = 0;
  slc_token token = 0;
  std::thread::id runner;
};

class WorkPool {
 public:
  // One plugin has at most kMostOfOne of the threads: work of it that never ends must not stop that of others.
  static constexpr size_t kThreads = 8, kMostOfOne = 6, kMostWaiting = 1024;

  static WorkPool& get();
  WorkPool() = default;
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Takes it in: SLC_ELIMIT when too much waits, SLC_ECANCELED when its object is about to be destroyed; then nothing is
  // called. It waits for release().
  slc_status hold(const std::shared_ptr<Work>&, slc_token* token = nullptr);
  // Lets it run in `delay_ms`. Without effect once it is cancelled.
  void release(const std::shared_ptr<Work>&, uint64_t delay_ms);
  // Does not run, if it has not begun; does not wait if it has. False: it is over.
  bool cancel(const std::shared_ptr<Work>&);
  // By token, and waits for one that runs, unless it is the caller itself.
  slc_status withdraw(const slc_host*, slc_token);
  // Cancels what belongs to `place` and waits until nothing of it runs; refuses more meanwhile. Before an object's destroy.
  void end_all_of(const Place* place);
  // Those of these places whose work runs just now. [any]
  std::vector<const Place*> that_run(std::vector<const Place*> places) const;
  // What has been running for so long, the longest first. [any]
  struct Running {
    RunningCall call;
    uint64_t for_ms = 0;
  };
  std::vector<Running> running(uint64_t least_ms = 0) const;
  // That there are; they live as long as the process. [any]
  size_t threads() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void thread_main();
  void begin(Work&, Lock&);
  void run(std::shared_ptr<Work>, Lock&);
  void finish(const std::shared_ptr<Work>&, Lock&);
  void drop(const std::shared_ptr<Work>&, Lock&);
  void wake_somebody(Lock&);
  std::shared_ptr<Work> take_ready(Lock&);
  std::string shortage_of(const Work&, Lock&);

  mutable std::mutex mutex_;
  std::condition_variable work_, ended_;
  std::deque<std::shared_ptr<Work>> ready_;
  std::multimap<uint64_t, std::shared_ptr<Work>> delayed_;
  std::vector<std::shared_ptr<Work>> all_;  // held, waiting or running; few
  std::vector<const Place*> closing_;
  size_t waiting_ = 0, threads_ = 0, idle_ = 0;
  slc_token last_token_ = 0;
  uint64_t told_ns_ = 0;  // when a shortage was last told
};

}  // namespace sluice::plugin

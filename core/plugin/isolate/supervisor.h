// Starts, watches and ends the helper processes, from one thread of the gateway: a process is started by it, so that it dies
// with the gateway (PR_SET_PDEATHSIG is about the thread), and waited for by it, so that none stays behind.
//
// A helper that ends is started again: the first three times at once, then after 100 ms, 200 ms, … 30 s. Ten seconds without a
// death begin the count anew. A helper that gives no sign for the time limit of its plugin is killed.
#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "core/config/report.h"
#include "core/plugin/isolate/control.h"
#include "core/plugin/metrics.h"

namespace sluice::plugin::isolate {

class Channel;

struct Limits {
  uint32_t timeout_ms = 1000;  // of one hook, and of everything else that the plugin does on its loop
  uint32_t memory_mb = 0;      // address space; 0: no limit
};

// A configured object, as every new helper process is told of it.
struct Record {
  uint64_t id = 0;
  std::string create;           // the whole control frame
  std::string place;            // "[ENDPOINT: /x][acme/auth]"
  std::map<int32_t, uint64_t> trees;  // scope → what surrounding() answered; index into Subject::trees + 1, 0: absent
};

// What the helpers of one plugin share. Guarded by the supervisor's mutex.
struct Subject {
  std::string id;           // of the plugin
  std::string title;        // "plugins/x.so (acme.x 1.2.0)"
  std::string copy;         // the image to load
  Limits limits;
  std::map<uint64_t, std::shared_ptr<Record>> records;
  std::vector<std::shared_ptr<const std::string>> trees;  // configuration around the blocks, as tree tokens
  slc_metric_id deaths = 0, restarts = 0;
};

// What one create() answered.
struct Created {
  bool done = false;
  slc_status status = SLC_OK;
  bool wanted = false;  // it asks for a stage
  std::vector<config::Issue> issues;
};

enum class HelperState : uint8_t {
  starting,  // loading, and making the objects
  up,
  pausing,   // it died; started again when `due_ms` comes
  refused,   // it never came up, and is not started again
  ending,    // told to end
  ended,
};

// One helper process, or the place for one. Guarded by the supervisor's mutex, but for what is marked.
struct Helper {
  explicit Helper(Subject& s) : subject{&s} {}
  Subject* subject;
  HelperState state = HelperState::starting;
  uint64_t incarnation = 0;  // of the process that runs; never used twice
  bool served = false;       // some process of this place was up
  std::string refusal;       // why `refused`
  std::vector<std::shared_ptr<Channel>> channels;
  uint64_t creating = 0;     // the object that create() is under way for
  Created answer;
  int32_t asked_scope = 0;   // surrounding() waits for this
  std::string last_death;    // "SIGSEGV (Segmentation fault) in on_request"
  uint64_t deaths = 0, restarts = 0;  // since the place was made

  // ---- the supervisor's own ----
  pid_t pid = -1;
  Fd pidfd, control;
  ControlInput input;
  ControlOutput output;
  Mapping page;
  std::string kill_reason;
  uint32_t quick_deaths = 0;
  uint64_t up_since_ms = 0, due_ms = 0;
  uint64_t sync_sent = 0, sync_seen = 0, sync_ms = 0, beat = 0;  // signs of life
  uint64_t up_sync = 0;      // with this sync, start-up is over
  int level = 0;
  std::set<uint64_t> sent_trees;
  std::vector<slc_metric_id> metrics;  // the helper's ids → ours
};

// [any] thread, except where marked.
class Supervisor {
 public:
  static constexpr uint64_t kStartLimitMs = 30'000;  // load() and create()
  static constexpr uint64_t kEndLimitMs = 3'000;
  static constexpr uint32_t kFreeRestarts = 3;
  static constexpr uint64_t kFirstPauseMs = 100, kLongestPauseMs = 30'000, kCalmMs = 10'000;

  // The one of this process; it lives as long as somebody holds it.
  static std::shared_ptr<Supervisor> get();
  // The same, but nullptr when nothing is isolated.
  static std::shared_ptr<Supervisor> existing();
  Supervisor();
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  std::mutex& mutex() { return mutex_; }
  std::condition_variable& changed() { return changed_; }

  // Starts the first process and waits until it is up. Problem: why it is not; it is not tried again then. [load]
  Result<bool, Problem> start(const std::shared_ptr<Helper>&);
  // Ends the process and waits for it: in good order, or after kEndLimitMs without mercy. [load]
  void end(const std::shared_ptr<Helper>&);

  // With the mutex held. Dropped when the process of that incarnation runs no more.
  void send(Helper&, uint64_t incarnation, std::string frame, std::vector<Fd> = {});
  // With the mutex held: the places for processes, in the order of their start.
  const std::vector<std::shared_ptr<Helper>>& helpers() const { return helpers_; }
  // With the mutex held: the process misbehaves; `why` will be the reason of its death.
  void kill(Helper&, uint64_t incarnation, std::string why);

 private:
  void run();
  int wait_ms(uint64_t now) const;
  void spawn(Helper&);
  void hello(Helper&);
  void read(Helper&);
  void take(Helper&, std::string_view frame);
  void take_metrics(Helper&, Control, Reader&);
  void answer_tree(Helper&, uint64_t object, int32_t scope);
  void watch(Helper&, uint64_t now);
  void died(Helper&, int wait_status, uint64_t now);
  friend class Isolated;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Helper>> helpers_;
  MetricShard shard_;  // the thread's
  Fd wake_;
  bool stopping_ = false;
  uint64_t last_incarnation_ = 0;
  std::thread thread_;
};

}  // namespace sluice::plugin::isolate

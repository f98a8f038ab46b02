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
  std::string content;          // what create() depends on, but for what surrounding() answers
  std::map<int32_t, uint64_t> trees;  // scope → what surrounding() answered: number in TreeBank, 0: absent
  bool started = false;         // a worker of the gateway uses it
};
std::string start_of(const Record&);  // Control::start, the whole frame

// Configuration around the blocks, as tree tokens: each text once, as long as a record needs it. Guarded by the supervisor's mutex.
class TreeBank {
 public:
  // One more record needs this text; its number, which is never used again for another one.
  uint64_t take(std::string bytes);
  // The same for one that may be gone: false.
  bool keep(uint64_t number);
  // True: nobody needs it any more, and it is gone.
  bool drop(uint64_t number);
  const std::string& text(uint64_t number) const { return *trees_.at(number).bytes; }
  size_t size() const { return trees_.size(); }

 private:
  struct Tree {
    const std::string* bytes;  // the key in numbers_
    uint32_t users;
  };
  std::map<std::string, uint64_t> numbers_;
  std::map<uint64_t, Tree> trees_;
  uint64_t last_ = 0;
};

// What the helpers of one plugin share. Guarded by the supervisor's mutex.
struct Subject {
  std::string id;           // of the plugin
  std::string title;        // "plugins/x.so (acme.x 1.2.0)"
  std::string copy;         // the image to load
  Limits limits;
  std::map<uint64_t, std::shared_ptr<Record>> records;
  std::shared_ptr<TreeBank> trees = std::make_shared<TreeBank>();
  slc_metric_id deaths = 0, restarts = 0, lines_dropped = 0;
};

// A host list that a resolver over there fills. The list is the gateway's, and outlives this.
struct Watching {
  uint64_t id = 0, object = 0;
  std::string query;  // what the helper is told
  slc_host_list* list = nullptr;
  slc_status (*publish)(slc_host_list*, const slc_address*, uint32_t) noexcept = nullptr;
};

// What a question about an object was answered (Control::export_state and the like).
struct StateAnswer {
  uint64_t number = 0;  // of the question; 0: nobody asked
  bool done = false;
  slc_status status = SLC_EIO;
  std::string bytes;
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
  StateAnswer state_answer;
  uint64_t questions = 0;
  std::map<uint64_t, Watching*> watches;
  // Lines for a log sink. Under a mutex of their own: whoever logs may hold the supervisor's.
  std::mutex lines_mutex;
  std::string lines;              // whole frames
  uint64_t lines_dropped = 0;
  bool probe = false;        // only to try create() in: nothing is served there, and its death is told to who asked, and nobody else
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
  bool told_to_end = false;  // what was to be said before has been
  int level = 0;
  std::set<uint64_t> sent_trees;
  std::vector<slc_metric_id> metrics;  // the helper's ids → ours
};

// [any] thread, except where marked.
class Supervisor {
 public:
  static constexpr uint64_t kStartLimitMs = 30'000;  // load() and create()
  static constexpr uint64_t kEndLimitMs = 3'000;
  static constexpr size_t kMostLines = size_t{8} << 20;
  static constexpr uint32_t kMostAddresses = 65'536;
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
  // A frame for a log sink, at most kMostLines bytes of which wait; the rest is dropped and counted. Not lost when a process
  // dies before it was handed over. [any], with or without the mutex
  void send_line(Helper&, std::string_view frame);
  // With the mutex held: a record is gone from its subject. Its trees go from the bank, and from these helpers, when nobody else
  // needs them; the message that destroys the object has been sent before.
  void drop_trees(const Record&, TreeBank&, const std::vector<std::shared_ptr<Helper>>&);

 private:
  void run();
  int wait_ms(uint64_t now) const;
  void spawn(Helper&);
  void hello(Helper&);
  void read(Helper&);
  void take(Helper&, std::string_view frame);
  void take_metrics(Helper&, Control, Reader&);
  void take_addresses(Helper&, Reader&);
  void take_lines(Helper&, bool all);
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

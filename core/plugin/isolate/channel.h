// One worker's connection to one helper process: hands hooks over as calls, and their replies back to the exchanges that wait
// for them. When the helper dies, calls that it had begun fail; those that it had not wait for the next process, or fail at
// once when that is not started at once. [worker], except where marked.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/isolate/message.h"
#include "core/plugin/isolate/segment.h"

namespace sluice::plugin::isolate {

class Supervisor;
struct Helper;

// What a call is for. Lives as long as the object's state on the worker.
struct Target {
  uint64_t object = 0;
  std::string plugin, binding;
  bool has_done = false;         // the plugin has on_done, or cancel
  cost::Account* account = nullptr;  // of the object's place; nullptr: none
  slc_metric_id failures = 0;    // counts hooks that failed because of the helper
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  static constexpr size_t kMostCalls = 65'536, kMostKept = size_t{256} << 20;

  Channel(std::shared_ptr<Supervisor>, std::shared_ptr<Helper>, slc_worker&);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The first and the last object of the worker that uses it.
  void open();
  void close();
  uint32_t users = 0;

  // Suspends the exchange; SLC_FAIL at once, with what the exchange is told, when there is no helper to ask.
  slc_action call(const Target&, Hook, slc_exchange&, void** slot);
  // A function that answers at once over there: suspends the call, or sets its error. It is taken back when it ends before.
  void ask(const Target&, slc_exchange&, RemoteCall&);
  // The exchange ends: whatever it waits for is forgotten, here and there.
  void done(const Target&, slc_exchange&, void** slot);

  // [supervisor] with its mutex held.
  void helper_died(uint64_t incarnation, std::shared_ptr<const std::string> why, bool at_once);
  void helper_up(uint64_t incarnation);

 private:
  // What the slot of an exchange points to; in its arena.
  struct Attempt;
  struct Link {
    uint64_t id = 0;
    uint64_t incarnation = 0;  // of the helper that has seen the exchange; 0: none
    bool keeps = false;        // and whose plugin has state of it
    uint64_t pending = 0;      // call
    uint64_t bodies[2] = {0, 0};  // prints of what that helper has
    Attempt* attempts = nullptr;  // newest first
  };
  // What an isolated around stage has run, in the exchange's arena. The pipeline ends it.
  struct Attempt {
    Channel* channel = nullptr;
    Link* link = nullptr;
    const Target* target = nullptr;
    uint64_t call = 0;
    uint32_t number = 0;
    slc_token token = 0;
    slc_exchange* over = nullptr;  // once it is
    Attempt* next = nullptr;
  };
  struct Call {
    uint64_t id = 0;    // 0: free. Number of use, then 20 bits of place
    uint64_t end = 0;   // position behind the frame; 0: not sent
    const Target* target = nullptr;
    slc_exchange* exchange = nullptr;
    Link* link = nullptr;
    RemoteCall* remote = nullptr;  // of a function that answers at once: where the answer goes, in place of the exchange's error
    slc_token token = 0;
    Hook hook = Hook::request;
  };
  struct Watch;

  Call* find(uint64_t id);
  Call* take();
  void release(Call&);
  // A call with its token. nullptr: `why` says why there is none.
  Call* begin(const Target&, Hook, slc_exchange&, Link&, Suspension&, std::string_view* why);
  void fail(const Target&, slc_exchange&, Error&, std::string_view why);
  void fail(Call&, std::string_view why, bool lost = true);
  bool attach(uint64_t incarnation);
  void detach();
  void send(Call&);
  void ready();      // the other side rang
  void drain(bool all);
  void reply(std::string_view frame);
  // An around stage's word about an attempt, while its call goes on. False: no such word.
  bool attempt(Call&);
  static void attempt_over(void* attempt, slc_exchange* outer, slc_exchange*) noexcept;
  static Attempt* find_attempt(const Link&, uint32_t number);
  void charge(const Target&);  // what reply_ tells of costs
  void corrupt();    // the helper's bytes are no replies
  void died(uint64_t incarnation, const std::string& why, bool at_once);
  void up(uint64_t incarnation);
  void post(std::function<void(Channel&)>);  // [any]
  static uint64_t print(const ArenaVector<http::Slice>&);

  std::shared_ptr<Supervisor> supervisor_;
  std::shared_ptr<Helper> helper_;
  slc_worker& worker_;
  uint64_t incarnation_ = 0;  // attached to; 0: to none
  uint64_t running_ = 0;      // known to be up
  bool waiting_ = false;      // not attached, but soon
  std::string why_;           // not attached: what happened
  Watch* watch_ = nullptr;
  FrameWriter writer_;
  FrameReader reader_;
  std::vector<Call> calls_;
  std::vector<uint32_t> free_;
  uint32_t used_ = 0;
  uint64_t uses_ = 0, links_ = 0;
  std::string scratch_;
  Reply reply_;
  std::mutex mutex_;          // guards loop_ for post()
  loop::Loop* loop_ = nullptr;
};

}  // namespace sluice::plugin::isolate

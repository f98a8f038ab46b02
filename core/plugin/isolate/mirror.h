// In the helper: one exchange of the gateway as the plugin sees it here, with the plugin's slot, memory, timers and callouts.
// It lives from the exchange's first hook until the gateway says that it is over. The loop's thread.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/plugin/isolate/message.h"
#include "core/plugin/isolate/segment.h"
#include "core/plugin/registry.h"

namespace sluice::plugin::isolate {

// Texts of hosts that stay where they are as long as their list is the same, as they do in the gateway: a balancer may know a list
// again by the place of its texts.
class HostLists {
 public:
  static constexpr size_t kMost = 1024;  // then all begin anew
  // The candidates with such texts, in the arena.
  const slc_candidate* settle(const Question&, Arena&);

 private:
  std::unordered_map<uint64_t, std::vector<std::string>> lists_;
};

// An object as the helper holds it: the same class as in the gateway, so its life is the same.
struct HelperObject {
  uint64_t id = 0, generation = 0;
  const slc_middleware* table = nullptr;    // by the binding's kind, one of these
  const slc_transport* transport = nullptr;
  const slc_resolver* resolver = nullptr;
  const slc_log_sink* sink = nullptr;
  const slc_decoder* decoder = nullptr;
  const slc_encoder* encoder = nullptr;
  const slc_balancer* balancer = nullptr;
  document::Format format;  // of the decoder's deferred text
  HostLists lists;          // that the balancer was asked about
  std::shared_ptr<Object> object;
  enum class Start : uint8_t { waits, done, failed } start = Start::waits;
  // What its account had when the gateway was told last; objects of one place have one account.
  struct Told;
  std::shared_ptr<Told> told;
  // Once it has its object.
  void share_account();
  // Adds what was spent since then to `out`.
  void costs(std::vector<Cost>& out);
};

// Marks what runs for those who look from outside. [worker]
class Running {
 public:
  Running(StatusPage&, const HelperObject&, Hook, const Arena* = nullptr);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  StatusPage& page_;
  PlaceScope place_;
};

class Mirror {
 public:
  // Where replies go.
  class Sink {
   public:
    virtual void send(std::string& frame) = 0;
    virtual StatusPage& page() = 0;

   protected:
    ~Sink() = default;
  };
  Mirror(slc_worker&, HelperObject&, Sink&);
  ~Mirror();  // without on_done
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // `state`: what follows the head in the frame; copied.
  void hook(const CallHead&, std::string_view state);
  // A function that answers at once: replies, and has nothing to do afterwards.
  void answer(const CallHead&, std::string_view state);
  // What runs is cancelled, then on_done.
  void done(const CallHead&, std::string_view state);
  // The plugin changed the tree in place.
  static void note_change(const void* arena);
  Arena& arena() { return arena_; }

 private:
  bool take(const CallHead&, std::string_view state, Question* = nullptr);
  void decode(const CallHead&, const Question&);
  void refuse(const CallHead&, std::string_view why);
  void cancel();
  loop::Task<void> serve(CallHead);

  Arena arena_;
  HelperObject& object_;
  Sink& sink_;
  ArenaVector<router::Param> params_;
  slc_exchange exchange_;
  void* slot_ = nullptr;
  Error inside_;
  Before before_;
  bool changed_ = false;
  loop::Completion over_;
  loop::Task<void> task_;
};

}  // namespace sluice::plugin::isolate

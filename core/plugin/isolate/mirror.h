// In the helper: one exchange of the gateway as the plugin sees it here, with the plugin's slot, memory, timers and callouts.
// It lives from the exchange's first hook until the gateway says that it is over. The loop's thread.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/plugin/decoder_format.h"
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
  const slc_around* around = nullptr;
  DecoderFormat format;
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
  // An attempt of an around stage is over; the head's id is its number.
  void attempt_over(const CallHead&, std::string_view state);
  // What runs is cancelled, then on_done.
  void done(const CallHead&, std::string_view state);
  // The plugin changed the tree in place.
  static void note_change(const void* arena);
  Arena& arena() { return arena_; }

 private:
  // Asks the gateway for what is inside of an around stage.
  struct Shown final : slc_exchange {
    Mirror& mirror;
    Shown(slc_worker& w, Arena& a, Mirror& m) : slc_exchange{0, w, a}, mirror{m} {}
    slc_token next_call(slc_next_fn done, void* user) override { return mirror.run_inside(done, user); }
    slc_status next_cancel(slc_token attempt) override { return mirror.cancel_attempt(attempt); }
    slc_status next_use(slc_exchange* attempt) override { return mirror.use_attempt(attempt); }
  };
  struct Attempt {
    slc_next_fn done;
    void* user;
    slc_exchange exchange;
    Error inside;
    ArenaVector<router::Param> params;
    bool over = false, cancelled = false;
    Attempt(slc_next_fn d, void* u, slc_worker& w, Arena& a) : done{d}, user{u}, exchange{0, w, a}, params{a} { exchange.params = &params; }
  };
  slc_token run_inside(slc_next_fn, void* user);
  slc_status cancel_attempt(slc_token);
  slc_status use_attempt(slc_exchange*);
  void tell(slc_action, uint32_t attempt);
  bool take(const CallHead&, std::string_view state, Question* = nullptr);
  void decode(const CallHead&, const Question&);
  void refuse(const CallHead&, std::string_view why);
  void cancel();
  loop::Task<void> serve(CallHead);

  Arena arena_;
  HelperObject& object_;
  Sink& sink_;
  ArenaVector<router::Param> params_;
  Shown exchange_;
  void* slot_ = nullptr;
  Error inside_;
  Before before_;
  bool changed_ = false;
  uint64_t calling_ = 0;    // the call of an around stage that is not answered; 0: none is
  std::vector<std::unique_ptr<Attempt>> attempts_;  // by number, from 1 on
  uint32_t used_ = 0;
  loop::Completion over_;
  loop::Task<void> task_;
};

}  // namespace sluice::plugin::isolate

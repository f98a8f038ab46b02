// Stages that decide how often the inside runs: test/retry, test/hedge and test/answer, around all backends or around one.
#include <sluice/plugin.hpp>

namespace {

using sluice::Action;
using sluice::Exchange;

constexpr auto kScopes = sluice::scope::proxy | sluice::scope::backend;

void tell_end(Exchange x, std::string_view who) { x.log(sluice::Level::info, "done ", who, ' ', x.outcome()); }

// Runs the inside until it succeeds, at most `attempts` times. X-Attempts says how often.
class Retry {
 public:
  static constexpr auto name = "test/retry";
  static constexpr auto scopes = kScopes;
  static constexpr int32_t stage = 500;

  explicit Retry(sluice::Setup& setup) : attempts_{setup.integer("attempts", 3, 1, 10)}, count_{setup.header("X-Attempts")} {}
  Action on_call(Exchange x) const { return attempt(x, 1); }
  void on_done(Exchange x) const { tell_end(x, "retry"); }

 private:
  Action attempt(Exchange x, int64_t number) const {
    const auto decide = [this, number](Exchange outer, Exchange inner) {
      if (!inner.succeeded() && number < attempts_) return attempt(outer, number + 1);
      const Action answer = outer.use(inner);
      outer.response().set_header(count_, std::to_string(number));
      return answer;
    };
    return x.call_next(decide) ? sluice::pending : x.fail(0, "no attempt could be started");
  }
  int64_t attempts_;
  sluice::Header count_;
};

// Two attempts at once; the first success is the answer. X-Won says which.
class Hedge {
 public:
  static constexpr auto name = "test/hedge";
  static constexpr auto scopes = kScopes;
  static constexpr int32_t stage = 500;

  explicit Hedge(sluice::Setup& setup) : mark_{setup.header("X-Attempt")}, won_{setup.header("X-Won")} {}
  Action on_call(Exchange x) const {
    x.make_state<int>(2);
    for (const char* which : {"first", "second"}) {
      x.set_header(mark_, which);  // the copy of the request that this attempt gets
      const auto decide = [this, which](Exchange outer, Exchange inner) {
        const int left = --*outer.state<int>();
        if (!inner.succeeded() && left > 0) return sluice::pending;
        const Action answer = outer.use(inner);
        outer.response().set_header(won_, which);
        return answer;
      };
      if (!x.call_next(decide)) return x.fail(0, "no attempt could be started");
    }
    return sluice::pending;
  }
  void on_done(Exchange x) const { tell_end(x, "hedge"); }

 private:
  sluice::Header mark_, won_;
};

// {"how": "reply"} answers without the inside, "next" is not there at all, "cancel" starts an attempt, takes it back and
// answers, "leave" starts one and answers while it runs.
class Answer {
 public:
  static constexpr auto name = "test/answer";
  static constexpr auto scopes = kScopes;
  static constexpr int32_t stage = 500;
  static constexpr auto schema = R"({"type": "object", "properties": {"how": {"enum": ["reply", "next", "cancel", "leave", "fail"]}}})";

  explicit Answer(sluice::Setup& setup) : how_{setup.text("how")} {}
  Action on_call(Exchange x) const {
    if (how_ == "next") return sluice::next;
    if (how_ == "fail") return x.fail(429, "enough", "slow down", "text/plain");
    if (how_ == "reply") return answer(x);
    const slc_token running = x.call_next([](Exchange outer, Exchange) { return outer.fail(500, "a cancelled attempt came back"); });
    if (!running) return x.fail(0, "no attempt could be started");
    const bool cancel = how_ == "cancel";
    return x.after(std::chrono::milliseconds{30}, [running, cancel](Exchange y) {
      if (cancel && !y.cancel_next(running)) return y.fail(500, "the attempt is not known");
      return answer(y);
    });
  }
  void on_done(Exchange x) const { tell_end(x, "answer"); }

 private:
  static Action answer(Exchange x) {
    x.set_status(200);
    x.set_complete(true);
    x.replace_data().begin_object().key("from").string("around").end();
    return sluice::done;
  }
  std::string how_;
};

}  // namespace

SLC_PLUGIN("test.around", "1.0.0", Retry, Hedge, Answer)

// example/hedging: when an answer takes longer than usual, asks a second time and takes whichever answer comes first. One slow
// host out of many then no longer makes one request out of many slow.
//
//   "extra_config": { "example/hedging": { "after": "50ms", "max_per_second": 20 } }
//
// What to look at: an `around` binding decides how often what is inside it runs. Every attempt works on its own copy of the
// request; attempts that still run when the stage has its answer are cancelled, their connections included.
#include <algorithm>

#include <sluice/plugin.hpp>

namespace {

using namespace std::chrono_literals;
using sluice::Action;
using sluice::Exchange;
using std::chrono::milliseconds;

class Hedging {
 public:
  static constexpr auto name = "example/hedging";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr int32_t stage = 250;  // outside of the circuit breaker (300), so that it counts both attempts
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "example/hedging",
  "description": "Asks a backend a second time when its answer takes long, and takes the first answer.",
  "type": "object",
  "required": ["after"],
  "additionalProperties": false,
  "properties": {
    "after": {"type": "string", "description": "How long to wait for the first answer; its 95th percentile is a good choice."},
    "max_per_second": {"type": "number", "exclusiveMinimum": 0, "default": 10, "description": "Second attempts of the whole gateway at this place."}
  }
})";

  explicit Hedging(sluice::Setup& setup)
      : after_{std::chrono::duration_cast<milliseconds>(setup.duration("after"))},
        rate_{setup.number("max_per_second", 10)},
        // A backend that has become slow as a whole must not get twice the load for it. One bucket for all workers.
        budget_{setup.limiter(setup.unique_key(), rate_, std::max(1.0, rate_), 0ms)},
        started_{setup.counter("hedging_second_attempts_total", "Second attempts that were started")},
        won_{setup.counter("hedging_second_attempts_won_total", "Second attempts that answered first")} {
    if (after_ < 1ms) setup.error("after", "must be at least 1ms");
    if (!(rate_ > 0)) setup.error("max_per_second", "must be above 0");
    // Asking twice must be the same as asking once: what a POST does would be done twice.
    const sluice::Value backend = setup.surrounding(SLC_AT_BACKEND), endpoint = setup.surrounding(SLC_AT_ENDPOINT);
    std::string_view method = backend["method"].text();
    if (method.empty()) method = endpoint["method"].text();
    if (!method.empty() && method != "GET" && method != "HEAD" && method != "get" && method != "head") {
      setup.error("", "asks a backend twice, so it is for GET and HEAD; this backend is called with " + std::string{method});
    }
  }

  Action on_call(Exchange x) const {
    x.make_state<Attempts>();
    if (!begin(x, false)) return x.fail(0, "no attempt could be started");
    // A timer that does not suspend: we wait for whichever attempt answers.
    x.call_later(after_, [this](Exchange later) { hedge(later); });
    return sluice::pending;
  }

 private:
  struct Attempts {
    int running = 0;
    bool hedged = false, answered = false;
  };

  // Runs the inside once. The callback's answer is the stage's, unless it is `pending`: then another attempt is waited for.
  bool begin(Exchange x, bool second) const {
    const auto decide = [this, second](Exchange outer, Exchange attempt) {
      Attempts& all = *outer.state<Attempts>();
      --all.running;
      if (!attempt.succeeded() && all.running > 0) return sluice::pending;  // the other one may still succeed
      all.answered = true;
      if (second && attempt.succeeded()) won_.add(outer);
      return outer.use(attempt);  // its response, or the failure that is left
    };
    if (x.call_next(decide) == 0) return false;
    ++x.state<Attempts>()->running;
    return true;
  }

  void hedge(Exchange x) const {
    Attempts& all = *x.state<Attempts>();
    if (all.answered || all.hedged || !budget_.take()) return;
    all.hedged = true;
    if (begin(x, true)) started_.add(x);
  }

  milliseconds after_;
  double rate_;
  sluice::Limiter budget_;
  sluice::Counter started_, won_;
};

}  // namespace

SLC_PLUGIN("example.hedging", "1.0.0", Hedging)

// `qos/circuit-breaker`: stops calling a backend that keeps failing, and tries it again with one call after a while.
#include "breaker.h"

#include <cmath>

#include <sluice/plugin.hpp>

namespace {

class CircuitBreaker {
 public:
  static constexpr auto name = "qos/circuit-breaker";
  static constexpr const char* aliases[] = {"github.com/devopsfaith/krakend-circuitbreaker/gobreaker"};
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr int32_t stage = 300;
  static constexpr bool synchronous = true;  // the slot holds the generation of the call's permission
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "qos/circuit-breaker",
  "description": "Stops calling a backend after consecutive failures, for a while.",
  "type": "object",
  "properties": {
    "interval": {"type": "number", "description": "Seconds after which the counters are cleared while closed. 0: never."},
    "timeout": {"type": "number", "description": "Seconds the breaker stays open before one call may try. 0: 60."},
    "max_errors": {"type": "number", "minimum": 0, "description": "Consecutive failures that are tolerated: one more opens."},
    "name": {"type": "string", "description": "For the log."},
    "log_status_change": {"type": "boolean", "default": false, "description": "A warning for each change of state."}
  }
})";

  explicit CircuitBreaker(sluice::Setup& setup)
      : name_{setup.text("name", "")}, log_changes_{setup.boolean("log_status_change", false)} {
    const double interval = seconds(setup, "interval");
    const double timeout = seconds(setup, "timeout");
    const double max_errors = seconds(setup, "max_errors");
    if (max_errors < 0) setup.error("max_errors", "must not be negative");
    if (!setup.ok()) return;
    // The reference takes a block in which everything has its zero value for no block at all.
    if (interval == 0 && timeout == 0 && max_errors == 0 && name_.empty() && !log_changes_) {
      setup.nothing();
      return;
    }
    options_.interval_ns = interval > 0 ? static_cast<uint64_t>(interval * 1e9) : 0;
    options_.timeout_ns = timeout > 0 ? static_cast<uint64_t>(timeout * 1e9) : 60'000'000'000u;
    options_.max_errors = static_cast<uint32_t>(max_errors);
    shared_ = setup.shared<breaker::Shared>(setup.unique_key());
    opened_ = setup.counter("circuit_breaker_opened_total", "Times a circuit breaker opened");
    rejected_ = setup.counter("circuit_breaker_rejected_total", "Backend calls refused by an open circuit breaker");
    setup.log(sluice::Level::debug, "[CB] Creating the circuit breaker named '", name_, '\'');
  }

  sluice::Action on_request(sluice::Exchange x) const {
    const auto pass = shared_->begin(options_, x.now_ns());
    if (pass.transition) report(x, pass.transition);
    if (pass.generation == 0) {
      rejected_.add(x);
      return x.fail(0, pass.refused_in == breaker::State::open ? "circuit breaker is open" : "too many requests");
    }
    x.raw_slot() = reinterpret_cast<void*>(pass.generation);
    return sluice::next;
  }
  sluice::Action on_response(sluice::Exchange x) const {
    settle(x);
    return sluice::next;
  }
  // Time-outs and cancelled calls have no response side; they are failures as well.
  void on_done(sluice::Exchange x) const { settle(x); }

 private:
  // Whole numbers, as the reference reads them: fractions are cut off.
  static double seconds(sluice::Setup& setup, std::string_view key) {
    const double n = std::trunc(setup.number(key, 0));
    if (n > 4e9) setup.error(key, "is too large");  // keeps nanoseconds and counts in range
    return n;
  }
  void settle(sluice::Exchange x) const {
    const auto generation = reinterpret_cast<uint64_t>(x.raw_slot());
    if (generation == 0) return;  // refused, or counted before
    x.raw_slot() = nullptr;
    if (const auto moved = shared_->end(options_, x.now_ns(), generation, x.succeeded())) report(x, moved);
  }
  void report(const sluice::Exchange& x, breaker::Transition t) const {
    if (t.to == breaker::State::open) opened_.add(x);
    if (log_changes_) {
      x.log(sluice::Level::warning, "[CB] Circuit breaker named '", name_, "' went from '", breaker::name_of(t.from), "' to '",
            breaker::name_of(t.to), '\'');
    }
  }

  std::string name_;
  bool log_changes_;
  breaker::Options options_;
  breaker::Shared* shared_ = nullptr;
  sluice::Counter opened_, rejected_;
};

}  // namespace

SLC_PLUGIN("sluice.circuit-breaker", "1.0.0", CircuitBreaker)

// `qos/ratelimit/proxy`: limits the calls to one backend entry of one endpoint. It stands inside the circuit breaker, so a
// refusal counts there as a failure. The bucket is the host's: it holds for the whole process and goes on through reloads.
#include <algorithm>
#include <cmath>

#include <sluice/plugin.hpp>

namespace {

using namespace std::chrono_literals;

class ProxyLimit {
 public:
  static constexpr auto name = "qos/ratelimit/proxy";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr int32_t stage = 400;
  static constexpr bool synchronous = true;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "qos/ratelimit/proxy",
  "description": "Limits the calls to a backend.",
  "type": "object",
  "properties": {
    "max_rate": {"type": "number", "description": "Calls per `every`. 0: no limit."},
    "capacity": {"type": "number", "minimum": 0, "description": "Largest burst. 0: derived from max_rate."},
    "every": {"type": "string", "default": "1s", "description": "Window of the rate."}
  }
})";

  explicit ProxyLimit(sluice::Setup& setup) {
    auto every = setup.duration("every", 1s);
    if (every <= 0s) every = 1s;  // an infinite rate would be no limit at all
    const double rate = setup.number("max_rate", 0) / std::chrono::duration<double>(every).count();
    double capacity = std::trunc(setup.number("capacity", 0));
    if (capacity < 0) setup.error("capacity", "must not be negative");
    if (capacity == 0) capacity = rate < 1 ? 1 : std::trunc(rate);
    if (!setup.ok()) return;
    if (rate <= 0) {
      setup.nothing();
      return;
    }
    limiter_ = setup.limiter(setup.unique_key(), std::max(rate, 1e-9), std::max(capacity, 1.0), 0ms);
    if (!limiter_) setup.error("", "the gateway could not make the limiter");
    rejected_ = setup.counter("ratelimit_proxy_rejected_total", "Backend calls refused by their limit");
    setup.log(sluice::Level::debug, "[Ratelimit] Enabling the rate limiter");
  }

  sluice::Action on_request(sluice::Exchange x) const {
    if (limiter_.take()) return sluice::next;
    rejected_.add(x);
    return x.fail(0, "rate limit exceded");  // spelt as in the reference
  }

 private:
  sluice::Limiter limiter_;
  sluice::Counter rejected_;
};

}  // namespace

SLC_PLUGIN("sluice.ratelimit-proxy", "1.0.0", ProxyLimit)

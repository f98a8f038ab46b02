// Runs what is inside of it again while it fails. In the configuration of an endpoint (around all its backends) or of a backend:
//
//   "extra_config": {"@VENDOR@/@NAME@": {"attempts": 3}}
#include <sluice/plugin.hpp>

#include "schema.h"

namespace {

using sluice::Action;
using sluice::Exchange;

class Plugin {
 public:
  static constexpr auto name = "@VENDOR@/@NAME@";
  static constexpr auto scopes = sluice::scope::proxy | sluice::scope::backend;
  static constexpr int32_t stage = 500;  // place in the chain: docs/life-of-a-request.md
  static constexpr auto schema = kSchema;

  explicit Plugin(sluice::Setup& setup) : attempts_{setup.integer("attempts", 3, 1, 10)}, count_{setup.header("X-Attempts")} {}

  Action on_call(Exchange x) const { return attempt(x, 1); }

 private:
  Action attempt(Exchange x, int64_t number) const {
    // The callback's Action is the answer of on_call. It never comes when the client leaves first.
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

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)

// test/answer: an endpoint that answers itself, so that nothing but the chain of hooks is measured.
#include <sluice/plugin.hpp>

namespace {

class Answer {
 public:
  static constexpr auto name = "test/answer";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 900;
  static constexpr bool synchronous = true;
  explicit Answer(sluice::Setup&) {}
  sluice::Action on_request(sluice::Exchange x) const { return x.reply(200); }
};

}  // namespace

SLC_PLUGIN("test.answer", "1.0.0", Answer)

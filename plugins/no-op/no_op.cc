// sluice.no-op: the encoding that is none. A decoder without decode and an encoder without encode tell the gateway to pass
// bodies through as they come, with the backend's status and headers (pipeline.md §8.4).
#include "sluice/plugin.hpp"

namespace {

struct NoOp {
  static constexpr auto name = "no-op";
  static constexpr bool raw = true;
};

}  // namespace

SLC_PLUGIN("sluice.no-op", "0.1.0", sluice::Decoder<NoOp>, sluice::Encoder<NoOp>)

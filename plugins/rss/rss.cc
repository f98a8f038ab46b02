// sluice.rss: the decoder "rss".
#include "../shared/body.h"
#include "decode.h"

namespace {

class RssDecoder {
 public:
  static constexpr auto name = "rss";
  sluice::Status decode(std::span<const slc_str> chunks, uint32_t, sluice::Builder out, std::string_view& reason) const {
    std::string joined, why;
    if (sluice::rss::decode(sluice::body::join(chunks, &joined), out, &why)) return {SLC_OK};
    return sluice::body::refuse(out, why, &reason);
  }
};

}  // namespace

SLC_PLUGIN("sluice.rss", "0.1.0", sluice::Decoder<RssDecoder>)

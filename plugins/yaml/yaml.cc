// sluice.yaml: the decoder and the encoder "yaml".
#include "../shared/body.h"
#include "decode.h"
#include "encode.h"

namespace {

class YamlDecoder {
 public:
  static constexpr auto name = "yaml";
  sluice::Status decode(std::span<const slc_str> chunks, uint32_t flags, sluice::Builder out, std::string_view& reason) const {
    std::string joined, why;
    std::string_view text = sluice::body::join(chunks, &joined);
    if (sluice::yaml::decode(text, (flags & SLC_DECODE_COLLECTION) != 0, out, &why)) return {SLC_OK};
    return sluice::body::refuse(out, why, &reason);
  }
};

class YamlEncoder {
 public:
  static constexpr auto name = "yaml";
  static constexpr auto content_type = sluice::yaml::kContentType;
  sluice::Status encode(sluice::Exchange x, sluice::Value data) const {
    std::string out;
    sluice::yaml::render(data, &out);
    return x.append_body(out);
  }
};

}  // namespace

SLC_PLUGIN("sluice.yaml", "0.1.0", sluice::Decoder<YamlDecoder>, sluice::Encoder<YamlEncoder>)

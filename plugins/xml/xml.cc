// sluice.xml: the decoder and the encoder "xml".
#include "../shared/body.h"
#include "decode.h"
#include "encode.h"

namespace {

class XmlDecoder {
 public:
  static constexpr auto name = "xml";
  sluice::Status decode(std::span<const slc_str> chunks, uint32_t flags, sluice::Builder out, std::string_view& reason) const {
    std::string joined, why;
    std::string_view text = sluice::body::join(chunks, &joined);
    if (sluice::xml::decode(text, (flags & SLC_DECODE_COLLECTION) != 0, out, &why)) return {SLC_OK};
    return sluice::body::refuse(out, why, &reason);
  }
};

class XmlEncoder {
 public:
  static constexpr auto name = "xml";
  static constexpr auto content_type = sluice::xml::kContentType;
  sluice::Status encode(sluice::Exchange x, sluice::Value data) const { return sluice::xml::encode(x, data); }
};

}  // namespace

SLC_PLUGIN("sluice.xml", "0.1.0", sluice::Decoder<XmlDecoder>, sluice::Encoder<XmlEncoder>)

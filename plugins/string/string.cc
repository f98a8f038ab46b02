// sluice.string: a body as one string. Decoder: {"content": "<body>"} (encodings.md §4). Encoder: the string under "content",
// nothing when it is none (pipeline.md §8).
#include "sluice/plugin.hpp"

namespace {

class String {
 public:
  static constexpr auto name = "string";
  static constexpr auto content_type = "text/plain; charset=utf-8";

  // Bytes that are no UTF-8 stay as they are: what writes them decides.
  static sluice::Status decode(std::span<const slc_str> chunks, uint32_t, sluice::Builder out, std::string_view& why) {
    std::string_view text = "";
    size_t total = 0;
    for (const slc_str& c : chunks) total += sluice::view(c).size();
    if (chunks.size() == 1 && total) {
      text = sluice::view(chunks[0]);  // lives as long as the exchange
    } else if (total) {
      char* whole = out.alloc(total);
      if (!whole) {
        why = "no memory for the body";
        return {SLC_ENOMEM};
      }
      size_t at = 0;
      for (const slc_str& c : chunks) at += sluice::view(c).copy(whole + at, total - at);
      text = {whole, total};
    }
    if (!out.begin_object().key(kContent).string_stable(text).end().ok()) why = "the document cannot be built";
    return out.status();
  }

  static sluice::Status encode(sluice::Exchange x, sluice::Value data) {
    if (!data.is_object()) return {};
    const sluice::Value content = data[kContent];
    if (!content.is_string() || content.text().empty()) return {};
    return x.append_body(content.text(), true);
  }

 private:
  static constexpr std::string_view kContent = "content";
};

}  // namespace

SLC_PLUGIN("sluice.string", "0.1.0", sluice::Decoder<String>, sluice::Encoder<String>)

// The encoding "@NAME@" of a backend: lines of key=value become an object of texts. In the configuration of a backend:
//
//   "encoding": "@NAME@"
#include <sluice/plugin.hpp>

namespace {

class Plugin {
 public:
  static constexpr auto name = "@NAME@";

  // Bytes in, tokens out; no state. The body comes in pieces that end anywhere.
  sluice::Status decode(std::span<const slc_str> chunks, uint32_t flags, sluice::Builder out, std::string_view& why) const {
    size_t size = 0;
    for (const slc_str& c : chunks) size += c.len;
    char* text = out.alloc(size + 1);  // memory of the document: what points there need not be copied
    if (!text) return {SLC_ENOMEM};
    char* end = text;
    for (const slc_str& c : chunks)
      if (c.len != 0) end = static_cast<char*>(std::memcpy(end, c.ptr, c.len)) + c.len;

    const bool collection = flags & SLC_DECODE_COLLECTION;  // the backend has "is_collection": a list is wanted
    if (collection) out.begin_object().key("collection").begin_array();
    out.begin_object();
    for (std::string_view rest{text, size}; !rest.empty();) {
      const size_t stop = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, stop);
      rest.remove_prefix(std::min(stop + 1, rest.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) continue;
      const size_t equals = line.find('=');
      if (equals == std::string_view::npos) {
        why = "a line without =";  // static text, or text that lives as long as the exchange
        return {SLC_EDECODE};
      }
      out.key(line.substr(0, equals)).string_stable(line.substr(equals + 1));
    }
    out.end();
    if (collection) out.end().end();
    return out.status();
  }
};

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)

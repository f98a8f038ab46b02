// A format of its own, "kv": lines of key=value. A value is a number, a text, or a block {key=value;key=value} that the decoder
// leaves as it stands until somebody looks inside. The encoder writes the same format and copies text that nobody touched.
#include <sluice/plugin.hpp>

namespace {

using sluice::Builder;
using sluice::Status;
using sluice::Value;

constexpr auto kFormat = "kv";

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\r')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

bool looks_like_number(std::string_view s) {
  return !s.empty() && (s[0] == '-' || (s[0] >= '0' && s[0] <= '9')) && s.find_first_not_of("0123456789.-+eE") == s.npos;
}

// Members separated by `separator`, outside of braces.
bool read_members(std::string_view text, char separator, Builder& b) {
  while (!text.empty()) {
    size_t end = 0;
    for (int depth = 0; end < text.size() && (depth > 0 || text[end] != separator); ++end) {
      depth += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
    }
    const std::string_view member = trim(text.substr(0, end));
    text.remove_prefix(end < text.size() ? end + 1 : end);
    if (member.empty()) continue;
    const size_t equals = member.find('=');
    if (equals == member.npos) return false;
    const std::string_view value = member.substr(equals + 1);
    b.key(member.substr(0, equals));
    if (value.starts_with('{') && value.ends_with('}')) {
      b.deferred(SLC_OBJECT, value);
    } else if (looks_like_number(value)) {
      b.number_text(value);
    } else {
      b.string_stable(value);
    }
  }
  return true;
}

class KvDecoder {
 public:
  static constexpr auto name = "kv";
  static constexpr auto format = kFormat;

  Status decode(std::span<const slc_str> chunks, uint32_t flags, Builder b, std::string_view& why) const {
    std::string_view text = chunks.empty() ? std::string_view{} : sluice::view(chunks[0]);
    if (chunks.size() > 1) {
      size_t n = 0;
      for (const slc_str& c : chunks) n += c.len;
      char* const all = b.alloc(n);
      char* at = all;
      for (const slc_str& c : chunks) at = static_cast<char*>(std::memcpy(at, c.ptr, c.len)) + c.len;
      text = {all, n};
    }
    b.begin_object();
    if (flags & SLC_DECODE_COLLECTION) b.key("collection").begin_array().begin_object();
    if (!read_members(text, '\n', b)) {
      why = "a line without =";
      return {SLC_EDECODE};
    }
    if (flags & SLC_DECODE_COLLECTION) b.end().end();
    b.end();
    return b.status();
  }
  static Status expand(std::string_view text, Builder b) {
    b.begin_object();
    if (!read_members(text.substr(1, text.size() - 2), ';', b)) return {SLC_EDECODE};
    b.end();
    return b.status();
  }
};

class KvEncoder {
 public:
  static constexpr auto name = "kv";
  static constexpr auto content_type = "text/kv";

  explicit KvEncoder(sluice::Setup& setup) : copied_{setup.header("X-Copied")} {}
  Status encode(sluice::Exchange x, Value data) const {
    if (!data.is_object()) return {SLC_OK};
    int copied = 0;
    data.each([&](std::string_view key, Value v) {
      std::string line{key};
      line += '=';
      x.append_body(line);
      if (const std::string_view source = v.source(kFormat); !source.empty()) {
        x.append_body(source, true);
        ++copied;
      } else {
        std::string out;
        write(out, v);
        x.append_body(out);
      }
      x.append_body("\n", true);
    });
    x.response().set_header(copied_, std::to_string(copied));
    return {SLC_OK};
  }

 private:
  static void write(std::string& out, Value v) {
    if (!v.is_object()) return sluice::append_json(out, v);
    out += '{';
    bool first = true;
    v.each([&](std::string_view key, Value member) {
      if (!std::exchange(first, false)) out += ';';
      out.append(key) += '=';
      write(out, member);
    });
    out += '}';
  }
  sluice::Header copied_;
};

}  // namespace

SLC_PLUGIN("test.kv", "1.0.0", KvDecoder, KvEncoder)

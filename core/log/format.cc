#include "core/log/format.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <chrono>

#include "core/base/text.h"

namespace sluice::log {
namespace {

template <class T>
void append_number(std::string& out, T v) {
  char text[24];
  auto [end, ec] = std::to_chars(text, text + sizeof text, v);
  out.append(text, end);
}

// `whole` and a fraction of `unit`s without trailing zeros: 1500000, 1000000 -> "1.5".
void append_fraction(std::string& out, uint64_t ns, uint64_t unit) {
  append_number(out, ns / unit);
  uint64_t rest = ns % unit;
  if (!rest) return;
  out += '.';
  for (unit /= 10; rest; unit /= 10) {
    out += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
}

// Length of the UTF-8 sequence at s[i], 0: none (RFC 3629 §4). `code` receives the character.
size_t utf8(std::string_view s, size_t i, uint32_t& code) {
  auto byte = [&](size_t k) { return static_cast<uint8_t>(s[k]); };
  uint8_t b = byte(i);
  if (b < 0x80) return code = b, 1;
  size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
  if (b < 0xc2 || b > 0xf4 || i + n > s.size()) return 0;
  code = b & (0xff >> (n + 1));
  for (size_t k = 1; k < n; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i + k) & 0x3f);
  }
  if (n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return 0;
  if (n == 4 && (code < 0x10000 || code > 0x10ffff)) return 0;
  return n;
}

constexpr char kHex[] = "0123456789abcdef";

void append_hex_byte(std::string& out, uint8_t b) {
  out += "\\x";
  out += kHex[b >> 4];
  out += kHex[b & 15];
}

void append_u16(std::string& out, uint32_t code) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[code >> shift & 15];
}

// C1 controls and the line separators: some terminals and log readers act on them.
bool acts(uint32_t code) { return (code >= 0x80 && code < 0xa0) || code == 0x2028 || code == 0x2029; }

// The escapes shared by quoted and plain text. False: an ordinary ASCII character.
bool append_control(std::string& out, char c) {
  switch (c) {
    case '\a': out += "\\a"; return true;
    case '\b': out += "\\b"; return true;
    case '\f': out += "\\f"; return true;
    case '\n': out += "\\n"; return true;
    case '\r': out += "\\r"; return true;
    case '\v': out += "\\v"; return true;
    default: break;
  }
  if (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f) return false;
  append_hex_byte(out, static_cast<uint8_t>(c));
  return true;
}

// Everything beyond ASCII at s[i]; returns how far it went.
size_t append_wide(std::string& out, std::string_view s, size_t i) {
  uint32_t code = 0;
  size_t n = utf8(s, i, code);
  if (n == 0) return append_hex_byte(out, static_cast<uint8_t>(s[i])), 1;
  if (acts(code)) return append_u16(out, code), n;
  out.append(s, i, n);
  return n;
}

// Bright on a coloured ground, as the reference's access log has them, so that eyes trained there go on working.
std::string_view status_colour(int status) {
  if (status >= 200 && status < 300) return "\x1b[97;42m";
  if (status < 400) return "\x1b[90;47m";
  if (status < 500) return "\x1b[90;43m";
  return "\x1b[97;41m";
}

std::string_view method_colour(std::string_view m) {
  if (m == "GET") return "\x1b[97;44m";
  if (m == "POST") return "\x1b[97;46m";
  if (m == "PUT") return "\x1b[90;43m";
  if (m == "DELETE") return "\x1b[97;41m";
  if (m == "PATCH") return "\x1b[97;42m";
  if (m == "HEAD") return "\x1b[97;45m";
  if (m == "OPTIONS") return "\x1b[90;47m";
  return "\x1b[0m";
}

std::string_view level_colour(Level level) {
  switch (level) {
    case Level::debug: return "\x1b[36m";
    case Level::warning: return "\x1b[33m";
    case Level::error: return "\x1b[31m";
    case Level::critical: return "\x1b[35m";
    default: return "\x1b[32m";
  }
}

constexpr std::string_view kReset = "\x1b[0m";

void pad(std::string& out, size_t have, size_t width) {
  if (have < width) out.append(width - have, ' ');
}

spdlog::pattern_formatter time_pattern(const char* pattern) {
  return spdlog::pattern_formatter{pattern, spdlog::pattern_time_type::local, ""};
}

}  // namespace

void append_duration(std::string& out, uint64_t ns) {
  if (ns == 0) {
    out += "0s";
  } else if (ns < 1000) {
    append_number(out, ns);
    out += "ns";
  } else if (ns < 1000000) {
    append_fraction(out, ns, 1000);
    out += "µs";
  } else if (ns < 1000000000) {
    append_fraction(out, ns, 1000000);
    out += "ms";
  } else {
    uint64_t minutes = ns / 60000000000, hours = minutes / 60;
    if (hours) append_number(out, hours), out += 'h';
    if (minutes) append_number(out, minutes % 60), out += 'm';
    append_fraction(out, ns % 60000000000, 1000000000);
    out += 's';
  }
}

void append_quoted(std::string& out, std::string_view s) {
  out += '"';
  for (size_t i = 0; i < s.size();) {
    char c = s[i];
    if (static_cast<uint8_t>(c) >= 0x80) {
      i += append_wide(out, s, i);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (c == '\t') out += "\\t";
    else if (!append_control(out, c)) out += c;
    ++i;
  }
  out += '"';
}

void append_printable(std::string& out, std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    char c = s[i];
    if (static_cast<uint8_t>(c) >= 0x80) {
      i += append_wide(out, s, i);
      continue;
    }
    if (c == '\t' || !append_control(out, c)) out += c;
    ++i;
  }
}

void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  for (size_t i = 0; i < s.size();) {
    char c = s[i];
    if (static_cast<uint8_t>(c) >= 0x80) {
      uint32_t code = 0;
      if (size_t n = utf8(s, i, code)) {
        if (acts(code)) append_u16(out, code);
        else out.append(s, i, n);
        i += n;
      } else {
        out += "\xef\xbf\xbd";
        ++i;
      }
      continue;
    }
    if (const std::string_view escape = json_escape(c); !escape.empty()) out += escape;
    else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) append_u16(out, static_cast<uint8_t>(c));
    else out += c;
    ++i;
  }
  out += '"';
}

Formatter::Formatter(Style style)
    : style_{style},
      message_time_{time_pattern("%Y/%m/%d %H:%M:%S")},
      access_time_{time_pattern("%Y/%m/%d - %H:%M:%S")},
      json_time_{time_pattern("%Y-%m-%dT%H:%M:%S.%f%z")} {}

void Formatter::time(std::string& out, spdlog::pattern_formatter& pattern, int64_t unix_ns) {
  spdlog::details::log_msg stamp;
  stamp.time = spdlog::log_clock::time_point{
      std::chrono::duration_cast<spdlog::log_clock::duration>(std::chrono::nanoseconds{unix_ns})};
  buffer_.clear();
  pattern.format(stamp, buffer_);
  out.append(buffer_.data(), buffer_.size());
}

void Formatter::message(std::string& out, Level level, int64_t unix_ns, std::string_view text) {
  if (style_ == Style::json) {
    out += "{\"time\":\"";
    time(out, json_time_, unix_ns);
    out += "\",\"level\":\"";
    out += to_string(level);
    out += "\",\"message\":";
    append_json_string(out, text);
    out += "}\n";
    return;
  }
  time(out, message_time_, unix_ns);
  out += " SLUICE ";
  if (style_ == Style::colour) out += level_colour(level);
  out += to_string(level);
  if (style_ == Style::colour) out += kReset;
  out += ": ";
  append_printable(out, text);
  out += '\n';
}

void Formatter::access(std::string& out, int64_t unix_ns, const Access& a) {
  if (style_ == Style::json) {
    out += "{\"time\":\"";
    time(out, json_time_, unix_ns);
    out += "\",\"type\":\"access\",\"status\":";
    append_number(out, a.status);
    out += ",\"latency_ns\":";
    append_number(out, a.latency_ns);
    out += ",\"client_ip\":";
    append_json_string(out, a.client_ip);
    out += ",\"method\":";
    append_json_string(out, a.method);
    out += ",\"target\":";
    append_json_string(out, a.target);
    if (!a.error.empty()) out += ",\"error\":", append_json_string(out, a.error);
    out += "}\n";
    return;
  }
  bool colour = style_ == Style::colour;
  out += "[GIN] ";
  time(out, access_time_, unix_ns);
  out += " |";
  if (colour) out += status_colour(a.status);
  fmt::format_to(std::back_inserter(out), " {:>3} ", a.status);
  if (colour) out += kReset;
  out += "| ";
  // Beyond a minute the reference shows whole seconds.
  uint64_t ns = a.latency_ns > 60000000000 ? a.latency_ns / 1000000000 * 1000000000 : a.latency_ns;
  std::string latency;
  append_duration(latency, ns);
  size_t shown = latency.size() - (latency.find("µ") != std::string::npos ? 1 : 0);  // two bytes, one column
  pad(out, shown, 13);
  out += latency;
  out += " | ";
  pad(out, a.client_ip.size(), 15);
  append_printable(out, a.client_ip);
  out += " |";
  if (colour) out += method_colour(a.method);
  out += ' ';
  append_printable(out, a.method);
  pad(out, a.method.size(), 7);
  out += ' ';
  if (colour) out += kReset;
  out += ' ';
  append_quoted(out, a.target);
  out += '\n';
  // Each error keeps its line; what is inside a line cannot leave it.
  for (std::string_view rest = a.error; !rest.empty();) {
    size_t end = rest.find('\n');
    append_printable(out, rest.substr(0, end));
    out += '\n';
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
}

}  // namespace sluice::log

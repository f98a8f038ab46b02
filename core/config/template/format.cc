#include "core/config/template/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>

namespace sluice::config::tmpl {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool printable(char32_t c) {
  if (c < 0x20 || c == 0x7f) return false;
  if (c < 0x7f) return true;
  if (c <= 0xa0 || c == 0xad || c == 0xfeff) return false;
  if ((c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000) return false;
  return !(c >= 0xd800 && c <= 0xf8ff) && !(c >= 0xfff0 && c <= 0xfffb) && (c & 0xfffe) != 0xfffe && c < 0xe0000;
}

void append_hex(std::string& out, uint32_t v, int digits) {
  for (int i = digits - 1; i >= 0; --i) out += kHex[v >> (4 * i) & 15];
}

std::string whole_text(uint64_t magnitude, int base, bool upper = false) {
  std::array<char, 72> text;
  auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), magnitude, base);
  std::string out(text.data(), end);
  if (upper) std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return out;
}

uint64_t magnitude(int64_t i) { return i < 0 ? uint64_t{0} - static_cast<uint64_t>(i) : static_cast<uint64_t>(i); }

// Go's exponents have two digits at least.
void fix_exponent(std::string& text) {
  size_t e = text.find_first_of("eE");
  if (e == text.npos) return;
  if (text[e + 1] != '-' && text[e + 1] != '+') text.insert(e + 1, 1, '+');
  if (text.size() - e == 3) text.insert(e + 2, 1, '0');
}

}  // namespace

std::string format_real(double d, char verb, int precision) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d < 0 ? "-Inf" : "+Inf";
  std::array<char, 1600> text;
  auto write = [&](std::chars_format f, int p) {
    auto r = p < 0 ? std::to_chars(text.data(), text.data() + text.size(), d, f)
                   : std::to_chars(text.data(), text.data() + text.size(), d, f, std::min(p, 1000));
    return std::string(text.data(), r.ptr);
  };
  std::string out;
  if (verb == 'f') {
    out = write(std::chars_format::fixed, precision);
  } else if (verb == 'e') {
    out = write(std::chars_format::scientific, precision);
    fix_exponent(out);
  } else if (precision >= 0) {
    out = write(std::chars_format::general, precision == 0 ? 1 : precision);
    fix_exponent(out);
  } else {
    out = write(std::chars_format::scientific, -1);
    size_t e = out.find('e');
    int exponent = 0;
    std::from_chars(out.data() + e + (out[e + 1] == '+' ? 2 : 1), out.data() + out.size(), exponent);
    // %e is taken below 1e-4 and from 1e6 on: the rule for the shortest form.
    if (exponent < -4 || exponent >= 6) fix_exponent(out);
    else out = write(std::chars_format::fixed, -1);
  }
  return out;
}

std::string go_quote(std::string_view s, bool ascii) {
  std::string out = "\"";
  while (!s.empty()) {
    Rune r = rune_at(s);
    auto b = static_cast<uint8_t>(s[0]);
    s.remove_prefix(r.size);
    if (r.code == 0xfffd && r.size == 1) {
      out += "\\x";
      append_hex(out, b, 2);
    } else if (r.code == '"' || r.code == '\\') {
      out += '\\', out += static_cast<char>(r.code);
    } else if (printable(r.code) && (!ascii || r.code < 0x80)) {
      append_rune(out, r.code);
    } else if (r.code >= 7 && r.code <= 13) {
      out += '\\', out += "abtnvfr"[r.code - 7];
    } else if (r.code < 0x20 || r.code == 0x7f) {
      out += "\\x";
      append_hex(out, r.code, 2);
    } else if (r.code < 0x10000) {
      out += "\\u";
      append_hex(out, r.code, 4);
    } else {
      out += "\\U";
      append_hex(out, r.code, 8);
    }
  }
  return out + '"';
}

std::string duration_text(int64_t ns) {
  if (ns == 0) return "0s";
  uint64_t u = magnitude(ns);
  std::string out = ns < 0 ? "-" : "";
  auto fraction = [](uint64_t v, uint64_t unit, std::string_view name) {
    std::string text = std::to_string(v / unit);
    if (uint64_t rest = v % unit) {
      std::string digits = std::to_string(unit + rest).substr(1);
      while (digits.ends_with('0')) digits.pop_back();
      text += "." + digits;
    }
    return text + std::string{name};
  };
  if (u < 1000) return out + std::to_string(u) + "ns";
  if (u < 1000000) return out + fraction(u, 1000, "\xc2\xb5s");
  if (u < 1000000000) return out + fraction(u, 1000000, "ms");
  constexpr uint64_t kMinute = 60000000000u, kHour = 60 * kMinute;
  if (u >= kHour) out += std::to_string(u / kHour) + "h";
  if (u >= kMinute) out += std::to_string(u % kHour / kMinute) + "m";
  return out + fraction(u % kMinute, 1000000000u, "s");
}

std::string time_text(int64_t ns) {
  std::time_t seconds = static_cast<std::time_t>(ns / 1000000000);
  int64_t rest = ns % 1000000000;
  if (rest < 0) rest += 1000000000, --seconds;
  std::tm t;
  ::gmtime_r(&seconds, &t);
  char text[48];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &t);
  std::string out = text;
  if (rest) {
    std::string digits = std::to_string(1000000000 + rest).substr(1);
    while (digits.ends_with('0')) digits.pop_back();
    out += "." + digits;
  }
  return out + " +0000 UTC";
}

void append_text(std::string& out, const Value& v, size_t depth) {
  if (depth > kMaxNesting || out.size() > Heap::kMost / 4) {  // shared parts may make a small object a huge text
    out += "…";
    return;
  }
  switch (v.kind) {
    case Value::Kind::none: out += "<nil>"; return;
    case Value::Kind::boolean: out += v.boolean ? "true" : "false"; return;
    case Value::Kind::integer:
    case Value::Kind::integer64: out += std::to_string(v.integer); return;
    case Value::Kind::real: out += format_real(v.real, 'g', -1); return;
    case Value::Kind::text: out += v.text; return;
    case Value::Kind::time: out += time_text(v.integer); return;
    case Value::Kind::duration: out += duration_text(v.integer); return;
    case Value::Kind::list: {
      out += '[';
      bool first = true;
      for (const Value& item : v.list->items) {
        if (!first) out += ' ';
        first = false;
        append_text(out, item, depth + 1);
      }
      out += ']';
      return;
    }
    case Value::Kind::map: {
      out += "map[";
      bool first = true;
      for (const auto& [key, member] : v.map->members) {
        if (!first) out += ' ';
        first = false;
        out += key;
        out += ':';
        append_text(out, member, depth + 1);
      }
      out += ']';
      return;
    }
  }
}

std::string to_text(const Value& v) {
  std::string out;
  append_text(out, v);
  return out;
}

std::string print(std::span<const Value> args) {
  std::string out;
  for (size_t i = 0; i < args.size(); ++i) {
    if (i && !args[i].is(Value::Kind::text) && !args[i - 1].is(Value::Kind::text)) out += ' ';
    append_text(out, args[i]);
  }
  return out;
}

std::string println(std::span<const Value> args) {
  std::string out;
  for (size_t i = 0; i < args.size(); ++i) {
    if (i) out += ' ';
    append_text(out, args[i]);
  }
  return out + "\n";
}

namespace {

// One verb of a format with its flags, as fmt reads them.
struct Verb {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  std::optional<int> width, precision;
  char32_t letter = 0;
};

constexpr int kMaxWidth = 1000000;  // fmt's own bound

std::string padded(std::string body, const Verb& v, bool numeric) {
  size_t width = static_cast<size_t>(v.width.value_or(0)), n = rune_count(body);
  if (n >= width) return body;
  size_t fill = width - n;
  if (v.minus) return body + std::string(fill, ' ');
  if (v.zero) {
    size_t at = numeric && !body.empty() && (body[0] == '-' || body[0] == '+' || body[0] == ' ') ? 1 : 0;
    return body.insert(at, fill, '0');
  }
  return body.insert(0, fill, ' ');
}

std::string format_value(const Verb&, const Value&, size_t depth);

std::string wrong_verb(const Verb& v, const Value& a) {
  std::string out = "%!";
  append_rune(out, v.letter);
  if (a.none()) return out + "(<nil>)";
  Verb plain;
  plain.letter = 'v';
  return out + "(" + std::string{type_of(a)} + "=" + format_value(plain, a, 0) + ")";
}

std::string format_whole(const Verb& v, int64_t i, const Value& a) {
  std::string sign = i < 0 ? "-" : v.plus ? "+" : v.space ? " " : "", digits, prefix;
  uint64_t u = magnitude(i);
  switch (v.letter) {
    case 'v':
    case 'd': digits = whole_text(u, 10); break;
    case 'b': digits = whole_text(u, 2), prefix = v.sharp ? "0b" : ""; break;
    case 'o':
    case 'O': digits = whole_text(u, 8), prefix = v.letter == 'O' ? "0o" : v.sharp ? "0" : ""; break;
    case 'x': digits = whole_text(u, 16), prefix = v.sharp ? "0x" : ""; break;
    case 'X': digits = whole_text(u, 16, true), prefix = v.sharp ? "0X" : ""; break;
    case 'c': {
      std::string out;
      append_rune(out, i < 0 || i > 0x10ffff ? 0xfffd : static_cast<char32_t>(i));
      return padded(out, v, false);
    }
    case 'q': {
      std::string out;
      append_rune(out, i < 0 || i > 0x10ffff ? 0xfffd : static_cast<char32_t>(i));
      out = go_quote(out);
      if (out == "\"'\"") out = "\"\\'\"";
      if (out == "\"\\\"\"") out = "\"\"\"";
      out.front() = out.back() = '\'';
      return padded(out, v, false);
    }
    case 'U': {
      std::string out = whole_text(u, 16, true);
      return padded("U+" + std::string(out.size() < 4 ? 4 - out.size() : 0, '0') + out, v, false);
    }
    default: return wrong_verb(v, a);
  }
  if (v.precision) {
    if (*v.precision == 0 && i == 0) return padded("", v, false);
    if (digits.size() < static_cast<size_t>(*v.precision)) digits.insert(0, static_cast<size_t>(*v.precision) - digits.size(), '0');
  } else if (v.zero && !v.minus && v.width) {
    size_t width = static_cast<size_t>(*v.width), have = sign.size() + digits.size();
    if (have < width) digits.insert(0, width - have, '0');  // the prefix is not counted, as fmt has it
  }
  Verb blank = v;
  blank.zero = false;
  return padded(sign + prefix + digits, blank, true);
}

std::string format_float(const Verb& v, double d, const Value& a) {
  char verb;
  int precision = 6;
  switch (v.letter) {
    case 'v': verb = 'g', precision = -1; break;
    case 'g':
    case 'G': verb = 'g', precision = -1; break;
    case 'e':
    case 'E': verb = 'e'; break;
    case 'f':
    case 'F': verb = 'f'; break;
    default: return wrong_verb(v, a);
  }
  std::string out = format_real(d, verb, v.precision.value_or(precision));
  if (v.letter == 'E' || v.letter == 'G') std::replace(out.begin(), out.end(), 'e', 'E');
  if (out[0] == '+' && !v.plus) out.erase(0, 1);
  else if (out[0] != '-' && out[0] != '+' && v.plus) out.insert(0, 1, '+');
  if (v.space && !v.plus && out[0] != '-') out.insert(0, 1, ' ');
  Verb how = v;
  if (std::isinf(d) || std::isnan(d)) how.zero = false;
  return padded(out, how, true);
}

std::string format_string(const Verb& v, std::string_view s, const Value& a) {
  auto cut = [&](std::string_view t) {
    if (!v.precision) return t;
    size_t n = 0;
    for (int i = 0; i < *v.precision && n < t.size(); ++i) n += rune_at(t.substr(n)).size;
    return t.substr(0, n);
  };
  switch (v.letter) {
    case 'v':
      if (v.sharp) return padded(go_quote(s), v, false);
      [[fallthrough]];
    case 's': return padded(std::string{cut(s)}, v, false);
    case 'q':
      if (v.sharp && s.find('`') == s.npos && s.find_first_of("\n\r") == s.npos) return padded("`" + std::string{cut(s)} + "`", v, false);
      return padded(go_quote(cut(s), v.plus), v, false);
    case 'x':
    case 'X': {
      std::string out;
      std::string_view bytes = v.precision ? s.substr(0, static_cast<size_t>(*v.precision)) : s;
      for (size_t i = 0; i < bytes.size(); ++i) {
        if (v.space && i) out += ' ';
        if (v.sharp && (i == 0 || v.space)) out += v.letter == 'X' ? "0X" : "0x";
        std::string two;
        append_hex(two, static_cast<uint8_t>(bytes[i]), 2);
        if (v.letter == 'X')
          std::transform(two.begin(), two.end(), two.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
        out += two;
      }
      return padded(out, v, false);
    }
    default: return wrong_verb(v, a);
  }
}

std::string format_value(const Verb& v, const Value& a, size_t depth) {
  if (depth > kMaxNesting) return "…";
  if (v.letter == 'T') {
    Verb s = v;
    s.letter = 's';
    return format_string(s, type_of(a), a);
  }
  switch (a.kind) {
    case Value::Kind::none: {
      if (v.letter != 'v') return wrong_verb(v, a);
      Verb s = v;
      s.zero = false;
      return padded("<nil>", s, false);
    }
    case Value::Kind::boolean:
      if (v.letter != 'v' && v.letter != 't') return wrong_verb(v, a);
      return padded(a.boolean ? "true" : "false", v, false);
    case Value::Kind::integer:
    case Value::Kind::integer64: return format_whole(v, a.integer, a);
    case Value::Kind::real: return format_float(v, a.real, a);
    case Value::Kind::text: return format_string(v, a.text, a);
    case Value::Kind::time:
    case Value::Kind::duration:
      if (a.is(Value::Kind::duration) && v.letter != 'v' && v.letter != 's' && v.letter != 'q') return format_whole(v, a.integer, a);
      return format_string(v, to_text(a), a);
    case Value::Kind::list: {
      std::string out = "[";
      for (size_t i = 0; i < a.list->items.size() && out.size() < Heap::kMost / 4; ++i) {
        if (i) out += ' ';
        out += format_value(v, a.list->items[i], depth + 1);
      }
      return out + "]";
    }
    case Value::Kind::map: {
      std::string out = "map[";
      bool first = true;
      for (const auto& [key, member] : a.map->members) {
        if (!first) out += ' ';
        first = false;
        out += format_string(v, key, view(key)) + ":" + format_value(v, member, depth + 1);
      }
      return out + "]";
    }
  }
  return {};
}

// Reads a format once, taking arguments as it goes.
class Formatter {
 public:
  Formatter(std::string_view format, std::span<const Value> args) : rest_{format}, args_{args} {}

  std::string run() {
    bool reordered = false;
    while (!rest_.empty() && out_.size() < Heap::kMost / 4) {
      size_t percent = rest_.find('%');
      out_ += rest_.substr(0, percent);
      if (percent == rest_.npos) break;
      rest_.remove_prefix(percent + 1);
      one(reordered);
    }
    if (!reordered && next_ < args_.size()) {
      out_ += "%!(EXTRA ";
      for (size_t i = next_; i < args_.size(); ++i) {
        if (i > next_) out_ += ", ";
        if (args_[i].none()) out_ += "<nil>";
        else out_ += std::string{type_of(args_[i])} + "=" + to_text(args_[i]);
      }
      out_ += ")";
    }
    return std::move(out_);
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> number() {
    int n = 0;
    size_t i = 0;
    for (; i < rest_.size() && rest_[i] >= '0' && rest_[i] <= '9'; ++i)
      if (n <= kMaxWidth) n = n * 10 + (rest_[i] - '0');
    rest_.remove_prefix(i);
    if (i == 0) return std::nullopt;
    return n > kMaxWidth ? 0 : n;
  }
  // "[3]": the next argument is the third.
  void index(bool& reordered, bool& bad) {
    if (rest_.empty() || rest_[0] != '[') return;
    reordered = true;
    size_t close = rest_.find(']');
    if (close == rest_.npos) {
      bad = true, rest_.remove_prefix(1);
      return;
    }
    size_t n = 0;
    auto [end, ec] = std::from_chars(rest_.data() + 1, rest_.data() + close, n);
    bad = ec != std::errc{} || end != rest_.data() + close || n < 1 || n > args_.size();
    if (!bad) next_ = n - 1;
    rest_.remove_prefix(close + 1);
  }
  std::optional<int> star() {
    if (next_ >= args_.size() || !args_[next_].whole()) {
      if (next_ < args_.size()) ++next_;
      return std::nullopt;
    }
    int64_t n = args_[next_++].integer;
    if (n < -kMaxWidth || n > kMaxWidth) return std::nullopt;
    return static_cast<int>(n);
  }
  void one(bool& reordered) {
    Verb v;
    bool bad = false;
    for (;; rest_.remove_prefix(1)) {
      char c = rest_.empty() ? '\0' : rest_[0];
      if (c == '+') v.plus = true;
      else if (c == '-') v.minus = true, v.zero = false;
      else if (c == '#') v.sharp = true;
      else if (c == ' ') v.space = true;
      else if (c == '0') v.zero = !v.minus;
      else break;
    }
    index(reordered, bad);
    if (take('*')) {
      v.width = star();
      if (!v.width) out_ += "%!(BADWIDTH)";
      else if (*v.width < 0) v.minus = true, v.zero = false, v.width = -*v.width;
    } else {
      v.width = number();
    }
    if (take('.')) {
      index(reordered, bad);
      if (take('*')) {
        v.precision = star();
        if (!v.precision || *v.precision < 0) v.precision.reset(), out_ += "%!(BADPREC)";
      } else {
        v.precision = number().value_or(0);
      }
    }
    index(reordered, bad);
    if (rest_.empty()) {
      out_ += "%!(NOVERB)";
      return;
    }
    Rune r = rune_at(rest_);
    std::string_view letter = rest_.substr(0, r.size);
    rest_.remove_prefix(r.size);
    v.letter = r.code;
    if (v.letter == '%') {
      out_ += '%';
    } else if (bad) {
      out_ += "%!" + std::string{letter} + "(BADINDEX)";
    } else if (next_ >= args_.size()) {
      out_ += "%!" + std::string{letter} + "(MISSING)";
    } else {
      out_ += format_value(v, args_[next_++], 0);
    }
  }

  std::string_view rest_;
  std::span<const Value> args_;
  size_t next_ = 0;
  std::string out_;
};

}  // namespace

std::string printf(std::string_view format, std::span<const Value> args) { return Formatter{format, args}.run(); }

}  // namespace sluice::config::tmpl

// sprig: letter case and words.
#include <algorithm>

#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

using Runes = std::u32string;

Runes runes(std::string_view s) {
  Runes out;
  while (!s.empty()) {
    Rune r = rune_at(s);
    out += r.code;
    s.remove_prefix(r.size);
  }
  return out;
}
std::string text(const Runes& s) {
  std::string out;
  for (char32_t c : s) append_rune(out, c);
  return out;
}
bool upper(char32_t c) { return rune_lower(c) != c; }
bool lower(char32_t c) { return rune_upper(c) != c; }
bool word_char(char32_t c) { return rune_letter(c) || rune_digit(c); }

// strings.Title: letters behind what is neither letter, digit nor underscore.
Value title(Call& c) {
  Runes s = runes(c.s(0));
  bool in_word = false;
  for (char32_t& r : s) {
    if (!in_word) r = rune_upper(r);
    in_word = word_char(r) || r == '_' || (r >= 0x80 && !rune_space(r));
  }
  return c.text(text(s));
}

Value untitle(Call& c) {
  Runes s = runes(c.s(0));
  bool first = true;
  for (char32_t& r : s) {
    if (first) r = rune_lower(r);
    first = rune_space(r);
  }
  return c.text(text(s));
}

Value swapcase(Call& c) {
  Runes s = runes(c.s(0));
  for (char32_t& r : s) r = upper(r) ? rune_lower(r) : rune_upper(r);
  return c.text(text(s));
}

Value initials(Call& c) {
  Runes out;
  bool first = true;
  for (char32_t r : runes(c.s(0))) {
    if (rune_space(r)) first = true;
    else if (first) out += r, first = false;
  }
  return c.text(text(out));
}

// "http_server name" → "HttpServerName"
Value camelcase(Call& c) {
  Runes s = runes(c.s(0)), out;
  auto connects = [](char32_t r) { return r == '_' || r == '-' || rune_space(r); };
  size_t at = 0;
  // What connects nothing stays: at the beginning, at the end, and all but one of a run.
  while (at < s.size() && connects(s[at])) out += s[at++];
  bool first = true;
  for (; at < s.size(); ++at) {
    if (connects(s[at])) {
      size_t end = at;
      while (end < s.size() && connects(s[end])) ++end;
      if (end == s.size()) {
        out.append(s, at);
        break;
      }
      out.append(s, at, end - at - 1);
      at = end - 1;
      first = true;
      continue;
    }
    out += first ? rune_upper(s[at]) : rune_lower(s[at]);
    first = false;
  }
  return c.text(text(out));
}

// Words begin at upper-case letters, behind what connects, and at digits that lower-case letters follow ("Floor3rd" is floor_3rd,
// "Bld4Floor" is bld4_floor).
std::string connected(std::string_view in, char32_t by) {
  Runes s = runes(in), out;
  auto connects = [](char32_t r) { return r == '_' || r == '-' || rune_space(r); };
  bool digit_first = false;  // the word that runs began with a digit
  for (size_t i = 0; i < s.size(); ++i) {
    char32_t r = s[i];
    if (connects(r)) {
      out += by;
      continue;
    }
    bool first = i == 0 || connects(s[i - 1]), begins = false;
    if (!first && upper(r)) begins = !upper(s[i - 1]) || (i + 1 < s.size() && lower(s[i + 1]));
    if (!first && rune_digit(r) && rune_letter(s[i - 1]) && !digit_first) {
      size_t end = i;
      while (end < s.size() && rune_digit(s[end])) ++end;
      begins = end < s.size() && lower(s[end]);
    }
    if (begins) out += by;
    if (first || begins) digit_first = rune_digit(r);
    out += rune_lower(r);
  }
  return text(out);
}

// goutils.Wrap: at blanks; `cut`: words that are too long too.
Value wrapped(Call& c, std::string_view s, int64_t width, std::string_view newline, bool cut) {
  if (width < 1) width = 1;
  auto limit = static_cast<size_t>(width);
  std::string out;
  while (s.size() > limit) {
    if (s[0] == ' ') {
      s.remove_prefix(1);
      continue;
    }
    if (!c.room(out.size() + newline.size() + s.size())) return {};
    size_t blank = s.substr(0, limit + 1).rfind(' ');
    if (blank != s.npos) {
      out += s.substr(0, blank);
      out += newline;
      s.remove_prefix(blank + 1);
    } else if (cut) {
      out += s.substr(0, limit);
      out += newline;
      s.remove_prefix(limit);
    } else {
      blank = s.find(' ', limit);
      if (blank == s.npos) break;
      out += s.substr(0, blank);
      out += newline;
      s.remove_prefix(blank + 1);
    }
  }
  out += s;
  return c.text(std::move(out));
}

// goutils.AbbreviateFull: "…" at the cut ends, `width` characters at most.
Value abbreviated(Call& c, std::string_view s, int64_t offset, int64_t width) {
  auto size = static_cast<int64_t>(s.size());
  if (width < 4 || (offset > 0 && width < 7)) return view(s);
  if (size <= width) return view(s);
  offset = std::min(offset, size);
  if (size - offset < width - 3) offset = size - (width - 3);
  auto part = [&](int64_t from, int64_t to) { return std::string{s.substr(static_cast<size_t>(from), static_cast<size_t>(to - from))}; };
  if (offset <= 4) return c.text(part(0, width - 3) + "...");
  if (offset + width - 3 < size) return c.text("..." + part(offset, offset + width - 6) + "...");
  return c.text("..." + part(size - (width - 3), size));
}

constexpr Function kTable[] = {
    {"title", "s", title},
    {"untitle", "s", untitle},
    {"swapcase", "s", swapcase},
    {"initials", "s", initials},
    {"camelcase", "s", camelcase},
    {"snakecase", "s", [](Call& c) { return c.text(connected(c.s(0), '_')); }},
    {"kebabcase", "s", [](Call& c) { return c.text(connected(c.s(0), '-')); }},
    {"wrap", "is", [](Call& c) { return wrapped(c, c.s(1), c.i(0), "\n", false); }},
    {"wrapWith", "iss", [](Call& c) { return wrapped(c, c.s(2), c.i(0), c.s(1).empty() ? "\n" : c.s(1), true); }},
    {"abbrev", "is", [](Call& c) { return c.i(0) < 4 ? view(c.s(1)) : abbreviated(c, c.s(1), 0, c.i(0)); }},
    {"abbrevboth", "iis", [](Call& c) {
       return c.i(1) < 4 || (c.i(0) > 0 && c.i(1) < 7) ? view(c.s(2)) : abbreviated(c, c.s(2), c.i(0), c.i(1));
     }},
};

}  // namespace

std::span<const Function> word_functions() { return kTable; }

}  // namespace sluice::config::tmpl

#include "scalar.h"

#include <algorithm>

namespace sluice::yaml {

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

template <size_t N>
bool one_of(std::string_view s, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), s) != std::end(list);
}

// Digits of this base, at least one, underscores between them.
bool digits(std::string_view s, int base) {
  size_t seen = 0;
  for (char c : s) {
    if (c == '_') continue;
    int v = digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    if (v >= base) return false;
    ++seen;
  }
  return seen > 0;
}

std::string_view without_sign(std::string_view s) {
  if (!s.empty() && (s[0] == '+' || s[0] == '-')) s.remove_prefix(1);
  return s;
}

bool integer(std::string_view s) {
  s = without_sign(s);
  if (s.empty() || !digit(s[0])) return false;
  if (s.starts_with("0x") || s.starts_with("0X")) return digits(s.substr(2), 16);
  if (s.starts_with("0o") || s.starts_with("0O")) return digits(s.substr(2), 8);
  if (s.starts_with("0b") || s.starts_with("0B")) return digits(s.substr(2), 2);
  return digits(s, 10);
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool decimal(std::string_view s) {
  s = without_sign(s);
  size_t whole = 0, fraction = 0;
  while (!s.empty() && (digit(s[0]) || (whole && s[0] == '_'))) s.remove_prefix(1), ++whole;
  if (!s.empty() && s[0] == '.') {
    s.remove_prefix(1);
    while (!s.empty() && (digit(s[0]) || (fraction && s[0] == '_'))) s.remove_prefix(1), ++fraction;
  }
  if (!whole && !fraction) return false;
  if (s.empty()) return true;
  if (s[0] != 'e' && s[0] != 'E') return false;
  s = without_sign(s.substr(1));
  return !s.empty() && std::all_of(s.begin(), s.end(), digit);
}

// YAML 1.1: [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
bool base_60(std::string_view s) {
  s = without_sign(s);
  return s.find(':') != s.npos && !s.empty() && digit(s[0]) && s.find_first_not_of("0123456789_:.") == s.npos;
}

// 2006-1-2, with or without a time behind it. Four digits and a hyphen are enough to quote.
bool date(std::string_view s) {
  return s.size() >= 8 && std::all_of(s.begin(), s.begin() + 4, digit) && s[4] == '-' && digit(s[5]);
}

}  // namespace

Plain classify(std::string_view s) {
  static constexpr std::string_view kNull[] = {"", "~", "null", "Null", "NULL"};
  static constexpr std::string_view kTrue[] = {"true", "True", "TRUE"};
  static constexpr std::string_view kFalse[] = {"false", "False", "FALSE"};
  static constexpr std::string_view kSpecial[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
  if (one_of(s, kNull)) return Plain::null;
  if (one_of(s, kTrue)) return Plain::truth;
  if (one_of(s, kFalse)) return Plain::lie;
  if (one_of(without_sign(s), kSpecial)) return Plain::special;
  if (integer(s)) return Plain::integer;
  if (decimal(s)) return Plain::decimal;
  return Plain::text;
}

bool means_something(std::string_view s) {
  static constexpr std::string_view kOld[] = {"y",  "Y",  "yes", "Yes", "YES", "on",  "On",  "ON",
                                              "n",  "N",  "no",  "No",  "NO",  "off", "Off", "OFF", "<<", "="};
  return classify(s) != Plain::text || one_of(s, kOld) || base_60(s) || date(s);
}

}  // namespace sluice::yaml

// ASCII text helpers. All functions are pure; views in, views or values out.
#pragma once
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
namespace octets {
template <class T>
uint64_t load(const char* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
// Eight octets at once: equal but for the case of ASCII letters.
inline bool same_folded(uint64_t x, uint64_t y) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x80 * kOnes, kCase = 0x20 * kOnes;
  const uint64_t differ = x ^ y;
  if (!differ) return true;
  if (differ & ~kCase) return false;
  const uint64_t seven_bits = (x | kCase) & ~kHigh;
  const uint64_t letter = ~x & (seven_bits + (0x80 - 'a') * kOnes) & ~(seven_bits + (0x7f - 'z') * kOnes) & kHigh;
  return ((differ << 2) & ~letter) == 0;
}
}  // namespace octets

// ASCII case-insensitive equality (header names: RFC 9110 §5.1). Every head's names go through it several times.
inline bool iequals(std::string_view a, std::string_view b) {
  const size_t n = a.size();
  if (n != b.size()) return false;
  const char *p = a.data(), *q = b.data();
  if (n >= 8) {
    for (size_t i = 0; i + 8 < n; i += 8)
      if (!octets::same_folded(octets::load<uint64_t>(p + i), octets::load<uint64_t>(q + i))) return false;
    return octets::same_folded(octets::load<uint64_t>(p + n - 8), octets::load<uint64_t>(q + n - 8));
  }
  if (n >= 4) {
    auto both_ends = [n](const char* at) { return octets::load<uint32_t>(at) | octets::load<uint32_t>(at + n - 4) << 32; };
    return octets::same_folded(both_ends(p), both_ends(q));
  }
  for (size_t i = 0; i < n; ++i)
    if (lower(p[i]) != lower(q[i])) return false;
  return true;
}
std::string to_lower(std::string_view);
std::string to_upper(std::string_view);
// Without spaces and tabs (OWS, RFC 9110 §5.6.3) at both ends.
std::string_view trim(std::string_view);
// Decimal digits only, no sign, no overflow.
template <class T>
std::optional<T> parse_decimal(std::string_view s) {
  T v{};
  if (s.empty() || s[0] == '-' || s[0] == '+') return std::nullopt;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (ec != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return v;
}
// Does a comma list contain `token` (case-insensitive)? RFC 9110 §5.6.1.
bool list_contains(std::string_view list, std::string_view token);
// RFC 9110 §5.6.2 token: a valid header name or method.
bool is_token(std::string_view);
// No CR, LF or NUL and no other control characters but tab (RFC 9110 §5.5).
bool is_field_value(std::string_view);
// %XX decoding. nullopt: a '%' without two hex digits. `plus` decodes '+' as blank (form encoding).
std::optional<std::string> percent_decode(std::string_view, bool plus = false);
// Encodes everything but unreserved characters (RFC 3986 §2.3).
std::string percent_encode(std::string_view);
int hex_digit(char c);  // -1: none
// The escape of two characters that JSON has for this one (RFC 8259 §7); empty: it has none.
inline std::string_view json_escape(char c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return {};
  }
}
// A limit of time, for people: "2 s", "1500 ms".
std::string limit_text(uint64_t ms);
// Go's header spelling: first letter and each letter after '-' upper case, the rest lower. Invalid names unchanged.
std::string canonical_header(std::string_view);
// Smallest number of insertions, deletions, replacements and neighbour swaps that turn a into b; for suggestions.
size_t edit_distance(std::string_view a, std::string_view b);
// The closest of `names` within a third of its length, or empty.
template <class Range>
std::string_view nearest(std::string_view name, const Range& names) {
  std::string_view best;
  size_t distance = name.size() / 3 + 2;
  for (const auto& n : names)
    if (size_t d = edit_distance(name, n); d < distance) distance = d, best = n;
  return best;
}

}  // namespace sluice

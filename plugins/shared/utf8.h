// UTF-8 for renderers that have to say what is no text (RFC 3629 §4). Header only: plugins share sources, never symbols.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::utf8 {

// The character at the beginning of `s`, and how many bytes it takes; 0 bytes: none begins there.
inline size_t decode(std::string_view s, char32_t* c) {
  if (s.empty()) return 0;
  auto byte = [&](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : uint8_t{0}; };
  auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  uint8_t b = byte(0);
  if (b < 0x80) return *c = b, 1;
  if (b >= 0xc2 && b < 0xe0 && tail(1)) return *c = char32_t(b & 0x1f) << 6 | (byte(1) & 0x3f), 2;
  if (b >= 0xe0 && b < 0xf0 && tail(1) && tail(2)) {
    *c = char32_t(b & 0x0f) << 12 | char32_t(byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    return *c < 0x800 || (*c >= 0xd800 && *c < 0xe000) ? 0 : 3;
  }
  if (b >= 0xf0 && b < 0xf5 && tail(1) && tail(2) && tail(3)) {
    *c = char32_t(b & 0x07) << 18 | char32_t(byte(1) & 0x3f) << 12 | char32_t(byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    return *c < 0x10000 || *c > 0x10ffff ? 0 : 4;
  }
  return 0;
}

inline bool valid(std::string_view s) {
  char32_t c = 0;
  for (size_t n; !s.empty(); s.remove_prefix(n)) {
    if (!(n = decode(s, &c))) return false;
  }
  return true;
}

inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";

}  // namespace sluice::utf8

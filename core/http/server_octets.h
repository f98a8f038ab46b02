// Octet tests of the server codec, eight at a time: every octet of every head goes through them.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::http {

// The first octet of [p, end) that is a control character other than a tab (RFC 9110 §5.5), or `end`.
inline const char* find_control(const char* p, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  for (;;) {
    while (end - p >= 8) {
      uint64_t w;
      std::memcpy(&w, p, 8);
      uint64_t below_space = (w - kOnes * 0x20) & ~w & kHigh;  // a borrow can only add a false alarm, never hide one
      uint64_t no_del = w ^ (kOnes * 0x7f);
      uint64_t del = (no_del - kOnes) & ~no_del & kHigh;
      if (below_space | del) break;
      p += 8;
    }
    for (int i = 0; i < 8 && p != end; ++i, ++p) {
      auto c = static_cast<unsigned char>(*p);
      if ((c < 0x20 && c != '\t') || c == 0x7f) return p;
    }
    if (p == end) return end;
  }
}
inline bool has_control(std::string_view s) {
  const char* end = s.data() + s.size();
  return !s.empty() && find_control(s.data(), end) != end;
}

}  // namespace sluice::http

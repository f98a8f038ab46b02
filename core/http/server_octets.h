// Octet tests of the server codec, eight at a time: every octet of every head goes through them.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/base/text.h"

namespace sluice::http {

// Eight octets: not 0 if one of them is below a space or DEL. A borrow can add a false alarm, never hide one.
inline uint64_t may_hold_control(const char* p) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const auto w = octets::load<uint64_t>(p);
  const uint64_t no_del = w ^ (kOnes * 0x7f);
  return (((w - kOnes * 0x20) & ~w) | ((no_del - kOnes) & ~no_del)) & kHigh;
}

// The first octet of [p, end) that is a control character other than a tab (RFC 9110 §5.5), or `end`.
inline const char* find_control(const char* p, const char* end) {
  for (;;) {
    while (end - p >= 8 && !may_hold_control(p)) p += 8;
    for (int i = 0; i < 8 && p != end; ++i, ++p) {
      auto c = static_cast<unsigned char>(*p);
      if ((c < 0x20 && c != '\t') || c == 0x7f) return p;
    }
    if (p == end) return end;
  }
}
inline bool has_control(std::string_view s) {
  const char *p = s.data(), *end = p + s.size();
  if (s.size() >= 8) {  // no octet is looked at alone: the last eight overlap
    uint64_t doubtful = may_hold_control(end - 8);
    for (; end - p > 8; p += 8) doubtful |= may_hold_control(p);
    if (!doubtful) [[likely]]
      return false;
    p = s.data();
  }
  return find_control(p, end) != end;
}

}  // namespace sluice::http

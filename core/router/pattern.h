// Reads one pattern of router.h into segments. No state.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sluice::router {

inline constexpr size_t kMaxPattern = 8192;   // bytes
inline constexpr size_t kMaxSegments = 128;   // bounds the recursion of a match
inline constexpr size_t kMaxParameters = 64;  // bounds its captures

struct Segment {
  enum class Kind : uint8_t { literal, mixed, parameter, rest } kind = Kind::literal;
  // Literal text around the parameters, one more than there are parameters; a literal has one, the others may be empty.
  std::vector<std::string> texts;
};

struct Pattern {
  std::vector<Segment> segments;   // "/a/" has two, the last one a literal of no text
  std::vector<std::string> names;  // of all parameters, in order
};

Result<Pattern, Problem> parse_pattern(std::string_view);

}  // namespace sluice::router

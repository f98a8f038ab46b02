// Why a route does, or does not, take a request: for people, one route at a time. Allocates freely; nothing on the way of
// a request uses it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/router/pattern.h"
#include "core/router/router.h"

namespace sluice::router {

struct Verdict {
  // In the order of closeness: the later, the nearer to a match.
  enum class Fate : uint8_t { path, method, host, header, fits } fate = Fate::path;
  size_t segments = 0;  // of the path that fit, from the left
  bool spelling = false;  // the next one differs in letter case only
  std::string why;      // "segment 2 is \"b\", not \"c\"", "needs the header x-version: 2, …"; empty: it fits
};

// `path` is decoded, `methods` those of the route.
Verdict judge(const Pattern&, const std::vector<std::string>& methods, const Condition&, std::string_view method,
              std::string_view path, const Facts&);

// Why `winner` goes before `other`, of two that fit the same request: "segment 2: the text \"b\" goes before {x}".
std::string why_first(const Pattern& winner, const Condition& its, const Pattern& other, const Condition& others);

// A segment as it would be written, with the names of its parameters.
std::string segment_text(const Pattern&, size_t segment);

}  // namespace sluice::router

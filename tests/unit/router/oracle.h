// The rules of router.h written down naively: every route is tried on its own, the best of those that match wins.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/router/pattern.h"

namespace sluice::router::oracle {

struct Route {
  uint32_t number;
  std::string pattern;
  Pattern parsed;
};

struct Answer {
  uint32_t number = 0;
  std::vector<std::string> values;
  bool operator==(const Answer&) const = default;
};

// Does `segment` fit `texts` with one or more characters for each parameter? The shortest first values that do.
inline bool fits(std::string_view segment, const std::vector<std::string>& texts, size_t i,
                 std::vector<std::string>& values) {
  if (!segment.starts_with(texts[i])) return false;
  segment.remove_prefix(texts[i].size());
  if (i + 1 == texts.size()) return segment.empty();
  for (size_t n = 1; n <= segment.size(); ++n) {
    values.emplace_back(segment.substr(0, n));
    if (fits(segment.substr(n), texts, i + 1, values)) return true;
    values.pop_back();
  }
  return false;
}

inline std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> out;
  for (size_t at = 1;;) {
    size_t end = path.find('/', at);
    out.emplace_back(path.substr(at, end == path.npos ? path.npos : end - at));
    if (end == path.npos) return out;
    at = end + 1;
  }
}

inline std::optional<Answer> match(const Route& route, const std::vector<std::string>& path) {
  Answer answer{route.number, {}};
  const auto& segments = route.parsed.segments;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (i >= path.size()) return std::nullopt;
    if (segments[i].kind == Segment::Kind::rest) {
      std::string rest = path[i];
      for (size_t j = i + 1; j < path.size(); ++j) rest += "/" + path[j];
      answer.values.push_back(rest);
      return answer;
    }
    if (segments[i].kind == Segment::Kind::parameter && path[i].empty() && i + 1 < path.size()) {
      answer.values.emplace_back();  // empty inside a path, not at its end
      continue;
    }
    if (!fits(path[i], segments[i].texts, 0, answer.values)) return std::nullopt;
  }
  if (segments.size() != path.size()) return std::nullopt;
  return answer;
}

// <0: at the first place where they differ, `a` is tried before `b`.
inline int precedence(const Pattern& a, const Pattern& b) {
  for (size_t i = 0; i < std::min(a.segments.size(), b.segments.size()); ++i) {
    const Segment &x = a.segments[i], &y = b.segments[i];
    if (x.kind != y.kind) return static_cast<int>(x.kind) - static_cast<int>(y.kind);
    if (x.kind != Segment::Kind::mixed) continue;
    auto length = [](const Segment& s) {
      size_t n = 0;
      for (const auto& t : s.texts) n += t.size();
      return n;
    };
    if (length(x) != length(y)) return length(x) > length(y) ? -1 : 1;
    if (x.texts.size() != y.texts.size()) return x.texts.size() < y.texts.size() ? -1 : 1;
    if (x.texts != y.texts) return x.texts < y.texts ? -1 : 1;
  }
  return 0;
}

inline std::optional<Answer> find(const std::vector<Route>& routes, std::string_view path) {
  std::optional<Answer> best;
  const Route* best_route = nullptr;
  if (!path.starts_with('/')) return best;
  auto segments = split(path);
  for (const Route& route : routes) {
    auto answer = match(route, segments);
    if (!answer || (best_route && precedence(best_route->parsed, route.parsed) < 0)) continue;
    best = answer;
    best_route = &route;
  }
  return best;
}

}  // namespace sluice::router::oracle

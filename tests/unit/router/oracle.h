// The rules of router.h written down naively: every route is tried on its own, the best of those that match wins.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/router/condition.h"
#include "core/router/pattern.h"

namespace sluice::router::oracle {

struct Route {
  uint32_t number;
  std::string pattern;
  Pattern parsed;
  Condition condition{};
};

// Host and headers as a test writes them.
struct Request final : Facts {
  std::string name;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view host() const override { return name; }
  bool has(std::string_view header, std::string_view pattern) const override {
    for (const auto& [n, v] : headers)
      if (n == header && fits_stars(pattern, v)) return true;
    return false;
  }
  // Every way to give each '*' something.
  static bool fits_stars(std::string_view pattern, std::string_view value) {
    if (pattern.empty()) return value.empty();
    if (pattern[0] != '*') return !value.empty() && pattern[0] == value[0] && fits_stars(pattern.substr(1), value.substr(1));
    for (size_t n = 0; n <= value.size(); ++n)
      if (fits_stars(pattern.substr(1), value.substr(n))) return true;
    return false;
  }
};

inline bool met(const Condition& c, const Request& r) {
  if (!c.host.empty() && c.host[0] != '.' && c.host != r.name) return false;
  if (!c.host.empty() && c.host[0] == '.' && (r.name.size() <= c.host.size() || !r.name.ends_with(c.host))) return false;
  for (const auto& [name, pattern] : c.headers)
    if (!r.has(name, pattern)) return false;
  return true;
}

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

// The path decides, then host, number of headers, exactness: router.h, condition.h.
inline bool before(const Route& a, const Route& b) {
  if (int c = precedence(a.parsed, b.parsed)) return c < 0;
  auto weight = [](const Route& r) {
    const std::string& h = r.condition.host;
    size_t exact = 0, text = 0;
    for (const auto& [name, pattern] : r.condition.headers) {
      size_t stars = 0;
      for (char c : pattern) stars += c == '*';
      exact += stars == 0, text += pattern.size() - stars;
    }
    int kind = h.empty() ? 0 : h[0] == '.' ? 1 : 2;
    return std::tuple{kind, kind == 1 ? h.size() : 0, r.condition.headers.size(), exact, text};
  };
  if (weight(a) != weight(b)) return weight(a) > weight(b);
  return std::tie(a.condition.host, a.condition.headers) < std::tie(b.condition.host, b.condition.headers);
}

inline std::optional<Answer> find(const std::vector<Route>& routes, std::string_view path, const Request& request = {}) {
  std::optional<Answer> best;
  const Route* best_route = nullptr;
  if (!path.starts_with('/')) return best;
  auto segments = split(path);
  for (const Route& route : routes) {
    if (!met(route.condition, request)) continue;
    auto answer = match(route, segments);
    if (!answer || (best_route && !before(route, *best_route))) continue;
    best = answer;
    best_route = &route;
  }
  return best;
}

}  // namespace sluice::router::oracle

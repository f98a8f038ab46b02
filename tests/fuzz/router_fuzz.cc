// Bytes as lines: patterns up to an empty line, then paths. Behind a tab a pattern has the host it is for and then the headers
// it asks for ("name=value", tabs between), a path those of its request. The router must agree with the naive oracle, whatever
// the order.
#include <cstdint>
#include <cstdlib>

#include "core/router/explain.h"
#include "core/router/router.h"
#include "tests/unit/router/oracle.h"

namespace {

using namespace sluice;
using namespace sluice::router;

std::string_view next(std::string_view& text, char end) {
  size_t at = std::min(text.find(end), text.size());
  std::string_view out = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return out;
}

// The oracle tries every way to fill the stars: short values with few of them.
Condition read_condition(std::string_view text) {
  Condition c;
  c.host = std::string{next(text, '\t').substr(0, 32)};
  while (!text.empty() && c.headers.size() < 4) {
    std::string_view value = next(text, '\t'), name = next(value, '=');
    if (value.size() > 12 || std::count(value.begin(), value.end(), '*') > 3) continue;
    if (std::any_of(c.headers.begin(), c.headers.end(), [&](const auto& h) { return h.first == name; })) continue;
    c.headers.emplace_back(name, value);
  }
  std::sort(c.headers.begin(), c.headers.end());
  return c;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), std::min<size_t>(size, 4096)};
  std::vector<oracle::Route> routes;
  struct Asked {
    std::string path;
    oracle::Request request;
  };
  std::vector<Asked> paths;
  bool patterns = true;
  Router first;
  while (!text.empty()) {
    std::string_view line = next(text, '\n');
    if (line.empty()) {
      patterns = false;
    } else if (patterns && routes.size() < 64) {
      std::string_view pattern = next(line, '\t');
      auto parsed = parse_pattern(pattern);
      Condition condition = read_condition(line);
      auto number = static_cast<uint32_t>(routes.size());
      uint32_t clash = UINT32_MAX;
      bool added = static_cast<bool>(first.add("GET", pattern, condition, number, &clash));
      if (added && !parsed) std::abort();
      if (!added && parsed && (clash >= number || shape(pattern) != shape(routes[clash].pattern))) std::abort();
      if (added) routes.push_back({number, std::string{pattern}, *parsed, condition});
    } else if (!patterns && line.size() <= 128) {
      // The oracle tries every split of a segment: short ones only.
      std::string_view path = next(line, '\t');
      if (path.size() > 64) continue;
      Asked& asked = paths.emplace_back();
      asked.path = path;
      Condition facts = read_condition(line);
      asked.request.name = host_name(facts.host);
      asked.request.headers = facts.headers;
    }
  }
  Router second;
  for (auto it = routes.rbegin(); it != routes.rend(); ++it)
    if (!second.add("GET", it->pattern, it->condition, it->number, nullptr)) std::abort();
  if (first.ambiguities().size() != second.ambiguities().size()) std::abort();

  BlockPool pool;
  Arena arena{pool};
  for (const auto& [path, request] : paths) {
    if (clean_path(clean_path(path)) != clean_path(path)) std::abort();
    auto expected = oracle::find(routes, path, request);
    std::string where;
    for (const Router* router : {&first, &second}) {
      Match match;
      std::string_view location, allow;
      auto found = router->find("GET", path, {}, arena, &match, &location, &allow, &request);
      if ((found == Router::Found::yes) != expected.has_value()) std::abort();
      if (expected) {
        if (match.route != expected->number || match.params.size() != expected->values.size()) std::abort();
        for (uint32_t i = 0; i < match.params.size(); ++i)
          if (match.params[i].value != expected->values[i] ||
              match.params[i].name != routes[match.route].parsed.names[i])
            std::abort();
      }
      if (found == Router::Found::redirect && !oracle::find(routes, location, request)) std::abort();
      if (router == &first) where = location;
      else if (where != location) std::abort();
    }
    // What people are told is what happens.
    for (const oracle::Route& route : routes) {
      Verdict v = judge(route.parsed, {"GET"}, route.condition, "GET", path, request);
      bool fits = oracle::find({route}, path, request).has_value();
      if ((v.fate == Verdict::Fate::fits) != fits || v.why.empty() != fits) std::abort();
      if (expected && fits && route.number != expected->number)
        why_first(routes[expected->number].parsed, routes[expected->number].condition, route.parsed, route.condition);
    }
    arena.reset();
  }
  return 0;
}

// Bytes as lines: patterns up to an empty line, then paths. The router must agree with the naive oracle, whatever the
// order.
#include <cstdint>
#include <cstdlib>

#include "core/router/router.h"
#include "tests/unit/router/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  using namespace sluice::router;
  std::string_view text{reinterpret_cast<const char*>(data), std::min<size_t>(size, 4096)};
  std::vector<oracle::Route> routes;
  std::vector<std::string> paths;
  bool patterns = true;
  Router first;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {
      patterns = false;
    } else if (patterns && routes.size() < 64) {
      auto parsed = parse_pattern(line);
      auto number = static_cast<uint32_t>(routes.size());
      uint32_t clash = UINT32_MAX;
      bool added = static_cast<bool>(first.add("GET", line, number, &clash));
      if (added && !parsed) std::abort();
      if (!added && parsed && clash >= number) std::abort();
      if (added) routes.push_back({number, std::string{line}, *parsed});
    } else if (!patterns && line.size() <= 64) {
      // The oracle tries every split of a segment: short ones only.
      paths.emplace_back(line);
    }
  }
  Router second;
  for (auto it = routes.rbegin(); it != routes.rend(); ++it)
    if (!second.add("GET", it->pattern, it->number, nullptr)) std::abort();

  BlockPool pool;
  Arena arena{pool};
  for (const std::string& path : paths) {
    if (clean_path(clean_path(path)) != clean_path(path)) std::abort();
    auto expected = oracle::find(routes, path);
    std::string where;
    for (const Router* router : {&first, &second}) {
      Match match;
      std::string_view location, allow;
      auto found = router->find("GET", path, {}, arena, &match, &location, &allow);
      if ((found == Router::Found::yes) != expected.has_value()) std::abort();
      if (expected) {
        if (match.route != expected->number || match.params.size() != expected->values.size()) std::abort();
        for (uint32_t i = 0; i < match.params.size(); ++i)
          if (match.params[i].value != expected->values[i] ||
              match.params[i].name != routes[match.route].parsed.names[i])
            std::abort();
      }
      if (found == Router::Found::redirect && !oracle::find(routes, location)) std::abort();
      if (router == &first) where = location;
      else if (where != location) std::abort();
    }
    arena.reset();
  }
  return 0;
}

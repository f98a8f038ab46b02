// Random sets of patterns against the oracle, in shuffled order.
#include <gtest/gtest.h>

#include <random>

#include "core/router/router.h"
#include "tests/unit/router/oracle.h"

namespace sluice::router {
namespace {

using Random = std::mt19937;

size_t below(Random& r, size_t n) { return r() % n; }

std::string random_pattern(Random& r) {
  static const std::vector<std::string> kSegments{"a",    "b",    "A",       "ab",    "aab",         "{x}",  "{y}",
                                                  "a{x}", "{x}b", "{x}-{y}", "a{x}b", "{x}a{y}a{z}", "{q}.b"};
  std::string out;
  for (size_t n = 1 + below(r, 4); n > 0; --n) out += "/" + kSegments[below(r, kSegments.size())];
  switch (below(r, 8)) {
    case 0: return out + "/";
    case 1: return out + "/{rest...}";
    case 2: return out + "/*";
    case 3: return below(r, 4) ? out : "/";
    default: return out;
  }
}

std::string random_path(Random& r) {
  static const std::vector<std::string> kSegments{"a",  "b",   "ab", "aab",    "aa", "a-b", "-",
                                                  "a-", "a.b", "",   "xayaza", "B",  "abab"};
  std::string out;
  for (size_t n = 1 + below(r, 5); n > 0; --n) out += "/" + kSegments[below(r, kSegments.size())];
  return out;
}

std::optional<oracle::Answer> ask(const Router& router, std::string_view path, Arena& arena, Router::Options options,
                                  Router::Found* found, std::string* location) {
  Match match;
  std::string_view to, allow;
  *found = router.find("GET", path, options, arena, &match, &to, &allow);
  *location = to;
  if (*found != Router::Found::yes) return std::nullopt;
  oracle::Answer answer{match.route, {}};
  for (const Param& p : match.params) answer.values.emplace_back(p.value);
  return answer;
}

TEST(RandomRoutesTest, AgreeWithTheOracleInAnyOrder) {
  BlockPool pool;
  Arena arena{pool};
  size_t hits = 0, redirects = 0;
  for (uint32_t seed = 0; seed < 150; ++seed) {
    Random r{seed};
    std::vector<oracle::Route> routes;
    Router first;
    for (size_t n = 1 + below(r, 40); n > 0; --n) {
      std::string pattern = random_pattern(r);
      auto parsed = parse_pattern(pattern);
      ASSERT_TRUE(parsed) << pattern;
      uint32_t clash = UINT32_MAX, number = static_cast<uint32_t>(routes.size());
      bool added = static_cast<bool>(first.add("GET", pattern, number, &clash));
      if (added) {
        routes.push_back({number, pattern, *parsed});
      } else {
        ASSERT_LT(clash, routes.size()) << pattern;
        // A clash is the same shape: neither leads, and everything the one matches the other does.
        ASSERT_EQ(oracle::precedence(routes[clash].parsed, *parsed), 0);
        ASSERT_EQ(routes[clash].parsed.segments.size(), parsed->segments.size());
      }
    }
    auto shuffled = routes;
    std::shuffle(shuffled.begin(), shuffled.end(), r);
    Router second;
    for (const auto& route : shuffled)
      ASSERT_TRUE(second.add("GET", route.pattern, route.number, nullptr)) << route.pattern;

    for (int i = 0; i < 60; ++i) {
      std::string path = random_path(r);
      auto expected = oracle::find(routes, path);
      Router::Found found, found2;
      std::string location, location2;
      EXPECT_EQ(ask(first, path, arena, {}, &found, &location), expected) << "seed " << seed << " path " << path;
      EXPECT_EQ(ask(second, path, arena, {}, &found2, &location2), expected) << "seed " << seed << " path " << path;
      EXPECT_EQ(location, location2) << "seed " << seed << " path " << path;
      EXPECT_EQ(found, found2);
      hits += expected.has_value();
      if (found == Router::Found::redirect) {
        // A redirect leads to a route, and differs from where it came from.
        ++redirects;
        EXPECT_TRUE(oracle::find(routes, location)) << path << " -> " << location;
        EXPECT_NE(location, path);
      }
      arena.reset();
    }
  }
  EXPECT_GT(hits, 500u);
  EXPECT_GT(redirects, 100u);
}

}  // namespace
}  // namespace sluice::router

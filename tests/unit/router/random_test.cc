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

Condition random_condition(Random& r) {
  static const std::vector<std::string> kHosts{"a.x", "b.a.x", ".x", ".a.x", "y"}, kValues{"1", "2", "1*", "*", "*1*", ""};
  Condition c;
  if (below(r, 2)) c.host = kHosts[below(r, kHosts.size())];
  for (const char* name : {"h", "i", "j"})
    if (!below(r, 3)) c.headers.emplace_back(name, kValues[below(r, kValues.size())]);
  return c;
}

oracle::Request random_request(Random& r) {
  static const std::vector<std::string> kHosts{"a.x", "b.a.x", "c.a.x", "x", "y", "z", ""}, kValues{"1", "2", "12", "21", ""};
  oracle::Request q;
  q.name = kHosts[below(r, kHosts.size())];
  for (const char* name : {"h", "i", "j", "h"})
    if (below(r, 2)) q.headers.emplace_back(name, kValues[below(r, kValues.size())]);
  return q;
}

TEST(RandomRoutesTest, WithConditionsAgreeWithTheOracleInAnyOrder) {
  BlockPool pool;
  Arena arena{pool};
  size_t hits = 0, by_condition = 0, clashes = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    Random r{seed};
    std::vector<oracle::Route> routes;
    Router first;
    static const std::vector<std::string> kPatterns{"/a", "/{x}", "/a/b", "/a/{x}", "/{x}/b", "/a{x}", "/{rest...}", "/a/*"};
    for (size_t n = 1 + below(r, 40); n > 0; --n) {
      const std::string& pattern = kPatterns[below(r, kPatterns.size())];
      Condition condition = random_condition(r);
      auto number = static_cast<uint32_t>(routes.size());
      uint32_t clash = UINT32_MAX;
      if (first.add("GET", pattern, condition, number, &clash)) {
        routes.push_back({number, pattern, *parse_pattern(pattern), condition});
        continue;
      }
      ++clashes;
      ASSERT_LT(clash, routes.size());
      ASSERT_EQ(routes[clash].condition.host, condition.host);
      ASSERT_EQ(routes[clash].condition.headers, condition.headers);
    }
    auto shuffled = routes;
    std::shuffle(shuffled.begin(), shuffled.end(), r);
    Router second;
    for (const auto& route : shuffled) ASSERT_TRUE(second.add("GET", route.pattern, route.condition, route.number, nullptr));
    auto sorted = [](std::vector<std::pair<uint32_t, uint32_t>> pairs) {
      for (auto& [a, b] : pairs)
        if (a > b) std::swap(a, b);
      std::sort(pairs.begin(), pairs.end());
      return pairs;
    };
    EXPECT_EQ(sorted(first.ambiguities()), sorted(second.ambiguities())) << "seed " << seed;
    for (int i = 0; i < 40; ++i) {
      static const std::vector<std::string> kPaths{"/a", "/b", "/a/b", "/a/c", "/c/b", "/ab", "/a/", "/x/y/z"};
      const std::string& path = kPaths[below(r, kPaths.size())];
      oracle::Request q = random_request(r);
      auto expected = oracle::find(routes, path, q);
      for (const Router* router : {&first, &second}) {
        Match match;
        std::string_view to, allow;
        auto found = router->find("GET", path, {false, false, false}, arena, &match, &to, &allow, &q);
        ASSERT_EQ(found == Router::Found::yes, expected.has_value()) << "seed " << seed << " path " << path;
        if (!expected) continue;
        ASSERT_EQ(match.route, expected->number) << "seed " << seed << " path " << path;
        ASSERT_EQ(match.params.size(), expected->values.size());
        for (uint32_t k = 0; k < match.params.size(); ++k) EXPECT_EQ(match.params[k].value, expected->values[k]);
      }
      hits += expected.has_value();
      by_condition += expected && !routes[expected->number].condition.empty();
      arena.reset();
    }
  }
  EXPECT_GT(hits, 1000u);
  EXPECT_GT(by_condition, 500u);
  EXPECT_GT(clashes, 10u);
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

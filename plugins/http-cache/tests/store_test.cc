#include "../store.h"

#include <gtest/gtest.h>

#include <thread>

using namespace http_cache;

namespace {

constexpr auto kAny = [](const Entry&) { return true; };
constexpr auto kNone = [](const Entry&) { return false; };

Ref entry(std::string body, std::string variant = "") {
  auto e = std::make_shared<Entry>();
  e->status = 200;
  e->body = std::move(body);
  if (!variant.empty()) e->vary.emplace_back("x", variant);
  return e;
}
auto variant(std::string_view v) {
  return [v](const Entry& e) { return !e.vary.empty() && e.vary[0].second == v; };
}
std::string body(Store& s, std::string_view key) {
  const Ref r = s.find(key, kAny);
  return r ? r->body : "-";
}

}  // namespace

TEST(StoreTest, WhatWasUsedLongestAgoGoesFirst) {
  Store s{{3, 1 << 20}};
  for (const char* k : {"a", "b", "c"}) EXPECT_EQ(s.put(k, entry(k), true, kAny), 0u);
  EXPECT_EQ(body(s, "a"), "a");  // now b is the oldest
  EXPECT_EQ(s.put("d", entry("d"), true, kAny), 1u);
  EXPECT_EQ(body(s, "b"), "-");
  for (const char* k : {"a", "c", "d"}) EXPECT_EQ(body(s, k), k);
  EXPECT_EQ(s.items(), 3u);
}

TEST(StoreTest, BytesAreBoundedAndCounted) {
  const uint64_t one = entry(std::string(100, 'x'))->size();
  EXPECT_EQ(one, 117u);
  Store s{{1000, 3 * one}};
  for (int i = 0; i < 10; ++i) s.put(std::to_string(i), entry(std::string(100, 'x')), true, kAny);
  EXPECT_EQ(s.items(), 3u);
  EXPECT_EQ(s.bytes(), 3 * one);
  EXPECT_EQ(body(s, "9").size(), 100u);
  s.put("9", entry(std::string(50, 'y')), true, kAny);
  EXPECT_EQ(s.bytes(), 3 * one - 50) << "an entry that takes the place of another is counted instead of it";
}

TEST(StoreTest, AnEntryAsLargeAsTheCacheIsNotStoredButReplaces) {
  Store s{{10, 117}};
  s.put("a", entry("small"), true, kAny);
  EXPECT_EQ(s.put("a", entry(std::string(100, 'x')), true, kAny), 0u);
  EXPECT_EQ(body(s, "a"), "-");
  EXPECT_EQ(s.bytes(), 0u);
  s.put("a", entry(std::string(99, 'x')), true, kAny);
  EXPECT_EQ(s.items(), 1u);
}

TEST(StoreTest, VariantsOfOneKeyStandSideBySide) {
  Store s{{1000, 1 << 20}};
  s.put("k", entry("one", "en"), true, variant("en"));
  s.put("k", entry("two", "it"), true, variant("it"));
  EXPECT_EQ(s.find("k", variant("en"))->body, "one");
  EXPECT_EQ(s.find("k", variant("it"))->body, "two");
  s.put("k", entry("three", "en"), true, variant("en"));
  EXPECT_EQ(s.find("k", variant("en"))->body, "three");
  EXPECT_EQ(s.items(), 2u);
  s.erase("k", variant("it"));
  EXPECT_EQ(s.find("k", variant("it")), nullptr);
  EXPECT_EQ(s.items(), 1u);
  s.erase("k", kAny);
  EXPECT_EQ(s.bytes(), 0u);
}

TEST(StoreTest, VariantsOfOneKeyAreBounded) {
  Store s{{1000, 1 << 20}};
  for (size_t i = 0; i < Store::kMostVariants + 10; ++i) s.put("k", entry("x", std::to_string(i)), true, kNone);
  EXPECT_EQ(s.items(), Store::kMostVariants);
  EXPECT_EQ(s.find("k", variant("0")), nullptr);
}

TEST(StoreTest, AReaderKeepsWhatIsThrownOut) {
  Store s{{1, 1 << 20}};
  s.put("a", entry("a"), true, kAny);
  const Ref held = s.find("a", kAny);
  s.put("b", entry("b"), true, kAny);
  EXPECT_EQ(body(s, "a"), "-");
  EXPECT_EQ(held->body, "a");
}

TEST(StoreTest, OneLeadsAndTheOthersWait) {
  Store s{{10, 1 << 20}};
  bool leads = false;
  const auto first = s.board("k", {}, &leads);
  EXPECT_TRUE(leads);
  const auto second = s.board("k", {}, &leads);
  EXPECT_FALSE(leads);
  EXPECT_EQ(first, second);
  EXPECT_FALSE(second->over());
  s.land("k", first, false);
  EXPECT_TRUE(second->over());
  EXPECT_NE(s.board("k", {}, &leads), first);
  EXPECT_TRUE(leads);
}

TEST(StoreTest, NobodyWaitsForWhatServesNobodyElse) {
  Store s{{10, 1 << 20}};
  bool leads = false;
  s.land("k", s.board("k", {}, &leads), true);
  EXPECT_EQ(s.board("k", {}, &leads), nullptr);
  EXPECT_FALSE(leads);
  s.put("k", entry("x"), true, kAny);  // it has become worth it
  EXPECT_NE(s.board("k", {}, &leads), nullptr);
}

TEST(StoreTest, CachesOfOneNameAreOneAsLongAsItIsUsed) {
  const int one = 1, two = 2;  // generations
  auto a = Registry::get("n", {1, 1000}, &one), b = Registry::get("n", {50, 1000}, &one);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, Registry::get("other", {1, 1000}, &one));
  for (const char* k : {"a", "b"}) a->put(k, entry(k), true, kAny);
  EXPECT_EQ(a->items(), 1u) << "the first one's limits";
  auto c = Registry::get("n", {50, 1000}, &two);
  EXPECT_EQ(a, c);
  for (const char* k : {"a", "b"}) a->put(k, entry(k), true, kAny);
  EXPECT_EQ(a->items(), 2u) << "another generation has its own limits";
  a.reset(), b.reset(), c.reset();
  EXPECT_EQ(Registry::get("n", {1, 1000}, &two)->items(), 0u);
}

TEST(StoreTest, ManyThreadsKeepTheBounds) {
  Store s{{100, 1 << 20}};
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([&s, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string key = std::to_string((i * 7 + t) % 300);
        if (!s.find(key, kAny)) s.put(key, entry(key), true, kAny);
        bool leads = false;
        const auto flight = s.board(key, {}, &leads);
        if (leads) s.land(key, flight, i % 3 == 0);
        if (i % 50 == 0) s.erase(key, kAny);
      }
    });
  }
  for (std::thread& t : all) t.join();
  EXPECT_LE(s.items(), 100u);
  for (int k = 0; k < 300; ++k) s.erase(std::to_string(k), kAny);
  EXPECT_EQ(s.items(), 0u);
  EXPECT_EQ(s.bytes(), 0u);
}

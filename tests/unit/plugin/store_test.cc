#include "core/plugin/store.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

constexpr uint64_t kNow = 1'000'000'000'000, kMs = 1'000'000;

std::string get(Store& s, std::string_view key, uint64_t now = kNow) {
  std::string out = "(none)";
  s.get(key, now, [&](std::string_view v) { out = v; });
  return out;
}

TEST(StoreTest, KeepsWhatWasSetUntilItsTimeIsOver) {
  Store s;
  EXPECT_EQ(get(s, "a"), "(none)");
  EXPECT_EQ(s.set("a", "one", 0, kNow, false), SLC_OK);
  EXPECT_EQ(s.set("b", "", 10, kNow, false), SLC_OK);
  EXPECT_EQ(s.set("a", "two", 5, kNow, false), SLC_OK);
  EXPECT_EQ(get(s, "a", kNow + 5 * kMs - 1), "two");
  EXPECT_EQ(get(s, "b", kNow + 5 * kMs), "");
  EXPECT_EQ(get(s, "a", kNow + 5 * kMs), "(none)");
  EXPECT_EQ(s.erase("b", kNow + 10 * kMs), SLC_ENOTFOUND) << "its time is over";
  EXPECT_EQ(s.bytes(), 0u);
  EXPECT_EQ(s.set("c", "x", UINT64_MAX, kNow, false), SLC_OK);
  EXPECT_EQ(get(s, "c", UINT64_MAX - 1), "x");
}

TEST(StoreTest, TheFirstToAddWins) {
  Store s;
  EXPECT_EQ(s.set("k", "first", 5, kNow, true), SLC_OK);
  EXPECT_EQ(s.set("k", "second", 5, kNow, true), SLC_EEXIST);
  EXPECT_EQ(get(s, "k"), "first");
  EXPECT_EQ(s.set("k", "third", 5, kNow + 5 * kMs, true), SLC_OK);
  EXPECT_EQ(s.erase("k", kNow + 5 * kMs), SLC_OK);
  EXPECT_EQ(s.erase("k", kNow + 5 * kMs), SLC_ENOTFOUND);
}

TEST(StoreTest, CountersHoldTheirFirstTime) {
  Store s;
  int64_t n = 0;
  EXPECT_EQ(s.increment("n", 5, 10, kNow, &n), SLC_OK);
  EXPECT_EQ(n, 5);
  EXPECT_EQ(s.increment("n", -7, 10, kNow + 9 * kMs, &n), SLC_OK);
  EXPECT_EQ(n, -2);
  EXPECT_EQ(s.increment("n", 1, 10, kNow + 10 * kMs, &n), SLC_OK) << "begins anew";
  EXPECT_EQ(n, 1);
  EXPECT_EQ(s.increment("n", INT64_MAX, 0, kNow + 10 * kMs, &n), SLC_ELIMIT);
  EXPECT_EQ(s.increment("n", 1, 0, kNow + 10 * kMs, nullptr), SLC_OK);
  s.set("text", "no number", 0, kNow, false);
  EXPECT_EQ(s.increment("text", 1, 0, kNow, &n), SLC_EINVAL);
}

TEST(StoreTest, MemoryIsBoundedAndTheLeastRecentlyUsedGoFirst) {
  Store s;
  s.limit(0);  // moved to the least
  const std::string value(1000, 'v');
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(s.set("key" + std::to_string(i), value, 0, kNow, false), SLC_OK);
    ASSERT_NE(get(s, "key0"), "(none)") << "used all the time: " << i;
    ASSERT_LE(s.bytes(), Store::kLeastLimit);
  }
  EXPECT_GT(s.bytes(), Store::kLeastLimit / 2);
  EXPECT_EQ(get(s, "key1"), "(none)");
  EXPECT_EQ(get(s, "key19999"), value);
  EXPECT_EQ(s.set("big", std::string(Store::kLeastLimit / 64, 'x'), 0, kNow, false), SLC_OK);
  EXPECT_EQ(s.set("big", std::string(Store::kLeastLimit / 64 + 1, 'x'), 0, kNow, false), SLC_ELIMIT);
  EXPECT_EQ(s.set(std::string(Store::kLongestKey + 1, 'k'), "", 0, kNow, false), SLC_ELIMIT);
}

TEST(StoreTest, ALowerLimitEvictsAtOnce) {
  Store s;
  for (int i = 0; i < 100; ++i) s.set(std::to_string(i), std::string(100'000, 'v'), 0, kNow, false);
  EXPECT_GT(s.bytes(), size_t{9'000'000});
  s.limit(1);
  EXPECT_LE(s.bytes(), Store::kLeastLimit);
}

TEST(StoreTest, ThreadsCountExactly) {
  Store s;
  std::vector<std::thread> threads;
  std::atomic<int> first{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        s.increment("n" + std::to_string(i % 7), 1, 0, kNow, nullptr);
        first += s.set("once" + std::to_string(i), "x", 0, kNow, true) == SLC_OK;
      }
    });
  for (auto& t : threads) t.join();
  int64_t sum = 0, n = 0;
  for (int i = 0; i < 7; ++i) s.increment("n" + std::to_string(i), 0, 0, kNow, &n), sum += n;
  EXPECT_EQ(sum, 20'000);
  EXPECT_EQ(first, 5000);
}

TEST(StoreServiceTest, PluginsHaveStoresOfTheirOwnAndHandlesOfOnePluginShareOne) {
  const slc_store_api& api = kStoreService;
  const Host one{"store.test.one"}, again{"store.test.one"}, other{"store.test.other"};
  EXPECT_EQ(api.set(&one, testing::S("k"), testing::S("value"), 0), SLC_OK);
  char to[8];
  size_t n = 0;
  EXPECT_EQ(api.get(&again, testing::S("k"), to, sizeof to, &n), SLC_OK);
  EXPECT_EQ(std::string_view(to, n), "value");
  EXPECT_EQ(api.get(&other, testing::S("k"), to, sizeof to, &n), SLC_ENOTFOUND);
  n = 0;
  EXPECT_EQ(api.get(&one, testing::S("k"), to, 4, &n), SLC_ELIMIT);
  EXPECT_EQ(n, 5u);
  EXPECT_EQ(api.get(&one, testing::S("k"), nullptr, 0, &n), SLC_ELIMIT) << "asks for the length";
  EXPECT_EQ(api.get(&one, {nullptr, 5}, to, sizeof to, &n), SLC_EINVAL);
  EXPECT_EQ(api.set(&one, testing::S("k"), {nullptr, 5}, 0), SLC_EINVAL);
  testing::FakeWorker w;
  testing::FakeExchange x{w};
  slc_str value{nullptr, 0};
  EXPECT_EQ(api.read(&one, x, testing::S("k"), &value), SLC_OK);
  EXPECT_EQ(testing::text(value), "value");
  EXPECT_EQ(api.read(&one, x, testing::S("none"), &value), SLC_ENOTFOUND);
  EXPECT_EQ(value.ptr, nullptr);
}

}  // namespace
}  // namespace sluice::plugin

#include "core/plugin/shared.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>

#include "core/plugin/limiter.h"
#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

constexpr uint64_t kSecond = 1'000'000'000, kStart = 1000 * kSecond;

int taken(Limiter& l, std::string_view client, uint64_t now, int tries) {
  int n = 0;
  for (int i = 0; i < tries; ++i) n += l.take(client, now);
  return n;
}

TEST(LimiterTest, StartsFullAndCapacityIsTheLargestBurst) {
  Limiter l{10, 5, 0};
  EXPECT_EQ(taken(l, "", kStart, 20), 5);
  EXPECT_EQ(taken(l, "", kStart + 100 * kSecond, 20), 5);  // not twice the capacity (deviation 19)
}

TEST(LimiterTest, RefillsContinuously) {
  Limiter l{10, 5, 0};
  taken(l, "", kStart, 5);
  EXPECT_FALSE(l.take("", kStart + kSecond / 10 - 1000));
  EXPECT_TRUE(l.take("", kStart + kSecond / 10));
  EXPECT_FALSE(l.take("", kStart + kSecond / 10));
  EXPECT_EQ(taken(l, "", kStart + kSecond / 10 + kSecond / 5, 5), 2);
}

TEST(LimiterTest, TheLongRunRateIsTheConfiguredOne) {
  for (double rate : {0.5, 3.0, 1000.0, 1e6}) {
    Limiter l{rate, 2, 0};  // with 1, what refills between a refusal and the next try would be lost
    int n = 0;
    uint64_t step = static_cast<uint64_t>(1e9 / rate / 7);
    for (int i = 0; i < 7000; ++i) n += l.take("", kStart + i * step);
    EXPECT_NEAR(n, 2 + 6999 * static_cast<double>(step) * rate / 1e9, 2) << rate;
  }
}

TEST(LimiterTest, ExtremeNumbersDoNotOverflow) {
  Limiter slow{1e-9, 1e18, 0}, fast{1e15, 1e15, 0}, fraction{1, 1.9, 0}, years{1e-6, 1000, 0};
  EXPECT_TRUE(slow.take("", kStart));
  EXPECT_EQ(taken(fast, "", kStart, 100), 100);
  EXPECT_EQ(taken(fraction, "", kStart, 5), 1);
  EXPECT_EQ(taken(years, "", kStart, 2000), 1000);
}

TEST(LimiterTest, LongNamesOfClientsAreToldApartToTheirEnd) {
  Limiter l{10, 2, 0};
  const std::string common(10'000, 'a');
  EXPECT_EQ(taken(l, common + "1", 1, 5), 2);
  EXPECT_EQ(taken(l, common + "2", 1, 5), 2);
  EXPECT_EQ(taken(l, common + "1", 1, 5), 0);
  EXPECT_EQ(l.clients(), 2u);
}

TEST(LimiterTest, ClientsHaveTheirOwnBuckets) {
  Limiter l{1, 2, 60'000};
  EXPECT_EQ(taken(l, "a", kStart, 5), 2);
  EXPECT_EQ(taken(l, "b", kStart, 5), 2);
  EXPECT_EQ(taken(l, "", kStart, 5), 2);
  EXPECT_EQ(l.clients(), 2u);
  EXPECT_EQ(taken(l, "a", kStart + kSecond, 5), 1);
}

TEST(LimiterTest, AnIdleBucketIsDroppedAndStartsFullAgain) {
  Limiter l{0.001, 3, 1000};
  EXPECT_EQ(taken(l, "a", kStart, 5), 3);
  EXPECT_EQ(taken(l, "a", kStart + kSecond, 5), 0);
  EXPECT_EQ(taken(l, "a", kStart + 3 * kSecond, 5), 3);
}

TEST(LimiterTest, TheNumberOfClientsIsBounded) {
  Limiter l{1000, 1, 0};
  size_t many = Limiter::kShards * Limiter::kMostPerShard + 50'000;
  for (size_t i = 0; i < many; ++i) l.take("client-" + std::to_string(i), kStart + i * kSecond / 1000);
  EXPECT_LE(l.clients(), Limiter::kShards * Limiter::kMostPerShard);
  EXPECT_GT(l.clients(), Limiter::kShards * Limiter::kMostPerShard / 2);
}

TEST(LimiterTest, AFloodOfClientsGivesNobodyBackWhatIsUsedUp) {
  Limiter l{1e-6, 5, 0};
  EXPECT_EQ(taken(l, "greedy", kStart, 10), 5);
  const size_t many = Limiter::kShards * Limiter::kMostPerShard * 2;
  for (size_t i = 0; i < many; ++i) l.take("client-" + std::to_string(i), kStart);
  EXPECT_LE(l.clients(), Limiter::kShards * Limiter::kMostPerShard);
  EXPECT_EQ(taken(l, "greedy", kStart, 10), 0) << "its bucket is the oldest, and the emptiest";
}

TEST(LimiterTest, ThreadsTakeExactlyTheTokensThereAre) {
  Limiter l{1e-6, 1000, 0};
  std::atomic<int> one{0}, per_client{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      one += taken(l, "", kStart, 600);
      per_client += taken(l, "same", kStart, 600);
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(one, 1000);
  EXPECT_EQ(per_client, 1000);
}

TEST(SharedTest, TheSameKeyOfTheSamePluginIsTheSameZeroedBlock) {
  auto* a = static_cast<char*>(shared::block("p1", "k", 100));
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 64, 0u);
  EXPECT_EQ(std::string(a, 100), std::string(100, '\0'));
  a[7] = 'x';
  EXPECT_EQ(shared::block("p1", "k", 100), a);
  EXPECT_EQ(shared::block("p1", "k", 101), nullptr);  // another size is in use
  EXPECT_NE(shared::block("p2", "k", 100), a);
  EXPECT_NE(shared::block("p1", "k2", 101), nullptr);
  EXPECT_EQ(shared::block("p1", "none", 0), nullptr);
  EXPECT_EQ(shared::block("p1", "huge", shared::kMaxBlock + 1), nullptr);
}

TEST(SharedTest, LimitersAreSharedWhileTheirNumbersAreEqual) {
  slc_limiter* a = shared::limiter("p1", "l", 5, 10, 0);
  EXPECT_EQ(shared::limiter("p1", "l", 5, 10, 0), a);
  EXPECT_NE(shared::limiter("p1", "l", 6, 10, 0), a);
  EXPECT_NE(shared::limiter("p2", "l", 5, 10, 0), a);
  EXPECT_EQ(shared::limiter("p1", "l", 0, 10, 0), nullptr);
  EXPECT_EQ(shared::limiter("p1", "l", 5, 0.5, 0), nullptr);
  EXPECT_EQ(shared::limiter("p1", "l", std::nan(""), 10, 0), nullptr);
}

TEST(SharedTest, AGenerationTakesBlocksOverFromTheOneBeforeAndTheLastOneEndsThem) {
  const size_t none = shared::entries();
  auto ask = [](shared::Holder& h, const char* key, size_t size) {
    shared::Holding holding{h};
    return static_cast<char*>(shared::block("taken", key, size));
  };
  auto old = std::make_unique<shared::Holder>();
  char* a = ask(*old, "k", 64);
  a[0] = 'x';
  EXPECT_EQ(ask(*old, "k", 65), nullptr) << "one size within a generation";
  auto fresh = std::make_unique<shared::Holder>();
  EXPECT_EQ(ask(*fresh, "k", 64), a);
  EXPECT_EQ(ask(*fresh, "k", 64), a) << "asked for twice, held once";
  ask(*old, "only the old one", 64);
  EXPECT_EQ(shared::entries(), none + 2);
  old.reset();
  EXPECT_EQ(shared::entries(), none + 1);
  EXPECT_EQ(a[0], 'x');
  auto other = std::make_unique<shared::Holder>();
  char* b = ask(*other, "k", 128);
  ASSERT_NE(b, nullptr) << "another build may have another size, and begins anew";
  EXPECT_EQ(b[0], 0);
  fresh.reset(), other.reset();
  EXPECT_EQ(shared::entries(), none);
}

TEST(SharedTest, LimitersGoWithTheLastGenerationThatHasThem) {
  const size_t none = shared::entries();
  auto take = [](shared::Holder& h) {
    shared::Holding holding{h};
    return shared::limiter("taken", "l", 1e-6, 1, 0)->limiter.take("", shared::now_ns());
  };
  auto old = std::make_unique<shared::Holder>(), fresh = std::make_unique<shared::Holder>();
  EXPECT_TRUE(take(*old));
  EXPECT_FALSE(take(*fresh)) << "the same bucket";
  old.reset();
  EXPECT_FALSE(take(*fresh));
  fresh.reset();
  EXPECT_EQ(shared::entries(), none);
  auto later = std::make_unique<shared::Holder>();
  EXPECT_TRUE(take(*later)) << "nobody had it in between";
}

TEST(SharedTest, TheServiceTakesAndRefuses) {
  const slc_shared_api& api = kSharedService;
  slc_limiter* l = api.limiter(&testing::kTestHost, testing::S("service"), 1e-6, 2, 0);
  EXPECT_EQ(api.take(l, kAbsent), 1);
  EXPECT_EQ(api.take(l, kAbsent), 1);
  EXPECT_EQ(api.take(l, kAbsent), 0);
  EXPECT_EQ(api.take(l, testing::S("client")), 1);
  uint64_t before = api.now_ns();
  EXPECT_GE(api.now_ns(), before);
  EXPECT_EQ(api.block(&testing::kTestHost, slc_str{nullptr, 4}, 8), nullptr);
}

}  // namespace
}  // namespace sluice::plugin

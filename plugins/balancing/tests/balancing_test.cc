#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

std::vector<slc_candidate> candidates(const std::vector<std::string>& urls, const std::vector<uint32_t>& weights) {
  std::vector<slc_candidate> out;
  for (size_t i = 0; i < urls.size(); ++i) out.push_back({{urls[i].data(), urls[i].size()}, weights[i], 0, 0});
  return out;
}

const std::vector<std::string> kThree = {"http://host-a.internal:8080", "http://host-b.internal:8080", "http://host-c.internal:8080"};

std::vector<int> count(Configured& b, FakeHost& host, const std::vector<slc_candidate>& all, int calls) {
  std::vector<int> out(all.size());
  FakeExchange x{host, SLC_AT_BACKEND};
  for (int i = 0; i < calls; ++i) ++out.at(b.pick(x, all));
  return out;
}

// The process sees one CPU while this lives.
class OneCpu {
 public:
  OneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (!CPU_ISSET(i, &before_)) continue;
      CPU_SET(i, &one);
      break;
    }
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OneCpu() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

}  // namespace

TEST(RoundRobinTest, GivesEachHostItsTurnInOrder) {
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/round-robin", "{}", SLC_AT_BACKEND};
  ASSERT_TRUE(b.ok()) << host.problem_text();
  const auto all = candidates(kThree, {1, 1, 1});
  FakeExchange x{host, SLC_AT_BACKEND};
  uint32_t last = b.pick(x, all);
  for (int i = 0; i < 10; ++i) {
    const uint32_t now = b.pick(x, all);
    EXPECT_EQ(now, (last + 1) % 3);
    last = now;
  }
}

TEST(RoundRobinTest, HonoursWeightsExactlyOverARound) {
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/round-robin", "{}", SLC_AT_SERVICE};
  const auto all = candidates(kThree, {5, 1, 2});
  EXPECT_EQ(count(b, host, all, 8), (std::vector<int>{5, 1, 2}));
  EXPECT_EQ(count(b, host, all, 80), (std::vector<int>{50, 10, 20}));
}

TEST(RoundRobinTest, KeepsTheTurnsOfTwoListsApart) {
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/round-robin", "{}", SLC_AT_SERVICE};
  const std::vector<std::string> urls = {"http://one.internal:8080", "http://two.internal:8080"};
  const std::vector<std::string> others = {"http://three.internal:8080", "http://four.internal:8080"};
  const auto first = candidates(urls, {1, 1});
  const auto second = candidates(others, {1, 1});
  if ((reinterpret_cast<uintptr_t>(urls[0].data()) >> 4) % 64 == (reinterpret_cast<uintptr_t>(others[0].data()) >> 4) % 64) {
    GTEST_SKIP() << "both lists fall on one entry of the table";
  }
  FakeExchange x{host, SLC_AT_BACKEND};
  std::vector<int> seen(2);
  for (int i = 0; i < 10; ++i) {  // calls of two backends alternate; each must still see both of its hosts
    ++seen[b.pick(x, first)];
    b.pick(x, second);
  }
  EXPECT_EQ(seen, (std::vector<int>{5, 5}));
}

TEST(RoundRobinTest, HasItsOwnTurnOnEachWorker) {
  FakeHost host{2};
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/round-robin", "{}", SLC_AT_BACKEND};
  EXPECT_NE(b.state(0), b.state(1));
}

TEST(DefaultBalancerTest, IsRoundRobinWithOneCpu) {
  const OneCpu one;
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/default"};
  ASSERT_TRUE(b.ok()) << host.problem_text();
  EXPECT_EQ(count(b, host, candidates(kThree, {1, 1, 1}), 300), (std::vector<int>{100, 100, 100}));
}

TEST(DefaultBalancerTest, IsRandomByWeightWithSeveralCpus) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  if (CPU_COUNT(&set) < 2) GTEST_SKIP() << "needs two CPUs";
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/default"};
  const auto n = count(b, host, candidates(kThree, {1, 1, 2}), 40000);
  // Ten standard deviations wide.
  EXPECT_NEAR(n[0], 10000, 900);
  EXPECT_NEAR(n[1], 10000, 900);
  EXPECT_NEAR(n[2], 20000, 1000);
}

TEST(DefaultBalancerTest, IsWhatAConfigurationGetsThatNamesNone) {
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/default"};
  Configured r{host, SLC_ENTRY_SYMBOL, "balancing/round-robin"};
  EXPECT_EQ(b.binding().flags, unsigned{SLC_BIND_DEFAULT});
  EXPECT_EQ(r.binding().flags, 0u);
}

TEST(BalancingTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured b{host, SLC_ENTRY_SYMBOL, "balancing/round-robin"};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json a = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(a.write(), Json::parse(b.binding().schema, error).write());
}

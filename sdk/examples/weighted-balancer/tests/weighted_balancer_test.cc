#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

std::vector<slc_candidate> hosts(const std::vector<std::pair<const char*, uint32_t>>& list) {
  std::vector<slc_candidate> out;
  for (const auto& [url, weight] : list) {
    slc_candidate& c = out.emplace_back();
    c.url = {url, std::char_traits<char>::length(url)};
    c.weight = weight;
  }
  return out;
}

std::string turns(Configured& balancer, FakeHost& host, const std::vector<slc_candidate>& all, int n, uint32_t worker = 0) {
  std::string out;
  for (int i = 0; i < n; ++i) {
    FakeExchange x{host, SLC_AT_BACKEND, worker};
    out += static_cast<char>('a' + balancer.pick(x, all));
  }
  return out;
}

TEST(WeightedTest, TurnsAreSpreadEvenly) {
  FakeHost host;
  Configured balancer{host, SLC_ENTRY_SYMBOL, "example/weighted", R"({"weights": {"http://a": 5}})", SLC_AT_BACKEND};
  ASSERT_TRUE(balancer.ok()) << host.problem_text();
  EXPECT_EQ(turns(balancer, host, hosts({{"http://a", 1}, {"http://b", 1}, {"http://c", 1}}), 14), "aabacaaaabacaa");
}

TEST(WeightedTest, WeightsOfTheDiscoveryCountUnlessTheBlockSaysOtherwise) {
  FakeHost host;
  Configured balancer{host, SLC_ENTRY_SYMBOL, "example/weighted", R"({"weights": {"http://b": 1}})", SLC_AT_BACKEND};
  EXPECT_EQ(turns(balancer, host, hosts({{"http://a", 2}, {"http://b", 9}}), 6), "abaaba");
}

TEST(WeightedTest, EqualWeightsAreRoundRobin) {
  FakeHost host;
  Configured balancer{host, SLC_ENTRY_SYMBOL, "example/weighted", "{}", SLC_AT_BACKEND};
  EXPECT_EQ(turns(balancer, host, hosts({{"http://a", 1}, {"http://b", 1}, {"http://c", 1}}), 6), "abcabc");
}

TEST(WeightedTest, ANewListIsTakenUp) {
  FakeHost host;
  Configured balancer{host, SLC_ENTRY_SYMBOL, "example/weighted", "{}", SLC_AT_BACKEND};
  turns(balancer, host, hosts({{"http://a", 3}, {"http://b", 1}}), 3);
  EXPECT_EQ(turns(balancer, host, hosts({{"http://x", 1}, {"http://y", 1}}), 4), "abab");
}

TEST(WeightedTest, EachWorkerHasItsOwnTurn) {
  FakeHost host{2};
  Configured balancer{host, SLC_ENTRY_SYMBOL, "example/weighted", "{}", SLC_AT_BACKEND};
  const auto all = hosts({{"http://a", 1}, {"http://b", 1}});
  EXPECT_EQ(turns(balancer, host, all, 1, 0), "a");
  EXPECT_EQ(turns(balancer, host, all, 1, 1), "a");
  EXPECT_EQ(turns(balancer, host, all, 2, 0), "ba");
}

}  // namespace

// Limits hold for the whole process, however its connections are spread over the workers.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

constexpr int kClients = 16, kEach = 5;

// kClients connections at once, kEach requests on each: status -> how often.
std::map<int, int> hammer(uint16_t port, const std::string& path) {
  std::map<int, int> out;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&] {
      TestClient client(port);
      for (int i = 0; i < kEach; ++i) {
        int status = client.get(path).status;
        std::lock_guard lock(mutex);
        ++out[status];
      }
    });
  }
  for (auto& t : threads) t.join();
  return out;
}

TEST(LimitsTest, EndpointRateLimitHoldsAcrossWorkers) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(
      config_of(endpoint_of("/x", backend_of(up.url(), "/d"),
                            R"("extra_config": {"qos/ratelimit/router": {"max_rate": 0.0001, "capacity": 10}}, )")), 4));
  EXPECT_EQ(hammer(gateway.port(), "/x"), (std::map<int, int>{{200, 10}, {503, kClients * kEach - 10}}));
  EXPECT_EQ(up.count("/d"), 10);
}

TEST(LimitsTest, ClientRateLimitHoldsAcrossWorkers) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(
      config_of(endpoint_of("/x", backend_of(up.url(), "/d"),
                            R"("extra_config": {"qos/ratelimit/router": {"client_max_rate": 0.0001, "client_capacity": 7, "strategy": "ip"}}, )")), 4));
  EXPECT_EQ(hammer(gateway.port(), "/x"), (std::map<int, int>{{200, 7}, {429, kClients * kEach - 7}}));
  EXPECT_EQ(up.count("/d"), 7);
}

TEST(LimitsTest, BackendRateLimitHoldsAcrossWorkers) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(endpoint_of(
      "/x", backend_of(up.url(), "/d", R"("extra_config": {"qos/ratelimit/proxy": {"max_rate": 0.0001, "capacity": 9}})"))), 4));
  EXPECT_EQ(hammer(gateway.port(), "/x"), (std::map<int, int>{{200, 9}, {500, kClients * kEach - 9}}));
  EXPECT_EQ(up.count("/d"), 9);
}

TEST(LimitsTest, TheBreakerCountsFailuresOfAllWorkersTogether) {
  FakeUpstream up;
  up.on("/d", Reply{500, {}, ""});
  GatewayProcess gateway(options_of(config_of(endpoint_of(
      "/x", backend_of(up.url(), "/d", R"("extra_config": {"qos/circuit-breaker": {"max_errors": 2, "interval": 3600, "timeout": 3600}})"))), 4));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);  // each on a worker of the kernel's choice
  EXPECT_EQ(up.count("/d"), 3) << "max_errors 2 opens at the third consecutive failure";
}

TEST(LimitsTest, AnOpenBreakerStopsConcurrentCallsOfAllWorkers) {
  FakeUpstream up;
  up.on("/d", Reply{500, {}, ""});
  GatewayProcess gateway(options_of(config_of(endpoint_of(
      "/x", backend_of(up.url(), "/d", R"("extra_config": {"qos/circuit-breaker": {"max_errors": 0, "interval": 3600, "timeout": 3600}})"))), 4));
  EXPECT_EQ(hammer(gateway.port(), "/x"), (std::map<int, int>{{500, kClients * kEach}}));
  EXPECT_LE(up.count("/d"), kClients) << "only those that were under way when it opened";
}

TEST(LimitsTest, RequestsOfManyConnectionsAreServedByAllWorkersCorrectly) {
  FakeUpstream up;
  up.on("*", [](const FakeUpstream::Request& r) { return Reply::json(R"({"path":")" + r.path + "\"}"); });
  GatewayProcess gateway(options_of(config_of(endpoint_of("/e/{id}", backend_of(up.url(), "/b/{id}"))), 4));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&, c] {
      TestClient client(gateway.port());
      for (int i = 0; i < 50; ++i) {
        std::string id = std::to_string(c) + "-" + std::to_string(i);
        if (client.get("/e/" + id).body != R"({"path":"/b/)" + id + "\"}") ++wrong;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sluice::test

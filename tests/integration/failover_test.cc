// A backend dies or stalls under load while another one is healthy: no request is lost.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

constexpr int kClients = 8;

// Two hosts behind /x, and /warm/{a,b} that lead to one of them only. Warming fills the pool of each worker with as many
// connections to each host as it has clients: afterwards every call runs on a reused connection, which is what the promise is about.
class FailoverTest : public ::testing::Test {
 protected:
  FailoverTest() {
    for (FakeUpstream* up : {&a_, &b_}) {
      up->on("/d", Reply::json(R"({"a":1})"));
      up->on("/warm", Reply::json(R"({"w":1})"));
    }
    gateway_.emplace(options_of(config_of(endpoint_of("/x", backend_of(a_.url() + R"(", ")" + b_.url(), "/d")) + "," +
                                          endpoint_of("/warm/a", backend_of(a_.url(), "/warm")) + "," +
                                          endpoint_of("/warm/b", backend_of(b_.url(), "/warm"))), 2));
    for (int i = 0; i < kClients; ++i) clients_.push_back(std::make_unique<TestClient>(gateway_->port()));
    for (auto [up, path] : {std::pair{&a_, "/warm/a"}, {&b_, "/warm/b"}}) {
      up->stall();
      for (auto& c : clients_) c->send_request("GET", path);
      up->wait_for_count("/warm", kClients);
      up->resume();
      for (auto& c : clients_) EXPECT_EQ(c->read().status, 200);
    }
  }

  // Every client sends requests until stop(); the answers that are not 200 are counted.
  void load() {
    for (auto& c : clients_) {
      threads_.emplace_back([this, client = c.get()] {
        while (!stopping_) {
          try {
            int status = client->get("/x").status;
            if (status != 200) ++lost_;
          } catch (const Failure&) {
            ++lost_;
            return;
          }
          ++done_;
        }
      });
    }
  }
  void stop() {
    stopping_ = true;
    for (auto& t : threads_) t.join();
    threads_.clear();
  }
  ~FailoverTest() override { stop(); }

  FakeUpstream a_, b_;
  std::optional<GatewayProcess> gateway_;
  std::vector<std::unique_ptr<TestClient>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> lost_{0}, done_{0};
};

TEST_F(FailoverTest, NoRequestIsLostWhenABackendDiesUnderLoad) {
  load();
  a_.wait_for_count("/d", 50);
  a_.kill();
  b_.wait_for_count("/d", b_.count("/d") + 200);
  stop();
  EXPECT_EQ(lost_, 0) << "of " << done_;
}

TEST_F(FailoverTest, ABackendThatComesBackIsUsedAgain) {
  load();
  a_.wait_for_count("/d", 20);
  a_.kill();
  b_.wait_for_count("/d", b_.count("/d") + 100);
  a_.reopen();
  a_.wait_for_count("/d", a_.count("/d") + 20);
  stop();
  EXPECT_EQ(lost_, 0) << "of " << done_;
}

TEST_F(FailoverTest, NoRequestIsLostWhenABackendStallsForAWhile) {
  a_.stall();
  int before = a_.count("/d");
  load();
  a_.wait_for_count("/d", before + kClients);  // by now every client waits for the stalled one
  a_.resume();
  b_.wait_for_count("/d", b_.count("/d") + 50);
  stop();
  EXPECT_EQ(lost_, 0) << "of " << done_;
}

}  // namespace
}  // namespace sluice::test

// Connections to backends: reuse, stale ones, hosts that refuse.
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <thread>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

TEST(PoolTest, ConnectionsToABackendAreReused) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  TestClient client(gateway.port());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.get("/x").status, 200);
  EXPECT_EQ(up.connections_accepted(), 1);
}

TEST(PoolTest, AConnectionTheBackendClosedWhileIdleIsReplaced) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  TestClient client(gateway.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.get("/x").status, 200);
    up.end_connections();
  }
  EXPECT_EQ(up.count("/d"), 3);
}

// The race that a pool cannot avoid: the request is under way when the backend closes.
TEST(PoolTest, AReusedConnectionThatEndsBeforeTheAnswerIsRetriedOnAFreshOne) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  for (bool hard : {false, true}) {
    TestClient client(gateway.port());
    client.send_request("GET", "/x");
    up.wait_for_request("/d").answer(Reply::json(R"({"a":1})"));
    EXPECT_EQ(client.read().status, 200);

    client.send_request("GET", "/x");
    auto stale = up.wait_for_request("/d");
    int connection = stale.request().connection;
    hard ? stale.reset() : stale.close();
    auto again = up.wait_for_request("/d");
    EXPECT_NE(again.request().connection, connection);
    again.answer(Reply::json(R"({"a":2})"));
    EXPECT_EQ(client.read().body, R"({"a":2})");
  }
}

// RFC 9110 §9.2.2: nobody knows whether the first POST was carried out.
TEST(PoolTest, APostIsNotSentTwice) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d"), R"("method": "POST", )"))));
  TestClient client(gateway.port());
  client.send_request("POST", "/x", {}, "1");
  up.wait_for_request("/d").answer(Reply::json(R"({"a":1})"));
  EXPECT_EQ(client.read().status, 200);
  client.send_request("POST", "/x", {}, "2");
  up.wait_for_request("/d").close();
  EXPECT_EQ(client.read().status, 500);
  EXPECT_EQ(up.count("/d"), 2);
}

TEST(PoolTest, AFreshConnectionThatEndsBeforeTheAnswerIsAFailure) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  up.wait_for_request("/d").close();
  EXPECT_EQ(client.read().status, 500);
  EXPECT_EQ(up.count("/d"), 1);
}

// Hosts of one backend that leave every answer to the test.
class Hosts {
 public:
  Hosts() {
    for (FakeUpstream& up : all_) up.manual("/d");
  }
  std::string config(const std::string& more = "") const {
    return config_of(endpoint_of("/x", backend_of(all_[0].url() + R"(", ")" + all_[1].url() + R"(", ")" + all_[2].url(), "/d"), more));
  }
  // The nth call that any of them gets; each host gets one at most here.
  FakeUpstream::Call call(int nth) {
    while (count() < nth) std::this_thread::yield();
    for (FakeUpstream& up : all_)
      if (up.count("/d") && asked_.insert(&up).second) return up.wait_for_request("/d");
    throw Failure("a host was asked twice");
  }
  int count() const { return all_[0].count("/d") + all_[1].count("/d") + all_[2].count("/d"); }

 private:
  FakeUpstream all_[3];
  std::set<FakeUpstream*> asked_;
};

TEST(PoolTest, AConnectionThatEndsBeforeTheAnswerSendsWhatMayHappenTwiceToTheNextHost) {
  for (const bool reset : {false, true}) {
    Hosts hosts;
    GatewayProcess gateway(options_of(hosts.config(R"("method": "PUT", )")));
    TestClient client(gateway.port());
    client.send_request("PUT", "/x", {}, "body");
    auto first = hosts.call(1);
    if (reset) first.reset();
    else first.close();
    auto second = hosts.call(2);
    EXPECT_EQ(second.request().method, "PUT");
    EXPECT_EQ(second.request().body, "body");
    second.answer(Reply::json(R"({"a":1})"));
    EXPECT_EQ(client.read().body, R"({"a":1})");
    EXPECT_EQ(hosts.count(), 2);
  }
}

TEST(PoolTest, WhenTheNextHostDoesTheSameItIsAFailure) {
  Hosts hosts;
  GatewayProcess gateway(options_of(hosts.config()));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  hosts.call(1).close();
  hosts.call(2).close();
  EXPECT_EQ(client.read().status, 500);
  EXPECT_EQ(hosts.count(), 2) << "once, so that a request that kills services does not kill all of them";
}

TEST(PoolTest, WhatMustNotHappenTwiceOrHasBegunToBeAnsweredOrTakesTooLongGoesToNoOtherHost) {
  const auto one_call = [](const std::string& method, const std::string& more, const std::function<void(FakeUpstream::Call&)>& end) {
    Hosts hosts;
    GatewayProcess gateway(options_of(hosts.config(R"("method": ")" + method + "\", " + more)));
    TestClient client(gateway.port());
    client.send_request(method, "/x", {}, method == "POST" ? "1" : "");
    auto call = hosts.call(1);
    end(call);
    EXPECT_EQ(client.read().status, 500) << method;
    EXPECT_EQ(hosts.count(), 1) << method;
  };
  one_call("POST", "", [](auto& call) { call.close(); });
  one_call("GET", "", [](auto& call) { call.send_raw("HTTP/1.1 2"), call.close(); });
  one_call("GET", R"("timeout": "300ms", )", [](auto& call) { call.wait_for_disconnect(); });
}

TEST(PoolTest, TheNextHostIsTriedAtOnceWhenOneRefuses) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  ReservedPort dead;
  std::string hosts = "http://127.0.0.1:" + std::to_string(dead.number()) + R"(", ")" + up.url();
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(hosts, "/d")) + "," +
                                              endpoint_of("/post", backend_of(hosts, "/d"), R"("method": "POST", )"))));
  TestClient client(gateway.port());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.get("/x").status, 200);
    EXPECT_EQ(client.post("/post", "body").status, 200) << "nothing was sent, so a POST may go on as well";
  }
  EXPECT_EQ(up.count("/d"), 40);
  for (const auto& r : up.requests()) EXPECT_EQ(r.body, r.method == "POST" ? "body" : "");
}

TEST(PoolTest, AllHostsRefusingIsAFailureOfTheBackend) {
  ReservedPort one, two;
  std::string hosts = "http://127.0.0.1:" + std::to_string(one.number()) + R"(", "http://127.0.0.1:)" + std::to_string(two.number());
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(hosts, "/d")))));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);
}

}  // namespace
}  // namespace sluice::test

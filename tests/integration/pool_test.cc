// Connections to backends: reuse, stale ones, hosts that refuse.
#include <gtest/gtest.h>

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

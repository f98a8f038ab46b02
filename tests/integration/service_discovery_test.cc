// sd "dns" with a name server under the test's control: dnsmasq, on a free port of 127.0.0.1.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/gateway_config.h"
#include "tests/integration/name_server.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

struct ServiceDiscoveryTest : ::testing::Test {
  FakeUpstream one, two;
  void SetUp() override {
    if (dnsmasq().empty()) GTEST_SKIP() << "dnsmasq is missing (package dnsmasq-base)";
    one.on("/d", Reply::json(R"({"from":1})"));
    two.on("/d", Reply::json(R"({"from":2})"));
  }
  static std::string config(const std::string& name = "_http._tcp.shop.test") {
    return config_of(endpoint_of("/x", backend_of(name, "/d", R"("sd": "dns", "sd_scheme": "http", "disable_host_sanitize": true)")),
                     R"("dns_cache_ttl": "1s", )");
  }
  static std::unique_ptr<GatewayProcess> start(const NameServer& dns, std::string text, int workers = 1) {
    GatewayOptions o = options_of(std::move(text), workers);
    o.environment["SLUICE_DNS_SERVERS"] = dns.address();
    return std::make_unique<GatewayProcess>(std::move(o));
  }
  // Asks until the answer is this one; each turn waits for the gateway.
  static bool ask_until(GatewayProcess& g, std::string_view body) {
    TestClient client(g.port());
    const auto end = std::chrono::steady_clock::now() + kLimit;
    while (client.get("/x").body != body)
      if (std::chrono::steady_clock::now() > end) return false;
    return true;
  }
};

TEST_F(ServiceDiscoveryTest, TheFirstAnswerIsThereBeforeTheFirstRequest) {
  NameServer dns({srv(one)});
  auto gateway = start(dns, config());
  TestClient client(gateway->port());
  EXPECT_EQ(client.get("/x").body, R"({"from":1})");
  EXPECT_EQ(one.requests()[0].headers.get("Host"), "a.hosts.test:" + std::to_string(one.port()));
}

TEST_F(ServiceDiscoveryTest, OtherRecordsAreUsedWhenTheOldOnesHaveExpired) {
  NameServer dns({srv(one)});
  auto gateway = start(dns, config(), 2);
  EXPECT_TRUE(ask_until(*gateway, R"({"from":1})"));
  dns.serve({srv(two)});
  EXPECT_TRUE(ask_until(*gateway, R"({"from":2})"));
  one.refuse();
  one.end_connections();
  EXPECT_TRUE(ask_until(*gateway, R"({"from":2})"));
}

TEST_F(ServiceDiscoveryTest, WithoutANameServerTheLastListStays) {
  // A target of the hosts file: the addresses of others are not to be had either, without a name server.
  NameServer dns({srv(one, 1, 1, "_http._tcp.shop.test", "localhost")});
  auto gateway = start(dns, config());
  dns.end();
  gateway->process().wait_for_output("the last list with 1 hosts stays in use");
  TestClient client(gateway->port());
  EXPECT_EQ(client.get("/x").body, R"({"from":1})");
  dns.serve({"--srv-host=_other._tcp.shop.test,a.hosts.test,1"});  // it is back, and knows nothing of the name
  gateway->process().wait_for_output("stays in use");
  EXPECT_EQ(client.get("/x").body, R"({"from":1})");
  dns.serve({srv(two)});
  EXPECT_TRUE(ask_until(*gateway, R"({"from":2})"));
}

TEST_F(ServiceDiscoveryTest, ANameThatIsThereLaterServesFromThenOn) {
  NameServer dns({"--srv-host=_other._tcp.shop.test,a.hosts.test,1"});
  auto gateway = start(dns, config());
  TestClient client(gateway->port());
  EXPECT_EQ(client.get("/x").status, 500);
  gateway->process().wait_for_output("there are no hosts yet");
  dns.serve({srv(one)});
  EXPECT_TRUE(ask_until(*gateway, R"({"from":1})"));
}

TEST_F(ServiceDiscoveryTest, OnlyTheBestPriorityIsCalledAndWeightsCount) {
  FakeUpstream never;
  NameServer dns({srv(one, 1, 3), srv(two, 1, 1), srv(never, 2, 100)});
  auto gateway = start(dns, config());
  TestClient client(gateway->port());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.get("/x").status, 200);
  EXPECT_EQ(never.count(), 0);
  EXPECT_EQ(one.count() + two.count(), 200);
  EXPECT_GT(one.count(), two.count());
  EXPECT_GT(two.count(), 0);
}

TEST_F(ServiceDiscoveryTest, AHostThatCleaningGaveASchemeIsLookedUpByItsName) {
  NameServer dns({srv(one, 1, 1, "shop.test")});
  auto gateway = start(dns, config_of(endpoint_of("/x", backend_of("shop.test", "/d", R"("sd": "dns")"))));
  TestClient client(gateway->port());
  EXPECT_EQ(client.get("/x").body, R"({"from":1})");
}

}  // namespace
}  // namespace sluice::test

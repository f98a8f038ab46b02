// What of the service level sees which answers: below stage 300 the whole server, from there on what the router found.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

constexpr auto kService = R"("router": {"return_error_msg": true, "auto_options": true},
  "security/cors": {"allow_origins": ["https://a.example"], "allow_methods": ["GET", "POST"]},
  "security/http": {"frame_deny": true},
  "security/bot-detector": {"deny": ["bot"]})";

struct ServiceLevelTest : ::testing::Test {
  FakeUpstream up;
  std::unique_ptr<GatewayProcess> gateway;
  void SetUp() override {
    up.on("/d", Reply::json(R"({"ok":true})"));
    gateway = std::make_unique<GatewayProcess>(options_of(
        std::string{R"({"version": 3, "echo_endpoint": true, "extra_config": {)"} + kService + R"(}, "endpoints": [)" +
        endpoint_of("/x", backend_of(up.url(), "/d")) + "," + endpoint_of("/p/{id}", backend_of(up.url(), "/d")) + "," +
        endpoint_of("/guarded", backend_of(up.url(), "/d"), R"("extra_config": {"security/bot-detector": {"deny": ["scraper"]}}, )") + "]}"));
  }
  Response ask(std::string_view method, std::string_view path, std::string_view agent = "browser") {
    TestClient client{gateway->port()};
    return client.request(method, path, {{"Origin", "https://a.example"}, {"User-Agent", std::string{agent}}});
  }
};

bool has_cors(const Response& r) { return r.header("Access-Control-Allow-Origin") == "https://a.example"; }
bool has_security(const Response& r) { return r.header("X-Frame-Options") == "DENY"; }

TEST_F(ServiceLevelTest, AnswersOfEndpointsHaveTheHeadersOfBothParts) {
  const Response r = ask("GET", "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_TRUE(has_cors(r));
  EXPECT_TRUE(has_security(r));
}

TEST_F(ServiceLevelTest, UnknownPathsAndMethodsAndBuiltInRoutesHaveThemToo) {
  const std::pair<const char*, std::pair<const char*, int>> cases[] = {
      {"/none", {"GET", 404}}, {"/x", {"POST", 405}}, {"/__echo/y", {"GET", 200}}, {"/x", {"OPTIONS", 200}}};
  for (const auto& [path, how] : cases) {
    const Response r = ask(how.first, path);
    EXPECT_EQ(r.status, how.second) << path;
    EXPECT_TRUE(has_cors(r)) << path;
    EXPECT_TRUE(has_security(r)) << path;
    EXPECT_EQ(ask(how.first, path, "bot").status, 403) << path;
  }
}

TEST_F(ServiceLevelTest, HealthAndRedirectsHaveTheServersPartOnly) {
  const std::pair<const char*, int> cases[] = {{"/__health", 200}, {"/x/", 301}, {"/p/a%2525b", 400}};
  for (const auto& [path, status] : cases) {
    for (const char* agent : {"browser", "bot"}) {
      const Response r = ask("GET", path, agent);
      EXPECT_EQ(r.status, status) << path;
      EXPECT_TRUE(has_cors(r)) << path;
      EXPECT_FALSE(has_security(r)) << path;
    }
  }
}

TEST_F(ServiceLevelTest, ABotIsRefusedWithTheHeadersOfTheService) {
  for (const auto& [path, agent] : {std::pair{"/x", "bot"}, std::pair{"/guarded", "bot"}, std::pair{"/guarded", "scraper"}}) {
    const Response r = ask("GET", path, agent);
    EXPECT_EQ(r.status, 403);
    EXPECT_EQ(r.body, "");
    EXPECT_TRUE(has_cors(r));
    EXPECT_TRUE(has_security(r));
    EXPECT_EQ(r.header("X-Krakend"), "");
  }
  EXPECT_EQ(ask("GET", "/x", "scraper").status, 200);
  EXPECT_EQ(up.requests().size(), 1u);
}

TEST_F(ServiceLevelTest, APreflightReachesNothingInside) {
  TestClient client{gateway->port()};
  const Response r = client.request("OPTIONS", "/none", {{"Origin", "https://a.example"}, {"User-Agent", "bot"}, {"Access-Control-Request-Method", "GET"}});
  EXPECT_EQ(r.status, 204);
  EXPECT_TRUE(has_cors(r));
  EXPECT_FALSE(has_security(r));

  // Nor the access log, which is the router's.
  EXPECT_EQ(client.get("/x").status, 200);
  gateway->terminate();
  EXPECT_EQ(gateway->wait_for_exit(), 0);
  EXPECT_NE(gateway->log().find("\"/x\""), std::string::npos) << gateway->log();
  EXPECT_EQ(gateway->log().find("\"/none\""), std::string::npos) << gateway->log();
}

TEST(ServiceLevelExampleTest, TheExampleConfigurationIsServed) {
  std::ifstream file{SLC_SOURCE_FOLDER "/config/security.json"};
  std::stringstream text;
  text << file.rdbuf();
  ASSERT_NE(text.str(), "");
  GatewayProcess gateway{options_of(text.str())};
  TestClient client{gateway.port()};
  const Response r = client.get("/v1/products", {{"Origin", "https://shop.example"}, {"Host", "api.example.com"}, {"X-Forwarded-Proto", "https"}});
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(r.header("Strict-Transport-Security"), "max-age=31536000; includeSubDomains");
}

}  // namespace
}  // namespace sluice::test

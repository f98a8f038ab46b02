// What clients may read about failures, and what is one.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

std::string told(const std::string& endpoints) {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true, "return_error_msg": true}}, "endpoints": [)" + endpoints +
         "]}";
}

struct ErrorTextsTest : ::testing::Test {
  FakeUpstream up;
  ReservedPort closed;
  std::string nobody() const { return "http://127.0.0.1:" + std::to_string(closed.number()); }
  std::unique_ptr<GatewayProcess> gateway;
  void start(const std::string& endpoints) {
    GatewayOptions o = options_of(told(endpoints));
    o.environment["SLUICE_DNS_SERVERS"] = "127.0.0.1:" + std::to_string(closed.number());  // no name is found, at once
    gateway = std::make_unique<GatewayProcess>(o);
  }
  std::string text_of(const std::string& path) {
    const Response r = get_once(gateway->port(), path);
    EXPECT_EQ(r.status, 500) << path;
    for (const char* secret : {"127.0.0.1", "unknown.invalid", "http://", "/secret", "GET"})
      EXPECT_EQ(r.body.find(secret), std::string::npos) << path << ": " << r.body;
    return r.body;
  }
};

TEST_F(ErrorTextsTest, OfASingleBackendNameTheKindOfFailure) {
  up.on("/secret/503", Reply::json("{}", 503));
  up.on("/secret/text", Reply::json("no JSON"));
  start(endpoint_of("/status", backend_of(up.url(), "/secret/503")) + "," + endpoint_of("/refused", backend_of(nobody(), "/secret/a")) + "," +
        endpoint_of("/name", backend_of("http://unknown.invalid", "/secret/b")) + "," + endpoint_of("/text", backend_of(up.url(), "/secret/text")));
  EXPECT_EQ(text_of("/status"), "invalid status code 503");
  for (const char* path : {"/refused", "/name", "/text"}) EXPECT_NE(text_of(path), "") << path;
  gateway->process().wait_for_output("invalid status code 503 [GET /secret/503]: " + up.url() + "/secret/503");  // the log has the URL
}

TEST_F(ErrorTextsTest, OfSeveralBackendsSayWhichFailedHow) {
  up.on("/secret/500", Reply::json("{}", 500));
  up.on("/secret/404", Reply::json("{}", 404));
  start(endpoint_of("/two", backend_of(up.url(), "/secret/500") + "," + backend_of(up.url(), "/secret/404")) + "," +
        endpoint_of("/three",
                    backend_of(up.url(), "/secret/404") + "," + backend_of(nobody(), "/secret/a") + "," + backend_of("http://unknown.invalid", "/secret/b")));
  EXPECT_EQ(text_of("/two"), "backend 1: invalid status code 500\nbackend 2: invalid status code 404");
  const std::string three = text_of("/three");
  EXPECT_EQ(three.find("backend 1: invalid status code 404\nbackend 2: "), 0u) << three;
  EXPECT_NE(three.find("\nbackend 3: "), std::string::npos) << three;
}

TEST_F(ErrorTextsTest, BodiesThatAreForClientsComeAsTheyAreOneALine) {
  up.on("/500", Reply{500, {}, "first"});
  up.on("/404", Reply{404, {}, "second"});
  const std::string code = R"("extra_config": {"backend/http": {"return_error_code": true}})";
  start(endpoint_of("/two", backend_of(up.url(), "/500", code) + "," + backend_of(up.url(), "/404", code)));
  EXPECT_EQ(text_of("/two"), "first\nsecond");
}

TEST(ShortBodyTest, AnAnswerShorterThanAnnouncedIsAFailureThoughItsJsonIsComplete) {
  FakeUpstream up;
  up.manual("/short");
  up.on("/whole", Reply::json(R"({"b":2})"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/one", backend_of(up.url(), "/short")) + "," +
                                              endpoint_of("/two", backend_of(up.url(), "/short") + "," + backend_of(up.url(), "/whole")))));
  const std::string body = R"({"a":1})";
  for (const auto& [path, status, answer] : {std::tuple{"/one", 500, ""}, std::tuple{"/two", 200, R"({"b":2})"}}) {
    TestClient client(gateway.port());
    client.send_request("GET", path);
    auto call = up.wait_for_request("/short");
    call.send_head(200, {{"Content-Type", "application/json"}}, body.size() + 1);
    call.send_raw(body);
    call.close();
    const Response r = client.read();
    EXPECT_EQ(r.status, status) << path;
    EXPECT_EQ(r.body, answer) << path;
    EXPECT_EQ(r.headers.get("X-Krakend-Completed"), "false") << path;
  }
}

}  // namespace
}  // namespace sluice::test

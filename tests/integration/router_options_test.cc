// Options of the block `router`, one row each, and what the gateway serves itself (config.md §6.5, §8).
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

struct RouterOptionsTest : ::testing::Test {
  FakeUpstream up;
  std::unique_ptr<GatewayProcess> gateway;
  RouterOptionsTest() {
    up.on("*", [](const FakeUpstream::Request& r) { return Reply{200, {{"Content-Type", "text/plain"}}, r.target + " " + r.headers.get("X-Forwarded-For")}; });
  }
  void start(const std::string& options, const std::string& root = "") {
    gateway =
        std::make_unique<GatewayProcess>(options_of(R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true, )" + options +
                                                    "}}, " + root + R"("endpoints": [)" + no_op_endpoint("/p/{id}", backend_of(up.url(), "/to/{id}")) + "]}"));
  }
  Response ask(std::string_view method, std::string_view path, const Headers& headers = {}) {
    return TestClient{gateway->port()}.request(method, path, headers);
  }
  // What the backend got, or the status.
  std::string got(std::string_view method, std::string_view path, const Headers& headers = {}) {
    Response r = ask(method, path, headers);
    return r.status == 200 ? r.body : std::to_string(r.status);
  }
};

TEST_F(RouterOptionsTest, EachDoesWhatItSays) {
  const Headers client{{"X-Forwarded-For", "9.9.9.1"}, {"X-Real-IP", "9.9.9.2"}, {"X-Client", "9.9.9.3"}, {"X-Appengine-Remote-Addr", "9.9.9.4"}};
  const struct {
    const char *options, *method, *path, *gives;
  } rows[] = {
      {R"("auto_options": false)", "GET", "/p/a%3Fb", "400"},
      {R"("disable_path_decoding": true)", "GET", "/p/a%3Fq=1", "/to/a?q=1 9.9.9.1"},
      {R"("disable_path_decoding": true)", "GET", "/p/a%2541", "/to/a%41 9.9.9.1"},
      {R"("disable_path_decoding": true)", "GET", "/p/a%23b", "/to/a 9.9.9.1"},
      {R"("disable_path_decoding": true)", "GET", "/p/%252e%252E", "400"},
      {R"("disable_path_decoding": true)", "GET", "/p/..%252f..", "400"},
      {R"("disable_path_decoding": true)", "GET", "/p/%252e%252ea", "/to/%2e%2ea 9.9.9.1"},
      {R"("auto_options": false)", "DELETE", "/p/a", "405"},
      {R"("auto_options": false)", "GET", "*", "404"},
      {R"("disable_handle_method_not_allowed": true)", "DELETE", "/p/a", "404"},
      {R"("remote_ip_headers": ["X-Client"])", "GET", "/p/a", "/to/a 9.9.9.3"},
      {R"("remote_ip_headers": ["X-None", "X-Real-IP"])", "GET", "/p/a", "/to/a 9.9.9.2"},
      {R"("remote_ip_headers": ["X-Client"], "forwarded_by_client_ip": false)", "GET", "/p/a", "/to/a 127.0.0.1"},
      {R"("remote_ip_headers": ["X-Client"], "trusted_proxies": ["10.0.0.0/8"])", "GET", "/p/a", "/to/a 127.0.0.1"},
      {R"("app_engine": false)", "GET", "/p/a", "/to/a 9.9.9.1"},
      {R"("app_engine": true)", "GET", "/p/a", "/to/a 9.9.9.4"},
      {R"("app_engine": true, "trusted_proxies": ["127.0.0.0/8"])", "GET", "/p/a", "/to/a 9.9.9.4"},
      {R"("app_engine": true, "trusted_proxies": ["10.0.0.0/8"])", "GET", "/p/a", "/to/a 127.0.0.1"},
      {R"("app_engine": true, "forwarded_by_client_ip": false)", "GET", "/p/a", "/to/a 127.0.0.1"},
  };
  std::string before;
  for (const auto& row : rows) {
    if (before != row.options) start(before = row.options);
    EXPECT_EQ(got(row.method, row.path, client), row.gives) << row.options << " " << row.path;
  }
}

TEST_F(RouterOptionsTest, AnErrorsTextHasTheTypeOfTheBackendOrTheOneThatItLooksLike) {
  up.on("/html", Reply{404, {}, "<html>not here</html>"});
  up.on("/typed", Reply{404, {{"Content-Type", "text/x"}}, "<html>"});
  up.on("/plain", Reply{404, {}, "not here"});
  const std::string code = R"("extra_config": {"backend/http": {"return_error_code": true}})";
  std::string endpoints;
  for (const char* path : {"/html", "/typed", "/plain"}) endpoints += endpoint_of(path, backend_of(up.url(), path, code)) + ",";
  endpoints += endpoint_of("/none", backend_of(up.url(), "/html"));
  gateway = std::make_unique<GatewayProcess>(
      options_of(R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true, "return_error_msg": true}}, "endpoints": [)" +
                 endpoints + "]}"));
  Response r = ask("GET", "/html");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.body, "<html>not here</html>");
  EXPECT_EQ(r.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(ask("GET", "/typed").header("Content-Type"), "text/x");
  EXPECT_EQ(ask("GET", "/plain").header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(ask("GET", "/none").header("Content-Type"), "text/plain; charset=utf-8");
}

TEST_F(RouterOptionsTest, TheHealthPageIsWhereItIsWanted) {
  start(R"("health_path": "/alive")");
  Response r = ask("GET", "/alive");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("Content-Type"), "application/json; charset=utf-8");
  Json body = Json::parse_or_throw(r.body, "the health page");
  EXPECT_EQ(body.at("status").str(), "ok");
  EXPECT_EQ(ask("POST", "/alive").status, 405);
  EXPECT_EQ(ask("GET", "/__health").status, 404);
  start(R"("health_path": "/alive", "disable_health": true)");
  EXPECT_EQ(ask("GET", "/alive").status, 404);
  EXPECT_EQ(ask("GET", "/__health").status, 404);
  start(R"("auto_options": false)");
  EXPECT_EQ(ask("GET", "/__health").status, 200);
  EXPECT_EQ(up.count(), 0);
}

TEST_F(RouterOptionsTest, TheEchoTellsTheWholeRequestInItsOrder) {
  start(R"("auto_options": false)", R"("echo_endpoint": true, )");
  const std::string host = "127.0.0.1:" + std::to_string(gateway->port());
  TestClient client{gateway->port()};
  client.send("PUT /__echo/a%20b/c?z=1&x=a%26b&x=%C3%A9&flag HTTP/1.1\r\nHost: " + host +
              "\r\nX-Two: one\r\nAccept: */*\r\nx-two: \"t\\wo\"\r\nContent-Length: 7\r\n\r\n\"body\"\n");
  Response r = client.read();
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("Content-Type"), "application/json; charset=utf-8");
  EXPECT_FALSE(r.headers.has("X-Krakend"));
  EXPECT_FALSE(r.headers.has("X-Krakend-Completed"));
  EXPECT_EQ(r.body, R"({"req_uri":"/__echo/a%20b/c?z=1&x=a%26b&x=%C3%A9&flag",)"
                    R"("req_uri_details":{"fragment":"","host":")" + host + R"(","path":"/__echo/a b/c","query":"z=1&x=a%26b&x=%C3%A9&flag","user":""},)"
                    R"("req_method":"PUT","req_querystring":{"flag":[""],"x":["a&b","é"],"z":["1"]},"req_body":"\"body\"\n",)"
                    R"("req_headers":{"X-Two":["one","\"t\\wo\""],"Accept":["*/*"],"Content-Length":["7"]}})");
  r = ask("GET", "/__echo/");
  EXPECT_EQ(Json::parse_or_throw(r.body, "the echo").at("req_querystring").members().size(), 0u);
  EXPECT_EQ(Json::parse_or_throw(r.body, "the echo").at("req_body").str(), "");
  r = ask("GET", "/__echo");
  EXPECT_EQ(r.status, 301);
  EXPECT_EQ(r.header("Location"), "/__echo/");
  EXPECT_EQ(ask("GET", "/__debug/x").status, 404) << "it was not asked for";
}

TEST_F(RouterOptionsTest, TheDebugPageAnswersEveryMethodAndLogsTheRequest) {
  gateway = std::make_unique<GatewayProcess>(
      options_of(R"({"version": 3, "debug_endpoint": true, "extra_config": {"telemetry/logging": {"level": "DEBUG", "stdout": true}}, "endpoints": []})"));
  TestClient client{gateway->port()};
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}) {
    Response r = client.request(method, "/__debug/a?b=c&b=d", {{"X-A", "1"}}, *method == 'P' ? "the body" : "");
    EXPECT_EQ(r.status, 200) << method;
    EXPECT_EQ(r.body, R"({"message":"pong"})") << method;
    EXPECT_FALSE(r.headers.has("X-Krakend")) << method;
  }
  EXPECT_EQ(client.request("HEAD", "/__debug/").status, 200);
  for (const char* line : {"Method: PATCH", "URL: /__debug/a?b=c&b=d", R"(Query: {"b":["c","d"]})", "Params: [{param /a}]", "Body: the body"})
    gateway->process().wait_for_output(line);
  EXPECT_EQ(ask("GET", "/__debug").status, 301);
  EXPECT_EQ(ask("GET", "/__echo/x").status, 404);
}

}  // namespace
}  // namespace sluice::test

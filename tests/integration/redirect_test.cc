// Redirects of backends that sluice follows (pipeline.md §7).
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/wire.h"

namespace sluice::test {
namespace {

TEST(RedirectTest, ACarriedOutRequestIsNotSentToAnotherHostWhenTheRedirectLeadsNowhere) {
  FakeUpstream first, second;
  ReservedPort nowhere;  // nobody listens there
  for (FakeUpstream* up : {&first, &second})
    up->on("/create", Reply{303, {{"Location", "http://127.0.0.1:" + std::to_string(nowhere.number()) + "/done"}}, ""});
  GatewayProcess gateway{options_of(config_of(
      endpoint_of("/x", backend_of(first.url() + R"(", ")" + second.url(), "/create", R"("method": "POST")"), R"("method": "POST", )")))};
  TestClient client{gateway.port()};
  EXPECT_EQ(client.request("POST", "/x", {{"Content-Type", "application/json"}}, R"({"order":1})").status, 500);
  ASSERT_EQ(first.count() + second.count(), 1);
  const auto seen = first.count() ? first.requests() : second.requests();
  EXPECT_EQ(seen[0].body, R"({"order":1})");
}

TEST(RedirectTest, TheNextPlaceLearnsWhereItCameFromUnlessTheClientSaidSo) {
  FakeUpstream up;
  up.on("/a", Reply{302, {{"Location", "/b"}}, ""});
  up.on("/b", Reply::json(R"({"b":1})"));
  GatewayProcess gateway{options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/a?q=1"), R"("input_headers": ["Referer"], )")))};
  TestClient client{gateway.port()};
  EXPECT_EQ(client.get("/x").body, R"({"b":1})");
  EXPECT_EQ(client.request("GET", "/x", {{"Referer", "http://shop/"}}).body, R"({"b":1})");
  std::vector<std::string> referers;
  for (const auto& r : up.requests())
    if (r.path == "/b") referers.push_back(r.headers.get("Referer"));
  EXPECT_EQ(referers, (std::vector<std::string>{up.url() + "/a?q=1", "http://shop/"}));
}

Reply moved(int status, const std::string& to) { return {status, {{"Location", to}}, ""}; }

constexpr const char* kKeepBody = R"("extra_config": {"backend/http/client": {"send_body_on_redirect": true}})";

TEST(RedirectTest, ABodyIsSentAgainOnlyWhereTheConfigurationSaysSo) {
  FakeUpstream up;
  up.on("/307", moved(307, "/end"));
  up.on("/308", moved(308, "/end"));
  up.on("/303", moved(303, "/end"));
  up.on("/end", [](const FakeUpstream::Request& r) {
    return Reply::json(R"({"got":")" + r.method + " " + r.body + " " + r.headers.get("Content-Type") + " " + r.headers.get("Content-Length") + "\"}");
  });
  const std::string post = R"("method": "POST", "input_headers": ["Content-Type", "Content-Length"], )";
  std::string endpoints;
  for (const std::string path : {"/307", "/308", "/303"}) {
    endpoints += endpoint_of(path, backend_of(up.url(), path, kKeepBody), post) + ",";
    endpoints += no_op_endpoint("/raw" + path, backend_of(up.url(), path, kKeepBody), post) + ",";
    endpoints += endpoint_of("/without" + path, backend_of(up.url(), path), post) + ",";
    endpoints += no_op_endpoint("/without/raw" + path, backend_of(up.url(), path), post) + ",";
  }
  endpoints.pop_back();
  GatewayProcess gateway{options_of(config_of(endpoints))};
  TestClient client{gateway.port()};
  const Headers type{{"Content-Type", "text/x"}};
  for (const std::string path : {"/307", "/308"}) {
    for (const std::string raw : {"", "/raw"}) EXPECT_EQ(client.post(raw + path, "the body", type).body, R"({"got":"POST the body text/x 8"})") << raw << path;
    EXPECT_EQ(client.post("/without" + path, "the body", type).status, 500) << "the 3xx is the answer, and no success";
    Response r = client.post("/without/raw" + path, "the body", type);
    EXPECT_EQ(std::to_string(r.status), path.substr(1));
    EXPECT_EQ(r.header("Location"), "/end");
    EXPECT_EQ(client.post("/without" + path, "", type).body, R"({"got":"POST  text/x 0"})") << "nothing has to be kept of no body";
  }
  for (const std::string before : {"", "/raw", "/without", "/without/raw"})
    EXPECT_EQ(client.post(before + "/303", "the body", type).body, R"({"got":"GET   "})") << before;
}

TEST(RedirectTest, APlaceIsEncodedForTheRequestLineOrRefused) {
  FakeUpstream up;
  for (const auto& [path, to] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/space", "/a b?c d"}, {"/line", "/a HTTP/1.1"}, {"/letters", "/\xc3\xbc"}, {"/escape", "/%zz"}, {"/tab", "/a\tb"}})
    up.on(path, Reply{302, {{"Location", to}}, ""});
  up.on("/nowhere", Reply{302, {{"Location", ""}}, "stay"});
  up.on("*", [](const FakeUpstream::Request& r) { return Reply::json("{\"asked\":\"" + r.target + "\"}"); });
  std::string endpoints = no_op_endpoint("/nowhere", backend_of(up.url(), "/nowhere"));
  for (const std::string path : {"/space", "/line", "/letters", "/escape", "/tab"}) endpoints += "," + endpoint_of(path, backend_of(up.url(), path));
  GatewayProcess gateway{options_of(config_of(endpoints))};
  TestClient client{gateway.port()};
  EXPECT_EQ(client.get("/space").body, R"({"asked":"/a%20b?c%20d"})");
  EXPECT_EQ(client.get("/line").body, R"({"asked":"/a%20HTTP/1.1"})");
  EXPECT_EQ(client.get("/letters").body, R"({"asked":"/%C3%BC"})");
  for (const char* path : {"/escape", "/tab"}) EXPECT_EQ(client.get(path).status, 500) << path;
  const Response r = client.get("/nowhere");
  EXPECT_EQ(r.status, 302) << "a Location without a place is none";
  EXPECT_EQ(r.body, "stay");
}

TEST(RedirectTest, ABodyThatMayBeNeededAgainIsHeldThoughTheAnswerStreams) {
  FakeUpstream up;
  up.on("/moved", moved(308, "/up"));
  up.manual("/up");
  GatewayProcess gateway{options_of(config_of(no_op_endpoint("/x", backend_of(up.url(), "/moved", kKeepBody), R"("method": "POST", )")))};
  TestClient client{gateway.port()};
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  client.send("6\r\nsecond\r\n");
  EXPECT_EQ(get_once(gateway.port(), "/__health").status, 200);
  EXPECT_EQ(up.count(), 0) << "the backend is called when the body is here";
  client.send("0\r\n\r\n");
  auto call = up.wait_for_request("/up");
  EXPECT_EQ(call.request().body, "firstsecond");
  call.send_head(200, {{"Content-Type", "text/event-stream"}});
  EXPECT_EQ(client.read_head("POST").status, 200) << "before the end of the answer";
  call.send_piece("event");
  EXPECT_EQ(client.next_piece(), "event");
  call.finish();
  EXPECT_EQ(client.next_piece(), "");
}

TEST(RedirectTest, TenHopsAreFollowedAndNoMore) {
  FakeUpstream up;
  for (int i = 0; i < 11; ++i) up.on("/" + std::to_string(i), moved(307, "/" + std::to_string(i + 1)));
  up.on("/11", Reply::json(R"({"end":1})"));
  up.on("/loop", moved(301, "/loop"));
  GatewayProcess gateway{options_of(config_of(endpoint_of("/ten", backend_of(up.url(), "/1", kKeepBody), R"("method": "POST", )") + "," +
                                              endpoint_of("/eleven", backend_of(up.url(), "/0", kKeepBody), R"("method": "POST", )") + "," +
                                              no_op_endpoint("/loop", backend_of(up.url(), "/loop"))))};
  TestClient client{gateway.port()};
  EXPECT_EQ(client.post("/ten", "b").body, R"({"end":1})");
  EXPECT_EQ(up.count("/11"), 1);
  EXPECT_EQ(up.requests().back().body, "b");
  EXPECT_EQ(client.post("/eleven", "b").status, 500);
  EXPECT_EQ(up.count("/11"), 1);
  EXPECT_EQ(client.get("/loop").status, 500);
  EXPECT_EQ(up.count("/loop"), 11);
}

TEST(RedirectTest, CredentialsStayWithTheHostTheyWereMeantFor) {
  FakeUpstream up;
  const std::string elsewhere = "http://localhost:" + std::to_string(up.port());  // the same listener under another name
  up.on("/near", moved(307, "/end"));
  up.on("/far", moved(307, elsewhere + "/end"));
  up.on("/back", moved(307, elsewhere + "/again"));
  up.on("/again", moved(307, up.url() + "/end"));
  up.on("/end", [](const FakeUpstream::Request& r) {
    return Reply::json(R"({"got":")" + r.headers.get("Authorization") + "|" + r.headers.get("Cookie") + "|" + r.headers.get("X-Other") + "|" + r.body + "\"}");
  });
  std::string endpoints;
  for (const std::string path : {"/near", "/far", "/back"})
    endpoints += (endpoints.empty() ? "" : ",") +
                 endpoint_of(path, backend_of(up.url(), path, kKeepBody), R"("method": "POST", "input_headers": ["Authorization", "Cookie", "X-Other"], )");
  GatewayProcess gateway{options_of(config_of(endpoints))};
  TestClient client{gateway.port()};
  const Headers headers{{"Authorization", "Bearer t"}, {"Cookie", "c=1"}, {"X-Other", "o"}};
  EXPECT_EQ(client.post("/near", "b", headers).body, R"({"got":"Bearer t|c=1|o|b"})");
  EXPECT_EQ(client.post("/far", "b", headers).body, R"({"got":"||o|b"})");
  EXPECT_EQ(client.post("/back", "b", headers).body, R"({"got":"||o|b"})") << "they are not picked up again on the way back";
}

}  // namespace
}  // namespace sluice::test

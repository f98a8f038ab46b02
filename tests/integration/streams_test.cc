// sluice.stream/1 in the running gateway: bodies in both directions, streamed and whole, through chunk hooks at every scope.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

// "extra_config" with one streaming hook: at("backend", "A", R"("mode": "wrap")").
std::string at(const std::string& scope, const std::string& id, const std::string& more) {
  return R"("test/stream-)" + scope + R"(": {"id": ")" + id + "\", " + more + "}";
}
std::string blocks(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& b : all) out += (out.empty() ? "" : ", ") + b;
  return R"("extra_config": {)" + out + "}";
}
std::string service_config(const std::string& endpoints, const std::vector<std::string>& hooks) {
  std::vector<std::string> all{R"("router": {"disable_access_log": true})"};
  all.insert(all.end(), hooks.begin(), hooks.end());
  return R"({"version": 3, "timeout": "20s", )" + blocks(all) + R"(, "endpoints": [)" + endpoints + "]}";
}
// One raw endpoint /x with these hooks.
std::string raw_config(const std::string& host, const std::vector<std::string>& endpoint, const std::vector<std::string>& backend,
                       const std::vector<std::string>& service = {}, const std::string& method = "GET") {
  const std::string m = R"("method": ")" + method + '"';
  return service_config(no_op_endpoint("/x", backend_of(host, "/d", m + (backend.empty() ? "" : ", " + blocks(backend))),
                                       m + R"(, "input_headers": ["*"], )" + (endpoint.empty() ? "" : blocks(endpoint) + ", ")),
                        service);
}
const std::string kWrap = R"("mode": "wrap", "side": "both")";

TEST(StreamHookTest, EveryScopeSeesARawBodyInBothDirectionsTheRequestOutermostFirst) {
  FakeUpstream up;
  up.on("/d", [](const FakeUpstream::Request& r) { return Reply{200, {}, "answer to " + r.body}; });
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {at("endpoint", "e", kWrap), at("proxy", "p", kWrap)},
                                                 {at("backend", "b", kWrap), at("backend-outer", "o", kWrap)},
                                                 {at("server", "s", kWrap), at("service", "r", kWrap)}, "POST"));
  TestClient client(gateway.port());
  for (int i = 0; i < 3; ++i) {
    Response r = client.post("/x", "question", {{"Content-Type", "text/plain"}});
    EXPECT_EQ(r.status, 200);
    const std::string sent = "<b><o><p><e><r><s>question</s></r></e></p></o></b>";
    EXPECT_EQ(r.body, "<s><r><e><p><o><b>answer to " + sent + "</b></o></p></e></r></s>");
  }
  EXPECT_EQ(up.connections_accepted(), 1);
}

TEST(StreamHookTest, AnAnswerThatTheGatewayMadePassesTheHooksOfServiceAndEndpoint) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"key":"value"})"));
  PluggedGateway gateway({"streams"}, service_config(endpoint_of("/x", backend_of(up.url(), "/d", blocks({at("backend", "b", R"("mode": "upper")")})),
                                                                blocks({at("endpoint", "e", kWrap), at("proxy", "p", kWrap)}) + ", "),
                                                     {at("service", "s", kWrap)}));
  Response r = get_once(gateway.port(), "/x");
  // The backend's hook has its bytes before they are decoded; the proxy's scope has a document and no bytes.
  EXPECT_EQ(r.body, R"(<s><e>{"KEY":"VALUE"}</e></s>)");
  EXPECT_EQ(r.header("Content-Length"), std::to_string(r.body.size()));
  EXPECT_EQ(get_once(gateway.port(), "/nothing").body, "<s>404 page not found</s>") << "whoever gives the answer";
}

TEST(StreamHookTest, AWholeRequestBodyPassesEachScopeOnItsWayToEveryBackend) {
  FakeUpstream up;
  up.on("/1", Reply::json(R"({"a":1})"));
  up.on("/2", Reply::json(R"({"b":2})"));
  const std::string post = R"("method": "POST")";
  PluggedGateway gateway(
      {"streams"},
      service_config(
          endpoint_of("/x",
                      backend_of(up.url(), "/1", post + ", " + blocks({at("backend", "b", R"("mode": "wrap", "side": "request")")})) + ", " +
                          backend_of(up.url(), "/2", post),
                      post + ", " +
                          blocks({at("endpoint", "e", R"("mode": "wrap", "side": "request")"), at("proxy", "p", R"("mode": "wrap", "side": "request")")}) +
                          ", "),
          {at("service", "s", R"("mode": "collect", "side": "request")")}));
  TestClient client(gateway.port());
  EXPECT_EQ(client.post("/x", "olleh", {}).body, R"({"a":1,"b":2})");
  std::map<std::string, std::string> bodies;
  for (const auto& r : up.requests()) bodies[r.path] = r.body;
  EXPECT_EQ(bodies["/1"], "<b><p><e>hello</e></p></b>");
  EXPECT_EQ(bodies["/2"], "<p><e>hello</e></p>");
}

TEST(StreamHookTest, PiecesPassBeforeTheBodyEnds) {
  FakeUpstream up;
  up.manual("/d");
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {}, {at("backend", "b", R"("mode": "upper")")}, {at("service", "s", R"("mode": "observe")")}));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  call.send_head(200, {{"Content-Type", "text/event-stream"}});
  EXPECT_EQ(client.read_head().status, 200) << "the head does not wait for the first piece";
  for (int i = 0; i < 5; ++i) {
    call.send_piece("event " + std::to_string(i));
    EXPECT_EQ(client.next_bytes(7), "EVENT " + std::to_string(i));
  }
  call.finish();
  EXPECT_EQ(client.next_piece(), "");
  EXPECT_NE(gateway.log_to_the_end().find("s saw 35 bytes in 6 chunks"), std::string::npos);
}

TEST(StreamHookTest, AHookMayWaitOrWorkElsewhereBetweenTwoPieces) {
  for (const char* mode : {"wait", "background"}) {
    FakeUpstream up;
    const std::string body(300'000, 'a');
    up.on("/d", [&](const FakeUpstream::Request& r) { return Reply{200, {}, r.body}; });
    const std::string block = std::string{R"("mode": ")"} + mode + R"(", "side": "both")";
    PluggedGateway gateway({"streams"}, raw_config(up.url(), {at("endpoint", "e", block)}, {at("backend", "b", block)},
                                                   {at("service", "s", R"("mode": "observe", "side": "both")")}, "POST"));
    TestClient client(gateway.port());
    Response r = client.post("/x", body, {});
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, mode == std::string{"wait"} ? body : std::string(body.size(), 'A')) << mode;
    gateway.log_to_the_end();
  }
}

TEST(StreamHookTest, OutputOfAnySizeComesInPieces) {
  FakeUpstream up;
  std::string body;
  for (int i = 0; i < 40; ++i) body += static_cast<char>('a' + i % 26);
  std::string expected;
  for (char c : body) expected += std::string(200'000, c);
  up.on("/d", Reply{200, {}, body});
  PluggedGateway gateway({"streams"},
                         raw_config(up.url(), {at("endpoint", "o", R"("mode": "observe")")}, {at("backend", "b", R"("mode": "expand", "times": 200000)")}));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.body.size(), expected.size());
  EXPECT_TRUE(r.body == expected);
}

TEST(StreamHookTest, ASlowReaderHoldsUpTheHooksToo) {
  FakeUpstream up;
  up.manual("/d");
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {}, {at("backend", "b", R"("mode": "keep")")}));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  const size_t total = size_t{32} << 20;
  call.send_head(200, {}, total);
  Response head = client.read_head();
  EXPECT_EQ(head.header("Content-Length"), std::to_string(total)) << "a kept length is told";
  const size_t sent = call.send_until_blocked(total, Limit(500));
  EXPECT_LT(sent, total) << "the gateway swallowed everything though nobody read";
  std::thread sender([&] {
    call.send_until_blocked(total - sent, kLimit);
    call.finish();
  });
  size_t received = 0;
  for (std::string piece; !(piece = client.next_piece()).empty();) received += piece.size();
  sender.join();
  EXPECT_EQ(received, total);
}

TEST(StreamHookTest, ABodyOfUnknownOutcomeHasNoLengthAndASkippedOneKeepsIt) {
  FakeUpstream up;
  up.manual("/d");
  for (const char* mode : {"upper", "keep", "skip", "observe"}) {
    SCOPED_TRACE(mode);
    const bool changes = mode == std::string{"upper"};
    PluggedGateway gateway({"streams"}, raw_config(up.url(), {at("endpoint", "e", std::string{R"("side": "both", "mode": ")"} + mode + '"')}, {}, {}, "POST"));
    TestClient client(gateway.port());
    client.send_request("POST", "/x", {}, std::string(200'000, 'y'));  // longer than what comes with the head
    auto call = up.wait_for_request("/d");
    EXPECT_EQ(call.request().headers.get("Content-Length"), changes ? "" : "200000");
    EXPECT_EQ(call.request().headers.get("Transfer-Encoding"), changes ? "chunked" : "");
    EXPECT_EQ(call.request().body, std::string(200'000, changes || mode == std::string{"keep"} ? 'Y' : 'y'));
    call.send_head(200, {{"Content-Type", "text/plain"}}, 5);
    Response r = client.read_head();
    EXPECT_EQ(r.header("Content-Length"), changes ? "" : "5");
    EXPECT_EQ(r.header("Transfer-Encoding"), changes ? "chunked" : "");
    call.send_piece("tail.");
    call.finish();
    std::string body;
    for (std::string piece; !(piece = client.next_piece()).empty();) body += piece;
    EXPECT_EQ(body, changes || mode == std::string{"keep"} ? "TAIL." : "tail.");
  }
}

TEST(StreamHookTest, ABrokenPromiseIsVisible) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.on("/d", Reply{200, {}, std::string(300'000, 'x')});
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {}, {at("backend", "b", R"("mode": "lie")")}));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  EXPECT_THROW(
      {
        client.read_head();
        while (!client.next_piece().empty()) {
        }
      },
      ConnectionLost);
}

TEST(StreamHookTest, AFailureBeforeTheHeadIsAnAnswerAndOneAfterItACutBody) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.manual("/d");
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {}, {at("backend", "b", R"("mode": "fail", "at": 2, "status": 418)")}));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  call.send_head(200);
  call.send_piece("one");
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_EQ(client.next_bytes(3), "one");
  call.send_piece("two");
  EXPECT_THROW(client.next_piece(), ConnectionLost);
  call.wait_for_disconnect();
  gateway.log_to_the_end();

  FakeUpstream other;
  other.tolerate_disconnects();
  other.on("/d", Reply{200, {}, "all at once"});
  PluggedGateway at_once({"streams"}, raw_config(other.url(), {}, {at("backend", "b", R"("mode": "fail", "status": 418)")}));
  Response r = get_once(at_once.port(), "/x");
  EXPECT_EQ(r.status, 418);
  EXPECT_EQ(r.body, "no");
}

TEST(StreamHookTest, AFailureOnTheWayInFailsTheRequest) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.on("/d", Reply{200, {}, "fine"});
  const std::string fail = R"("mode": "fail", "status": 413, "side": "request")";
  for (const bool raw : {true, false}) {
    for (const char* scope : {"service", "endpoint", "proxy", "backend"}) {
      SCOPED_TRACE(std::string{scope} + (raw ? " raw" : " whole"));
      const std::string m = R"("method": "POST")";
      const std::string hook = blocks({at(scope, "f", fail)});
      const std::string_view s = scope;
      const std::string endpoint = (s == "endpoint" || s == "proxy" ? hook + ", " : "") + m + ", ";
      const std::string backend = backend_of(up.url(), "/d", m + (s == "backend" ? ", " + hook : ""));
      PluggedGateway gateway({"streams"}, service_config(raw ? no_op_endpoint("/x", backend, endpoint) : endpoint_of("/x", backend, endpoint),
                                                         s == "service" ? std::vector<std::string>{at(scope, "f", fail)} : std::vector<std::string>{}));
      TestClient client(gateway.port());
      Response r = client.post("/x", "body", {});
      EXPECT_EQ(r.status, 413);
    }
  }
  EXPECT_EQ(up.count("/d"), 0);
}

TEST(StreamHookTest, ATimerPutsBytesBetweenTwoPieces) {
  FakeUpstream up;
  up.manual("/d");
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {at("endpoint", "e", R"("mode": "heartbeat")")}, {}));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  call.send_head(200);
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_EQ(client.next_bytes(3), "...");
  call.send_piece("data");
  std::string rest;
  while (rest.find("data") == rest.npos) rest += client.next_piece();
  call.finish();
  while (!client.next_piece().empty()) {
  }
}

TEST(StreamHookTest, AHookThatAsksForTheSameChunkForEverOrAnswersGarbageFails) {
  for (const char* mode : {"endless", "garbage"}) {
    FakeUpstream up;
    up.tolerate_disconnects();
    up.on("/d", Reply{200, {}, "x"});
    PluggedGateway gateway({"streams"}, raw_config(up.url(), {at("endpoint", "e", std::string{R"("mode": ")"} + mode + '"')}, {}));
    EXPECT_EQ(get_once(gateway.port(), "/x").status, 500) << mode;
  }
}

TEST(StreamHookTest, AnUploadThatOneHostRefusesIsTransformedOnceForTheNext) {
  FakeUpstream up;
  up.on("/d", [](const FakeUpstream::Request& r) { return Reply{200, {}, r.body}; });
  FakeUpstream dead;
  dead.refuse();
  const std::string m = R"("method": "POST")";
  const std::string hosts = R"({"host": [")" + dead.url() + R"(", ")" + up.url() + R"("], "url_pattern": "/d", )" + m + ", " +
                            blocks({at("backend", "b", R"("mode": "wrap", "side": "request")")}) + "}";
  PluggedGateway gateway({"streams"}, service_config(no_op_endpoint("/x", hosts, m + ", "), {}));
  for (int i = 0; i < 4; ++i) {
    TestClient client(gateway.port());
    client.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
    client.send("world");
    EXPECT_EQ(client.read("POST").body, "<b>helloworld</b>");
  }
}

TEST(StreamHookTest, TheAnswerOfAnAttemptPassesEachHookOnce) {
  FakeUpstream up;
  up.on("/d", Reply{200, {}, "body"});
  // test/retry stands at stage 500, between nothing and the hooks of its scope.
  PluggedGateway gateway({"streams", "around"}, raw_config(up.url(), {R"("test/retry": {})", at("proxy", "p", kWrap)},
                                                           {R"("test/retry": {})", at("backend", "b", kWrap), at("backend-outer", "o", kWrap)}));
  EXPECT_EQ(get_once(gateway.port(), "/x").body, "<p><o><b>body</b></o></p>");
}

TEST(StreamHookTest, NoBodyNoCall) {
  FakeUpstream up;
  up.on("/d", Reply{204, {}, ""});
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {at("endpoint", "e", kWrap)}, {at("backend", "b", R"("mode": "upper")")}));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/x").status, 204);
  up.on("/d", Reply{200, {}, ""});
  EXPECT_EQ(client.get("/x").body, "<e></e>") << "an empty body passes, as one last chunk";
}

TEST(StreamHookTest, AClientThatLeavesWhileAHookWaitsEndsEverything) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.manual("/d");
  PluggedGateway gateway({"streams"}, raw_config(up.url(), {}, {at("backend", "b", R"("mode": "wait")")}));
  auto client = std::make_unique<TestClient>(gateway.port());
  client->send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  call.send_head(200);
  client->read_head();
  call.send_piece("one");
  client.reset();
  call.wait_for_disconnect();
  EXPECT_EQ(occurrences(gateway.log_to_the_end(), "done b"), 1);
}

}  // namespace
}  // namespace sluice::test

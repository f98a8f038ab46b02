// HTTP/2 towards clients: what it serves, and what it does not put up with.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/http2.h"
#include "tests/support/tls_client.h"

namespace sluice::test {
namespace {

constexpr uint32_t kProtocolError = 1, kInternalError = 2, kEnhanceYourCalm = 11;

class Http2Test : public ::testing::Test {
 protected:
  Http2Test() { up.on("/d", Reply::json(R"({"a":1})")); }
  void start(const std::string& root = "", const std::string& endpoints = "", int workers = 1) {
    std::string all = endpoint_of("/x", backend_of(up.url(), "/d")) + "," + no_op_endpoint("/raw", backend_of(up.url(), "/raw")) + "," +
                      no_op_endpoint("/in", backend_of(up.url(), "/in"), R"("method": "POST", "input_headers": ["*"], )") + endpoints;
    gateway = std::make_unique<GatewayProcess>(options_of(config_of(all, R"("use_h2c": true, )" + root), workers));
  }
  std::unique_ptr<Http2Client> connect() { return std::make_unique<Http2Client>(std::make_unique<Wire>(connect_to(gateway->port()))); }

  FakeUpstream up;
  std::unique_ptr<GatewayProcess> gateway;
};

TEST_F(Http2Test, AnAnswerIsThatOfHttp1) {
  start();
  auto client = connect();
  const auto& a = client->finish(client->get("/x"));
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.body, R"({"a":1})");
  EXPECT_EQ(a.header("content-type"), "application/json; charset=utf-8");
  EXPECT_EQ(a.header("content-length"), "7");
  EXPECT_EQ(a.header("x-krakend-completed"), "true");
  EXPECT_TRUE(a.headers.has("date"));
  EXPECT_FALSE(a.headers.has("connection"));
  for (const auto& [name, value] : a.headers) EXPECT_EQ(name, lower(name));
  EXPECT_EQ(client->finish(client->get("/none")).status, 404);
  EXPECT_EQ(client->finish(client->ask(Http2Client::request("POST", "/x"))).status, 405);
}

TEST_F(Http2Test, EveryByteMayComeAlone) {
  start();
  up.on("/in", [](const FakeUpstream::Request& q) { return Reply{200, {}, q.body}; });
  Http2Client client(std::make_unique<Wire>(connect_to(gateway->port())), false);
  std::string all = Http2Client::preface() + Http2Client::frame(Frame::settings, 0, 0) +
                    Http2Client::frame(Frame::headers, Http2Client::kEndHeaders, 1, Http2Client::fields(Http2Client::request("POST", "/in"))) +
                    Http2Client::frame(Frame::data, 0, 1, "some") + Http2Client::frame(Frame::data, Http2Client::kEndStream, 1, "thing");
  for (char c : all) client.send({&c, 1});
  const auto& a = client.finish(1);
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.body, "something");
}

TEST_F(Http2Test, AHeadMayComeInSeveralFrames) {
  start();
  auto client = connect();
  std::string block = Http2Client::fields(Http2Client::request("GET", "/x", {{"x-long", std::string(500, 'l')}}));
  client->send(Http2Client::frame(Frame::headers, Http2Client::kEndStream, 1, block.substr(0, 20)) +
               Http2Client::frame(Frame::continuation, 0, 1, block.substr(20, 100)) +
               Http2Client::frame(Frame::continuation, Http2Client::kEndHeaders, 1, block.substr(120)));
  EXPECT_EQ(client->finish(1).status, 200);
}

TEST_F(Http2Test, ASlowAnswerHoldsNobodyUp) {
  up.manual("/raw");
  start();
  auto client = connect();
  uint32_t slow = client->get("/raw");
  auto call = up.wait_for_request("/raw");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client->finish(client->get("/x")).status, 200);
  EXPECT_FALSE(client->answer(slow).complete);
  call.answer({200, {}, "late"});
  EXPECT_EQ(client->finish(slow).body, "late");
}

TEST_F(Http2Test, ManyRequestsAtOnceAreAllAnswered) {
  start("", "", 2);
  auto client = connect();
  std::vector<uint32_t> streams;
  for (int i = 0; i < 200; ++i) streams.push_back(client->get("/x"));
  for (uint32_t s : streams) {
    EXPECT_EQ(client->finish(s).status, 200);
    EXPECT_EQ(client->answer(s).body, R"({"a":1})");
  }
}

TEST_F(Http2Test, AnUploadOfUnknownLengthArrivesAsItIsSent) {
  up.manual("/in", FakeUpstream::Body::left);
  start();
  auto client = connect();
  uint32_t s = client->ask(Http2Client::request("POST", "/in"), false);
  client->data(s, "first ", false);
  auto call = up.wait_for_request("/in");
  std::string got;
  while (got.size() < 6) got += call.read_body_some();
  EXPECT_EQ(got, "first ");
  client->data(s, "second", true);
  for (std::string piece; !(piece = call.read_body_some()).empty();) got += piece;
  EXPECT_EQ(got, "first second");
  call.answer({200, {}, "thanks"});
  EXPECT_EQ(client->finish(s).body, "thanks");
}

TEST_F(Http2Test, AnUploadBeyondTheWindowGoesOnAsRoomIsGiven) {
  std::string big(3 << 20, 'u');
  up.on("/in", [&](const FakeUpstream::Request& q) { return Reply{200, {}, std::to_string(q.body == big)}; });
  start();
  auto client = connect();
  uint32_t s = client->ask(Http2Client::request("POST", "/in", {{"content-length", std::to_string(big.size())}}), false);
  // What may be sent: both windows begin with 65,535 until the gateway says otherwise.
  int64_t stream = 65535, connection = 65535, initial = 65535;
  size_t sent = 0;
  while (sent < big.size()) {
    size_t n = std::min<size_t>({big.size() - sent, 16384, static_cast<size_t>(std::max<int64_t>(0, std::min(stream, connection)))});
    if (n == 0) {
      Frame f = client->next();
      if (f.type == Frame::settings && !(f.flags & Http2Client::kAck))
        for (size_t at = 0; at + 6 <= f.payload.size(); at += 6)
          if (f.payload[at + 1] == 4) stream += f.number(at + 2) - initial, initial = f.number(at + 2);
      if (f.type == Frame::window) (f.stream ? stream : connection) += f.number();
      continue;
    }
    client->data(s, std::string_view(big).substr(sent, n), sent + n == big.size());
    sent += n, stream -= static_cast<int64_t>(n), connection -= static_cast<int64_t>(n);
  }
  EXPECT_EQ(client->finish(s).body, "1");
}

TEST_F(Http2Test, ABodyWaitsForTheClientsWindow) {
  std::string big(300'000, 'w');
  up.on("/raw", Reply{200, {}, big});
  start();
  auto client = connect();
  uint32_t s = client->get("/raw");
  while (client->answer(s).body.size() < 65535) client->next();
  client->send(Http2Client::frame(Frame::ping, 0, 0, "12345678"));
  Frame f = client->until(Frame::ping);  // others are served meanwhile
  EXPECT_EQ(f.payload, "12345678");
  EXPECT_EQ(client->answer(s).body.size(), 65535u) << "the client gave room for no more";
  client->send(Http2Client::frame(Frame::window, 0, 0, Http2Client::number(1 << 20)) + Http2Client::frame(Frame::window, 0, s, Http2Client::number(1 << 20)));
  EXPECT_TRUE(client->finish(s).body == big);
}

TEST_F(Http2Test, EventsArriveBeforeTheStreamEnds) {
  up.manual("/raw");
  start();
  auto client = connect();
  uint32_t s = client->get("/raw");
  auto call = up.wait_for_request("/raw");
  call.send_head(200, {{"Content-Type", "text/event-stream"}});
  while (client->answer(s).status == 0) client->next();
  std::string all;
  for (int i = 0; i < 5; ++i) {
    std::string event = "data: " + std::to_string(i) + "\n\n";
    all += event;
    call.send_piece(event);
    while (client->answer(s).body.size() < all.size()) client->next();
    EXPECT_EQ(client->answer(s).body, all);
  }
  call.finish();
  EXPECT_TRUE(client->finish(s).complete);
}

TEST_F(Http2Test, ATruncatedBodyIsNotPassedOffAsWhole) {
  up.manual("/raw");
  start();
  auto client = connect();
  uint32_t s = client->get("/raw");
  auto call = up.wait_for_request("/raw");
  call.send_head(200, {}, 1000);
  call.send_piece("only this");
  while (client->answer(s).body.empty()) client->next();
  call.close();
  const auto& a = client->finish(s);
  EXPECT_FALSE(a.complete);
  EXPECT_EQ(a.reset, kInternalError);
  EXPECT_EQ(client->finish(client->get("/x")).status, 200) << "the connection is good";
}

TEST_F(Http2Test, TakingARequestBackCancelsTheCall) {
  up.manual("/raw");
  start();
  auto client = connect();
  uint32_t s = client->get("/raw");
  auto call = up.wait_for_request("/raw");
  client->send(Http2Client::frame(Frame::reset, 0, s, Http2Client::number(8)));
  call.wait_for_disconnect();
  EXPECT_EQ(client->finish(client->get("/x")).status, 200);
}

TEST_F(Http2Test, AClientThatLeavesCancelsItsCalls) {
  up.manual("/raw");
  start();
  auto client = connect();
  client->get("/raw");
  auto call = up.wait_for_request("/raw");
  client->wire().reset();
  call.wait_for_disconnect();
}

TEST_F(Http2Test, TheRestOfAnUploadThatNobodyReadsIsStopped) {
  start();
  auto client = connect();
  uint32_t s = client->ask(Http2Client::request("POST", "/none"), false);
  while (!client->answer(s).complete) client->next();
  EXPECT_EQ(client->answer(s).status, 404);
  while (!client->answer(s).reset) client->next();
  EXPECT_EQ(client->answer(s).reset, 0u) << "NO_ERROR: the answer is good (RFC 9113 §8.1)";
}

TEST_F(Http2Test, WhoWaitsForContinueIsToldToGoOn) {
  up.on("/in", [](const FakeUpstream::Request& q) { return Reply{200, {}, q.body}; });
  start();
  auto client = connect();
  uint32_t s = client->ask(Http2Client::request("POST", "/in", {{"expect", "100-continue"}, {"content-length", "2"}}), false);
  while (!client->answer(s).headers.has("interim")) client->next();
  client->data(s, "ok", true);
  EXPECT_EQ(client->finish(s).body, "ok");
}

TEST_F(Http2Test, CookiesAreOneFieldForTheBackend) {
  up.on("/in", Reply{200, {}, ""});
  start();
  auto client = connect();
  EXPECT_EQ(client->finish(client->ask(Http2Client::request("POST", "/in", {{"cookie", "a=1"}, {"x-other", "o"}, {"cookie", "b=2"}}))).status, 200);
  auto seen = up.requests().back();
  EXPECT_EQ(seen.headers.count("Cookie"), 1u);
  EXPECT_EQ(seen.headers.get("Cookie"), "a=1; b=2");
  EXPECT_EQ(seen.headers.get("X-Forwarded-Host"), "gateway.test");
}

TEST_F(Http2Test, WhatTwoServersCouldReadDifferentlyIsRefused) {
  start();
  auto refused = [&](const Http2Client::Fields& fields) {
    auto client = connect();
    const auto& a = client->finish(client->ask(fields));
    return a.reset ? "reset " + std::to_string(*a.reset) : std::to_string(a.status);
  };
  auto with = [](const std::string& name, const std::string& value) { return Http2Client::request("GET", "/x", {{name, value}}); };
  const std::string broken = "reset " + std::to_string(kProtocolError);
  EXPECT_EQ(refused(with("Upper", "case")), broken);
  EXPECT_EQ(refused(with("connection", "close")), broken);
  EXPECT_EQ(refused(with("transfer-encoding", "chunked")), broken);
  EXPECT_EQ(refused(with("x", "line\r\nbreak")), broken);
  EXPECT_EQ(refused(with("content-length", "5")), broken) << "and no body";
  EXPECT_EQ(refused(with(":late", "pseudo")), broken);
  EXPECT_EQ(refused({{":method", "GET"}, {":path", "/x"}}), broken);
  EXPECT_EQ(refused(with("host", "somebody.else")), "400");
  EXPECT_EQ(refused(Http2Client::request("GET", "/%zz")), "400");
  EXPECT_EQ(refused(with("expect", "the unexpected")), "417");
  EXPECT_EQ(refused(with("host", "gateway.test")), "200");
}

TEST_F(Http2Test, AHeadBeyondTheLimitIs431) {
  start(R"("max_header_bytes": 1000, )");
  auto client = connect();
  const auto& a = client->finish(client->get("/x", {{"x-big", std::string(6000, 'b')}}));
  EXPECT_EQ(a.status, 431);
  EXPECT_EQ(a.body, "431 Request Header Fields Too Large");
  EXPECT_EQ(client->finish(client->get("/x")).status, 200);
}

TEST_F(Http2Test, AsManyRequestsAsAllowedRunAtOnce) {
  up.manual("/raw");
  up.tolerate_disconnects();
  start();
  auto client = connect();
  client->until(Frame::settings);
  uint32_t last = 0;
  for (int i = 0; i < 250; ++i) last = client->get("/raw");
  for (int i = 0; i < 250; ++i) up.wait_for_request("/raw").answer({200, {}, "done"});
  for (uint32_t s = 1; s <= last; s += 2) EXPECT_EQ(client->finish(s).body, "done");
}

TEST_F(Http2Test, FloodsEndTheConnection) {
  up.on("/in", Reply{200, {}, ""});
  up.tolerate_disconnects();
  start();
  std::string pings, settings, empty, priorities, resets;
  for (int i = 0; i < 1100; ++i) {
    pings += Http2Client::frame(Frame::ping, 0, 0, "12345678");
    settings += Http2Client::frame(Frame::settings, 0, 0);
    empty += Http2Client::frame(Frame::data, 0, 1);
    priorities += Http2Client::frame(Frame::priority, 0, 1, std::string(5, '\0'));
  }
  std::string ask = Http2Client::fields(Http2Client::request("GET", "/none"));
  for (uint32_t s = 1; s < 2 * 300; s += 2)
    resets += Http2Client::frame(Frame::headers, 5, s, ask) + Http2Client::frame(Frame::reset, 0, s, Http2Client::number(8));
  empty = Http2Client::frame(Frame::headers, 4, 1, Http2Client::fields(Http2Client::request("POST", "/in"))) + empty;
  int number = 0;
  for (const std::string* flood : {&pings, &settings, &empty, &priorities, &resets}) {
    SCOPED_TRACE("flood " + std::to_string(number++));
    auto client = connect();
    try {
      client->send(*flood);
    } catch (const ConnectionLost&) {
      // it was cut off before all of it was sent
    }
    try {
      EXPECT_EQ(client->goaway(), kEnhanceYourCalm);
    } catch (const ConnectionLost&) {
      // the kernel may drop what was on its way back when the rest of the flood arrives
    }
    EXPECT_TRUE(client->closed());
  }
  auto client = connect();
  EXPECT_EQ(client->finish(client->get("/x")).status, 200) << "others are served";
}

TEST_F(Http2Test, WhatIsNoHttp2EndsTheConnection) {
  start();
  auto after = [&](const std::string& bytes) {
    auto client = connect();
    client->send(bytes);
    return client->goaway();
  };
  EXPECT_EQ(after(Http2Client::frame(Frame::data, 0, 1, "no stream")), kProtocolError);
  EXPECT_EQ(after(Http2Client::frame(Frame::headers, 4, 2, Http2Client::fields(Http2Client::request("GET", "/x")))), kProtocolError) << "even number";
  EXPECT_EQ(after(Http2Client::frame(Frame::window, 0, 0, Http2Client::number(0))), kProtocolError);
  EXPECT_EQ(after(Http2Client::frame(Frame::headers, 5, 1, "\xff\xff\xff\xff\xff\xff")), 9u) << "COMPRESSION_ERROR";
}

TEST_F(Http2Test, AnIdleConnectionIsClosedInOrder) {
  start(R"("idle_timeout": "500ms", )");
  auto client = connect();
  EXPECT_EQ(client->finish(client->get("/x")).status, 200);
  EXPECT_EQ(client->goaway(), 0u);
  EXPECT_TRUE(client->closed());
}

TEST_F(Http2Test, AHeadThatDoesNotEndIsNotWaitedForForever) {
  start(R"("read_header_timeout": "300ms", "idle_timeout": "20s", )");
  auto client = connect();
  client->send(Http2Client::frame(Frame::headers, 0, 1, Http2Client::fields(Http2Client::request("GET", "/x"))));
  EXPECT_TRUE(client->closed());
}

TEST_F(Http2Test, AnAnswerThatIsNotTakenInTimeIsGivenUp) {
  up.manual("/raw");
  start(R"("write_timeout": "1s", )");
  auto client = connect();
  uint32_t s = client->get("/raw");
  auto call = up.wait_for_request("/raw");
  EXPECT_EQ(client->finish(s).reset, kInternalError);
  call.wait_for_disconnect();
  EXPECT_EQ(client->finish(client->get("/x")).status, 200);
}

TEST_F(Http2Test, ABodyThatDoesNotComeInTimeFailsItsRequestAlone) {
  up.on("/in", Reply{200, {}, ""});
  up.tolerate_disconnects();
  start(R"("read_timeout": "300ms", "idle_timeout": "20s", )");
  auto client = connect();
  uint32_t s = client->ask(Http2Client::request("POST", "/in"), false);
  EXPECT_EQ(client->finish(s).status, 500);
}

TEST_F(Http2Test, DrainingServesWhatIsOnItsWay) {
  up.manual("/raw");
  start();
  auto client = connect();
  uint32_t s = client->get("/raw");
  auto call = up.wait_for_request("/raw");
  gateway->terminate();
  Frame notice = client->until(Frame::goaway);
  EXPECT_EQ(notice.number(), 0x7fffffffu) << "first a notice: requests may be on their way";
  uint32_t late = client->get("/x");
  Frame ping = client->until(Frame::ping);
  client->send(Http2Client::frame(Frame::ping, Http2Client::kAck, 0, ping.payload));
  EXPECT_EQ(client->finish(late).status, 200);
  call.answer({200, {}, "still"});
  EXPECT_EQ(client->finish(s).body, "still");
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(gateway->wait_for_exit(), 0);
}

TEST_F(Http2Test, WithoutUseH2cThePrefaceIsAnUnknownPath) {
  gateway = std::make_unique<GatewayProcess>(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  TestClient client(gateway->port());
  client.send(Http2Client::preface());
  EXPECT_EQ(client.read().status, 404);
}

TEST_F(Http2Test, AnUpgradeIsAnsweredAsTheFirstStream) {
  start();
  TestClient first(gateway->port());
  first.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
  std::string bytes = first.wire().read_some(kLimit);
  first.send(Http2Client::preface() + Http2Client::frame(Frame::settings, 0, 0));
  while (bytes.find(R"({"a":1})") == bytes.npos) bytes += first.wire().read_some(kLimit);
  EXPECT_TRUE(bytes.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << bytes;
  EXPECT_EQ(up.requests().back().headers.count("HTTP2-Settings"), 0u);
}

TEST_F(Http2Test, AnUpgradeWithBrokenSettingsIsIgnored) {
  start();
  TestClient client(gateway->port());
  Response r = client.get("/x", {{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "h2c"}, {"HTTP2-Settings", "!"}});
  EXPECT_EQ(r.status, 200);
}

TEST_F(Http2Test, OverTlsItIsTheSame) {
  using namespace std::string_literals;
  TempFolder folder;
  TestCertificate c{"gateway", {.alternatives = "DNS:gateway.test"}};
  start(R"("tls": {"public_key": ")" + folder.write("c.pem", c.pem()) + R"(", "private_key": ")" + folder.write("c.key", c.key_pem()) + R"("}, )");
  up.on("/raw", Reply{200, {}, std::string(500'000, 't')});
  for (bool slowly : {false, true}) {
    auto wire = std::make_unique<TlsClientWire>(connect_to(gateway->port()), TlsClientOptions{.protocols = "\x02h2"s, .byte_by_byte = slowly});
    EXPECT_EQ(wire->protocol(), "h2");
    Http2Client client(std::move(wire));
    EXPECT_EQ(client.finish(client.get("/x")).body, R"({"a":1})");
    EXPECT_EQ(client.finish(client.get("/raw")).body.size(), 500'000u);
  }
}

// What the world uses: curl speaks all three ways in, h2load many at once.
TEST_F(Http2Test, CurlIsServedInEveryWay) {
  if (run_program({"sh", "-c", "curl --version | grep -q HTTP2"}).code != 0) GTEST_SKIP() << "no curl with HTTP/2";
  start();
  std::string url = "http://127.0.0.1:" + std::to_string(gateway->port()) + "/x";
  auto version = [&](const std::vector<std::string>& how) {
    std::vector<std::string> argv{"curl", "-sS", "-k", "-m", "20", "-w", " %{http_version} %{http_code}"};
    argv.insert(argv.end(), how.begin(), how.end());
    return run_program(argv).output;
  };
  EXPECT_EQ(version({"--http2-prior-knowledge", url}), R"({"a":1} 2 200)");
  EXPECT_EQ(version({"--http2", url}), R"({"a":1} 2 200)") << "by Upgrade";
  EXPECT_EQ(version({"--http1.1", url}), R"({"a":1} 1.1 200)");
}

TEST_F(Http2Test, CurlOverTls) {
  if (run_program({"sh", "-c", "curl --version | grep -q HTTP2"}).code != 0) GTEST_SKIP() << "no curl with HTTP/2";
  TempFolder folder;
  TestCertificate c{"gateway", {.alternatives = "IP:127.0.0.1"}};
  std::string pem = folder.write("c.pem", c.pem());
  start(R"("tls": {"public_key": ")" + pem + R"(", "private_key": ")" + folder.write("c.key", c.key_pem()) + R"("}, )");
  std::string url = "https://127.0.0.1:" + std::to_string(gateway->port()) + "/x";
  EXPECT_EQ(run_program({"curl", "-sS", "--cacert", pem, "-m", "20", "-w", " %{http_version}", url}).output, R"({"a":1} 2)");
  EXPECT_EQ(run_program({"curl", "-sS", "--cacert", pem, "-m", "20", "--http1.1", "-w", " %{http_version}", url}).output, R"({"a":1} 1.1)");
}

TEST_F(Http2Test, H2loadLosesNothing) {
  if (run_program({"sh", "-c", "command -v h2load"}).code != 0) GTEST_SKIP() << "no h2load";
  start("", "", 2);
  Ran ran = run_program({"h2load", "-n", "2000", "-c", "4", "-m", "32", "http://127.0.0.1:" + std::to_string(gateway->port()) + "/x"}, Limit(60'000));
  EXPECT_NE(ran.output.find("2000 succeeded, 0 failed, 0 errored, 0 timeout"), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace sluice::test

// HTTP/2 to backends: a gateway in front of another one, which speaks it, and in front of nghttpd.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/gateway_config.h"
#include "tests/support/http2.h"
#include "tests/support/server.h"
#include "tests/support/tls_client.h"

namespace sluice::test {
namespace {

std::string own(const std::string& mode) { return R"("extra_config": {"sluice": {"http2": ")" + mode + R"("}})"; }

// The test's client, `front`, `back`, and behind it `up`, which speaks HTTP/1.1 and plays the backend.
class Http2BackendTest : public ::testing::Test {
 protected:
  Http2BackendTest() {
    up.on("/a", Reply::json(R"({"a":1})"));
    up.on("/b", Reply::json(R"({"b":2})"));
    certificate = folder.write("cert.pem", identity.pem());
    key = folder.write("key.pem", identity.key_pem());
  }
  void start_back(bool tls, int workers = 1) {
    const std::string root = tls ? R"("tls": {"keys": [{"public_key": ")" + certificate + R"(", "private_key": ")" + key + R"("}]}, )" : R"("use_h2c": true, )";
    const std::string all = no_op_endpoint("/a", backend_of(up.url(), "/a")) + "," + no_op_endpoint("/b", backend_of(up.url(), "/b")) + "," +
                            no_op_endpoint("/raw", backend_of(up.url(), "/raw")) + "," +
                            no_op_endpoint("/in", backend_of(up.url(), "/in"), R"("method": "POST", "input_headers": ["*"], )");
    back = std::make_unique<GatewayProcess>(options_of(config_of(all, root), workers));
    host = std::string{tls ? "https" : "http"} + "://127.0.0.1:" + std::to_string(back->port());
  }
  std::string front_config(const std::string& mode, bool trusting = true) {
    const std::string more = own(mode);
    const std::string all = endpoint_of("/ab", backend_of(host, "/a", more) + "," + backend_of(host, "/b", more)) + "," +
                            endpoint_of("/a", backend_of(host, "/a", more)) + "," + no_op_endpoint("/raw", backend_of(host, "/raw", more)) + "," +
                            no_op_endpoint("/in", backend_of(host, "/in", more), R"("method": "POST", "input_headers": ["*"], )");
    return config_of(all, trusting ? R"("client_tls": {"ca_certs": [")" + certificate + R"("]}, )" : "");
  }
  void start(const std::string& mode, int workers = 1) { front = std::make_unique<GatewayProcess>(options_of(front_config(mode), workers)); }
  std::string told() {
    front->terminate();
    front->wait_for_exit();
    return front->log();
  }

  TempFolder folder;
  TestCertificate identity{"back", {.alternatives = "IP:127.0.0.1"}};
  std::string certificate, key, host;
  FakeUpstream up;
  std::unique_ptr<GatewayProcess> back, front;
};

TEST_F(Http2BackendTest, AnswersAreMergedAsEver) {
  for (bool tls : {false, true}) {
    start_back(tls);
    start("always");
    TestClient client{front->port()};
    for (int i = 0; i < 3; ++i) {
      Response r = client.get("/ab");
      EXPECT_EQ(r.status, 200) << front->log();
      EXPECT_EQ(r.body, R"({"a":1,"b":2})");
      EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
    }
  }
}

TEST_F(Http2BackendTest, LargeBodiesPassInBothDirections) {
  std::string big;
  for (int i = 0; big.size() < 6 << 20; ++i) big += std::to_string(i) + ",";
  up.on("/raw", Reply{200, {{"X-Name", "value"}}, big});
  up.on("/in", [](const FakeUpstream::Request& q) { return Reply{201, {}, q.body}; });
  for (bool tls : {false, true}) {
    start_back(tls);
    start("always");
    TestClient client{front->port()};
    Response r = client.get("/raw");
    EXPECT_EQ(r.status, 200) << front->log();
    EXPECT_EQ(r.header("X-Name"), "value");
    EXPECT_TRUE(r.body == big);
    r = client.post("/in", big);
    EXPECT_EQ(r.status, 201);
    EXPECT_TRUE(r.body == big);
    client.send("POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.send("2\r\nde\r\n0\r\n\r\n");
    EXPECT_EQ(client.read("POST").body, "abcde");
  }
}

TEST_F(Http2BackendTest, PiecesArriveAsTheyAreSentAndOthersAreServedMeanwhile) {
  up.manual("/raw");
  start_back(false);
  start("always");
  TestClient slow{front->port()}, quick{front->port()};
  slow.send_request("GET", "/raw");
  auto call = up.wait_for_request("/raw");
  call.send_head();
  call.send_piece("first");
  EXPECT_EQ(slow.read_head().status, 200);
  EXPECT_EQ(slow.next_piece(), "first");
  EXPECT_EQ(quick.get("/ab").body, R"({"a":1,"b":2})");
  call.send_piece("second");
  EXPECT_EQ(slow.next_piece(), "second");
  call.finish();
  EXPECT_EQ(slow.next_piece(), "");
}

TEST_F(Http2BackendTest, AClientThatLeavesEndsItsCallAndNoOther) {
  up.manual("/raw");
  up.tolerate_disconnects();
  start_back(false);
  start("always");
  auto leaving = std::make_unique<TestClient>(front->port());
  leaving->send_request("GET", "/raw");
  auto left = up.wait_for_request("/raw");
  TestClient staying{front->port()};
  staying.send_request("GET", "/raw");
  auto stayed = up.wait_for_request("/raw");
  leaving.reset();
  left.wait_for_disconnect();
  stayed.answer({200, {}, "still here"});
  EXPECT_EQ(staying.read().body, "still here");
}

TEST_F(Http2BackendTest, ABodyThatBreaksOffIsNotTakenForAWholeOne) {
  up.manual("/raw");
  start_back(false);
  start("always");
  TestClient client{front->port()};
  client.send_request("GET", "/raw");
  auto call = up.wait_for_request("/raw");
  call.send_head(200, {}, 100);
  call.send_piece("part");
  call.close();
  EXPECT_TRUE(client.read().truncated);
}

// A host that understands HTTP/2 as far as the head of a request, and ends the connection instead of an answer.
class DyingHost {
 public:
  DyingHost() : server_{[this](ConnectionServer::Connection& c) { serve(*c.wire); }, [](int, const std::string&) {}} {}
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  int asked() const { return asked_; }

 private:
  void serve(Wire& wire) {
    wire.write(Http2Client::frame(Frame::settings, 0, 0));
    std::string in;
    for (size_t at = std::string_view{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}.size();;) {
      const std::string more = wire.read_some();
      if (more.empty()) return;
      in += more;
      const auto byte = [&](size_t i) { return static_cast<uint8_t>(in[at + i]); };
      for (size_t length; in.size() >= at + 9; at += 9 + length) {
        length = static_cast<size_t>(byte(0)) << 16 | static_cast<size_t>(byte(1)) << 8 | byte(2);
        if (in.size() < at + 9 + length) break;
        if (byte(3) == Frame::headers) return void(++asked_);
      }
    }
  }
  std::atomic<int> asked_{0};
  ConnectionServer server_;
};

TEST_F(Http2BackendTest, AConnectionThatEndsBeforeAnAnswerSendsWhatMayHappenTwiceToTheNextHost) {
  DyingHost dying;
  start_back(false);
  const std::string hosts = dying.url() + R"(", ")" + host;
  front = std::make_unique<GatewayProcess>(options_of(config_of(endpoint_of("/a", backend_of(hosts, "/a", own("always"))) + "," +
                                                                no_op_endpoint("/in", backend_of(hosts, "/in", own("always")), R"("method": "POST", )"))));
  up.on("/in", Reply::json("{}"));
  TestClient client{front->port()};
  constexpr int kRequests = 12;
  for (int i = 0; i < kRequests; ++i) {
    const Response r = client.get("/a");
    EXPECT_EQ(r.status, 200) << front->log();
    EXPECT_EQ(r.body, R"({"a":1})");
  }
  EXPECT_EQ(up.count("/a"), kRequests) << "each was answered by the other host, once";
  const int asked = dying.asked();
  EXPECT_GT(asked, 0) << "and some had been at this one before";
  int served = 0;
  for (int i = 0; i < kRequests; ++i) served += client.post("/in", "once").status == 200;
  EXPECT_EQ(served, up.count("/in"));
  EXPECT_EQ(served + dying.asked() - asked, kRequests) << "a POST is sent to one host, whatever becomes of it";
}

TEST_F(Http2BackendTest, TheProtocolIsNegotiatedWhereThereIsTls) {
  start_back(true);
  start("offer");
  EXPECT_EQ(get_once(front->port(), "/ab").body, R"({"a":1,"b":2})") << front->log();
  host = up.url();  // without TLS there is nothing to negotiate: HTTP/1.1
  start("offer");
  EXPECT_EQ(get_once(front->port(), "/ab").body, R"({"a":1,"b":2})") << front->log();
}

TEST_F(Http2BackendTest, ABackendThatKnowsHttp1AloneGetsIt) {
  TlsServerContext tls{certificate, key};
  ConnectionServer server{[](ConnectionServer::Connection& c) {
                            Reader reader{*c.wire};
                            while (auto head = reader.head())
                              c.wire->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"h\":1}");
                          },
                          [](int, const std::string&) {}, &tls};
  host = "https://127.0.0.1:" + std::to_string(server.port());
  start("offer");
  TestClient client{front->port()};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/a").body, R"({"h":1})") << front->log();
  EXPECT_EQ(server.accepted(), 1) << "the connection is kept";
  start("always");
  EXPECT_EQ(get_once(front->port(), "/a").status, 500);
  EXPECT_NE(told().find("does not agree to HTTP/2"), std::string::npos) << front->log();
}

TEST_F(Http2BackendTest, ABackendThatMustSpeakItAndDoesNotIsAnError) {
  host = up.url();
  up.tolerate_disconnects();
  start("always");
  EXPECT_EQ(get_once(front->port(), "/a").status, 500);
  EXPECT_NE(told().find("HTTP/2"), std::string::npos) << front->log();
}

TEST_F(Http2BackendTest, CertificatesAreVerified) {
  start_back(true);
  front = std::make_unique<GatewayProcess>(options_of(front_config("always", false)));
  EXPECT_EQ(get_once(front->port(), "/a").status, 500);
  EXPECT_NE(told().find("TLS:"), std::string::npos) << front->log();
}

TEST_F(Http2BackendTest, AReloadChangesTheMode) {
  host = up.url();
  up.tolerate_disconnects();
  start("never");
  EXPECT_EQ(get_once(front->port(), "/a").status, 200);
  for (auto [mode, status] : {std::pair{"always", 500}, {"offer", 200}}) {
    front->configure(front_config(mode));
    Ran ran = run_program({gateway_binary(), "reload", "--admin", front->admin()});
    EXPECT_EQ(ran.code, 0) << ran.output;
    EXPECT_EQ(get_once(front->port(), "/a").status, status) << mode;
  }
}

TEST_F(Http2BackendTest, TheRootSaysWhatBackendsHaveThatDoNot) {
  start_back(false);
  const std::string all =
      endpoint_of("/two", backend_of(host, "/a") + "," + backend_of(host, "/b")) + "," + endpoint_of("/one", backend_of(up.url(), "/a", own("never")));
  std::string config = config_of(all);
  const std::string router = R"("router": {"disable_access_log": true})";
  config.replace(config.find(router), router.size(), router + R"(, "sluice": {"http2": "always"})");
  front = std::make_unique<GatewayProcess>(options_of(config));
  EXPECT_EQ(get_once(front->port(), "/two").body, R"({"a":1,"b":2})") << front->log();
  EXPECT_EQ(get_once(front->port(), "/one").body, R"({"a":1})") << front->log();
}

TEST_F(Http2BackendTest, ManyClientsAndWorkersAtOnce) {
  start_back(true, 2);
  start("always", 2);
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      TestClient client{front->port()};
      for (int k = 0; k < 25; ++k) good += client.get("/ab").body == R"({"a":1,"b":2})";
    });
  for (std::thread& t : clients) t.join();
  EXPECT_EQ(good, 8 * 25) << front->log();
}

// nghttp2's own server, which speaks nothing else.
TEST_F(Http2BackendTest, NghttpdIsUnderstood) {
  std::string program;
  for (const char* path : {"/usr/sbin/nghttpd", "/usr/bin/nghttpd"})
    if (std::filesystem::exists(path)) program = path;
  if (program.empty()) GTEST_SKIP() << "nghttpd is not installed (package nghttp2-server)";
  std::string big(2 << 20, 'n');
  folder.write("docs/a", R"({"n":1})");
  folder.write("docs/raw", big);
  for (bool tls : {false, true}) {
    ReservedPort port;
    std::vector<std::string> argv{program, "-v", "-a", "127.0.0.1", "-d", folder.path() + "/docs"};
    if (!tls) argv.push_back("--no-tls");
    argv.push_back(std::to_string(port.number()));
    if (tls) argv.insert(argv.end(), {key, certificate});
    Process nghttpd{argv, clean_environment({})};
    nghttpd.wait_for_output("listen");
    host = std::string{tls ? "https" : "http"} + "://127.0.0.1:" + std::to_string(port.number());
    for (std::string mode : {"always", "offer"}) {
      if (mode == "offer" && !tls) continue;
      start(mode);
      EXPECT_EQ(get_once(front->port(), "/a").body, R"({"n":1})") << front->log();
      EXPECT_TRUE(get_once(front->port(), "/raw").body == big);
    }
  }
}

}  // namespace
}  // namespace sluice::test

// Backends behind a proxy that the environment names.
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "tests/integration/gateway_config.h"
#include "tests/support/server.h"

namespace sluice::test {
namespace {

// Opens tunnels to one port of this machine, whatever name it is asked for, or refuses.
class TunnelProxy {
 public:
  explicit TunnelProxy(uint16_t to, std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n")
      : to_{to}, answer_{std::move(answer)}, server_{[this](ConnectionServer::Connection& c) { serve(c); }, [](int, const std::string&) {}} {}
  std::string url() const { return "http://user:word@127.0.0.1:" + std::to_string(server_.port()); }
  std::vector<Head> asked() const {
    std::lock_guard lock{mutex_};
    return asked_;
  }

 private:
  void serve(ConnectionServer::Connection& c) {
    Reader reader{*c.wire};
    auto head = reader.head();
    if (!head) return;
    {
      std::lock_guard lock{mutex_};
      asked_.push_back(*head);
    }
    c.wire->write(answer_);
    if (answer_.find(" 200 ") == std::string::npos) return;
    Wire backend{connect_to(to_)};
    std::thread back{[&] {
      try {
        for (std::string some; !(some = backend.read_some()).empty();) c.wire->write(some);
        c.wire->shutdown_write();
      } catch (const Failure&) {
      }
    }};
    try {
      for (std::string some; !(some = reader.some(1 << 16)).empty();) backend.write(some);
      backend.shutdown_write();
    } catch (const Failure&) {
      backend.shutdown_both();
    }
    back.join();
  }

  uint16_t to_;
  std::string answer_;
  mutable std::mutex mutex_;
  std::vector<Head> asked_;
  ConnectionServer server_;
};

GatewayOptions behind(std::map<std::string, std::string> environment, std::string config) {
  GatewayOptions o = options_of(std::move(config));
  o.environment = std::move(environment);
  return o;
}

TEST(EnvironmentProxyTest, PlainRequestsNameTheWholeUrlAndWhoAsks) {
  FakeUpstream proxy;
  proxy.on("*", Reply::json(R"({"ok":true})"));
  const std::string url = "http://user:word@127.0.0.1:" + std::to_string(proxy.port());
  GatewayProcess gateway{behind({{"HTTP_PROXY", url}}, config_of(endpoint_of("/a/{x}", backend_of("http://backend.test:81", "/b/{x}"),
                                                                             R"("method": "POST", "input_query_strings": ["*"], )")))};
  Response r = TestClient{gateway.port()}.post("/a/1?q=2", "body");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"ok":true})");
  ASSERT_EQ(proxy.requests().size(), 1u);
  const auto seen = proxy.requests()[0];
  EXPECT_EQ(seen.target, "http://backend.test:81/b/1?q=2");
  EXPECT_EQ(seen.headers.get("Host"), "backend.test:81");
  EXPECT_EQ(seen.headers.get("Proxy-Authorization"), "Basic dXNlcjp3b3Jk");
  EXPECT_EQ(seen.body, "body");
}

TEST(EnvironmentProxyTest, ExceptionsAndTheMachineItselfAreCalledDirectly) {
  FakeUpstream proxy, backend;
  backend.on("*", Reply::json(R"({"direct":true})"));
  proxy.on("*", Reply::json(R"({"direct":false})"));
  const std::string any = "http://0.0.0.0:" + std::to_string(backend.port());
  const std::string config = config_of(endpoint_of("/any", backend_of(any, "/x")) + "," + endpoint_of("/here", backend_of(backend.url(), "/x")));
  {
    GatewayProcess gateway{behind({{"http_proxy", proxy.url()}}, config)};
    EXPECT_EQ(get_once(gateway.port(), "/any").body, R"({"direct":false})");
    EXPECT_EQ(get_once(gateway.port(), "/here").body, R"({"direct":true})");
  }
  GatewayProcess gateway{behind({{"http_proxy", proxy.url()}, {"NO_PROXY", "a.test,0.0.0.0"}}, config)};
  EXPECT_EQ(get_once(gateway.port(), "/any").body, R"({"direct":true})");
  EXPECT_EQ(proxy.count(), 1);
}

// A backend that speaks TLS, with a certificate for secret.test.
struct SecretBackend {
  TempFolder folder;
  std::string certificate = folder.path() + "/cert.pem", key = folder.path() + "/key.pem";
  std::unique_ptr<TlsServerContext> tls;
  std::unique_ptr<ConnectionServer> server;
  SecretBackend() {
    const Ran made = run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                                  "/CN=secret.test", "-addext", "subjectAltName=DNS:secret.test", "-keyout", key, "-out", certificate});
    EXPECT_EQ(made.code, 0) << made.output;
    tls = std::make_unique<TlsServerContext>(certificate, key);
    server = std::make_unique<ConnectionServer>(
        [](ConnectionServer::Connection& c) {
          Reader reader{*c.wire};
          while (auto head = reader.head()) c.wire->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"secret\":true}");
        },
        [](int, const std::string&) {}, tls.get());
  }
  std::string config() const {
    return config_of(endpoint_of("/s", backend_of("https://secret.test", "/x")), R"("client_tls": {"ca_certs": [")" + certificate + R"("]}, )");
  }
};

TEST(EnvironmentProxyTest, TlsGoesThroughATunnelThatIsKept) {
  SecretBackend backend;
  TunnelProxy proxy{backend.server->port()};
  GatewayProcess gateway{behind({{"HTTPS_PROXY", proxy.url()}}, backend.config())};
  TestClient client{gateway.port()};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/s").body, R"({"secret":true})");
  ASSERT_EQ(proxy.asked().size(), 1u);
  EXPECT_EQ(proxy.asked()[0].first_line, "CONNECT secret.test:443 HTTP/1.1");
  EXPECT_EQ(proxy.asked()[0].headers.get("Host"), "secret.test:443");
  EXPECT_EQ(proxy.asked()[0].headers.get("Proxy-Authorization"), "Basic dXNlcjp3b3Jk");
  EXPECT_EQ(backend.server->accepted(), 1);
}

TEST(EnvironmentProxyTest, Http2PassesTheTunnelAndNothingElse) {
  SecretBackend secret;  // for its certificate
  GatewayProcess backend{
      options_of(config_of(R"({"endpoint": "/x", "output_encoding": "no-op", "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/"}]})",
                           R"("tls": {"keys": [{"public_key": ")" + secret.certificate + R"(", "private_key": ")" + secret.key + R"("}]}, )"))};
  TunnelProxy proxy{backend.port()};
  const std::string mode = R"("extra_config": {"sluice": {"http2": "always"}})";
  const std::string all =
      no_op_endpoint("/s", backend_of("https://secret.test", "/__health", mode)) + "," + no_op_endpoint("/p", backend_of("http://plain.test", "/x", mode));
  GatewayProcess gateway{behind({{"HTTPS_PROXY", proxy.url()}, {"HTTP_PROXY", proxy.url()}},
                                config_of(all, R"("client_tls": {"ca_certs": [")" + secret.certificate + R"("]}, )"))};
  EXPECT_EQ(get_once(gateway.port(), "/s").status, 200) << gateway.log();
  EXPECT_EQ(proxy.asked().size(), 1u);
  EXPECT_EQ(get_once(gateway.port(), "/p").status, 500);
  gateway.terminate();
  gateway.wait_for_exit();
  EXPECT_NE(gateway.log().find("HTTP/2 without TLS cannot pass the proxy"), std::string::npos) << gateway.log();
}

TEST(EnvironmentProxyTest, ATunnelThatIsRefusedFailsTheCallWithTheProxysWords) {
  SecretBackend backend;
  const std::pair<const char*, const char*> answers[] = {
      {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "opened no tunnel: 407 Proxy Authentication Required"},
      {"nonsense\r\n\r\n", "opened no tunnel: no HTTP answer"},
      {"HTTP/1.1 2", "the proxy closed the connection"},
      {"HTTP/1.1 204 Yes\r\n\r\nmore", "the proxy sent something before the tunnel was used"}};
  for (const auto& [answer, told] : answers) {
    TunnelProxy proxy{backend.server->port(), answer};
    GatewayProcess gateway{behind({{"HTTPS_PROXY", proxy.url()}}, backend.config())};
    EXPECT_EQ(get_once(gateway.port(), "/s").status, 500) << answer;
    gateway.terminate();
    gateway.wait_for_exit();
    EXPECT_NE(gateway.log().find(told), std::string::npos) << gateway.log();
    EXPECT_EQ(gateway.log().find("word"), std::string::npos) << "the password";
  }
  EXPECT_EQ(backend.server->accepted(), 0);
}

TEST(EnvironmentProxyTest, AVariableThatCannotBeUsedStopsTheStart) {
  TempFolder folder;
  const std::string file = folder.write("c.json", config_of(endpoint_of("/a", backend_of("http://b", "/"))));
  const Ran ran = run_program({gateway_binary(), "check", "-c", file, "--plugins", plugins_folder()}, kLimit, {{"HTTP_PROXY", "socks5://u:word@p"}});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("the environment variable HTTP_PROXY cannot be used"), std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find("word"), std::string::npos);
}

}  // namespace
}  // namespace sluice::test

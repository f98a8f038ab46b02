// TLS towards backends, by the configuration: whose certificates are believed, and which one is shown.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/server.h"
#include "tests/support/tls_client.h"

namespace sluice::test {
namespace {

// Answers {"a":1} to everything; clients that do not like it, or that it does not like, are what is tested.
class TlsBackend {
 public:
  // `authority`: a file of those whose clients may come; "": everybody may.
  TlsBackend(const std::string& certificate, const std::string& key, const std::string& authority = "")
      : tls_{certificate, key, authority},
        server_{[](ConnectionServer::Connection& c) {
                  for (std::string in;;) {
                    while (in.find("\r\n\r\n") == std::string::npos) {
                      const std::string more = c.wire->read_some();
                      if (more.empty()) return;
                      in += more;
                    }
                    in.clear();
                    c.wire->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
                  }
                },
                [](int, const std::string&) {}, &tls_} {}
  std::string url() const { return "https://127.0.0.1:" + std::to_string(server_.port()); }

 private:
  TlsServerContext tls_;
  ConnectionServer server_;
};

struct TlsBackendsTest : ::testing::Test {
  TempFolder folder;
  TestCertificate authority{"authority", {.authority = true}};
  TestCertificate server{"server", {.alternatives = "IP:127.0.0.1", .issuer = &authority}};
  TlsBackendsTest() {
    write("authority", authority);
    write("server", server);
  }
  void write(const std::string& name, const TestCertificate& c) { folder.write(name + ".pem", c.pem()), folder.write(name + ".key", c.key_pem()); }
  std::string path(const std::string& name) const { return folder.path() + "/" + name; }
  std::string pair(const std::string& name) const {
    return R"({"certificate": ")" + path(name + ".pem") + R"(", "private_key": ")" + path(name + ".key") + "\"}";
  }
  // The status of one call through a gateway with this root.
  int status(const TlsBackend& backend, const std::string& root, const std::map<std::string, std::string>& environment = {}) {
    GatewayOptions o = options_of(config_of(endpoint_of("/x", backend_of(backend.url(), "/d")), root));
    o.environment = environment;
    GatewayProcess gateway{std::move(o)};
    return get_once(gateway.port(), "/x").status;
  }
};

TEST_F(TlsBackendsTest, AStrangersCertificateIsRefusedUnlessItIsSaidOtherwise) {
  TlsBackend backend{path("server.pem"), path("server.key")};
  EXPECT_EQ(status(backend, ""), 500);
  EXPECT_EQ(status(backend, R"("client_tls": {}, )"), 500);
  EXPECT_EQ(status(backend, R"("allow_insecure_connections": false, )"), 500);
  EXPECT_EQ(status(backend, R"("allow_insecure_connections": true, )"), 200);
  EXPECT_EQ(status(backend, R"("allow_insecure_connections": true, "client_tls": {"allow_insecure_connections": false}, )"), 200);
  EXPECT_EQ(status(backend, R"("client_tls": {"allow_insecure_connections": true}, )"), 200);
}

TEST_F(TlsBackendsTest, TheSystemsAuthoritiesAndThoseOfTheConfigurationAreBelieved) {
  TlsBackend backend{path("server.pem"), path("server.key")};
  const std::map<std::string, std::string> system{{"SSL_CERT_FILE", path("authority.pem")}};
  EXPECT_EQ(status(backend, "", system), 200);
  EXPECT_EQ(status(backend, R"("client_tls": {"disable_system_ca_pool": true}, )", system), 500);
  EXPECT_EQ(status(backend, R"("client_tls": {"disable_system_ca_pool": true, "ca_certs": [")" + path("authority.pem") + R"("]}, )"), 200);
}

TEST_F(TlsBackendsTest, ACertificateIsShownToABackendThatAsksForOne) {
  TestCertificate client{"client", {.issuer = &authority}}, stranger{"stranger", {}};
  write("client", client);
  write("stranger", stranger);
  TlsBackend backend{path("server.pem"), path("server.key"), path("authority.pem")};
  auto with = [&](const std::string& certificates) {
    return R"("client_tls": {"ca_certs": [")" + path("authority.pem") + R"("], "client_certs": [)" + certificates + "]}, ";
  };
  EXPECT_EQ(status(backend, with("")), 500);
  EXPECT_EQ(status(backend, with(pair("stranger"))), 500);
  EXPECT_EQ(status(backend, with(pair("client"))), 200);
  EXPECT_EQ(status(backend, with(R"({"certificate": "/nowhere.pem", "private_key": "/nowhere.key"}, )" + pair("client"))), 200)
      << "one that cannot be read is left out, with a warning";
}

}  // namespace
}  // namespace sluice::test

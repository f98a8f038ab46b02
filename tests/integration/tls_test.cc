// TLS towards clients: certificates, versions, client certificates, and what a reload makes of them.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/http2.h"
#include "tests/support/tls_client.h"

namespace sluice::test {
namespace {

// Key pairs in files.
class Pairs {
 public:
  std::string add(const std::string& name, const TestCertificate& c) {
    std::string certificate = folder_.write(name + ".pem", c.pem()), key = folder_.write(name + ".key", c.key_pem());
    return R"({"public_key": ")" + certificate + R"(", "private_key": ")" + key + "\"}";
  }
  std::string file(const std::string& name, const std::string& content) { return folder_.write(name, content); }

 private:
  TempFolder folder_;
};

std::string tls_root(const std::string& keys, const std::string& more = "") {
  return R"("tls": {"keys": [)" + keys + "]" + (more.empty() ? "" : ", " + more) + "}, ";
}

Ran sluice_reload(const GatewayProcess& g) { return run_program({gateway_binary(), "reload", "--admin", g.admin()}); }

// One request over TLS, as HTTP/1.1.
Response ask(TlsClientWire& wire, const std::string& path = "/x", const std::string& more = "") {
  wire.write("GET " + path + " HTTP/1.1\r\nHost: a\r\n" + more + "\r\n", kLimit);
  Reader reader(wire);
  return read_response(reader, "GET", kLimit);
}

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() { up.on("/d", Reply::json(R"({"a":1})")); }
  GatewayProcess& start(const std::string& root, int workers = 1) {
    gateway = std::make_unique<GatewayProcess>(options(root, workers));
    return *gateway;
  }
  GatewayOptions options(const std::string& root, int workers = 1) { return options_of(config(root), workers); }
  std::string config(const std::string& root) { return config_of(endpoint_of("/x", backend_of(up.url(), "/d")), root); }
  std::unique_ptr<TlsClientWire> connect(const TlsClientOptions& o = {}) { return std::make_unique<TlsClientWire>(connect_to(gateway->port()), o); }
  // What the handshake, or the first answer, fails with. TLS 1.3 tells of a refused client certificate only then.
  std::string refusal(const TlsClientOptions& o) {
    try {
      auto wire = connect(o);
      ask(*wire);
    } catch (const ConnectionLost& e) {
      return e.what();
    }
    return "nothing";
  }
  // What `check` says about a configuration.
  Ran check(const std::string& root) {
    TempFolder folder;
    return run_program({gateway_binary(), "check", "-c", folder.write("k.json", config(root))});
  }

  FakeUpstream up;
  Pairs pairs;
  TestCertificate one{"one", {.alternatives = "DNS:one.test,DNS:*.ones.test"}};
  std::unique_ptr<GatewayProcess> gateway;
};

TEST_F(TlsTest, AKeptConnectionServesRequestAfterRequest) {
  start(tls_root(pairs.add("one", one)));
  auto wire = connect();
  EXPECT_EQ(wire->version(), "TLSv1.3");
  for (int i = 0; i < 3; ++i) {
    Response r = ask(*wire);
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, R"({"a":1})");
  }
}

TEST_F(TlsTest, EveryByteMayComeAlone) {
  start(tls_root(pairs.add("one", one)));
  auto wire = connect({.byte_by_byte = true});
  EXPECT_EQ(ask(*wire).body, R"({"a":1})");
  EXPECT_EQ(ask(*wire).status, 200);
}

TEST_F(TlsTest, ABodyOfManyRecordsArrivesWhole) {
  std::string big(3 << 20, 'x');
  for (size_t i = 0; i < big.size(); i += 97) big[i] = static_cast<char>('a' + i % 26);
  up.on("/big", Reply{200, {}, big});
  gateway = std::make_unique<GatewayProcess>(options_of(config_of(no_op_endpoint("/big", backend_of(up.url(), "/big")), tls_root(pairs.add("one", one)))));
  auto wire = connect();
  Response r = ask(*wire, "/big");
  EXPECT_TRUE(r.body == big) << r.body.size();
}

TEST_F(TlsTest, AnUploadOfManyRecordsArrivesWhole) {
  std::string big(2 << 20, 'y');
  up.on("/in", [&](const FakeUpstream::Request& q) { return Reply{200, {}, std::to_string(q.body == big)}; });
  gateway = std::make_unique<GatewayProcess>(
      options_of(config_of(no_op_endpoint("/in", backend_of(up.url(), "/in"), R"("method": "POST", )"), tls_root(pairs.add("one", one)))));
  auto wire = connect();
  wire->write("POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(big.size()) + "\r\n\r\n" + big, kLimit);
  Reader reader(*wire);
  EXPECT_EQ(read_response(reader, "POST", kLimit).body, "1");
}

TEST_F(TlsTest, TheEndOfAConnectionIsTold) {
  start(tls_root(pairs.add("one", one)));
  auto wire = connect();
  EXPECT_EQ(ask(*wire, "/x", "Connection: close\r\n").status, 200);
  EXPECT_EQ(wire->read_some(kLimit), "") << "close_notify: without it the client could not tell the end from a cut";
}

TEST_F(TlsTest, AClientThatSaysGoodbyeIsLetGo) {
  start(tls_root(pairs.add("one", one)));
  auto wire = connect();
  EXPECT_EQ(ask(*wire).status, 200);
  wire->shutdown();
  EXPECT_EQ(wire->read_some(kLimit), "");
}

TEST_F(TlsTest, ASessionIsResumedOnAnyWorker) {
  start(tls_root(pairs.add("one", one)), 2);
  auto first = connect();
  EXPECT_FALSE(first->resumed());
  EXPECT_EQ(ask(*first).status, 200);
  SSL_SESSION* session = first->session();
  for (int i = 0; i < 6; ++i) {  // the kernel spreads them
    auto again = connect({.resume = session});
    EXPECT_TRUE(again->resumed());
    EXPECT_EQ(ask(*again).status, 200);
    SSL_SESSION_free(std::exchange(session, again->session()));
  }
  SSL_SESSION_free(session);
}

TEST_F(TlsTest, TheNameAskedForChoosesTheCertificate) {
  TestCertificate two{"two", {.alternatives = "DNS:two.test"}}, also_two{"also two", {.alternatives = "DNS:two.test", .kind = TestCertificate::Kind::rsa}};
  start(tls_root(pairs.add("one", one) + ", " + pairs.add("two", two) + ", " + pairs.add("also", also_two), R"("min_version": "TLS12")"));
  EXPECT_EQ(connect()->server_common_name(), "one") << "no name: the first";
  EXPECT_EQ(connect({.server_name = "one.test"})->server_common_name(), "one");
  EXPECT_EQ(connect({.server_name = "sub.ones.test"})->server_common_name(), "one");
  EXPECT_EQ(connect({.server_name = "two.test"})->server_common_name(), "two");
  EXPECT_EQ(connect({.server_name = "nobody.test"})->server_common_name(), "one") << "unknown: the first";
  EXPECT_EQ(connect({.server_name = "two.test", .max_version = TLS1_2_VERSION, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256"})->server_common_name(), "also two")
      << "of several that serve the name, one whose kind of key the client can check";
}

TEST_F(TlsTest, VersionsOutsideTheRangeAreRefused) {
  start(tls_root(pairs.add("one", one)));
  EXPECT_NE(refusal({.max_version = TLS1_2_VERSION}).find("protocol version"), std::string::npos);
  EXPECT_EQ(refusal({}), "nothing");
}

TEST_F(TlsTest, VersionsAndSuitesAreThoseOfTheConfiguration) {
  start(tls_root(pairs.add("one", one), R"("min_version": "TLS12", "max_version": "TLS12", "cipher_suites": [49196, 49195])"));
  EXPECT_EQ(connect({})->version(), "TLSv1.2");
  EXPECT_EQ(connect({.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"})->cipher(), "ECDHE-ECDSA-AES256-GCM-SHA384");
  EXPECT_NE(refusal({.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"}), "nothing") << "it is not in the list";
  EXPECT_NE(refusal({.min_version = TLS1_3_VERSION}), "nothing");
}

TEST_F(TlsTest, OldVersionsAreServedWhereTheyAreAskedFor) {
  start(tls_root(pairs.add("one", one), R"("min_version": "TLS10", "cipher_suites": [49195, 49161])"));
  EXPECT_EQ(connect({.max_version = TLS1_1_VERSION})->version(), "TLSv1.1");
}

TEST_F(TlsTest, CurvesAreThoseOfTheConfiguration) {
  start(tls_root(pairs.add("one", one), R"("curve_preferences": [29, 23])"));
  EXPECT_EQ(connect({.groups = "X25519"})->group(), "x25519");
  EXPECT_NE(refusal({.groups = "P-521"}), "nothing");
}

TEST_F(TlsTest, ClientsMustShowACertificateThatSomebodyTrusts) {
  TestCertificate authority{"authority", {.authority = true}}, stranger{"stranger", {}};
  TestCertificate client{"client", {.issuer = &authority}}, expired{"old client", {.issuer = &authority, .days = -1}};
  TestCertificate partner{"partner", {}};
  start(tls_root(pairs.add("one", one) + ", " + pairs.add("partner", partner),
                 R"("enable_mtls": true, "disable_system_ca_pool": true, "ca_certs": [")" + pairs.file("ca.pem", authority.pem()) + "\"]"));
  EXPECT_EQ(refusal({.certificate = &client}), "nothing");
  EXPECT_EQ(refusal({.certificate = &partner}), "nothing") << "the certificates in keys are authorities too";
  EXPECT_NE(refusal({}).find("certificate required"), std::string::npos);
  EXPECT_NE(refusal({.certificate = &stranger}).find("unknown ca"), std::string::npos);
  EXPECT_NE(refusal({.certificate = &expired}).find("expired"), std::string::npos);
}

TEST_F(TlsTest, TheSystemsAuthoritiesMayVouchForClients) {
  TestCertificate authority{"authority", {.authority = true}};
  TestCertificate client{"client", {.issuer = &authority}}, stranger{"stranger", {}};
  const std::string system = pairs.file("system.pem", authority.pem()), keys = pairs.add("one", one);
  auto start_with = [&](const std::string& more) {
    GatewayOptions o = options(tls_root(keys, R"("enable_mtls": true)" + more));
    o.environment["SSL_CERT_FILE"] = system;
    gateway = std::make_unique<GatewayProcess>(std::move(o));
  };
  start_with("");
  EXPECT_EQ(refusal({.certificate = &client}), "nothing");
  EXPECT_NE(refusal({.certificate = &stranger}).find("unknown ca"), std::string::npos);
  EXPECT_NE(refusal({}).find("certificate required"), std::string::npos);
  start_with(R"(, "disable_system_ca_pool": true)");
  EXPECT_NE(refusal({.certificate = &client}).find("unknown ca"), std::string::npos);
  EXPECT_EQ(refusal({.certificate = &one}), "nothing") << "the one in keys";
}

TEST_F(TlsTest, TheOldPairIsNoAuthority) {
  TestCertificate authority{"authority", {.authority = true}}, old{"old", {}};
  TestCertificate client{"client", {.issuer = &authority}};
  std::string pair = pairs.add("old", old);
  pair = pair.substr(1, pair.size() - 2);  // without its braces
  start(R"("tls": {)" + pair + R"(, "enable_mtls": true, "disable_system_ca_pool": true, "ca_certs": [")" + pairs.file("ca.pem", authority.pem()) + R"("]}, )");
  EXPECT_EQ(refusal({.certificate = &client}), "nothing");
  EXPECT_EQ(connect({.certificate = &client})->server_common_name(), "old") << "it is shown all the same";
  EXPECT_NE(refusal({.certificate = &old}).find("unknown ca"), std::string::npos);
}

TEST_F(TlsTest, TheProtocolIsWhatBothSpeak) {
  using namespace std::string_literals;
  start(tls_root(pairs.add("one", one)));
  EXPECT_EQ(connect({.protocols = "\x08http/1.1\x02h2"s})->protocol(), "h2") << "the gateway's preference";
  EXPECT_EQ(connect({.protocols = "\x08http/1.1"s})->protocol(), "http/1.1");
  EXPECT_EQ(connect()->protocol(), "");
  EXPECT_NE(refusal({.protocols = "\x04spdy"s}).find("application protocol"), std::string::npos);
}

TEST_F(TlsTest, WhoAgreesOnHttp2AndSpeaksOtherwiseIsCutOff) {
  using namespace std::string_literals;
  start(tls_root(pairs.add("one", one)));
  auto wire = connect({.protocols = "\x02h2"s});
  wire->write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", kLimit);
  EXPECT_EQ(wire->read_some(kLimit), "");
}

TEST_F(TlsTest, ThePrefaceOfHttp2WithoutTheAgreementIsAnUnknownPath) {
  start(tls_root(pairs.add("one", one), R"("min_version": "TLS13")"));
  auto wire = connect();
  wire->write(Http2Client::preface(), kLimit);
  Reader reader(*wire);
  EXPECT_EQ(read_response(reader, "GET", kLimit).status, 404);
}

TEST_F(TlsTest, NoiseInTheMiddleEndsTheConnection) {
  start(tls_root(pairs.add("one", one)));
  auto wire = connect();
  EXPECT_EQ(ask(*wire).status, 200);
  wire->Wire::write(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'), kLimit);
  EXPECT_THROW(wire->read_some(kLimit), ConnectionLost);
  EXPECT_EQ(refusal({}), "nothing") << "others go on";
}

TEST_F(TlsTest, AReloadServesTheNewCertificateAndKeepsConnections) {
  std::string keys = pairs.add("one", one);
  start(tls_root(keys));
  auto before = connect();
  EXPECT_EQ(ask(*before).status, 200);
  TestCertificate next{"next", {.alternatives = "DNS:one.test"}};
  pairs.add("one", next);
  Ran ran = sluice_reload(*gateway);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("tls altered"), std::string::npos) << ran.output;
  EXPECT_EQ(connect()->server_common_name(), "next");
  EXPECT_EQ(ask(*before).status, 200);
}

TEST_F(TlsTest, AReloadWithABrokenPairIsRefused) {
  std::string keys = pairs.add("one", one);
  start(tls_root(keys));
  pairs.file("one.key", "nothing");
  Ran ran = sluice_reload(*gateway);
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.output.find("holds no private key"), std::string::npos) << ran.output;
  EXPECT_EQ(connect()->server_common_name(), "one");
}

TEST_F(TlsTest, AReloadThatChangesNothingKeepsSessions) {
  start(tls_root(pairs.add("one", one)));
  auto first = connect();
  EXPECT_EQ(ask(*first).status, 200);
  SSL_SESSION* session = first->session();
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_TRUE(connect({.resume = session})->resumed());
  SSL_SESSION_free(session);
}

TEST_F(TlsTest, AReloadMayBringTlsAndTakeItAway) {
  start("");
  TestClient plain(gateway->port());
  EXPECT_EQ(plain.get("/x").status, 200);
  gateway->configure(config(tls_root(pairs.add("one", one))));
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(refusal({}), "nothing");
  EXPECT_EQ(plain.get("/x").status, 200) << "connections stay as they began";
  gateway->configure(config(""));
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(TestClient(gateway->port()).get("/x").status, 200);
}

TEST_F(TlsTest, WhatIsWrongIsToldWithItsPlace) {
  TestCertificate other{"other", {}};
  std::string good = pairs.add("one", one),
              mixed = R"({"public_key": ")" + pairs.file("m.pem", one.pem()) + R"(", "private_key": ")" + pairs.file("m.key", other.key_pem()) + "\"}";
  auto expect = [&](const std::string& root, const std::string& place, const std::string& text) {
    Ran ran = check(root);
    EXPECT_NE(ran.code, 0) << root;
    EXPECT_NE(ran.output.find(place), std::string::npos) << ran.output;
    EXPECT_NE(ran.output.find(text), std::string::npos) << ran.output;
  };
  expect(tls_root(good + R"(, {"public_key": "/nowhere/a.pem", "private_key": "/nowhere/a.key"})"), "/tls/keys/1/public_key",
         "/nowhere/a.pem cannot be read: No such file");
  expect(tls_root(R"({"public_key": ")" + pairs.file("bad.pem", "text") + R"(", "private_key": "/nowhere/a.key"})"), "/tls/keys/0/public_key",
         "holds no certificate in PEM form");
  expect(tls_root(mixed), "/tls/keys/0/private_key", "is not the key of the certificate");
  expect(tls_root(good, R"("cipher_suites": [49195, 1234])"), "/tls/cipher_suites", "no cipher suite has the number 1234");
  expect(tls_root(good, R"("min_version": "TLS12", "cipher_suites": [49196])"), "/tls/cipher_suites", "HTTP/2 needs one of");
  expect(tls_root(good, R"("curve_preferences": [7])"), "/tls/curve_preferences", "no curve has the number 7");
  EXPECT_EQ(check(tls_root(good)).code, 0);
}

TEST_F(TlsTest, AnExpiredCertificateIsAWarning) {
  TestCertificate old{"old", {.days = -1}};
  Ran ran = check(tls_root(pairs.add("old", old)));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("has expired"), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace sluice::test

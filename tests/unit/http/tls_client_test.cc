// The client over TLS, with certificates made here.
#include <cstdlib>

#include "client_fixture.h"
#include "identity.h"

namespace sluice::http {
namespace {

class TlsClientTest : public ClientFixture {
 protected:
  TlsClientTest() : authority{"test authority", "", nullptr, true}, good{"server", "DNS:localhost,IP:127.0.0.1", &authority, false} {
    authority_file = authority.write_certificate();
  }
  ~TlsClientTest() override {
    finish();
    for (SSL_CTX* c : contexts) SSL_CTX_free(c);
    for (const std::string& f : files) std::remove(f.c_str());
    std::remove(authority_file.c_str());
  }
  SSL_CTX* server(const Identity& identity, bool ask_client = false, int max_version = 0) {
    SSL_CTX* c = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(c, identity.certificate);
    SSL_CTX_use_PrivateKey(c, identity.key);
    SSL_CTX_set_session_id_context(c, reinterpret_cast<const unsigned char*>("t"), 1);
    if (max_version) SSL_CTX_set_max_proto_version(c, max_version);
    if (ask_client) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(c), authority.certificate);
      SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    contexts.push_back(c);
    return c;
  }
  TlsClientOptions trusting() {
    TlsClientOptions o;
    o.system_ca = false;
    o.ca_files = {authority_file};
    return o;
  }
  std::shared_ptr<TlsClientContext> context(const TlsClientOptions& o) {
    std::vector<TlsProblem> problems;
    auto c = TlsClientContext::create(o, problems);
    EXPECT_TRUE(problems.empty()) << problems[0].text;
    return c;
  }

  Identity authority, good;
  std::string authority_file;
  std::vector<SSL_CTX*> contexts;
  std::vector<std::string> files;
};

TEST_F(TlsClientTest, TheDefaultContextIsMadeByTheFirstOriginThatNeedsItAndTrustsTheSystem) {
  Backend& b = make_backend(server(good));
  b.answer(kOk);
  const std::shared_ptr<TlsClientContext> deferred = TlsClientContext::on_first_use();
  // Who reads the system's authorities only from here on finds this one.
  const char* before = ::getenv("SSL_CERT_FILE");
  const std::string restored = before ? before : "";
  ::setenv("SSL_CERT_FILE", authority_file.c_str(), 1);
  TestCall call{make_client(), origin_of(b, deferred), kGet};
  before ? ::setenv("SSL_CERT_FILE", restored.c_str(), 1) : ::unsetenv("SSL_CERT_FILE");
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.message, "");
  EXPECT_EQ(call.body, "ok");
}

TEST_F(TlsClientTest, VerifiedConnectionsCarryResponsesAndAreReused) {
  Backend& b = make_backend(server(good));
  b.answer(kOk);
  Origin o = origin_of(b, context(trusting()));
  TestCall first{make_client(), o, kGet};
  run_until([&] { return first.done(); });
  EXPECT_EQ(first.message, "");
  EXPECT_EQ(first.body, "ok");
  EXPECT_EQ(first.events, 1);
  TestCall second{*client, o, kGet};
  run_until([&] { return second.done(); });
  EXPECT_TRUE(second.call->reused());
  EXPECT_EQ(b.handshakes, 1);
}

TEST_F(TlsClientTest, NamesAreVerifiedToo) {
  Backend& b = make_backend(server(good));
  b.answer(kOk);
  TestCall call{make_client(), origin_of(b, context(trusting()), "localhost"), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
}

TEST_F(TlsClientTest, CertificateForAnotherHostIsRefused) {
  Identity other{"127.0.0.1", "DNS:example.com,IP:127.0.0.2", &authority, false};  // the common name does not count
  Backend& b = make_backend(server(other));
  b.answer(kOk);
  TestCall call{make_client(), origin_of(b, context(trusting())), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::tls);
  EXPECT_TRUE(call.nothing_sent);
  EXPECT_NE(call.message.find("mismatch"), call.message.npos) << call.message;
  TestCall named{*client, origin_of(b, context(trusting()), "localhost"), kGet};
  run_until([&] { return named.done(); });
  EXPECT_EQ(named.code, Errc::tls);
  EXPECT_EQ(b.handshakes, 0);
}

TEST_F(TlsClientTest, UnknownAuthorityIsRefusedUnlessInsecureIsAllowed) {
  Identity stranger{"127.0.0.1", "IP:127.0.0.1", nullptr, false};
  Backend& b = make_backend(server(stranger));
  b.answer(kOk);
  TestCall call{make_client(), origin_of(b, context(trusting())), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::tls);
  EXPECT_NE(call.message.find("self-signed"), call.message.npos) << call.message;
  TlsClientOptions insecure;
  insecure.verify = false;
  TestCall allowed{*client, origin_of(b, context(insecure)), kGet};
  run_until([&] { return allowed.done(); });
  EXPECT_EQ(allowed.body, "ok");
}

TEST_F(TlsClientTest, ClientCertificateIsShown) {
  Backend& b = make_backend(server(good, true));
  b.answer(kOk);
  TestCall without{make_client(), origin_of(b, context(trusting())), kGet};
  run_until([&] { return without.done(); });
  EXPECT_NE(without.code, Errc::none);
  Identity me{"client", "", &authority, false};
  TlsClientOptions o = trusting();
  files = {me.write_certificate(), me.write_key()};
  o.certificates = {{files[0], files[1]}};
  TestCall with{*client, origin_of(b, context(o)), kGet};
  run_until([&] { return with.done(); });
  EXPECT_EQ(with.body, "ok");
}

TEST_F(TlsClientTest, SessionsAreResumed) {
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Backend& b = make_backend(server(good, false, version));
    b.answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    Origin o = origin_of(b, context(trusting()));
    if (!client) make_client();
    for (int i = 0; i < 3; ++i) {
      TestCall call{*client, o, kGet};
      run_until([&] { return call.done(); });
      EXPECT_EQ(call.body, "ok");
    }
    EXPECT_EQ(b.handshakes, 3);
    EXPECT_EQ(b.resumed, 2) << version;
  }
}

TEST_F(TlsClientTest, EndWithoutCloseNotifyTruncatesABodyUntilClose) {
  Backend& b = make_backend(server(good));
  bool notify = true;
  b.on_data = [&](Backend::Peer& p) {
    p.send("HTTP/1.1 200 OK\r\n\r\nsome");
    p.close(notify);
  };
  Origin o = origin_of(b, context(trusting()));
  TestCall whole{make_client(), o, kGet};
  run_until([&] { return whole.done(); });
  EXPECT_TRUE(whole.last);
  EXPECT_EQ(whole.body, "some");
  notify = false;
  TestCall cut{*client, o, kGet};
  run_until([&] { return cut.done(); });
  EXPECT_EQ(cut.body, "some");
  EXPECT_EQ(cut.code, Errc::truncated);
}

TEST_F(TlsClientTest, LargeBodiesBothWaysWithBackPressureAndBuffer) {
  Backend& b = make_backend(server(good));
  std::string up(5 << 20, 'u'), down(5 << 20, 'd'), buffer(5 << 20, ' ');
  std::string request = kGet + up;
  for (size_t i = 0; i < down.size(); ++i) down[i] = static_cast<char>('a' + i * 7 % 26);
  b.on_data = [&](Backend::Peer& p) {
    if (p.in.size() < request.size()) return;
    EXPECT_TRUE(p.in == request);
    p.in.clear();
    p.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(down.size()) + "\r\n\r\n" + down);
  };
  Origin o = origin_of(b, context(trusting()));
  make_client();
  for (bool direct : {false, true}) {
    TestCall call{*client, o, request};
    call.into = direct ? &buffer : nullptr;
    bool paused = false;
    call.hook = [&] {
      if (direct && call.events == 1) call.call->read_into(buffer.data() + call.body.size(), buffer.size() - call.body.size());
      if (!call.done() && call.events % 3 == 0) call.call->pause(), paused = true;
    };
    while (!call.done() && !HasFatalFailure()) {
      run_until([&] { return paused || call.done(); });
      if (!std::exchange(paused, false)) continue;
      int events = call.events;
      turns(3);
      EXPECT_EQ(call.events, events);
      call.call->resume();
    }
    EXPECT_TRUE(call.body == down);
    EXPECT_EQ(call.into_bytes > 0, direct);
  }
  EXPECT_EQ(b.handshakes, 1);
}

TEST_F(TlsClientTest, IdleConnectionClosedWithNotifyLeavesThePool) {
  Backend& b = make_backend(server(good));
  b.answer(kOk);
  TestCall call{make_client(), origin_of(b, context(trusting())), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(client->stats().idle, 1u);
  b.peers[0]->close();
  run_until([&] { return client->stats().idle == 0; });
}

TEST_F(TlsClientTest, PlainServerAndSilentServerFailTheHandshake) {
  Backend& plain = make_backend();
  plain.on_data = [](Backend::Peer& p) { p.send("HTTP/1.1 400 Bad Request\r\n\r\n"); };
  auto c = context(trusting());
  TestCall call{make_client(), origin_of(plain, c), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::tls);
  EXPECT_TRUE(call.nothing_sent);
  Backend& silent = make_backend();
  ClientOptions options;
  options.tls_handshake_timeout_ms = 10;
  client->set_options(options, 1);
  TestCall waiting{*client, origin_of(silent, c), kGet};
  run_until([&] { return waiting.done(); });
  EXPECT_EQ(waiting.code, Errc::timeout);
  EXPECT_TRUE(waiting.nothing_sent);
  Backend& closing = make_backend();
  closing.on_data = [](Backend::Peer& p) { p.close(); };
  TestCall eof{*client, origin_of(closing, c), kGet};
  run_until([&] { return eof.done(); });
  EXPECT_EQ(eof.code, Errc::tls);
}

TEST_F(TlsClientTest, VersionsAreHonoured) {
  Backend& b = make_backend(server(good, false, TLS1_2_VERSION));
  b.answer(kOk);
  TlsClientOptions o = trusting();
  o.min_version = TLS1_3_VERSION;
  TestCall refused{make_client(), origin_of(b, context(o)), kGet};
  run_until([&] { return refused.done(); });
  EXPECT_EQ(refused.code, Errc::tls);
  o.min_version = 0;
  o.ciphers = {0xc02b, 0x1301};  // ECDHE-ECDSA-AES128-GCM-SHA256
  o.curves = {29, 23};
  TestCall fine{*client, origin_of(b, context(o)), kGet};
  run_until([&] { return fine.done(); });
  EXPECT_EQ(fine.body, "ok");
}

TEST_F(TlsClientTest, DestroyedDuringTheHandshake) {
  Backend& b = make_backend(server(good));
  b.answer(kOk);
  Origin o = origin_of(b, context(trusting()));
  make_client();
  for (int turn = 0; turn < 10; ++turn) {
    TestCall call{*client, o, kGet};
    turns(turn);
    call.call.reset();
    int events = call.events;
    turns(3);
    EXPECT_EQ(call.events, events);
  }
  EXPECT_EQ(client->stats().active, 0u);
}

TEST(TlsContextTest, WhatCannotBeUsedIsSaid) {
  TlsClientOptions o;
  o.system_ca = false;
  o.ca_files = {"/nonexistent/ca.pem"};
  o.certificates = {{"/nonexistent/c.pem", "/nonexistent/k.pem"}};
  o.ciphers = {0x1301, 0xffff, -1, 70000};
  o.curves = {23, 999};
  std::vector<TlsProblem> problems;
  EXPECT_NE(TlsClientContext::create(o, problems), nullptr);
  std::string all;
  for (const TlsProblem& p : problems) {
    EXPECT_FALSE(p.fatal) << p.text;
    all += p.place + ": " + p.text + "\n";
  }
  EXPECT_EQ(problems.size(), 7u) << all;  // file, pair, three suites, no TLS 1.2 suite left, curve
  for (const char* part : {"ca_certs/0: skipped: /nonexistent/ca.pem cannot be read: No such file or directory",
                           "client_certs/0/certificate: the pair is skipped: /nonexistent/c.pem cannot be read: No such file or directory",
                           "cipher_suites: unknown cipher suite 65535", "suite -1", "suite 70000", "curve_preferences: unknown curve 999", "only TLS 1.3"})
    EXPECT_NE(all.find(part), all.npos) << part << " in\n" << all;
}

}  // namespace
}  // namespace sluice::http

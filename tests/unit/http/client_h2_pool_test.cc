// Which connection a call over HTTP/2 goes to, and what becomes of it when that one ends.
#include "client_h2_fixture.h"
#include "identity.h"

namespace sluice::http {
namespace {

class Http2PoolTest : public H2Fixture {
 protected:
  Http2PoolTest() : authority_{"test authority", "", nullptr, true}, identity_{"server", "IP:127.0.0.1", &authority_, false} {
    file_ = authority_.write_certificate();
  }
  ~Http2PoolTest() override {
    finish();
    for (SSL_CTX* c : contexts_) SSL_CTX_free(c);
    std::remove(file_.c_str());
  }
  // A server that chooses `protocol`, if it is offered; "": that knows nothing of ALPN.
  SSL_CTX* tls_server(const char* protocol) {
    SSL_CTX* c = contexts_.emplace_back(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(c, identity_.certificate);
    SSL_CTX_use_PrivateKey(c, identity_.key);
    SSL_CTX_set_alpn_select_cb(c, [](SSL*, const unsigned char** out, unsigned char* n, const unsigned char* in, unsigned size, void* wanted) {
      std::string_view want{static_cast<const char*>(wanted)}, all{reinterpret_cast<const char*>(in), size};
      for (size_t at = 0; at < size; at += 1 + in[at])
        if (all.substr(at + 1, in[at]) == want) {
          *out = in + at + 1, *n = in[at];
          return SSL_TLSEXT_ERR_OK;
        }
      return SSL_TLSEXT_ERR_NOACK;
    }, const_cast<char*>(protocol));
    return c;
  }
  std::shared_ptr<TlsClientContext> tls_client(bool trusting = true) {
    std::vector<TlsProblem> problems;
    TlsClientOptions o;
    o.system_ca = false;
    if (trusting) o.ca_files = {file_};
    return TlsClientContext::create(o, problems);
  }

 private:
  Identity authority_, identity_;
  std::string file_;
  std::vector<SSL_CTX*> contexts_;
};

TEST_F(Http2PoolTest, CallsShareTheConnectionThatIsBeingDialled) {
  make_client();
  Backend& b = make_h2();
  std::vector<std::unique_ptr<TestCall>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(call(always(b)));
  run_until([&] { return arrived(1, 50); });
  EXPECT_EQ(b.peers.size(), 1u);
  EXPECT_EQ(client->stats().opened, 1u);
  EXPECT_EQ(client->stats().active, 1u);
  for (int i = 49; i >= 0; --i) h2[0]->respond(2 * i + 1, {{":status", "200"}}, std::to_string(i), true, false);
  run_until([&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c->done(); }); });
  std::set<std::string> bodies;
  for (auto& c : calls) bodies.insert(c->body);
  EXPECT_EQ(bodies.size(), 50u);
  EXPECT_EQ(client->stats().idle, 1u);
  EXPECT_EQ(client->stats().active, 0u);
}

TEST_F(Http2PoolTest, NoMoreStreamsThanThePeerAllowsAndTheRestWaits) {
  make_client();
  settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}};
  Backend& b = make_h2();
  auto first = call(always(b));  // tells the limit of the first connection
  run_until([&] { return arrived(1, 1); });
  h2[0]->respond(1, {{":status", "200"}});
  run_until([&] { return first->done(); });
  std::vector<std::unique_ptr<TestCall>> calls;
  for (int i = 0; i < 60; ++i) calls.push_back(call(always(b)));
  serve = H2Fixture::echo;
  for (auto& p : h2) echo(*p);
  run_until([&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c->done(); }); });
  for (auto& c : calls) EXPECT_EQ(c->status, 200) << c->message;
  EXPECT_LE(h2[0]->most, 2);
  EXPECT_LE(b.peers.size(), 8u);
}

TEST_F(Http2PoolTest, ThoseThatWaitAreBounded) {
  make_client();
  Backend& b = make_h2();
  std::vector<std::unique_ptr<TestCall>> calls;
  for (int i = 0; i < 3000; ++i) calls.push_back(call(always(b)));
  run_until([&] { return std::any_of(calls.begin(), calls.end(), [](auto& c) { return c->done(); }); });
  size_t refused = 0;
  for (auto& c : calls)
    if (c->done()) {
      ++refused;
      EXPECT_EQ(c->code, Errc::limit);
      EXPECT_TRUE(c->nothing_sent);
    }
  EXPECT_GT(refused, 0u);
}

TEST_F(Http2PoolTest, AfterAGoawayCallsGoToANewConnectionAndUnprocessedOnesToo) {
  make_client();
  Backend& b = make_h2();
  std::string body = "body";
  auto processed = call(always(b)), again = call(always(b), "POST", "Content-Length: 4\r\n", body);
  run_until([&] { return arrived(1, 2); });
  h2[0]->goaway(1);
  run_until([&] { return arrived(2, 3); });
  auto later = call(always(b));
  run_until([&] { return arrived(2, 4); });
  EXPECT_EQ(h2[1]->requests[1].body, "body");
  h2[1]->respond(1, {{":status", "200"}}, "again");
  h2[1]->respond(3, {{":status", "200"}}, "later");
  h2[0]->respond(1, {{":status", "200"}}, "processed");
  run_until([&] { return processed->done() && again->done() && later->done(); });
  EXPECT_EQ(processed->body + again->body + later->body, "processedagainlater");
  run_until([&] { return eofs == 1; });  // the first connection has no more to do
  EXPECT_EQ(client->stats().retried, 1u);
}

TEST_F(Http2PoolTest, ARefusedStreamIsTriedAgainSoManyTimes) {
  make_client();
  Backend& b = make_h2();
  int refusals = 0, most = 2;
  serve = [&](H2Peer& p) {
    for (int32_t id : std::exchange(p.complete, {}))
      if (refusals < most) ++refusals, p.reset(id, NGHTTP2_REFUSED_STREAM);
      else p.respond(id, {{":status", "200"}}, "at last");
  };
  auto c = call(always(b), "POST");
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->body, "at last");
  most = 100;
  auto d = call(always(b), "POST");
  run_until([&] { return d->done(); });
  EXPECT_EQ(d->code, Errc::reset);
  EXPECT_TRUE(d->nothing_sent);
  EXPECT_EQ(refusals, 2 + 4);
  EXPECT_EQ(b.peers.size(), 1u);
}

TEST_F(Http2PoolTest, AnUploadThatHasBegunIsNotRepeated) {
  make_client();
  Backend& b = make_h2();
  auto c = call(always(b), "PUT", "", {}, [](ClientCall::Request& r) { r.streaming = r.chunked = true; });
  Slice part = "part";
  c->call->send_body({&part, 1}, false);
  run_until([&] { return arrived(1, 1) && h2[0]->requests[1].body == "part"; });
  h2[0]->reset(1, NGHTTP2_REFUSED_STREAM);
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->code, Errc::reset);
}

TEST_F(Http2PoolTest, AStaleConnectionCostsARepeatableCallNothing) {
  make_client();
  Backend& b = make_h2();
  serve = echo;
  auto first = call(always(b));
  run_until([&] { return first->done(); });
  serve = {};
  auto get = call(always(b)), post = call(always(b), "POST");
  run_until([&] { return arrived(1, 3); });
  EXPECT_TRUE(get->call->reused());
  b.peers[0]->close();
  serve = echo;
  run_until([&] { return get->done() && post->done(); });
  EXPECT_EQ(get->status, 200) << get->message;
  EXPECT_EQ(post->code, Errc::reset);
  EXPECT_FALSE(post->nothing_sent);
  EXPECT_EQ(b.peers.size(), 2u);
}

TEST_F(Http2PoolTest, APeerThatEndsAFreshConnectionIsAnError) {
  make_client();
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) { p.close(); };
  auto c = call(always(b));
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->code, Errc::reset);
  EXPECT_TRUE(c->call->unanswered());
  EXPECT_EQ(b.peers.size(), 1u);
}

TEST_F(Http2PoolTest, APeerThatSpeaksHttp1OrNonsenseIsAnError) {
  make_client();
  for (std::string text : {std::string{"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"}, std::string(200, '\0'),
                           std::string{"\0\0\x08\x06\0\0\0\0\0 12345678", 18}, std::string{"\0\0\0\4\0\0\0\0\0\0\0\4\1\4\0\0\0\1\x88\x88\x88\x88", 22}}) {
    Backend& b = make_backend();
    b.on_data = [text](Backend::Peer& p) { p.send(text); };
    auto c = call(always(b)), d = call(always(b));
    run_until([&] { return c->done() && d->done(); });
    EXPECT_EQ(c->code, Errc::protocol) << c->message;
    EXPECT_NE(c->message.find("HTTP/2"), std::string::npos) << c->message;
  }
}

TEST_F(Http2PoolTest, AFloodOfFramesThatCarryNothingEndsTheConnection) {
  make_client();
  Backend& b = make_h2();
  auto c = call(always(b));
  run_until([&] { return arrived(1, 1); });
  std::string ping{"\0\0\x08\6\1\0\0\0\0 1234567", 17}, flood;  // answers that nobody asked for
  for (int i = 0; i < 1200; ++i) flood += ping;
  b.peers[0]->send(flood);
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->code, Errc::protocol);
  EXPECT_NE(c->message.find("too many frames"), std::string::npos) << c->message;
}

TEST_F(Http2PoolTest, AnIdleConnectionIsClosedInTime) {
  make_client({.idle_timeout_ms = 20});
  Backend& b = make_h2();
  serve = echo;
  auto c = call(always(b));
  run_until([&] { return c->done() && eofs == 1; });
  EXPECT_EQ(client->stats().idle, 0u);
  auto d = call(always(b));
  run_until([&] { return d->done(); });
  EXPECT_EQ(d->status, 200);
  EXPECT_EQ(b.peers.size(), 2u);
}

TEST_F(Http2PoolTest, WithoutKeepAliveEachCallHasItsConnection) {
  make_client({.keep_alive = false});
  Backend& b = make_h2();
  serve = echo;
  auto c = call(always(b)), d = call(always(b));
  run_until([&] { return c->done() && d->done() && eofs == 2; });
  EXPECT_EQ(b.peers.size(), 2u);
}

TEST_F(Http2PoolTest, AFailedDialIsSharedAndOneThatIsGivenUpIsNot) {
  make_client();
  Backend& gone = make_backend();
  Origin nowhere = origin_of(gone, nullptr, "127.0.0.1", Http2Mode::always);
  gone.stop_listening();
  turns(3);
  auto a = call(nowhere), c = call(nowhere);
  run_until([&] { return a->done() && c->done(); });
  EXPECT_EQ(a->code, Errc::refused);
  EXPECT_EQ(c->code, Errc::refused);
  EXPECT_TRUE(c->nothing_sent);
  EXPECT_EQ(a->message, c->message);

  Backend& b = make_h2();
  serve = echo;
  auto first = call(always(b)), second = call(always(b));
  first.reset();
  run_until([&] { return second->done(); });
  EXPECT_EQ(second->status, 200) << second->message;
}

TEST_F(Http2PoolTest, ASilentConnectionGetsNoNewCallsUntilItAnswersAPing) {
  make_client({.response_header_timeout_ms = 1001});
  Backend& b = make_h2();
  auto c = call(always(b));
  run_until([&] { return arrived(1, 1); });
  turns(3);  // its settings are here
  h2[0]->deaf = true;
  auto lost = call(always(b));
  run_until([&] { return lost->done(); });
  EXPECT_EQ(lost->code, Errc::timeout);
  serve = [](H2Peer& p) {
    if (!p.deaf) echo(p);
  };
  auto elsewhere = call(always(b));
  run_until([&] { return elsewhere->done(); });
  EXPECT_EQ(elsewhere->status, 200);
  EXPECT_EQ(b.peers.size(), 2u);
}

TEST_F(Http2PoolTest, TheBackendChoosesByAlpn) {
  make_client();
  serve = echo;
  Backend &two = make_h2(tls_server("h2")), &one = make_backend(tls_server("http/1.1")), &none = make_backend(tls_server(""));
  one.answer(kOk), none.answer(kOk);
  auto context = tls_client();
  auto negotiate = [&](Backend& b) { return origin_of(b, context, "127.0.0.1", Http2Mode::negotiate); };
  std::vector<std::unique_ptr<TestCall>> calls;
  for (Backend* b : {&two, &one, &none})
    for (int i = 0; i < 3; ++i) calls.push_back(call(negotiate(*b), "POST"));
  run_until([&] { return std::all_of(calls.begin(), calls.end(), [](auto& c) { return c->done(); }); });
  for (size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(calls[i]->status, 200) << calls[i]->message;
    EXPECT_EQ(calls[i]->body, i < 3 ? "" : "ok");
  }
  EXPECT_EQ(two.peers.size(), 1u);
  EXPECT_EQ(one.peers.size(), 3u);
  auto more = call(negotiate(one));
  run_until([&] { return more->done(); });
  EXPECT_TRUE(more->call->reused());
  EXPECT_EQ(one.peers.size(), 3u);
}

TEST_F(Http2PoolTest, WhereItMustBeSpokenARefusalIsAnError) {
  make_client();
  Backend& b = make_backend(tls_server("http/1.1"));
  Origin origin = always(b, tls_client());
  auto c = call(origin), d = call(origin);
  run_until([&] { return c->done() && d->done(); });
  EXPECT_EQ(c->code, Errc::protocol);
  EXPECT_TRUE(c->nothing_sent);
  EXPECT_NE(c->message.find("ALPN"), std::string::npos) << c->message;
  EXPECT_EQ(d->code, Errc::protocol);
}

TEST_F(Http2PoolTest, CertificatesAreVerifiedAsEver) {
  make_client();
  Backend& b = make_h2(tls_server("h2"));
  auto c = call(always(b, tls_client(false)));
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->code, Errc::tls);
  EXPECT_TRUE(h2.empty());
}

TEST_F(Http2PoolTest, AnUploadThatBeganBeforeTheProtocolWasKnownIsFramedForEither) {
  make_client();
  std::string got;
  Backend &two = make_h2(tls_server("h2")), &one = make_backend(tls_server("http/1.1"));
  one.on_data = [&](Backend::Peer& p) {
    got = p.in;
    if (got.ends_with("0\r\n\r\n")) p.send(kOk);
  };
  serve = echo;
  auto context = tls_client();
  for (Backend* b : {&two, &one}) {
    auto c = call(origin_of(*b, context, "127.0.0.1", Http2Mode::negotiate), "POST", "Transfer-Encoding: chunked\r\n", {},
                  [](ClientCall::Request& r) { r.streaming = r.chunked = true; });
    Slice body[] = {"ab", "cd"};
    c->call->send_body(body, true);
    run_until([&] { return c->done(); });
    EXPECT_EQ(c->body, b == &two ? "abcd" : "ok");
  }
  EXPECT_TRUE(got.ends_with("\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")) << got;
}

TEST_F(Http2PoolTest, TheModeIsPartOfTheKey) {
  auto context = tls_client();
  auto key = [&](const char* url, Http2Mode mode) { return make_origin(url, context, mode)->key; };
  EXPECT_EQ(key("http://a", Http2Mode::negotiate), key("http://a", Http2Mode::never));
  EXPECT_NE(key("http://a", Http2Mode::always), key("http://a", Http2Mode::never));
  EXPECT_NE(key("https://a", Http2Mode::negotiate), key("https://a", Http2Mode::never));
  EXPECT_NE(key("https://a", Http2Mode::negotiate), key("https://a", Http2Mode::always));
  EXPECT_EQ(make_origin("http://a", context, Http2Mode::negotiate)->http2, Http2Mode::never);
}

TEST_F(Http2PoolTest, ClosingTheClientEndsEverything) {
  make_client();
  Backend& b = make_h2();
  auto c = call(always(b)), d = call(always(b));
  run_until([&] { return arrived(1, 2); });
  auto waiting = call(origin_of(make_backend(), nullptr, "127.0.0.1", Http2Mode::always));
  client->close();
  for (auto* one : {c.get(), d.get(), waiting.get()}) EXPECT_EQ(one->code, Errc::cancelled);
  auto late = call(always(b));
  run_until([&] { return late->done() && eofs == 1; });
}

}  // namespace
}  // namespace sluice::http

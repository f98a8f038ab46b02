// Calls, pools, retries, limits and cancellation against raw backends.
#include <netinet/tcp.h>

#include <set>

#include "client_fixture.h"

namespace sluice::http {
namespace {

using ClientTest = ClientFixture;
using Change = ClientCall::Request;

TEST_F(ClientTest, SmallAnswerComesInOneEvent) {
  Backend& b = make_backend();
  b.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok");
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.status, 200);
  EXPECT_EQ(call.body, "ok");
  EXPECT_EQ(call.headers, "Content-Length: 2\nX-A: b\n");
  EXPECT_EQ(call.events, 1);
  EXPECT_FALSE(call.call->reused());
  EXPECT_EQ(client->stats().idle, 1u);
  EXPECT_EQ(client->stats().active, 0u);
}

TEST_F(ClientTest, ConnectionIsReusedAlsoByAnEqualOrigin) {
  Backend& b = make_backend();
  b.answer(kOk);
  make_client();
  for (int i = 0; i < 5; ++i) {
    TestCall call{*client, origin_of(b), kGet};  // a new serial each time: found by its key
    run_until([&] { return call.done(); });
    EXPECT_EQ(call.call->reused(), i > 0);
  }
  EXPECT_EQ(b.peers.size(), 1u);
  EXPECT_EQ(client->stats().opened, 1u);
  EXPECT_EQ(client->stats().reused, 4u);
}

// Sockets of this process that probe an idle peer after so many seconds.
int probing(int seconds) {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    int on = 0, idle = 0;
    socklen_t size = sizeof on;
    if (getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size) != 0 || !on) continue;
    size = sizeof idle;
    count += getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size) == 0 && idle == seconds;
  }
  return count;
}

TEST_F(ClientTest, ConnectionsAreProbedAsOftenAsConfigured) {
  Backend& b = make_backend();
  b.answer(kOk);
  ClientOptions options;
  options.dial_keep_alive_ms = 4'321'000;
  make_client(options);
  TestCall call{*client, origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(probing(4321), 1) << "the connection in the pool";
  options.dial_keep_alive_ms = -1;
  client->set_options(options, 1);
  Backend& other = make_backend();
  other.answer(kOk);
  TestCall silent{*client, origin_of(other), kGet};
  run_until([&] { return silent.done(); });
  EXPECT_EQ(probing(4321), 1) << "the first one alone";
  EXPECT_EQ(probing(15), 0);
}

TEST_F(ClientTest, SinkMayStartTheNextCallOnTheSameConnection) {
  Backend& b = make_backend();
  b.answer(kOk);
  Origin o = origin_of(b);
  TestCall first{make_client(), o, kGet};
  std::unique_ptr<TestCall> second;
  first.hook = [&] {
    first.call.reset();
    second = std::make_unique<TestCall>(*client, o, kGet);
  };
  run_until([&] { return second && second->done(); });
  EXPECT_TRUE(second->call->reused());
  EXPECT_EQ(second->body, "ok");
  EXPECT_EQ(b.peers.size(), 1u);
}

TEST_F(ClientTest, NewestIdleConnectionIsTakenFirst) {
  Backend& b = make_backend();
  std::vector<size_t> served;
  b.on_data = [&](Backend::Peer& p) {
    p.in.clear();
    served.push_back(p.index);
  };
  Origin o = origin_of(b);
  TestCall one{make_client(), o, kGet}, two{*client, o, kGet};
  run_until([&] { return served.size() == 2; });
  b.peers[served[0]]->send(kOk);
  b.peers[served[1]]->send(kOk);
  run_until([&] { return one.done() && two.done(); });
  EXPECT_EQ(client->stats().idle, 2u);
  size_t newest = 0;
  for (int i = 0; i < 3; ++i) {
    TestCall next{*client, o, kGet};
    run_until([&] { return served.size() == size_t(3 + i); });
    b.peers[served.back()]->send(kOk);
    run_until([&] { return next.done(); });
    if (i == 0) newest = served.back();
    EXPECT_EQ(served.back(), newest);
  }
}

TEST_F(ClientTest, IdleConnectionClosedByThePeerLeavesThePool) {
  Backend& b = make_backend();
  b.answer(kOk);
  Origin o = origin_of(b);
  TestCall call{make_client(), o, kGet};
  run_until([&] { return call.done(); });
  b.peers[0]->close();
  run_until([&] { return client->stats().idle == 0; });
  TestCall again{*client, o, kGet};
  run_until([&] { return again.done(); });
  EXPECT_FALSE(again.call->reused());
  EXPECT_EQ(again.body, "ok");
}

TEST_F(ClientTest, StrayBytesOnAnIdleConnectionRemoveIt) {
  Backend& b = make_backend();
  b.answer(kOk);
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  b.peers[0]->send("HTTP/1.1 408 Timeout\r\n\r\n");
  run_until([&] { return client->stats().idle == 0; });
}

TEST_F(ClientTest, BytesBehindTheResponseForbidReuse) {
  Backend& b = make_backend();
  b.answer(std::string{kOk} + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
  EXPECT_EQ(client->stats().idle, 0u);
}

TEST_F(ClientTest, ConnectionCloseAndDisabledKeepAliveAreHonoured) {
  Backend& b = make_backend();
  b.answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(client->stats().idle, 0u);
  b.answer(kOk);
  ClientOptions off;
  off.keep_alive = false;
  client->set_options(off, 1);
  TestCall other{*client, origin_of(b), kGet};
  run_until([&] { return other.done(); });
  EXPECT_EQ(client->stats().idle, 0u);
}

TEST_F(ClientTest, IdleLimitsPerOriginAndOverallHold) {
  Backend &a = make_backend(), &b = make_backend();
  ClientOptions options;
  options.max_idle_per_origin = 2;
  options.max_idle = 3;
  make_client(options);
  auto serve = [&](Backend& backend, int n) {
    Origin o = origin_of(backend);
    std::vector<std::unique_ptr<TestCall>> calls;
    size_t before = 0;
    backend.on_data = [&](Backend::Peer&) { ++before; };
    for (int i = 0; i < n; ++i) calls.push_back(std::make_unique<TestCall>(*client, o, kGet));
    run_until([&] { return before == size_t(n); });
    for (auto& p : backend.peers) p->send(kOk);
    for (auto& c : calls) run_until([&] { return c->done(); });
  };
  serve(a, 3);
  EXPECT_EQ(client->stats().idle, 2u);
  serve(b, 2);
  EXPECT_EQ(client->stats().idle, 3u);  // the oldest of `a` had to go
  a.answer(kOk);
  TestCall one{*client, origin_of(a), kGet}, two{*client, origin_of(a), kGet};
  EXPECT_TRUE(one.call->reused());
  EXPECT_FALSE(two.call->reused());
  run_until([&] { return one.done() && two.done(); });
}

TEST_F(ClientTest, IdleTimeoutClosesTheConnection) {
  Backend& b = make_backend();
  b.answer(kOk);
  ClientOptions options;
  options.idle_timeout_ms = 5;
  TestCall call{make_client(options), origin_of(b), kGet};
  bool eof = false;
  b.on_eof = [&](Backend::Peer&) { eof = true; };
  run_until([&] { return call.done(); });
  run_until([&] { return eof; });
  EXPECT_EQ(client->stats().idle, 0u);
}

// A pooled connection whose peer answers the next request with the end of the connection.
struct Stale {
  explicit Stale(Backend& b) {
    b.on_data = [this](Backend::Peer& p) {
      p.in.clear();
      ++requests;
      if (p.index == 0 && requests > 1)
        reset ? p.reset() : p.close();
      else
        p.send(kOk);
    };
  }
  int requests = 0;
  bool reset = false;
};

TEST_F(ClientTest, IdempotentRequestOnAStaleConnectionIsRepeatedOnce) {
  for (bool reset : {false, true}) {
    Backend& b = make_backend();
    Stale stale{b};
    stale.reset = reset;
    Origin o = origin_of(b);
    TestCall first{make_client(), o, kGet};
    run_until([&] { return first.done(); });
    TestCall second{*client, o, kGet};
    EXPECT_TRUE(second.call->reused());
    run_until([&] { return second.done(); });
    EXPECT_EQ(second.body, "ok");
    EXPECT_FALSE(second.call->reused());
    EXPECT_EQ(client->stats().retried, 1u);
    EXPECT_EQ(stale.requests, 3);
    first.call.reset(), second.call.reset();
    client->close();
    turns(3);
  }
}

TEST_F(ClientTest, NonIdempotentRequestIsNotRepeatedAfterItWasSent) {
  Backend& b = make_backend();
  Stale stale{b};
  Origin o = origin_of(b);
  TestCall first{make_client(), o, kGet};
  run_until([&] { return first.done(); });
  TestCall second{*client, o, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", [](Change& r) { r.idempotent = false; }};
  run_until([&] { return second.done(); });
  EXPECT_EQ(second.code, Errc::reset);
  EXPECT_FALSE(second.nothing_sent);
  EXPECT_EQ(stale.requests, 2);
}

TEST_F(ClientTest, NonIdempotentRequestAvoidsAConnectionThatIsKnownToBeDead) {
  Backend& b = make_backend();
  b.answer(kOk);
  Origin o = origin_of(b);
  TestCall first{make_client(), o, kGet};
  run_until([&] { return first.done(); });
  // The end has reached the kernel, but the loop has not looked yet.
  uv_os_fd_t fd;
  uv_fileno(reinterpret_cast<uv_handle_t*>(&b.peers[0]->tcp), &fd);
  ::shutdown(fd, SHUT_WR);
  TestCall post{*client, o, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", [](Change& r) { r.idempotent = false; }};
  EXPECT_FALSE(post.call->reused());
  run_until([&] { return post.done(); });
  EXPECT_EQ(post.body, "ok");
}

TEST_F(ClientTest, EofOnAFreshConnectionIsAnError) {
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) { p.close(); };
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::reset);
  EXPECT_EQ(call.message, "http://127.0.0.1:" + std::to_string(b.port) + ": EOF");
  EXPECT_EQ(client->stats().retried, 0u);
  EXPECT_TRUE(call.call->unanswered());
}

TEST_F(ClientTest, PartOfAResponseOnAReusedConnectionIsNotRepeated) {
  Backend& b = make_backend();
  int n = 0;
  b.on_data = [&](Backend::Peer& p) {
    p.in.clear();
    if (++n == 1) return p.send(kOk);
    p.send("HTTP/1.1 2");
    p.close();
  };
  Origin o = origin_of(b);
  TestCall first{make_client(), o, kGet};
  run_until([&] { return first.done(); });
  TestCall second{*client, o, kGet};
  run_until([&] { return second.done(); });
  EXPECT_EQ(second.code, Errc::reset);
  EXPECT_FALSE(second.call->unanswered());
  EXPECT_EQ(n, 2);
}

TEST_F(ClientTest, TruncatedBodyIsAnErrorAfterWhatCame) {
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) {
    p.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    p.close();
  };
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.status, 200);
  EXPECT_EQ(call.body, "half");
  EXPECT_EQ(call.code, Errc::truncated);
}

TEST_F(ClientTest, ResetInABodyUntilCloseIsNoEnd) {
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) { p.send("HTTP/1.1 200 OK\r\n\r\nhalf"); };
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.body == "half"; });
  b.peers[0]->reset();
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::reset);
}

TEST_F(ClientTest, BodyUntilCloseIsWhole) {
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) {
    p.send("HTTP/1.1 200 OK\r\n\r\nall");
    p.close();
  };
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_TRUE(call.last);
  EXPECT_EQ(call.body, "all");
  EXPECT_EQ(client->stats().idle, 0u);
}

TEST_F(ClientTest, HeadSplitOverManyReadsIsJoined) {
  Backend& b = make_backend();
  std::string answer = "HTTP/1.1 200 OK\r\nX-Long: value\r\nContent-Length: 3\r\n\r\nabc";
  size_t at = 0;
  b.on_data = [&](Backend::Peer& p) { p.in.clear(); };
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return !b.peers.empty(); });
  while (!call.done() && at < answer.size()) {
    b.peers[0]->send(answer.substr(at++, 1));
    turns(2);
  }
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.headers, "X-Long: value\nContent-Length: 3\n");
  EXPECT_EQ(call.body, "abc");
  EXPECT_GT(call.events, 1);
}

TEST_F(ClientTest, EventsBeforeAProtocolErrorAreDelivered) {
  Backend& b = make_backend();
  b.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz");
  TestCall call{make_client(), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ab");
  EXPECT_EQ(call.code, Errc::protocol);
}

TEST_F(ClientTest, TooLargeHeadIsALimitError) {
  Backend& b = make_backend();
  b.answer("HTTP/1.1 200 OK\r\nX: " + std::string(5000, 'x') + "\r\n\r\n");
  ClientOptions options;
  options.max_header_bytes = 4096;
  TestCall call{make_client(options), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::limit);
}

TEST_F(ClientTest, HeaderTimeoutRunsFromTheEndOfTheRequest) {
  Backend& b = make_backend();
  ClientOptions options;
  options.response_header_timeout_ms = 10;
  TestCall call{make_client(options), origin_of(b), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::timeout);
  EXPECT_FALSE(call.nothing_sent);
  EXPECT_EQ(client->stats().active, 0u);
}

TEST_F(ClientTest, HeaderTimeoutDoesNotConcernTheBody) {
  Backend& b = make_backend();
  ClientOptions options;
  options.response_header_timeout_ms = 10;
  b.on_data = [](Backend::Peer& p) { p.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"); };
  make_client(options);
  // On a machine that is busy the head may be late: then the time-out was right, and it is tried again.
  std::unique_ptr<TestCall> trial;
  do {
    trial = std::make_unique<TestCall>(*client, origin_of(b), kGet);
    run_until([&] { return trial->status == 200 || trial->done(); });
  } while (trial->done() && trial->code == Errc::timeout && !HasFailure());
  TestCall& call = *trial;
  ASSERT_EQ(call.status, 200);
  uint64_t until = loop.now_ms() + 30;
  uv_timer_t wake;
  uv_timer_init(loop.uv(), &wake);
  uv_timer_start(&wake, [](uv_timer_t*) {}, 30, 0);
  run_until([&] { return loop.now_ms() >= until; });
  uv_close(reinterpret_cast<uv_handle_t*>(&wake), nullptr);
  EXPECT_FALSE(call.done());
  b.peers.back()->send("ok");
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
  turns(2);
}

TEST_F(ClientTest, RefusedPortIsToldAtALaterTurn) {
  Backend& b = make_backend();
  Origin o = origin_of(b);
  b.stop_listening();
  turns(1);
  TestCall call{make_client(), o, kGet};
  EXPECT_FALSE(call.done());
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::refused);
  EXPECT_TRUE(call.nothing_sent);
  EXPECT_NE(call.message.find("connection refused"), call.message.npos);
}

TEST_F(ClientTest, ClosedClientCancelsRunningAndRefusesNewCalls) {
  Backend& b = make_backend();
  Origin o = origin_of(b);
  TestCall waiting{make_client(), o, kGet}, dialling{*client, o, kGet};
  run_until([&] { return !b.peers.empty() && !b.peers[0]->in.empty(); });
  client->close();
  EXPECT_EQ(waiting.code, Errc::cancelled);
  EXPECT_EQ(dialling.code, Errc::cancelled);
  TestCall late{*client, o, kGet};
  EXPECT_FALSE(late.done());
  run_until([&] { return late.done(); });
  EXPECT_EQ(late.code, Errc::cancelled);
}

TEST_F(ClientTest, BackPressureStopsTheBackend) {
  Backend& b = make_backend();
  std::string big(16 << 20, 'x');
  b.on_data = [&](Backend::Peer& p) { p.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(big.size()) + "\r\n\r\n" + big); };
  TestCall call{make_client(), origin_of(b), kGet};
  call.hook = [&] { if (call.events == 1) call.call->pause(); };
  run_until([&] { return call.events == 1; });
  size_t before = call.body.size();
  turns(50);
  EXPECT_EQ(call.body.size(), before);
  EXPECT_EQ(call.events, 1);
  call.call->resume();
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body.size(), big.size());
  EXPECT_EQ(client->stats().idle, 1u);
}

TEST_F(ClientTest, PauseBeforeTheConnectionHolds) {
  Backend& b = make_backend();
  bool sent = false;
  b.on_data = [&](Backend::Peer& p) { p.send(kOk), sent = true; };
  TestCall call{make_client(), origin_of(b), kGet};
  call.call->pause();
  run_until([&] { return sent; });
  turns(10);
  EXPECT_EQ(call.events, 0);
  call.call->resume();
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
}

TEST_F(ClientTest, CollectedBodyIsReadStraightIntoTheBuffer) {
  Backend& b = make_backend();
  std::string big(3 << 20, ' '), want(3 << 20, ' ');
  for (size_t i = 0; i < want.size(); ++i) want[i] = static_cast<char>('a' + i * 31 % 26);
  bool extra = false;
  b.on_data = [&](Backend::Peer& p) {
    p.in.clear();
    p.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(want.size()) + "\r\n\r\n" + want + (extra ? "junk" : ""));
  };
  make_client();
  for (int round = 0; round < 2; ++round) {
    extra = round == 1;
    TestCall call{*client, origin_of(b), kGet};
    call.into = &big;
    call.hook = [&] { if (call.events == 1) call.call->read_into(big.data() + call.body.size(), big.size() - call.body.size()); };
    run_until([&] { return call.done(); });
    EXPECT_EQ(call.body, want);
    EXPECT_GT(call.into_bytes, want.size() - loop::ReadBlock::kSize - 1);
    EXPECT_EQ(big.substr(big.size() - call.into_bytes), want.substr(want.size() - call.into_bytes));
    turns(5);
  }
  EXPECT_EQ(client->stats().idle, 0u);  // the junk of the second round was no response
}

TEST_F(ClientTest, ReadIntoIsIgnoredForChunkedBodies) {
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) { p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"); };
  TestCall call{make_client(), origin_of(b), kGet};
  std::string buffer(100, ' ');
  call.into = &buffer;
  call.hook = [&] { if (call.events == 1) call.call->read_into(buffer.data(), buffer.size()); };
  run_until([&] { return call.events == 1; });
  b.peers[0]->send("3\r\nabc\r\n0\r\n\r\n");
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "abc");
  EXPECT_EQ(call.into_bytes, 0u);
}

// ---- uploads

TEST_F(ClientTest, UploadIsQueuedAndGoesOnWhenWritable) {
  Backend& b = make_backend();
  size_t got = 0;
  const size_t pieces = 200, size = 100'000;
  b.on_data = [&](Backend::Peer& p) {
    got += p.in.size();
    p.in.clear();
    if (got == pieces * size + std::strlen(kGet)) p.send(kOk);
  };
  b.on_open = [](Backend::Peer& p) { p.stop_reading(); };
  TestCall call{make_client(), origin_of(b), kGet, [](Change& r) { r.streaming = true, r.idempotent = false; }};
  size_t sent = 0;
  std::function<void()> more = [&] {
    while (sent < pieces) {
      std::string piece(size, static_cast<char>('a' + sent % 26));
      Slice s = piece;  // dies at once: the call keeps what it needs
      ++sent;
      if (!call.call->send_body({&s, 1}, sent == pieces)) return;
    }
  };
  call.on_drain = more;
  more();
  EXPECT_EQ(sent, 1u);  // no connection yet
  run_until([&] { return !b.peers.empty() && sent > 1; });
  turns(20);
  EXPECT_LT(sent, pieces);
  b.peers[0]->start_reading();
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
  EXPECT_EQ(got, pieces * size + std::strlen(kGet));
  EXPECT_GT(call.writable, 0);
  EXPECT_EQ(client->stats().idle, 1u);
}

TEST_F(ClientTest, AnswerBeforeTheEndOfTheUploadIsDeliveredAndTheConnectionClosed) {
  Backend& b = make_backend();
  b.answer("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  TestCall call{make_client(), origin_of(b), kGet, [](Change& r) { r.streaming = true; }};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.status, 413);
  Slice s = "more";
  EXPECT_TRUE(call.call->send_body({&s, 1}, true));
  EXPECT_EQ(client->stats().idle, 0u);
}

TEST_F(ClientTest, LargeRequestThatTheKernelDoesNotTakeAtOnceArrivesWhole) {
  Backend& b = make_backend();
  std::string request = kGet + std::string(8 << 20, 'b');
  std::string got;
  b.on_data = [&](Backend::Peer& p) {
    got += p.in;
    p.in.clear();
    if (got.size() == request.size()) p.send(kOk);
  };
  TestCall call{make_client(), origin_of(b), request};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
  EXPECT_TRUE(got == request);
  EXPECT_EQ(client->stats().idle, 1u);
}

TEST_F(ClientTest, ManySlicesAreOneRequest) {
  Backend& b = make_backend();
  std::string got;
  b.on_data = [&](Backend::Peer& p) {
    got = p.in;
    if (got.ends_with("\r\n\r\n")) p.send(kOk);
  };
  std::vector<Slice> slices{"GET / HTTP/1.1\r\nHost: x\r\n"};
  for (int i = 0; i < 200; ++i) slices.push_back("a: b\r\n"), slices.push_back("");
  slices.push_back("\r\n");
  TestCall call{make_client(), origin_of(b), "", [&](Change& r) { r.bytes = slices; }};
  run_until([&] { return call.done(); });
  EXPECT_EQ(got.size(), total_size(slices));
}

// ---- cancellation

TEST_F(ClientTest, CallCanBeDestroyedInEveryState) {
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) {
    p.in.clear();
    p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    p.send("1\r\nb\r\n0\r\n\r\n");
  };
  make_client();
  Origin o = origin_of(b);
  for (int turn = 0; turn < 12; ++turn) {  // after so many turns of the loop, on fresh and on reused connections
    TestCall call{*client, o, kGet, [&](Change& r) { r.streaming = turn % 2; }};
    Slice s = "body";
    if (turn % 2) call.call->send_body({&s, 1}, turn % 4 == 1);
    turns(turn);
    call.call.reset();
    int events = call.events;
    turns(3);
    EXPECT_EQ(call.events, events);
  }
  EXPECT_EQ(client->stats().active, 0u);
}

TEST_F(ClientTest, CallCanBeDestroyedInsideEachOfItsEvents) {
  Backend& b = make_backend();
  b.on_data = [](Backend::Peer& p) {
    p.in.clear();
    p.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  };
  make_client();
  for (int n = 1; n <= 4; ++n) {
    TestCall call{*client, origin_of(b), kGet};
    call.hook = [&] { if (call.events == n) call.call.reset(); };
    run_until([&] { return call.events >= 1; });
    for (int i = 0; i < 5 && call.call; ++i) {
      b.peers.back()->send("x");
      int before = call.events;
      run_until([&] { return call.events > before || !call.call || call.done(); });
    }
    EXPECT_EQ(call.events, n);
    EXPECT_EQ(client->stats().active, 0u);
  }
  // Inside on_error.
  Origin gone = origin_of(b);
  b.stop_listening();
  turns(1);
  client->close();
  make_client();
  TestCall failing{*client, gone, kGet};
  failing.hook = [&] { failing.call.reset(); };
  run_until([&] { return failing.done(); });
  EXPECT_EQ(failing.code, Errc::refused);
}

// ---- origins

TEST(OriginTest, PartsOfAnOrigin) {
  auto o = make_origin("http://Example.com", nullptr);
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->host, "example.com");
  EXPECT_EQ(o->port, 80);
  EXPECT_EQ(o->authority, "example.com");
  EXPECT_EQ(make_origin("http://example.com:80", nullptr)->key, o->key);
  EXPECT_NE(make_origin("http://example.com:81", nullptr)->key, o->key);
  EXPECT_NE(make_origin("http://example.com", nullptr)->serial, o->serial);
  EXPECT_EQ(make_origin("http://a_b:8080", nullptr)->authority, "a_b:8080");
  o = make_origin("http://[::1]:8080", nullptr);
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->host, "::1");
  EXPECT_EQ(o->authority, "[::1]:8080");
  std::vector<TlsProblem> problems;
  auto one = TlsClientContext::create({}, problems), two = TlsClientContext::create({}, problems);
  o = make_origin("HTTPS://h", one);
  ASSERT_TRUE(o.ok());
  EXPECT_TRUE(o->tls);
  EXPECT_EQ(o->port, 443);
  EXPECT_EQ(o->authority, "h");
  EXPECT_NE(make_origin("https://h", two)->key, o->key);
}

TEST(OriginTest, WhatIsNoOriginIsRefused) {
  for (const char* text : {"", "h", "ftp://h", "http://", "http://:80", "http://h/", "http://h?x", "http://h#x", "http://u:p@h", "http://h:",
                           "http://h:0", "http://h:65536", "http://h:-1", "http://h:8a", "http://a b", "http://[::1", "http://[1.2.3.4]",
                           "http://[::1]8", "http://[g::]", "http://h\r\nX: y", "https://h"})
    EXPECT_FALSE(make_origin(text, nullptr).ok()) << text;
}

}  // namespace
}  // namespace sluice::http

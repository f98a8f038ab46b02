// The server over real sockets: responses out, streaming, back-pressure, truncation, clients that leave, drain.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <atomic>
#include <cstdarg>

#include "server_fixture.h"

// Counted system calls: the server and libuv call these through the dynamic linker and so find ours.
namespace {
thread_local std::atomic<uint64_t>* calls_read = nullptr;
thread_local std::atomic<uint64_t>* calls_write = nullptr;
thread_local std::atomic<uint64_t>* calls_epoll_ctl = nullptr;
thread_local std::atomic<uint64_t>* calls_accept = nullptr;
void count(std::atomic<uint64_t>* counter) {
  if (counter) ++*counter;
}
}  // namespace
#define SLC_INTERPOSE extern "C" __attribute__((visibility("default")))
SLC_INTERPOSE ssize_t read(int fd, void* to, size_t n) {
  count(calls_read);
  return syscall(SYS_read, fd, to, n);
}
SLC_INTERPOSE ssize_t write(int fd, const void* from, size_t n) {
  count(calls_write);
  return syscall(SYS_write, fd, from, n);
}
SLC_INTERPOSE ssize_t writev(int fd, const iovec* v, int n) {
  count(calls_write);
  return syscall(SYS_writev, fd, v, n);
}
SLC_INTERPOSE long syscall(long number, ...) noexcept {
  static const auto real = reinterpret_cast<long (*)(long, ...)>(dlsym(RTLD_NEXT, "syscall"));
  long given[6];
  va_list list;
  va_start(list, number);
  for (long& argument : given) argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_recvfrom) count(calls_read);
  if (number == SYS_sendto || number == SYS_sendmsg) count(calls_write);
  return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
// The ThreadSanitizer build calls these instead; they arrive above.
SLC_INTERPOSE ssize_t recv(int fd, void* to, size_t n, int flags) { return syscall(SYS_recvfrom, fd, to, n, flags, nullptr, nullptr); }
SLC_INTERPOSE ssize_t send(int fd, const void* from, size_t n, int flags) { return syscall(SYS_sendto, fd, from, n, flags, nullptr, 0); }
SLC_INTERPOSE ssize_t sendmsg(int fd, const msghdr* message, int flags) { return syscall(SYS_sendmsg, fd, message, flags); }
SLC_INTERPOSE int accept4(int fd, sockaddr* peer, socklen_t* size, int flags) {
  count(calls_accept);
  return static_cast<int>(syscall(SYS_accept4, fd, peer, size, flags));
}
struct epoll_event;
SLC_INTERPOSE int epoll_ctl(int epoll, int op, int fd, epoll_event* e) noexcept {
  count(calls_epoll_ctl);
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, op, fd, e));
}

namespace sluice::http::server_test {
namespace {

TEST(ServerResponseTest, AKeepAliveRequestCostsOneReadAndOneWrite) {
  TestServer server{[](Stream& s) {
    ResponseHead head;
    head.headers.bind(s.arena());
    head.headers.add("Content-Type", "application/json");
    Slice body[] = {"{\"a\":", "1}"};
    s.respond(head, body, Life::exchange);
    s.release();
  }, {.write_timeout_ms = 60'000, .idle_timeout_ms = 60'000}};
  Client client{server.port};
  ASSERT_EQ(client.get("/warm").status, 200);
  std::atomic<uint64_t> reads = 0, writes = 0, controls = 0;
  server.on_loop([&] { calls_read = &reads, calls_write = &writes, calls_epoll_ctl = &controls; });
  constexpr uint64_t kRequests = 100;
  for (uint64_t i = 0; i < kRequests; ++i) ASSERT_EQ(client.get("/x").body, "{\"a\":1}");
  uint64_t r = reads, w = writes, c = controls;
  server.on_loop([&] { calls_read = calls_write = calls_epoll_ctl = nullptr; });
  EXPECT_EQ(r, kRequests);
  EXPECT_EQ(w, kRequests);
  EXPECT_EQ(c, 0u);
}

TEST(ServerResponseTest, ADelayedResponseCostsOneWriteToo) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) { recorder->take(s), recorder->events->add("request"); }};
  Recorder& owner = server.recorder;
  recorder = &owner;
  Client client{server.port};
  std::atomic<uint64_t> writes = 0, controls = 0;
  for (uint64_t i = 0; i < 4; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(server.events.next(), "request");
    server.on_loop([&] {
      calls_write = &writes, calls_epoll_ctl = &controls;  // from the first response on
      reply(*owner.stream, "x");
    });
    EXPECT_EQ(client.response().body, "x");
    EXPECT_EQ(writes, i + 1);
  }
  EXPECT_EQ(controls, 0u);
  server.on_loop([&] { calls_write = calls_epoll_ctl = nullptr; });
}

TEST(ServerResponseTest, HopByHopFramingAndUnsafeFieldsAreLeftOut) {
  TestServer server{[](Stream& s) {
    ResponseHead head;
    head.status = 201;
    head.reason = "Made";
    head.headers.bind(s.arena());
    for (std::string_view name : {"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "TE", "Trailer",
                                  "Transfer-Encoding", "Upgrade", "Content-Length"})
      head.headers.add(name, "7");
    head.headers.add("X-Split", "a\r\nEvil: 1");
    head.headers.add("X-Nul", std::string_view{"a\0b", 3});
    head.headers.add("Bad\nName", "1");
    head.headers.add("Set-Cookie", "a=1");
    head.headers.add("set-cookie", "b=2");
    head.headers.add("Date", "today");
    Slice body[] = {"", "four", ""};
    s.respond(head, body, Life::callback);
    s.release();
  }};
  Client client{server.port};
  auto r = client.get("/");
  EXPECT_EQ(r.head, "HTTP/1.1 201 Made\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nDate: today\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(r.body, "four");
}

TEST(ServerResponseTest, ResponsesWithoutBodySendNone) {
  TestServer server{[](Stream& s) {
    ResponseHead head;
    head.headers.bind(s.arena());
    std::string_view path = s.head().path;
    if (path == "/204") head.status = 204;
    if (path == "/304") head.status = 304;
    if (path != "/own") head.headers.add("Content-Length", "9");
    Slice body[] = {"12345"};
    if (path == "/stream") {
      head.content_length = 5;
      s.start(head, body, Life::exchange);
      EXPECT_TRUE(s.write(body, Life::exchange));
      s.finish();
    } else {
      s.respond(head, body, Life::exchange);
    }
    s.release();
  }};
  Client client{server.port};
  auto head = [&](std::string_view method, std::string_view path) {
    client.send(std::string{method} + " " + std::string{path} + " HTTP/1.1\r\nHost: a\r\n\r\n");
    return client.response(false);
  };
  EXPECT_TRUE(head("HEAD", "/own").has("Content-Length: 5"));
  EXPECT_TRUE(head("HEAD", "/given").has("Content-Length: 9"));
  EXPECT_TRUE(head("HEAD", "/stream").has("Content-Length: 9"));
  EXPECT_FALSE(head("GET", "/204").names("Content-Length"));
  EXPECT_TRUE(head("GET", "/304").has("Content-Length: 9"));
  EXPECT_EQ(client.get("/own").body, "12345") << "nothing was left on the wire";
}

void stream_pieces(Stream& s, int64_t length, bool finish = true) {
  ResponseHead head;
  head.content_length = length;
  Slice first[] = {"ab"}, more[] = {"c", "", "de"};
  s.start(head, first, Life::callback);
  EXPECT_TRUE(s.started());
  s.write(more, Life::callback);
  s.write({}, Life::callback);
  if (finish)
    s.finish();
  else
    s.abort();
  s.release();
}

TEST(ServerResponseTest, StreamsAreChunkedCountedOrEndWithTheConnection) {
  TestServer server{[](Stream& s) { stream_pieces(s, s.head().path == "/n" ? 5 : -1); }};
  Client client{server.port};
  client.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
  std::string head = client.until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked"), head.npos);
  EXPECT_EQ(client.exactly(20), "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
  auto r = client.get("/n");
  EXPECT_TRUE(r.has("Content-Length: 5"));
  EXPECT_EQ(r.body, "abcde");
  client.send("GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  r = client.response();
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_FALSE(r.names("Transfer-Encoding"));
  EXPECT_EQ(r.body, "abcde");
  EXPECT_TRUE(r.whole);
}

TEST(ServerResponseTest, AbortIsVisibleToTheClient) {
  TestServer server{[](Stream& s) {
    if (s.head().path == "/nothing") {
      s.abort();
      s.release();
    } else {
      stream_pieces(s, s.head().path == "/n" ? 100 : -1, false);
    }
  }};
  for (std::string_view request : {"GET /c HTTP/1.1", "GET /n HTTP/1.1", "GET /c HTTP/1.0", "GET /n HTTP/1.0", "GET /nothing HTTP/1.1"}) {
    Client client{server.port};
    client.send(std::string{request} + "\r\nHost: a\r\n\r\n");
    auto r = client.response();
    client.rest();
    EXPECT_TRUE(!r.whole || client.reset) << request;
  }
}

TEST(ServerResponseTest, TooFewOrTooManyBytesCloseTheConnection) {
  TestServer server{[](Stream& s) { stream_pieces(s, s.head().path == "/short" ? 8 : 3); }};
  Client few{server.port};
  EXPECT_FALSE(few.get("/short").whole);
  Client many{server.port};
  auto r = many.get("/long");
  EXPECT_EQ(r.body, "abc");
  EXPECT_EQ(many.rest(), "") << "surplus bytes would be read as the next response";
}

// Sends `total` bytes in pieces, waiting for on_drain whenever write() says no.
struct Pump final : StreamOwner {
  Pump(Stream& s, size_t total_, Events& e) : stream{&s}, left{total_}, events{&e} {
    s.set_owner(this);
    ResponseHead head;
    head.content_length = s.head().query == "length" ? static_cast<int64_t>(left) : -1;
    s.start(head, {}, Life::exchange);
    on_drain();
  }
  void on_body(Slices, bool) noexcept override {}
  void on_body_error(const Error&) noexcept override {}
  void on_drain() noexcept override {
    while (left > 0) {
      std::string piece(std::min<size_t>(left, 50'000), static_cast<char>('a' + left % 26));
      left -= piece.size();
      Slice half[] = {Slice{piece}.substr(0, 100), Slice{piece}.substr(std::min<size_t>(100, piece.size()))};
      bool more = stream->write(half, Life::callback);
      piece.assign(piece.size(), '!');  // the bytes lived only for the call
      if (!more && left > 0) {
        events->add("full");
        return;
      }
    }
    stream->finish();
    stream->release();
    delete this;
  }
  void on_gone() noexcept override {
    stream->release();
    events->add("gone");
    delete this;
  }
  Stream* stream;
  size_t left;
  Events* events;
};

std::string pumped(size_t total) {
  std::string out;
  for (size_t left = total; left > 0;) {
    size_t n = std::min<size_t>(left, 50'000);
    out.append(n, static_cast<char>('a' + left % 26));
    left -= n;
  }
  return out;
}

TEST(ServerResponseTest, ASlowReaderHoldsTheWriterBack) {
  TestServer* self = nullptr;
  constexpr size_t kTotal = 20'000'000;
  TestServer server{[&](Stream& s) { new Pump{s, kTotal, self->events}; }};
  self = &server;
  for (std::string_view path : {"/?length", "/"}) {
    Client client{server.port, 8192};
    client.send("GET " + std::string{path} + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(server.events.next(), "full") << "the client does not read: the queue must fill";
    auto r = client.response();
    EXPECT_TRUE(r.whole);
    EXPECT_TRUE(r.body == pumped(kTotal));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(client.response().body == pumped(kTotal));
    while (!server.events.empty()) server.events.next();
  }
}

TEST(ServerResponseTest, ALargeResponseIsQueuedAndTheArenaWaitsForIt) {
  constexpr size_t kTotal = 8'000'000;
  TestServer server{[](Stream& s) {
    // Many slices, large and small, all in the arena; released at once.
    ArenaVector<Slice> slices{s.arena()};
    size_t at = 0;
    for (size_t n = 1; at < kTotal; n = n * 7 % 30011 + 1) {
      n = std::min(n, kTotal - at);
      char* p = static_cast<char*>(s.arena().alloc(n, 1));
      std::memset(p, static_cast<int>('a' + at % 26), n);
      slices.push({p, n});
      at += n;
    }
    s.respond({}, slices.span(), Life::exchange);
    s.release();
  }};
  std::string want;
  for (size_t n = 1; want.size() < kTotal; n = n * 7 % 30011 + 1) {
    n = std::min(n, kTotal - want.size());
    want.append(n, static_cast<char>('a' + want.size() % 26));
  }
  Client client{server.port, 8192};
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.response().body == want);
  EXPECT_TRUE(client.response().body == want);
}

TEST(ServerResponseTest, BytesOfTheReadBlockMayBeSentFromTheCallback) {
  // The body goes back straight from where it was read, to a client that does not read until it has sent everything.
  struct Mirror final : StreamOwner {
    explicit Mirror(Stream& s) : stream{&s} {
      s.set_owner(this);
      ResponseHead head;
      head.content_length = s.head().content_length;
      Slice first[] = {s.body()};
      s.start(head, first, Life::exchange);
      s.read_body();
    }
    void on_body(Slices slices, bool last) noexcept override {
      stream->write(slices, Life::callback);  // no back-pressure: the queue takes it all
      if (!last) return;
      stream->finish();
      stream->release();
      delete this;
    }
    void on_body_error(const Error&) noexcept override { ADD_FAILURE(); }
    void on_drain() noexcept override {}
    void on_gone() noexcept override { ADD_FAILURE(); }
    Stream* stream;
  };
  TestServer server{[](Stream& s) { new Mirror{s}; }};
  std::string body;
  for (int i = 0; body.size() < 10'000'000; ++i) body += std::to_string(i) + ",";
  Client client{server.port, 8192};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(client.response().body == body);
}

TEST(ServerResponseTest, AClientThatLeavesIsReported) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) { recorder->take(s), recorder->events->add("request"); }};
  Recorder& owner = server.recorder;
  recorder = &owner;
  for (bool half : {false, true}) {
    Client client{server.port};
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(server.events.next(), "request");
    if (half)
      client.half_close();
    else
      client.close();
    EXPECT_EQ(server.events.next(), "gone");
    if (half) {
      EXPECT_EQ(client.rest(), "");
    }
  }
}

TEST(ServerResponseTest, AClientThatLeavesWhileItsBodyIsReadIsReportedOnce) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) {
    recorder->take(s);
    s.read_body();
    recorder->events->add("request");
  }};
  Recorder& owner = server.recorder;
  recorder = &owner;
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(server.events.next(), "request");
  client.close();
  EXPECT_EQ(server.events.next(), "gone");
  server.stop();
  EXPECT_TRUE(server.events.empty());
}

TEST(ServerResponseTest, AClientThatLeavesDuringABigResponseIsReported) {
  TestServer* self = nullptr;
  TestServer server{[&](Stream& s) { new Pump{s, 100'000'000, self->events}; }};
  self = &server;
  Client client{server.port, 8192};
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server.events.next(), "full");
  client.close();
  std::string event;
  while ((event = server.events.next()) == "full") {
  }
  EXPECT_EQ(event, "gone");
}

TEST(ServerResponseTest, WriteTimeoutEndsWithoutResponse) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) { recorder->take(s); }, {.write_timeout_ms = 50}};
  Recorder& owner = server.recorder;
  recorder = &owner;
  Client client{server.port};
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(server.events.next(), "gone");
}

TEST(ServerResponseTest, WriteTimeoutAlsoCutsAResponseThatNobodyReads) {
  TestServer* self = nullptr;
  TestServer server{[&](Stream& s) { new Pump{s, 100'000'000, self->events}; }, {.write_timeout_ms = 100}};
  self = &server;
  Client client{server.port, 8192};
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  std::string event;
  while ((event = server.events.next()) == "full") {
  }
  EXPECT_EQ(event, "gone");
  EXPECT_FALSE(client.response().whole);
}

TEST(ServerResponseTest, CloseAfterSaysSoAndCloses) {
  TestServer server{[](Stream& s) {
    s.close_after();
    reply(s, "bye");
  }};
  Client client{server.port};
  EXPECT_TRUE(client.get("/").has("Connection: close"));
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerResponseTest, DrainClosesIdleConnectionsAndFinishesTheOthers) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) {
    if (s.head().path == "/wait")
      recorder->take(s), recorder->events->add("request");
    else
      reply(s, "ok");
  }};
  Recorder& owner = server.recorder;
  recorder = &owner;
  Client idle{server.port}, partial{server.port}, busy{server.port};
  EXPECT_EQ(idle.get("/").status, 200);
  EXPECT_EQ(partial.get("/").status, 200);
  partial.send("GET / HTT");
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server.events.next(), "request");
  server.on_loop([&] { server.server->drain([&] { server.events.add("drained"); }); });
  EXPECT_EQ(idle.rest(), "");
  EXPECT_EQ(partial.rest(), "");
  EXPECT_FALSE(Client{server.port}.connected);
  EXPECT_TRUE(server.events.empty());
  server.on_loop([&] { reply(*owner.stream, "last"); });
  auto r = busy.response();
  EXPECT_EQ(r.body, "last");
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_EQ(busy.rest(), "");
  EXPECT_EQ(server.events.next(), "drained");
}

TEST(ServerResponseTest, DrainOfAnIdleServerIsReportedOnce) {
  TestServer server{[](Stream& s) { reply(s, "ok"); }};
  server.on_loop([&] { server.server->drain([&] { server.events.add("drained"); }); });
  EXPECT_EQ(server.events.next(), "drained");
  server.stop();
  EXPECT_TRUE(server.events.empty());
}

TEST(ServerResponseTest, CloseTellsTheOwnersOfRunningRequests) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) { recorder->take(s), recorder->events->add("request"); }};
  Recorder& owner = server.recorder;
  recorder = &owner;
  Client client{server.port};
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server.events.next(), "request");
  server.stop();
  EXPECT_EQ(server.events.next(), "gone");
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerListenTest, ABusyPortIsNamed) {
  TestServer server{[](Stream& s) { reply(s, "ok"); }};
  auto probe = Server::probe("127.0.0.1", server.port);
  ASSERT_FALSE(probe);
  EXPECT_NE(probe.error().message.find("127.0.0.1:" + std::to_string(server.port)), std::string::npos) << probe.error().message;
  EXPECT_NE(probe.error().message.find("in use"), std::string::npos);
  EXPECT_FALSE(Server::probe("", server.port));
  EXPECT_TRUE(Server::probe("127.0.0.1", 0));
  EXPECT_FALSE(Server::probe("localhost", 0));
  EXPECT_FALSE(Server::probe("203.0.113.7", 0)) << "documentation addresses belong to nobody";
}

TEST(ServerListenTest, SeveralLoopsShareAPortAndAProbeSeesThem) {
  struct Nothing final : Handler {
    void on_request(Stream& s) noexcept override { reply(s, "ok"); }
  } handler;
  loop::Loop one, two;
  Server first{one, handler, {}}, second{two, handler, {}};
  auto port = first.listen("", 0, true);
  ASSERT_TRUE(port) << port.error().message;
  auto again = second.listen("", *port, true);
  EXPECT_TRUE(again) << again.error().message;
  EXPECT_EQ(second.port(), *port);
  EXPECT_FALSE(Server::probe("", *port));
  EXPECT_FALSE(Server::probe("127.0.0.1", *port));
  first.close();
  second.close();
  one.stop(), two.stop();
  one.run(), two.run();
}

TEST(ServerListenTest, AllInterfacesServeIpv4ClientsByTheirAddress) {
  struct Peer final : Handler {
    void on_request(Stream& s) noexcept override { reply(s, s.peer_ip()); }
  } handler;
  for (const char* all : {"", "::"}) {
    if (!Server::probe(all, 0)) continue;  // no IPv6 here
    loop::Loop loop;
    Server server{loop, handler, {}};
    auto port = server.listen(all, 0, false);
    ASSERT_TRUE(port) << port.error().message;
    std::thread thread{[&] { loop.run(); }};
    EXPECT_EQ(Client{*port}.get("/").body, "127.0.0.1") << '"' << all << '"';
    loop.post([&] { server.close(), loop.stop(); });
    thread.join();
  }
}

TEST(ServerListenTest, ConnectionsBeyondTheLimitAreClosed) {
  TestServer server{[](Stream& s) { reply(s, "ok"); }, {.max_connections = 2}};
  Client one{server.port}, two{server.port};
  EXPECT_EQ(one.get("/").status, 200);
  EXPECT_EQ(two.get("/").status, 200);
  Client three{server.port};
  EXPECT_EQ(three.rest(), "");
  EXPECT_EQ(one.get("/").status, 200);
}

TEST(ServerListenTest, WithoutDescriptorsClientsWaitAndTheLoopDoesNotSpin) {
  TestServer server{[](Stream& s) { reply(s, "ok"); }};
  EXPECT_EQ(Client{server.port}.get("/").status, 200);
  Client waiting{0};  // has its descriptor already
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(next, 0);
  ::close(next);
  std::atomic<uint64_t> accepts = 0;
  server.on_loop([&] { calls_accept = &accepts; });
  rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  ASSERT_TRUE(waiting.connect(server.port));
  while (accepts == 0) std::this_thread::yield();
  for (int turn = 0; turn < 200; ++turn) server.on_loop([] {});
  EXPECT_LT(accepts, 100u) << "one try a turn would be spinning";
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(waiting.get("/").status, 200);
  server.on_loop([] { calls_accept = nullptr; });
}

TEST(ServerListenTest, ManyConnectionsComeAndGo) {
  TestServer server{[](Stream& s) { reply(s, "ok"); }};
  for (int i = 0; i < 300; ++i) ASSERT_EQ(Client{server.port}.get("/").status, 200);
  Client last{server.port};
  EXPECT_EQ(last.get("/").status, 200);
}

}  // namespace
}  // namespace sluice::http::server_test

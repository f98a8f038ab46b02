// The server over real sockets: requests in, keep-alive, pipelining, bodies, refusals, limits and time-outs.
#include "server_fixture.h"

namespace sluice::http::server_test {
namespace {

void echo_path(Stream& s) { reply(s, s.arena().concat(s.head().method, " ", s.head().path)); }

// Answers with the request's body, however it arrives.
struct Echo final : StreamOwner {
  explicit Echo(Stream& s) : stream{&s}, body{s.body()} {
    s.set_owner(this);
    if (s.body_complete())
      answer();
    else
      s.read_body();
  }
  void on_body(Slices slices, bool last) noexcept override {
    for (Slice s : slices) body += s;
    if (last) answer();
  }
  void on_body_error(const Error&) noexcept override {
    body = "error";
    answer();
  }
  void on_drain() noexcept override {}
  void on_gone() noexcept override {
    stream->release();
    delete this;
  }
  void answer() {
    reply(*stream, body);
    delete this;
  }
  Stream* stream;
  std::string body;
};
void echo_body(Stream& s) { new Echo{s}; }

TEST(ServerRequestTest, KeepAliveRequestsAreAnsweredOnOneConnection) {
  TestServer server{echo_path};
  Client client{server.port};
  for (int i = 0; i < 5; ++i) {
    auto r = client.get("/a" + std::to_string(i));
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "GET /a" + std::to_string(i));
    EXPECT_TRUE(r.has("Content-Length: 7"));
    EXPECT_FALSE(r.names("Connection"));
    EXPECT_TRUE(r.names("Date"));
  }
  server.on_loop([&] { EXPECT_EQ(server.server->connections(), 1u); });
}

TEST(ServerRequestTest, RequestsMayArriveInAnySplit) {
  TestServer server{echo_body};
  const std::string raw =
      "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "POST /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nT: v\r\n\r\n"
      "GET /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  auto check = [&](Client& client) {
    EXPECT_EQ(client.response().body, "abc");
    EXPECT_EQ(client.response().body, "def");
    auto last = client.response();
    EXPECT_EQ(last.status, 200);
    EXPECT_TRUE(last.has("Connection: close"));
    EXPECT_EQ(client.rest(), "");
  };
  Client bytewise{server.port};
  for (char c : raw) ASSERT_TRUE(bytewise.send({&c, 1}));
  check(bytewise);
  for (size_t i = 1; i < raw.size(); ++i) {
    SCOPED_TRACE(i);
    Client client{server.port};
    client.send(raw.substr(0, i));
    server.on_loop([] {});  // likely a read of its own
    client.send(raw.substr(i));
    check(client);
  }
}

TEST(ServerRequestTest, PipelinedRequestsAreAnsweredInOrderOneAtATime) {
  std::deque<Stream*> waiting;
  TestServer* self = nullptr;
  Events started;
  TestServer server{[&](Stream& s) {
    waiting.push_back(&s);
    started.add(std::string{s.head().path});
  }};
  self = &server;
  struct Owner final : StreamOwner {
    void on_body(Slices, bool) noexcept override {}
    void on_body_error(const Error&) noexcept override {}
    void on_drain() noexcept override {}
    void on_gone() noexcept override { ADD_FAILURE() << "gone"; }
  } owner;
  Client client{self->port};
  std::string raw;
  for (int i = 0; i < 3; ++i) raw += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(raw);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(started.next(), "/" + std::to_string(i));
    server.on_loop([&] {
      ASSERT_EQ(waiting.size(), 1u) << "the next request waits for the response";
      waiting.front()->set_owner(&owner);
      reply(*waiting.front(), waiting.front()->head().path);
      waiting.pop_front();
    });
    EXPECT_EQ(client.response().body, "/" + std::to_string(i));
  }
}

TEST(ServerRequestTest, ThousandsOfPipelinedRequestsAreAnswered) {
  TestServer server{echo_path};
  Client client{server.port};
  std::thread sender{[&] {
    std::string raw;
    for (int i = 0; i < 5000; ++i) raw += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(raw);
  }};
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(client.response().body, "GET /" + std::to_string(i));
  sender.join();
}

TEST(ServerRequestTest, AClientThatPipelinesTooMuchIsHeldBack) {
  Stream* held = nullptr;
  int requests = 0;
  TestServer* self = nullptr;
  TestServer server{[&](Stream& s) {
    if (++requests == 1)
      held = &s, self->events.add("request");
    else
      reply(s, "ok");
  }};
  self = &server;
  Recorder& owner = server.recorder;
  Client client{server.port};
  client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server.events.next(), "request");
  const std::string one = "GET /p HTTP/1.1\r\nHost: a\r\nX: " + std::string(1000, 'x') + "\r\n\r\n";
  // Far more than the server and the socket buffers hold: the sender has to wait.
  constexpr int kMany = 20000;
  std::atomic<int> sent = 0;
  std::thread sender{[&] {
    for (int i = 0; i < kMany; ++i) {
      client.send(one);
      ++sent;
    }
  }};
  // When the first response comes, everything flows.
  while (sent < 200) std::this_thread::yield();
  server.on_loop([&] {
    ASSERT_TRUE(held);
    EXPECT_EQ(requests, 1);
    owner.take(*held);
    reply(*held, "first");
  });
  EXPECT_EQ(client.response().body, "first");
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(client.response().body, "ok");
  sender.join();
}

TEST(ServerRequestTest, RefusalsAreShortAndCloseTheConnection) {
  int handled = 0;
  TestServer server{[&](Stream& s) { ++handled, reply(s, "no"); }, {.max_header_bytes = 1000, .max_headers = 20}};
  struct Case {
    std::string raw, status;
  };
  std::string many;
  for (int i = 0; i < 21; ++i) many += "A: b\r\n";
  for (const Case& c : {Case{"GARBAGE\r\n\r\n", "400 Bad Request"}, {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"},
                        {"GET / HTTP/9.9\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"},
                        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"},
                        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400 Bad Request"},
                        {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(6000, 'x'), "431 Request Header Fields Too Large"},
                        {"GET / HTTP/1.1\r\nHost: a\r\n" + many + "\r\n", "431 Request Header Fields Too Large"}}) {
    Client client{server.port};
    client.send(c.raw);
    auto r = client.response();
    EXPECT_EQ(r.head.substr(0, r.head.find("\r\n")), "HTTP/1.1 " + c.status);
    EXPECT_EQ(r.body, c.status);
    EXPECT_TRUE(r.has("Content-Type: text/plain; charset=utf-8"));
    EXPECT_TRUE(r.has("Connection: close"));
    EXPECT_EQ(client.rest(), "");
    EXPECT_FALSE(client.reset);
  }
  EXPECT_EQ(handled, 0);
}

TEST(ServerRequestTest, ARefusalReachesAClientThatGoesOnSending) {
  TestServer server{echo_path, {.max_header_bytes = 1000}};
  Client client{server.port};
  client.send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(100'000, 'x'));
  EXPECT_EQ(client.response().status, 431);
  EXPECT_EQ(client.rest(), "");
  EXPECT_FALSE(client.reset);
}

TEST(ServerRequestTest, HeadersUpToTheLimitPass) {
  TestServer server{echo_path, {.max_header_bytes = 2000}};
  Client client{server.port};
  EXPECT_EQ(client.get("/", "X: " + std::string(5500, 'x') + "\r\n").status, 200);
  EXPECT_EQ(client.get("/", "X: " + std::string(6500, 'x') + "\r\n").status, 431);
}

TEST(ServerRequestTest, TheServerAnswersOptionsAsteriskAndUnknownExpectations) {
  int handled = 0;
  TestServer server{[&](Stream& s) { ++handled, reply(s, "no"); }};
  Client client{server.port};
  client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  auto r = client.response();
  EXPECT_EQ(r.status, 200);
  EXPECT_TRUE(r.has("Content-Length: 0"));
  EXPECT_EQ(r.body, "");
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n");
  r = client.response();
  EXPECT_EQ(r.status, 417);
  EXPECT_EQ(r.body, "");
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(handled, 0);
}

TEST(ServerRequestTest, UnknownMethodsAndConnectReachTheHandler) {
  TestServer server{echo_path};
  Client client{server.port};
  client.send("FOO /x HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nGET http://h/p HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.response().body, "FOO /x");
  EXPECT_EQ(client.response().body, "CONNECT ");
  EXPECT_EQ(client.response().body, "GET /p");
}

TEST(ServerRequestTest, Http10ClosesUnlessAskedToKeepAlive) {
  TestServer server{echo_path};
  Client client{server.port};
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto r = client.response();
  EXPECT_EQ(r.head.substr(0, 15), "HTTP/1.0 200 OK");
  EXPECT_TRUE(r.has("Connection: keep-alive"));
  client.send("GET /b HTTP/1.0\r\n\r\n");
  r = client.response();
  EXPECT_EQ(r.body, "GET /b");
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerRequestTest, BigBodiesArriveWithLengthAndChunked) {
  TestServer server{echo_body};
  std::string body;
  for (int i = 0; body.size() < 2'000'000; ++i) body += std::to_string(i) + ",";
  Client client{server.port};
  std::thread sender{[&] {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string chunks;
    for (size_t at = 0, n = 1; at < body.size(); at += n, n = n * 3 % 70001 + 1) {
      char size[20];
      std::string_view piece = std::string_view{body}.substr(at, n);
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      chunks += size + std::string{piece} + "\r\n";
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  }};
  EXPECT_TRUE(client.response().body == body);
  EXPECT_TRUE(client.response().body == body);
  sender.join();
}

TEST(ServerRequestTest, ContinueIsSentWhenTheBodyIsWanted) {
  TestServer server{echo_body};
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  auto r = client.response();
  EXPECT_EQ(r.body, "hi");
  EXPECT_FALSE(r.names("Connection"));
  // The body came at once: no interim response.
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nho");
  EXPECT_EQ(client.response().body, "ho");
}

TEST(ServerRequestTest, AnAnswerWithoutContinueClosesTheConnection) {
  TestServer server{[](Stream& s) { reply(s, "no", 403); }};
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  auto r = client.response();
  EXPECT_EQ(r.status, 403);
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerRequestTest, AShortUnreadBodyIsDroppedAndALongOneCloses) {
  TestServer server{echo_path};
  Client client{server.port};
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_EQ(client.response().body, "POST /a");
  client.send(std::string(100000, 'x') + "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.response().body, "GET /b");
  client.send("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(client.response().body, "POST /c");
  client.send("3\r\nabc\r\n0\r\n\r\nPOST /d HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  auto r = client.response();
  EXPECT_EQ(r.body, "POST /d");
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerRequestTest, APausedBodyWaitsAndResumes) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) {
    recorder->take(s);
    recorder->body = s.body();
    s.read_body();
    s.pause_body();
    recorder->events->add("request");
  }};
  Recorder& owner = server.recorder;
  recorder = &owner;
  owner.on_data = [&](bool last) {
    if (last) reply(*owner.stream, std::to_string(owner.body.size()));
  };
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
  EXPECT_EQ(server.events.next(), "request");
  std::atomic<size_t> sent = 0;
  std::thread sender{[&] {
    std::string part(100'000, 'x');
    for (int i = 0; i < 80; ++i) {
      client.send(part);
      sent += part.size();
    }
  }};
  while (sent < 200'000) std::this_thread::yield();
  server.on_loop([&] {
    EXPECT_EQ(owner.body, "") << "nothing came with the head";
    owner.stream->resume_body();
  });
  EXPECT_EQ(client.response().body, "8000000");
  sender.join();
}

TEST(ServerRequestTest, ReadBodyOfACompleteRequestTellsItsEnd) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) {
    recorder->take(s);
    EXPECT_TRUE(s.body_complete());
    EXPECT_EQ(s.body(), "abc");
    s.read_body();
  }};
  Recorder& owner = server.recorder;
  recorder = &owner;
  owner.on_data = [&](bool last) {
    EXPECT_TRUE(last);
    reply(*owner.stream, "done");
  };
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.response().body, "done");
}

TEST(ServerRequestTest, AMalformedChunkIsTellableAndClosesTheConnection) {
  TestServer server{echo_body};
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  server.on_loop([] {});
  client.send("3\r\nabc\n");
  auto r = client.response();
  if (r.status != 400) {  // the head came alone
    EXPECT_EQ(r.body, "error");
  }
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerRequestTest, ASlowHeadEndsWithoutAnswer) {
  TestServer server{echo_path, {.read_header_timeout_ms = 50}};
  Client silent{server.port}, slow{server.port}, second{server.port};
  slow.send("GET /g HTTP/1.1\r\nHost:");
  EXPECT_EQ(slow.rest(), "");
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(second.rest(), "");
}

TEST(ServerRequestTest, ASlowSecondHeadEndsToo) {
  TestServer server{echo_path, {.read_header_timeout_ms = 200, .idle_timeout_ms = 60'000}};
  Client client{server.port};
  EXPECT_EQ(client.get("/").status, 200);
  client.send("GET /g HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerRequestTest, AnIdleConnectionIsClosed) {
  TestServer server{echo_path, {.idle_timeout_ms = 50}};
  Client client{server.port};
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerRequestTest, ASlowBodyFailsAndTheResponseCloses) {
  TestServer server{echo_body, {.read_timeout_ms = 50}};
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  auto r = client.response();
  EXPECT_EQ(r.body, "error");
  EXPECT_TRUE(r.has("Connection: close"));
  EXPECT_EQ(client.rest(), "");
}

TEST(ServerRequestTest, ASlowBodyIsToldWhenItIsAskedForLater) {
  Recorder* recorder = nullptr;
  TestServer server{[&](Stream& s) { recorder->take(s), recorder->events->add("request"); }, {.read_timeout_ms = 20}};
  Recorder& owner = server.recorder;
  recorder = &owner;
  owner.on_error = [&] { reply(*owner.stream, "late", 500); };
  // A second connection that times out afterwards tells that the first one's deadline has passed.
  Client client{server.port};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(server.events.next(), "request");
  Client later{server.port};
  EXPECT_EQ(later.rest(), "");
  server.on_loop([&] { owner.stream->read_body(); });
  EXPECT_EQ(server.events.next(), "body error " + std::string{to_string(Errc::timeout)});
  EXPECT_EQ(client.response().body, "late");
}

}  // namespace
}  // namespace sluice::http::server_test

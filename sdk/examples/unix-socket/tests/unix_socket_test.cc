// A real socket, and the gateway is the test: posted work runs when the test says so.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

// Listens on a socket in a folder of its own; the test plays the server.
class Server {
 public:
  Server() {
    char name[] = "/tmp/sluice-unix-XXXXXX";
    folder_ = ::mkdtemp(name);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::snprintf(a.sun_path, sizeof a.sun_path, "%s", path().c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
  }
  ~Server() {
    ::close(listener_);
    ::unlink(path().c_str());
    ::rmdir(folder_.c_str());
  }
  std::string path() const { return folder_ + "/s"; }
  std::string block() const { return R"({"path": ")" + path() + R"("})"; }
  // Takes one call and reads its head.
  int accept(std::string* head = nullptr) {
    const int fd = ::accept(listener_, nullptr, nullptr);
    std::string text;
    char c;
    while (text.find("\r\n\r\n") == text.npos && ::read(fd, &c, 1) == 1) text += c;
    if (head) *head = text;
    return fd;
  }
  void answer(int fd, std::string_view text) {
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(fd);
  }

 private:
  std::string folder_;
  int listener_;
};

void run_until_resumed(FakeHost& host, const FakeExchange& x) {
  while (!x.resumed) {
    host.run_posted();
    std::this_thread::yield();
  }
}

TEST(UnixSocketTest, CallsAndAnswers) {
  Server server;
  FakeHost host;
  Configured transport{host, SLC_ENTRY_SYMBOL, "example/unix-socket", server.block(), SLC_AT_BACKEND};
  ASSERT_TRUE(transport.ok()) << host.problem_text();
  FakeExchange x{host, SLC_AT_BACKEND};
  x.path = "/orders";
  x.query = "page=2";
  x.add_header(SLC_REQUEST, "Accept", "text/plain");
  EXPECT_EQ(transport.send(x), SLC_PENDING);
  std::string head;
  server.answer(server.accept(&head), "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nServer: s\r\n\r\nhello");
  EXPECT_EQ(head, "GET /orders?page=2 HTTP/1.0\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n");
  run_until_resumed(host, x);
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.response_body, "hello");
  ASSERT_EQ(x.lines(SLC_RESPONSE).size(), 1u) << "what was not asked for is not passed on";
  EXPECT_EQ(x.header(SLC_RESPONSE, "content-type"), "text/plain");
}

TEST(UnixSocketTest, AnswersThatComeByteByByteAreAnswers) {
  Server server;
  FakeHost host;
  Configured transport{host, SLC_ENTRY_SYMBOL, "example/unix-socket", server.block(), SLC_AT_BACKEND};
  FakeExchange x{host, SLC_AT_BACKEND};
  transport.send(x);
  const int fd = server.accept();
  for (const char c : std::string_view{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"}) ASSERT_EQ(::write(fd, &c, 1), 1);
  ::close(fd);
  run_until_resumed(host, x);
  EXPECT_EQ(x.response_body, "hi");
}

TEST(UnixSocketTest, LargeBodiesGoBothWays) {
  Server server;
  FakeHost host;
  Configured transport{host, SLC_ENTRY_SYMBOL, "example/unix-socket", server.block(), SLC_AT_BACKEND};
  FakeExchange x{host, SLC_AT_BACKEND};
  x.method = "POST";
  x.request_body.assign(1 << 20, 'q');
  transport.send(x);
  const int fd = server.accept();
  std::string body(1 << 20, '\0');
  for (size_t at = 0; at < body.size();) {
    const ssize_t n = ::read(fd, body.data() + at, body.size() - at);
    ASSERT_GT(n, 0);
    at += static_cast<size_t>(n);
  }
  EXPECT_EQ(body, x.request_body);
  server.answer(fd, "HTTP/1.0 200 OK\r\n\r\n" + std::string(1 << 20, 'a'));
  run_until_resumed(host, x);
  EXPECT_EQ(x.response_body.size(), size_t{1} << 20);
}

TEST(UnixSocketTest, FailuresSayWhy) {
  Server server;
  FakeHost host;
  Configured transport{host, SLC_ENTRY_SYMBOL, "example/unix-socket", server.block(), SLC_AT_BACKEND};
  Configured nowhere{host, SLC_ENTRY_SYMBOL, "example/unix-socket", R"({"path": "/nowhere/s"})", SLC_AT_BACKEND};
  FakeExchange a{host, SLC_AT_BACKEND}, b{host, SLC_AT_BACKEND};
  transport.send(a);
  server.answer(server.accept(), "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nshort");
  run_until_resumed(host, a);
  EXPECT_EQ(a.resumed, SLC_FAIL);
  EXPECT_EQ(a.failure->why, "unix socket: the connection was closed within the body");
  nowhere.send(b);
  run_until_resumed(host, b);
  EXPECT_EQ(b.failure->why, "unix socket: /nowhere/s: No such file or directory");
}

TEST(UnixSocketTest, ACallNobodyWaitsForIsEnded) {
  Server server;
  FakeHost host;
  {
    Configured transport{host, SLC_ENTRY_SYMBOL, "example/unix-socket", server.block(), SLC_AT_BACKEND};
    int fd = -1;
    {
      FakeExchange x{host, SLC_AT_BACKEND};
      transport.send(x);
      fd = server.accept();
    }  // the client leaves
    char c;
    EXPECT_EQ(::read(fd, &c, 1), 0) << "the connection is closed";
    ::close(fd);
  }
  host.run_posted();
}

TEST(UnixSocketTest, AnAnswerThatComesWithTheEndTouchesNothing) {
  Server server;
  FakeHost host;
  Configured transport{host, SLC_ENTRY_SYMBOL, "example/unix-socket", server.block(), SLC_AT_BACKEND};
  FakeExchange next{host, SLC_AT_BACKEND};
  {
    FakeExchange x{host, SLC_AT_BACKEND};
    transport.send(x);
    server.answer(server.accept(), "HTTP/1.0 200 OK\r\n\r\n");
  }
  transport.send(next);  // comes home after the first one
  server.answer(server.accept(), "HTTP/1.0 204 No Content\r\n\r\n");
  run_until_resumed(host, next);
  EXPECT_EQ(next.status, 204);
}

TEST(UnixSocketTest, ABlockThatCannotWorkIsRefused) {
  FakeHost host;
  Configured transport{host, SLC_ENTRY_SYMBOL, "example/unix-socket",
                       R"({"path": ")" + std::string(108, 'x') + R"(", "host": "a b", "response_headers": ["a b"]})", SLC_AT_BACKEND};
  EXPECT_FALSE(transport.ok());
  for (const char* at : {"/path", "/host", "/response_headers"}) EXPECT_TRUE(host.has_problem(at)) << at;
}

}  // namespace

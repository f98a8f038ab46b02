#include "core/plugin/callout.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using testing::FakeExchange;
using testing::FakeWorker;
using testing::S;

// Answers one request with fixed bytes and keeps what it was asked.
class OneShotServer {
 public:
  explicit OneShotServer(std::string answer) : answer_{std::move(answer)} {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a);
    listen(listener_, 4);
    socklen_t n = sizeof a;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &n);
    url = "http://127.0.0.1:" + std::to_string(ntohs(a.sin_port));
    thread_ = std::thread{[this] { serve(); }};
  }
  ~OneShotServer() { join(); }
  void join() {
    if (!thread_.joinable()) return;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string url, request;

 private:
  void serve() {
    int s = accept(listener_, nullptr, nullptr);
    if (s < 0) return;
    char bytes[4096];
    auto complete = [&] {
      size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
      return end != request.npos && request.size() - end - 4 >= (length == request.npos ? 0 : std::stoul(request.substr(length + 16)));
    };
    while (!complete()) {
      ssize_t n = read(s, bytes, sizeof bytes);
      if (n <= 0) break;
      request.append(bytes, static_cast<size_t>(n));
    }
    if (!answer_.empty()) {
      [[maybe_unused]] ssize_t n = write(s, answer_.data(), answer_.size());
    } else {
      while (read(s, bytes, sizeof bytes) > 0) {
      }
    }
    close(s);
  }
  std::string answer_;
  int listener_;
  std::thread thread_;
};

struct Reply {
  int count = 0, status = 0;
  slc_status result = 77;
  std::string body, error, first_header;
  slc_exchange* with = nullptr;
  static void note(void* user, slc_exchange* x, const slc_reply* r) noexcept {
    auto& self = *static_cast<Reply*>(user);
    ++self.count;
    self.status = r->status, self.result = r->result, self.with = x;
    self.body = view(r->body), self.error = view(r->error);
    if (r->header_count) self.first_header = std::string{view(r->headers[0])} + "=" + std::string{view(r->headers[1])};
  }
};

slc_callout get(std::string_view url) {
  slc_callout c{};
  c.size = sizeof c;
  c.url = S(url);
  return c;
}

TEST(CalloutTest, SendsTheRequestAndGivesTheWholeAnswer) {
  FakeWorker w;
  FakeExchange x{w};
  OneShotServer server{"HTTP/1.1 404 Not Found\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"};
  std::string url = server.url + "/p?q=1#fragment";
  slc_callout c = get(url);
  c.method = S("POST"), c.body = S("{}");
  slc_str headers[] = {S("Authorization"), S("Bearer t"), S("Content-Length"), S("99"), S("Connection"), S("close")};
  c.headers = headers, c.header_count = 3;
  Reply reply;
  ASSERT_NE(kLoopService.http(w.worker.get(), x, &c, Reply::note, &reply), 0u);
  EXPECT_EQ(reply.count, 0);
  w.until([&] { return reply.count != 0; });
  EXPECT_EQ(reply.result, SLC_OK);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.first_header, "X-A=b");
  EXPECT_EQ(reply.with, x.x.get());
  EXPECT_EQ(w.worker->tokens->used(), 0u);
  server.join();
  EXPECT_TRUE(server.request.starts_with("POST /p?q=1 HTTP/1.1\r\nAuthorization: Bearer t\r\nHost: 127.0.0.1")) << server.request;
  EXPECT_NE(server.request.find("\r\nContent-Length: 2\r\n"), std::string::npos);
  EXPECT_EQ(server.request.find(": 99\r\n"), std::string::npos);
}

TEST(CalloutTest, AnAnswerOverTheLimitIsRefusedAnnouncedOrNot) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly the beginning",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n0\r\n\r\n"}) {
    FakeWorker w;
    OneShotServer server{answer};
    slc_callout c = get(server.url);
    c.max_body = 10;
    Reply reply;
    ASSERT_NE(kLoopService.http(w.worker.get(), nullptr, &c, Reply::note, &reply), 0u);
    w.until([&] { return reply.count != 0; });
    EXPECT_EQ(reply.result, SLC_ELIMIT);
    EXPECT_FALSE(reply.error.empty());
  }
}

TEST(CalloutTest, ASilentServerIsATimeOut) {
  FakeWorker w;
  OneShotServer server{""};
  slc_callout c = get(server.url);
  c.timeout_ms = 20;
  Reply reply;
  ASSERT_NE(kLoopService.http(w.worker.get(), nullptr, &c, Reply::note, &reply), 0u);
  w.until([&] { return reply.count != 0; });
  EXPECT_EQ(reply.result, SLC_ETIMEOUT);
}

TEST(CalloutTest, ARefusedConnectionIsAnError) {
  FakeWorker w;
  std::string url;
  {
    OneShotServer gone{"x"};
    url = gone.url;
  }
  slc_callout c = get(url);
  Reply reply;
  ASSERT_NE(kLoopService.http(w.worker.get(), nullptr, &c, Reply::note, &reply), 0u);
  w.until([&] { return reply.count != 0; });
  EXPECT_EQ(reply.result, SLC_EREFUSED);
}

TEST(CalloutTest, GoesWithItsExchangeAndNeverCallsBack) {
  FakeWorker w;
  OneShotServer server{""};
  slc_callout c = get(server.url);
  Reply reply;
  {
    FakeExchange x{w};
    ASSERT_NE(kLoopService.http(w.worker.get(), x, &c, Reply::note, &reply), 0u);
    w.turn();
  }
  EXPECT_EQ(w.worker->tokens->used(), 0u);
  w.turn();
  EXPECT_EQ(reply.count, 0);
}

TEST(CalloutTest, WhatCannotBeARequestIsRefused) {
  FakeWorker w;
  auto refused = [&](slc_callout c) { return kLoopService.http(w.worker.get(), nullptr, &c, Reply::note, nullptr) == 0; };
  for (std::string url : {"", "127.0.0.1/", "ftp://h/", "http://", "http://user@h/", "http://h/a b", "http://h/\r\nX: y", "http://h:0x/"})
    EXPECT_TRUE(refused(get(url))) << url;
  slc_callout c = get("http://127.0.0.1:1/");
  c.method = S("GET /x");
  EXPECT_TRUE(refused(c));
  c.method = {};
  slc_str headers[] = {S("X"), S("a\r\nY: b")};
  c.headers = headers, c.header_count = 1;
  EXPECT_TRUE(refused(c));
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

TEST(CalloutTest, UrlsAreSplitAtTheirAuthority) {
  CalloutUrl u;
  ASSERT_TRUE(split_url("HTTP://Host:81?x=/y", &u));
  EXPECT_EQ(u.origin, "http://host:81");
  EXPECT_EQ(u.target, "/?x=/y");
  ASSERT_TRUE(split_url("https://[::1]/a#b", &u));
  EXPECT_EQ(u.origin, "https://[::1]");
  EXPECT_EQ(u.target, "/a");
}

}  // namespace
}  // namespace sluice::plugin

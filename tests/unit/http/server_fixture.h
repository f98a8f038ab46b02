// A real Server on its own loop and thread, and a small blocking client that speaks raw bytes to it.
// A namespace of its own: the room has another Client.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>

#include "core/http/server.h"

namespace sluice::http::server_test {

// What happened on the loop, told to the test's thread.
class Events {
 public:
  void add(std::string what) {
    std::lock_guard lock{mutex_};
    all_.push_back(std::move(what));
    wake_.notify_all();
  }
  // The next event, in order.
  std::string next() {
    std::unique_lock lock{mutex_};
    if (!wake_.wait_for(lock, std::chrono::seconds{20}, [&] { return !all_.empty(); })) return "(nothing happened)";
    std::string what = std::move(all_.front());
    all_.pop_front();
    return what;
  }
  bool empty() {
    std::lock_guard lock{mutex_};
    return all_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> all_;
};

// An owner that reports what it is told. On the loop; lives as long as the test.
class Recorder final : public StreamOwner {
 public:
  explicit Recorder(Events& e) : events{&e} {}
  void take(Stream& s) {
    stream = &s;
    s.set_owner(this);
  }
  void on_body(Slices slices, bool last) noexcept override {
    for (Slice s : slices) body += s;
    if (on_data) on_data(last);
    if (last) events->add("body " + std::to_string(body.size()));
  }
  void on_body_error(const Error& e) noexcept override {
    events->add("body error " + std::string{to_string(e.code)});
    if (on_error) on_error();
  }
  void on_drain() noexcept override {
    if (on_drained) on_drained();
  }
  void on_gone() noexcept override {
    stream->release();
    stream = nullptr;
    events->add("gone");
  }

  Events* events;
  Stream* stream = nullptr;
  std::string body;
  std::function<void(bool)> on_data;
  std::function<void()> on_error, on_drained;
};

class TestServer final : public Handler {
 public:
  using OnRequest = std::function<void(Stream&)>;
  explicit TestServer(OnRequest on_request, const ServerOptions& options = {}) : on_request_{std::move(on_request)} {
    server = std::make_unique<Server>(loop, *this, options);
    auto port_or = server->listen("127.0.0.1", 0, false);
    if (!port_or) {
      ADD_FAILURE() << port_or.error().message;
      std::abort();
    }
    port = *port_or;
    thread_ = std::thread{[this] { loop.run(); }};
  }
  ~TestServer() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    loop.post([this] {
      server->close();
      loop.stop();
    });
    thread_.join();
  }
  // Runs on the loop and waits for it.
  void on_loop(const std::function<void()>& fn) {
    std::promise<void> done;
    loop.post([&] {
      fn();
      done.set_value();
    });
    done.get_future().wait();
  }
  void on_request(Stream& s) noexcept override { on_request_(s); }

  loop::Loop loop;
  std::unique_ptr<Server> server;
  uint16_t port = 0;
  Events events;
  Recorder recorder{events};  // for handlers that keep one stream

 private:
  OnRequest on_request_;
  std::thread thread_;
};

class Client {
 public:
  // `receive_buffer` > 0 makes a slow reader possible: little fits into the kernel.
  explicit Client(uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    timeval limit{20, 0};  // a hanging test ends
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (port) connected = connect(port);
  }
  bool connect(uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET, to.sin_port = htons(port), to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Client() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // More bytes into buffer; false at the end (`reset` tells how).
  bool receive() {
    char bytes[65536];
    ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n > 0) return buffer.append(bytes, static_cast<size_t>(n)), true;
    ended = true;
    reset = n < 0 && errno == ECONNRESET;
    timed_out = n < 0 && errno == EAGAIN;
    return false;
  }
  std::string until(std::string_view mark) {
    size_t at;
    while ((at = buffer.find(mark)) == buffer.npos)
      if (!receive()) return std::exchange(buffer, {});
    std::string out = buffer.substr(0, at + mark.size());
    buffer.erase(0, at + mark.size());
    return out;
  }
  std::string exactly(size_t n) {
    while (buffer.size() < n)
      if (!receive()) return std::exchange(buffer, {});
    std::string out = buffer.substr(0, n);
    buffer.erase(0, n);
    return out;
  }
  std::string rest() {
    while (receive()) {
    }
    EXPECT_FALSE(timed_out);
    return std::exchange(buffer, {});
  }

  struct Response {
    int status = 0;
    std::string head, body;
    bool whole = false;
    bool has(std::string_view line) const { return head.find("\r\n" + std::string{line} + "\r\n") != head.npos; }
    bool names(std::string_view field) const { return head.find("\r\n" + std::string{field} + ":") != head.npos; }
  };
  Response response(bool body = true) {
    Response r;
    r.head = until("\r\n\r\n");
    if (r.head.size() < 12) return r;
    r.status = std::atoi(r.head.c_str() + 9);
    r.whole = true;
    if (!body || r.status == 204 || r.status == 304 || r.status < 200) return r;
    if (size_t at = r.head.find("\r\nContent-Length: "); at != r.head.npos) {
      size_t size = std::stoul(r.head.substr(at + 18));
      r.body = exactly(size);
      r.whole = r.body.size() == size;
    } else if (r.has("Transfer-Encoding: chunked")) {
      for (;;) {
        std::string line = until("\r\n");
        if (line.size() < 3) return r.whole = false, r;
        size_t size = std::stoul(line, nullptr, 16);
        std::string piece = exactly(size + 2);
        if (piece.size() != size + 2) return r.body += piece, r.whole = false, r;
        if (size == 0) break;
        r.body += piece.substr(0, size);
      }
    } else {
      r.body = rest();
      r.whole = !reset;
    }
    return r;
  }
  Response get(std::string_view path, std::string_view fields = "") {
    send("GET " + std::string{path} + " HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n");
    return response();
  }
  int fd() const { return fd_; }

  std::string buffer;
  bool connected = false, ended = false, reset = false, timed_out = false;

 private:
  int fd_ = -1;
};

inline void reply(Stream& s, std::string_view body, int status = 200) {
  ResponseHead head;
  head.status = status;
  Slice slices[] = {s.arena().copy(body)};
  s.respond(head, slices, Life::exchange);
  s.release();
}

}  // namespace sluice::http::server_test

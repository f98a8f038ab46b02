#include "core/app/check/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "core/base/clock.h"
#include "core/base/text.h"

namespace sluice::app::check {
namespace {

uint64_t now_ms() { return clock::monotonic_ns() / 1'000'000; }

sockaddr_in local(uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string field_of(std::string_view head, std::string_view name) {
  for (size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at)) {
    at += 2;
    const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
    const size_t colon = line.find(':');
    if (colon != line.npos && iequals(line.substr(0, colon), name)) return std::string{trim(line.substr(colon + 1))};
  }
  return {};
}

// Takes one chunked body off `bytes`. False: more is needed.
bool dechunk(std::string& bytes, std::string& body) {
  size_t at = 0;
  std::string out;
  for (;;) {
    const size_t end = bytes.find("\r\n", at);
    if (end == bytes.npos) return false;
    size_t size = 0;
    for (size_t i = at; i < end && hex_digit(bytes[i]) >= 0; ++i) size = size * 16 + static_cast<size_t>(hex_digit(bytes[i]));
    if (bytes.size() < end + 2 + size + 2) return false;
    out.append(bytes, end + 2, size);
    at = end + 2 + size + 2;
    if (size == 0) break;  // our peers send no trailers
  }
  bytes.erase(0, at);
  body = std::move(out);
  return true;
}

// Long enough for the pieces not to arrive together, on a machine that has time.
constexpr std::chrono::milliseconds kPause{4};

// As one chunked body: byte by byte, or in eight pieces with pauses.
bool send_pieces(int fd, std::string_view body, Delivery how) {
  const size_t piece = how == Delivery::bytes ? std::max<size_t>(body.size() / 4096, 1) : body.size() / 8 + 1;
  char size[24];
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size()))) {
    const std::string_view part = body.substr(0, piece);
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    if (!send_all(fd, std::string{size}.append(part).append("\r\n"))) return false;
    if (how == Delivery::slow) std::this_thread::sleep_for(kPause);
  }
  return send_all(fd, "0\r\n\r\n");
}

constexpr std::string_view kDocument =
    R"({"id":1,"name":"Ada","list":[1,2.5,"x",null,true],"text":"ä \" \\ \n <b>","deep":{"a":{"b":[{"c":"d"}]}},"empty":{},"none":null})";

constexpr std::string_view kSample = "sample";

}  // namespace

std::string_view sample_document() { return kDocument; }

std::string Answer::header(std::string_view name) const { return field_of(head, name); }

Client::Client(uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  const sockaddr_in a = local(port);
  if (fd_ >= 0 && ::connect(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return;
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Client::~Client() { leave(false); }

void Client::leave(bool reset) {
  if (fd_ < 0) return;
  const linger l{1, 0};
  if (reset) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  ::close(fd_);
  fd_ = -1;
}

bool Client::send(std::string_view bytes) { return fd_ >= 0 && send_all(fd_, bytes); }

bool Client::fill(uint64_t until_ms) {
  for (;;) {
    const uint64_t now = now_ms();
    pollfd p{fd_, POLLIN, 0};
    const int ready = now >= until_ms ? 0 : ::poll(&p, 1, static_cast<int>(until_ms - now));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char bytes[16384];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(n));
    return true;
  }
}

Answer Client::read(uint64_t limit_ms, bool head_only) {
  Answer a;
  const uint64_t until = now_ms() + limit_ms;
  auto more = [&] {
    if (fill(until)) return true;
    a.problem = now_ms() >= until ? "no answer within " + std::to_string(limit_ms) + " ms" : "the connection was closed without a whole answer";
    return false;
  };
  if (fd_ < 0) return a.problem = "no connection", a;
  size_t end;
  do {
    while ((end = buffer_.find("\r\n\r\n")) == buffer_.npos)
      if (!more()) return a;
    a.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
  } while (a.head.starts_with("HTTP/1.1 1"));  // interim
  const int status = parse_decimal<int>(std::string_view{a.head}.substr(std::min<size_t>(9, a.head.size()), 3)).value_or(0);
  if (!status) return a.problem = "an answer that is no HTTP: " + a.head.substr(0, 80), a;
  if (head_only) return a.status = status, a;
  if (iequals(a.header("transfer-encoding"), "chunked")) {
    while (!dechunk(buffer_, a.body))
      if (!more()) return a;
  } else if (auto length = parse_decimal<size_t>(a.header("content-length"))) {
    while (buffer_.size() < *length)
      if (!more()) return a;
    a.body = buffer_.substr(0, *length);
    buffer_.erase(0, *length);
  } else if (status != 204 && status != 304) {
    while (fill(until)) {
    }
    a.body.swap(buffer_);
  }
  a.status = status;
  return a;
}

std::string request_text(std::string_view method, std::string_view target, std::string_view headers, std::string_view body) {
  std::string out{method};
  out.append(" ").append(target).append(" HTTP/1.1\r\nHost: check.local\r\nConnection: close\r\n").append(headers);
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out.append("\r\n").append(body);
}

Answer ask(uint16_t port, std::string_view request, uint64_t limit_ms) {
  Client c{port};
  c.send(request);  // a server may answer before it has read everything
  return c.read(limit_ms, request.starts_with("HEAD "));
}

uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a = local(0);
  socklen_t size = sizeof a;
  uint16_t port = 0;
  if (fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 && ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) == 0)
    port = ntohs(a.sin_port);
  if (fd >= 0) ::close(fd);
  return port;
}

Backend::Backend() : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in a = local(0);
  socklen_t size = sizeof a;
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
    return;
  port_ = ntohs(a.sin_port);
  std::thread{[this] { accept_loop(); }}.detach();
}

void Backend::accept_loop() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    std::thread{[this, fd] {
      serve(fd);
      ::close(fd);
    }}.detach();
  }
}

void Backend::serve(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::string buffer;
  char bytes[16384];
  auto more = [&] {
    const ssize_t n = ::recv(fd, bytes, sizeof bytes, 0);
    if (n > 0) buffer.append(bytes, static_cast<size_t>(n));
    return n > 0;
  };
  for (;;) {
    size_t end;
    while ((end = buffer.find("\r\n\r\n")) == buffer.npos)
      if (!more()) return;
    const std::string head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    std::string body;
    if (iequals(field_of(head, "transfer-encoding"), "chunked")) {
      while (!dechunk(buffer, body))
        if (!more()) return;
    } else {
      const size_t length = parse_decimal<size_t>(field_of(head, "content-length")).value_or(0);
      while (buffer.size() < length)
        if (!more()) return;
      buffer.erase(0, length);
    }
    const std::string_view line = std::string_view{head}.substr(0, head.find("\r\n"));
    std::string_view path = line.substr(std::min(line.find(' ') + 1, line.size()));
    path = path.substr(0, path.find_first_of(" ?"));
    const std::string_view mode = path.substr(std::min(path.rfind('/') + 1, path.size()));

    // "ok" and "big": what they say does not depend on how they come.
    auto deliver = [&](std::string_view text) {
      const Delivery how = delivery_;
      std::string out = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Backend: check\r\n";
      if (how == Delivery::whole) return send_all(fd, out.append("Content-Length: ").append(std::to_string(text.size())).append("\r\n\r\n").append(text));
      return send_all(fd, out.append("Transfer-Encoding: chunked\r\n\r\n")) && send_pieces(fd, text, how);
    };
    auto answer = [&](std::string_view status, std::string_view text, std::string_view type, std::string_view extra = {}) {
      std::string out = "HTTP/1.1 " + std::string{status} + "\r\nContent-Type: " + std::string{type} + "\r\n" + std::string{extra} +
                        "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n";
      return send_all(fd, out.append(text));
    };
    constexpr std::string_view kJson = "application/json";
    bool go_on = true;
    if (mode == "late") {
      while (more()) {
      }
      return;
    }
    if (mode == "reset") {
      const linger l{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
      return;
    }
    if (mode == "cut") {
      // Announced whole, and ended in the middle.
      send_all(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(kDocument.size()) + "\r\n\r\n" +
                       std::string{kDocument.substr(0, kDocument.size() / 2)});
      return;
    }
    if (mode == "chunked") {
      go_on = send_all(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n") &&
              send_pieces(fd, kDocument, Delivery::bytes);
    } else if (mode == "big") {
      std::string text = R"({"rows":[)";
      for (int i = 0; i < 20'000; ++i) text += (i ? "," : "") + std::string{R"({"id":)"} + std::to_string(i) + R"(,"name":"some text in a row"})";
      go_on = deliver(text + "]}");
    } else if (mode == "deep") {
      std::string text;
      for (int i = 0; i < 2'000; ++i) text += R"({"a":[)";
      for (int i = 0; i < 2'000; ++i) text += "]}";
      go_on = answer("200 OK", text, kJson);
    } else if (mode == "headers") {
      std::string many = "X-Empty:\r\nX-Long: " + std::string(16'000, 'v') + "\r\n";
      for (int i = 0; i < 300; ++i) many += "X-Header-" + std::to_string(i % 150) + ": " + std::to_string(i) + "\r\n";
      go_on = answer("200 OK", kDocument, kJson, many);
    } else if (mode == "empty") {
      go_on = answer("200 OK", "", kJson);
    } else if (mode == "error") {
      go_on = answer("503 Service Unavailable", R"({"message":"not now"})", kJson, "Retry-After: 1\r\n");
    } else if (mode == "garbage") {
      std::string text(3'000, '\0');
      uint32_t seed = 1;
      for (char& c : text) c = static_cast<char>((seed = seed * 1664525u + 1013904223u) >> 24);
      go_on = answer("200 OK", text, kJson);
    } else if (mode == "sample") {
      go_on = answer("200 OK", kSample, "application/octet-stream");
    } else {
      go_on = deliver(kDocument);
    }
    if (!go_on) return;
  }
}

}  // namespace sluice::app::check

#include "tests/support/fake_upstream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

namespace sluice::test {

// Shared by the connection's thread, which sleeps meanwhile, and the test. `done` is guarded by the upstream's mutex.
struct FakeUpstream::Pending {
  FakeUpstream* upstream;
  Wire* wire;
  Reader* reader;
  Request request;
  BodyReader body = BodyReader::none();
  bool chunked = false, keep = true, done = false;
};

namespace {

constexpr size_t kMostKept = 20'000;  // requests() of a test under load

std::string head_bytes(int status, const Headers& headers, std::optional<uint64_t> length) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + (status == 200 ? " OK\r\n" : " Status\r\n");
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  bool given = headers.has("Content-Length") || headers.has("Transfer-Encoding") || status == 204;
  if (!given) out += length ? "Content-Length: " + std::to_string(*length) + "\r\n" : "Transfer-Encoding: chunked\r\n";
  return out + "\r\n";
}

}  // namespace

std::string reply_bytes(const Reply& reply, std::string_view method) {
  std::string out = head_bytes(reply.status, reply.headers, reply.body.size());
  if (method != "HEAD") out += reply.body;
  return out;
}

const FakeUpstream::Request& FakeUpstream::Call::request() const { return pending_->request; }

void FakeUpstream::Call::send_raw(std::string_view bytes) { pending_->wire->write(bytes); }

void FakeUpstream::Call::answer(const Reply& reply) {
  send_raw(reply_bytes(reply, pending_->request.method));
  pending_->chunked = false;
  finish();
}

void FakeUpstream::Call::send_head(int status, const Headers& headers, std::optional<uint64_t> length) {
  pending_->chunked = !length && !headers.has("Content-Length");
  send_raw(head_bytes(status, headers, length));
}

void FakeUpstream::Call::send_piece(std::string_view bytes) {
  if (!pending_->chunked) return send_raw(bytes);
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  send_raw(size + std::string(bytes) + "\r\n");
}

size_t FakeUpstream::Call::send_until_blocked(size_t n, Limit quiet) {
  static const std::string kBlock(1 << 18, 'x');
  size_t sent = 0;
  while (sent < n) {
    size_t now = pending_->wire->write_now(std::string_view(kBlock).substr(0, std::min(kBlock.size(), n - sent)));
    sent += now;
    if (now == 0 && !wait_writable(pending_->wire->fd(), quiet)) break;
  }
  return sent;
}

std::string FakeUpstream::Call::read_body_some() {
  return pending_->body.done() ? "" : pending_->body.next(*pending_->reader);
}

void FakeUpstream::Call::wait_for_disconnect() {
  try {
    while (!pending_->reader->some(1 << 16).empty()) {
    }
  } catch (const ConnectionLost&) {  // a reset ends a connection as well
  }
  close();
}

void FakeUpstream::Call::finish() {
  if (pending_->chunked) send_raw("0\r\n\r\n");
  std::lock_guard lock(pending_->upstream->mutex_);
  pending_->done = true;
  pending_->upstream->changed_.notify_all();
}

void FakeUpstream::Call::close() {
  pending_->wire->shutdown_both();
  pending_->keep = pending_->chunked = false;
  finish();
}

void FakeUpstream::Call::reset() {
  pending_->wire->reset();
  pending_->keep = pending_->chunked = false;
  finish();
}

FakeUpstream::FakeUpstream(TlsServerContext* tls) : tls_(tls != nullptr) {
  server_ = std::make_unique<ConnectionServer>(
      [this](ConnectionServer::Connection& c) { serve(c); },
      [this](int number, const std::string& what) {
        if (!tolerant_) complain("connection " + std::to_string(number) + ": " + what);
      },
      tls);
}

FakeUpstream::~FakeUpstream() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    for (const auto& p : waiting_) complaints_.push_back("nobody waited for " + p->request.method + " " + p->request.target);
    changed_.notify_all();
  }
  server_->stop();
  for (const std::string& c : complaints_) ADD_FAILURE() << "fake upstream on port " << port() << ": " << c;
}

void FakeUpstream::complain(const std::string& what) {
  std::lock_guard lock(mutex_);
  complaints_.push_back(what);
}

void FakeUpstream::on(const std::string& path, Reply reply) {
  on(path, [reply = std::move(reply)](const Request&) { return reply; });
}

void FakeUpstream::on(const std::string& path, Handler handler) {
  std::lock_guard lock(mutex_);
  routes_[path] = {std::move(handler), false, false};
}

void FakeUpstream::manual(const std::string& path, Body body) {
  std::lock_guard lock(mutex_);
  routes_[path] = {nullptr, true, body == Body::left};
}

void FakeUpstream::serve(ConnectionServer::Connection& connection) {
  constexpr Limit kIdle = std::chrono::hours(1);  // stop() ends the wait
  Reader reader(*connection.wire);
  while (auto head = reader.head(kIdle)) {
    Request request;
    const std::string& line = head->first_line;
    size_t first = line.find(' '), second = line.rfind(' ');
    if (first == std::string::npos || second <= first) throw Failure("not a request line: " + line);
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, second - first - 1);
    request.path = request.target.substr(0, request.target.find('?'));
    request.headers = head->headers;
    request.connection = connection.number;
    BodyReader body = BodyReader::of_request(*head);

    Route route;
    {
      std::lock_guard lock(mutex_);
      auto it = routes_.find(request.path);
      if (it == routes_.end()) it = routes_.find("*");
      if (it != routes_.end()) route = it->second;
    }
    while (!route.leave_body && !body.done()) request.body += body.next(reader);

    auto pending = std::make_shared<Pending>();
    *pending = {this, connection.wire.get(), &reader, request, body, false, true, false};
    {
      std::unique_lock lock(mutex_);
      if (seen_.size() < kMostKept) seen_.push_back(request);
      ++counts_[request.path];
      ++counts_[""];
      if (route.manual) waiting_.push_back(pending);
      changed_.notify_all();
      changed_.wait(lock, [&] { return ending_ || (route.manual ? pending->done : !stalled_); });
      if (ending_) return;
    }
    if (route.manual) {
      if (!pending->keep) return;
    } else {
      Reply reply = route.handler ? route.handler(request) : Reply{404, {}, ""};
      connection.wire->write(reply_bytes(reply, request.method));
      if (lower(reply.headers.get("Connection")) == "close") return;
    }
  }
}

FakeUpstream::Call FakeUpstream::wait_for_request(const std::string& path, Limit limit) {
  std::unique_lock lock(mutex_);
  auto found = waiting_.end();
  bool there = changed_.wait_for(lock, limit, [&] {
    found = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& p) { return p->request.path == path; });
    return found != waiting_.end();
  });
  if (!there) throw TimedOut("no request for " + path + " came");
  Call call(*found);
  waiting_.erase(found);
  return call;
}

int FakeUpstream::count(const std::string& path) const {
  std::lock_guard lock(mutex_);
  auto it = counts_.find(path);
  return it == counts_.end() ? 0 : it->second;
}

void FakeUpstream::wait_for_count(const std::string& path, int at_least, Limit limit) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, limit, [&] { return counts_[path] >= at_least; })) {
    throw TimedOut("waiting for " + std::to_string(at_least) + " requests for " + path);
  }
}

std::vector<FakeUpstream::Request> FakeUpstream::requests() const {
  std::lock_guard lock(mutex_);
  return seen_;
}

void FakeUpstream::kill() {
  tolerant_ = true;
  refuse();
  end_connections();
  resume();
}

void FakeUpstream::stall() {
  std::lock_guard lock(mutex_);
  stalled_ = true;
}

void FakeUpstream::resume() {
  std::lock_guard lock(mutex_);
  stalled_ = false;
  changed_.notify_all();
}

}  // namespace sluice::test

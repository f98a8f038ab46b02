#include "client.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace example {

std::unique_ptr<Client> Client::start(const std::string& path) {
  std::unique_ptr<Client> client{new Client};
  if (path.size() >= sizeof client->address_.sun_path) return nullptr;
  client->address_.sun_family = AF_UNIX;
  std::memcpy(client->address_.sun_path, path.data(), path.size());
  client->wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (client->wake_ < 0) return nullptr;
  try {
    client->thread_ = std::thread{[c = client.get()] { c->run(); }};
  } catch (const std::system_error&) {
    return nullptr;
  }
  return client;
}

Client::~Client() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock{mutex_};
      ending_ = true;
    }
    wake();
    thread_.join();
  }
  if (wake_ >= 0) ::close(wake_);
}

bool Client::submit(std::unique_ptr<Call> call) {
  {
    const std::lock_guard lock{mutex_};
    if (running_ == kMostCalls) return false;
    ++running_;
    arriving_.push_back(std::move(call));
  }
  wake();
  return true;
}

void Client::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_, &one, sizeof one);
}

void Client::run() {
  std::vector<std::unique_ptr<Call>> calls;
  std::vector<pollfd> waiting;
  const auto end = [&](size_t i) {
    if (calls[i]->fd_ >= 0) ::close(calls[i]->fd_);
    std::unique_ptr<Call> call = std::move(calls[i]);
    calls[i] = std::move(calls.back());
    calls.pop_back();
    {
      const std::lock_guard lock{mutex_};
      --running_;
    }
    Call& c = *call;
    c.finished(std::move(call));
  };
  for (;;) {
    {
      const std::lock_guard lock{mutex_};
      if (ending_) break;
      for (auto& call : arriving_) calls.push_back(std::move(call));
      arriving_.clear();
    }
    for (size_t i = calls.size(); i-- > 0;) {
      if (calls[i]->abandoned || (calls[i]->fd_ < 0 && !open(*calls[i]))) end(i);
    }
    waiting.assign(1, {wake_, POLLIN, 0});
    for (const auto& c : calls) waiting.push_back({c->fd_, static_cast<short>(c->sent_ < c->out.size() ? POLLIN | POLLOUT : POLLIN), 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;  // EINTR
    if (waiting[0].revents != 0) {
      uint64_t ignored;
      [[maybe_unused]] const ssize_t n = ::read(wake_, &ignored, sizeof ignored);
    }
    for (size_t i = calls.size(); i-- > 0;) {  // backwards: end() puts the last one, which was looked at, in the gap
      if (waiting[i + 1].revents != 0 && step(*calls[i], waiting[i + 1].revents)) end(i);
    }
  }
  for (const auto& c : calls) {
    if (c->fd_ >= 0) ::close(c->fd_);
  }
}

// A Unix socket connects at once or not at all: EAGAIN means that the other side's queue is full.
bool Client::open(Call& call) {
  call.fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (call.fd_ >= 0 && ::connect(call.fd_, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0) return true;
  call.problem = std::string{address_.sun_path} + ": " + std::generic_category().message(errno);
  return false;
}

bool Client::step(Call& call, short events) {
  const auto fail = [&](const char* doing) {
    if (errno == EAGAIN || errno == EINTR) return false;
    call.problem = std::string{address_.sun_path} + ": " + doing + ": " + std::generic_category().message(errno);
    return true;
  };
  if ((events & POLLOUT) != 0) {
    const ssize_t n = ::send(call.fd_, call.out.data() + call.sent_, call.out.size() - call.sent_, MSG_NOSIGNAL);
    // A server may answer and close before it has read everything: what it said may be there still.
    if (n < 0 && errno != EPIPE) return fail("sending");
    call.sent_ = n < 0 ? call.out.size() : call.sent_ + static_cast<size_t>(n);
  }
  if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return false;
  char buffer[16384];
  const ssize_t n = ::recv(call.fd_, buffer, sizeof buffer, 0);
  if (n < 0) return fail("receiving");
  if (n == 0) return true;
  call.in.append(buffer, static_cast<size_t>(n));
  if (call.in.size() <= kLongestAnswer) return false;
  call.problem = std::string{address_.sun_path} + ": the answer is longer than 16 MiB";
  return true;
}

}  // namespace example

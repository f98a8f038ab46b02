#include "tests/support/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {

ConnectionServer::ConnectionServer(Handler handler, ErrorHandler on_error, TlsServerContext* tls)
    : handler_(std::move(handler)), on_error_(std::move(on_error)), tls_(tls) {
  reopen();
}

void ConnectionServer::reopen() {
  if (acceptor_.joinable()) return;
  listener_ = listen_on(port_.number());
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) throw Failure("pipe");  // a gateway started later must not hold it open
  wake_read_ = Fd(pipe_ends[0]);
  wake_write_ = Fd(pipe_ends[1]);
  acceptor_ = std::thread([this, l = listener_.get(), w = wake_read_.get()] { accept_loop(l, w); });
}

void ConnectionServer::close_listener() {
  if (!acceptor_.joinable()) return;
  wake_write_.close();
  acceptor_.join();
  listener_.close();
  wake_read_.close();
}

void ConnectionServer::accept_loop(int listener, int wake) {
  for (;;) {
    pollfd p[2] = {{listener, POLLIN, 0}, {wake, POLLIN, 0}};
    if (::poll(p, 2, -1) < 0) continue;
    if (p[1].revents != 0) return;
    Fd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::lock_guard lock(mutex_);
    for (auto it = slots_.begin(); it != slots_.end();) {
      if (it->ended) {
        it->thread.join();
        it = slots_.erase(it);
      } else {
        ++it;
      }
    }
    Slot& slot = slots_.emplace_back();
    slot.connection = std::make_shared<Connection>();
    slot.connection->number = ++accepted_;
    ++open_;
    slot.thread = std::thread([this, &slot, owned = std::make_shared<Fd>(std::move(fd))] { serve(slot, std::move(*owned)); });
    changed_.notify_all();
  }
}

void ConnectionServer::serve(Slot& slot, Fd fd) {
  std::shared_ptr<Connection> connection = slot.connection;
  try {
    auto wire = tls_ != nullptr ? tls_->accept(std::move(fd)) : std::make_unique<Wire>(std::move(fd));
    {
      std::lock_guard lock(mutex_);
      connection->wire = std::move(wire);
      if (stopping_) connection->wire->shutdown_both();
    }
    handler_(*connection);
  } catch (const std::exception& e) {
    if (!stopping()) on_error_(connection->number, e.what());
  }
  std::lock_guard lock(mutex_);
  connection->wire.reset();
  slot.ended = true;
  --open_;
  changed_.notify_all();
}

void ConnectionServer::shut_connections() {
  std::lock_guard lock(mutex_);
  for (Slot& s : slots_) {
    if (!s.ended && s.connection->wire) s.connection->wire->shutdown_both();
  }
}

void ConnectionServer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  close_listener();
  shut_connections();
  for (Slot& s : slots_) {  // nobody adds or removes any more
    if (s.thread.joinable()) s.thread.join();
  }
  slots_.clear();
}

bool ConnectionServer::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

int ConnectionServer::accepted() const {
  std::lock_guard lock(mutex_);
  return accepted_;
}

int ConnectionServer::open() const {
  std::lock_guard lock(mutex_);
  return open_;
}

void ConnectionServer::wait_open(int exactly, Limit limit) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, limit, [&] { return open_ == exactly; })) {
    throw TimedOut("waiting for " + std::to_string(exactly) + " open connections, there are " + std::to_string(open_));
  }
}

}  // namespace sluice::test

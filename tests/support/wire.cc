#include "tests/support/wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

namespace sluice::test {
namespace {

bool wait_for(int fd, short events, Limit limit) {
  auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto left = std::chrono::duration_cast<Limit>(end - std::chrono::steady_clock::now());
    pollfd p{fd, events, 0};
    int n = ::poll(&p, 1, static_cast<int>(std::max<Limit::rep>(left.count(), 0)));
    if (n > 0) return true;
    if (n == 0) return false;
    if (errno != EINTR) throw Failure(std::string("poll: ") + std::strerror(errno));
  }
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

void no_delay(int fd) {
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

void Fd::close() {
  if (fd_ >= 0) ::close(release());
}

bool wait_readable(int fd, Limit limit) { return wait_for(fd, POLLIN, limit); }
bool wait_writable(int fd, Limit limit) { return wait_for(fd, POLLOUT, limit); }

ReservedPort::ReservedPort() {
  std::string folder = "/tmp/sluice-test-ports-" + std::to_string(::getuid());
  ::mkdir(folder.c_str(), 0700);
  std::random_device random;
  for (int tries = 0; tries < 2000; ++tries) {
    auto port = static_cast<uint16_t>(22000 + random() % 10000);
    Fd lock(::open((folder + "/" + std::to_string(port)).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in a = loopback(port);
    a.sin_addr.s_addr = htonl(INADDR_ANY);  // a program listening on all addresses counts as well
    if (::bind(probe.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) continue;
    lock_ = std::move(lock);
    number_ = port;
    return;
  }
  throw Failure("no free port between 22000 and 31999");
}

Fd listen_on(uint16_t port, int backlog) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in a = loopback(port);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || ::listen(fd.get(), backlog) != 0) {
    throw Failure("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno));
  }
  return fd;
}

uint16_t port_of(const Fd& listener) {
  sockaddr_in a{};
  socklen_t size = sizeof a;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&a), &size);
  return ntohs(a.sin_port);
}

Fd connect_to(uint16_t port, Limit limit) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in a = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) {
    int error = errno;
    if (error == EINPROGRESS) {
      if (!wait_writable(fd.get(), limit)) throw TimedOut("connecting to port " + std::to_string(port));
      socklen_t size = sizeof error;
      ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error != 0) throw ConnectionLost("connecting to port " + std::to_string(port) + ": " + std::strerror(error));
  }
  no_delay(fd.get());
  return fd;
}

std::string Wire::read_some(Limit limit) {
  std::string buffer(65536, '\0');
  for (;;) {
    ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n >= 0) {
      buffer.resize(static_cast<size_t>(n));
      return buffer;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_readable(fd_.get(), limit)) throw TimedOut("nothing to read within the limit");
    } else if (errno != EINTR) {
      throw ConnectionLost(std::string("reading: ") + std::strerror(errno));
    }
  }
}

size_t Wire::write_now(std::string_view bytes) {
  for (;;) {
    ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) throw ConnectionLost(std::string("writing: ") + std::strerror(errno));
  }
}

void Wire::write(std::string_view bytes, Limit limit) {
  while (!bytes.empty()) {
    size_t n = write_now(bytes);
    bytes.remove_prefix(n);
    if (n == 0 && !wait_writable(fd_.get(), limit)) throw TimedOut("the peer does not read");
  }
}

void Wire::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }
void Wire::shutdown_both() { ::shutdown(fd_.get(), SHUT_RDWR); }

void Wire::reset() {
  linger hard{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd_.close();
}

}  // namespace sluice::test

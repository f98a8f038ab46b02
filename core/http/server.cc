// The listener: accepts on a descriptor of its own instead of uv_listen, to set SO_REUSEPORT, to learn the peer's address
// without a call and to pause when descriptors run out.
#include "core/http/server.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

#include "core/http/listen_socket.h"
#include "core/http/server_connection.h"
#include "core/http/server_core.h"

namespace sluice::http {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;       // then the other handles get their turn
constexpr uint64_t kAcceptPauseMs = 100;  // when descriptors or memory ran out
constexpr int kKeepAliveSeconds = 15;     // probes on idle connections find dead clients

}  // namespace

// A listening socket. Freed by the close callback of its handle.
struct Server::Listener {
  Impl* server = nullptr;
  uv_poll_t poll{};
  int fd = -1;
  uint16_t port = 0;
  std::string file;  // of a socket in the file system
  dev_t device = 0;
  ino_t inode = 0;

  void close() {
    uv_poll_stop(&poll);
    ::close(std::exchange(fd, -1));
    // Only our own: somebody may have taken the path over.
    struct stat there;
    if (!file.empty() && ::lstat(file.c_str(), &there) == 0 && there.st_dev == device && there.st_ino == inode) ::unlink(file.c_str());
    uv_close(reinterpret_cast<uv_handle_t*>(&poll), [](uv_handle_t* h) { delete static_cast<Listener*>(h->data); });
  }
};

struct Server::Impl {
  Impl(loop::Loop& loop, Handler& handler, const ServerOptions& options) : core{loop, handler, options} {
    resume.on_expire([](loop::Deadline& d) noexcept { d.owner<Impl>().poll_start(); }, this);
  }

  void poll_start() {
    if (!current) return;
    uv_poll_start(&current->poll, UV_READABLE,
                  [](uv_poll_t* p, int, int) { static_cast<Listener*>(p->data)->server->accept_some(kAcceptsPerTurn); });
  }
  void accept_some(int most);
  // Takes a listening descriptor over. nullptr: it cannot be watched, errno says why; it is closed.
  Listener* watch(int fd);
  Result<Listener*, Problem> open(const std::string& ip, uint16_t port, bool reuse_port);
  void stop_listening() {
    resume.disarm();
    for (Listener** l : {&current, &next})
      if (*l) std::exchange(*l, nullptr)->close();
  }

  ServerCore core;
  Listener *current = nullptr, *next = nullptr;
  loop::Deadline resume;
};

void Server::Impl::accept_some(int most) {
  for (int i = 0; i < most && current; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    int client = ::accept4(current->fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The listener stays readable: polling on would spin. Clients wait in the backlog meanwhile.
        uv_poll_stop(&current->poll);
        core.loop.deadlines().arm(resume, kAcceptPauseMs);
        return;
      }
      continue;  // that one client failed (ECONNABORTED, EINTR, a network error: accept(2))
    }
    if (core.options.max_connections && core.connections() >= core.options.max_connections) {
      ::close(client);
      continue;
    }
    char text[INET6_ADDRSTRLEN];
    Connection::open(core, client, peer_text(peer, text));
  }
}

Server::Listener* Server::Impl::watch(int fd) {
  int error = ::listen(fd, kBacklog) == 0 ? 0 : errno;
  auto* l = new Listener;
  l->server = this;
  if (error == 0) error = -uv_poll_init(core.loop.uv(), &l->poll, fd);
  if (error != 0) {
    delete l;
    ::close(fd);
    errno = error;
    return nullptr;
  }
  l->poll.data = l;
  l->fd = fd;
  return l;
}

Result<Server::Listener*, Problem> Server::Impl::open(const std::string& ip, uint16_t port, bool reuse_port) {
  ListenAddress address;
  if (!address.set(ip, port)) return Problem{"\"" + ip + "\" is no IP address"};
  int fd = bound_socket(address, reuse_port);
  if (fd < 0) return listen_problem(ip, port, -fd);
  // Inherited by the accepted sockets.
  int on = 1, seconds = kKeepAliveSeconds;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
  if (address.loopback()) do_not_pace(fd);
  Listener* l = watch(fd);
  if (!l) return listen_problem(ip, port, errno);
  socklen_t size = sizeof address.storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &size);
  l->port = address.port();
  return l;
}

Server::Server(loop::Loop& loop, Handler& handler, const ServerOptions& options)
    : impl_{std::make_unique<Impl>(loop, handler, options)} {}

Server::~Server() { assert(!impl_->current && !impl_->next && impl_->core.connections() == 0); }

Result<bool, Problem> Server::probe(const std::string& ip, uint16_t port) {
  ListenAddress address;
  if (!address.set(ip, port)) return Problem{"\"" + ip + "\" is no IP address"};
  int fd = bound_socket(address, false);
  if (fd < 0) return listen_problem(ip, port, -fd);
  ::close(fd);
  return true;
}

Result<uint16_t, Problem> Server::listen(const std::string& ip, uint16_t port, bool reuse_port) {
  assert(!impl_->current);
  auto opened = impl_->open(ip, port, reuse_port);
  if (!opened) return opened.error();
  impl_->current = *opened;
  impl_->poll_start();
  return impl_->current->port;
}

Result<uint16_t, Problem> Server::open_next(const std::string& ip, uint16_t port, bool reuse_port) {
  drop_next();
  if (impl_->core.draining) return Problem{"cannot listen on " + describe_address(ip, port) + ": the server is ending"};
  auto opened = impl_->open(ip, port, reuse_port);
  if (!opened) return opened.error();
  impl_->next = *opened;
  return impl_->next->port;
}

void Server::switch_listener() {
  if (!impl_->next) return;
  // Their handshakes are done: closing the socket would reset them.
  impl_->accept_some(kBacklog);
  impl_->resume.disarm();
  if (impl_->current) impl_->current->close();
  impl_->current = std::exchange(impl_->next, nullptr);
  impl_->poll_start();
}

void Server::drop_next() {
  if (impl_->next) std::exchange(impl_->next, nullptr)->close();
}

Result<bool, Problem> Server::listen_unix(const std::string& path) {
  assert(!impl_->current);
  auto failed = [&](int error) { return Problem{"cannot listen on " + path + ": " + std::strerror(error)}; };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Problem{"cannot listen on \"" + path + "\": a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes"};
  std::memcpy(address.sun_path, path.data(), path.size());
  auto* to = reinterpret_cast<sockaddr*>(&address);
  // A file that is left over refuses; one that answers belongs to somebody.
  if (int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); probe >= 0) {
    int result = ::connect(probe, to, sizeof address) == 0 ? 0 : errno;
    ::close(probe);
    if (result == 0 || result == EAGAIN) return Problem{"cannot listen on " + path + ": another process answers there"};
    struct stat there;
    if (result == ECONNREFUSED && ::lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) ::unlink(path.c_str());
  }
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(errno);
  // The mode that the file is made with: there is no moment at which others could connect.
  if (::fchmod(fd, 0600) != 0 || ::bind(fd, to, sizeof address) != 0 || ::chmod(path.c_str(), 0600) != 0) {
    int error = errno;
    ::close(fd);
    return failed(error);
  }
  Listener* l = impl_->watch(fd);
  if (!l) return failed(errno);
  l->file = path;
  if (struct stat made; ::lstat(path.c_str(), &made) == 0) l->device = made.st_dev, l->inode = made.st_ino;
  impl_->current = l;
  impl_->poll_start();
  return true;
}

void Server::set_options(const ServerOptions& o) { impl_->core.set_options(o); }
uint16_t Server::port() const { return impl_->current ? impl_->current->port : 0; }
size_t Server::connections() const { return impl_->core.connections(); }

void Server::drain(std::function<void()> drained) {
  impl_->stop_listening();
  impl_->core.draining = true;
  impl_->core.for_each([](ServerPeer& c) { c.drain(); });
  impl_->core.on_empty(std::move(drained));
}

void Server::close() {
  impl_->stop_listening();
  impl_->core.draining = true;
  impl_->core.for_each([](ServerPeer& c) { c.kill(); });
  impl_->core.close();
}

}  // namespace sluice::http

#include "core/http/listen_socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstring>

namespace sluice::http {

void ListenAddress::set_ipv4(in_addr ip, uint16_t port) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  *v4 = {};
  v4->sin_family = AF_INET, v4->sin_addr = ip, v4->sin_port = htons(port);
  size = sizeof *v4;
}

bool ListenAddress::set(const std::string& ip, uint16_t port) {
  if (in_addr v4; inet_pton(AF_INET, ip.c_str(), &v4) == 1) {
    set_ipv4(v4, port);
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (ip.empty()) {
    v6->sin6_family = AF_INET6, v6->sin6_port = htons(port);
    any = true;
  } else if (uv_ip6_addr(ip.c_str(), port, v6) != 0) {
    return false;
  }
  size = sizeof *v6;
  return true;
}

uint16_t ListenAddress::port() const {
  return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

bool ListenAddress::loopback() const {
  if (storage.ss_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr);
  return ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

int bound_socket(ListenAddress& a, bool reuse_port) {
  int fd = ::socket(a.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int error = errno;
  if (fd >= 0) {
    int on = 1, off = 0;
    if (a.storage.ss_family == AF_INET6) {
      const bool wildcard = IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<sockaddr_in6*>(&a.storage)->sin6_addr);  // "::" too: IPv4 as well
      ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, wildcard ? &off : &on, sizeof on);
    }
    bool ok = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    ok = ok && (!reuse_port || ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    if (ok && ::bind(fd, reinterpret_cast<sockaddr*>(&a.storage), a.size) == 0) return fd;
    error = errno;
    ::close(fd);
  }
  if (a.any && a.storage.ss_family == AF_INET6 && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)) {
    a.set_ipv4(in_addr{htonl(INADDR_ANY)}, a.port());  // a machine without IPv6
    return bound_socket(a, reuse_port);
  }
  return -error;
}

void do_not_pace(int fd) {
  char name[16] = {};  // TCP_CA_NAME_MAX
  socklen_t size = sizeof name;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size) != 0 || !std::string_view{name, size}.starts_with("bbr")) return;
  ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}

Problem listen_problem(const std::string& ip, uint16_t port, int error) {
  std::string text = "cannot listen on " + describe_address(ip, port) + ": ";
  if (error == EADDRINUSE) return {text + "the port is already in use by another socket"};
  if (error == EADDRNOTAVAIL) return {text + "no interface of this machine has that address"};
  if (error == EACCES) return {text + "no permission for that port"};
  return {text + std::strerror(error)};
}

std::string describe_address(const std::string& ip, uint16_t port) {
  bool v6 = ip.find(':') != ip.npos;
  return (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

std::string_view peer_text(const sockaddr_storage& peer, char (&text)[INET6_ADDRSTRLEN]) {
  const void* address = nullptr;
  int family = peer.ss_family;
  if (family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    address = &v6;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) family = AF_INET, address = v6.s6_addr + 12;
  } else if (family == AF_INET) {
    address = &reinterpret_cast<const sockaddr_in&>(peer).sin_addr;
  } else {
    return {};
  }
  if (!inet_ntop(family, address, text, sizeof text)) return {};
  return text;
}

}  // namespace sluice::http

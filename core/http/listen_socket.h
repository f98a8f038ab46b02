// Sockets that wait for clients: their addresses, how they are opened and how they are told to people. Any thread.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sluice::http {

struct ListenAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool any = false;  // IPv6 with IPv4 mapped into it

  // An IPv4 or IPv6 literal; empty: every interface. False: it is no address.
  bool set(const std::string& ip, uint16_t port);
  void set_ipv4(in_addr ip, uint16_t port);
  uint16_t port() const;
  bool loopback() const;  // who connects is on this machine, unless somebody translates addresses
};

// A bound socket, or -errno. `any` on a machine without IPv6 becomes IPv4.
int bound_socket(ListenAddress&, bool reuse_port);

// For a socket whose clients are on this machine. BBR paces what it sends: a timer for each segment, to spare the queues of the
// network (tcp_bbr.c in Linux). Here there is none, and the timers are a tenth and more of what large answers cost when they have
// to be set through a hypervisor. So where BBR would be used, "reno" is, which is always there and, as a rule, allowed to
// everybody (tcp(7)); where it is not, all stays as it is. Accepted sockets inherit it. They could not change over themselves:
// what BBR has once begun to pace stays paced.
void do_not_pace(int fd);

// "cannot listen on …", and why.
Problem listen_problem(const std::string& ip, uint16_t port, int error);
std::string describe_address(const std::string& ip, uint16_t port);

// Empty: it has none (a socket in the file system). IPv4 clients of an IPv6 socket are shown as what they are.
std::string_view peer_text(const sockaddr_storage& peer, char (&text)[INET6_ADDRSTRLEN]);

}  // namespace sluice::http

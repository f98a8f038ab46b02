#include "core/http/listen_socket.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace sluice::http {
namespace {

struct Socket {
  Socket() : Socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {}
  explicit Socket(int taken) : fd{taken} {}
  ~Socket() { ::close(fd); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  bool use(const std::string& name) { return ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0; }
  std::string used() const {
    char name[16] = {};
    socklen_t size = sizeof name;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
    return name;
  }
  int fd;
};

TEST(ListenSocketTest, ASocketForClientsOfThisMachineDoesNotPace) {
  Socket s;
  if (!s.use("bbr")) GTEST_SKIP() << "this kernel has no BBR, or does not let us use it";
  do_not_pace(s.fd);
  EXPECT_EQ(s.used(), "reno");
}

TEST(ListenSocketTest, CongestionControlThatDoesNotPaceStaysAsItIs) {
  Socket s;
  if (!s.use("cubic")) GTEST_SKIP() << "this kernel has no CUBIC, or does not let us use it";
  do_not_pace(s.fd);
  EXPECT_EQ(s.used(), "cubic");
}

TEST(ListenSocketTest, AcceptedSocketsDoNotPaceEither) {
  ListenAddress address;
  ASSERT_TRUE(address.set("127.0.0.1", 0));
  Socket listener{bound_socket(address, false)};
  ASSERT_GE(listener.fd, 0);
  if (!listener.use("bbr")) GTEST_SKIP() << "this kernel has no BBR, or does not let us use it";
  do_not_pace(listener.fd);
  ASSERT_EQ(::listen(listener.fd, 1), 0);
  ASSERT_EQ(::getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size), 0);
  Socket client;
  ASSERT_EQ(::connect(client.fd, reinterpret_cast<sockaddr*>(&address.storage), address.size), 0);
  Socket accepted{::accept(listener.fd, nullptr, nullptr)};
  ASSERT_GE(accepted.fd, 0);
  EXPECT_EQ(accepted.used(), "reno");
}

TEST(ListenSocketTest, LoopbackAddressesAreThoseOfThisMachineAlone) {
  auto loopback = [](const std::string& ip) {
    ListenAddress a;
    EXPECT_TRUE(a.set(ip, 8080)) << ip;
    EXPECT_EQ(a.port(), 8080) << ip;
    return a.loopback();
  };
  EXPECT_TRUE(loopback("127.0.0.1"));
  EXPECT_TRUE(loopback("127.9.8.7"));
  EXPECT_TRUE(loopback("::1"));
  EXPECT_FALSE(loopback(""));
  EXPECT_FALSE(loopback("::"));
  EXPECT_FALSE(loopback("0.0.0.0"));
  EXPECT_FALSE(loopback("128.0.0.1"));
  EXPECT_FALSE(loopback("2001:db8::1"));
}

TEST(ListenSocketTest, WhatIsNoAddressIsRefused) {
  for (std::string ip : {"localhost", "127.0.0.256", "::g", "127.0.0.1:80"}) EXPECT_FALSE(ListenAddress{}.set(ip, 80)) << ip;
}

}  // namespace
}  // namespace sluice::http

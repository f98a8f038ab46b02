// Blocking sockets with time limits for tests. Nothing here uses the gateway's own code: the tests must not inherit its
// mistakes. Everything throws on failure, for GoogleTest turns an exception into a failed test with its text.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

struct ssl_ctx_st;

namespace sluice::test {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct TimedOut : Failure {  // the limit of a waiting verb passed
  using Failure::Failure;
};
struct ConnectionLost : Failure {  // refused, reset, or closed where more was needed
  using Failure::Failure;
};

// How long one wait may take before the test fails. Generous: a limit is there to end a hanging test, not to measure.
using Limit = std::chrono::milliseconds;
inline constexpr Limit kLimit{20'000};

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void close();

 private:
  int fd_ = -1;
};

// Waits until `fd` is readable (or writable). False: the limit passed.
bool wait_readable(int fd, Limit limit);
bool wait_writable(int fd, Limit limit);

// A port of 127.0.0.1 that nobody else of the test runs gets while this object lives: the claim is a locked file, so parallel
// test processes respect it, and the range lies below the one the system hands out to outgoing connections.
class ReservedPort {
 public:
  ReservedPort();
  ReservedPort(ReservedPort&&) = default;
  ReservedPort& operator=(ReservedPort&&) = default;
  uint16_t number() const { return number_; }

 private:
  Fd lock_;
  uint16_t number_ = 0;
};

// A listening socket on 127.0.0.1; port 0 lets the system choose.
Fd listen_on(uint16_t port, int backlog = 512);
uint16_t port_of(const Fd& listener);
Fd connect_to(uint16_t port, Limit limit = kLimit);

// A byte stream, plain or TLS. One thread reads, one writes; shutdown_both() and reset() may be called from any.
class Wire {
 public:
  explicit Wire(Fd fd) : fd_(std::move(fd)) {}
  virtual ~Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // At least one byte, or "" at the end of the stream. Throws TimedOut, ConnectionLost (reset).
  virtual std::string read_some(Limit limit = kLimit);
  // All of it. Throws TimedOut (the peer does not read), ConnectionLost.
  virtual void write(std::string_view bytes, Limit limit = kLimit);
  // As many bytes as fit without waiting for the peer.
  size_t write_now(std::string_view bytes);
  void shutdown_write();
  void shutdown_both();
  void reset();  // closes with RST
  int fd() const { return fd_.get(); }

 protected:
  Fd fd_;
};

// Both take over the socket and finish the handshake. The client checks nothing: certificates are the gateway's matter.
std::unique_ptr<Wire> tls_connect(Fd fd, Limit limit = kLimit);
class TlsServerContext {
 public:
  // `client_authority_file`: clients must show a certificate that it has signed; "": they are not asked.
  TlsServerContext(const std::string& certificate_file, const std::string& key_file, const std::string& client_authority_file = "");
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;
  std::unique_ptr<Wire> accept(Fd fd, Limit limit = kLimit);

 private:
  ssl_ctx_st* context_;
};

}  // namespace sluice::test

// Errors are values. Request-path errors (`Error`) are trivially copyable and own nothing; start-up errors (`Problem`)
// own their text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

enum class Errc : uint8_t {
  none,
  invalid,      // somebody passed or sent something malformed
  not_found,
  limit,        // a configured bound was exceeded
  timeout,      // a deadline passed
  cancelled,    // the client left, or a sibling won
  no_hosts,     // the host list is empty
  resolve,      // name resolution failed
  refused,      // connect failed; nothing was sent
  tls,          // handshake or certificate; nothing was sent
  reset,        // the connection broke after something was sent
  truncated,    // body shorter than announced
  protocol,     // the peer speaks no valid HTTP
  status,       // a backend answered with a status that is no success
  decode,       // the body is not what its encoding promises
  encode,
  redirect,     // too many redirects
  rejected,     // a plugin said no (limit, breaker, policy)
  plugin,       // a plugin failed
  internal,
};
std::string_view to_string(Errc);

enum class Source : uint8_t { client, backend, plugin, config, internal };

// What went wrong with one request or one of its parts. Views live as long as the exchange (or are static).
struct Error {
  Errc code = Errc::none;
  Source source = Source::internal;
  bool nothing_sent = false;         // safe to try another host: the backend cannot have seen the request
  uint16_t http_status = 0;          // 0: the client gets 500
  std::string_view message{};        // for the log; may name internal URLs
  std::string_view body{};           // carried for return_error_msg / fail(..., body)
  std::string_view content_type{};
  std::string_view public_message{}; // for clients when body is empty; never names internal URLs (deviation 17)
  explicit operator bool() const { return code != Errc::none; }
};

// A value or an Error. T must be default constructible.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_{std::move(value)}, ok_{true} {}  // NOLINT: implicit on purpose
  Result(E error) : error_{std::move(error)} {}             // NOLINT
  explicit operator bool() const { return ok_; }
  bool ok() const { return ok_; }
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }
  E& error() { return error_; }
  const E& error() const { return error_; }

 private:
  T value_{};
  E error_{};
  bool ok_ = false;
};

// A start-up failure, told to a person.
struct Problem {
  std::string message;
};

}  // namespace sluice

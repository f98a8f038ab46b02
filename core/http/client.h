// The client side: connections to backends with per-worker pools. One thread: the loop's.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/http/dns.h"
#include "core/http/message.h"
#include "core/http/proxy.h"
#include "core/http/tls_problem.h"
#include "core/loop/loop.h"

struct ssl_ctx_st;

namespace sluice::http {

// config.md §3.4. Durations in milliseconds, 0: no limit.
struct ClientOptions {
  bool keep_alive = true;                       // !disable_keep_alives
  uint32_t max_idle = 0;                        // over all origins, per process; split over the workers; 0: no limit
  uint32_t max_idle_per_origin = 250;           // as above
  uint64_t idle_timeout_ms = 0;
  uint64_t response_header_timeout_ms = 0;      // from the end of the request to the response's head
  uint64_t dial_timeout_ms = 0;                 // name resolution and connect, together
  int64_t dial_keep_alive_ms = 15'000;          // TCP keep-alive probes; negative: off
  int64_t fallback_delay_ms = 300;              // RFC 8305 §5; negative: no parallel attempts
  uint64_t tls_handshake_timeout_ms = 10'000;
  uint32_t max_header_bytes = 10 << 20;
  std::string dns_servers{};                    // "ip[:port],…"; empty: the system's
};

// config.md §3.5; immutable, shared by the workers. Versions in OpenSSL's TLS1_2_VERSION form, 0: default.
struct TlsClientOptions {
  bool verify = true;
  std::vector<std::string> ca_files;
  bool system_ca = true;
  int min_version = 0, max_version = 0;
  std::vector<int> curves, ciphers;  // IANA ids; empty: library default
  std::vector<std::pair<std::string, std::string>> certificates;  // certificate, private key: PEM paths
};
class TlsClientContext {
 public:
  // What cannot be used is skipped (config.md §3.5 quirk, but said aloud): problems with places below the block, none of them fatal.
  static std::shared_ptr<TlsClientContext> create(const TlsClientOptions&, std::vector<TlsProblem>&);
  // With the default options, but made by the first origin that needs it (make_origin): OpenSSL and the system's authorities
  // take 2 MB and 20 ms that a gateway without https backends need not spend.
  static std::shared_ptr<TlsClientContext> on_first_use();
  // Equal for equal options and unchanged files (content of those named, date of the system's): a context made then would
  // be no different.
  static std::string fingerprint(const TlsClientOptions&);
  ~TlsClientContext();
  // [any] nullptr: OpenSSL cannot make one (out of memory, or a broken openssl.cnf). Makes it, if nobody has yet.
  ssl_ctx_st* native();
  uint64_t serial() const { return serial_; }  // part of the pool key: an address may come again, a number does not

 private:
  explicit TlsClientContext(TlsClientOptions);
  void build(std::vector<TlsProblem>&);
  const TlsClientOptions options_;
  const uint64_t serial_;
  std::once_flag built_;
  ssl_ctx_st* ctx_ = nullptr;
};

// Whether HTTP/2 is spoken to an origin.
enum class Http2Mode : uint8_t {
  never,
  negotiate,  // over TLS, if the backend chooses it (ALPN); without TLS there is nothing to negotiate, and this is `never`
  always,     // over TLS it must be chosen, without TLS it is spoken from the first byte (RFC 9113 §3.3)
};

// Where a request goes; immutable, made at load. The pool key is (scheme, host, port, TLS context, HTTP/2 mode): connections
// are reused only between equal ones. The SNI and the verified name are `host`.
struct Origin {
  std::string host;         // name or address literal without brackets
  uint16_t port = 80;
  bool tls = false;
  std::shared_ptr<TlsClientContext> context;  // tls only
  std::string authority;    // Host field: host[:port], port left out when it is the scheme's default
  std::shared_ptr<const Proxy> proxy;  // of the environment; nullptr: directly
  Http2Mode http2 = Http2Mode::never;
  std::string key;          // pool key, made by make_origin
  uint64_t serial = 0;      // of this make_origin call; workers find their pool by it without hashing the key. 0: none
};
// "http://name[:port]" or "https://…", nothing behind it; https needs a context. Goes through the proxy that the environment
// of the process names for it. Problem: what is wrong with the text, that OpenSSL makes no context, or that a proxy stands where HTTP/2 must be spoken
// without TLS (it would not understand it).
Result<Origin, Problem> make_origin(std::string_view url, std::shared_ptr<TlsClientContext>, Http2Mode = Http2Mode::never);

// Receives one response. Called on the loop, never from inside a call on the ClientCall; each may destroy the call.
class CallSink {
 public:
  // `head` is set on the first call only; head and body views live until the call returns. A small answer comes in one
  // call: head, whole body and last. Transfer coding is undone, content coding is not. 1xx are swallowed but for 100.
  virtual void on_response(const ResponseHead* head, Slices body, bool last) noexcept = 0;
  // The call ended without a whole response. After the head was delivered: Errc::truncated, reset, timeout, protocol.
  virtual void on_error(const Error&) noexcept = 0;
  // Upload: everything queued by send_body has left.
  virtual void on_writable() noexcept = 0;
  // "100 Continue" came, for a request that asked for it (RFC 9110 §10.1.1).
  virtual void on_continue() noexcept {}

 protected:
  ~CallSink() = default;
};

class Client;
class ClientConnection;

// When a call got its connection, for who wants to tell. clock::monotonic_ns(); 0: not yet, or not at all.
struct CallTimes {
  uint64_t connected_ns = 0;  // a fresh connection stands; with TLS its handshake begins
  uint64_t ready_ns = 0;      // the request may be written
  bool reused = false;        // on a pooled connection
};

// One request to one origin. Lives in a coroutine frame; pinned. Destroying it cancels: an unfinished connection is closed,
// a finished one is in the pool already. Of an HTTP/2 connection the stream alone is reset.
class ClientCall {
 public:
  struct State;  // of the client's own files
  ClientCall(Client&, Arena&, CallSink&);
  ~ClientCall();
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;

  struct Request {
    const Origin* origin = nullptr;
    Slices bytes;            // head and, when whole, body, ready for an HTTP/1.1 wire; [exchange] (they may be sent twice)
    // For origins that may speak HTTP/2: the same head alone, its fields are read back from it (so that there is one place
    // where a request is written), and the body without framing. [exchange] too.
    Slice head;
    Slices body;
    bool head_method = false;  // HEAD: the response has no body
    bool idempotent = true;  // RFC 9110 §9.2.2; only such are repeated on a stale connection after bytes were sent
    bool streaming = false;  // more body follows through send_body; then never repeated
    bool chunked = false;    // streaming: send_body gets the bare body, and frames it as the connection needs it
    CallTimes* times = nullptr;  // filled while the call runs; nullptr: nobody asks
  };
  // Takes a pooled connection or opens one. A reused connection that ends before any response byte: once more on a fresh
  // one, if the request can be replayed (architecture page).
  // Bytes (not the arrays of views) and `origin` live as long as the call. Errors come later, never inside start().
  void start(const Request&);
  // Upload of a streaming body, as it goes onto the wire unless Request::chunked. The bytes need to live only now: what the
  // kernel does not take is kept (read blocks are shared, the rest is copied). False: wait for on_writable before more;
  // on_writable comes only then. After the response has ended nothing is sent any more, and the connection is not reused
  // if the upload was unfinished.
  bool send_body(Slices, bool last);
  // Reading of the response: back-pressure.
  void pause();
  void resume();
  // The next bytes of a body of announced length (not chunked, not until close) are read straight into `buffer`, and the
  // slices of on_response then point into it, one behind the other without gaps. For collectors: no copy through the read
  // block. What has arrived already is in the block as usual. Ends by itself when `size` bytes are used or the response
  // is over; {nullptr, 0} ends it before. The buffer lives until then or until the call is destroyed. HTTP/2 makes no use of
  // it: frames are cut by the peer.
  void read_into(char* buffer, size_t size);
  bool reused() const;  // went out on a pooled connection
  // After on_error: the connection ended before any byte of an answer came. Whoever may repeat the
  // request (RFC 9110 §9.2.2) has lost nothing but time.
  bool unanswered() const;
  // Who must keep the bytes of a running on_response shares the read block (loop::Loop).

 private:
  friend class ClientConnection;
  friend class Client;
  State* state_;
};

struct ClientStats {
  uint64_t opened = 0, reused = 0, retried = 0;
  uint32_t idle = 0, active = 0;
};

// The pools and the resolver of one worker.
class Client {
 public:
  struct Impl;  // of the client's own files
  // Ignores SIGPIPE if nobody handles it: a broken connection is an error value.
  Client(loop::Loop&, const ClientOptions&, uint32_t workers);
  ~Client();  // after close() and the loop's end
  loop::Loop& loop();
  Resolver& resolver();
  ClientStats stats() const;
  void count_retry();  // of a request that its caller sends again, elsewhere
  void set_options(const ClientOptions&, uint32_t workers);
  // Closes idle connections and refuses new calls; running calls get Errc::cancelled.
  void close();

 private:
  friend class ClientCall;
  friend class ClientConnection;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http

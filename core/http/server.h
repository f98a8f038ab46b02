// The server side: a listener per worker, connections, and one Stream per request. A Stream hides the protocol: HTTP/1.1 or
// HTTP/2, plain or through TLS. One thread: the loop's.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/http/tls_server.h"
#include "core/loop/loop.h"

namespace sluice::http {

// config.md §3.2. Durations in milliseconds, 0: no limit.
struct ServerOptions {
  uint64_t read_timeout_ms = 0;         // whole request, body included
  uint64_t read_header_timeout_ms = 0;  // 0: read_timeout
  uint64_t write_timeout_ms = 0;        // from the end of the request's head to the end of the response
  uint64_t idle_timeout_ms = 0;         // 0: read_timeout, else read_header_timeout
  uint32_t max_header_bytes = 1 << 20;  // the real limit is this plus 4096
  uint32_t max_headers = 1000;          // fields; over it: 431
  uint32_t max_connections = 0;         // per worker; 0: no limit (beyond it: accepted and closed)
  std::shared_ptr<TlsServerContext> tls{};  // null: plain
  bool http2 = false;                   // without TLS too: prior knowledge and Upgrade; with TLS the handshake decides
};

// What happens to one request's stream. Called on the loop, never from inside a call on the Stream.
class StreamOwner {
 public:
  // More request body (after Stream::read_body). `last`: the body is complete. The bytes live until the call returns.
  virtual void on_body(Slices, bool last) noexcept = 0;
  // The request body cannot be completed (time-out, malformed chunk, connection lost while reading it). The response can
  // still be sent unless gone() follows.
  virtual void on_body_error(const Error&) noexcept = 0;
  // Everything queued has left; write() may go on.
  virtual void on_drain() noexcept = 0;
  // The client went away (or write_timeout): nothing can be sent any more. Cancel the work and call Stream::release().
  virtual void on_gone() noexcept = 0;

 protected:
  ~StreamOwner() = default;
};

// How long the bytes passed to a write live.
enum class Life : uint8_t {
  exchange,  // arena or longer: until release() and the flush
  callback,  // only now: they are in the worker's read block (shared when queued) or are copied when queued
};

// Something that the bytes of a response may point into. Told on the loop, once per response, with nothing of the owner's on
// the stack: everything has left (or the connection is gone) and the arena is empty.
class ResponseKeeper {
 public:
  virtual void on_response_over() noexcept = 0;

 protected:
  ~ResponseKeeper() = default;
};

// One request and its response. Obtained in Handler::on_request; owned by its connection. The owner must call release()
// exactly once, after the last use; then the arena is reset as soon as the response has left.
class Stream {
 public:
  virtual Arena& arena() = 0;
  virtual const RequestHead& head() = 0;
  virtual std::string_view peer_ip() = 0;  // text form, in the connection
  virtual bool secure() = 0;               // TLS
  virtual void set_owner(StreamOwner*) = 0;

  // ---- request body. Nothing is read from the socket before read_body() (beyond what came with the head), and
  // "100 Continue" is sent by it when the client expects so. ----
  virtual bool body_complete() = 0;        // nothing more to come: no body, or body() has all of it
  // What has arrived with the head and belongs to the body, decoded; in the arena.
  virtual Slice body() = 0;
  virtual void read_body() = 0;            // deliver the rest through on_body
  virtual void pause_body() = 0;           // back-pressure
  virtual void resume_body() = 0;

  // ---- response: exactly one respond(), or start() write()* finish(). Date, Connection, Content-Length or
  // Transfer-Encoding are added here, hop-by-hop fields of `head` are skipped; HEAD sends no body. ----
  // Whole response in one vectored write.
  virtual void respond(const ResponseHead& head, Slices body, Life = Life::exchange) = 0;
  // Head and first bytes in one write. content_length -1: chunked (HTTP/1.1) or close-delimited (HTTP/1.0).
  virtual void start(const ResponseHead& head, Slices first, Life) = 0;
  // False: the queue is over its bound; wait for on_drain before the next write.
  virtual bool write(Slices, Life) = 0;
  virtual void finish() = 0;
  // Ends the connection without completing the message, so that the client sees the truncation (deviation 12).
  virtual void abort() = 0;
  // Write the head as usual but close the connection after this response.
  virtual void close_after() = 0;
  virtual bool started() = 0;

  // The owner is done with the stream (response finished, aborted or gone). No call afterwards.
  virtual void release() = 0;

  // Bytes passed with Life::exchange may wait for a slow client long after release(): who owns them learns the end here.
  void set_keeper(ResponseKeeper* k) { keeper_ = k; }

 protected:
  ~Stream() = default;
  ResponseKeeper* keeper_ = nullptr;
};

class Handler {
 public:
  // A complete request head. The body may follow. The handler sets an owner before it returns, or answers and releases.
  virtual void on_request(Stream&) noexcept = 0;

 protected:
  ~Handler() = default;
};

// Listens on one loop. Several loops may listen on the same address (SO_REUSEPORT). After close() nothing is reported to
// keepers any more.
class Server {
 public:
  Server(loop::Loop&, Handler&, const ServerOptions&);
  ~Server();  // after close() and the loop's end
  // Address literal ("" = all interfaces, IPv6 and IPv4) and port (0: any free one). Result: the port.
  Result<uint16_t, Problem> listen(const std::string& ip, uint16_t port, bool reuse_port);
  // A second listener, for a change of address without a moment when nobody listens: nothing is accepted there before
  // switch_listener(), which first accepts who waits at the old one and then closes it.
  Result<uint16_t, Problem> open_next(const std::string& ip, uint16_t port, bool reuse_port);
  void switch_listener();  // no effect without a next one
  void drop_next();
  // A socket in the file system that only this user may connect to (mode 0600). A file that nobody listens at any more is
  // replaced; somebody who does is a problem. The file is removed with the listener.
  Result<bool, Problem> listen_unix(const std::string& path);
  // For connections and requests that begin from now on.
  void set_options(const ServerOptions&);
  // Is the address free? For the first listener of a process: with SO_REUSEPORT a second process would share the port
  // unnoticed. Port 0 is always free. Any thread.
  static Result<bool, Problem> probe(const std::string& ip, uint16_t port);
  uint16_t port() const;
  // Stops accepting at once; idle connections are closed; running requests are finished with "Connection: close".
  // `drained` is called on the loop when the last connection is gone. Once.
  void drain(std::function<void()> drained);
  // Ends every connection now (gone() to their owners) and closes the handles.
  void close();
  size_t connections() const;

 private:
  struct Impl;
  struct Listener;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http

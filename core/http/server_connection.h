// One client connection of HTTP/1: requests in order, one in work at a time. Reading stays started; bytes that nobody wants
// yet wait in a buffer, and only when that is full does reading stop.
#pragma once
#include <memory>

#include "core/http/input_buffer.h"
#include "core/http/request_codec.h"
#include "core/http/server_core.h"
#include "core/http/server_stream.h"
#include "core/http/server_wire.h"

namespace sluice::http {

class Connection final : public WireSink, public ServerPeer {
 public:
  // Takes the socket over; begins to read.
  static void open(ServerCore&, int fd, std::string_view peer_ip);
  ~Connection() override;  // destroys itself when its socket is closed and its stream released

  void kill() override;
  void drain() override;
  void run_deferred() override;

 private:
  friend class Http1Stream;
  friend class ServerCore;
  enum class Phase : uint8_t {
    head,     // between requests, or reading a head
    work,     // stream_ is set
    discard,  // the response has left; the rest of the request's body is read and dropped
    linger,   // FIN sent; input is dropped until the client closes (RFC 9112 §9.6)
    closed,
  };
  struct ReadDeadline : loop::Deadline {
    Connection* self = nullptr;
  };
  static constexpr size_t kPending = 64 * 1024;       // unprocessed bytes while a request is in work
  static constexpr size_t kDiscard = 256 * 1024;      // of a body that nobody wanted
  static constexpr uint64_t kLingerMs = 500;
  static constexpr uint64_t kDiscardMs = 5000;        // when no time-out is configured

  Connection(ServerCore&, std::string_view peer_ip);

  void on_bytes(const char*, size_t) noexcept override;
  void on_end(bool clean) noexcept override;
  void on_flushed() noexcept override;
  void on_closed() noexcept override;
  void on_secured() noexcept override { must_switch_ = wire_->http2(); }
  void on_deadline() noexcept;

  size_t consume(const char*, size_t);
  void consume_pending();
  size_t read_head(const char*, size_t);
  size_t begin_request(const char*, size_t);
  bool asks_for_http2(std::string_view head) const;  // its preface, where it is allowed (RFC 9113 §3.4)
  bool asks_for_upgrade(const RequestHead&) const;   // RFC 7540 §3.2
  void switch_to_http2();                            // destroys this
  size_t first_body(Http1Stream&, const char*, size_t);
  size_t deliver_body(const char*, size_t);
  size_t discard_body(const char*, size_t);
  void arm_body_deadline();
  void update_reading();

  // For the stream.
  bool keep_alive_for_response(const Http1Stream&);
  void write(uv_buf_t*, unsigned, Life);
  void release_if_done();
  void defer();
  void fail_body(Errc);
  void gone();

  void end_request();
  void await_head();
  void reject(int status);
  void finish_and_close();
  void linger();
  void close(bool reset = false);
  void destroy_if_over();

  ServerCore& core_;
  std::unique_ptr<Wire> wire_;
  Http1Stream* stream_ = nullptr;
  ReadDeadline deadline_;
  InputBuffer pending_;
  HeadScanner scanner_;
  BodyDecoder body_;
  uint64_t began_ms_ = 0;     // first byte of the head (accepted, for the first request)
  uint32_t dropped_ = 0;      // in discard and linger
  Phase phase_ = Phase::head;
  Errc body_error_ = Errc::none;
  bool keep_ = true;          // another request may follow
  bool head_begun_ = false;   // began_ms_ is set
  bool head_timed_ = false;   // the header time-out runs (or there is none)
  bool processing_ = false;   // consume() is on the stack
  bool broken_ = false;       // a write failed
  bool ended_ = false;        // the client sent FIN after its response was complete
  bool wire_closed_ = false;
  bool first_ = true;         // no request has been read
  bool must_switch_ = false;  // the handshake of TLS agreed on HTTP/2
  bool switching_ = false;    // switch_to_http2() is next
  uint32_t upgrade_head_ = 0; // bytes of the request that asked for it; 0: by preface
  bool reset_ = false;        // close so that even a close-delimited body is seen as cut
  uint8_t peer_size_ = 0;
  char peer_[46];
};

}  // namespace sluice::http

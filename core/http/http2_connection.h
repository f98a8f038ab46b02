// One client connection of HTTP/2: nghttp2 does the frames, this maps them onto streams, one per request. Everything that
// owners are told is told between two calls of nghttp2, never from inside one; what they send in return leaves together.
#pragma once
#include <nghttp2/nghttp2.h>

#include <memory>

#include "core/http/http2_budget.h"
#include "core/http/http2_stream.h"
#include "core/http/request_codec.h"
#include "core/http/server_core.h"
#include "core/http/server_wire.h"

namespace sluice::http {

class Http2Connection final : public WireSink, public ServerPeer {
 public:
  // Limits that no option moves; docs/tls.md has them.
  static constexpr uint32_t kMaxStreams = 250;             // at once
  static constexpr int32_t kStreamWindow = 256 * 1024;     // request body that waits for its reader
  static constexpr int32_t kConnectionWindow = 1 << 20;    // the same of all streams together
  static constexpr uint32_t kNoiseBurst = 1000, kNoisePerSecond = 100;  // frames that carry nothing: pings, settings, empty data
  static constexpr uint32_t kResetBurst = 200, kResetPerSecond = 20;    // requests begun and taken back, or refused

  // Takes the wire of a connection over whose client speaks HTTP/2. on_bytes with what has come already follows.
  static Http2Connection& open(ServerCore&, std::unique_ptr<Wire>, std::string_view peer_ip);
  // After "Upgrade: h2c" (RFC 7540 §3.2): `head` is the request that asked for it, whole and found good by `scanner`, with
  // valid_settings() in it. It is answered as the first stream.
  void upgrade(std::string_view head, const HeadScanner& scanner);
  static bool valid_settings(std::string_view base64url);

  void kill() override;
  void drain() override;
  void run_deferred() override;

  void on_bytes(const char*, size_t) noexcept override;
  void on_end(bool clean) noexcept override;
  void on_flushed() noexcept override;
  void on_closed() noexcept override;

 private:
  friend class Http2Stream;
  friend struct Http2Callbacks;
  enum class Phase : uint8_t {
    open,
    linger,  // FIN sent; input is dropped until the client closes
    closed,
  };
  static constexpr size_t kHighWater = 64 * 1024;  // bytes in the wire from which no frames are made
  static constexpr uint64_t kLingerMs = 500;
  static constexpr uint64_t kDrainPingMs = 1000;   // for the answer that says how much is on its way

  Http2Connection(ServerCore&, std::unique_ptr<Wire>, std::string_view peer_ip);
  ~Http2Connection() override;  // destroys itself when its socket is closed and its streams released

  // ---- http2_frames.cc: from nghttp2 ----
  void make_session();
  Http2Stream* new_stream(int32_t id);
  void finish_head(Http2Stream&, bool end);
  int on_field(Http2Stream&, std::string_view name, std::string_view value);
  void on_stream_over(Http2Stream&);

  // ---- for the stream ----
  void submit_head(Http2Stream&, const ResponseHead&, bool body_follows);
  void submit_continue(Http2Stream&);
  void resume(Http2Stream&);
  void event(Http2Stream&);
  void schedule();             // settle() before the loop waits, unless it is on the stack anyway
  void on_released(Http2Stream&);
  void stop_upload(Http2Stream&);

  void settle();               // events, frames, ends: from the top of the stack only
  void dispatch();
  void deliver(Http2Stream&);
  void deliver_body(Http2Stream&);
  void begin_request(Http2Stream&);
  void flush();
  void put(const char*, size_t);
  void write_out();
  void update_deadline();
  void on_deadline();
  void ask_for_rest();
  void final_goaway();
  void give_up(uint32_t code); // GOAWAY and the end; nghttp2 is not asked any more
  void end_all();              // every stream is gone
  void linger();
  void close();
  void forget(Http2Stream&);
  void destroy_if_over();

  ServerCore& core_;
  std::unique_ptr<Wire> wire_;
  nghttp2_session* session_ = nullptr;
  Http2Stream* all_ = nullptr;
  Http2Stream *events_ = nullptr, *last_event_ = nullptr;
  uint32_t streams_ = 0;
  loop::Deadline deadline_, drain_deadline_;
  Http2Budget noise_{kNoiseBurst, kNoisePerSecond}, resets_{kResetBurst, kResetPerSecond};
  size_t out_used_ = 0;        // of the core's buffer, within flush()
  int32_t last_stream_ = 0;
  Phase phase_ = Phase::open;
  bool processing_ = false;    // settle() or nghttp2 is on the stack
  int32_t head_stream_ = 0;    // whose header block has begun
  bool head_open_ = false;     // and not ended
  bool head_timed_ = false, idle_timed_ = false;
  bool broken_ = false;        // a write failed, or nghttp2 did
  bool too_much_ = false;      // a budget is used up
  bool draining_ = false, wire_closed_ = false;
  uint8_t peer_size_ = 0;
  char peer_[46];
};

}  // namespace sluice::http

// The insides of the client, shared by the client*.cc files and nobody else. One thread: the loop's.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/http/client.h"
#include "core/http/dns.h"
#include "core/http/response_codec.h"
#include "core/http/tls_stream.h"
#include "core/loop/loop.h"
#include "core/loop/socket_io.h"

namespace sluice::http {

class Http2Session;
struct Http2Call;

// Ring of the calls under way.
struct CallLink {
  CallLink *prev = this, *next = this;
  bool alone() const { return next == this; }
  void insert_before(CallLink& at) {
    prev = at.prev, next = &at;
    prev->next = this, at.prev = this;
  }
  void unlink() {
    prev->next = next, next->prev = prev;
    prev = next = this;
  }
};

// The connections of one worker to equal origins. `idle` newest first: the newest is the least likely to be stale, and
// the others get old enough to be closed.
struct Pool {
  ClientConnection* newest = nullptr;
  uint32_t idle = 0;
  uint32_t users = 0;              // open connections and calls that point here
  SSL_SESSION* session = nullptr;  // for the next handshake; ours
  // ---- of origins that may speak HTTP/2 (client_h2_pool.cc)
  enum class Spoken : uint8_t { unknown, http1, http2 } spoken = Spoken::unknown;  // on the newest connection
  Http2Session* sessions = nullptr;  // that take new calls, newest first
  CallLink waiting;                  // Http2Calls: for a connection that is being dialled, or for a stream
  uint32_t session_count = 0, waiting_count = 0, dialing = 0;
  uint32_t streams = 100;            // at once on a connection, as the newest one was told; RFC 9113 §6.5.2 asks for that many
  ~Pool() {
    if (session) SSL_SESSION_free(session);
  }
};

struct CallDeadline : loop::Deadline {
  ClientCall::State* call = nullptr;
};
struct ConnectionDeadline : loop::Deadline {
  ClientConnection* connection = nullptr;
};

struct Dial;

// Lives in the call's arena; its destructor is run by ~ClientCall.
struct ClientCall::State : CallLink {
  State(Client::Impl& c, Arena& a, CallSink& s);
  ~State();
  std::string_view url_prefix() const { return request.origin->tls ? "https://" : "http://"; }

  Client::Impl& client;
  Arena& arena;
  CallSink* sink;
  Request request;
  Pool* pool = nullptr;
  ClientConnection* connection = nullptr;
  std::unique_ptr<Dial> dial;
  std::unique_ptr<Http2Call> h2;  // while HTTP/2 is spoken, or may come to be; nullptr: HTTP/1.1
  CallDeadline timer;
  enum class Timer : uint8_t { none, error, tls, head } timer_for = Timer::none;
  Error error;               // Timer::error: told at the next turn
  std::string early;         // send_body before there was a connection
  char* into = nullptr;      // read_into
  size_t into_room = 0;
  size_t next_slice = 0, next_offset = 0;  // TLS: request bytes not encrypted yet
  bool started = false, done = false, reused = false, retried = false, paused = false;
  bool head_seen = false;
  bool unanswered = false;     // failed: the connection ended before any byte of an answer
  bool body_ended = false;     // nothing more will be given to send
  bool request_done = false;   // and all of it is with the kernel
  bool wants_writable = false;
};

// The same request as a proxy wants it: the whole URL in its first line (RFC 9112 §3.2.2), and who asks. [arena]
Slices for_proxy(Arena&, Slices, const Origin&);

// What carries the frames of an Http2Session.
class Http2Carrier {
 public:
  virtual bool write_frames(Slice) = 0;           // kept where the kernel takes less; false: broken
  virtual size_t frames_waiting() = 0;            // bytes of them that the kernel has not taken
  virtual bool looks_alive() = 0;                 // nobody has closed it, as far as is known
  virtual void session_busy() = 0;                // it has calls again
  virtual void session_idle() = 0;                // it has none
  virtual void session_over() = 0;                // close; the session is destroyed later, from the loop

 protected:
  ~Http2Carrier() = default;
};

class ClientConnection final : public Http2Carrier {
 public:
  explicit ClientConnection(Client::Impl& c);
  ~ClientConnection();

  // ---- life: init() … close(); the memory is given back in uv's close callback
  int connect(const Address&, Pool&, Dial&);  // 0 or a uv error; the rest goes to the dial
  void ready_for(ClientCall::State&);         // connected and dialled for this call: TLS or send
  void attach(ClientCall::State&);            // take the call and send its request
  void close();
  void drop();                                // the call is gone: close without a word to it
  bool looks_alive() override;                // an idle connection, asked of the kernel

  // ---- client_h2_carrier.cc
  void begin_http2(ClientCall::State&);       // in the place of attach()
  void negotiated();                          // TLS stands, and ALPN may have chosen
  bool write_frames(Slice) override;
  size_t frames_waiting() override;
  void session_busy() override;
  void session_idle() override;
  void session_over() override;

  // ---- for the call
  bool send_body(Slices, bool last);
  void pause();
  void resume();
  bool handshaking() const { return tunnel_ || (tls_ && !tls_->established()); }
  Pool* pool() { return pool_; }

 private:
  friend struct Client::Impl;
  friend struct Dial;
  struct Write;
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }
  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&tcp_); }
  size_t queued() { return uv_stream_get_write_queue_size(stream()); }
  static void on_alloc(uv_handle_t*, size_t, uv_buf_t*);
  static void on_read(uv_stream_t*, ssize_t, const uv_buf_t*);
  static void on_deadline(loop::Deadline&) noexcept;
  void start_reading();
  void stop_reading();

  void send_request();
  bool send_framed(Slices, bool last);
  bool send_encrypted();            // more of the request; false: broken
  ssize_t try_write(Slices);        // bytes taken, or a uv error
  void queue(Slices, size_t skip, bool outlives);
  bool flush_tls();
  void on_written(int status);
  void write_broken(int status);
  void request_done();

  // ---- client_tunnel.cc
  void ask_for_tunnel();
  void read_tunnel(Slice);
  void begin_tls();

  void pump_tls();
  bool consume(char* data, size_t size);  // false: the connection is closing
  void on_end(int status, bool clean);
  void finish(bool reuse);                // the response is complete: part from the call
  ClientCall::State* detach();
  void fail(Errc, std::string_view what, bool nothing_sent = false);
  bool retry(bool nothing_written);

  loop::Receiver receiver_;
  loop::Gathering::Mark bulk_;
  uv_tcp_t tcp_;
  Client::Impl* client_;
  Pool* pool_ = nullptr;
  ClientCall::State* call_ = nullptr;
  Dial* dial_ = nullptr;            // while connecting
  std::unique_ptr<std::string> tunnel_;  // what a proxy has answered so far to CONNECT, until it has said yes
  std::unique_ptr<TlsStream> tls_;
  std::unique_ptr<Http2Session> h2_;  // then call_ is nobody: the calls are the session's
  ConnectionDeadline deadline_;     // idle: close; busy: go on decrypting after a pause
  ClientConnection *all_prev_ = nullptr, *all_next_ = nullptr;    // of the client, until the close callback; free list
  ClientConnection *pool_prev_ = nullptr, *pool_next_ = nullptr;  // idle: of the pool
  ClientConnection *lru_prev_ = nullptr, *lru_next_ = nullptr;    // idle: of the client
  ResponseCodec codec_;
  size_t bytes_out_ = 0;            // of the running request
  bool idle_ = false, closing_ = false, reading_ = false, write_failed_ = false;
  bool h2_busy_ = false;            // counted as active
};

// A name becomes a connected socket: RFC 8305 in its simplest form. Owned by the call; destroying it gives up.
struct Dial final : Resolver::Query {
  static constexpr uint32_t kMaxAddresses = 8;
  struct Timer : loop::Deadline {
    Dial* dial = nullptr;
  };
  explicit Dial(ClientCall::State&);
  ~Dial() override;
  void start();
  void on_resolved(const Addresses&) noexcept override;
  void next();
  void connected(ClientConnection&);
  void failed(ClientConnection&, int status);
  void give_up(Errc, std::string_view what);  // destroys this

  ClientCall::State& call;
  Address addresses[kMaxAddresses];
  uint32_t count = 0, tried = 0;
  ClientConnection* running[kMaxAddresses] = {};
  uint32_t running_count = 0;
  int last_error = 0;
  bool connecting = false;
  Timer fallback, timeout;
};

struct Client::Impl {
  static constexpr size_t kSlots = 1024, kManyPools = 1024, kSpare = 64;
  struct Slot {
    uint64_t serial = 0;
    Pool* pool = nullptr;
  };

  Impl(loop::Loop&, const ClientOptions&, uint32_t workers);
  ~Impl();
  void set_options(const ClientOptions&, uint32_t workers);

  Pool& pool_of(const Origin&);
  Pool& find_pool(const Origin&);
  ClientConnection* take_idle(Pool&, bool check);
  void put_idle(ClientConnection&);
  void leave_idle(ClientConnection&);
  ClientConnection* make_connection();
  void recycle(ClientConnection*);

  void start(ClientCall::State&);
  void dial(ClientCall::State&);
  void settle(ClientCall::State&);                 // no more callbacks to this call; connection and dial are gone
  void fail(ClientCall::State&, const Error&);     // now
  void fail_later(ClientCall::State&, const Error&);

  // ---- client_h2_pool.cc
  static constexpr uint32_t kMaxSessions = 8;         // HTTP/2 connections to equal origins that take new calls
  static constexpr uint32_t kMaxWaitingCalls = 1024;  // for a stream, beyond those that the connections carry
  void start_http2(ClientCall::State&);
  Http2Session* session_for(ClientCall::State&);
  void dial_http2(ClientCall::State&);
  void serve_waiting(Pool&);
  void dial_answered(ClientCall::State&, Pool::Spoken);  // its connection stands
  void dial_failed(ClientCall::State&, const Error&);
  void leave_http2(ClientCall::State&);
  void close_http2();                                    // every connection, when no call is left
  char* frames();                                     // kFrames bytes to put frames together in

  static Error error(ClientCall::State&, Errc, std::string_view what, bool nothing_sent);
  static void on_timer(loop::Deadline&) noexcept;

  loop::Loop& loop;
  ClientOptions options;
  uint32_t max_idle = 0;  // this worker's share; 0: no limit
  uint32_t max_idle_per_origin = 0;
  Resolver resolver;
  ResponseCodec::Batch batch;  // of the read callback that runs
  std::unordered_map<std::string, std::unique_ptr<Pool>> pools;
  Slot slots[kSlots];          // Origin::serial to pool
  CallLink calls;
  ClientConnection* all = nullptr;
  ClientConnection *lru_newest = nullptr, *lru_oldest = nullptr;
  ClientConnection* spare = nullptr;
  size_t spare_count = 0;
  ClientStats stats;
  static constexpr size_t kFrames = 64 * 1024;
  std::unique_ptr<char[]> frames_;
  bool closed = false;
};

}  // namespace sluice::http

// HTTP/2 to backends: one connection carries many calls. nghttp2 does the frames, a session maps them onto calls, and
// everything that sinks are told is told between two calls of nghttp2, never from inside one. One thread: the loop's.
#pragma once
#include <nghttp2/nghttp2.h>

#include <string>
#include <vector>

#include "core/http/client_internal.h"
#include "core/http/http2_budget.h"
#include "core/http/input_buffer.h"

namespace sluice::http {

// A call whose origin may speak HTTP/2. In one of three places: it dials; it is in its pool's list of those that wait; or it
// is a session's. Belongs to the call's state.
struct Http2Call : CallLink {
  static constexpr uint32_t kSlices = 16;
  struct Event : CallLink {
    Http2Call* call = nullptr;
  };
  explicit Http2Call(ClientCall::State& c) : call{c} { event.call = this; }
  ~Http2Call() { event.unlink(), unlink(); }
  Http2Call(const Http2Call&) = delete;
  Http2Call& operator=(const Http2Call&) = delete;
  size_t available() const { return fixed_left + out.size(); }
  void take(char* to, size_t n);  // the next bytes of the request's body

  ClientCall::State& call;
  Http2Session* session = nullptr;
  Event event;                    // in the session's list of those with news
  int32_t id = 0;                 // of the stream; 0: there is none yet
  uint8_t moves = 0;              // streams that did not process it
  bool dialing = false, waiting = false;

  // request
  size_t fixed_left = 0;          // of Request::body
  InputBuffer out;                // of send_body
  uint64_t sent_at = 0;           // when the head left
  uint64_t reads_before = 0;      // of the session, at that time
  bool head_sent = false;
  bool took_body = false;         // by send_body: it cannot be sent again
  bool stalled = false;           // nghttp2 found nothing to send and waits to be told

  // response
  ResponseHead head;              // views into the call's arena
  uint32_t head_bytes = 0;        // of all heads and trailers, as RFC 9113 §6.5.2 counts
  uint32_t fields = 0;
  Slice now[kSlices];             // of the body, into the bytes that are being read
  uint32_t now_count = 0;
  InputBuffer in;                 // what comes behind them, or while the call is paused
  uint64_t received = 0;          // bytes of body
  size_t owed = 0;                // bytes that the call has got and whose room the peer has not got back
  uint8_t interim = 0;
  bool started = false;           // any head came
  bool head_seen = false, head_due = false;  // the final one; and it was not told yet
  bool continue_due = false;
  bool ended = false;             // the response is whole
  bool closed = false;            // the stream is over for nghttp2
  bool reset_by_peer = false;
  uint32_t code = 0;              // closed: why (RFC 9113 §7)
  Errc fault = Errc::none;        // what was wrong with the response
  const char* why = "";
};

class Http2Session {
 public:
  // Limits that no option moves; docs/tls.md has them.
  static constexpr uint32_t kMaxStreams = 250;                  // at once, where the peer allows as many
  static constexpr int32_t kStreamWindow = 512 * 1024;          // of a response that waits for its reader
  static constexpr int32_t kConnectionWindow = 16 << 20;        // given back at once: a call that is not read holds nobody up
  static constexpr size_t kUploadQueue = 128 * 1024;            // above it send_body says wait
  static constexpr uint32_t kNoiseBurst = 1000, kNoisePerSecond = 100;  // frames that carry nothing
  static constexpr uint8_t kMaxMoves = 3;                       // of a call that was not processed
  // A call that was given up after so long a time without a sign of life on the connection puts it in doubt: a ping asks, no
  // new calls are given to it before an answer, and without one it is closed.
  static constexpr uint64_t kDoubtAfterMs = 1000, kDoubtMs = 10'000;

  // Greets the peer soon. Enters the pool's list.
  Http2Session(Client::Impl&, Pool&, Http2Carrier&);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  bool has_room() const;
  bool idle() const { return calls_.alone(); }
  bool looks_alive() { return carrier_.looks_alive(); }
  void attach(ClientCall::State&);  // opens its stream

  // ---- for the call
  bool send_body(Http2Call&, Slices, bool last);
  void resume(Http2Call&);
  void leave(Http2Call&);           // it is over, or given up

  // ---- for the connection
  void on_bytes(const char*, size_t);
  void on_end(int status);          // a uv error
  void on_flushed(int status);
  void on_closing(bool politely);   // nothing is called any more

 private:
  friend struct Http2ClientCallbacks;
  friend struct Client::Impl;
  static constexpr size_t kHighWater = 64 * 1024;  // waiting bytes from which no frames are made
  struct Field {
    uint32_t at, name, value;       // sizes
  };

  // ---- client_h2_frames.cc
  void make_session();
  int32_t submit(Http2Call&);
  int on_field(Http2Call&, std::string_view name, std::string_view value);
  void on_head(Http2Call&, bool end);
  void on_data(Http2Call&, const char*, size_t);
  void on_stream_close(Http2Call*, uint32_t code);

  void note(Http2Call&);            // there is news
  void schedule();
  void settle();                    // news, frames, ends: from the top of the stack only
  void dispatch();
  void deliver(Http2Call&);
  void fail(Http2Call&);
  bool may_move(const Http2Call&) const;
  void move(Http2Call&);
  void give_back(Http2Call&);
  void flush();
  void put(const char*, size_t);
  void write_out();
  void doubt();
  void end(Errc, std::string_view why);  // the connection is over, for every call
  void retire();                    // no new calls

  Client::Impl& client_;
  Pool& pool_;
  Http2Carrier& carrier_;
  nghttp2_session* session_ = nullptr;
  Http2Session *previous_ = nullptr, *next_ = nullptr;  // in the pool
  CallLink calls_, events_;
  Http2Call* current_ = nullptr;    // whose sink is called; nullptr as soon as it has left
  uint32_t open_ = 0;               // streams, as nghttp2 counts
  uint32_t begun_ = 0;              // calls so far
  loop::Deadline flush_, doubt_;
  Http2Budget noise_{kNoiseBurst, kNoisePerSecond};
  uint32_t streams_ = 0;            // that the peer allows at once, and we
  uint64_t reads_ = 0;              // pieces that came
  size_t out_used_ = 0;             // of the client's frame buffer, within flush()
  std::string head_text_;           // of the header block that is being read, and where its fields are
  std::vector<Field> fields_;
  int status_ = 0;
  std::string last_error_;          // nghttp2's
  uint32_t goaway_ = 0;             // the peer's reason
  Errc end_code_ = Errc::none;
  std::string end_why_;
  bool processing_ = false;         // settle() or nghttp2 is on the stack
  bool retired_ = false;
  bool room_ = false;               // a stream has ended: others may wait for it
  bool doubtful_ = false;
  bool too_much_ = false;           // the budget is used up
  bool write_failed_ = false;       // the reading side tells how it ends
  bool idle_told_ = true;           // to the carrier; busy from the first call on
  bool over_ = false;
};

}  // namespace sluice::http

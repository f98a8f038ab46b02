#include "core/http/http2_connection.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice::http {

Http2Connection::Http2Connection(ServerCore& core, std::unique_ptr<Wire> wire, std::string_view peer_ip)
    : core_{core}, wire_{std::move(wire)} {
  peer_size_ = static_cast<uint8_t>(std::min(peer_ip.size(), sizeof peer_));
  if (peer_size_) std::memcpy(peer_, peer_ip.data(), peer_size_);
  deadline_.on_expire([](loop::Deadline& d) noexcept { d.owner<Http2Connection>().on_deadline(); }, this);
  drain_deadline_.on_expire([](loop::Deadline& d) noexcept {
    auto& self = d.owner<Http2Connection>();
    self.final_goaway();
    self.settle();
  }, this);
  noise_.begin(core.loop.now_ms());
  resets_.begin(core.loop.now_ms());
  make_session();
  wire_->set_sink(*this);
  core_.add(*this);
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  core_.undefer(*this);
  core_.remove(*this);
}

Http2Connection& Http2Connection::open(ServerCore& core, std::unique_ptr<Wire> wire, std::string_view peer_ip) {
  auto* self = new Http2Connection{core, std::move(wire), peer_ip};
  self->schedule();  // our settings leave at once, whatever the client sends
  return *self;
}

// ---- input ----

void Http2Connection::on_bytes(const char* p, size_t n) noexcept {
  if (phase_ != Phase::open) return;
  processing_ = true;
  ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(p), n);
  processing_ = false;
  if (used == NGHTTP2_ERR_FLOODED) too_much_ = true;
  if (too_much_)
    give_up(NGHTTP2_ENHANCE_YOUR_CALM);
  else if (used < 0)
    give_up(used == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_PROTOCOL_ERROR);
  settle();
}

void Http2Connection::on_end(bool) noexcept {
  // A client that closes its side can end no request any more, and answer no window: there is no half of HTTP/2.
  close();
  settle();
}

void Http2Connection::on_flushed() noexcept {
  if (phase_ == Phase::open) settle();
}

void Http2Connection::on_closed() noexcept {
  wire_closed_ = true;
  destroy_if_over();
}

void Http2Connection::kill() {
  close();
  settle();
}

void Http2Connection::run_deferred() { settle(); }

// RFC 9113 §6.8: what the client has sent already is still served. The answer to the ping tells that all of it is here.
void Http2Connection::drain() {
  if (phase_ != Phase::open || std::exchange(draining_, true)) return;
  nghttp2_submit_shutdown_notice(session_);
  core_.loop.deadlines().arm(drain_deadline_, kDrainPingMs);
  schedule();
}

// A ping overtakes the notice unless it waits for it.
void Http2Connection::ask_for_rest() {
  if (!draining_ || !drain_deadline_.armed()) return;
  static constexpr uint8_t kMark[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, kMark);
}

void Http2Connection::final_goaway() {
  drain_deadline_.disarm();
  if (phase_ != Phase::open) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR, nullptr, 0);
}

// ---- events ----

void Http2Connection::schedule() {
  if (!processing_ && phase_ != Phase::closed) core_.defer(*this);
}

void Http2Connection::event(Http2Stream& s) {
  if (!std::exchange(s.queued_, true)) {
    s.next_event_ = nullptr;
    (last_event_ ? last_event_->next_event_ : events_) = &s;
    last_event_ = &s;
  }
  schedule();
}

void Http2Connection::settle() {
  assert(!processing_);
  processing_ = true;
  do {
    dispatch();
    flush();
    if (too_much_) give_up(NGHTTP2_ENHANCE_YOUR_CALM);
    if (broken_ && phase_ != Phase::closed) close();
  } while (events_);
  if (phase_ == Phase::open && wire_->queued() == 0 && !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_)) {
    linger();
    dispatch();
  }
  processing_ = false;
  if (phase_ == Phase::open) update_deadline();
  destroy_if_over();
}

void Http2Connection::dispatch() {
  while (Http2Stream* s = events_) {
    events_ = s->next_event_;
    if (!events_) last_event_ = nullptr;
    s->queued_ = false;
    deliver(*s);
    core_.recycle();
  }
}

// One stream's news. The owner may release it within; its memory stays until recycle().
void Http2Connection::deliver(Http2Stream& s) {
  if (std::exchange(s.fresh_, false) && !s.gone_) {
    s.begun_ = true;
    return begin_request(s);
  }
  if (s.gone_) {
    if (!s.begun_) s.released_ = true;  // taken back, or broken, before anybody saw it
    s.read_deadline_.disarm(), s.write_deadline_.disarm();
    if (!s.released_ && !s.complete_ && s.owner_) s.owner_->on_gone();
    if (s.released_ && s.closed_ && s.connection_ && !s.queued_) forget(s);
    return;
  }
  if (s.released_) {
    if (s.closed_ && s.connection_) forget(s);
    return;
  }
  deliver_body(s);
  if (std::exchange(s.drained_, false) && !s.released_ && !s.complete_ && !s.gone_ && s.out_.size() == 0) s.owner_->on_drain();
}

void Http2Connection::deliver_body(Http2Stream& s) {
  if (!s.reading_ || s.paused_ || s.released_) return;
  if (s.body_error_ != Errc::none) {
    s.reading_ = false;
    s.read_deadline_.disarm();
    Error error;
    error.code = s.body_error_;
    error.source = Source::client;
    error.message = "the request body did not arrive in time";
    s.owner_->on_body_error(error);
    return;
  }
  size_t n = s.in_.size();
  if (n == 0 && !s.ended_) return;
  bool last = s.ended_;
  if (last) {
    s.reading_ = false;
    s.read_deadline_.disarm();
  }
  Slice piece{s.in_.data(), n};
  s.owner_->on_body({&piece, n ? 1u : 0u}, last);
  if (s.closed_ || n == 0) return;
  s.in_.drop(n);
  nghttp2_session_consume(session_, s.id_, n);
}

void Http2Connection::begin_request(Http2Stream& s) {
  // What came with the head is its own: a small request is complete from the start.
  if (size_t n = s.in_.size()) {
    s.body_ = s.arena_.copy({s.in_.data(), n});
    s.in_.clear();
    if (!s.closed_) nghttp2_session_consume(session_, s.id_, n);
  }
  s.continue_due_ = s.head_.expect_continue && s.body_.empty();
  if (core_.options.read_timeout_ms && !s.ended_) core_.loop.deadlines().arm(s.read_deadline_, core_.options.read_timeout_ms);
  if (core_.options.write_timeout_ms) core_.loop.deadlines().arm(s.write_deadline_, core_.options.write_timeout_ms);
  bool options = s.head_.path == "*" && s.head_.method == "OPTIONS";
  if (s.refusal_ == 0 && !options) return core_.handler->on_request(s);
  ResponseHead answer;
  answer.headers.bind(s.arena_);
  answer.status = s.refusal_ ? s.refusal_ : 200;
  std::string_view text;
  if (s.refusal_ && s.refusal_ != 417) {
    answer.headers.add("Content-Type", "text/plain; charset=utf-8");
    std::string number = std::to_string(s.refusal_);
    text = s.arena_.concat(number, " ", reason_phrase(s.refusal_));
  }
  s.respond(answer, {&text, text.empty() ? 0u : 1u}, Life::exchange);
  s.release();
}

// ---- output ----

void Http2Connection::flush() {
  if (phase_ != Phase::open || broken_) return;
  while (wire_->queued() <= kHighWater && !broken_) {
    const uint8_t* bytes = nullptr;
    ssize_t n = nghttp2_session_mem_send(session_, &bytes);
    if (n < 0) broken_ = true;
    if (n <= 0) break;
    put(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
  }
  write_out();
}

void Http2Connection::put(const char* p, size_t n) {
  while (n) {
    if (out_used_ == ServerCore::kFrames) write_out();
    size_t part = std::min(n, ServerCore::kFrames - out_used_);
    std::memcpy(core_.frames() + out_used_, p, part);
    out_used_ += part, p += part, n -= part;
  }
}

void Http2Connection::write_out() {
  if (out_used_ == 0) return;
  uv_buf_t buf = uv_buf_init(core_.frames(), static_cast<unsigned>(std::exchange(out_used_, 0)));
  if (phase_ == Phase::open && !broken_ && !wire_->write(&buf, 1, Life::callback)) broken_ = true;
}

void Http2Connection::resume(Http2Stream& s) {
  if (std::exchange(s.stalled_, false)) nghttp2_session_resume_data(session_, s.id_);
  schedule();
}

// ---- time ----

void Http2Connection::update_deadline() {
  auto& deadlines = core_.loop.deadlines();
  if (head_open_) {
    idle_timed_ = false;
    if (std::exchange(head_timed_, true)) return;
    if (core_.header_timeout_ms) deadlines.arm(deadline_, core_.header_timeout_ms);
    else deadline_.disarm();
    return;
  }
  head_timed_ = false;
  if (streams_) {
    idle_timed_ = false;
    deadline_.disarm();
  } else if (!std::exchange(idle_timed_, true)) {  // pings do not keep a connection alive
    if (core_.idle_timeout_ms) deadlines.arm(deadline_, core_.idle_timeout_ms);
    else deadline_.disarm();
  }
}

void Http2Connection::on_deadline() {
  if (phase_ == Phase::linger) {
    close();
  } else if (head_open_) {
    give_up(NGHTTP2_NO_ERROR);  // too slow a head: the rest of it would not be understood without its beginning
  } else {
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
  }
  settle();
}

// ---- ends ----

void Http2Connection::on_released(Http2Stream& s) {
  if (s.closed_) {
    if (s.queued_) return;  // dispatch() will
    forget(s);
    if (!processing_) destroy_if_over();
    return;
  }
  s.read_deadline_.disarm();
  stop_upload(s);
  schedule();
}

// The answer has left and nobody reads the rest of the request: the client may stop sending (RFC 9113 §8.1).
void Http2Connection::stop_upload(Http2Stream& s) {
  if (s.released_ && s.sent_end_ && !s.ended_ && !s.closed_) nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, s.id_, NGHTTP2_NO_ERROR);
}

void Http2Connection::forget(Http2Stream& s) {
  assert(s.closed_ && s.released_ && !s.queued_);
  (s.previous_of_all_ ? s.previous_of_all_->next_of_all_ : all_) = s.next_of_all_;
  if (s.next_of_all_) s.next_of_all_->previous_of_all_ = s.previous_of_all_;
  s.read_deadline_.disarm(), s.write_deadline_.disarm();
  s.in_.clear(), s.out_.clear();
  s.connection_ = nullptr;
  --streams_;
  core_.retire(&s);
  schedule();  // the last one starts the idle time, or is what an end waits for
}

void Http2Connection::end_all() {
  for (Http2Stream* s = all_; s; s = s->next_of_all_) {
    s->closed_ = s->gone_ = true;
    event(*s);
  }
}

void Http2Connection::give_up(uint32_t code) {
  if (phase_ != Phase::open) return;
  flush();
  uint32_t last = static_cast<uint32_t>(last_stream_);
  auto byte = [](uint32_t v, int shift) { return static_cast<char>(v >> shift & 0xff); };
  char frame[17] = {0, 0, 8, 7, 0, 0, 0, 0, 0, byte(last, 24), byte(last, 16), byte(last, 8), byte(last, 0),
                    byte(code, 24), byte(code, 16), byte(code, 8), byte(code, 0)};
  put(frame, sizeof frame);
  write_out();
  linger();
}

// Closing while the client still sends makes the kernel send RST, which may destroy the GOAWAY before it is read.
void Http2Connection::linger() {
  phase_ = Phase::linger;
  drain_deadline_.disarm();
  end_all();
  if (broken_) return close();
  wire_->shutdown();
  wire_->read(true);
  core_.loop.deadlines().arm(deadline_, kLingerMs);
}

void Http2Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  deadline_.disarm();
  drain_deadline_.disarm();
  end_all();
  wire_->close(false);
}

void Http2Connection::destroy_if_over() {
  if (wire_closed_ && streams_ == 0 && !processing_) delete this;
}

}  // namespace sluice::http

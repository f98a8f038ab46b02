#include "core/http/client_h2.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/base/clock.h"

namespace sluice::http {

Http2Session::Http2Session(Client::Impl& client, Pool& pool, Http2Carrier& carrier) : client_{client}, pool_{pool}, carrier_{carrier} {
  flush_.on_expire([](loop::Deadline& d) noexcept { d.owner<Http2Session>().settle(); }, this);
  doubt_.on_expire([](loop::Deadline& d) noexcept {
    auto& self = d.owner<Http2Session>();
    self.end(Errc::timeout, "HTTP/2: no sign of life");
    self.settle();
  }, this);
  noise_.begin(client.loop.now_ms());
  streams_ = pool.streams;
  make_session();
  next_ = pool.sessions;
  if (next_) next_->previous_ = this;
  pool.sessions = this;
  ++pool.session_count;
}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

void Http2Session::retire() {
  if (std::exchange(retired_, true)) return;
  (previous_ ? previous_->next_ : pool_.sessions) = next_;
  if (next_) next_->previous_ = previous_;
  previous_ = next_ = nullptr;
  --pool_.session_count;
}

bool Http2Session::has_room() const {
  if (retired_ || doubtful_ || write_failed_ || over_) return false;
  if (!client_.options.keep_alive) return begun_ == 0;
  return open_ < streams_ && nghttp2_session_check_request_allowed(session_) == 1;
}

void Http2Session::attach(ClientCall::State& c) {
  if (CallTimes* times = c.request.times) [[unlikely]]
    times->ready_ns = clock::monotonic_ns(), times->reused = times->connected_ns == 0;
  Http2Call& h = *c.h2;
  if (begun_++) {
    c.reused = reads_ != 0;
    ++client_.stats.reused;
  }
  if (std::exchange(idle_told_, false)) carrier_.session_busy();
  h.session = this;
  h.insert_before(calls_);
  c.next_slice = c.next_offset = 0;
  h.fixed_left = total_size(c.request.body);
  if (!c.early.empty()) {
    h.out.append(c.early.data(), c.early.size());
    h.took_body = true;
    c.early.clear();
  }
  h.id = submit(h);
  if (h.id <= 0) {  // no memory
    h.id = 0, h.closed = true, h.fault = Errc::internal, h.why = "HTTP/2: no stream";
    return note(h);
  }
  ++open_;
  if (c.wants_writable && h.out.size() == 0) return note(h);
  schedule();
}

// ---- for the call

bool Http2Session::send_body(Http2Call& h, Slices body, bool last) {
  ClientCall::State& c = h.call;
  c.body_ended = last;
  if (h.closed || over_) return true;  // how it ended is told soon
  for (Slice s : body) {
    h.out.append(s.data(), s.size());
    h.took_body = h.took_body || !s.empty();
  }
  if (std::exchange(h.stalled, false)) nghttp2_session_resume_data(session_, h.id);
  schedule();
  if (h.out.size() <= kUploadQueue) return true;
  c.wants_writable = true;
  return false;
}

void Http2Session::resume(Http2Call& h) {
  give_back(h);
  note(h);
}

void Http2Session::leave(Http2Call& h) {
  h.event.unlink(), h.unlink();
  h.session = nullptr;
  if (current_ == &h) current_ = nullptr;
  if (h.id && !h.closed && !over_) {
    nghttp2_session_set_stream_user_data(session_, h.id, nullptr);
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, h.id, NGHTTP2_CANCEL);
    if (!h.started && h.head_sent && reads_ == h.reads_before && client_.loop.now_ms() - h.sent_at >= kDoubtAfterMs) doubt();
  }
  schedule();
}

void Http2Session::doubt() {
  if (std::exchange(doubtful_, true)) return;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  client_.loop.deadlines().arm(doubt_, kDoubtMs);
}

// The room of what the call has got, unless it wants no more for now.
void Http2Session::give_back(Http2Call& h) {
  if (h.call.paused || h.closed || over_) return;
  if (size_t n = std::exchange(h.owed, 0)) {
    nghttp2_session_consume_stream(session_, h.id, n);
    schedule();
  }
}

void Http2Call::take(char* to, size_t n) {
  ClientCall::State& c = call;
  while (n && fixed_left) {
    Slice s = c.request.body[c.next_slice].substr(c.next_offset, n);
    std::memcpy(to, s.data(), s.size());
    to += s.size(), n -= s.size(), fixed_left -= s.size();
    c.next_offset += s.size();
    if (c.next_offset == c.request.body[c.next_slice].size()) ++c.next_slice, c.next_offset = 0;
  }
  if (n == 0) return;
  std::memcpy(to, out.data(), n);
  out.drop(n);
}

// ---- for the connection

void Http2Session::on_bytes(const char* bytes, size_t n) {
  if (over_) return;
  ++reads_;
  if (std::exchange(doubtful_, false)) doubt_.disarm(), room_ = true;
  processing_ = true;
  ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes), n);
  processing_ = false;
  if (too_much_ || used == NGHTTP2_ERR_FLOODED) {
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    flush();
    end(Errc::protocol, "HTTP/2: too many frames that carry nothing");
  } else if (used < 0) {
    flush();
    end(Errc::protocol, "HTTP/2: " + (last_error_.empty() ? std::string{nghttp2_strerror(static_cast<int>(used))} : last_error_));
  }
  settle();
}

void Http2Session::on_end(int status) {
  if (over_) return;
  std::string why = status == UV_EOF ? "EOF" : uv_strerror(status);
  if (goaway_) why += std::string{" after GOAWAY with "} + nghttp2_http2_strerror(goaway_);
  end(Errc::reset, why);
  settle();
}

void Http2Session::on_flushed(int status) {
  if (status < 0) write_failed_ = true, retire();
  settle();
}

void Http2Session::on_closing(bool politely) {
  if (politely && !over_) {
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
    flush();
  }
  over_ = true;
  retire();
  flush_.disarm(), doubt_.disarm();
  while (!calls_.alone()) {
    auto& h = static_cast<Http2Call&>(*calls_.next);
    h.event.unlink(), h.unlink();
    h.session = nullptr;
  }
}

void Http2Session::end(Errc code, std::string_view why) {
  if (std::exchange(over_, true)) return;
  retire();
  flush_.disarm(), doubt_.disarm();
  end_code_ = code, end_why_ = why;
  for (CallLink* l = calls_.next; l != &calls_; l = l->next) note(static_cast<Http2Call&>(*l));
}

// ---- news

void Http2Session::schedule() {
  if (!processing_ && !over_) client_.loop.deadlines().arm(flush_, 0);
}

void Http2Session::note(Http2Call& h) {
  if (h.event.alone()) h.event.insert_before(events_);
  schedule();
}

void Http2Session::settle() {
  if (processing_) return;
  processing_ = true;
  for (;;) {
    dispatch();
    flush();
    if (!over_ && !write_failed_ && !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_) && carrier_.frames_waiting() == 0)
      end(Errc::protocol, last_error_.empty() ? std::string{"HTTP/2: the connection has come to its end"} : "HTTP/2: " + last_error_);
    if (events_.alone()) break;
  }
  processing_ = false;
  flush_.disarm();
  if (std::exchange(room_, false) || over_) client_.serve_waiting(pool_);
  if (!over_ && !idle()) return;
  if (over_ || retired_ || client_.closed || !client_.options.keep_alive) return carrier_.session_over();
  if (!std::exchange(idle_told_, true)) carrier_.session_idle();
}

void Http2Session::dispatch() {
  while (!events_.alone()) {
    Http2Call& h = *static_cast<Http2Call::Event&>(*events_.next).call;
    h.event.unlink();
    current_ = &h;
    deliver(h);
    current_ = nullptr;
  }
}

// One call's news. It may be gone after each word to its sink.
void Http2Session::deliver(Http2Call& h) {
  ClientCall::State& c = h.call;
  CallSink& sink = *c.sink;
  if (std::exchange(h.continue_due, false)) {
    sink.on_continue();
    if (!current_) return;
  }
  if (c.wants_writable && h.out.size() == 0 && !h.closed && !over_) {
    c.wants_writable = false;
    sink.on_writable();
    if (!current_) return;
  }
  Slice all[Http2Call::kSlices + 1];
  uint32_t n = std::exchange(h.now_count, 0);
  std::copy(h.now, h.now + n, all);
  if (c.paused && !over_) {  // the bytes that are being read do not stay
    for (uint32_t i = 0; i < n; ++i) h.in.append(all[i].data(), all[i].size());
    return;
  }
  InputBuffer kept;  // outlives the call, if its sink ends it
  kept.swap(h.in);
  if (kept.size()) all[n++] = {kept.data(), kept.size()};
  const ResponseHead head = h.head;
  const ResponseHead* first = std::exchange(h.head_due, false) ? &head : nullptr;
  if (h.ended) {
    client_.settle(c);
    return sink.on_response(first, {all, n}, true);
  }
  if (first || n) {
    h.owed += total_size({all, n});
    sink.on_response(first, {all, n}, false);
    if (!current_) return;
    give_back(h);
  }
  if (h.closed || over_) fail(h);
}

void Http2Session::fail(Http2Call& h) {
  if (may_move(h)) return move(h);
  ClientCall::State& c = h.call;
  const bool unseen = !h.head_sent || (h.closed && h.code == NGHTTP2_REFUSED_STREAM);
  Errc code = h.fault;
  std::string_view why = h.why;
  if (code != Errc::none) {
  } else if (!h.closed) {  // the connection's end
    code = h.head_seen && end_code_ == Errc::reset ? Errc::truncated : end_code_;
    why = c.arena.copy(end_why_);
  } else if (h.head_seen && h.head.content_length >= 0 && !h.reset_by_peer && h.received < static_cast<uint64_t>(h.head.content_length)) {
    code = Errc::truncated;
    why = "the response body is not of its announced length";
  } else if (h.reset_by_peer || h.code == NGHTTP2_REFUSED_STREAM) {
    code = Errc::reset;
    why = c.arena.concat("HTTP/2: the backend reset the stream: ", nghttp2_http2_strerror(h.code));
  } else {
    code = Errc::protocol;
    why = "HTTP/2: malformed response";
  }
  c.unanswered = !h.closed && !h.started && code == Errc::reset;
  client_.fail(c, Client::Impl::error(c, code, why, unseen));
}

// RFC 9113 §8.7: streams that the peer refused, or that lie beyond the last one of its GOAWAY, were not processed. Else the rule
// for connections of HTTP/1.1: they were used before, and end without a byte of response.
bool Http2Session::may_move(const Http2Call& h) const {
  const ClientCall::State& c = h.call;
  if (h.fault != Errc::none || h.started || client_.closed || (c.request.streaming && h.took_body) || h.moves >= kMaxMoves) return false;
  if (h.closed) return h.code == NGHTTP2_REFUSED_STREAM;
  if (end_code_ != Errc::reset || !c.reused || c.retried) return false;
  return !h.head_sent || (c.request.idempotent && !c.request.streaming);
}

void Http2Session::move(Http2Call& h) {
  ClientCall::State& c = h.call;
  auto fresh = std::make_unique<Http2Call>(c);
  fresh->moves = static_cast<uint8_t>(h.moves + 1);
  c.retried = c.retried || !h.closed;
  leave(h);
  c.h2 = std::move(fresh);
  c.reused = c.request_done = false;
  c.timer.disarm();
  c.timer_for = ClientCall::State::Timer::none;
  ++client_.stats.retried;
  client_.start_http2(c);
}

// ---- output

void Http2Session::flush() {
  if (over_ || write_failed_) return;
  const bool nested = std::exchange(processing_, true);
  while (carrier_.frames_waiting() <= kHighWater && !write_failed_) {
    const uint8_t* bytes = nullptr;
    ssize_t n = nghttp2_session_mem_send(session_, &bytes);
    if (n < 0) end(Errc::internal, nghttp2_strerror(static_cast<int>(n)));
    if (n <= 0) break;
    put(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
  }
  write_out();
  processing_ = nested;
}

void Http2Session::put(const char* p, size_t n) {
  while (n) {
    if (out_used_ == Client::Impl::kFrames) write_out();
    size_t part = std::min(n, Client::Impl::kFrames - out_used_);
    std::memcpy(client_.frames() + out_used_, p, part);
    out_used_ += part, p += part, n -= part;
  }
}

void Http2Session::write_out() {
  size_t n = std::exchange(out_used_, 0);
  if (n == 0 || write_failed_ || carrier_.write_frames({client_.frames(), n})) return;
  write_failed_ = true;
  retire();
}

}  // namespace sluice::http

#include "core/http/server_connection.h"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "core/http/http2_connection.h"
#include "core/http/tls_wire.h"

namespace sluice::http {

Connection::Connection(ServerCore& core, std::string_view peer_ip) : core_{core} {
  peer_size_ = static_cast<uint8_t>(std::min(peer_ip.size(), sizeof peer_));
  if (peer_size_) std::memcpy(peer_, peer_ip.data(), peer_size_);
  deadline_.self = this;
  deadline_.on_expire([](loop::Deadline& d) noexcept { static_cast<ReadDeadline&>(d).self->on_deadline(); });
  core_.add(*this);
}

Connection::~Connection() {
  core_.undefer(*this);
  core_.remove(*this);
}

void Connection::open(ServerCore& core, int fd, std::string_view peer_ip) {
  auto* self = new Connection{core, peer_ip};
  bool opened;
  if (core.options.tls) {
    auto wire = std::make_unique<TlsWire>(core.loop, *self, core.options.tls);
    opened = wire->open(fd);
    self->wire_ = std::move(wire);
  } else {
    auto wire = std::make_unique<TcpWire>(core.loop, *self);
    opened = wire->open(fd);
    self->wire_ = std::move(wire);
  }
  if (!opened) {
    self->close();
    return;
  }
  self->began_ms_ = core.loop.now_ms();
  self->head_begun_ = self->head_timed_ = true;  // the first head is awaited from now on
  if (core.header_timeout_ms) core.loop.deadlines().arm(self->deadline_, core.header_timeout_ms);
  self->wire_->read(true);
}

// ---- input ----

void Connection::on_bytes(const char* p, size_t n) noexcept {
  if (pending_.size()) {
    pending_.append(p, n);
    consume_pending();
  } else if (size_t used = consume(p, n); used < n) {
    pending_.append(p + used, n - used);
  }
  if (switching_) [[unlikely]]
    return switch_to_http2();
  update_reading();
}

void Connection::consume_pending() {
  if (pending_.size() == 0) return;
  size_t used = consume(pending_.data(), pending_.size());
  if (phase_ == Phase::closed || phase_ == Phase::linger)
    pending_.clear();
  else
    pending_.drop(used);
}

// Takes what the present phase can use. From the top of the stack only.
size_t Connection::consume(const char* p, size_t n) {
  assert(!processing_);
  processing_ = true;
  size_t used = 0;
  while (used < n) {
    size_t took = 0;
    switch (phase_) {
      case Phase::head: took = read_head(p + used, n - used); break;
      case Phase::work:
        if (body_error_ != Errc::none || (body_.done() && !keep_))
          took = n - used;  // nobody will read it
        else if (!body_.done() && stream_->wants_body())
          took = deliver_body(p + used, n - used);
        break;
      case Phase::discard: took = discard_body(p + used, n - used); break;
      case Phase::linger:
        took = n - used;
        dropped_ += static_cast<uint32_t>(took);
        if (dropped_ > kDiscard) close();
        break;
      case Phase::closed: took = n - used; break;
    }
    if (took == 0) break;
    used += took;
    assert(used <= n);
    core_.recycle();
  }
  processing_ = false;
  return used;
}

// 0: the head is not complete yet.
size_t Connection::read_head(const char* p, size_t n) {
  if (must_switch_ && *p != 'P') [[unlikely]] {
    close();  // the handshake said HTTP/2, and this cannot be its preface
    return n;
  }
  if (!head_begun_) {
    head_begun_ = true;
    began_ms_ = core_.loop.now_ms();
  }
  switch (scanner_.scan(p, n, core_.limits)) {
    case HeadScanner::Step::more:
      if (head_timed_) return 0;
      head_timed_ = true;
      if (core_.header_timeout_ms)
        core_.loop.deadlines().arm(deadline_, core_.header_timeout_ms);
      else
        deadline_.disarm();
      return 0;
    case HeadScanner::Step::bad: reject(400); return n;
    case HeadScanner::Step::too_large: reject(431); return n;
    case HeadScanner::Step::complete: break;
  }
  if (first_ && asks_for_http2({p, scanner_.size()})) [[unlikely]] {
    switching_ = true;
    return 0;
  }
  return begin_request(p, n);
}

size_t Connection::begin_request(const char* p, size_t n) {
  deadline_.disarm();
  Http1Stream* s = core_.acquire(*this);
  size_t used = scanner_.size();
  int status = parse_head(s->arena_.copy({p, used}), scanner_, s->arena_, s->head_);
  RequestHead& head = s->head_;
  if (status == 0 || status == 417) {
    keep_ = head.keep_alive && !core_.draining;
    if (head.chunked)
      body_.chunked();
    else
      body_.length(head.content_length > 0 ? static_cast<uint64_t>(head.content_length) : 0);
    if (!body_.done()) {
      size_t body = first_body(*s, p + used, n - used);
      used += body;
      s->continue_due_ = head.expect_continue && body == 0;
    }
    if (body_.failed()) status = 400;
  }
  if (first_ && status == 0 && core_.options.http2 && asks_for_upgrade(head)) [[unlikely]] {
    core_.retire(s);
    switching_ = true;
    upgrade_head_ = static_cast<uint32_t>(scanner_.size());
    return 0;
  }
  first_ = false;
  if (status != 0 && status != 417) {
    core_.retire(s);
    reject(status);
    return n;
  }
  stream_ = s;
  phase_ = Phase::work;
  arm_body_deadline();
  if (core_.options.write_timeout_ms) core_.loop.deadlines().arm(s->write_deadline_, core_.options.write_timeout_ms);
  if (status == 417 || (head.path == "*" && head.method == "OPTIONS")) {
    if (status == 417) keep_ = false;
    ResponseHead answer;
    answer.status = status ? status : 200;
    s->respond(answer, {}, Life::exchange);
    s->release();
    return used;
  }
  core_.handler->on_request(*s);
  return used;
}

bool Connection::asks_for_http2(std::string_view head) const {
  if (head != "PRI * HTTP/2.0\r\n\r\n") return false;
  return wire_->secure() ? must_switch_ : core_.options.http2;
}

// A body would have to be read whole before the answer may begin; RFC 7540 leaves it to us to ignore such a wish.
bool Connection::asks_for_upgrade(const RequestHead& head) const {
  if (wire_->secure() || head.has_body() || head.minor == 0 || core_.draining) return false;
  const Header *upgrade = head.headers.find("Upgrade"), *settings = head.headers.find("HTTP2-Settings");
  std::string_view connection = head.headers.get("Connection");
  return upgrade && settings && !head.headers.find("HTTP2-Settings", 1) && list_contains(upgrade->value, "h2c") &&
         list_contains(connection, "upgrade") && list_contains(connection, "http2-settings") && Http2Connection::valid_settings(settings->value);
}

// What was read and not used waits in pending_: the other protocol begins with it.
void Connection::switch_to_http2() {
  static constexpr std::string_view kSwitching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  deadline_.disarm();
  std::string_view input{pending_.data(), pending_.size()};
  if (upgrade_head_) {
    uv_buf_t buf = uv_buf_init(const_cast<char*>(kSwitching.data()), kSwitching.size());
    write(&buf, 1, Life::exchange);
  }
  Http2Connection& next = Http2Connection::open(core_, std::move(wire_), {peer_, peer_size_});
  if (upgrade_head_) {
    next.upgrade(input.substr(0, upgrade_head_), scanner_);
    input.remove_prefix(upgrade_head_);
  }
  if (!input.empty()) next.on_bytes(input.data(), input.size());
  delete this;
}

// The part of the body that came with the head goes to the arena.
size_t Connection::first_body(Http1Stream& s, const char* p, size_t n) {
  if (n == 0) return 0;
  char* to = static_cast<char*>(s.arena_.alloc(n, 1));
  size_t used = 0, size = 0;
  while (used < n && !body_.done() && !body_.failed()) {
    Slice piece;
    used += body_.next(p + used, n - used, piece);
    if (!piece.empty()) std::memcpy(to + size, piece.data(), piece.size());
    size += piece.size();
  }
  s.arena_.trim(to + size);
  s.body_ = {to, size};
  return used;
}

size_t Connection::deliver_body(const char* p, size_t n) {
  Slice pieces[16];
  size_t count = 0, used = 0;
  while (used < n && count < std::size(pieces) && !body_.done() && !body_.failed()) {
    used += body_.next(p + used, n - used, pieces[count]);
    if (!pieces[count].empty()) ++count;
  }
  if (body_.failed()) {
    fail_body(Errc::invalid);
    return n;
  }
  bool last = body_.done();
  if (last) {
    stream_->reading_ = false;
    deadline_.disarm();
  }
  if (count || last) stream_->owner_->on_body({pieces, count}, last);
  return used;
}

size_t Connection::discard_body(const char* p, size_t n) {
  Slice piece;
  size_t used = body_.next(p, n, piece);
  dropped_ += static_cast<uint32_t>(used);
  if (body_.failed() || dropped_ > kDiscard) {
    linger();
    return n;
  }
  if (body_.done()) await_head();
  return used;
}

// The whole request within read_timeout. What is left of it is rounded, so that few distinct durations exist (Deadlines
// keeps a queue for each).
void Connection::arm_body_deadline() {
  uint64_t total = core_.options.read_timeout_ms;
  if (total == 0 || body_.done()) return;
  uint64_t elapsed = std::min(core_.loop.now_ms() - began_ms_, total);
  uint64_t step = std::max<uint64_t>(1, total / 16);
  uint64_t left = (total - elapsed + step - 1) / step * step;
  core_.loop.deadlines().arm(deadline_, std::min(left, total));
}

void Connection::update_reading() {
  if (phase_ == Phase::closed) return;
  bool wanted = phase_ != Phase::work || pending_.size() < kPending || (!body_.done() && stream_->wants_body());
  wire_->read(wanted);
}

// ---- events ----

void Connection::on_end(bool clean) noexcept {
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::work && stream_->complete_ && clean) {
    // The response is on its way and the client still reads: let it have it.
    keep_ = false;
    ended_ = true;
    return;
  }
  gone();
}

void Connection::on_flushed() noexcept {
  if (phase_ != Phase::work) return;
  Http1Stream* s = stream_;
  if (s->released_) {
    end_request();
  } else if (s->want_drain_ && !s->complete_) {
    s->want_drain_ = false;
    s->owner_->on_drain();
  }
}

void Connection::on_closed() noexcept {
  wire_closed_ = true;
  pending_.clear();
  destroy_if_over();
}

void Connection::on_deadline() noexcept {
  if (phase_ == Phase::work)
    fail_body(Errc::timeout);
  else
    close();  // too slow a head, idle for too long: without an answer
}

void Connection::run_deferred() {
  if (phase_ == Phase::closed) return;
  if (broken_) {
    gone();
    return;
  }
  if (phase_ == Phase::work && stream_->reading_ && !stream_->released_) {
    Http1Stream* s = stream_;
    if (body_error_ != Errc::none) {
      fail_body(body_error_);
    } else if (std::exchange(s->tell_end_, false)) {
      s->reading_ = false;
      s->owner_->on_body({}, true);
    }
  }
  consume_pending();
  update_reading();
}

// The body cannot be completed; told when the owner asks for it.
void Connection::fail_body(Errc code) {
  body_error_ = code;
  keep_ = false;
  deadline_.disarm();
  Http1Stream* s = stream_;
  if (!s->reading_ || s->released_) return;
  s->reading_ = false;
  Error error;
  error.code = code;
  error.source = Source::client;
  error.http_status = code == Errc::invalid ? 400 : 0;
  error.message = code == Errc::timeout ? "the request body did not arrive in time" : "malformed chunked request body";
  s->owner_->on_body_error(error);
}

void Connection::gone() {
  if (phase_ == Phase::closed) return;
  Http1Stream* s = stream_;
  close();
  if (!s) return;
  s->gone_ = true;
  s->write_deadline_.disarm();
  if (s->released_)
    end_request();
  else if (!s->complete_ && s->owner_)
    s->owner_->on_gone();
}

void Connection::kill() { gone(); }

void Connection::drain() {
  keep_ = false;
  if (phase_ == Phase::head)
    close();
  else if (phase_ == Phase::discard)
    linger();
}

// ---- output ----

void Connection::write(uv_buf_t* bufs, unsigned count, Life life) {
  if (phase_ == Phase::closed || broken_) return;
  if (wire_->write(bufs, count, life)) [[likely]]
    return;
  broken_ = true;
  defer();
}

void Connection::defer() { core_.defer(*this); }

// Decides, when the head is written, whether the connection lives on. A body that nobody reads must be short enough to be
// dropped, and a client that waits for "100 Continue" must not be left guessing (RFC 9110 §10.1.1).
bool Connection::keep_alive_for_response(const Http1Stream& s) {
  if (core_.draining || body_error_ != Errc::none) keep_ = false;
  if (keep_ && !body_.done()) {
    if (s.continue_due_ && pending_.size() == 0) keep_ = false;
    if (!s.reading_ && body_.remaining() > static_cast<int64_t>(kDiscard)) keep_ = false;
  }
  return keep_;
}

// A request that is refused before anybody sees it; then the connection ends.
void Connection::reject(int status) {
  char bytes[512];
  char* at = bytes;
  auto put = [&](std::string_view s) { std::memcpy(at, s.data(), s.size()), at += s.size(); };
  char code[4];
  std::to_chars(code, code + 3, status);
  std::string_view number{code, 3}, reason = reason_phrase(status);
  char length[8];
  char* length_end = std::to_chars(length, length + 8, reason.size() + 4).ptr;
  put("HTTP/1.1 "), put(number), put(" "), put(reason);
  put("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ");
  put({length, static_cast<size_t>(length_end - length)});
  put("\r\nDate: "), put(core_.loop.http_date());
  put("\r\nConnection: close\r\n\r\n"), put(number), put(" "), put(reason);
  assert(at <= bytes + sizeof bytes);
  uv_buf_t buf = uv_buf_init(bytes, static_cast<unsigned>(at - bytes));
  write(&buf, 1, Life::callback);
  linger();
}

// ---- ends ----

void Connection::release_if_done() {
  Http1Stream* s = stream_;
  assert(s && s->released_);
  if (phase_ != Phase::closed && s->aborted_ && !s->started_) close();
  if (phase_ == Phase::closed || broken_ || wire_->queued() == 0) end_request();
}

void Connection::end_request() {
  Http1Stream* s = std::exchange(stream_, nullptr);
  s->write_deadline_.disarm();
  core_.retire(s);
  if (phase_ == Phase::closed) {
    destroy_if_over();
    return;
  }
  if (!keep_ || core_.draining) {
    finish_and_close();
    return;
  }
  if (body_.done()) {
    await_head();
  } else {
    phase_ = Phase::discard;
    dropped_ = 0;
    // Without any limit a client could keep the rest of its body back for ever.
    if (!deadline_.armed())
      core_.loop.deadlines().arm(deadline_, core_.idle_timeout_ms ? core_.idle_timeout_ms : kDiscardMs);
  }
  if (!processing_ && pending_.size()) defer();
}

void Connection::await_head() {
  phase_ = Phase::head;
  scanner_.reset();
  head_begun_ = head_timed_ = false;
  if (core_.idle_timeout_ms)
    core_.loop.deadlines().arm(deadline_, core_.idle_timeout_ms);
  else
    deadline_.disarm();
}

void Connection::finish_and_close() {
  bool input_expected = !body_.done() || body_error_ != Errc::none || pending_.size();
  if (reset_ || ended_ || !input_expected)
    close(reset_);
  else
    linger();
}

// Closing while the client still sends makes the kernel send RST, which may destroy the response before it is read.
void Connection::linger() {
  phase_ = Phase::linger;
  dropped_ = 0;
  wire_->shutdown();
  wire_->read(true);
  if (!processing_) pending_.clear();
  core_.loop.deadlines().arm(deadline_, kLingerMs);
}

void Connection::close(bool reset) {
  phase_ = Phase::closed;
  deadline_.disarm();
  if (!processing_) pending_.clear();
  wire_->close(reset);
}

void Connection::destroy_if_over() {
  if (wire_closed_ && !stream_) delete this;
}

}  // namespace sluice::http

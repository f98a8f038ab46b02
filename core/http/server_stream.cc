#include "core/http/server_stream.h"

#include <cassert>

#include "core/http/server_connection.h"
#include "core/http/server_core.h"

namespace sluice::http {

namespace {
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
}

void Http1Stream::attach(Connection& c) {
  connection_ = &c;
  owner_ = nullptr;
  next_ = nullptr;
  keeper_ = nullptr;
  head_ = {};
  body_ = {};
  left_ = 0;
  kind_ = BodyKind::none;
  started_ = complete_ = aborted_ = released_ = gone_ = false;
  reading_ = paused_ = tell_end_ = continue_due_ = want_drain_ = false;
  write_deadline_.self = this;
  write_deadline_.on_expire([](loop::Deadline& d) noexcept { static_cast<WriteDeadline&>(d).self->connection_->gone(); });
}

std::string_view Http1Stream::peer_ip() { return {connection_->peer_, connection_->peer_size_}; }
bool Http1Stream::secure() { return connection_->wire_->secure(); }

bool Http1Stream::body_complete() { return connection_->body_.done(); }

void Http1Stream::read_body() {
  if (gone_ || reading_) return;
  reading_ = true;
  if (connection_->body_.done()) {
    tell_end_ = true;  // an owner that asks is answered
    connection_->defer();
    return;
  }
  if (continue_due_ && !started_) {
    continue_due_ = false;
    uv_buf_t buf = uv_buf_init(const_cast<char*>(kContinue.data()), kContinue.size());
    connection_->write(&buf, 1, Life::exchange);
  }
  if (connection_->body_error_ != Errc::none || connection_->pending_.size()) connection_->defer();
  connection_->update_reading();
}

void Http1Stream::pause_body() { paused_ = true; }

void Http1Stream::resume_body() {
  if (!paused_) return;
  paused_ = false;
  if (gone_) return;
  if (reading_ && connection_->pending_.size()) connection_->defer();
  connection_->update_reading();
}

// How a response with `length` bytes (-1: unknown) is framed; `given` bytes come with the head.
ResponsePlan Http1Stream::plan(const ResponseHead& head, int64_t length, size_t given) {
  ResponsePlan p;
  p.minor = head_.minor;
  bool head_method = head_.method == "HEAD";
  if (head.no_body && !head_method) length = 0;  // the answer to somebody else's HEAD
  if (head_method || status_has_no_body(head.status)) {
    p.kind = BodyKind::none;
    p.allow_length = head.status != 204 && head.status >= 200;
    // A HEAD response tells the length of the body it leaves out, when that is known; 0 bytes given tells nothing.
    if (head_method && !status_has_no_body(head.status)) {
      p.length = head.content_length >= 0 ? head.content_length : length > 0 ? length : -1;
    }
  } else if (length >= 0) {
    p.kind = BodyKind::length;
    p.length = length;
  } else {
    p.kind = head_.minor == 0 ? BodyKind::until_close : BodyKind::chunked;
    if (p.kind == BodyKind::chunked) p.first_chunk = given;
    if (p.kind == BodyKind::until_close) connection_->keep_ = false;
  }
  p.keep_alive = connection_->keep_alive_for_response(*this);
  kind_ = p.kind;
  left_ = p.kind == BodyKind::length ? p.length : 0;
  return p;
}

void Http1Stream::send(std::string_view prefix, Slices slices, std::string_view suffix, Life life) {
  uv_buf_t bufs[kBatch];
  unsigned n = 0;
  auto add = [&](std::string_view s) {
    if (s.empty()) return;
    if (n == kBatch) connection_->write(bufs, std::exchange(n, 0u), life);
    bufs[n++] = uv_buf_t{const_cast<char*>(s.data()), s.size()};
  };
  add(prefix);
  for (Slice s : slices) add(s);
  add(suffix);
  if (n) connection_->write(bufs, n, life);
}

void Http1Stream::respond(const ResponseHead& head, Slices body, Life life) {
  assert(!started_ && !released_);
  if (gone_ || started_) return;
  started_ = complete_ = true;
  ResponsePlan p = plan(head, static_cast<int64_t>(total_size(body)), 0);
  std::string_view bytes = write_response_head(arena_, head, p, connection_->core_.loop.http_date());
  left_ = 0;
  send(bytes, p.kind == BodyKind::length && p.length > 0 ? body : Slices{}, {}, life);
}

void Http1Stream::start(const ResponseHead& head, Slices first, Life life) {
  assert(!started_ && !released_);
  if (gone_ || started_) return;
  started_ = true;
  size_t given = total_size(first);
  ResponsePlan p = plan(head, head.content_length, given);
  std::string_view bytes = write_response_head(arena_, head, p, connection_->core_.loop.http_date());
  switch (kind_) {
    case BodyKind::none: send(bytes, {}, {}, life); break;
    case BodyKind::chunked: send(bytes, first, given ? "\r\n" : "", life); break;
    case BodyKind::until_close: send(bytes, first, {}, life); break;
    case BodyKind::length:
      if (static_cast<int64_t>(given) <= left_) {
        left_ -= static_cast<int64_t>(given);
        send(bytes, first, {}, life);
      } else {
        send(bytes, {}, {}, life);
        write(first, life);
      }
      break;
  }
}

bool Http1Stream::write(Slices slices, Life life) {
  assert(started_ && !complete_ && !released_);
  if (gone_ || aborted_ || complete_ || !started_) return true;
  size_t size = total_size(slices);
  if (size == 0) return connection_->wire_->queued() <= kHighWater;
  switch (kind_) {
    case BodyKind::none: return true;
    case BodyKind::chunked: {
      char line[20];
      char* end = write_chunk_size(line, size);
      send({line, static_cast<size_t>(end - line)}, slices, "\r\n", life);
      break;
    }
    case BodyKind::until_close: send({}, slices, {}, life); break;
    case BodyKind::length:
      if (static_cast<int64_t>(size) <= left_) {
        left_ -= static_cast<int64_t>(size);
        send({}, slices, {}, life);
      } else {
        // More than announced: the surplus would be read as the next response.
        connection_->keep_ = false;
        for (Slice s : slices) {
          Slice part = s.substr(0, static_cast<size_t>(left_));
          left_ -= static_cast<int64_t>(part.size());
          send({}, {&part, 1}, {}, life);
        }
      }
      break;
  }
  if (connection_->wire_->queued() <= kHighWater) return true;
  want_drain_ = true;
  return false;
}

void Http1Stream::finish() {
  assert(started_ && !released_);
  if (gone_ || complete_ || aborted_ || !started_) return;
  if (kind_ == BodyKind::chunked) send("0\r\n\r\n", {}, {}, Life::exchange);
  if (kind_ == BodyKind::length && left_ > 0) connection_->keep_ = false;  // closing shows that something is missing
  complete_ = true;
}

void Http1Stream::abort() {
  if (gone_ || complete_ || aborted_) return;
  aborted_ = complete_ = true;
  connection_->keep_ = false;
  // What left is cut by the missing last chunk or the missing bytes; only a body that ends with the connection needs a reset.
  if (kind_ == BodyKind::until_close) connection_->reset_ = true;
}

void Http1Stream::close_after() {
  if (!gone_) connection_->keep_ = false;
}

void Http1Stream::release() {
  assert(!released_);
  if (released_) return;
  if (!complete_) abort();
  released_ = true;
  connection_->release_if_done();  // may destroy the connection
}

}  // namespace sluice::http

#include "core/http/http2_stream.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/http/http2_connection.h"

namespace sluice::http {

void Http2Stream::attach(Http2Connection& c, int32_t id) {
  connection_ = &c;
  owner_ = nullptr;
  next_ = next_event_ = nullptr;
  keeper_ = nullptr;
  id_ = id;
  head_ = {};
  head_.headers.bind(arena_);
  cookies_.bind(arena_);
  authority_ = {};
  body_ = {};
  head_size_ = 0;
  body_error_ = Errc::none;
  refusal_ = 0;
  fixed_ = nullptr;
  fixed_count_ = fixed_size_ = 0;
  left_ = 0;
  kind_ = BodyKind::none;
  fresh_ = begun_ = queued_ = ended_ = reading_ = paused_ = continue_due_ = false;
  started_ = complete_ = aborted_ = released_ = sent_end_ = stalled_ = want_drain_ = drained_ = closed_ = gone_ = false;
  read_deadline_.on_expire([](loop::Deadline& d) noexcept {
    auto& s = d.owner<Http2Stream>();
    s.body_error_ = Errc::timeout;
    s.connection_->event(s);
    s.connection_->schedule();
  }, this);
  write_deadline_.on_expire([](loop::Deadline& d) noexcept {
    auto& s = d.owner<Http2Stream>();
    if (s.closed_) return;
    s.reset(NGHTTP2_INTERNAL_ERROR);
    s.gone_ = true;
    s.connection_->event(s);
  }, this);
}

std::string_view Http2Stream::peer_ip() { return {connection_->peer_, connection_->peer_size_}; }
bool Http2Stream::secure() { return connection_->wire_->secure(); }

void Http2Stream::read_body() {
  if (gone_ || reading_) return;
  reading_ = true;
  if (std::exchange(continue_due_, false) && !started_) connection_->submit_continue(*this);
  if (in_.size() || ended_ || body_error_ != Errc::none) connection_->event(*this);
}

void Http2Stream::resume_body() {
  if (!std::exchange(paused_, false) || gone_) return;
  if (reading_ && (in_.size() || ended_ || body_error_ != Errc::none)) connection_->event(*this);
}

void Http2Stream::begin(const ResponseHead& head, int64_t length, bool body_follows) {
  bool head_method = head_.method == "HEAD";
  if (head.no_body && !head_method) length = 0;  // the answer to somebody else's HEAD
  if (head_method || status_has_no_body(head.status)) {
    kind_ = BodyKind::none;
    // As over HTTP/1: a HEAD response tells the length of the body it leaves out when that is known.
    left_ = -1;
    if (head_method && !status_has_no_body(head.status)) left_ = head.content_length >= 0 ? head.content_length : length > 0 ? length : -1;
    body_follows = false;
  } else {
    kind_ = length >= 0 ? BodyKind::length : BodyKind::chunked;
    left_ = length;
  }
  connection_->submit_head(*this, head, body_follows);
  if (kind_ == BodyKind::none) left_ = 0;
}

void Http2Stream::respond(const ResponseHead& head, Slices body, Life life) {
  assert(!started_ && !released_);
  if (gone_ || started_) return;
  started_ = complete_ = true;
  size_t size = total_size(body);
  begin(head, static_cast<int64_t>(size), size > 0 && !head.no_body);
  left_ = 0;
  if (kind_ == BodyKind::none || head.no_body || size == 0) return;
  if (life == Life::exchange) {
    fixed_ = arena_.array<Slice>(body.size());
    for (Slice s : body)
      if (!s.empty()) fixed_[fixed_count_++] = s;
    fixed_size_ = size;
  } else {
    append(body);
  }
}

void Http2Stream::start(const ResponseHead& head, Slices first, Life life) {
  assert(!started_ && !released_);
  if (gone_ || started_) return;
  started_ = true;
  begin(head, head.content_length, true);
  if (!first.empty()) write(first, life);
}

void Http2Stream::append(Slices slices) {
  for (Slice s : slices) out_.append(s.data(), s.size());
  connection_->resume(*this);
}

bool Http2Stream::write(Slices slices, Life) {
  assert(started_ && !complete_ && !released_);
  if (gone_ || aborted_ || complete_ || !started_ || kind_ == BodyKind::none) return true;
  if (kind_ == BodyKind::chunked) {
    append(slices);
  } else {
    for (Slice s : slices) {  // more than announced is an error of the protocol: the surplus is dropped
      Slice part = s.substr(0, static_cast<size_t>(std::min<int64_t>(left_, static_cast<int64_t>(s.size()))));
      left_ -= static_cast<int64_t>(part.size());
      append({&part, 1});
    }
  }
  if (out_.size() <= kHighWater) return true;
  want_drain_ = true;
  return false;
}

void Http2Stream::finish() {
  assert(started_ && !released_);
  if (gone_ || complete_ || aborted_ || !started_) return;
  if (kind_ == BodyKind::length && left_ > 0) return abort();  // the client sees that something is missing
  complete_ = true;
  connection_->resume(*this);
}

void Http2Stream::abort() {
  if (gone_ || complete_ || aborted_) return;
  aborted_ = complete_ = true;
  reset(NGHTTP2_INTERNAL_ERROR);
}

void Http2Stream::reset(uint32_t code) {
  out_.clear();
  fixed_count_ = fixed_size_ = 0;
  nghttp2_submit_rst_stream(connection_->session_, NGHTTP2_FLAG_NONE, id_, code);
  connection_->schedule();
}

void Http2Stream::release() {
  assert(!released_);
  if (released_) return;
  if (!complete_) abort();
  released_ = true;
  connection_->on_released(*this);  // may destroy the connection
}

void Http2Stream::take(char* to, size_t n) {
  while (n && fixed_count_) {
    size_t part = std::min(n, fixed_->size());
    std::memcpy(to, fixed_->data(), part);
    to += part, n -= part, fixed_size_ -= part;
    fixed_->remove_prefix(part);
    if (fixed_->empty()) ++fixed_, --fixed_count_;
  }
  if (n == 0) return;
  std::memcpy(to, out_.data(), n);
  out_.drop(n);
}

}  // namespace sluice::http

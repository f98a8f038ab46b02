#include "core/http/response_codec.h"

#include <algorithm>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/base/text.h"

namespace sluice::http {
namespace {

// First CR or LF, or `end`.
const char* find_line_end(const char* p, const char* end) {
#ifdef __SSE2__
  const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
  for (; end - p >= 16; p += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, cr), _mm_cmpeq_epi8(v, lf)));
    if (mask) return p + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (p < end && *p != '\r' && *p != '\n') ++p;
  return p;
}

std::string_view trim_end(std::string_view s) {
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

}  // namespace

size_t ResponseHeadScanner::scan(const char* data, size_t size) {
  const char *p = data, *end = data + size;
  while (p < end) {
    switch (state_) {
      case State::first:  // an empty line before a status line is no part of the protocol
        state_ = *p == '\r' || *p == '\n' || *p == ' ' || *p == '\t' ? State::bad : State::line;
        break;
      case State::line_start:
        if (*p == '\r')
          state_ = State::empty_cr;
        else
          state_ = *p == '\n' || *p == ' ' || *p == '\t' ? State::bad : State::line;
        break;
      case State::line:
        p = find_line_end(p, end);
        if (p == end) return size;
        state_ = *p == '\r' ? State::cr : State::bad;
        break;
      case State::cr: state_ = *p == '\n' ? State::line_start : State::bad; break;
      case State::empty_cr: state_ = *p == '\n' ? State::done : State::bad; break;
      case State::done:
      case State::bad: return static_cast<size_t>(p - data);
    }
    ++p;
    if (state_ == State::done || state_ == State::bad) break;
  }
  return static_cast<size_t>(p - data);
}

// What llhttp calls. It sees whole heads only, so each span is one call.
struct ResponseCodec::Events {
  static ResponseCodec& self(llhttp_t* p) { return *static_cast<ResponseCodec*>(p->data); }

  static int on_status(llhttp_t* p, const char* at, size_t size) {
    self(p).batch_->head.reason = {at, size};
    return 0;
  }
  static int on_field(llhttp_t* p, const char* at, size_t size) {
    ResponseCodec& c = self(p);
    if (c.batch_->head.headers.size() == kMaxFields) {
      c.code_ = Errc::limit, c.reason_ = "too many header fields";
      return HPE_USER;
    }
    // llhttp's loose mode takes a blank in a name (RFC 9112 §5.1: refuse it before the colon).
    if (size == 0 || std::memchr(at, ' ', size)) {
      c.reason_ = "invalid header name";
      return HPE_USER;
    }
    c.batch_->head.headers.add({at, size}, {"", 0});
    return 0;
  }
  static int on_value(llhttp_t* p, const char* at, size_t size) {
    Headers& h = self(p).batch_->head.headers;
    if (h.size()) h[h.size() - 1].value = trim_end({at, size});
    return 0;
  }
  static int on_head(llhttp_t* p) {
    ResponseCodec& c = self(p);
    if (const char* why = c.frame(c.batch_->head)) {
      c.reason_ = why;
      return HPE_USER;
    }
    return 1;  // llhttp is done: no body for it
  }
  static int on_complete(llhttp_t* p) {
    self(p).complete_ = true;
    return HPE_PAUSED;
  }
  static llhttp_settings_t* settings() {
    static llhttp_settings_t s = [] {
      llhttp_settings_t v;
      llhttp_settings_init(&v);
      v.on_status = on_status;
      v.on_header_field = on_field;
      v.on_header_value = on_value;
      v.on_headers_complete = on_head;
      v.on_message_complete = on_complete;
      return v;
    }();
    return &s;
  }
};

void ResponseCodec::reset(bool head_method, uint32_t max_header_bytes) {
  llhttp_init(&parser_, HTTP_RESPONSE, Events::settings());
  parser_.data = this;
  scanner_.reset();
  joined_ = nullptr, joined_size_ = joined_room_ = 0;
  max_header_bytes_ = max_header_bytes;
  body_.none();
  interim_ = 0;
  phase_ = Phase::head, code_ = Errc::none, reason_ = "";
  head_method_ = head_method;
  started_ = keep_alive_ = complete_ = continue_ = false;
}

ResponseCodec::Status ResponseCodec::fail(Errc code, const char* reason) {
  phase_ = Phase::failed, code_ = code, reason_ = reason;
  keep_alive_ = false;
  return Status::failed;
}

// `size` is within the limit.
void ResponseCodec::join(Arena& arena, const char* data, size_t size) {
  if (size > joined_room_ - joined_size_) {
    uint32_t room = static_cast<uint32_t>(std::min<uint64_t>(std::max<uint64_t>(1024, 2 * (joined_size_ + size)), max_header_bytes_));
    char* bigger = static_cast<char*>(arena.alloc(room, 1));
    if (joined_size_) std::memcpy(bigger, joined_, joined_size_);
    joined_ = bigger, joined_room_ = room;
  }
  std::memcpy(joined_ + joined_size_, data, size);
  joined_size_ += static_cast<uint32_t>(size);
}

// The framing of RFC 9112 §6.3, stricter than llhttp. Null, or why the response is refused.
const char* ResponseCodec::frame(ResponseHead& head) {
  head.status = parser_.status_code;
  head.minor = parser_.http_minor;
  if (parser_.http_major != 1 || parser_.http_minor > 1) return "unsupported HTTP version";
  if (head.status < 100) return "invalid status code";
  if (head.status == 101) return "unexpected 101 Switching Protocols";

  uint32_t codings = 0;
  bool chunked = false;
  for (const Header& h : head.headers)
    if (h.name.size() == 17 && iequals(h.name, "transfer-encoding")) {
      ++codings;
      chunked = iequals(h.value, "chunked");
    }
  if (codings > 1 || (codings == 1 && !chunked)) return "unsupported transfer encoding";
  bool has_length = (parser_.flags & F_CONTENT_LENGTH) != 0;
  if (codings && has_length) return "Content-Length beside Transfer-Encoding";
  if (has_length && parser_.content_length > uint64_t{INT64_MAX}) return "Content-Length too large";

  if (head.status < 200) return nullptr;
  head.chunked = chunked;
  head.content_length = has_length ? static_cast<int64_t>(parser_.content_length) : -1;
  head.no_body = head_method_ || head.status == 204 || head.status == 304;
  // RFC 9112 §9.3; an HTTP/1.0 response with a transfer coding has faulty framing (§6.1): used, but nothing after it.
  keep_alive_ = parser_.http_minor >= 1 ? !(parser_.flags & F_CONNECTION_CLOSE)
                                        : (parser_.flags & F_CONNECTION_KEEP_ALIVE) && !chunked;
  if (head.no_body || (has_length && parser_.content_length == 0)) {
    phase_ = Phase::done;
  } else if (chunked) {
    phase_ = Phase::chunked;
    body_.chunked();
  } else if (has_length) {
    phase_ = Phase::length;
    body_.length(parser_.content_length);
  } else {
    phase_ = Phase::until_close, keep_alive_ = false;
  }
  return nullptr;
}

ResponseCodec::Status ResponseCodec::parse_head(Arena& arena, char* data, size_t size, Batch& b) {
  b.head = ResponseHead{};
  b.head.headers.bind(arena);
  b.head.headers.reserve(16);
  llhttp_errno_t e = llhttp_execute(&parser_, data, size);
  if (e != HPE_PAUSED || !complete_ || llhttp_get_error_pos(&parser_) != data + size) {
    const char* why = *reason_ ? reason_ : llhttp_get_error_reason(&parser_);
    return fail(code_ != Errc::none ? code_ : Errc::protocol, why ? why : "malformed response");
  }
  if (b.head.status >= 200) {
    b.has_head = true;
    return phase_ == Phase::done ? Status::done : Status::more;
  }
  // Interim responses are not for the caller (RFC 9110 §15.2); a stream of them would keep a call alive for ever.
  if (b.head.status == 100) continue_ = true;
  if (++interim_ > kMaxInterim) return fail(Errc::protocol, "too many 1xx responses");
  llhttp_init(&parser_, HTTP_RESPONSE, Events::settings());
  parser_.data = this;
  scanner_.reset();
  joined_ = nullptr, joined_size_ = joined_room_ = 0;
  complete_ = false;
  return Status::more;
}

ResponseCodec::Status ResponseCodec::feed(Arena& arena, char* data, size_t size, Batch& b) {
  b.clear();
  batch_ = &b;
  if (phase_ == Phase::done || phase_ == Phase::failed) return fail(Errc::protocol, "data after the response");
  char *p = data, *end = data + size;
  if (p != end) started_ = true;
  while (phase_ == Phase::head && p != end) {
    size_t used = scanner_.scan(p, static_cast<size_t>(end - p));
    // The limit first: what stands behind it is not looked at, however the bytes were cut into reads.
    if (used > max_header_bytes_ - joined_size_) return fail(Errc::limit, "response head too large");
    if (scanner_.bad()) return fail(Errc::protocol, "bare CR or LF, or a folded line, in the head");
    bool whole = scanner_.done();
    if (joined_size_ || !whole) join(arena, p, used);
    char* head = joined_size_ ? joined_ : p;
    size_t head_size = joined_size_ ? joined_size_ : used;
    p += used;
    if (!whole) return Status::more;
    Status s = parse_head(arena, head, head_size, b);
    if (s == Status::done) b.extra = static_cast<size_t>(end - p);
    if (s != Status::more) return s;
  }
  if (phase_ == Phase::until_close) {
    if (p != end) add(b, {p, static_cast<size_t>(end - p)});
    return Status::more;
  }
  while (p != end) {
    Slice piece;
    p += body_.next(p, static_cast<size_t>(end - p), piece);
    if (!piece.empty()) add(b, piece);
    if (body_.failed()) return fail(Errc::protocol, "malformed chunked body");
    if (!body_.done()) continue;
    b.extra = static_cast<size_t>(end - p);
    phase_ = Phase::done;
    return Status::done;
  }
  return Status::more;
}

// The decoder is past these bytes already, so they may be moved down over the framing before them.
void ResponseCodec::add(Batch& b, Slice piece) {
  if (b.count == 0 || (piece.size() >= 1024 && b.count < kMaxSlices)) {
    b.slices[b.count++] = piece;
    return;
  }
  Slice& last = b.slices[b.count - 1];
  char* to = const_cast<char*>(last.data()) + last.size();
  if (to != piece.data()) std::memmove(to, piece.data(), piece.size());
  last = {last.data(), last.size() + piece.size()};
}

ResponseCodec::Status ResponseCodec::finish() {
  switch (phase_) {
    case Phase::until_close: phase_ = Phase::done; return Status::done;
    case Phase::done: return Status::done;
    case Phase::failed: return Status::failed;
    case Phase::head: return fail(Errc::reset, started_ ? "unexpected EOF in the response head" : "EOF");
    case Phase::length:
    case Phase::chunked: break;
  }
  return fail(Errc::truncated, "unexpected EOF in the response body");
}

}  // namespace sluice::http

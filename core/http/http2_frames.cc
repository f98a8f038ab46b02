// Where nghttp2 and a connection meet: what frames mean for streams, and the other way. What nghttp2 checks by itself (order and
// size of frames, pseudo-header fields, lower-case names, content-length against data, compression state) is not repeated.
#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <string>

#include "core/http/http2_connection.h"

namespace sluice::http {

struct Http2Callbacks {
  static Http2Connection& of(void* user) { return *static_cast<Http2Connection*>(user); }
  static Http2Stream* stream(nghttp2_session* session, int32_t id) {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static std::string_view view(const uint8_t* p, size_t n) { return {reinterpret_cast<const char*>(p), n}; }

  // Frames that carry nothing cost us work and the client none: so many are free, and what a client needs is far below.
  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    Http2Connection& c = of(user);
    uint64_t now = c.core_.loop.now_ms();
    bool ok = true;
    switch (frame->type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_WINDOW_UPDATE: break;
      case NGHTTP2_DATA:
        if (frame->length == 0 && !(frame->flags & NGHTTP2_FLAG_END_STREAM)) ok = c.noise_.take(now);
        break;
      case NGHTTP2_CONTINUATION:
        if (frame->length == 0) ok = c.noise_.take(now);
        break;
      case NGHTTP2_RST_STREAM: ok = c.resets_.take(now); break;
      default: ok = c.noise_.take(now); break;  // settings, pings, priorities; nghttp2 skips unknown ones, which cost no more than their bytes
    }
    if (ok) return 0;
    c.too_much_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  // Also requests beyond the number that is allowed at once, which nghttp2 refuses.
  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    Http2Connection& c = of(user);
    if (c.resets_.take(c.core_.loop.now_ms())) return 0;
    c.too_much_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Connection& c = of(user);
    c.head_open_ = true;
    c.head_stream_ = frame->hd.stream_id;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Http2Stream* s = c.new_stream(frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s);
    return 0;
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value,
                    size_t value_size, uint8_t, void* user) {
    Http2Stream* s = stream(session, frame->hd.stream_id);
    if (!s) return 0;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) return of(user).on_field(*s, view(name, name_size), view(value, value_size));
    // Trailers are dropped, as over HTTP/1 (RFC 9110 §6.5.1), but they are not free.
    s->head_size_ += name_size + value_size + 32;
    return s->head_size_ > of(user).core_.limits.head_bytes ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Connection& c = of(user);
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        c.head_open_ = false;
        Http2Stream* s = stream(session, frame->hd.stream_id);
        if (!s) break;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
          c.finish_head(*s, end);
        } else if (end) {
          s->ended_ = true;
          c.event(*s);
        }
        break;
      }
      case NGHTTP2_DATA:
        if (Http2Stream* s = end ? stream(session, frame->hd.stream_id) : nullptr) {
          s->ended_ = true;
          c.event(*s);
        }
        break;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && c.drain_deadline_.armed()) c.final_goaway();
        break;
      default: break;
    }
    return 0;
  }

  static int data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t n, void* user) {
    Http2Connection& c = of(user);
    Http2Stream* s = stream(session, id);
    if (!s || s->released_ || s->gone_) {
      nghttp2_session_consume(session, id, n);  // nobody will
      return 0;
    }
    s->in_.append(reinterpret_cast<const char*>(bytes), n);
    c.event(*s);
    return 0;
  }

  static int stream_close(nghttp2_session* session, int32_t id, uint32_t, void* user) {
    if (Http2Stream* s = stream(session, id)) of(user).on_stream_over(*s);
    return 0;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) of(user).ask_for_rest();
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    if (Http2Stream* s = stream(session, frame->hd.stream_id)) {
      s->sent_end_ = true;
      of(user).stop_upload(*s);
    }
    return 0;
  }

  static ssize_t read_data(nghttp2_session*, int32_t, uint8_t*, size_t room, uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& s = *static_cast<Http2Stream*>(source->ptr);
    size_t n = std::min(s.available(), room);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (s.aborted_ || s.gone_) return NGHTTP2_ERR_DEFERRED;  // a reset is on its way
    if (s.complete_ && n == s.available()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (n == 0) {
      s.stalled_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(n);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* frame_head, size_t n, nghttp2_data_source* source, void* user) {
    constexpr size_t kFrameHead = 9;  // RFC 9113 §4.1
    Http2Connection& c = of(user);
    auto& s = *static_cast<Http2Stream*>(source->ptr);
    c.put(reinterpret_cast<const char*>(frame_head), kFrameHead);
    while (n) {
      if (c.out_used_ == ServerCore::kFrames) c.write_out();
      size_t part = std::min(n, ServerCore::kFrames - c.out_used_);
      s.take(c.core_.frames() + c.out_used_, part);
      c.out_used_ += part, n -= part;
    }
    if (s.want_drain_ && s.out_.size() == 0) {
      s.want_drain_ = false;
      s.drained_ = true;
      c.event(s);
    }
    return 0;
  }
};

namespace {

const nghttp2_session_callbacks* callbacks() {
  static const nghttp2_session_callbacks* const kCallbacks = [] {
    nghttp2_session_callbacks* c = nullptr;
    if (nghttp2_session_callbacks_new(&c) != 0) std::abort();
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, Http2Callbacks::begin_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, Http2Callbacks::invalid_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, Http2Callbacks::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, Http2Callbacks::header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, Http2Callbacks::frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, Http2Callbacks::data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, Http2Callbacks::stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, Http2Callbacks::frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(c, Http2Callbacks::send_data);
    return c;
  }();
  return kCallbacks;
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())), reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

// RFC 4648 §5 without padding, as HTTP2-Settings has it.
bool decode_base64url(std::string_view text, std::string& out) {
  std::string plain{text};
  for (char& c : plain) c = c == '-' ? '+' : c == '_' ? '/' : c;
  if (plain.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != plain.npos || plain.size() % 4 == 1) return false;
  size_t size = plain.size() * 3 / 4;
  plain.append((4 - plain.size() % 4) % 4, '=');
  out.resize(plain.size() / 4 * 3);
  if (!plain.empty() && EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(plain.data()),
                                        static_cast<int>(plain.size())) < 0)
    return false;
  out.resize(size);
  return true;
}

}  // namespace

void Http2Connection::make_session() {
  nghttp2_option* options = nullptr;
  if (nghttp2_option_new(&options) != 0) std::abort();
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_max_send_header_block_length(options, 1 << 20);
  // The head itself is bounded by on_field; this bounds how many pieces it may come in.
  nghttp2_option_set_max_continuations(options, core_.limits.head_bytes / 16384 + 8);
  if (nghttp2_session_server_new2(&session_, callbacks(), this, options) != 0) std::abort();
  nghttp2_option_del(options);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(core_.limits.head_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},  // the tree of RFC 7540 §5.3 costs, and RFC 9113 gave it up
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

bool Http2Connection::valid_settings(std::string_view base64url) {
  std::string payload;
  return decode_base64url(base64url, payload) && payload.size() % 6 == 0 && payload.size() <= 32 * 6;
}

void Http2Connection::upgrade(std::string_view head, const HeadScanner& scanner) {
  Http2Stream* s = new_stream(1);
  int status = parse_head(s->arena_.copy(head), scanner, s->arena_, s->head_);
  assert(status == 0);
  std::string payload;
  decode_base64url(s->head_.headers.get("HTTP2-Settings"), payload);
  bool head_request = s->head_.method == "HEAD";
  if (status != 0 ||
      nghttp2_session_upgrade2(session_, reinterpret_cast<const uint8_t*>(payload.data()), payload.size(), head_request, nullptr) != 0) {
    s->closed_ = s->released_ = true;
    forget(*s);
    give_up(NGHTTP2_PROTOCOL_ERROR);  // settings with forbidden values
    schedule();
    return;
  }
  nghttp2_session_set_stream_user_data(session_, 1, s);
  for (const char* name : {"HTTP2-Settings", "Upgrade", "Connection"}) s->head_.headers.remove(name);
  s->head_.keep_alive = true;
  s->ended_ = s->fresh_ = true;
  event(*s);
}

Http2Stream* Http2Connection::new_stream(int32_t id) {
  Http2Stream* s = core_.acquire(*this, id);
  s->previous_of_all_ = nullptr;
  s->next_of_all_ = all_;
  if (all_) all_->previous_of_all_ = s;
  all_ = s;
  ++streams_;
  last_stream_ = std::max(last_stream_, id);
  return s;
}

// A part of a request's head. Beyond the limits it is no longer kept, and the request is refused when the head is over.
int Http2Connection::on_field(Http2Stream& s, std::string_view name, std::string_view value) {
  s.head_size_ += name.size() + value.size() + 32;
  if (s.head_size_ > core_.limits.head_bytes || s.head_.headers.size() + s.cookies_.size() >= core_.limits.fields) {
    s.refusal_ = 431;
    // Compression makes much of little: somebody who goes on and on is cut off.
    return s.head_size_ > 4 * core_.limits.head_bytes ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
  }
  value = s.arena_.copy(value);
  if (name[0] != ':') {
    if (name == "cookie") s.cookies_.push(value);
    else
      s.head_.headers.add(s.arena_.copy(name), value);
  } else if (name == ":method") {
    s.head_.method = value;
  } else if (name == ":path") {
    s.head_.target = value;
  } else if (name == ":authority") {
    s.authority_ = value;
  }
  return 0;
}

// The fields as HTTP/1 would have brought them, and the same questions asked of them.
void Http2Connection::finish_head(Http2Stream& s, bool end) {
  RequestHead& h = s.head_;
  s.ended_ = end;
  s.fresh_ = true;
  event(s);
  if (s.refusal_) return;
  if (h.method == "CONNECT" && h.target.empty()) h.target = s.authority_;
  const Header* host = h.headers.find("host");
  if (host && !s.authority_.empty() && !iequals(host->value, s.authority_)) {
    s.refusal_ = 400;  // RFC 9113 §8.3.1: two servers could go by different ones
    return;
  }
  if (!host) h.headers.add("Host", s.authority_);
  if (!s.cookies_.empty()) {  // RFC 9113 §8.2.3
    size_t size = 0;
    for (std::string_view c : s.cookies_) size += c.size() + 2;
    char *joined = static_cast<char*>(s.arena_.alloc(size, 1)), *at = joined;
    for (std::string_view c : s.cookies_) {
      if (at != joined) *at++ = ';', *at++ = ' ';
      if (!c.empty()) std::memcpy(at, c.data(), c.size());
      at += c.size();
    }
    h.headers.add("cookie", {joined, static_cast<size_t>(at - joined)});
  }
  int status = check_head(h);
  if (!end && h.content_length < 0) h.chunked = true;  // a body of unknown length
  h.expect_continue = h.expect_continue || (!end && h.chunked && iequals(h.headers.get("expect"), "100-continue"));
  h.keep_alive = true;
  s.refusal_ = status;
}

// Nothing of the stream is nghttp2's any more.
void Http2Connection::on_stream_over(Http2Stream& s) {
  s.closed_ = true;
  if (head_stream_ == s.id_) head_open_ = false;  // it was broken, and its end is not reported
  // What nobody took counts against the window of the connection still.
  if (size_t n = s.in_.size()) nghttp2_session_consume_connection(session_, n);
  s.in_.clear();
  if (!s.sent_end_) s.gone_ = true;
  // Requests that come to nothing are work all the same.
  if (!s.begun_ && !s.fresh_ && !resets_.take(core_.loop.now_ms())) too_much_ = true;
  if (s.gone_ || s.released_) event(s);
}

void Http2Connection::submit_head(Http2Stream& s, const ResponseHead& head, bool body_follows) {
  Arena& arena = s.arena_;
  auto* fields = static_cast<nghttp2_nv*>(arena.alloc(sizeof(nghttp2_nv) * (head.headers.size() + 3), alignof(nghttp2_nv)));
  size_t n = 0;
  int status = head.status >= 200 && head.status <= 999 ? head.status : 500;
  char* code = static_cast<char*>(arena.alloc(3, 1));
  std::to_chars(code, code + 3, status);
  fields[n++] = field(":status", {code, 3});
  bool has_date = false, has_length = false;
  bool pass_length = s.kind_ == BodyKind::none && status != 204;
  for (const Header& h : head.headers) {
    if (h.name.empty() || is_hop_by_hop(h.name)) continue;
    std::string_view value = trim(h.value);  // RFC 9113 §8.2.1
    char* name = static_cast<char*>(arena.alloc(h.name.size(), 1));
    std::transform(h.name.begin(), h.name.end(), name, lower);
    std::string_view lowered{name, h.name.size()};
    // What would make the whole answer malformed is left out.
    if (!is_token(lowered) || !is_field_value(value)) continue;
    if (lowered == "content-length") {
      if (!pass_length || has_length || !parse_decimal<uint64_t>(value)) continue;
      has_length = true;
    } else if (lowered == "date") {
      if (has_date) continue;
      has_date = true;
    }
    fields[n++] = field(lowered, value);
  }
  if (!has_date) fields[n++] = field("date", arena.copy(core_.loop.http_date()));
  if (!has_length && s.left_ >= 0) {
    char* digits = static_cast<char*>(arena.alloc(20, 1));
    char* end = std::to_chars(digits, digits + 20, s.left_).ptr;
    fields[n++] = field("content-length", {digits, static_cast<size_t>(end - digits)});
  }
  nghttp2_data_provider body{};
  body.source.ptr = &s;
  body.read_callback = Http2Callbacks::read_data;
  if (nghttp2_submit_response(session_, s.id_, fields, n, body_follows ? &body : nullptr) != 0) {
    s.gone_ = true;
    event(s);
  }
  schedule();
}

void Http2Connection::submit_continue(Http2Stream& s) {
  const nghttp2_nv status = field(":status", "100");
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, s.id_, nullptr, &status, 1, nullptr);
  schedule();
}

}  // namespace sluice::http

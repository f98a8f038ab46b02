// Where nghttp2 and a session meet: what frames mean for calls, and the other way. What nghttp2 checks by itself (order and size
// of frames, pseudo-header fields, lower-case names, forbidden fields, content-length against data, compression state) is not
// repeated.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/base/text.h"
#include "core/http/client_h2.h"

namespace sluice::http {

struct Http2ClientCallbacks {
  static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }
  static Http2Call* call(nghttp2_session* session, int32_t id) {
    return static_cast<Http2Call*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static std::string_view view(const uint8_t* p, size_t n) { return {reinterpret_cast<const char*>(p), n}; }

  // Frames that carry nothing cost us work and the peer none: so many are free, and what a peer needs is far below.
  static int begin_frame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user) {
    Http2Session& s = of(user);
    switch (frame->type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_WINDOW_UPDATE: return 0;
      case NGHTTP2_DATA:
      case NGHTTP2_CONTINUATION:
        if (frame->length || (frame->flags & NGHTTP2_FLAG_END_STREAM)) return 0;
        break;
      case NGHTTP2_RST_STREAM:
        if (nghttp2_session_find_stream(session, frame->stream_id)) return 0;  // one for each of our streams
        break;
      default: break;
    }
    if (s.noise_.take(s.client_.loop.now_ms())) return 0;
    s.too_much_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame*, void* user) {
    Http2Session& s = of(user);
    s.head_text_.clear();
    s.fields_.clear();
    s.status_ = 0;
    return 0;
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value,
                    size_t value_size, uint8_t, void* user) {
    Http2Call* h = frame->hd.type == NGHTTP2_HEADERS ? call(session, frame->hd.stream_id) : nullptr;
    return h ? of(user).on_field(*h, view(name, name_size), view(value, value_size)) : 0;
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Session& s = of(user);
    const bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (Http2Call* h = call(session, frame->hd.stream_id)) s.on_head(*h, end);
        break;
      case NGHTTP2_DATA:
        if (Http2Call* h = end ? call(session, frame->hd.stream_id) : nullptr) {
          h->ended = true;
          s.note(*h);
        }
        break;
      case NGHTTP2_RST_STREAM:
        if (Http2Call* h = call(session, frame->hd.stream_id)) h->reset_by_peer = true;
        break;
      case NGHTTP2_SETTINGS:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK) break;
        s.streams_ = std::min(s.kMaxStreams, nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
        s.pool_.streams = std::max(1u, s.streams_);
        s.room_ = true;
        break;
      case NGHTTP2_GOAWAY:  // those beyond the last stream are closed by nghttp2, as refused
        s.goaway_ = frame->goaway.error_code;
        s.retire();
        s.room_ = true;     // who waits for a stream of this connection goes to another
        break;
      default: break;
    }
    return 0;
  }

  static int data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t n, void* user) {
    nghttp2_session_consume_connection(session, n);
    if (Http2Call* h = call(session, id)) of(user).on_data(*h, reinterpret_cast<const char*>(bytes), n);
    return 0;
  }

  static int stream_close(nghttp2_session* session, int32_t id, uint32_t code, void* user) {
    of(user).on_stream_close(call(session, id), code);
    return 0;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Call* h = call(session, frame->hd.stream_id);
    if (!h) return 0;
    Http2Session& s = of(user);
    if (!std::exchange(h->head_sent, true)) h->sent_at = s.client_.loop.now_ms(), h->reads_before = s.reads_;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    ClientCall::State& c = h->call;
    c.request_done = true;
    if (uint64_t ms = s.client_.options.response_header_timeout_ms; ms && !h->head_seen) {
      c.timer_for = ClientCall::State::Timer::head;
      s.client_.loop.deadlines().arm(c.timer, ms);
    }
    return 0;
  }

  static ssize_t read_data(nghttp2_session* session, int32_t id, uint8_t*, size_t room, uint32_t* flags, nghttp2_data_source*, void*) {
    Http2Call* h = call(session, id);
    if (!h) return NGHTTP2_ERR_DEFERRED;  // given up: a reset is on its way
    size_t n = std::min(h->available(), room);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (h->call.body_ended && n == h->available()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (n == 0) {
      h->stalled = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(n);
  }

  static int send_data(nghttp2_session* session, nghttp2_frame* frame, const uint8_t* frame_head, size_t n, nghttp2_data_source*, void* user) {
    constexpr size_t kFrameHead = 9;  // RFC 9113 §4.1
    Http2Session& s = of(user);
    Http2Call* h = call(session, frame->hd.stream_id);
    if (!h) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    s.put(reinterpret_cast<const char*>(frame_head), kFrameHead);
    while (n) {
      if (s.out_used_ == Client::Impl::kFrames) s.write_out();
      size_t part = std::min(n, Client::Impl::kFrames - s.out_used_);
      h->take(s.client_.frames() + s.out_used_, part);
      s.out_used_ += part, n -= part;
    }
    if (h->call.wants_writable && h->out.size() == 0) s.note(*h);
    return 0;
  }

  static int error(nghttp2_session*, int, const char* text, size_t n, void* user) {
    constexpr size_t kEnough = 200;
    of(user).last_error_.assign(text, std::min(n, kEnough));
    return 0;
  }
};

namespace {

const nghttp2_session_callbacks* callbacks() {
  static const nghttp2_session_callbacks* const kCallbacks = [] {
    using C = Http2ClientCallbacks;
    nghttp2_session_callbacks* c = nullptr;
    if (nghttp2_session_callbacks_new(&c) != 0) std::abort();
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, C::begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, C::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, C::header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, C::frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, C::data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, C::stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, C::frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(c, C::send_data);
    nghttp2_session_callbacks_set_error_callback2(c, C::error);
    return c;
  }();
  return kCallbacks;
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())), reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

// One line of a head that was written here: no folding, no bare line ends. False: there is none any more.
bool next_line(Slice& text, Slice* line) {
  size_t end = text.find("\r\n");
  if (end == text.npos || end == 0) return false;
  *line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return true;
}

bool names(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
    if (iequals(one, name)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

void Http2Session::make_session() {
  nghttp2_option* options = nullptr;
  if (nghttp2_option_new(&options) != 0) std::abort();
  const uint32_t head_bytes = client_.options.max_header_bytes;
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_max_send_header_block_length(options, 1 << 20);
  // The head itself is bounded by on_field; this bounds how many pieces it may come in.
  nghttp2_option_set_max_continuations(options, head_bytes / 16384 + 8);
  if (nghttp2_session_client_new2(&session_, callbacks(), this, options) != 0) std::abort();
  nghttp2_option_del(options);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0},  // of the peer's: pushes, again
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head_bytes},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

// The request as RFC 9113 §8.3.1 wants it. Fields that are about a connection stay here (§8.2.2).
int32_t Http2Session::submit(Http2Call& h) {
  ClientCall::State& c = h.call;
  Slice rest = c.request.head, line;
  if (!next_line(rest, &line)) return -1;
  const size_t target = line.find(' ') + 1, version = line.rfind(' ');
  const std::string_view path = line.substr(target, version - target);
  const Slice all = rest;
  std::string_view connection[8];
  size_t connections = 0, count = 4;
  for (; next_line(rest, &line); ++count)
    if (size_t colon = line.find(':'); connections < std::size(connection) && iequals(line.substr(0, colon), "connection"))
      connection[connections++] = line.substr(std::min(colon + 1, line.size()));
  auto* fields = c.arena.array<nghttp2_nv>(count);
  size_t n = 0;
  std::string_view authority = c.request.origin->authority;
  fields[n++] = field(":method", c.request.head.substr(0, target - 1));
  fields[n++] = field(":scheme", c.request.origin->tls ? "https" : "http");
  const size_t of_authority = n++;
  fields[n++] = field(":path", path.empty() ? "/" : path);
  for (rest = all; next_line(rest, &line);) {
    size_t colon = line.find(':');
    if (colon == line.npos) continue;
    std::string_view name = line.substr(0, colon), value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (iequals(name, "host")) {
      authority = value;
      continue;
    }
    if (iequals(name, "te") ? !iequals(value, "trailers") : is_hop_by_hop(name)) continue;
    if (std::any_of(connection, connection + connections, [&](std::string_view list) { return names(list, name); })) continue;
    char* low = static_cast<char*>(c.arena.alloc(name.size(), 1));
    std::transform(name.begin(), name.end(), low, lower);
    fields[n++] = field({low, name.size()}, value);
  }
  fields[of_authority] = field(":authority", authority);
  nghttp2_data_provider body{{0}, Http2ClientCallbacks::read_data};
  const bool has_body = h.available() > 0 || !c.body_ended;
  return nghttp2_submit_request(session_, nullptr, fields, n, has_body ? &body : nullptr, &h);
}

int Http2Session::on_field(Http2Call& h, std::string_view name, std::string_view value) {
  h.head_bytes += static_cast<uint32_t>(std::min<size_t>(name.size() + value.size() + 32, 1 << 24));
  if (h.head_bytes > client_.options.max_header_bytes || ++h.fields > ResponseCodec::kMaxFields) {
    if (h.fault == Errc::none) {
      h.fault = Errc::limit;
      h.why = h.fields > ResponseCodec::kMaxFields ? "too many header fields" : "response head too large";
    }
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  if (h.head_seen) return 0;  // trailers are dropped, as of HTTP/1.1
  if (name == ":status") {
    status_ = static_cast<int>(parse_decimal<uint16_t>(value).value_or(0));
    return 0;
  }
  fields_.push_back({static_cast<uint32_t>(head_text_.size()), static_cast<uint32_t>(name.size()), static_cast<uint32_t>(value.size())});
  head_text_.append(name).append(value);
  return 0;
}

void Http2Session::on_head(Http2Call& h, bool end) {
  ClientCall::State& c = h.call;
  h.started = true;
  if (!h.head_seen) {
    if (status_ < 200) {
      // Interim responses are not for the caller (RFC 9110 §15.2); a stream of them would keep a call alive for ever.
      if (status_ == 100) h.continue_due = true, note(h);
      if (status_ == 101 || status_ < 100 || ++h.interim > ResponseCodec::kMaxInterim) {
        h.fault = Errc::protocol;
        h.why = status_ == 101 ? "unexpected 101 Switching Protocols" : status_ < 100 ? "invalid status code" : "too many 1xx responses";
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, h.id, NGHTTP2_PROTOCOL_ERROR);
      }
      return;
    }
    h.head_seen = h.head_due = true;
    if (c.timer_for == ClientCall::State::Timer::head) {
      c.timer.disarm();
      c.timer_for = ClientCall::State::Timer::none;
    }
    // One region holds all names and values.
    std::string_view text = c.arena.copy(head_text_);
    h.head.status = status_;
    h.head.headers.bind(c.arena);
    h.head.headers.reserve(static_cast<uint32_t>(fields_.size()) + 1);
    for (const Field& f : fields_) h.head.headers.add(text.substr(f.at, f.name), f.value ? text.substr(f.at + f.name, f.value) : Slice{"", 0});
    if (constexpr size_t kMuch = 64 * 1024; head_text_.capacity() > kMuch) std::string{}.swap(head_text_), std::vector<Field>{}.swap(fields_);
    h.head.no_body = c.request.head_method || status_ == 204 || status_ == 304;
    if (const Header* length = h.head.headers.find("content-length"))
      h.head.content_length = parse_decimal<int64_t>(length->value).value_or(-1);
    else if (end && !h.head.no_body)
      h.head.content_length = 0;
  }
  h.ended = h.ended || end;
  note(h);
}

void Http2Session::on_data(Http2Call& h, const char* bytes, size_t n) {
  h.received += n;
  if (h.call.paused || h.in.size() || h.now_count == Http2Call::kSlices)
    h.in.append(bytes, n);
  else
    h.now[h.now_count++] = {bytes, n};
  note(h);
}

// `h` is nobody's when the call has been given up.
void Http2Session::on_stream_close(Http2Call* h, uint32_t code) {
  if (open_) --open_;
  room_ = true;
  if (!h) return;
  h->closed = true, h->code = code;
  note(*h);
}

}  // namespace sluice::http

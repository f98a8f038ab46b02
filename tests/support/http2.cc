#include "tests/support/http2.h"

#include <nghttp2/nghttp2.h>

namespace sluice::test {

uint32_t Frame::number(size_t at) const {
  uint32_t n = 0;
  for (size_t i = at; i < at + 4 && i < payload.size(); ++i) n = n << 8 | static_cast<uint8_t>(payload[i]);
  return n;
}

Http2Client::Http2Client(std::unique_ptr<Wire> wire, bool with_preface) : wire_(std::move(wire)) {
  nghttp2_hd_inflate_new(&inflater_);
  if (with_preface) send(preface() + frame(Frame::settings, 0, 0));
}

Http2Client::~Http2Client() { nghttp2_hd_inflate_del(inflater_); }

std::string Http2Client::preface() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; }

std::string Http2Client::number(uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
}

std::string Http2Client::frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out = number(static_cast<uint32_t>(payload.size())).substr(1);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out + number(stream) + std::string(payload);
}

std::string Http2Client::fields(const Fields& fields) {
  std::string out;
  auto text = [&](const std::string& s) {  // RFC 7541 §5.1, §5.2
    size_t n = s.size();
    if (n < 127) {
      out += static_cast<char>(n);
    } else {
      out += '\x7f';
      for (n -= 127; n >= 128; n /= 128) out += static_cast<char>(n % 128 + 128);
      out += static_cast<char>(n);
    }
    out += s;
  };
  for (const auto& [name, value] : fields) {
    out += '\0';
    text(name);
    text(value);
  }
  return out;
}

Http2Client::Fields Http2Client::request(const std::string& method, const std::string& path, const Fields& more) {
  Fields all{{":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "gateway.test"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

uint32_t Http2Client::ask(const Fields& of, bool end) {
  uint32_t stream = next_stream_;
  next_stream_ += 2;
  send(frame(Frame::headers, static_cast<uint8_t>(kEndHeaders | (end ? kEndStream : 0)), stream, fields(of)));
  return stream;
}

Frame Http2Client::next() {
  auto need = [&](size_t n) {
    while (buffer_.size() < n) {
      std::string more = wire_->read_some(kLimit);
      if (more.empty()) throw ConnectionLost("the gateway closed the connection");
      buffer_ += more;
    }
  };
  need(9);
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(buffer_[i])); };
  size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
  need(9 + size);
  Frame f;
  f.type = static_cast<uint8_t>(buffer_[3]), f.flags = static_cast<uint8_t>(buffer_[4]);
  f.stream = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff;
  f.payload = buffer_.substr(9, size);
  buffer_.erase(0, 9 + size);
  decode(f);
  return f;
}

void Http2Client::decode(const Frame& f) {
  if (f.type == Frame::settings && !(f.flags & kAck)) send(frame(Frame::settings, kAck, 0));
  if (f.stream == 0) return;
  Answer& a = answers_[f.stream];
  if (f.type == Frame::data) a.body += f.payload;
  if (f.type == Frame::reset) a.reset = f.number();
  if (f.type == Frame::headers) {
    if (!(f.flags & kEndHeaders)) throw Failure("a head in several frames");
    auto* at = reinterpret_cast<const uint8_t*>(f.payload.data());
    size_t left = f.payload.size();
    Headers headers;
    int status = 0;
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
      if (used < 0) throw Failure("a head that cannot be decompressed");
      at += used, left -= static_cast<size_t>(used);
      if (flags & NGHTTP2_HD_INFLATE_EMIT) {
        std::string name(reinterpret_cast<char*>(field.name), field.namelen), value(reinterpret_cast<char*>(field.value), field.valuelen);
        if (name == ":status") status = std::stoi(value);
        else
          headers.add(name, value);
      }
      if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    if (status >= 200) a.status = status, a.headers = headers;
    else
      a.headers.add("interim", std::to_string(status));
  }
  if (f.end_stream()) a.complete = true;
}

const Http2Client::Answer& Http2Client::finish(uint32_t stream) {
  Answer& a = answers_[stream];
  while (!a.complete && !a.reset) {
    Frame f = next();
    if (f.type != Frame::data || f.payload.empty()) continue;
    std::string room = number(static_cast<uint32_t>(f.payload.size()));
    send(frame(Frame::window, 0, 0, room) + (f.end_stream() ? "" : frame(Frame::window, 0, f.stream, room)));
  }
  return a;
}

Frame Http2Client::until(uint8_t type) {
  for (;;)
    if (Frame f = next(); f.type == type) return f;
}

bool Http2Client::closed() {
  try {
    for (;;) next();
  } catch (const ConnectionLost&) {
    return true;
  }
}

}  // namespace sluice::test

// The server's HTTP/2 on arbitrary frames, without a socket. The first byte seeds how the bytes are split and what the handler
// does; the preface is put in front. Whatever comes: frames that leave are whole and of a legal size, every request is released
// once, and nothing is left when the connection has ended.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/http/http2_connection.h"

namespace {

using namespace sluice;
using namespace sluice::http;

void require(bool ok) {
  if (!ok) std::abort();
}

uint32_t g_seed;
uint32_t dice() { return g_seed = g_seed * 1664525 + 1013904223, g_seed >> 24; }

class FakeWire final : public Wire {
 public:
  void read(bool) override {}
  bool write(uv_buf_t* bufs, unsigned count, Life) override {
    require(!closed);
    for (unsigned i = 0; i < count; ++i) out.append(bufs[i].base, bufs[i].len);
    if (full) waiting = kFull;
    check();
    return true;
  }
  size_t queued() const override { return waiting; }
  void shutdown() override { require(out.empty()); }
  void close(bool) override { closed = true; }
  bool secure() const override { return false; }
  void set_sink(WireSink& s) override { sink = &s; }

  // Drops the whole frames at the front.
  void check() {
    auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(out[i])); };
    while (out.size() >= 9) {
      size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
      require(size <= 16384 && byte(3) <= 9);
      if (out.size() < 9 + size) return;
      out.erase(0, 9 + size);
    }
  }
  static constexpr size_t kFull = 1 << 20;
  WireSink* sink = nullptr;
  std::string out;
  size_t waiting = 0;
  bool full = false, closed = false;
};

class Owner final : public StreamOwner {
 public:
  Owner(Stream& s, uint32_t how) : stream{&s}, how_{how} { s.set_owner(this); }
  void begin() {
    const RequestHead& head = stream->head();
    require(is_token(head.method) && !head.target.empty());
    for (const Header& h : head.headers) require(is_token(h.name) && is_field_value(h.value));
    if (how_ % 4 == 0) return answer();
    if (how_ % 4 == 1) return stream->read_body();
    if (how_ % 4 == 2) start();
  }
  void on_body(Slices slices, bool last) noexcept override {
    require(stream && !ended_);
    size_t n = total_size(slices);
    ended_ = last;
    if (how_ & 8) stream->pause_body();
    if (started_) {
      stream->write(slices, Life::callback);
    } else if (last || n > 4096) {
      how_ & 16 ? start() : answer();
    }
    if (stream && last && started_) finish();
    if (stream && (how_ & 8)) stream->resume_body();
  }
  void on_body_error(const Error&) noexcept override { answer(); }
  void on_drain() noexcept override { finish(); }
  void on_gone() noexcept override {
    require(stream);
    end();
  }
  void later() {  // who has done nothing so far
    if (!stream) return;
    if (how_ & 32) return end();
    started_ ? finish() : answer();
  }
  Stream* stream;

 private:
  ResponseHead head() {
    ResponseHead h;
    h.headers.bind(stream->arena());
    h.status = how_ & 64 ? 204 : 200;
    h.headers.add("X-Name", "value");
    h.headers.add("Connection", "close");
    return h;
  }
  void answer() {
    if (stream->started()) return finish();
    Slice body[] = {stream->arena().copy(std::string(how_ * 37, 'b')), "end"};
    stream->respond(head(), body, how_ & 16 ? Life::callback : Life::exchange);
    end();
  }
  void start() {
    started_ = true;
    ResponseHead h = head();
    if (how_ & 128) h.content_length = 5000;
    Slice first = "first";
    stream->start(h, {&first, 1}, Life::callback);
    std::string more(how_ * 301, 'm');
    Slice piece = more;
    if (stream->write({&piece, 1}, Life::callback) && (how_ & 16)) finish();
  }
  void finish() {
    if (!stream) return;
    stream->finish();
    end();
  }
  void end() { std::exchange(stream, nullptr)->release(); }
  uint32_t how_;
  bool started_ = false, ended_ = false;
};

class Application final : public Handler {
 public:
  void on_request(Stream& s) noexcept override {
    owners.push_back(std::make_unique<Owner>(s, dice()));
    owners.back()->begin();
  }
  std::vector<std::unique_ptr<Owner>> owners;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  g_seed = bytes[0] * 2654435761u | 1;
  static constexpr std::string_view kPreface{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 33};
  std::string input{kPreface};
  input.append(reinterpret_cast<const char*>(bytes) + 1, size - 1);

  loop::Loop loop;
  Application application;
  ServerOptions options;
  options.max_header_bytes = 4096;
  options.max_headers = 32;
  ServerCore core{loop, application, options};
  auto owned = std::make_unique<FakeWire>();
  FakeWire& wire = *owned;
  Http2Connection::open(core, std::move(owned), "192.0.2.1");
  auto turn = [&] { uv_run(loop.uv(), UV_RUN_NOWAIT); };
  size_t at = 0;
  while (at < input.size() && !wire.closed) {
    size_t n = (bytes[0] & 1) ? input.size() - at : std::min<size_t>(input.size() - at, 1 + dice() % 64);
    std::vector<char> piece(input.begin() + static_cast<std::ptrdiff_t>(at), input.begin() + static_cast<std::ptrdiff_t>(at + n));
    at += n;
    wire.full = dice() % 8 == 0;
    wire.sink->on_bytes(piece.data(), piece.size());
    if (dice() % 4 == 0) turn();
    if (wire.waiting && !wire.closed && dice() % 2) wire.waiting = 0, wire.sink->on_flushed();
    if (dice() % 16 == 0)
      for (size_t i = 0; i < application.owners.size(); ++i) application.owners[i]->later();
  }
  if (dice() % 4 == 0) core.for_each([](ServerPeer& p) { p.drain(); });
  turn();
  if (!wire.closed) wire.waiting = 0, wire.sink->on_flushed();
  for (size_t i = 0; i < application.owners.size(); ++i) application.owners[i]->later();
  turn();
  if (!wire.closed) wire.sink->on_end(true);
  require(wire.closed && core.connections() == 1);
  wire.sink->on_closed();  // the last reference to the wire
  turn();
  require(core.connections() == 0);
  for (const auto& o : application.owners) require(o->stream == nullptr);
  core.recycle();
  core.close();
  loop.stop();
  loop.run();
  return 0;
}

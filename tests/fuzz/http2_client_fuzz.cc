// The client's HTTP/2 on arbitrary frames of a backend, without a socket. The first byte seeds how the bytes are split and what
// the calls do. Whatever comes: frames that leave are whole and of a legal size, each call hears of one end, and nothing is said
// to it afterwards.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/http/client_h2.h"

namespace {

using namespace sluice;
using namespace sluice::http;

void require(bool ok) {
  if (!ok) std::abort();
}

uint32_t g_seed;
uint32_t dice() { return g_seed = g_seed * 1664525 + 1013904223, g_seed >> 24; }

class FakeCarrier final : public Http2Carrier {
 public:
  bool write_frames(Slice bytes) override {
    require(!over);
    out += bytes;
    if (full) waiting = 1 << 20;
    check();
    return dice() != 0;
  }
  size_t frames_waiting() override { return waiting; }
  bool looks_alive() override { return true; }
  void session_busy() override { require(!over); }
  void session_idle() override { require(!over); }
  void session_over() override {
    if (!std::exchange(over, true)) session->on_closing(false);
  }
  // Drops the whole frames at the front, and the client's preface before them.
  void check() {
    constexpr size_t kPreface = 24;
    if (!greeted && out.size() >= kPreface) {
      require(out.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
      out.erase(0, kPreface);
      greeted = true;
    }
    auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(out[i])); };
    while (greeted && out.size() >= 9) {
      size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
      require(size <= 16384 && byte(3) <= 9);
      if (out.size() < 9 + size) return;
      out.erase(0, 9 + size);
    }
  }
  std::unique_ptr<Http2Session> session;
  std::string out;
  size_t waiting = 0;
  bool full = false, over = false, greeted = false;
};

// A call of the shape that `how` says, attached without a pool's help.
struct Caller final : CallSink {
  Caller(Client::Impl& impl, Pool& pool, const Origin& origin, uint32_t how) : how{how}, arena{impl.loop.blocks()}, state{impl, arena, *this} {
    static constexpr Slice kHead = "POST /p HTTP/1.1\r\nHost: h\r\nX-Name: v\r\n\r\n";
    static constexpr Slice kBody[] = {"some ", "body"};
    state.started = true;
    state.request.origin = &origin;
    state.request.head = kHead;
    state.request.streaming = how & 1;
    state.request.head_method = how & 2;
    if (how & 4) state.request.body = kBody;
    state.body_ended = !state.request.streaming;
    state.insert_before(impl.calls);
    state.pool = &pool;
    ++pool.users;
    state.h2 = std::make_unique<Http2Call>(state);
    state.h2->moves = Http2Session::kMaxMoves;  // there is no other connection
    state.retried = true;
  }
  void on_response(const ResponseHead* head, Slices body, bool last) noexcept override {
    require(!over && (head != nullptr) == !seen);
    if (head) {
      seen = true;
      for (const Header& h : head->headers) require(!h.name.empty() && is_field_value(h.value));
      if (head->content_length >= 0 && !head->no_body) left = head->content_length;
    }
    for (Slice s : body) sum += static_cast<uint8_t>(s.empty() ? 0 : s.back());
    if (left >= 0) left -= static_cast<int64_t>(total_size(body)), require(left >= 0);
    over = last;
    if (last && left >= 0) require(left == 0);
    if (how & 8) pause();
    if (how & 16) end();
  }
  void on_error(const Error& e) noexcept override {
    require(!over && e.code != Errc::none);
    over = true;
  }
  void on_writable() noexcept override {
    require(!over);
    send();
  }
  void on_continue() noexcept override { require(!over && !seen); }
  void pause() {
    if (!over) state.paused = true;
  }
  void later() {
    if (over || !state.h2 || !state.h2->session) return;
    switch (dice() % 4) {
      case 0: send(); break;
      case 1:
        if (std::exchange(state.paused, false)) state.h2->session->resume(*state.h2);
        break;
      case 2: pause(); break;
      default:
        if (how & 32) end();
    }
  }
  void send() {
    if (over || state.body_ended || !state.h2 || !state.h2->session) return;
    std::string piece(1 + dice() * 300, 'u');
    Slice s = piece;
    state.h2->session->send_body(*state.h2, {&s, 1}, dice() % 8 == 0);
  }
  void end() {
    over = true;
    state.client.settle(state);
  }
  uint32_t how, sum = 0;
  Arena arena;
  ClientCall::State state;
  int64_t left = -1;
  bool seen = false, over = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  g_seed = bytes[0] * 2654435761u | 1;
  loop::Loop loop;
  {
    ClientOptions options;
    options.max_header_bytes = 4096;
    Client::Impl impl{loop, options, 1};
    Pool pool;
    Origin origin;
    origin.authority = "h";
    FakeCarrier carrier;
    carrier.session = std::make_unique<Http2Session>(impl, pool, carrier);
    std::vector<std::unique_ptr<Caller>> calls;
    auto turn = [&] { uv_run(loop.uv(), UV_RUN_NOWAIT); };
    auto begin = [&] {
      if (carrier.over || !carrier.session->has_room()) return;
      calls.push_back(std::make_unique<Caller>(impl, pool, origin, dice()));
      carrier.session->attach(calls.back()->state);
    };
    for (uint32_t i = 0; i < 4; ++i) begin();
    turn();
    size_t at = 1;
    while (at < size && !carrier.over) {
      size_t n = (bytes[0] & 1) ? size - at : std::min<size_t>(size - at, 1 + dice() % 64);
      std::vector<char> piece(bytes + at, bytes + at + n);
      at += n;
      carrier.full = dice() % 8 == 0;
      carrier.session->on_bytes(piece.data(), piece.size());
      if (dice() % 4 == 0) turn();
      if (dice() % 8 == 0) begin();
      if (carrier.waiting && !carrier.over && dice() % 2) carrier.waiting = 0, carrier.session->on_flushed(0);
      if (dice() % 4 == 0)
        for (size_t i = 0; i < calls.size(); ++i) calls[i]->later();
    }
    turn();
    if (!carrier.over) carrier.waiting = 0, carrier.session->on_flushed(0);
    for (size_t i = 0; i < calls.size(); ++i) calls[i]->later();
    turn();
    if (!carrier.over) carrier.session->on_end(UV_EOF);
    require(carrier.over);
    for (auto& c : calls) require(c->over);
    calls.clear();
    require(pool.users == 0 && pool.session_count == 0 && pool.waiting_count == 0);
    carrier.session.reset();
  }
  loop.stop();
  loop.run();
  return 0;
}

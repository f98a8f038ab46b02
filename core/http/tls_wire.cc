#include "core/http/tls_wire.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>

namespace sluice::http {
namespace {

constexpr uint64_t kFarewellMs = 500;  // for who is told why it failed

// Somebody who speaks plain HTTP would take an alert for noise: the reference answers in words. A TLS record begins with a
// byte below 32 (RFC 8446 §5.1).
bool is_plain_http(std::string_view s) {
  constexpr std::string_view kMethods[] = {"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH"};
  return std::any_of(std::begin(kMethods), std::end(kMethods), [&](std::string_view m) { return s.starts_with(m); });
}

}  // namespace

TlsWire::TlsWire(loop::Loop& loop, WireSink& sink, std::shared_ptr<TlsServerContext> context)
    : loop_{loop}, sink_{&sink}, context_{std::move(context)}, tcp_{loop, *this} {
  limit_.on_expire([](loop::Deadline& d) noexcept { d.owner<TlsWire>().fail(); }, this);
}

bool TlsWire::open(int fd) {
  tls_ = TlsStream::server(context_->native());
  if (!tls_) {
    ::close(fd);
    return false;
  }
  loop_.deadlines().arm(limit_, kHandshakeMs);
  return tcp_.open(fd);
}

void TlsWire::on_bytes(const char* p, size_t n) noexcept {
  if (failed_ || closed_ || ended_) return;
  if (std::exchange(first_, false) && is_plain_http({p, n})) return refuse_plain();
  tls_->feed(p, n);
  if (!tls_->established() && !go_on()) return;
  while (!closed_) {
    // The ciphertext has been copied: its block is free again, unless somebody took a share of what came before.
    char* to = loop_.read_block()->bytes;
    TlsStream::Read got = tls_->read(to, loop::ReadBlock::kSize);
    if (got.size) sink_->on_bytes(to, got.size);
    if (closed_) return;
    // Tickets, key updates and alerts answer what was read.
    if (!send_output() || got.end == TlsStream::Read::End::failed) return fail();
    if (got.end == TlsStream::Read::End::closed) {
      ended_ = true;
      sink_->on_end(true);
      return;
    }
    if (got.size < loop::ReadBlock::kSize) return;
  }
}

bool TlsWire::go_on() {
  TlsStream::Step step = tls_->handshake();
  bool sent = send_output();
  if (step == TlsStream::Step::done && sent) {
    limit_.disarm();
    http2_ = tls_->protocol() == "h2";
    sink_->on_secured();
    return !closed_;
  }
  if (step == TlsStream::Step::failed) {
    // The alert needs a moment: closing with unread input behind it would destroy it.
    failed_ = true;
    if (!sent) {
      fail();
      return false;
    }
    tcp_.shutdown();
    loop_.deadlines().arm(limit_, kFarewellMs);
  } else if (!sent) {
    fail();
  }
  return false;
}

void TlsWire::refuse_plain() {
  static constexpr std::string_view kAnswer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
  failed_ = true;
  uv_buf_t buf = uv_buf_init(const_cast<char*>(kAnswer.data()), kAnswer.size());
  if (!tcp_.write(&buf, 1, Life::exchange)) return fail();
  tcp_.shutdown();
  loop_.deadlines().arm(limit_, kFarewellMs);
}

bool TlsWire::send_output() {
  std::string_view bytes = tls_->output();
  if (bytes.empty()) return true;
  if (shut_) {  // what answers input now has no way out any more
    tls_->sent();
    return true;
  }
  uv_buf_t buf = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  bool ok = tcp_.write(&buf, 1, Life::callback);
  tls_->sent();
  return ok;
}

void TlsWire::fail() {
  if (closed_ || std::exchange(ended_, true)) return;
  failed_ = true;
  limit_.disarm();
  sink_->on_end(false);
}

bool TlsWire::write(uv_buf_t* bufs, unsigned count, Life) {
  if (closed_) return true;
  if (failed_ || !tls_->established()) return false;
  constexpr unsigned kBatch = 64;
  Slice slices[kBatch];
  while (count) {
    unsigned n = std::min(count, kBatch);
    for (unsigned i = 0; i < n; ++i) slices[i] = {bufs[i].base, bufs[i].len};
    if (!tls_->write({slices, n})) return false;
    bufs += n, count -= n;
  }
  return send_output();
}

void TlsWire::shutdown() {
  if (closed_ || shut_) return;
  if (!failed_) {
    tls_->shutdown();
    send_output();
  }
  shut_ = true;
  tcp_.shutdown();
}

void TlsWire::close(bool reset) {
  if (std::exchange(closed_, true)) return;
  limit_.disarm();
  // Who reads until the end must be able to tell the end from a cut (RFC 8446 §6.1): no notice in front of a reset.
  if (!reset && !failed_ && !shut_ && tls_ && tls_->established() && tcp_.queued() == 0) {
    tls_->shutdown();
    send_output();
  }
  tcp_.close(reset);
}

void TlsWire::on_end(bool clean) noexcept {
  if (closed_) return;
  limit_.disarm();
  ended_ = true;
  sink_->on_end(clean && tls_->established());
}

void TlsWire::on_flushed() noexcept {
  if (tls_->established()) sink_->on_flushed();
}

void TlsWire::on_closed() noexcept { sink_->on_closed(); }

}  // namespace sluice::http

// The connection's part in HTTP/2: it becomes a session's when both sides agree on it, and carries its frames.
#include "core/http/client_h2.h"

namespace sluice::http {

void ClientConnection::negotiated() {
  ClientCall::State& c = *call_;
  const Http2Mode mode = c.request.origin->http2;
  if (mode == Http2Mode::never) [[likely]] return attach(c);
  if (tls_->protocol() == "h2") return begin_http2(c);
  if (mode == Http2Mode::always) return client_->fail_later(c, Client::Impl::error(c, Errc::protocol, "the backend does not agree to HTTP/2 (ALPN)", true));
  Pool& pool = *pool_;
  client_->dial_answered(c, Pool::Spoken::http1);
  c.h2.reset();
  attach(c);
  client_->serve_waiting(pool);
}

void ClientConnection::begin_http2(ClientCall::State& c) {
  Pool& pool = *pool_;
  client_->dial_answered(c, Pool::Spoken::http2);
  if (!c.h2) c.h2 = std::make_unique<Http2Call>(c);
  detach();
  c.connection = nullptr;  // without TLS it was never the connection's own call
  h2_ = std::make_unique<Http2Session>(*client_, pool, *this);
  start_reading();
  h2_->attach(c);
  client_->serve_waiting(pool);
}

bool ClientConnection::write_frames(Slice bytes) {
  if (closing_) return false;
  if (tls_) return tls_->write({&bytes, 1}) && flush_tls() && !write_failed_;
  ssize_t n = try_write({&bytes, 1});
  if (n < 0) return false;
  if (static_cast<size_t>(n) < bytes.size()) queue({&bytes, 1}, static_cast<size_t>(n), false);
  return !write_failed_;
}

size_t ClientConnection::frames_waiting() { return queued(); }

void ClientConnection::session_busy() {
  client_->leave_idle(*this);
  if (!std::exchange(h2_busy_, true)) ++client_->stats.active;
}

void ClientConnection::session_idle() {
  if (std::exchange(h2_busy_, false)) --client_->stats.active;
  client_->put_idle(*this);
}

void ClientConnection::session_over() { close(); }

}  // namespace sluice::http

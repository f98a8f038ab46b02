#include "core/http/server_core.h"

#include <algorithm>
#include <csignal>
#include <mutex>

#include "core/http/server_connection.h"

namespace sluice::http {

ServerCore::ServerCore(loop::Loop& l, Handler& h, const ServerOptions& o) : loop{l}, handler{&h} {
  // libuv writes with write(2): a client that left must not end the process.
  static std::once_flag once;
  std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
  set_options(o);
  uv_prepare_init(loop.uv(), &prepare_);
  prepare_.data = this;
  uv_prepare_start(&prepare_, turn);
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
}

void ServerCore::set_options(const ServerOptions& o) {
  options = o;
  limits.head_bytes = std::min<size_t>(size_t{o.max_header_bytes} + 4096, size_t{1} << 30);
  limits.fields = std::min<uint32_t>(o.max_headers, 1 << 20);
  header_timeout_ms = o.read_header_timeout_ms ? o.read_header_timeout_ms : o.read_timeout_ms;
  idle_timeout_ms = o.idle_timeout_ms ? o.idle_timeout_ms : header_timeout_ms;
  if (!o.idle_timeout_ms && o.read_timeout_ms) idle_timeout_ms = o.read_timeout_ms;
}

ServerCore::~ServerCore() = default;

void ServerCore::close() {
  if (std::exchange(closed_, true)) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
}

void ServerCore::add(ServerPeer& c) {
  c.previous_ = nullptr;
  c.next_ = all_;
  if (all_) all_->previous_ = &c;
  all_ = &c;
  ++count_;
}

void ServerCore::remove(ServerPeer& c) {
  (c.previous_ ? c.previous_->next_ : all_) = c.next_;
  if (c.next_) c.next_->previous_ = c.previous_;
  --count_;
  check_empty();
}

void ServerCore::for_each(void (*f)(ServerPeer&)) {
  for (ServerPeer* c = all_; c;) f(*std::exchange(c, c->next_));
}

void ServerCore::on_empty(std::function<void()> fn) {
  empty_ = std::move(fn);
  check_empty();
}

void ServerCore::check_empty() {
  if (count_ == 0 && empty_) loop.post(std::exchange(empty_, nullptr));
}

Http1Stream* ServerCore::acquire(Connection& c) {
  Http1Stream* s = streams_.acquire(loop.blocks());
  s->attach(c);
  return s;
}

Http2Stream* ServerCore::acquire(Http2Connection& c, int32_t id) {
  Http2Stream* s = http2_streams_.acquire(loop.blocks());
  s->attach(c, id);
  return s;
}

void ServerCore::defer(ServerPeer& c) {
  if (std::exchange(c.deferred_, true)) return;
  c.next_deferred_ = deferred_;
  deferred_ = &c;
}

void ServerCore::undefer(ServerPeer& c) {
  if (!c.deferred_) return;
  ServerPeer** at = &deferred_;
  while (*at && *at != &c) at = &(*at)->next_deferred_;
  if (*at) *at = c.next_deferred_;
  c.deferred_ = false;
}

// Runs before every wait, so that deferred work needs no wake-up of its own, nor waits for a pause.
void ServerCore::turn(uv_prepare_t* handle) {
  auto* self = static_cast<ServerCore*>(handle->data);
  self->recycle();
  while (ServerPeer* c = self->deferred_) {
    self->deferred_ = c->next_deferred_;
    c->deferred_ = false;
    c->run_deferred();
    self->recycle();
  }
  self->loop.gathering().before_waiting();
}

}  // namespace sluice::http

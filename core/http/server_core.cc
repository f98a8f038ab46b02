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

ServerCore::~ServerCore() {
  for (Http1Stream** list : {&free_, &retired_})
    while (*list) delete std::exchange(*list, (*list)->next_);
}

void ServerCore::close() {
  if (std::exchange(closed_, true)) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
}

void ServerCore::add(Connection& c) {
  c.previous_ = nullptr;
  c.next_ = all_;
  if (all_) all_->previous_ = &c;
  all_ = &c;
  ++count_;
}

void ServerCore::remove(Connection& c) {
  (c.previous_ ? c.previous_->next_ : all_) = c.next_;
  if (c.next_) c.next_->previous_ = c.previous_;
  --count_;
  check_empty();
}

void ServerCore::for_each(void (*f)(Connection&)) {
  for (Connection* c = all_; c;) f(*std::exchange(c, c->next_));
}

void ServerCore::on_empty(std::function<void()> fn) {
  empty_ = std::move(fn);
  check_empty();
}

void ServerCore::check_empty() {
  if (count_ == 0 && empty_) loop.post(std::exchange(empty_, nullptr));
}

Http1Stream* ServerCore::acquire(Connection& c) {
  Http1Stream* s = free_;
  if (s)
    free_ = s->next_, --free_count_;
  else
    s = new Http1Stream{loop.blocks()};
  s->attach(c);
  return s;
}

void ServerCore::retire(Http1Stream* s) {
  s->next_ = retired_;
  retired_ = s;
}

void ServerCore::recycle() {
  while (retired_) {
    Http1Stream* s = std::exchange(retired_, retired_->next_);
    s->arena_.release();  // its blocks serve every stream of the worker
    if (ResponseKeeper* keeper = std::exchange(s->keeper_, nullptr)) keeper->on_response_over();
    if (free_count_ >= 1024) {
      delete s;
      continue;
    }
    s->next_ = free_;
    free_ = s;
    ++free_count_;
  }
}

void ServerCore::defer(Connection& c) {
  if (std::exchange(c.deferred_, true)) return;
  c.next_deferred_ = deferred_;
  deferred_ = &c;
}

void ServerCore::undefer(Connection& c) {
  if (!c.deferred_) return;
  Connection** at = &deferred_;
  while (*at && *at != &c) at = &(*at)->next_deferred_;
  if (*at) *at = c.next_deferred_;
  c.deferred_ = false;
}

// Runs before every wait, so that deferred work needs no wake-up of its own.
void ServerCore::turn(uv_prepare_t* handle) {
  auto* self = static_cast<ServerCore*>(handle->data);
  self->recycle();
  while (Connection* c = self->deferred_) {
    self->deferred_ = c->next_deferred_;
    c->deferred_ = false;
    c->run_deferred();
    self->recycle();
  }
}

}  // namespace sluice::http

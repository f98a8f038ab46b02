// Calls, pools and the client's public face.
#include "core/http/client.h"

#include <signal.h>

#include <algorithm>
#include <mutex>

#include "core/http/client_h2.h"

namespace sluice::http {

// ---- pools

Client::Impl::Impl(loop::Loop& l, const ClientOptions& o, uint32_t workers)
    : loop{l}, resolver{l, ResolverOptions{.servers = o.dns_servers}} {
  set_options(o, workers);
}

Client::Impl::~Impl() {
  resolver.close();
  for (ClientConnection* c = all; c;) {  // their close callbacks have not run yet: these free them
    ClientConnection* next = c->all_next_;
    c->close();
    c->client_ = nullptr, c->all_prev_ = c->all_next_ = nullptr;
    c = next;
  }
  while (spare) delete std::exchange(spare, spare->all_next_);
}

void Client::Impl::set_options(const ClientOptions& o, uint32_t workers) {
  options = o;
  workers = std::max(1u, workers);
  max_idle = o.max_idle ? (o.max_idle + workers - 1) / workers : 0;
  max_idle_per_origin = o.max_idle_per_origin ? (o.max_idle_per_origin + workers - 1) / workers : 0;
}

Pool& Client::Impl::pool_of(const Origin& origin) {
  Slot& slot = slots[origin.serial % kSlots];
  if (slot.serial == origin.serial && slot.pool && origin.serial) [[likely]]
    return *slot.pool;
  Pool& pool = find_pool(origin);
  if (origin.serial) slot = {origin.serial, &pool};
  return pool;
}

Pool& Client::Impl::find_pool(const Origin& origin) {
  auto at = pools.find(origin.key);
  if (at != pools.end()) return *at->second;
  if (pools.size() >= kManyPools && (pools.size() & (pools.size() - 1)) == 0) {
    // Origins come and go with service discovery and reloads: forget those that nobody uses.
    std::erase_if(pools, [](auto& p) { return p.second->users == 0; });
    for (Slot& s : slots) s = {};
  }
  return *pools.emplace(origin.key, std::make_unique<Pool>()).first->second;
}

ClientConnection* Client::Impl::take_idle(Pool& pool, bool check) {
  while (ClientConnection* c = pool.newest) {
    leave_idle(*c);
    if (!check || c->looks_alive()) return c;
    c->close();
  }
  return nullptr;
}

void Client::Impl::put_idle(ClientConnection& c) {
  Pool& pool = *c.pool_;
  if (closed || !options.keep_alive || (max_idle_per_origin && pool.idle >= max_idle_per_origin)) {
    c.close();
    return;
  }
  if (max_idle && stats.idle >= max_idle && lru_oldest) lru_oldest->close();
  c.idle_ = true;
  c.pool_prev_ = nullptr, c.pool_next_ = pool.newest;
  if (pool.newest) pool.newest->pool_prev_ = &c;
  pool.newest = &c;
  c.lru_prev_ = nullptr, c.lru_next_ = lru_newest;
  (lru_newest ? lru_newest->lru_prev_ : lru_oldest) = &c;
  lru_newest = &c;
  ++pool.idle, ++stats.idle;
  if (options.idle_timeout_ms) loop.deadlines().arm(c.deadline_, options.idle_timeout_ms);
}

void Client::Impl::leave_idle(ClientConnection& c) {
  if (!c.idle_) return;
  c.idle_ = false;
  c.deadline_.disarm();
  Pool& pool = *c.pool_;
  (c.pool_prev_ ? c.pool_prev_->pool_next_ : pool.newest) = c.pool_next_;
  if (c.pool_next_) c.pool_next_->pool_prev_ = c.pool_prev_;
  (c.lru_prev_ ? c.lru_prev_->lru_next_ : lru_newest) = c.lru_next_;
  (c.lru_next_ ? c.lru_next_->lru_prev_ : lru_oldest) = c.lru_prev_;
  c.pool_prev_ = c.pool_next_ = c.lru_prev_ = c.lru_next_ = nullptr;
  --pool.idle, --stats.idle;
}

ClientConnection* Client::Impl::make_connection() {
  ClientConnection* c = spare;
  if (c) {
    spare = c->all_next_;
    --spare_count;
  } else {
    c = new ClientConnection{*this};
  }
  c->all_prev_ = nullptr, c->all_next_ = all;
  if (all) all->all_prev_ = c;
  all = c;
  return c;
}

void Client::Impl::recycle(ClientConnection* c) {
  (c->all_prev_ ? c->all_prev_->all_next_ : all) = c->all_next_;
  if (c->all_next_) c->all_next_->all_prev_ = c->all_prev_;
  if (spare_count >= kSpare) {
    delete c;
    return;
  }
  c->all_prev_ = nullptr, c->all_next_ = spare;
  spare = c;
  ++spare_count;
}

// ---- calls

ClientCall::State::State(Client::Impl& c, Arena& a, CallSink& s) : client{c}, arena{a}, sink{&s} {
  timer.call = this;
  timer.on_expire(Client::Impl::on_timer);
}

ClientCall::State::~State() { client.settle(*this); }

void Client::Impl::start(ClientCall::State& c) {
  c.insert_before(calls);
  c.pool = &pool_of(*c.request.origin);
  ++c.pool->users;
  if (closed) return fail_later(c, error(c, Errc::cancelled, "the client is closed", true));
  if (c.request.origin->http2 != Http2Mode::never) [[unlikely]] return start_http2(c);
  // What cannot be repeated after a write is not given to a connection that the kernel knows to be dead.
  bool check = !c.request.idempotent || c.request.streaming;
  if (ClientConnection* idle = take_idle(*c.pool, check)) {
    c.reused = true;
    if (c.request.times) [[unlikely]] c.request.times->reused = true;
    ++stats.reused;
    return idle->attach(c);
  }
  dial(c);
}

void Client::Impl::dial(ClientCall::State& c) {
  c.dial = std::make_unique<Dial>(c);
  c.dial->start();
}

void Client::Impl::settle(ClientCall::State& c) {
  c.done = true;
  c.unlink();
  c.timer.disarm();
  c.timer_for = ClientCall::State::Timer::none;
  c.dial.reset();
  if (c.connection) std::exchange(c.connection, nullptr)->drop();
  if (c.h2) [[unlikely]] leave_http2(c);
  if (c.pool) --std::exchange(c.pool, nullptr)->users;
}

void Client::Impl::fail(ClientCall::State& c, const Error& e) {
  Error copy = e;  // may be the call's own
  CallSink* sink = c.sink;
  if (c.h2) [[unlikely]] dial_failed(c, copy);
  settle(c);
  sink->on_error(copy);
}

void Client::Impl::fail_later(ClientCall::State& c, const Error& e) {
  c.error = e;
  c.dial.reset();
  if (c.connection) std::exchange(c.connection, nullptr)->drop();
  if (c.h2) [[unlikely]] dial_failed(c, c.error);
  c.timer_for = ClientCall::State::Timer::error;
  loop.deadlines().arm(c.timer, 0);
}

Error Client::Impl::error(ClientCall::State& c, Errc code, std::string_view what, bool nothing_sent) {
  Error e;
  e.code = code;
  e.source = code == Errc::cancelled ? Source::internal : Source::backend;
  e.nothing_sent = nothing_sent;
  e.message = c.arena.concat(c.url_prefix(), c.request.origin->authority, ": ", what);
  return e;
}

void Client::Impl::on_timer(loop::Deadline& d) noexcept {
  ClientCall::State& c = *static_cast<CallDeadline&>(d).call;
  using Timer = ClientCall::State::Timer;
  switch (std::exchange(c.timer_for, Timer::none)) {
    case Timer::none: return;
    case Timer::error: return c.client.fail(c, c.error);
    case Timer::tls: return c.client.fail(c, error(c, Errc::timeout, "timeout in the TLS handshake", true));
    case Timer::head: return c.client.fail(c, error(c, Errc::timeout, "timeout awaiting response headers", false));
  }
}

ClientCall::ClientCall(Client& client, Arena& arena, CallSink& sink)
    : state_{new (arena.alloc(sizeof(State), alignof(State))) State{*client.impl_, arena, sink}} {}

ClientCall::~ClientCall() { state_->~State(); }

void ClientCall::start(const Request& r) {
  State& c = *state_;
  if (c.started) return;
  c.started = true;
  c.request = r;
  // The arrays of views are copied: they are often locals of the caller, and a repeated request needs them again.
  auto kept = [&c](Slices from) -> Slices {
    Slice* copy = c.arena.array<Slice>(from.size());
    std::copy(from.begin(), from.end(), copy);
    return {copy, from.size()};
  };
  c.request.bytes = kept(r.bytes);
  if (r.origin->http2 != Http2Mode::never) [[unlikely]] c.request.body = kept(r.body);
  if (r.origin->proxy && !r.origin->tls) [[unlikely]] c.request.bytes = for_proxy(c.arena, c.request.bytes, *r.origin);
  c.body_ended = !r.streaming;
  c.client.start(c);
}

bool ClientCall::send_body(Slices body, bool last) {
  State& c = *state_;
  if (c.done || c.body_ended || c.timer_for == State::Timer::error) return true;
  if (c.h2 && c.h2->session) [[unlikely]] return c.h2->session->send_body(*c.h2, body, last);
  if (c.connection && !c.connection->handshaking()) return c.connection->send_body(body, last);
  for (Slice s : body) c.early += s;
  c.body_ended = last;
  c.wants_writable = true;
  return false;
}

void ClientCall::pause() {
  State& c = *state_;
  if (std::exchange(c.paused, true) || !c.connection || c.connection->handshaking()) return;
  c.connection->pause();
}

void ClientCall::resume() {
  State& c = *state_;
  if (!std::exchange(c.paused, false)) return;
  if (c.h2 && c.h2->session) [[unlikely]] return c.h2->session->resume(*c.h2);
  if (!c.connection || c.connection->handshaking()) return;
  c.connection->resume();
}

void ClientCall::read_into(char* buffer, size_t size) {
  if (state_->done) return;
  state_->into = buffer, state_->into_room = size;
}

bool ClientCall::reused() const { return state_->reused; }
bool ClientCall::unanswered() const { return state_->unanswered; }

// ---- Client

Client::Client(loop::Loop& loop, const ClientOptions& options, uint32_t workers)
    : impl_{std::make_unique<Impl>(loop, options, workers)} {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction now;
    if (sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
  });
}

Client::~Client() = default;
Resolver& Client::resolver() { return impl_->resolver; }
loop::Loop& Client::loop() { return impl_->loop; }
ClientStats Client::stats() const { return impl_->stats; }
void Client::count_retry() { ++impl_->stats.retried; }
void Client::set_options(const ClientOptions& options, uint32_t workers) { impl_->set_options(options, workers); }

void Client::close() {
  Impl& self = *impl_;
  if (self.closed) return;
  self.closed = true;
  while (self.lru_newest) self.lru_newest->close();
  // Only those that run now: a sink may start another, which fails by itself.
  CallLink running;
  while (self.calls.next != &self.calls) {
    CallLink* c = self.calls.next;
    c->unlink();
    c->insert_before(running);
  }
  while (running.next != &running) {
    auto& c = *static_cast<ClientCall::State*>(running.next);
    self.fail(c, Impl::error(c, Errc::cancelled, "the client is closing", false));
  }
  self.close_http2();
  self.resolver.close();
}

}  // namespace sluice::http

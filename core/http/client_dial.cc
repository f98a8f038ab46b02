// From an origin to a connected socket: name resolution, then the addresses one after the other, the next one already
// when the one before is slow (RFC 8305 §5). TLS and the request follow in client_connection.cc.
#include <algorithm>

#include "core/http/client_internal.h"

namespace sluice::http {

Dial::Dial(ClientCall::State& c) : call{c} {
  fallback.dial = timeout.dial = this;
  fallback.on_expire([](loop::Deadline& d) noexcept { static_cast<Timer&>(d).dial->next(); });
  timeout.on_expire([](loop::Deadline& d) noexcept {
    Dial& self = *static_cast<Timer&>(d).dial;
    self.give_up(Errc::timeout, self.connecting ? "timeout connecting" : "timeout resolving the name");
  });
}

Dial::~Dial() {
  for (ClientConnection* c : running)
    if (c) {
      c->dial_ = nullptr;
      c->close();
    }
}

void Dial::start() {
  if (uint64_t ms = call.client.options.dial_timeout_ms) call.client.loop.deadlines().arm(timeout, ms);
  Addresses now;
  const Origin& to = *call.request.origin;
  if (call.client.resolver.resolve(to.proxy ? to.proxy->host : to.host, *this, now)) on_resolved(now);
}

void Dial::on_resolved(const Addresses& found) noexcept {
  const Origin& to = *call.request.origin;
  if (!found.error.empty() || found.list.empty())
    return give_up(Errc::resolve, call.arena.concat("lookup ", to.proxy ? "of the proxy " : "", to.proxy ? to.proxy->host : to.host, ": ", found.error));
  for (const Address& a : found.list) {
    if (count == kMaxAddresses) break;
    addresses[count] = a;
    addresses[count++].set_port(to.proxy ? to.proxy->port : to.port);
  }
  connecting = true;
  next();
}

void Dial::next() {
  while (tried < count) {
    uint32_t i = tried++;
    ClientConnection* c = call.client.make_connection();
    int error = c->connect(addresses[i], *call.pool, *this);
    if (error) {
      last_error = error;
      c->close();
      continue;
    }
    running[i] = c;
    ++running_count;
    int64_t delay = call.client.options.fallback_delay_ms;
    if (tried < count && delay >= 0) call.client.loop.deadlines().arm(fallback, static_cast<uint64_t>(delay));
    return;
  }
  if (running_count == 0) give_up(Errc::refused, call.arena.concat("connect: ", uv_strerror(last_error)));
}

void Dial::connected(ClientConnection& c) {
  for (ClientConnection*& r : running)
    if (r == &c) r = nullptr;
  ClientCall::State& state = call;
  c.dial_ = nullptr;
  state.dial.reset();  // this; closes the slower attempts
  state.connection = &c;
  c.ready_for(state);
}

void Dial::failed(ClientConnection& c, int status) {
  for (ClientConnection*& r : running)
    if (r == &c) {
      r = nullptr;
      --running_count;
    }
  c.dial_ = nullptr;
  c.close();
  last_error = status;
  fallback.disarm();
  next();
}

void Dial::give_up(Errc code, std::string_view what) {
  ClientCall::State& state = call;
  state.client.fail_later(state, Client::Impl::error(state, code, what, true));
}

}  // namespace sluice::http

// Which connection a call goes to, where HTTP/2 may be spoken: one that has a free stream, one that is being dialled already, or
// a new one. Calls that find none wait in the order of their coming.
#include <utility>

#include "core/http/client_h2.h"

namespace sluice::http {

char* Client::Impl::frames() {
  if (!frames_) frames_ = std::make_unique<char[]>(kFrames);
  return frames_.get();
}

void Client::Impl::close_http2() {
  for (ClientConnection* c = all; c; c = c->all_next_)
    if (c->h2_) c->close();
}

// What cannot be repeated after a write is not given to a connection that the kernel knows to be dead.
Http2Session* Client::Impl::session_for(ClientCall::State& c) {
  const bool check = !c.request.idempotent || c.request.streaming;
  for (Http2Session *s = c.pool->sessions, *next; s; s = next) {
    next = s->next_;
    if (!s->has_room()) continue;
    if (!check || !s->idle() || s->looks_alive()) return s;
    s->carrier_.session_over();
  }
  return nullptr;
}

void Client::Impl::start_http2(ClientCall::State& c) {
  Pool& pool = *c.pool;
  if (!c.h2) c.h2 = std::make_unique<Http2Call>(c);
  if (pool.waiting.alone())
    if (Http2Session* s = session_for(c)) return s->attach(c);
  if (pool.spoken == Pool::Spoken::http1) {
    if (ClientConnection* idle = take_idle(pool, !c.request.idempotent || c.request.streaming)) {
      if (idle->h2_) {
        idle->close();  // it takes no calls, or it would have been found
      } else {
        c.h2.reset();
        c.reused = true;
        ++stats.reused;
        return idle->attach(c);
      }
    }
    return dial_http2(c);  // perhaps the backend chooses otherwise this time
  }
  // A connection that is dialled now will carry others, too. Which of the two protocols it will be the first call has to find out.
  const bool coming = pool.waiting_count < pool.dialing * pool.streams;
  if (!options.keep_alive || (!coming && pool.session_count + pool.dialing < kMaxSessions)) return dial_http2(c);
  if (pool.waiting_count >= kMaxWaitingCalls) return fail_later(c, error(c, Errc::limit, "too many calls wait for an HTTP/2 stream", true));
  c.h2->waiting = true;
  c.h2->insert_before(pool.waiting);
  ++pool.waiting_count;
}

void Client::Impl::dial_http2(ClientCall::State& c) {
  c.h2->dialing = true;
  ++c.pool->dialing;
  dial(c);
}

void Client::Impl::serve_waiting(Pool& pool) {
  while (!pool.waiting.alone() && !closed) {
    Http2Call& h = static_cast<Http2Call&>(*pool.waiting.next);
    Http2Session* s = pool.spoken == Pool::Spoken::http1 ? nullptr : session_for(h.call);
    const bool dials = pool.waiting_count > pool.dialing * pool.streams && pool.session_count + pool.dialing < kMaxSessions;
    if (!s && !dials && pool.spoken != Pool::Spoken::http1) return;
    h.unlink();
    h.waiting = false;
    --pool.waiting_count;
    if (s)
      s->attach(h.call);
    else if (pool.spoken == Pool::Spoken::http1)
      start_http2(h.call);
    else
      dial_http2(h.call);
  }
}

void Client::Impl::dial_answered(ClientCall::State& c, Pool::Spoken spoken) {
  c.pool->spoken = spoken;
  if (c.h2 && std::exchange(c.h2->dialing, false)) --c.pool->dialing;
}

// Who has waited for this connection shares its failure, unless there is another one to wait for.
void Client::Impl::dial_failed(ClientCall::State& c, const Error& e) {
  if (!std::exchange(c.h2->dialing, false)) return;
  Pool& pool = *c.pool;
  if (--pool.dialing || pool.session_count) return;
  while (!pool.waiting.alone()) {
    Http2Call& h = static_cast<Http2Call&>(*pool.waiting.next);
    h.unlink();
    h.waiting = false;
    --pool.waiting_count;
    Error same = e;
    same.message = h.call.arena.copy(e.message);
    fail_later(h.call, same);
  }
}

void Client::Impl::leave_http2(ClientCall::State& c) {
  std::unique_ptr<Http2Call> h = std::move(c.h2);
  Pool& pool = *c.pool;
  if (h->session) return h->session->leave(*h);
  if (h->waiting) --pool.waiting_count;
  if (!h->dialing) return;
  --pool.dialing;  // given up: somebody else has to do it
  h.reset();
  serve_waiting(pool);
}

}  // namespace sluice::http

// The services as the checked plugin sees them.
#include <cstring>

#include "core/app/check/spy_book.h"
#include "core/plugin/services.h"

namespace sluice::app::check::spy {
namespace {

const slc_loop_api* loop_service = nullptr;  // the gateway's own, as the following
const slc_next_api* next_service = nullptr;
const slc_stream_api* stream_service = nullptr;
const slc_store_api* store_service = nullptr;
const slc_shared_api* shared_service = nullptr;
const void* (*find)(const slc_host*, const char*) noexcept = nullptr;

// ---- sluice.loop/1 ----

slc_token suspend(slc_exchange* x) noexcept {
  on_worker("suspend (sluice.loop/1)");
  if (!own(x, "suspend (sluice.loop/1)") || refused()) return 0;
  const slc_token token = loop_service->suspend(x);
  if (token) suspended(token, x);
  return token;
}

slc_status resume(slc_token token, slc_action action) noexcept {
  Book& k = book();
  std::string wrong;
  bool undeclared = false;
  {
    const std::lock_guard lock{k.mutex};
    const auto it = k.suspensions.find(token);
    if (it == k.suspensions.end()) {
      wrong = "resume() got the token " + std::to_string(token) + ", which no suspend() of the plugin gave";
    } else {
      Suspension& s = it->second;
      // After the end of the exchange a resume is late, which is nobody's fault: it does nothing.
      if (s.resumed && !s.over) wrong = name_of(s.bound, s.where) + " was resumed a second time: only the first counts";
      if (!s.resumed && !s.over) --k.counts.suspended_now, ++k.counts.resumed;
      s.resumed = true;
      undeclared = !on_loop && !on_pool && !(k.flags & SLC_STARTS_THREADS);
    }
  }
  if (!wrong.empty()) note(Rule::resume, wrong);
  if (undeclared)
    note(Rule::threads, "resume() came from a thread of the plugin's own, but its entry lacks SLC_STARTS_THREADS");
  return loop_service->resume(token, action);
}

void timer_fired(void* user, slc_exchange* x) noexcept {
  auto* op = static_cast<Operation*>(user);
  ended(op);
  Call call{op->bound, "a timer", Call::on_a_loop, op->object};
  op->timer(op->user, x ? op->shown : nullptr);
}
void reply_came(void* user, slc_exchange* x, const slc_reply* r) noexcept {
  auto* op = static_cast<Operation*>(user);
  ended(op);
  Call call{op->bound, "a callout", Call::on_a_loop, op->object};
  if (!refused()) return op->reply(op->user, x ? op->shown : nullptr, r);
  // An answer that never came, in place of the one that did.
  slc_reply none{};
  none.size = sizeof none;
  none.result = SLC_ETIMEOUT;
  none.error = {"refused by check-plugin", 23};
  op->reply(op->user, x ? op->shown : nullptr, &none);
}

slc_token timer(slc_worker* w, slc_exchange* owner, uint32_t ms, slc_timer_fn fn, void* user) noexcept {
  slc_exchange* const shown = owner;
  if (!own(owner, "timer (sluice.loop/1)") || refused()) return 0;
  Operation* op = begun(w, owner, shown, user);
  op->timer = fn;
  op->token = loop_service->timer(w, owner, ms, timer_fired, op);
  if (!op->token) ended(op);
  return op->token;
}
slc_token http(slc_worker* w, slc_exchange* owner, const slc_callout* c, slc_reply_fn fn, void* user) noexcept {
  slc_exchange* const shown = owner;
  if (!own(owner, "http (sluice.loop/1)") || refused()) return 0;
  Operation* op = begun(w, owner, shown, user);
  op->reply = fn;
  op->token = loop_service->http(w, owner, c, reply_came, op);
  if (!op->token) ended(op);
  return op->token;
}
slc_status cancel(slc_worker* w, slc_token token) noexcept {
  const slc_status s = loop_service->cancel(w, token);
  if (s != SLC_OK) return s;
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  std::erase_if(k.operations, [&](const auto& entry) { return entry.first->token == token && entry.first->worker == w; });
  return s;
}

struct Posted {
  void (*fn)(void*) noexcept;
  void* user;
  const Bound* bound;
  const Held* object;
};
slc_status post(slc_worker* w, void (*fn)(void*) noexcept, void* user) noexcept {
  if (refused()) return SLC_ENOMEM;
  auto* p = new Posted{fn, user, inside.bound, inside.object};
  const slc_status s = loop_service->post(
      w,
      [](void* at) noexcept {
        const Posted posted = *static_cast<Posted*>(at);
        delete static_cast<Posted*>(at);
        Call call{posted.bound, "a posted function", Call::on_a_loop, posted.object};
        posted.fn(posted.user);
      },
      p);
  if (s != SLC_OK) delete p;
  return s;
}

// Rung any number of times, until the object ends on its worker: it stays.
struct Bell {
  void (*fn)(void*) noexcept;
  void* user;
  const Bound* bound;
  const Held* object;
};
slc_token event(slc_worker* w, void (*fn)(void*) noexcept, void* user) noexcept {
  if (refused() || !fn) return 0;
  return loop_service->event(
      w,
      [](void* at) noexcept {
        const auto* bell = static_cast<Bell*>(at);
        Call call{bell->bound, "an event", Call::on_a_loop, bell->object};
        bell->fn(bell->user);
      },
      keep<Bell>(fn, user, inside.bound, inside.object));
}

uint32_t remaining_ms(slc_exchange* x) noexcept {
  on_worker("remaining_ms (sluice.loop/1)");
  return own(x, "remaining_ms (sluice.loop/1)") ? loop_service->remaining_ms(x) : 0;
}

// ---- sluice.stream/1 ----

// To a transport a refusal promises that on_room comes, which only the gateway can keep.
bool may_refuse_bytes() {
  return !inside.bound || !inside.bound->spec || std::string_view{inside.bound->spec->interface_id} != SLC_IFACE_TRANSPORT;
}
slc_status expect(slc_exchange* x, int32_t side, int64_t length) noexcept {
  return own(x, "expect (sluice.stream/1)") ? stream_service->expect(x, side, length) : slc_status{SLC_ESTALE};
}
slc_status emit(slc_exchange* x, int32_t side, slc_str bytes) noexcept {
  on_worker("emit (sluice.stream/1)");
  if (!own(x, "emit (sluice.stream/1)")) return SLC_ESTALE;
  if (may_refuse_bytes() && refused()) return SLC_ELIMIT;
  const slc_status s = stream_service->emit(x, side, bytes);
  if (s == SLC_EINVAL)
    note(Rule::stream, std::string{inside.hook ? inside.hook : "a callback"} + " of " + name_of(inside.bound, where_now()) +
                           " emitted bytes where they are refused: no body of that side is on its way, or it has no chunk hook for it");
  return s;
}
size_t room(slc_exchange* x, int32_t side) noexcept {
  on_worker("room (sluice.stream/1)");
  if (!own(x, "room (sluice.stream/1)")) return 0;
  return may_refuse_bytes() && refused() ? 0 : stream_service->room(x, side);
}
slc_status follow(slc_exchange* x, int64_t length) noexcept {
  on_worker("follow (sluice.stream/1)");
  return own(x, "follow (sluice.stream/1)") ? stream_service->follow(x, length) : slc_status{SLC_ESTALE};
}
slc_status finish(slc_exchange* x, slc_str why) noexcept {
  on_worker("finish (sluice.stream/1)");
  return own(x, "finish (sluice.stream/1)") ? stream_service->finish(x, why) : slc_status{SLC_ESTALE};
}
int64_t request_length(slc_exchange* x) noexcept {
  return own(x, "request_length (sluice.stream/1)") ? stream_service->request_length(x) : 0;
}
slc_token suspend_stream(slc_exchange* x, int32_t side) noexcept {
  on_worker("suspend (sluice.stream/1)");
  if (!own(x, "suspend (sluice.stream/1)") || refused()) return 0;
  const slc_token token = stream_service->suspend(x, side);
  if (token) suspended(token, x);
  return token;
}

// ---- sluice.store/1: what is refused here is what may happen any day, a value whose time is over or that had to make room ----

slc_status store_get(const slc_host* h, slc_str key, void* to, size_t cap, size_t* length) noexcept {
  return refused() ? slc_status{SLC_ENOTFOUND} : store_service->get(h, key, to, cap, length);
}
slc_status store_read(const slc_host* h, slc_exchange* x, slc_str key, slc_str* value) noexcept {
  on_worker("read (sluice.store/1)");
  if (!own(x, "read (sluice.store/1)")) return SLC_ESTALE;
  return refused() ? slc_status{SLC_ENOTFOUND} : store_service->read(h, x, key, value);
}
slc_status store_set(const slc_host* h, slc_str key, slc_str value, uint64_t ttl_ms) noexcept {
  return refused() ? slc_status{SLC_ELIMIT} : store_service->set(h, key, value, ttl_ms);
}
slc_status store_add(const slc_host* h, slc_str key, slc_str value, uint64_t ttl_ms) noexcept {
  return refused() ? slc_status{SLC_ELIMIT} : store_service->add(h, key, value, ttl_ms);
}
slc_status store_increment(const slc_host* h, slc_str key, int64_t by, uint64_t ttl_ms, int64_t* value) noexcept {
  return refused() ? slc_status{SLC_ELIMIT} : store_service->increment(h, key, by, ttl_ms, value);
}
slc_status store_erase(const slc_host* h, slc_str key) noexcept { return refused() ? slc_status{SLC_ENOTFOUND} : store_service->erase(h, key); }

// ---- sluice.shared/1: a block that another build made with another size, a bucket that is empty ----

void* shared_block(const slc_host* h, slc_str key, size_t size) noexcept { return refused() ? nullptr : shared_service->block(h, key, size); }
slc_limiter* shared_limiter(const slc_host* h, slc_str key, double per_second, double capacity, uint64_t idle_ms) noexcept {
  return refused() ? nullptr : shared_service->limiter(h, key, per_second, capacity, idle_ms);
}
int32_t shared_take(slc_limiter* limiter, slc_str client) noexcept { return refused() ? 0 : shared_service->take(limiter, client); }

// ---- sluice.next/1 ----

struct Attempt {
  slc_exchange* shown;  // the outer one
  slc_next_fn fn;
  void* user;
  const Bound* bound;
  const Held* object;
};
slc_token call_next(slc_exchange* outer, slc_next_fn fn, void* user) noexcept {
  slc_exchange* const shown = outer;
  if (!own(outer, "call (sluice.next/1)") || refused()) return 0;
  // In the exchange's memory: a cancelled attempt never calls back.
  void* room = real_exchange().alloc(outer, sizeof(Attempt), alignof(Attempt));
  if (!room) return 0;
  begun(nullptr, outer, shown, nullptr);  // while attempts run the outer exchange is not without hope
  return next_service->call(
      outer,
      [](void* at, slc_exchange*, slc_exchange* attempt) noexcept {
        const auto* a = static_cast<Attempt*>(at);
        Call call{a->bound, "an attempt's callback", Call::on_a_loop, a->object};
        a->fn(a->user, a->shown, lend(attempt, a->object));
      },
      new (room) Attempt{shown, fn, user, inside.bound, inside.object});
}
slc_status cancel_next(slc_exchange* outer, slc_token attempt) noexcept {
  return own(outer, "cancel (sluice.next/1)") ? next_service->cancel(outer, attempt) : slc_status{SLC_ESTALE};
}
slc_status use(slc_exchange* outer, slc_exchange* attempt) noexcept {
  return own(outer, "use (sluice.next/1)") && own(attempt, "use (sluice.next/1)") ? next_service->use(outer, attempt) : slc_status{SLC_ESTALE};
}

template <class T>
const void* copy(T& own, const T*& real, const void* table) {
  real = static_cast<const T*>(table);
  std::memcpy(&own, real, sizeof own);
  return &own;
}

const void* service(const slc_host* host, const char* id) noexcept {
  const void* real = find(host, id);
  if (!real) return nullptr;
  const std::string_view name = id;
  static std::mutex mutex;
  const std::lock_guard lock{mutex};
  if (name == SLC_SVC_EXCHANGE) return exchange_table(real);
  if (name == SLC_SVC_LOG) return log_table(real);
  if (name == SLC_SVC_DOCUMENT) return document_table(real);
  if (name == SLC_SVC_LOOP) {
    static slc_loop_api own;
    if (loop_service) return &own;
    copy(own, loop_service, real);
    own.suspend = suspend, own.resume = resume, own.timer = timer, own.http = http, own.cancel = cancel, own.post = post, own.event = event;
    own.remaining_ms = remaining_ms;
    return &own;
  }
  if (name == SLC_SVC_NEXT) {
    static slc_next_api own;
    if (next_service) return &own;
    copy(own, next_service, real);
    own.call = call_next, own.cancel = cancel_next, own.use = use;
    return &own;
  }
  if (name == SLC_SVC_STREAM) {
    static slc_stream_api own;
    if (stream_service) return &own;
    copy(own, stream_service, real);
    own.expect = expect, own.request_length = request_length, own.emit = emit, own.room = room, own.suspend = suspend_stream, own.follow = follow,
    own.finish = finish;
    return &own;
  }
  if (name == SLC_SVC_STORE) {
    static slc_store_api own;
    if (store_service) return &own;
    copy(own, store_service, real);
    own.get = store_get, own.read = store_read, own.set = store_set, own.add = store_add;
    own.increment = store_increment, own.erase = store_erase;
    return &own;
  }
  if (name == SLC_SVC_SHARED) {
    static slc_shared_api own;
    if (shared_service) return &own;
    copy(own, shared_service, real);
    own.block = shared_block, own.limiter = shared_limiter, own.take = shared_take;
    return &own;
  }
  const void* own = background_table(name, real);
  return own ? own : real;
}

}  // namespace

void on_worker(const char* what) {
  if (on_loop || faults()) return;
  const std::string name = std::strchr(what, '/') ? std::string{what} : std::string{"sluice.exchange/1 "} + what;
  note(Rule::thread, name + " was called on a thread that is no event loop: an exchange belongs to its worker");
}

const slc_exchange_api& real_exchange() { return plugin::kExchangeService; }

void bug(const slc_host* host) {
  if (host->service == service) return;
  find = host->service;
  // The handle is this plugin's alone, and only the plugin asks it.
  const_cast<slc_host*>(host)->service = service;
  (void)service(host, SLC_SVC_EXCHANGE);  // the spy itself needs it
}

}  // namespace sluice::app::check::spy

// sluice.loop/1: suspension, timers, callouts, posting. Calls from a thread that is not the worker's are refused.
#include "core/plugin/services.h"
#include "core/plugin/token_table.h"

namespace sluice::plugin {
namespace {

slc_token suspend(slc_exchange* x) noexcept { return SLC_ON_THREAD_OF(*x->worker, "suspend (sluice.loop/1)") ? x->worker->tokens->suspend(*x) : 0; }

slc_status resume(slc_token token, slc_action action) noexcept { return TokenTable::resume(token, action); }

// The worker that an operation runs on: the owner's, which must be the one named.
TokenTable* table_of(slc_worker* w, slc_exchange* owner, const char* function, const void* caller) {
  if (owner && w && owner->worker != w) return nullptr;
  if (!w) w = owner ? owner->worker : nullptr;
  return w && on_thread_of(*w, function, caller) ? w->tokens.get() : nullptr;
}

slc_token timer(slc_worker* w, slc_exchange* owner, uint32_t ms, slc_timer_fn fn, void* user) noexcept {
  TokenTable* t = table_of(w, owner, "timer (sluice.loop/1)", __builtin_return_address(0));
  return t && fn ? t->start_timer(owner, ms, fn, user) : 0;
}

bool sane_callout(const slc_callout& c) {
  if (c.size < offsetof(slc_callout, max_body) + sizeof c.max_body) return false;
  if (c.size >= offsetof(slc_callout, flags) + sizeof c.flags && c.flags != 0) return false;  // asks for what is not known here
  if (!sane(c.method) || !sane(c.url) || !sane(c.body) || c.url.len > 64 * 1024 || c.header_count > 256) return false;
  if (c.header_count && !c.headers) return false;
  for (uint32_t i = 0; i < 2 * c.header_count; ++i)
    if (!sane(c.headers[i])) return false;
  return true;
}

slc_token http(slc_worker* w, slc_exchange* owner, const slc_callout* c, slc_reply_fn fn, void* user) noexcept {
  TokenTable* t = table_of(w, owner, "http (sluice.loop/1)", __builtin_return_address(0));
  return t && c && fn && sane_callout(*c) ? t->start_callout(owner, *c, fn, user) : 0;
}

slc_status cancel(slc_worker* w, slc_token token) noexcept {
  if (!w) return SLC_EINVAL;
  return SLC_ON_THREAD_OF(*w, "cancel (sluice.loop/1)") ? w->tokens->cancel(token) : SLC_ETHREAD;
}

slc_status post(slc_worker* w, void (*fn)(void*) noexcept, void* user) noexcept {
  if (!w || !fn) return SLC_EINVAL;
  // By then the object that asked may be gone. Its plugin is not, and its account is kept. A thread of the plugin's own has
  // neither.
  const Place* module = current_place ? current_place->module : nullptr;
  std::shared_ptr<cost::Account> account;
  if (current_place && current_place->account) account = current_place->account->weak_from_this().lock();
  const bool taken = w->loop.post([fn, user, module, account = std::move(account)] {
    PlaceScope scope{module, HookKind::post, nullptr, account.get()};
    fn(user);
  });
  return taken ? SLC_OK : SLC_ESTALE;
}

slc_token event(slc_worker* w, void (*fn)(void*) noexcept, void* user) noexcept {
  return w && fn && SLC_ON_THREAD_OF(*w, "event (sluice.loop/1)") ? w->tokens->start_event(fn, user) : 0;
}
slc_status signal(slc_token token) noexcept { return TokenTable::signal(token); }

uint32_t remaining(slc_exchange* x) noexcept { return SLC_ON_THREAD_OF(*x->worker, "remaining_ms (sluice.loop/1)") ? remaining_ms(*x) : 0; }

uint64_t now_ms(slc_worker* w) noexcept { return SLC_CHECK_THREAD_OF(*w, "now_ms (sluice.loop/1)") ? w->loop.now_ms() : 0; }
uint32_t worker_index(slc_worker* w) noexcept { return w->index; }
uint32_t worker_count(slc_worker* w) noexcept { return w->count; }

}  // namespace

const slc_loop_api kLoopService = {sizeof(slc_loop_api), suspend, resume, timer,        http,
                                   cancel,               post,    now_ms, worker_index, worker_count,
                                   event,                signal,  remaining};

}  // namespace sluice::plugin

// sluice.work/1 and sluice.dns/1.
#include "core/plugin/background_dns.h"
#include "core/plugin/operations.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

// The table that an operation of the worker belongs to; nullptr: called from another thread, or for somebody else's exchange.
TokenTable* table_of(slc_worker* w, slc_exchange* owner, slc_status* why, const char* function, const void* caller) {
  *why = SLC_EINVAL;
  if (owner && w && owner->worker != w) return nullptr;
  if (!w) w = owner ? owner->worker : nullptr;
  if (!w) return nullptr;
  *why = SLC_ETHREAD;
  return on_thread_of(*w, function, caller) ? w->tokens.get() : nullptr;
}

slc_status submit(slc_worker* w, slc_exchange* owner, const slc_job* job, void* user, slc_token* token) noexcept {
  if (!job || !sane_job(*job) || !job->done) return SLC_EINVAL;
  slc_status why;
  TokenTable* t = table_of(w, owner, &why, "submit (sluice.work/1)", __builtin_return_address(0));
  return t ? t->start_job(owner, *job, user, token) : why;
}

slc_status later(const slc_host* host, uint64_t delay_ms, const slc_job* job, void* user, slc_token* token) noexcept {
  if (!host || !job || !sane_job(*job)) return SLC_EINVAL;
  auto work = std::make_shared<Work>();
  work->host = host;
  work->place = current_place;
  work->run = [run = job->run, user] { run(user); };
  work->ended = [done = job->done, drop = job->drop, user](bool cancelled) {
    if (cancelled ? drop != nullptr : done != nullptr) cancelled ? drop(user) : done(user, nullptr);
  };
  slc_token made = 0;
  if (slc_status status = WorkPool::get().hold(work, &made); status != SLC_OK) return status;
  if (token) *token = made;  // before it can run, and look for it
  WorkPool::get().release(work, delay_ms);
  return SLC_OK;
}

slc_status withdraw(const slc_host* host, slc_token token) noexcept {
  return host ? WorkPool::get().withdraw(host, token) : static_cast<slc_status>(SLC_EINVAL);
}

slc_status lookup(slc_worker* w, slc_exchange* owner, const slc_dns_query* q, slc_dns_fn fn, void* user, slc_token* token) noexcept {
  if (!q || !fn || !sane_query(*q)) return SLC_EINVAL;
  slc_status why;
  TokenTable* t = table_of(w, owner, &why, "lookup (sluice.dns/1)", __builtin_return_address(0));
  return t ? t->start_lookup(owner, *q, fn, user, token) : why;
}

slc_status lookup_background(const slc_host* host, const slc_dns_query* q, slc_dns_fn fn, void* user, slc_token* token) noexcept {
  if (!host || !q || !fn || !sane_query(*q)) return SLC_EINVAL;
  return background_dns::lookup(host, *q, fn, user, token);
}

}  // namespace

const slc_work_api kWorkService = {sizeof(slc_work_api), submit, later, withdraw};
const slc_dns_api kDnsService = {sizeof(slc_dns_api), lookup, lookup_background};

}  // namespace sluice::plugin

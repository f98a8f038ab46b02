// sluice.work/1 and sluice.dns/1 as the checked plugin sees them: what it starts there ends in a callback of its own, on a loop or on
// a thread of the gateway's pool.
#include <cstring>

#include "core/app/check/spy_book.h"

namespace sluice::app::check::spy {
namespace {

const slc_work_api* work_service = nullptr;
const slc_dns_api* dns_service = nullptr;

// ---- sluice.work/1 ----

// From the call to done or drop, of which exactly one comes.
struct Job {
  slc_job job;
  void* user;
  bool on_worker;  // its done
  Operation* op;
};

void run(void* at) noexcept {
  const auto* j = static_cast<Job*>(at);
  on_pool = true;
  Call call{j->op->bound, "a job", Call::elsewhere, j->op->object};
  j->job.run(j->user);
}
void done(void* at, slc_exchange* x) noexcept {
  auto* j = static_cast<Job*>(at);
  ended(j->op);
  if (!j->on_worker) on_pool = true;
  if (j->job.done) {
    Call call{j->op->bound, "a job's done", j->on_worker ? Call::on_a_loop : Call::elsewhere, j->op->object};
    j->job.done(j->user, x ? j->op->shown : nullptr);
  }
  delete j;
}
void drop(void* at) noexcept {
  auto* j = static_cast<Job*>(at);
  ended(j->op);
  if (j->job.drop) {
    Call call{j->op->bound, "a job's drop", Call::elsewhere, j->op->object};
    j->job.drop(j->user);
  }
  delete j;
}

// nullptr: it is the gateway's to refuse.
Job* wrapped(const slc_job* job, void* user, slc_exchange* owner, slc_exchange* shown, bool on_worker, slc_job* ours) {
  if (!job || job->size < sizeof(slc_job) || !job->run) return nullptr;
  auto* j = new Job{*job, user, on_worker, begun(nullptr, owner, shown, nullptr)};
  *ours = {sizeof(slc_job), job->flags, run, done, drop};
  return j;
}
slc_status answered(slc_status s, Job* j) {
  if (s == SLC_OK) return s;
  ended(j->op);
  delete j;
  return s;
}

slc_status submit(slc_worker* w, slc_exchange* owner, const slc_job* job, void* user, slc_token* token) noexcept {
  slc_exchange* const shown = owner;
  if (!own(owner, "submit (sluice.work/1)")) return SLC_ESTALE;
  if (refused()) return SLC_ELIMIT;  // the queue is full
  slc_job ours;
  Job* j = job && job->done ? wrapped(job, user, owner, shown, true, &ours) : nullptr;
  return j ? answered(work_service->submit(w, owner, &ours, j, token), j) : work_service->submit(w, owner, job, user, token);
}
slc_status later(const slc_host* host, uint64_t delay_ms, const slc_job* job, void* user, slc_token* token) noexcept {
  if (refused()) return SLC_ELIMIT;
  slc_job ours;
  Job* j = wrapped(job, user, nullptr, nullptr, false, &ours);
  return j ? answered(work_service->later(host, delay_ms, &ours, j, token), j) : work_service->later(host, delay_ms, job, user, token);
}

// ---- sluice.dns/1 ----

struct Lookup {
  slc_dns_fn fn;
  void* user;
  Operation* op;
};

void tell(Lookup* l, slc_exchange* x, const slc_dns_reply* r, Call::Where where) {
  ended(l->op);
  Call call{l->op->bound, "a lookup", where, l->op->object};
  slc_exchange* const shown = x ? l->op->shown : nullptr;
  if (!refused()) return l->fn(l->user, shown, r);
  // A name server that does not answer.
  slc_dns_reply none{};
  none.size = sizeof none;
  none.result = SLC_ETIMEOUT;
  none.error = {"refused by check-plugin", 23};
  l->fn(l->user, shown, &none);
}

slc_status lookup(slc_worker* w, slc_exchange* owner, const slc_dns_query* q, slc_dns_fn fn, void* user, slc_token* token) noexcept {
  slc_exchange* const shown = owner;
  if (!own(owner, "lookup (sluice.dns/1)")) return SLC_ESTALE;
  if (refused()) return SLC_ENOMEM;
  if (!fn) return dns_service->lookup(w, owner, q, fn, user, token);
  // It stays: a lookup that is cancelled never calls back.
  auto* l = keep<Lookup>(fn, user, begun(nullptr, owner, shown, nullptr));
  const slc_status s = dns_service->lookup(
      w, owner, q, [](void* at, slc_exchange* x, const slc_dns_reply* r) noexcept { tell(static_cast<Lookup*>(at), x, r, Call::on_a_loop); }, l, token);
  if (s != SLC_OK) ended(l->op);
  return s;
}
slc_status lookup_background(const slc_host* host, const slc_dns_query* q, slc_dns_fn fn, void* user, slc_token* token) noexcept {
  if (refused()) return SLC_ENOMEM;
  if (!fn) return dns_service->lookup_background(host, q, fn, user, token);
  auto* l = keep<Lookup>(fn, user, begun(nullptr, nullptr, nullptr, nullptr));
  const slc_status s = dns_service->lookup_background(
      host, q,
      [](void* at, slc_exchange* x, const slc_dns_reply* r) noexcept {
        on_pool = true;
        tell(static_cast<Lookup*>(at), x, r, Call::elsewhere);
      },
      l, token);
  if (s != SLC_OK) ended(l->op);
  return s;
}

}  // namespace

const void* background_table(std::string_view id, const void* real) {
  if (id == SLC_SVC_WORK) {
    static slc_work_api own;
    if (!work_service) {
      work_service = static_cast<const slc_work_api*>(real);
      std::memcpy(&own, real, sizeof own);
      own.submit = submit, own.later = later;
    }
    return &own;
  }
  if (id == SLC_SVC_DNS) {
    static slc_dns_api own;
    if (!dns_service) {
      dns_service = static_cast<const slc_dns_api*>(real);
      std::memcpy(&own, real, sizeof own);
      own.lookup = lookup, own.lookup_background = lookup_background;
    }
    return &own;
  }
  return nullptr;
}

}  // namespace sluice::app::check::spy

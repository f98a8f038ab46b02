#include "core/plugin/operations.h"

#include <algorithm>

namespace sluice::plugin {

bool sane_job(const slc_job& j) { return j.size >= offsetof(slc_job, drop) + sizeof j.drop && j.flags == 0 && j.run; }

bool sane_query(const slc_dns_query& q) {
  return q.size >= offsetof(slc_dns_query, flags) + sizeof q.flags && q.flags == 0 && q.name.ptr && q.name.len > 0 && q.name.len <= 255 &&
         (q.kind == SLC_DNS_ADDRESSES || q.kind == SLC_DNS_SERVICES);
}

// ---- jobs ----

Job::Job(slc_worker& w, const slc_job& job, void* user_) : shared_{std::make_shared<Shared>()} {
  shared_->job = slc_job{};
  shared_->job.run = job.run, shared_->job.done = job.done, shared_->job.drop = job.drop;
  shared_->user = user_;
  shared_->loop = &w.loop;
  shared_->owner = this;
}

slc_status Job::start() {
  work_ = std::make_shared<Work>();
  work_->place = place;
  work_->run = [s = shared_] { s->job.run(s->user); };
  work_->ended = [s = shared_](bool cancelled) {
    std::unique_lock lock{s->mutex};
    if (!s->owner || cancelled) {
      s->owner = nullptr;
      lock.unlock();
      s->drop();
      return;
    }
    s->finished = true;
    // Under the lock: the owner, and with it the loop, cannot go meanwhile.
    s->loop->post([s] {
      if (s->owner) s->owner->finish();
    });
  };
  WorkPool& pool = WorkPool::get();
  slc_status status = pool.hold(work_);
  if (status == SLC_OK) {
    pool.release(work_, 0);
  } else {
    work_ = nullptr;
    shared_->owner = nullptr;
  }
  return status;
}

Job::~Job() {
  if (!work_) return;
  bool finished = false;
  {
    std::lock_guard lock{shared_->mutex};
    if (!shared_->owner) return;  // the pool has dropped it
    shared_->owner = nullptr;
    finished = shared_->finished;
  }
  if (finished)
    shared_->drop();
  else
    WorkPool::get().cancel(work_);
}

void Job::finish() {
  TokenTable& t = *table;
  t.detach(*this);
  {
    std::lock_guard lock{shared_->mutex};
    shared_->owner = nullptr;
  }
  {
    PlaceScope scope{place};
    shared_->job.done(shared_->user, owner);
  }
  t.recycle(this);
}

// ---- lookups ----

Lookup::Lookup(slc_worker& w, slc_dns_fn fn) : worker_{w}, fn_{fn} {
  timeout_.lookup = now_.lookup = this;
  timeout_.on_expire([](loop::Deadline& d) noexcept {
    Lookup& self = *static_cast<Alarm&>(d).lookup;
    http::Addresses late;
    late.error = "no answer within the time-out";
    late.timed_out = true;
    self.tell(late);
  });
  now_.on_expire([](loop::Deadline& d) noexcept {
    Lookup& self = *static_cast<Alarm&>(d).lookup;
    http::Addresses known;
    if (self.worker_.client.resolver().resolve(self.name_, self.kind_ == SLC_DNS_SERVICES, self, known)) self.tell(known);
  });
}

void Lookup::start(const slc_dns_query& q) {
  name_ = view(q.name);
  kind_ = q.kind;
  worker_.loop.deadlines().arm(timeout_, q.timeout_ms ? q.timeout_ms : 2000);
  worker_.loop.deadlines().arm(now_, 1);  // the callback never comes from inside the call
}

void Lookup::on_resolved(const http::Addresses& a) noexcept { tell(a); }

void Lookup::tell(const http::Addresses& a) {
  forget();
  timeout_.disarm();
  now_.disarm();
  TokenTable& t = *table;
  t.detach(*this);
  {
    PlaceScope scope{place};
    DnsAnswer{a, kind_}.tell(fn_, user, owner);
  }
  t.recycle(this);
}

DnsAnswer::DnsAnswer(const http::Addresses& a, uint32_t kind) : ttl_ms_{a.ttl_ms}, error_{a.error} {
  if (kind == SLC_DNS_SERVICES) {
    for (const http::Service& s : a.services) {
      names_.push_back(s.target);
      records_.push_back({{nullptr, 0}, s.port, s.priority, s.weight, 0});
    }
  } else {
    for (const http::Address& address : a.list) {
      names_.push_back(http::to_text(address));
      records_.push_back({{nullptr, 0}, 0, 0, 0, 0});
    }
  }
  result_ = !records_.empty() ? SLC_OK : a.timed_out ? SLC_ETIMEOUT : a.no_such_name ? SLC_ENOTFOUND : SLC_EIO;
}

void DnsAnswer::tell(slc_dns_fn fn, void* user, slc_exchange* owner) const {
  std::vector<slc_dns_record> records = records_;
  for (size_t i = 0; i < records.size(); ++i) records[i].name = str(names_[i]);
  slc_dns_reply reply{};
  reply.size = sizeof reply;
  reply.result = result_;
  reply.records = records.data();
  reply.count = static_cast<uint32_t>(records.size());
  reply.ttl_ms = ttl_ms_;
  if (result_ != SLC_OK) reply.error = str(error_);
  fn(user, owner, &reply);
}

}  // namespace sluice::plugin

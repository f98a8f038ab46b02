// Part of sluice/testing.hpp: the fake store, background jobs, lookups and events. Nothing runs by itself: the test says when.
#ifndef SLUICE_DETAIL_TESTING_SERVICES_HPP
#define SLUICE_DETAIL_TESTING_SERVICES_HPP
#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "sluice/detail/testing_json.hpp"

namespace sluice::testing {

class FakeExchange;

class FakeServices {
 public:
  // ---- sluice.work/1: jobs wait until the test runs them, on its own thread ----
  size_t jobs() const {
    const std::lock_guard lock{mutex_};
    return jobs_.size();
  }
  // Runs what is due, in order of time, and what that starts; then calls done.
  inline void run_jobs();
  bool refuse_jobs = false;  // SLC_ELIMIT, as a full queue answers

  // ---- sluice.dns/1: lookups wait for the test's answer ----
  struct PendingLookup {
    slc_token token;
    FakeExchange* owner;  // nullptr: none, or of lookup_background
    std::string name;
    bool services;
    uint32_t timeout_ms;
    slc_dns_fn fn;
    void* user;
  };
  const std::vector<PendingLookup>& lookups() const { return lookups_; }
  struct Record {
    std::string name;
    uint16_t port = 0, priority = 0, weight = 0;
  };
  void answer_lookup(size_t i, const std::vector<Record>& records, uint32_t ttl_ms = 60000) { finish_lookup(i, SLC_OK, records, ttl_ms, {}); }
  void fail_lookup(size_t i, slc_status result, std::string_view why) { finish_lookup(i, result, {}, 1000, why); }

  // ---- sluice.store/1 ----
  std::map<std::string, std::string> stored() const {
    const std::lock_guard lock{mutex_};
    std::map<std::string, std::string> out;
    for (const auto& [k, v] : store_) out.emplace(k, v.bytes);
    return out;
  }
  uint64_t store_limit = uint64_t{64} << 20;

 protected:
  struct PendingJob {
    slc_token token;
    FakeExchange* owner;
    uint64_t due_ns;
    slc_job job;
    void* user;
  };
  struct Stored {
    std::string bytes;
    uint64_t expires_ns;  // 0: never
  };
  struct FakeEvent {
    void (*fn)(void*) noexcept;
    void* user;
    bool rung = false;
  };
  ~FakeServices() {
    while (!jobs_.empty()) drop_job(0);
  }
  void drop_job(size_t i) {
    const PendingJob j = jobs_[i];
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
    if (j.job.drop) j.job.drop(j.user);
  }
  slc_status add_job(FakeExchange* owner, uint64_t due_ns, const slc_job& job, void* user, slc_token* token) {
    const std::lock_guard lock{mutex_};
    if (refuse_jobs) return SLC_ELIMIT;
    jobs_.push_back({++last_token_, owner, due_ns, job, user});
    if (token) *token = last_token_;
    return SLC_OK;
  }
  slc_status add_lookup(FakeExchange* owner, const slc_dns_query& q, slc_dns_fn fn, void* user, slc_token* token) {
    if (q.name.len == 0) return SLC_EINVAL;
    lookups_.push_back({++last_token_, owner, std::string{JsonService::view(q.name)}, q.kind == SLC_DNS_SERVICES, q.timeout_ms, fn, user});
    if (token) *token = last_token_;
    return SLC_OK;
  }
  // True: it was a job, a lookup or an event of ours.
  bool cancel_token(slc_token token) {
    for (size_t i = 0; i < jobs_.size(); ++i) {
      if (jobs_[i].token == token) return drop_job(i), true;
    }
    const std::lock_guard lock{mutex_};
    return std::erase_if(lookups_, [&](const PendingLookup& l) { return l.token == token; }) + events_.erase(token) > 0;
  }
  void owner_ends(const FakeExchange* x) {
    for (size_t i = 0; i < jobs_.size();) {
      if (jobs_[i].owner == x) drop_job(i);
      else ++i;
    }
    std::erase_if(lookups_, [&](const PendingLookup& l) { return l.owner == x; });
  }
  void run_events() {
    std::vector<FakeEvent> ringing;
    {
      const std::lock_guard lock{mutex_};
      for (auto& [token, e] : events_) {
        if (std::exchange(e.rung, false)) ringing.push_back(e);
      }
    }
    for (const auto& e : ringing) e.fn(e.user);
  }
  inline void finish_lookup(size_t i, slc_status result, const std::vector<Record>& records, uint32_t ttl_ms, std::string_view why);

  template <class Host>
  struct Tables;  // of slc_work_api and its like, for the host class that derives from this

  mutable std::mutex mutex_;
  std::vector<PendingJob> jobs_;
  std::vector<PendingLookup> lookups_;
  std::map<std::string, Stored> store_;
  std::map<slc_token, FakeEvent> events_;
  slc_token last_token_ = slc_token{1} << 40;
};

template <class Host>
struct FakeServices::Tables {
  using H = const slc_host*;
  static Host& of(H h) { return *static_cast<Host*>(const_cast<slc_host*>(h)); }
  static std::string_view view(slc_str s) { return JsonService::view(s); }

  static Stored* find(Host& h, slc_str key) {
    const auto it = h.store_.find(std::string{view(key)});
    if (it == h.store_.end()) return nullptr;
    if (it->second.expires_ns == 0 || it->second.expires_ns > Host::now_ns()) return &it->second;
    h.store_.erase(it);
    return nullptr;
  }
  static slc_status put(H h, slc_str key, slc_str value, uint64_t ttl_ms, bool only_if_absent) {
    Host& host = of(h);
    const std::lock_guard lock{host.mutex_};
    if (key.len > 4096 || value.len > (1u << 20)) return SLC_ELIMIT;
    if (only_if_absent && find(host, key)) return SLC_EEXIST;
    host.store_[std::string{view(key)}] = {std::string{view(value)}, ttl_ms == 0 ? 0 : Host::now_ns() + ttl_ms * 1000000};
    return SLC_OK;
  }

  static const slc_store_api* store() {
    static const slc_store_api table{
        sizeof table,
        [](H h, slc_str key, void* to, size_t cap, size_t* n) noexcept -> slc_status {
          const std::lock_guard lock{of(h).mutex_};
          const Stored* s = find(of(h), key);
          if (!s) return SLC_ENOTFOUND;
          *n = s->bytes.size();
          if (s->bytes.size() > cap) return SLC_ELIMIT;
          if (!s->bytes.empty()) std::memcpy(to, s->bytes.data(), s->bytes.size());
          return SLC_OK;
        },
        [](H h, slc_exchange* x, slc_str key, slc_str* value) noexcept -> slc_status {
          const std::lock_guard lock{of(h).mutex_};
          const Stored* s = find(of(h), key);
          *value = s ? JsonService::str(Host::keep(x, s->bytes)) : slc_str{nullptr, 0};
          return s ? SLC_OK : SLC_ENOTFOUND;
        },
        [](H h, slc_str k, slc_str v, uint64_t ttl) noexcept { return put(h, k, v, ttl, false); },
        [](H h, slc_str k, slc_str v, uint64_t ttl) noexcept { return put(h, k, v, ttl, true); },
        [](H h, slc_str key, int64_t by, uint64_t ttl_ms, int64_t* sum) noexcept -> slc_status {
          Host& host = of(h);
          const std::lock_guard lock{host.mutex_};
          Stored* s = find(host, key);
          if (s && s->bytes.size() != sizeof by) return SLC_EINVAL;
          int64_t value = 0;
          if (s) std::memcpy(&value, s->bytes.data(), sizeof value);
          if (__builtin_add_overflow(value, by, &value)) return SLC_ELIMIT;
          if (!s) {
            s = &host.store_[std::string{view(key)}];
            s->expires_ns = ttl_ms == 0 ? 0 : Host::now_ns() + ttl_ms * 1000000;
          }
          s->bytes.assign(reinterpret_cast<const char*>(&value), sizeof value);
          if (sum) *sum = value;
          return SLC_OK;
        },
        [](H h, slc_str key) noexcept -> slc_status {
          const std::lock_guard lock{of(h).mutex_};
          if (!find(of(h), key)) return SLC_ENOTFOUND;
          of(h).store_.erase(std::string{view(key)});
          return SLC_OK;
        },
        [](H h, uint64_t bytes) noexcept -> slc_status {
          of(h).store_limit = bytes;
          return SLC_OK;
        }};
    return &table;
  }
  static const slc_work_api* work() {
    static const slc_work_api table{
        sizeof table,
        [](slc_worker* w, slc_exchange* owner, const slc_job* job, void* user, slc_token* token) noexcept -> slc_status {
          if (!job || !job->run || !job->done) return SLC_EINVAL;
          return Host::of(w).add_job(owner ? &Host::of(owner) : nullptr, 0, *job, user, token);
        },
        [](H h, uint64_t delay_ms, const slc_job* job, void* user, slc_token* token) noexcept -> slc_status {
          if (!job || !job->run) return SLC_EINVAL;
          return of(h).add_job(nullptr, delay_ms == 0 ? 0 : Host::now_ns() + delay_ms * 1000000, *job, user, token);
        },
        [](H h, slc_token token) noexcept { return of(h).cancel_token(token) ? SLC_OK : static_cast<slc_status>(SLC_ESTALE); }};
    return &table;
  }
  static const slc_dns_api* dns() {
    static const slc_dns_api table{
        sizeof table,
        [](slc_worker* w, slc_exchange* owner, const slc_dns_query* q, slc_dns_fn fn, void* user, slc_token* token) noexcept {
          return Host::of(w).add_lookup(owner ? &Host::of(owner) : nullptr, *q, fn, user, token);
        },
        [](H h, const slc_dns_query* q, slc_dns_fn fn, void* user, slc_token* token) noexcept {
          return of(h).add_lookup(nullptr, *q, fn, user, token);
        }};
    return &table;
  }
};

inline void FakeServices::finish_lookup(size_t i, slc_status result, const std::vector<Record>& records, uint32_t ttl_ms,
                                        std::string_view why) {
  const PendingLookup l = lookups_.at(i);
  lookups_.erase(lookups_.begin() + static_cast<std::ptrdiff_t>(i));
  std::vector<slc_dns_record> list;
  for (const auto& r : records) list.push_back({JsonService::str(r.name), r.port, r.priority, r.weight, 0});
  slc_dns_reply reply{};
  reply.size = sizeof reply;
  reply.result = result;
  reply.records = list.data();
  reply.count = static_cast<uint32_t>(list.size());
  reply.ttl_ms = ttl_ms;
  reply.error = JsonService::str(why);
  l.fn(l.user, reinterpret_cast<slc_exchange*>(l.owner), &reply);
}

}  // namespace sluice::testing
#endif

// What a plugin lets run on a worker besides timers and callouts: jobs of the pool, lookups of names, and events that other
// threads signal. All belong to a TokenTable. [worker]
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/http/dns.h"
#include "core/plugin/token_table.h"
#include "core/plugin/work.h"

namespace sluice::plugin {

// The fields of a job or query that every version of the header has, checked; late ones are read through SLC_HAS.
bool sane_job(const slc_job&);
bool sane_query(const slc_dns_query&);

// slc_work_api.submit: run on the pool, done here.
class Job final : public Operation {
 public:
  Job(slc_worker&, const slc_job&, void* user);
  ~Job() override;  // without done(): drop(), at once or when run() has returned
  // SLC_ELIMIT: refused, nothing will be called.
  slc_status start();

 private:
  // What the thread of the pool and the worker both hold.
  struct Shared {
    slc_job job;
    void* user;
    loop::Loop* loop;
    std::mutex mutex;
    Job* owner;              // nullptr: cancelled; the worker's to read without the lock
    bool finished = false;   // done() is on its way
    void drop() const {
      if (job.drop) job.drop(user);
    }
  };
  void finish();
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Work> work_;
};

// slc_dns_api.lookup.
class Lookup final : public Operation, private http::Resolver::Query {
 public:
  Lookup(slc_worker&, slc_dns_fn fn);
  void start(const slc_dns_query&);

 private:
  struct Alarm : loop::Deadline {
    Lookup* lookup = nullptr;
  };
  void on_resolved(const http::Addresses&) noexcept override;
  void tell(const http::Addresses&);
  slc_worker& worker_;
  slc_dns_fn fn_;
  Alarm timeout_, now_;  // now_: what was known already is told a turn later
  std::string name_;
  uint32_t kind_ = 0;
};

// slc_loop_api.event.
class Event final : public Operation {
 public:
  explicit Event(void (*fn)(void*) noexcept) : fn_{fn} {}
  void ring() {
    PlaceScope scope{place};
    fn_(user);
  }

 private:
  void (*fn_)(void*) noexcept;
};

// An answer in the form of the interface. Owns what it holds, so that it can go to another thread.
class DnsAnswer {
 public:
  DnsAnswer() = default;
  DnsAnswer(const http::Addresses&, uint32_t kind);
  void tell(slc_dns_fn, void* user, slc_exchange* owner) const;

 private:
  std::vector<std::string> names_;
  std::vector<slc_dns_record> records_;  // their views are made by tell()
  slc_status result_ = SLC_EIO;
  uint32_t ttl_ms_ = 0;
  std::string error_;
};

}  // namespace sluice::plugin

#include "core/plugin/background_dns.h"

#include <pthread.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "core/plugin/crash_report.h"
#include "core/plugin/operations.h"

namespace sluice::plugin::background_dns {
namespace {

std::atomic<bool> begun{false};

// Lives as long as the process.
struct Resolving {
  loop::Loop loop;
  http::Resolver resolver{loop, http::ResolverOptions{}};
  Resolving() {
    begun = true;
    std::thread{[this] {
      pthread_setname_np(pthread_self(), "sluice-dns");
      crash::protect_this_thread();
      loop.run();
    }}.detach();
  }
  static Resolving& get() {
    static auto* r = new Resolving;
    return *r;
  }
};

// One lookup; on the resolver's thread, destroys itself with the answer. A withdrawn one ends here too: nobody hears of it.
struct Asking final : http::Resolver::Query {
  struct Alarm : loop::Deadline {
    Asking* asking = nullptr;
  } alarm;
  std::shared_ptr<Work> work;
  std::shared_ptr<DnsAnswer> answer;
  std::string name;
  uint32_t kind = 0, timeout_ms = 0;

  void begin(Resolving& r) {
    alarm.asking = this;
    alarm.on_expire([](loop::Deadline& d) noexcept {
      http::Addresses late;
      late.error = "no answer within the time-out";
      late.timed_out = true;
      static_cast<Alarm&>(d).asking->on_resolved(late);
    });
    r.loop.deadlines().arm(alarm, timeout_ms);
    http::Addresses now;
    if (r.resolver.resolve(name, kind == SLC_DNS_SERVICES, *this, now)) on_resolved(now);
  }
  void on_resolved(const http::Addresses& a) noexcept override {
    *answer = DnsAnswer{a, kind};
    WorkPool::get().release(work, 0);
    delete this;
  }
};

}  // namespace

bool running() { return begun; }

slc_status lookup(const slc_host* host, const slc_dns_query& q, slc_dns_fn fn, void* user, slc_token* token) {
  auto work = std::make_shared<Work>();
  auto answer = std::make_shared<DnsAnswer>();
  work->host = host;
  work->place = current_place;
  work->kind = HookKind::callback;
  work->run = [answer, fn, user] { answer->tell(fn, user, nullptr); };
  work->ended = [](bool) {};
  slc_token made = 0;
  if (slc_status status = WorkPool::get().hold(work, &made); status != SLC_OK) return status;
  if (token) *token = made;
  auto* asking = new Asking;
  asking->work = std::move(work);
  asking->answer = std::move(answer);
  asking->name = view(q.name);
  asking->kind = q.kind;
  asking->timeout_ms = q.timeout_ms ? q.timeout_ms : 2000;
  Resolving& r = Resolving::get();
  r.loop.post([asking, &r] { asking->begin(r); });
  return SLC_OK;
}

}  // namespace sluice::plugin::background_dns

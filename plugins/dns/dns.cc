// Service discovery "dns": the hosts of a backend are the SRV records of one name. A list is asked for again in the background
// when its time to live is over; requests never wait for it, and a failure changes nothing.
#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <sluice/plugin.hpp>

#include "services.h"

namespace {

using namespace std::chrono_literals;
using sluice::Level;
using Ms = std::chrono::milliseconds;

constexpr Ms kLookupTime{2000};
constexpr Ms kShortest{1000};     // between two lookups
constexpr Ms kUsualLongest{30'000};
// Loading a configuration waits for first answers no longer than this, all its backends together: a dead name server must
// not keep a gateway from starting.
constexpr Ms kMostWaiting{5000};

// How long to wait before the next lookup. A good answer holds as long as its records say. After a failure it is tried again
// soon, then more and more seldom.
Ms pause_after(bool good, Ms ttl, uint32_t failures, Ms longest) {
  if (good) return std::max(ttl, kShortest);
  return std::min(kShortest * (1 << std::min(failures - 1, 16u)), longest);
}

class Dns {
 public:
  static constexpr auto name = "dns";

  explicit Dns(sluice::Setup& setup) : services_{setup.services()}, log_{setup.logger()} {
    if (!services_.dns || !services_.work) setup.error("", "the gateway has no sluice.dns/1");
  }

  // One backend's name, as long as somebody uses its list. One thing of it is under way at any time: a lookup or a pause.
  class Watch {
   public:
    Watch(const Dns& of, std::string name, std::string_view scheme, Ms longest, sluice::Publisher publisher)
        : services_{of.services_}, log_{of.log_}, name_{std::move(name)}, scheme_{scheme}, longest_{longest}, publisher_{publisher} {}
    ~Watch() {
      slc_token under_way = 0;
      {
        const std::lock_guard lock{mutex_};
        stopped_ = true;
        under_way = token_;
      }
      services_.work->withdraw(services_.host, under_way);  // waits for what runs; it starts nothing new
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // Asks, and waits for the answer for `most`.
    void start(Ms most) {
      std::unique_lock lock{mutex_};
      ask();
      if (most > 0ms) answered_.wait_for(lock, most, [this] { return first_answer_; });
    }

   private:
    // With the lock held, here and below.
    void ask() {
      const slc_dns_query q = sluice::detail::query_of({.name = name_, .services = true, .timeout = kLookupTime});
      const slc_status s = services_.dns->lookup_background(
          services_.host, &q,
          [](void* user, slc_exchange*, const slc_dns_reply* r) noexcept {
            auto& self = *static_cast<Watch*>(user);
            sluice::detail::guarded(&self.services_, nullptr, "sd \"dns\"", false, [&] { return self.take(sluice::Names{r}), true; });
            self.go_on();
          },
          this, &token_);
      if (s != SLC_OK) pause(longest_);
    }
    void pause(Ms ms) {
      slc_job job{};
      job.size = sizeof job;
      job.run = [](void* user) noexcept {
        auto& self = *static_cast<Watch*>(user);
        const std::lock_guard lock{self.mutex_};
        if (!self.stopped_) self.ask();
      };
      const slc_status s = services_.work->later(services_.host, static_cast<uint64_t>(ms.count()), &job, this, &token_);
      if (s != SLC_OK && s != SLC_ECANCELED)
        sluice::detail::guarded(&services_, nullptr, "sd \"dns\"", false, [&] {
          return log_(Level::error, "[SD: dns] ", name_, ": the gateway has too much background work, the list stays as it is"), true;
        });
    }

    // [pool] No lock: the next lookup begins when this one has been dealt with.
    void take(const sluice::Names& answer) {
      next_ = longest_;
      std::vector<dns::Service> records;
      for (uint32_t i = 0; answer.ok() && i < answer.size(); ++i)
        records.push_back({std::string{answer.name(i)}, answer[i].port, answer[i].priority, answer[i].weight});
      uint32_t unusable = 0;
      const std::vector<dns::Host> hosts = dns::choose(std::move(records), scheme_, &unusable);
      if (hosts.empty()) {
        next_ = pause_after(false, 0ms, ++failures_, longest_);
        std::string why{answer.ok() ? std::string_view{"no record names a host and a port"} : answer.error()};
        if (why == told_) return;  // once, not at every attempt
        log_(Level::warning, "[SD: dns] ", name_, ": ", why,
             current_.empty() ? std::string{"; there are no hosts yet"} : "; the last list with " + std::to_string(current_.size()) + " hosts stays in use");
        told_ = std::move(why);
        return;
      }
      failures_ = 0;
      told_.clear();
      next_ = pause_after(true, answer.ttl(), 0, longest_);
      if (unusable != 0) log_(Level::warning, "[SD: dns] ", name_, ": ", unusable, " records without a usable host name or port are left out");
      if (hosts == current_) return;
      std::vector<slc_address> list;
      for (const dns::Host& h : hosts) list.push_back(sluice::address(h.url, h.weight));
      publisher_.publish(list);
      current_ = hosts;
      log_(Level::debug, "[SD: dns] ", name_, ": ", hosts.size(), " hosts");
    }
    void go_on() noexcept {
      const std::lock_guard lock{mutex_};
      first_answer_ = true;
      answered_.notify_all();
      if (!stopped_) pause(next_);
    }

    sluice::detail::Services services_;
    sluice::Logger log_;
    std::string name_, scheme_;
    Ms longest_;
    sluice::Publisher publisher_;
    std::mutex mutex_;
    std::condition_variable answered_;
    slc_token token_ = 0;  // of what is under way
    bool stopped_ = false, first_answer_ = false;
    // Of the lookup that was answered last; one at a time.
    Ms next_{0};
    uint32_t failures_ = 0;
    std::string told_;
    std::vector<dns::Host> current_;
  };

  // [load] nullptr refuses the configuration.
  std::unique_ptr<Watch> watch(const slc_resolver_query& query, sluice::Publisher publisher) {
    if (query.host_count == 0) {
      log_(Level::error, "sd \"dns\": expected the name of SRV records in \"host\", found nothing");
      return nullptr;
    }
    std::string_view of = sluice::view(query.hosts[0]);
    if (query.host_count > 1)
      log_(Level::warning, "sd \"dns\": only the first host is looked up, \"", of, "\"; the other ", query.host_count - 1, " are ignored");
    // What cleaning host names put in front of it (disable_host_sanitize leaves the name alone).
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (of.substr(0, scheme.size()) == scheme) of.remove_prefix(scheme.size());
    }
    const Ms longest{static_cast<int64_t>(std::min<uint64_t>(query.refresh_ms, 86'400'000))};
    auto w = std::make_unique<Watch>(*this, std::string{of}, sluice::view(query.scheme), longest < kShortest ? kUsualLongest : longest, publisher);
    const auto begin = std::chrono::steady_clock::now();
    w->start(std::max(waiting_left_, Ms{0}));
    waiting_left_ -= std::chrono::duration_cast<Ms>(std::chrono::steady_clock::now() - begin);
    return w;
  }

 private:
  sluice::detail::Services services_;
  sluice::Logger log_;
  Ms waiting_left_ = kMostWaiting;
};

}  // namespace

SLC_PLUGIN("sluice.dns", "1.0.0", Dns)

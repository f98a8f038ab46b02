// Part of sluice/plugin.hpp: what objects share and run besides requests -- the store, names, work in the background.
#ifndef SLUICE_DETAIL_SHARED_WORK_HPP
#define SLUICE_DETAIL_SHARED_WORK_HPP
#include <mutex>

#include "sluice/detail/base.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

// Bytes under keys, with a time to live, for all workers of the process and across reloads. Bounded: the least recently used
// go first. A value must make sense to another build of the plugin. [any]
class Store {
 public:
  using Ms = std::chrono::milliseconds;
  Store() = default;
  Store(const slc_host* h, const slc_store_api* api) : host_{h}, api_{api} {}
  explicit operator bool() const { return api_ != nullptr; }

  std::optional<std::string> get(std::string_view key) const {
    std::string out(256, '\0');
    for (int tries = 0; tries < 8; ++tries) {  // it may grow between two looks
      size_t n = 0;
      const slc_status s = api_->get(host_, str(key), out.data(), out.size(), &n);
      if (s != SLC_OK && s != SLC_ELIMIT) break;
      out.resize(n);
      if (s == SLC_OK) return out;
    }
    return std::nullopt;
  }
  // ttl 0: no time limit.
  Status set(std::string_view key, std::string_view value, Ms ttl = Ms{0}) const { return {api_->set(host_, str(key), str(value), ms(ttl))}; }
  // Only if there is none: SLC_EEXIST otherwise. Of several callers, one is the first.
  Status add(std::string_view key, std::string_view value, Ms ttl = Ms{0}) const { return {api_->add(host_, str(key), str(value), ms(ttl))}; }
  // A counter that begins at 0; its time counts from there. Nothing: the key holds something else, or the sum does not fit.
  std::optional<int64_t> increment(std::string_view key, int64_t by = 1, Ms ttl = Ms{0}) const {
    int64_t sum = 0;
    return api_->increment(host_, str(key), by, ms(ttl), &sum) == SLC_OK ? std::optional{sum} : std::nullopt;
  }
  Status erase(std::string_view key) const { return {api_->erase(host_, str(key))}; }
  const slc_host* host() const { return host_; }
  const slc_store_api* api() const { return api_; }

 private:
  static uint64_t ms(Ms t) { return t.count() > 0 ? static_cast<uint64_t>(t.count()) : 0; }
  const slc_host* host_ = nullptr;
  const slc_store_api* api_ = nullptr;
};

// What a name stands for, written as {.name = "db.example", .timeout = 500ms} or {.name = "_http._tcp.db.example", .services = true}.
struct Lookup {
  std::string_view name;
  bool services = false;                 // SRV records instead of addresses
  std::chrono::milliseconds timeout{0};  // 0: two seconds
};
// The answer: valid inside the callback only.
class Names {
 public:
  explicit Names(const slc_dns_reply* r) : reply_{r} {}
  bool ok() const { return reply_->result == SLC_OK; }
  slc_status result() const { return reply_->result; }
  std::string_view error() const { return view(reply_->error); }
  std::chrono::milliseconds ttl() const { return std::chrono::milliseconds{reply_->ttl_ms}; }
  uint32_t size() const { return reply_->count; }
  std::string_view name(uint32_t i) const { return view(reply_->records[i].name); }  // address, or host of a service
  const slc_dns_record& operator[](uint32_t i) const { return reply_->records[i]; }

 private:
  const slc_dns_reply* reply_;
};

namespace detail {

inline slc_dns_query query_of(const Lookup& l) {
  slc_dns_query q{};
  q.size = sizeof q;
  q.kind = l.services ? SLC_DNS_SERVICES : SLC_DNS_ADDRESSES;
  q.name = str(l.name);
  q.timeout_ms = static_cast<uint32_t>(l.timeout.count());
  return q;
}

// One task of the background: what its jobs and its owner hold together.
struct Repeated {
  Services services;
  std::mutex mutex;
  slc_token token = 0;
  bool stopped = false;
  explicit Repeated(const Services& s) : services{s} {}
  virtual ~Repeated() = default;
  virtual std::optional<std::chrono::milliseconds> run() = 0;  // when to run again
  std::optional<std::chrono::milliseconds> again;

  static slc_status start(const std::shared_ptr<Repeated>& self, std::chrono::milliseconds delay) {
    auto user = std::make_unique<std::shared_ptr<Repeated>>(self);
    slc_job job{};
    job.size = sizeof job;
    job.run = [](void* u) noexcept {
      Repeated& r = **static_cast<std::shared_ptr<Repeated>*>(u);
      r.again = guarded(&r.services, nullptr, "background work", std::optional<std::chrono::milliseconds>{}, [&] { return r.run(); });
    };
    job.done = [](void* u, slc_exchange*) noexcept {
      const std::unique_ptr<std::shared_ptr<Repeated>> own{static_cast<std::shared_ptr<Repeated>*>(u)};
      Repeated& r = **own;
      if (!r.again) return;
      const std::lock_guard lock{r.mutex};
      if (r.stopped) return;
      const slc_status s = guarded(&r.services, nullptr, "background work", static_cast<slc_status>(SLC_ENOMEM), [&] { return start(*own, *r.again); });
      if (s != SLC_OK && s != SLC_ECANCELED) write_log(r.services, nullptr, Level::error, "background work ends: the gateway has too much of it");
    };
    job.drop = [](void* u) noexcept { delete static_cast<std::shared_ptr<Repeated>*>(u); };
    const auto ms = static_cast<uint64_t>(delay.count() > 0 ? delay.count() : 0);
    const slc_status s = self->services.work->later(self->services.host, ms, &job, user.get(), &self->token);
    if (s == SLC_OK) user.release();
    return s;
  }
};

}  // namespace detail

// Something that runs in the background. Destroying it ends it: when the destructor returns, nothing of it runs.
class BackgroundTask {
 public:
  BackgroundTask() = default;
  explicit BackgroundTask(std::shared_ptr<detail::Repeated> r) : task_{std::move(r)} {}
  BackgroundTask(BackgroundTask&&) noexcept = default;
  BackgroundTask& operator=(BackgroundTask&& o) noexcept {
    stop();
    task_ = std::move(o.task_);
    return *this;
  }
  ~BackgroundTask() { stop(); }
  explicit operator bool() const { return task_ != nullptr; }  // false: the gateway refused it
  void stop() {
    if (!task_) return;
    slc_token token = 0;
    {
      const std::lock_guard lock{task_->mutex};
      task_->stopped = true;
      token = task_->token;
    }
    task_->services.work->withdraw(task_->services.host, token);
    task_.reset();
  }

 private:
  std::shared_ptr<detail::Repeated> task_;
};

// Work that belongs to an object and to no request, on the gateway's threads for it, which may block: reading a file again
// and again, asking a registry. From Setup::background(). Keep the task in the object (or in a resolver's watch).
class Background {
 public:
  using Ms = std::chrono::milliseconds;
  explicit Background(const detail::Services& s) : services_{s} {}
  // Runs fn() once, in `delay`. [any]
  template <class F>
  BackgroundTask later(Ms delay, F fn) const {
    return start(delay, [f = std::move(fn)]() mutable -> std::optional<Ms> {
      f();
      return std::nullopt;
    });
  }
  // Runs fn() now and then every `period`, counted from the end of the run before.
  template <class F>
  BackgroundTask every(Ms period, F fn) const {
    return start(Ms{0}, [f = std::move(fn), period]() mutable -> std::optional<Ms> {
      f();
      return period;
    });
  }
  // Runs fn() in `delay`; it answers in what time it wants to run again, if at all.
  template <class F>
  BackgroundTask start(Ms delay, F fn) const {
    struct Op final : detail::Repeated {
      F fn;
      Op(const detail::Services& s, F f) : Repeated{s}, fn{std::move(f)} {}
      std::optional<Ms> run() override { return fn(); }
    };
    if (!services_.work) return {};
    std::shared_ptr<detail::Repeated> op = std::make_shared<Op>(services_, std::move(fn));
    const std::lock_guard lock{op->mutex};  // its first run may end before the token is written
    return detail::Repeated::start(op, delay) == SLC_OK ? BackgroundTask{op} : BackgroundTask{};
  }

 private:
  detail::Services services_;
};

}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif

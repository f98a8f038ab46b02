// Part of sluice/testing.hpp: the fake host, which the fake exchanges belong to.
#ifndef SLUICE_DETAIL_TESTING_HOST_HPP
#define SLUICE_DETAIL_TESTING_HOST_HPP
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "sluice/detail/testing_exchange.hpp"
#include "sluice/detail/testing_services.hpp"

namespace sluice::testing {

// Behind slc_host: all services, with a clock that only moves when the test says so.
class FakeHost : public slc_host, public FakeServices {
 public:
  struct Callout {
    slc_token token;
    FakeExchange* owner;
    std::string method, url, body;
    std::vector<std::pair<std::string, std::string>> headers;
    uint32_t timeout_ms, max_body;
    slc_reply_fn fn;
    void* user;
  };
  struct Attempt {
    slc_token token;
    FakeExchange* outer;
    slc_next_fn fn;
    void* user;
    std::unique_ptr<FakeExchange> exchange;
    bool finished = false;
  };

  explicit FakeHost(uint32_t workers = 1) : slc_host{} {
    size = sizeof(slc_host);
    abi_major = SLC_ABI_MAJOR;
    abi_minor = SLC_ABI_MINOR;
    name = JsonService::str("sluice-testing");
    version = JsonService::str("0");
    service = [](const slc_host*, const char* id) noexcept { return find_service(id); };
    for (uint32_t i = 0; i < workers; ++i) workers_.push_back({this, i});
  }
  ~FakeHost() {
    {
      const std::lock_guard lock{suspensions().mutex};
      std::erase_if(bells(), [this](const auto& b) { return b.second == this; });
    }
    for (const slc_entry* e : loaded_) {
      if (e->unload) e->unload();
    }
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  // ---- what the configuration around the block is said to be ----
  std::string place = "[TEST]", location = "/extra_config/test";
  std::map<int32_t, Json> surrounding;  // by SLC_AT_…
  int32_t log_level = SLC_DEBUG;

  // ---- clock ----
  static uint64_t now_ns() { return clock().load(std::memory_order_relaxed); }
  // Moves the clock and fires the timers that become due, in order of time.
  void advance(uint64_t ms) {
    const uint64_t until = now_ns() + ms * 1000000;
    for (;;) {
      const auto due = std::min_element(timers_.begin(), timers_.end(), [](const Timer& a, const Timer& b) { return a.at < b.at; });
      if (due == timers_.end() || due->at > until) break;
      const Timer t = *due;
      timers_.erase(due);
      clock().store(std::max(t.at, now_ns()));
      t.fn(t.user, t.owner ? t.owner->handle() : nullptr);
    }
    clock().store(until);
  }
  size_t timers() const { return timers_.size(); }

  // ---- callouts, waiting for the test to answer them ----
  const std::vector<Callout>& callouts() const { return callouts_; }
  void answer(size_t i, int32_t status, std::string_view body, const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    finish_callout(i, SLC_OK, status, body, headers, {});
  }
  void answer_error(size_t i, slc_status result, std::string_view why) { finish_callout(i, result, 0, {}, {}, why); }

  // ---- attempts of an around binding ----
  std::vector<Attempt>& attempts() { return attempts_; }
  // `fill` writes the attempt's response; then the plugin is called back.
  template <class F>
  void finish_attempt(size_t i, F&& fill) {
    fill(*attempts_.at(i).exchange);
    attempts_[i].finished = true;
    FakeExchange* outer = attempts_[i].outer;
    const auto fn = attempts_[i].fn;
    fn(attempts_[i].user, outer->handle(), attempts_[i].exchange->handle());
  }

  // ---- what the plugin said ----
  std::vector<LogLine> log() const {
    const std::lock_guard lock{mutex_};
    return log_;
  }
  bool logged(std::string_view part, int32_t level = 0) const {
    const std::lock_guard lock{mutex_};
    return std::any_of(log_.begin(), log_.end(), [&](const LogLine& l) {
      return (level == 0 || l.level == level) && l.text.find(part) != std::string::npos;
    });
  }
  const std::vector<Problem>& problems() const { return problems_; }
  const std::vector<Problem>& warnings() const { return warnings_; }
  bool has_problem(std::string_view pointer) const {
    return std::any_of(problems_.begin(), problems_.end(), [&](const Problem& p) { return p.pointer == pointer; });
  }
  std::string problem_text() const {
    std::string out;
    for (const auto& p : problems_) out += p.pointer + ": " + p.message + '\n';
    return out;
  }
  // Value of a counter or gauge, number of observations of a histogram; 0 when nobody defined it.
  int64_t metric(std::string_view metric_name) const {
    const auto it = metric_ids_.find(metric_name);
    return it == metric_ids_.end() ? 0 : values_[it->second].load();
  }
  double last_observed = 0;

  // Runs what post() queued, and the events that were signalled.
  void run_posted() {
    run_events();
    for (;;) {
      std::pair<void (*)(void*) noexcept, void*> p;
      {
        const std::lock_guard lock{mutex_};
        if (posted_.empty()) return;
        p = posted_.front();
        posted_.pop_front();
      }
      p.first(p.second);
    }
  }

  uint32_t worker_count() const { return static_cast<uint32_t>(workers_.size()); }
  slc_worker* worker(uint32_t i) { return reinterpret_cast<slc_worker*>(&workers_.at(i)); }

  // ---- for Configured and FakeExchange ----
  void load(const slc_entry& e) {
    if (std::find(loaded_.begin(), loaded_.end(), &e) != loaded_.end()) return;
    loaded_.push_back(&e);
    FakeReport report{this, 0, place, ""};
    if (e.load && e.load(this, report.handle()) != SLC_OK) note_problem("", "load failed");
  }
  void note_problem(std::string_view pointer, std::string_view message) {
    problems_.push_back({std::string{pointer}, std::string{message}});
  }
  void exchange_ends(FakeExchange& x) {
    std::erase_if(timers_, [&](const Timer& t) { return t.owner == &x; });
    std::erase_if(callouts_, [&](const Callout& c) { return c.owner == &x; });
    std::erase_if(attempts_, [&](const Attempt& a) { return a.outer == &x; });
    owner_ends(&x);
    drop_suspension(x);
  }
  void drop_suspension(FakeExchange& x) {
    const std::lock_guard lock{suspensions().mutex};
    for (const slc_token t : {x.token_, x.chunk_tokens_[0], x.chunk_tokens_[1]}) suspensions().waiting.erase(t);
    x.token_ = x.chunk_tokens_[0] = x.chunk_tokens_[1] = 0;
  }

 private:
  friend class FakeExchange;
  friend struct FakeServices::Tables<FakeHost>;
  static std::string_view keep(slc_exchange* x, std::string_view s) { return FakeExchange::of(x).keep(s); }
  struct WorkerOf {
    FakeHost* host;
    uint32_t index;
  };
  struct Timer {
    slc_token token;
    FakeExchange* owner;
    uint64_t at;
    slc_timer_fn fn;
    void* user;
  };
  struct Limit {
    double per_second, capacity;
    uint64_t idle_ns;
    FakeHost* host;
    struct Bucket {
      double tokens;
      uint64_t at;
    };
    std::map<std::string, Bucket, std::less<>> buckets;
  };
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    void* at;
    size_t size;
  };

  static std::atomic<uint64_t>& clock() {
    static std::atomic<uint64_t> ns{1000000000000};
    return ns;
  }
  // resume() names no host, so suspensions of all hosts stand in one table.
  struct Suspensions {
    std::mutex mutex;
    struct Waiting {
      FakeExchange* exchange;
      int32_t side = -1;  // of a chunk hook
    };
    std::map<slc_token, Waiting> waiting;
    slc_token last = 1u << 20;
  };
  static Suspensions& suspensions() {
    static Suspensions all;
    return all;
  }
  // signal() names no host either.
  static std::map<slc_token, FakeHost*>& bells() {
    static std::map<slc_token, FakeHost*> all;
    return all;
  }
  static FakeHost& of(const slc_host* h) { return *static_cast<FakeHost*>(const_cast<slc_host*>(h)); }
  static FakeHost& of(slc_worker* w) { return *reinterpret_cast<WorkerOf*>(w)->host; }
  static FakeExchange& of(slc_exchange* x) { return FakeExchange::of(x); }
  static std::string_view view(slc_str s) { return JsonService::view(s); }
  static std::string text(slc_str s) { return std::string{view(s)}; }
  static slc_str str(std::string_view s) { return {s.data(), s.size()}; }

  void finish_callout(size_t i, slc_status result, int32_t status, std::string_view body,
                      const std::vector<std::pair<std::string, std::string>>& headers, std::string_view why) {
    const Callout c = callouts_.at(i);
    callouts_.erase(callouts_.begin() + static_cast<std::ptrdiff_t>(i));
    std::vector<slc_str> lines;
    for (const auto& [n, v] : headers) lines.insert(lines.end(), {JsonService::str(n), JsonService::str(v)});
    const slc_reply r{sizeof r, result, status, JsonService::str(body), lines.data(), static_cast<uint32_t>(headers.size()), JsonService::str(why)};
    c.fn(c.user, c.owner ? c.owner->handle() : nullptr, &r);
  }
  static bool printable(slc_str v) { return view(v).find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos; }
  std::string_view header_name(slc_header_id id) const { return id > 0 && id <= headers_.size() ? std::string_view{headers_[id - 1]} : std::string_view{}; }

  static const void* find_service(const char* id);
  static const slc_exchange_api* exchange_table();
  static const slc_loop_api* loop_table();
  static const slc_stream_api* stream_table();

  std::deque<WorkerOf> workers_;
  std::vector<const slc_entry*> loaded_;
  using FakeServices::mutex_;
  std::vector<LogLine> log_;
  std::vector<Problem> problems_, warnings_;
  std::vector<std::string> headers_;
  std::map<std::string, slc_metric_id, std::less<>> metric_ids_;
  std::array<std::atomic<int64_t>, 256> values_{};
  std::vector<Timer> timers_;
  std::vector<Callout> callouts_;
  std::vector<Attempt> attempts_;
  std::atomic<slc_token> next_token_{1};
  std::deque<std::pair<void (*)(void*) noexcept, void*>> posted_;
  std::map<std::string, Block> blocks_;
  std::map<std::string, Limit> limits_;
};

inline void FakeExchange::hook_returned(slc_action a) {
  take_document();
  if (a != SLC_PENDING) host_.drop_suspension(*this);  // a token that nobody waits for goes stale, as in the gateway
}

inline void FakeExchange::take_document() {
  if (building_) {  // the finished document becomes data()
    has_data = building_->complete();
    if (has_data) data = building_->root();
    building_.reset();
  }
}

inline void FakeExchange::finish() {
  if (finished_) return;
  finished_ = true;
  take_document();
  for (auto s = slots_.rbegin(); s != slots_.rend(); ++s) s->done(s->configured, *this, &s->value);
  host_.exchange_ends(*this);
}

}  // namespace sluice::testing

#include "sluice/detail/testing_tables.hpp"
#endif

// Part of sluice/testing.hpp: the fake host and the fake exchange behind the C service tables.
#ifndef SLUICE_DETAIL_TESTING_HOST_HPP
#define SLUICE_DETAIL_TESTING_HOST_HPP
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "sluice/detail/testing_json.hpp"
#include "sluice/detail/testing_services.hpp"

namespace sluice::testing {

class FakeHost;

// A line that the plugin logged.
struct LogLine {
  int32_t level;
  std::string text;
};
// What a constructor reported about its block.
struct Problem {
  std::string pointer, message;
  bool warning = false;
};
// One header line of a FakeExchange.
struct HeaderLine {
  std::string_view name, value;
};
// What fail() recorded.
struct Failure {
  int32_t http_status;
  std::string why, body, content_type;
};

// Behind slc_report.
struct FakeReport {
  FakeHost* host;
  int32_t scope;
  std::string place, location;
  slc_report* handle() { return reinterpret_cast<slc_report*>(this); }
  static FakeReport& of(slc_report* r) { return *reinterpret_cast<FakeReport*>(r); }
};

// Behind slc_exchange. Set the public fields as the test needs them before the hook runs.
class FakeExchange {
 public:
  explicit FakeExchange(FakeHost& host, int32_t scope = SLC_AT_ENDPOINT, uint32_t worker = 0)
      : scope{scope}, host_{host}, worker_{worker} {}
  ~FakeExchange() { finish(); }
  FakeExchange(const FakeExchange&) = delete;
  FakeExchange& operator=(const FakeExchange&) = delete;

  std::string method = "GET", path = "/", query, host = "localhost", client_ip = "192.0.2.1", request_id = "1", scheme = "http",
              route = "/", peer_ip = "192.0.2.1";
  std::map<std::string, std::string, std::less<>> params;
  std::string request_body, response_body;
  int32_t status = 0;
  Json data;
  bool has_data = false, complete = false;
  slc_status outcome = SLC_OK;
  std::string outcome_text;
  int32_t scope;
  std::optional<Failure> failure;      // what fail() recorded
  std::optional<slc_action> resumed;   // what a resume asked for
  uint32_t resumes = 0;                // resumes that counted
  // By side: what chunk hooks and others emitted, what expect() said, what the resume of a chunk hook asked for.
  std::string emitted[2];
  int64_t expected[2] = {SLC_LENGTH_UNKNOWN, SLC_LENGTH_UNKNOWN};
  std::optional<slc_action> chunk_resumed[2];
  int32_t in_chunk = -1;               // side of the chunk hook that is running

  void add_header(int32_t side, std::string_view name, std::string_view value) { lines(side).push_back({keep(name), keep(value)}); }
  // First value of that name, any letter case; absent: empty.
  std::string_view header(int32_t side, std::string_view name) {
    for (const auto& l : lines(side)) {
      if (same(l.name, name)) return l.value;
    }
    return {};
  }
  std::vector<HeaderLine>& lines(int32_t side) { return side == SLC_RESPONSE ? response_lines_ : request_lines_; }
  bool suspended() const { return token_ != 0; }
  uint32_t worker_index() const { return worker_; }
  FakeHost& owner() { return host_; }
  slc_exchange* handle() { return reinterpret_cast<slc_exchange*>(this); }
  static FakeExchange& of(slc_exchange* x) { return *reinterpret_cast<FakeExchange*>(x); }

  // on_done of every binding that had a hook, newest first; then timers, callouts and the suspension end. Once.
  inline void finish();

  // ---- for Configured and the service tables ----
  using Done = void (*)(void* configured, FakeExchange&, void** slot);
  void** slot(void* configured, Done done) {
    for (auto& s : slots_) {
      if (s.configured == configured) return &s.value;
    }
    slots_.push_back({configured, done, nullptr});
    return &slots_.back().value;
  }
  inline void hook_returned(slc_action a);
  inline void take_document();
  std::string_view keep(std::string_view s) { return memory_.emplace_back(s); }
  void* alloc(size_t size, size_t align) {
    auto& piece = pieces_.emplace_back(std::make_unique<std::byte[]>(size + align));
    void* p = piece.get();
    size_t room = size + align;
    return std::align(align, size, p, room);
  }
  static bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
  }
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; }

 private:
  friend class FakeHost;
  struct SlotOf {
    void* configured;
    Done done;
    void* value;
  };
  FakeHost& host_;
  uint32_t worker_;
  std::vector<HeaderLine> request_lines_, response_lines_;
  std::deque<std::string> memory_;
  std::vector<std::unique_ptr<std::byte[]>> pieces_;
  std::deque<SlotOf> slots_;
  std::optional<JsonBuilder> building_;
  slc_token token_ = 0, chunk_tokens_[2] = {0, 0};
  bool finished_ = false;
};

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

inline const slc_exchange_api* FakeHost::exchange_table() {
  static const slc_exchange_api table = [] {
    using X = slc_exchange;
    slc_exchange_api t{};
    t.size = sizeof t;
    t.intern = [](const slc_host* h, slc_str n) noexcept -> slc_header_id {
      std::string low;
      for (const char c : view(n)) {
        const bool token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
        if (!token) return 0;
        low += FakeExchange::lower(c);
      }
      if (low.empty()) return 0;
      const std::lock_guard lock{of(h).mutex_};
      auto& all = of(h).headers_;
      const auto it = std::find(all.begin(), all.end(), low);
      if (it != all.end()) return static_cast<slc_header_id>(it - all.begin() + 1);
      all.push_back(low);
      return static_cast<slc_header_id>(all.size());
    };
    t.header = [](X* x, int32_t side, slc_header_id id, uint32_t nth) noexcept -> slc_str {
      const std::string_view n = of(x).host_.header_name(id);
      for (const auto& l : of(x).lines(side)) {
        if (FakeExchange::same(l.name, n) && nth-- == 0) return JsonService::str(l.value);
      }
      return {nullptr, 0};
    };
    t.header_at = [](X* x, int32_t side, uint32_t i, slc_str* n, slc_str* v) noexcept -> slc_status {
      const auto& all = of(x).lines(side);
      if (i >= all.size()) return SLC_ENOTFOUND;
      *n = JsonService::str(all[i].name);
      *v = JsonService::str(all[i].value);
      return SLC_OK;
    };
    t.add_header = [](X* x, int32_t side, slc_header_id id, slc_str v) noexcept -> slc_status {
      const std::string_view n = of(x).host_.header_name(id);
      if (n.empty() || !printable(v)) return SLC_EINVAL;
      of(x).add_header(side, n, view(v));
      return SLC_OK;
    };
    t.remove_header = [](X* x, int32_t side, slc_header_id id) noexcept -> slc_status {
      const std::string_view n = of(x).host_.header_name(id);
      return std::erase_if(of(x).lines(side), [&](const HeaderLine& l) { return FakeExchange::same(l.name, n); }) ? SLC_OK : SLC_ENOTFOUND;
    };
    t.set_header = [](X* x, int32_t side, slc_header_id id, slc_str v) noexcept -> slc_status {
      if (!printable(v)) return SLC_EINVAL;
      const slc_exchange_api* self = exchange_table();
      self->remove_header(x, side, id);
      return self->add_header(x, side, id, v);
    };
    t.field = [](X* x, int32_t which) noexcept -> slc_str {
      FakeExchange& e = of(x);
      const std::string* all[] = {&e.method, &e.path, &e.query, &e.host, &e.client_ip, &e.request_id, &e.scheme, &e.route, &e.peer_ip};
      return which >= 0 && which < 9 ? JsonService::str(*all[which]) : slc_str{nullptr, 0};
    };
    t.set_field = [](X* x, int32_t which, slc_str v) noexcept -> slc_status {
      std::string* all[] = {&of(x).method, &of(x).path, &of(x).query};
      if (which < 0 || which > 2 || !printable(v)) return SLC_EINVAL;
      *all[which] = view(v);
      return SLC_OK;
    };
    t.param = [](X* x, slc_str n) noexcept -> slc_str {
      const auto it = of(x).params.find(view(n));
      return it == of(x).params.end() ? slc_str{nullptr, 0} : JsonService::str(it->second);
    };
    t.set_param = [](X* x, slc_str n, slc_str v) noexcept -> slc_status {
      of(x).params[text(n)] = text(v);
      return SLC_OK;
    };
    t.status = [](X* x) noexcept { return of(x).status; };
    t.set_status = [](X* x, int32_t s) noexcept -> slc_status {
      if (s < 100 || s > 999) return SLC_EINVAL;
      of(x).status = s;
      return SLC_OK;
    };
    t.body = [](X* x, int32_t side, slc_str* out, uint32_t cap) noexcept -> uint32_t {
      const std::string& b = side == SLC_RESPONSE ? of(x).response_body : of(x).request_body;
      if (b.empty()) return 0;
      if (cap > 0) out[0] = JsonService::str(b);
      return 1;
    };
    t.set_body = [](X* x, int32_t side, slc_str b) noexcept -> slc_status {
      (side == SLC_RESPONSE ? of(x).response_body : of(x).request_body) = view(b);
      return SLC_OK;
    };
    t.append_body = [](X* x, slc_str b, int32_t) noexcept -> slc_status {
      of(x).response_body += view(b);
      return SLC_OK;
    };
    t.data = [](X* x) noexcept { return of(x).has_data ? JsonService::node(&of(x).data) : slc_node{nullptr, 0}; };
    t.replace_data = [](X* x) noexcept { return of(x).building_.emplace().handle(); };
    t.complete = [](X* x) noexcept -> int32_t { return of(x).complete ? 1 : 0; };
    t.set_complete = [](X* x, int32_t c) noexcept -> slc_status {
      of(x).complete = c != 0;
      return SLC_OK;
    };
    t.alloc = [](X* x, size_t size, size_t align) noexcept { return of(x).alloc(size, align); };
    t.fail = [](X* x, int32_t status, slc_str why, slc_str body, slc_str type) noexcept {
      of(x).failure = Failure{status, text(why), text(body), text(type)};
    };
    t.outcome = [](X* x, slc_str* why) noexcept {
      if (why) *why = JsonService::str(of(x).outcome_text);
      return of(x).outcome;
    };
    t.scope = [](X* x) noexcept { return of(x).scope; };
    t.worker = [](X* x) noexcept { return of(x).host_.worker(of(x).worker_); };
    return t;
  }();
  return &table;
}

inline const slc_loop_api* FakeHost::loop_table() {
  static const slc_loop_api table = [] {
    using W = slc_worker;
    using X = slc_exchange;
    slc_loop_api t{};
    t.size = sizeof t;
    t.suspend = [](X* x) noexcept -> slc_token {
      const std::lock_guard lock{suspensions().mutex};
      suspensions().waiting.erase(of(x).token_);  // one suspension at a time: the older token goes stale
      of(x).token_ = ++suspensions().last;
      of(x).resumed.reset();
      suspensions().waiting[of(x).token_] = {&of(x)};
      return of(x).token_;
    };
    t.resume = [](slc_token token, slc_action a) noexcept -> slc_status {
      const std::lock_guard lock{suspensions().mutex};
      auto& waiting = suspensions().waiting;
      const auto it = waiting.find(token);
      if (it == waiting.end()) return SLC_ESTALE;
      FakeExchange& x = *it->second.exchange;
      (it->second.side < 0 ? x.resumed : x.chunk_resumed[it->second.side]) = a;
      ++x.resumes;
      (it->second.side < 0 ? x.token_ : x.chunk_tokens_[it->second.side]) = 0;
      waiting.erase(it);
      return SLC_OK;
    };
    t.timer = [](W* w, X* owner, uint32_t ms, slc_timer_fn fn, void* user) noexcept -> slc_token {
      FakeHost& h = of(w);
      const slc_token token = h.next_token_++;
      h.timers_.push_back({token, owner ? &of(owner) : nullptr, now_ns() + uint64_t{ms} * 1000000, fn, user});
      return token;
    };
    t.http = [](W* w, X* owner, const slc_callout* c, slc_reply_fn fn, void* user) noexcept -> slc_token {
      FakeHost& h = of(w);
      Callout k{h.next_token_++, owner ? &of(owner) : nullptr, text(c->method), text(c->url), text(c->body), {}, c->timeout_ms, c->max_body, fn, user};
      for (uint32_t i = 0; i < c->header_count; ++i) k.headers.emplace_back(text(c->headers[2 * i]), text(c->headers[2 * i + 1]));
      h.callouts_.push_back(std::move(k));
      return h.callouts_.back().token;
    };
    t.cancel = [](W* w, slc_token token) noexcept -> slc_status {
      const size_t n = std::erase_if(of(w).timers_, [&](const Timer& x) { return x.token == token; }) +
                       std::erase_if(of(w).callouts_, [&](const Callout& x) { return x.token == token; }) +
                       (of(w).cancel_token(token) ? 1u : 0u);
      return n ? SLC_OK : SLC_ESTALE;
    };
    t.post = [](W* w, void (*fn)(void*) noexcept, void* user) noexcept -> slc_status {
      const std::lock_guard lock{of(w).mutex_};
      of(w).posted_.emplace_back(fn, user);
      return SLC_OK;
    };
    t.now_ms = [](W*) noexcept -> uint64_t { return now_ns() / 1000000; };
    t.worker_index = [](W* w) noexcept { return reinterpret_cast<WorkerOf*>(w)->index; };
    t.worker_count = [](W* w) noexcept { return of(w).worker_count(); };
    t.event = [](W* w, void (*fn)(void*) noexcept, void* user) noexcept -> slc_token {
      FakeHost& h = of(w);
      const std::lock_guard all{suspensions().mutex};
      const std::lock_guard lock{h.mutex_};
      h.events_[++h.last_token_] = {fn, user};
      bells()[h.last_token_] = &h;
      return h.last_token_;
    };
    t.signal = [](slc_token token) noexcept -> slc_status {
      const std::lock_guard all{suspensions().mutex};
      const auto bell = bells().find(token);
      if (bell == bells().end()) return SLC_ESTALE;
      const std::lock_guard lock{bell->second->mutex_};
      const auto it = bell->second->events_.find(token);
      if (it == bell->second->events_.end()) return SLC_ESTALE;
      it->second.rung = true;
      return SLC_OK;
    };
    return t;
  }();
  return &table;
}

inline const slc_stream_api* FakeHost::stream_table() {
  using X = slc_exchange;
  static constexpr size_t kMost = 1 << 20;
  static constexpr auto room = [](const FakeExchange& x, int32_t side) noexcept {
    return x.emitted[side].size() < kMost ? kMost - x.emitted[side].size() : 0;
  };
  static const slc_stream_api table{
      sizeof table,
      [](X* x, int32_t side, int64_t length) noexcept -> slc_status {
        of(x).expected[side] = length;
        return SLC_OK;
      },
      [](X* x, int32_t side, slc_str bytes) noexcept -> slc_status {
        if (bytes.len > room(of(x), side)) return SLC_ELIMIT;
        of(x).emitted[side] += view(bytes);
        return SLC_OK;
      },
      [](X* x, int32_t side) noexcept { return room(of(x), side); },
      [](X* x, int32_t side) noexcept -> slc_token {
        FakeExchange& e = of(x);
        if (e.in_chunk != side) return 0;
        const std::lock_guard lock{suspensions().mutex};
        suspensions().waiting.erase(e.chunk_tokens_[side]);
        e.chunk_tokens_[side] = ++suspensions().last;
        e.chunk_resumed[side].reset();
        suspensions().waiting[e.chunk_tokens_[side]] = {&e, side};
        return e.chunk_tokens_[side];
      }};
  return &table;
}

inline void FakeServices::run_jobs() {
  for (;;) {
    PendingJob j{};
    {
      const std::lock_guard lock{mutex_};
      const auto due = std::min_element(jobs_.begin(), jobs_.end(), [](const PendingJob& a, const PendingJob& b) { return a.due_ns < b.due_ns; });
      if (due == jobs_.end() || due->due_ns > FakeHost::now_ns()) return;
      j = *due;
      jobs_.erase(due);
    }
    j.job.run(j.user);
    if (j.job.done) j.job.done(j.user, j.owner ? j.owner->handle() : nullptr);
  }
}

inline const void* FakeHost::find_service(const char* id) {
  static const slc_log_api log{
      sizeof log, [](const slc_host* h, int32_t level) noexcept -> int32_t { return level >= of(h).log_level ? 1 : 0; },
      [](const slc_host* h, slc_exchange*, int32_t level, slc_str s) noexcept {
        const std::lock_guard lock{of(h).mutex_};
        of(h).log_.push_back({level, text(s)});
      }};
  static const slc_config_api config{
      sizeof config,
      [](slc_report* r, slc_str p, slc_str m) noexcept { FakeReport::of(r).host->note_problem(view(p), view(m)); },
      [](slc_report* r, slc_str p, slc_str m) noexcept { FakeReport::of(r).host->warnings_.push_back({text(p), text(m), true}); },
      [](slc_report* r, int32_t scope) noexcept -> slc_node {
        const auto& all = FakeReport::of(r).host->surrounding;
        const auto it = all.find(scope);
        return JsonService::node(it == all.end() ? nullptr : &it->second);
      },
      [](slc_report* r) noexcept { return JsonService::str(FakeReport::of(r).location); },
      [](slc_report* r) noexcept { return JsonService::str(FakeReport::of(r).place); },
      [](slc_report* r) noexcept { return FakeReport::of(r).scope; }};
  static constexpr auto define = [](const slc_host* h, slc_str n) noexcept -> slc_metric_id {
    auto& ids = of(h).metric_ids_;
    return ids.emplace(text(n), static_cast<slc_metric_id>(ids.size() % 256)).first->second;
  };
  static const slc_metrics_api metrics{
      sizeof metrics,
      [](const slc_host* h, slc_str n, slc_str) noexcept { return define(h, n); },
      [](const slc_host* h, slc_str n, slc_str) noexcept { return define(h, n); },
      [](const slc_host* h, slc_str n, slc_str, const double*, uint32_t) noexcept { return define(h, n); },
      [](slc_worker* w, slc_metric_id m, int64_t n) noexcept { of(w).values_[m] += n; },
      [](slc_worker* w, slc_metric_id m, double v) noexcept {
        const std::lock_guard lock{of(w).mutex_};
        of(w).last_observed = v;
        ++of(w).values_[m];
      },
      [](const slc_host* h, slc_metric_id m) noexcept -> int64_t { return of(h).values_[m]; }};
  static const slc_shared_api shared{
      sizeof shared,
      [](const slc_host* h, slc_str key, size_t n) noexcept -> void* {
        auto& b = of(h).blocks_[text(key)];
        if (!b.memory) {
          b.memory = std::make_unique<std::byte[]>(n + 64);
          b.at = b.memory.get();
          b.size = n;
          size_t room = n + 64;
          std::align(64, n, b.at, room);
        }
        return b.size == n ? b.at : nullptr;
      },
      [](const slc_host* h, slc_str key, double rate, double capacity, uint64_t idle_ms) noexcept -> slc_limiter* {
        auto [it, made] = of(h).limits_.try_emplace(text(key));
        Limit& l = it->second;
        if (made || l.per_second != rate || l.capacity != capacity) {
          l.per_second = rate;
          l.capacity = capacity;
          l.idle_ns = idle_ms * 1000000;
          l.host = &of(h);
          l.buckets.clear();
        }
        return reinterpret_cast<slc_limiter*>(&l);
      },
      [](slc_limiter* p, slc_str client) noexcept -> int32_t {
        Limit& l = *reinterpret_cast<Limit*>(p);
        const std::lock_guard lock{l.host->mutex_};
        const uint64_t now = now_ns();
        auto& b = l.buckets.try_emplace(text(client), Limit::Bucket{l.capacity, now}).first->second;
        if (l.idle_ns != 0 && now - b.at > l.idle_ns) b.tokens = l.capacity;
        b.tokens = std::min(l.capacity, b.tokens + static_cast<double>(now - b.at) * 1e-9 * l.per_second);
        b.at = now;
        if (b.tokens < 1 - 1e-9) return 0;
        b.tokens -= 1;
        return 1;
      },
      []() noexcept { return now_ns(); }};
  static const slc_next_api next_attempt{
      sizeof next_attempt,
      [](slc_exchange* outer, slc_next_fn fn, void* user) noexcept -> slc_token {
        FakeHost& h = of(outer).host_;
        const slc_token token = h.next_token_++;
        h.attempts_.push_back({token, &of(outer), fn, user, std::make_unique<FakeExchange>(h, of(outer).scope, of(outer).worker_)});
        return token;
      },
      [](slc_exchange* outer, slc_token token) noexcept -> slc_status {
        return std::erase_if(of(outer).host_.attempts_, [&](const Attempt& a) { return a.token == token && !a.finished; }) ? SLC_OK : SLC_ESTALE;
      },
      [](slc_exchange* outer, slc_exchange* attempt) noexcept -> slc_status {
        FakeExchange &o = of(outer), &a = of(attempt);
        o.status = a.status;
        o.response_body = a.response_body;
        o.data = a.data;
        o.has_data = a.has_data;
        o.outcome = a.outcome;
        o.outcome_text = a.outcome_text;
        for (const auto& l : a.response_lines_) o.add_header(SLC_RESPONSE, l.name, l.value);
        return SLC_OK;
      }};
  const std::string_view wanted = id;
  if (wanted == SLC_SVC_LOG) return &log;
  if (wanted == SLC_SVC_EXCHANGE) return exchange_table();
  if (wanted == SLC_SVC_DOCUMENT) return JsonService::table();
  if (wanted == SLC_SVC_CONFIG) return &config;
  if (wanted == SLC_SVC_METRICS) return &metrics;
  if (wanted == SLC_SVC_SHARED) return &shared;
  if (wanted == SLC_SVC_LOOP) return loop_table();
  if (wanted == SLC_SVC_NEXT) return &next_attempt;
  if (wanted == SLC_SVC_STREAM) return stream_table();
  if (wanted == SLC_SVC_WORK) return FakeServices::Tables<FakeHost>::work();
  if (wanted == SLC_SVC_DNS) return FakeServices::Tables<FakeHost>::dns();
  if (wanted == SLC_SVC_STORE) return FakeServices::Tables<FakeHost>::store();
  return nullptr;
}

}  // namespace sluice::testing
#endif

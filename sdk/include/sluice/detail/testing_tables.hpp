// Part of sluice/testing.hpp: the C service tables, in front of the fake host and the fake exchange.
#ifndef SLUICE_DETAIL_TESTING_TABLES_HPP
#define SLUICE_DETAIL_TESTING_TABLES_HPP
#include "sluice/detail/testing_host.hpp"

namespace sluice::testing {

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
    t.remaining_ms = [](X* x) noexcept { return of(x).remaining_ms; };
    return t;
  }();
  return &table;
}

inline const slc_stream_api* FakeHost::stream_table() {
  using X = slc_exchange;
  static constexpr size_t kMost = 1 << 20;
  static constexpr auto ended = [](const FakeExchange& x) noexcept { return x.body_finished || x.body_broken; };
  static constexpr auto room = [](const FakeExchange& x, int32_t side) noexcept {
    return x.emitted[side].size() < kMost && !(side == SLC_RESPONSE && ended(x)) ? kMost - x.emitted[side].size() : 0;
  };
  static const slc_stream_api table{
      sizeof table,
      [](X* x, int32_t side, int64_t length) noexcept -> slc_status {
        of(x).expected[side] = length;
        return SLC_OK;
      },
      [](X* x, int32_t side, slc_str bytes) noexcept -> slc_status {
        if (side == SLC_RESPONSE && ended(of(x))) return SLC_ESTALE;
        if (bytes.len > room(of(x), side)) return SLC_ELIMIT;
        of(x).emitted[side] += view(bytes);
        if (side == SLC_RESPONSE) of(x).emitted_in_all += bytes.len;
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
      },
      [](X* x, int64_t length) noexcept -> slc_status {
        FakeExchange& e = of(x);
        if (!e.streaming_transport) return SLC_EINVAL;
        if (e.follows || e.resumed) return SLC_ESTALE;
        e.follows = length;
        return SLC_OK;
      },
      [](X* x, slc_str why) noexcept -> slc_status {
        FakeExchange& e = of(x);
        if (!e.follows) return SLC_EINVAL;
        if (ended(e)) return SLC_ESTALE;
        if (why.ptr) e.body_broken = text(why);
        else if (e.wrong_length()) e.body_broken = "it has not the promised length";
        else e.body_finished = true;
        return SLC_OK;
      },
      [](X* x) noexcept -> int64_t {
        FakeExchange& e = of(x);
        return e.takes_pieces ? e.request_length.value_or(static_cast<int64_t>(e.request_body.size())) : 0;
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

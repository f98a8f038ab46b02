// `qos/http-cache`: a backend's answers are kept in memory and served as long as they hold. RFC 9111 as the reference reads it
// (components/http-cache.md), with what the README names.
//
// The innermost stage of a backend: what is outside of it (circuit breaker, rate limit, modifiers) sees no difference between an
// answer of the backend and one of the cache. An answer is taken when it comes from the transport, before anybody decodes it.
#include <chrono>
#include <mutex>
#include <unordered_map>

#include <sluice/plugin.hpp>

#include "schema.h"
#include "store.h"

namespace {

using http_cache::Control;
using http_cache::Entry;
using http_cache::Flight;
using http_cache::Limits;
using http_cache::Ref;
using http_cache::Store;
using http_cache::Verdict;
using http_cache::same_text;
using sluice::Action;
using sluice::Exchange;

constexpr Limits kUsual{65536, uint64_t{64} << 20};

int64_t unix_now() { return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// Headers that are about one connection (RFC 9110 §7.6.1, RFC 9111 §3.1). The length is the gateway's to write.
bool is_hop_by_hop(std::string_view name) {
  for (const std::string_view h : {"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
                                   "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade"}) {
    if (same_text(name, h)) return true;
  }
  return false;
}

// Numbers of the headers that stored answers have. The gateway's table of names never shrinks, so a backend that makes up names must
// not be able to fill it.
class Names {
 public:
  // 0: there are too many.
  sluice::Header id(Exchange x, std::string_view name) {
    std::string lower{name};
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
    const std::lock_guard lock{mutex_};
    if (const auto at = ids_.find(lower); at != ids_.end()) return at->second;
    if (ids_.size() >= 256) return 0;
    return ids_[lower] = x.services().exchange->intern(x.services().host, sluice::str(name));
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, sluice::Header> ids_;
};
class HttpCache {
 public:
  static constexpr auto name = "qos/http-cache";
  static constexpr const char* aliases[] = {"github.com/devopsfaith/krakend-httpcache"};
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr int32_t stage = 950;
  static constexpr auto schema = kSchema;

  struct Call;
  // Calls of this worker that wait for what another one fetches; the bell is rung when one has ended.
  struct PerWorker {
    PerWorker(const HttpCache& of, const sluice::Worker& w) : cache{of}, bell{w.doorbell(&woken, this)} {}
    PerWorker(const PerWorker& o) = delete;
    PerWorker(PerWorker&& o) = delete;
    static void woken(void* user) noexcept { static_cast<PerWorker*>(user)->cache.wake(*static_cast<PerWorker*>(user)); }
    const HttpCache& cache;
    sluice::Doorbell bell;
    Call* waiting = nullptr;
    std::string key;  // keeps its room
  };

  // What is known of one call, from hook to hook.
  struct Call {
    explicit Call(Exchange e, std::string_view k) : x{e}, key{k} {}
    Exchange x;
    std::string_view key;  // in the exchange's memory
    Control control;       // of the request
    bool has_control = false, authorized = false, get = true;
    Ref stored;            // what was found and not fresh
    bool asked_whether_modified = false, answered = false;
    bool keep = false;     // the body is collected
    std::shared_ptr<Entry> fetched;
    std::shared_ptr<Flight> flight;  // led by this call, or waited for
    sluice::Suspension suspension;   // while it waits
    Call *before = nullptr, *behind = nullptr;
  };

  explicit HttpCache(sluice::Setup& setup) {
    const bool shared = setup.boolean("shared", false);
    const int64_t items = setup.integer("max_items", 0), bytes = setup.integer("max_size", 0);
    if (items < 0) setup.error("max_items", "must not be negative");
    if (bytes < 0) setup.error("max_size", "must not be negative");
    const bool bounded = items > 0 || bytes > 0;
    const Limits limits{items > 0 ? static_cast<uint64_t>(items) : kUsual.items, bytes > 0 ? static_cast<uint64_t>(bytes) : kUsual.bytes};
    read_place(setup);
    for (auto& [id, text] : std::initializer_list<std::pair<sluice::Header*, const char*>>{
             {&cache_control_, "Cache-Control"}, {&authorization_, "Authorization"}, {&range_, "Range"}, {&vary_, "Vary"},
             {&set_cookie_, "Set-Cookie"}, {&etag_, "ETag"}, {&last_modified_, "Last-Modified"}, {&if_none_match_, "If-None-Match"},
             {&if_modified_since_, "If-Modified-Since"}, {&connection_, "Connection"}})
      *id = setup.header(text);
    hits_ = setup.counter("http_cache_hits_total", "Calls answered from a cache");
    misses_ = setup.counter("http_cache_misses_total", "Calls that caches let pass to a backend");
    revalidated_ = setup.counter("http_cache_revalidated_total", "Stored answers that a backend said are still good");
    stale_ = setup.counter("http_cache_stale_total", "Old answers served in the place of a failure");
    stored_ = setup.counter("http_cache_stored_total", "Answers that were stored");
    evicted_ = setup.counter("http_cache_evicted_total", "Answers that were thrown out to make room");
    joined_ = setup.counter("http_cache_joined_total", "Calls that waited for another call's answer");
    if (!setup.ok()) return;
    // Two caches are shared, one for blocks with limits and one for those without, as in the reference.
    std::string cache = shared ? bounded ? "shared with limits" : "shared" : "of " + setup.unique_key();
    store_ = http_cache::Registry::get(cache, limits, setup.services().host);
  }

  Action on_request(Exchange x, PerWorker& worker) const {
    const std::string_view method = x.method();
    const bool get = method == "GET";
    if ((!get && method != "HEAD") || x.path().empty()) return sluice::next;
    worker.key = get ? "" : "HEAD ";
    worker.key += origin_;
    worker.key += x.path();
    worker.key += '?';
    worker.key += x.query();
    if (x.request().has_header(range_)) {
      store_->erase(worker.key, [](const Entry&) { return true; });
      return sluice::next;
    }
    Call& c = x.make_state<Call>(x, x.copy(worker.key));
    c.get = get;
    c.authorized = x.request().has_header(authorization_);
    for (uint32_t i = 0;; ++i) {
      const std::string_view line = x.request().header(cache_control_, i);
      if (line.data() == nullptr) break;
      c.has_control = true;
      c.control.add(line);
    }
    if (look(c)) return sluice::done;
    if (collapses_ && !c.authorized && !c.control.no_cache && worker.bell) {
      bool leads = false;
      c.flight = store_->board(c.key, worker.bell, &leads);
      if (c.flight && !leads) return wait(c, worker);
      // Somebody's flight may have ended between the look and this one's begin.
      if (leads && look(c)) {
        land(c, false);
        return sluice::done;
      }
    }
    pass(c);
    return sluice::next;
  }

  // The answer is here, perhaps without its body.
  Action on_raw_response(Exchange x) const {
    Call* c = x.state<Call>();
    x.expect(SLC_RESPONSE, sluice::body_skipped);
    if (!c) return sluice::next;
    c->answered = true;
    const int status = x.status();
    if (c->stored && c->get && status == 304 && c->asked_whether_modified) return still_good(*c);
    if (c->stored && c->get && status >= 500 && http_cache::serve_on_error(c->control, c->stored->control, c->stored->date, unix_now())) {
      land(*c, true);
      stale_.add(x);
      return serve(x, *c->stored) ? sluice::next : sluice::done;
    }
    if (c->stored && status != 200) forget(*c);
    if (!storable(*c, status)) {
      land(*c, true);
      return sluice::next;
    }
    c->fetched = std::make_shared<Entry>();
    if (!take_head(*c, *c->fetched)) {
      c->fetched.reset();
      land(*c, true);
      return sluice::next;
    }
    if (raw_ && c->get && status != 204) {  // the body follows, and is stored when its end is there
      c->keep = true;
      x.expect(SLC_RESPONSE, sluice::length_kept);
      return sluice::next;
    }
    if (c->get) c->fetched->body = x.response().body();
    store(*c);
    return sluice::next;
  }

  Action on_response_chunk(Exchange x, sluice::Chunk chunk) const {
    Call* c = x.state<Call>();
    if (!c || !c->keep) return sluice::next;
    Entry& e = *c->fetched;
    if (e.body.size() + chunk.bytes().size() >= store_->too_large()) {
      forget(*c);
      c->keep = false;
      c->fetched.reset();
      land(*c, true);
      return sluice::next;
    }
    e.body += chunk.bytes();
    if (chunk.last()) store(*c);
    return sluice::next;
  }

  // No answer came: an old one may do.
  Action on_response(Exchange x) const {
    Call* c = x.state<Call>();
    if (!c || c->answered || x.succeeded()) return sluice::next;
    c->answered = true;
    land(*c, false);
    if (!c->stored) return sluice::next;
    if (c->get && !c->stored->body.empty() && http_cache::serve_on_error(c->control, c->stored->control, c->stored->date, unix_now())) {
      stale_.add(x);
      serve(x, *c->stored);
      return sluice::done;
    }
    forget(*c);
    return sluice::next;
  }

  void on_done(Exchange x, PerWorker& worker) const {
    Call* c = x.state<Call>();
    if (!c) return;
    if (c->suspension) leave(*c, worker);
    else land(*c, false);
  }

 private:
  // What the block's surroundings say: whose answers these are, and which bodies anybody reads.
  void read_place(sluice::Setup& setup) {
    const sluice::Value root = setup.surrounding(SLC_AT_SERVICE), endpoint = setup.surrounding(SLC_AT_ENDPOINT),
                        backend = setup.surrounding(SLC_AT_BACKEND);
    // The list stands for its hosts: whichever of them is called, the answer is the same one.
    sluice::Value hosts = backend["host"].size() != 0 ? backend["host"] : root["host"];
    hosts.each([&](uint32_t, sluice::Value h) { origin_.append(origin_.empty() ? "" : ",").append(clean(h.text())); });
    if (backend["sd"].present()) origin_.append(" sd ").append(backend["sd"].text()).append(" ").append(backend["sd_scheme"].text());
    origin_ += ' ';
    const std::string_view output = endpoint["output_encoding"].present() ? endpoint["output_encoding"].text() : root["output_encoding"].text();
    raw_ = output == "no-op";
    sluice::Value options = backend["extra_config"]["backend/http"];
    if (!options.present()) options = backend["extra_config"]["github.com/devopsfaith/krakend/http"];
    reads_errors_ = raw_ || options["return_error_code"].as_bool().value_or(false) || !options["return_error_details"].text().empty();
    // A body that passes through is stored when it has passed: nobody should wait for so long.
    collapses_ = !raw_;
  }
  static std::string clean(std::string_view host) {
    while (!host.empty() && host.back() == '/') host.remove_suffix(1);
    return host.find("://") == host.npos ? "http://" + std::string{host} : std::string{host};
  }

  // ---- looking ----

  // All values of a header of the request, as one list. By its name as text: what Vary names is not known before.
  static std::string value_of(Exchange x, std::string_view header) {
    std::string out;
    bool first = true;
    x.request().each_header([&](std::string_view n, std::string_view v) {
      if (!same_text(n, header)) return;
      if (!std::exchange(first, false)) out += ", ";
      out += v;
    });
    return out;
  }
  static bool matches(Exchange x, const Entry& e) {
    for (const auto& [header, value] : e.vary) {
      if (value_of(x, header) != value) return false;
    }
    return true;
  }

  // True: the call is answered.
  bool look(Call& c) const {
    Exchange x = c.x;
    c.stored = store_->find(c.key, [x](const Entry& e) { return matches(x, e); });
    if (!c.stored) {
      if (!c.control.only_if_cached) return false;
      x.set_status(504);
      return true;
    }
    switch (http_cache::judge(c.control, c.stored->control, c.stored->date, c.stored->lifetime, unix_now())) {
      case Verdict::fresh:
        hits_.add(x);
        serve(x, *c.stored);
        return true;
      case Verdict::skip:
        c.stored.reset();
        return false;
      case Verdict::stale: return false;
    }
    return false;
  }

  // Asks the backend; whether what is stored is still good, where it can be asked.
  void pass(Call& c) const {
    misses_.add(c.x);
    if (!c.stored) return;
    const sluice::Message request = c.x.request();
    if (!c.stored->etag.empty() && !request.has_header(etag_)) {
      request.set_header(if_none_match_, c.stored->etag);
      c.asked_whether_modified = true;
    }
    if (!c.stored->last_modified.empty() && !request.has_header(last_modified_)) {
      request.set_header(if_modified_since_, c.stored->last_modified);
      c.asked_whether_modified = true;
    }
  }

  // Puts a stored answer in the place of what is there. False: it has no body that would show it.
  bool serve(Exchange x, const Entry& e) const {
    const sluice::Message response = x.response();
    std::vector<sluice::Header> there;
    response.each_header([&](std::string_view n, std::string_view) { there.push_back(names_.id(x, n)); });
    for (const sluice::Header id : there) response.remove_header(id);
    x.set_status(e.status);
    for (const http_cache::HeaderLine& h : e.headers) response.add_header(h.id, h.value);
    response.set_body(e.body);
    return !e.body.empty();
  }

  // ---- storing ----

  bool storable(const Call& c, int status) const {
    // Answers to a question that was not about the whole, or not about the resource.
    if (status == 304 || status == 206 || status == 416) return false;
    const sluice::Message response = c.x.response();
    Control control;
    for (uint32_t i = 0;; ++i) {
      const std::string_view line = response.header(cache_control_, i);
      if (line.data() == nullptr) break;
      control.add(line);
    }
    const bool forbidden = c.control.no_store || control.no_store || control.is_private ||
                           (c.authorized && !control.is_public && !control.s_maxage && !control.must_revalidate) ||
                           (response.has_header(set_cookie_) && !control.is_public);
    if (forbidden) {
      forget(c);
      return false;
    }
    if (c.get && !reads_errors_ && status != 200 && status != 201) return false;  // nobody reads its body
    return true;
  }

  // False: it can serve no other request (Vary: *), or has names that cannot be kept.
  bool take_head(const Call& c, Entry& e) const {
    const Exchange x = c.x;
    e.status = x.status();
    const std::string_view named = x.response().header(connection_);
    bool usable = true;
    x.response().each_header([&](std::string_view n, std::string_view v) {
      bool keep = !is_hop_by_hop(n) && !(c.get && same_text(n, "Content-Length"));
      http_cache::each_item(named, [&](std::string_view item) { keep = keep && !same_text(item, n); });
      if (!keep) return;
      e.headers.push_back({std::string{n}, std::string{v}, names_.id(x, n)});
      usable = usable && e.headers.back().id != 0;
    });
    for (uint32_t i = 0;; ++i) {
      const std::string_view line = x.response().header(vary_, i);
      if (line.data() == nullptr) break;
      http_cache::each_item(line, [&](std::string_view item) {
        usable = usable && item != "*";
        e.vary.emplace_back(item, value_of(x, item));
      });
    }
    e.read_headers();
    return usable;
  }

  void store(Call& c) const {
    const std::shared_ptr<Entry> e = std::exchange(c.fetched, nullptr);
    c.keep = false;
    const Exchange x = c.x;
    const bool fresh = !e->control.no_cache && e->date && e->lifetime > unix_now() - *e->date;
    // What is neither fresh nor can be asked for again, nor help in need, would only take room.
    const bool useful = fresh || c.has_control || !e->etag.empty() || !e->last_modified.empty() || e->control.stale_if_error.given;
    if (useful) {
      stored_.add(x);
      if (const uint64_t gone = store_->put(c.key, e, fresh, [x](const Entry& old) { return matches(x, old); })) evicted_.add(x, static_cast<int64_t>(gone));
    } else {
      forget(c);
    }
    land(c, !fresh || e->size() >= store_->too_large());
  }

  void forget(const Call& c) const {
    const Exchange x = c.x;
    store_->erase(c.key, [x](const Entry& old) { return matches(x, old); });
  }

  // 304: what is stored holds on, with the headers that came now (RFC 9111 §3.2).
  Action still_good(Call& c) const {
    const Exchange x = c.x;
    revalidated_.add(x);
    auto e = std::make_shared<Entry>();
    Entry now;
    take_head(c, now);
    e->status = c.stored->status;
    e->body = c.stored->body;
    e->vary = c.stored->vary;
    const auto about_body = [](std::string_view n) {
      return same_text(n, "Content-Length") || same_text(n, "Content-Encoding") || same_text(n, "Content-Range");
    };
    for (const auto& h : c.stored->headers) {
      bool replaced = false;
      for (const auto& n : now.headers) replaced = replaced || (!about_body(n.name) && same_text(n.name, h.name));
      if (!replaced) e->headers.push_back(h);
    }
    for (auto& h : now.headers) {
      if (!about_body(h.name)) e->headers.push_back(std::move(h));
    }
    e->read_headers();
    c.fetched = e;
    if (c.control.no_store || e->control.no_store || e->control.is_private) {
      c.fetched.reset();
      forget(c);
      land(c, true);
    } else {
      store(c);
    }
    return serve(x, *e) ? sluice::next : sluice::done;
  }

  // ---- one fetches, the others wait ----

  Action wait(Call& c, PerWorker& worker) const {
    c.suspension = c.x.suspend();
    if (!c.suspension) {
      c.flight.reset();
      pass(c);
      return sluice::next;
    }
    joined_.add(c.x);
    c.behind = worker.waiting;
    if (c.behind) c.behind->before = &c;
    worker.waiting = &c;
    if (c.flight->over()) worker.bell.ring();  // it ended meanwhile, perhaps before it knew the bell
    return sluice::pending;
  }
  static void leave(Call& c, PerWorker& worker) {
    (c.before ? c.before->behind : worker.waiting) = c.behind;
    if (c.behind) c.behind->before = c.before;
    c.before = c.behind = nullptr;
    c.suspension = {};
    c.flight.reset();
  }
  // [worker] The bell was rung: calls whose flight is over look once more, and fetch for themselves what is not there.
  void wake(PerWorker& worker) const noexcept {
    for (Call* c = worker.waiting; c;) {
      Call& one = *std::exchange(c, c->behind);
      if (!one.flight->over()) continue;
      const sluice::Suspension s = one.suspension;
      leave(one, worker);
      const Action a = sluice::detail::guarded(&one.x.services(), one.x.handle(), "http cache", sluice::failed, [&]() -> Action {
        if (look(one)) return sluice::done;
        pass(one);
        return sluice::next;
      });
      s.resume(a);
    }
  }
  // The flight that this call leads, if any, is over.
  void land(Call& c, bool in_vain) const {
    if (!c.flight || c.suspension) return;
    store_->land(c.key, c.flight, in_vain);
    c.flight.reset();
  }

  std::shared_ptr<Store> store_;
  mutable Names names_;
  std::string origin_;
  bool raw_ = false, reads_errors_ = false, collapses_ = true;
  sluice::Header cache_control_ = 0, authorization_ = 0, range_ = 0, vary_ = 0, set_cookie_ = 0, etag_ = 0, last_modified_ = 0,
                 if_none_match_ = 0, if_modified_since_ = 0, connection_ = 0;
  sluice::Counter hits_, misses_, revalidated_, stale_, stored_, evicted_, joined_;
};

}  // namespace

SLC_PLUGIN("sluice.http-cache", "1.0.0", HttpCache)

// A plugin with a binding of every kind, for the tests of the wrapper.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <sluice/plugin.hpp>

namespace sdk_test {

using namespace std::chrono_literals;

inline int alive = 0;  // Counted objects that exist
struct Counted {
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  ~Counted() { --alive; }
};

// What a request asks for stands in its x-do header.
class Middle {
 public:
  static constexpr auto name = "test/middle";
  static constexpr auto scopes = sluice::scope::endpoint | sluice::scope::backend;
  static constexpr int32_t stage = 42;
  static constexpr auto schema = R"({"type": "object"})";
  static constexpr const char* aliases[] = {"old/middle", "older/middle"};

  explicit Middle(sluice::Setup& setup)
      : do_{setup.header("X-Do")}, calls_{setup.counter("middle_calls_total", "calls")}, gauge_{setup.gauge("middle_gauge", "gauge")} {
    const double bounds[] = {1, 2};
    sizes_ = setup.histogram("middle_sizes", "sizes", bounds);
    if (setup.has("throw")) throw std::runtime_error{"thrown by the constructor"};
    if (setup.has("nothing")) setup.nothing();
  }

  sluice::Action on_request(sluice::Exchange x) const {
    calls_.add(x);
    gauge_.add(x, -2);
    sizes_.observe(x, 1.5);
    const std::string_view what = x.header(do_);
    if (what == "throw") throw std::runtime_error{"thrown by the hook"};
    if (what == "reply") return x.reply(418, "teapot", "text/plain");
    if (what == "fail") return x.fail(403, "not today", "no", "text/plain");
    if (what == "state") return x.make_state<std::string>("kept from the request"), sluice::next;
    if (what == "after") return x.after(20ms, [c = Counted{}](sluice::Exchange y) { return y.reply(201); });
    if (what == "throw later") return x.after(20ms, [](sluice::Exchange) -> sluice::Action { throw std::runtime_error{"late"}; });
    if (what == "chain") {
      return x.fetch({.url = "http://a/", .method = "POST", .body = "b", .headers = {{"X-A", "1"}}, .timeout = 300ms, .max_body = 10},
                     [c = Counted{}](sluice::Exchange y, sluice::Reply r) -> sluice::Action {
                       if (!r.ok()) return y.fail(502, r.error());
                       return y.after(5ms, [status = r.status(), body = std::string{r.body()}](sluice::Exchange z) { return z.reply(status, body); });
                     });
    }
    if (what == "later") {
      x.call_later(5ms, [c = Counted{}](sluice::Exchange y) { y.log(sluice::Level::info, "timer of ", y.path(), ' ', 7, ' ', true, ' ', 1.5); });
      x.fetch_later({.url = "http://b/"}, [](sluice::Exchange y, sluice::Reply r) { y.log(sluice::Level::info, "reply ", r.header("x-r")); });
      return sluice::next;
    }
    if (what == "suspend") return suspended = x.suspend(), sluice::pending;
    return sluice::next;
  }
  sluice::Action on_response(sluice::Exchange x) const {
    if (const auto* s = x.state<std::string>()) x.response().set_body(*s);
    if (x.state<int>()) x.response().set_body("a state of the wrong type");
    return sluice::next;
  }

  static inline sluice::Suspension suspended;

 private:
  sluice::Header do_;
  sluice::Counter calls_;
  sluice::Gauge gauge_;
  sluice::Histogram sizes_;
};

// Reads every kind of option.
class Options {
 public:
  static constexpr auto name = "test/options";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr bool synchronous = true;
  explicit Options(sluice::Setup& s) {
    last = {s.text("text", "t"),
            s.integer("integer", 1, 0, 10),
            s.number("number", 0.5),
            s.boolean("boolean", true),
            s.duration("duration", 1500ms),
            s.texts("texts"),
            std::string{s.place()},
            s.unique_key(),
            s.scope(),
            {}};
    if (s.has("required")) {
      s.object("required").text("a");
      s.object("required").integer("b");
      s.object("required").number("c");
      s.object("required").duration("d");
    }
    s.each("members", [&](std::string_view key, sluice::Setup item) {
      last.members += std::string{key} + '=' + item.text("v", "?") + ';';
    });
    s.each("list", [&](sluice::Setup item) { item.integer("n"); });
    s.header_option("header", "x-ok");
    if (s.has("warn")) s.warning("warn", "careful");
  }
  sluice::Action on_request(sluice::Exchange) const { return sluice::next; }

  struct Read {
    std::string text;
    int64_t integer;
    double number;
    bool boolean;
    std::chrono::nanoseconds duration;
    std::vector<std::string> texts;
    std::string place, key;
    uint32_t scope;
    std::string members;
  };
  static inline Read last;
};

class Workers {
 public:
  static constexpr auto name = "test/workers";
  static constexpr auto scopes = sluice::scope::endpoint;
  struct PerWorker {
    PerWorker(const Workers&, const sluice::Worker& w) : index{w.index()}, count{w.count()} {}
    uint32_t index, count;
    int seen = 0;
    Counted counted;
  };
  sluice::Action on_request(sluice::Exchange x, PerWorker& w) const {
    return x.reply(200, std::to_string(w.index) + '/' + std::to_string(w.count) + ':' + std::to_string(++w.seen));
  }
};

class Quiet {  // on_done is its own only
 public:
  static constexpr auto name = "test/quiet";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr bool synchronous = true;
  sluice::Action on_raw_response(sluice::Exchange x) const {
    x.raw_slot() = &alive;
    return sluice::next;
  }
};

class Retry {  // one more attempt when the first failed
 public:
  static constexpr auto name = "test/retry";
  static constexpr auto scopes = sluice::scope::backend;
  sluice::Action on_call(sluice::Exchange x) const { return x.call_next(First{}) != 0 ? sluice::pending : sluice::failed; }

 private:
  struct First {
    Counted counted;
    sluice::Action operator()(sluice::Exchange outer, sluice::Exchange attempt) const {
      if (attempt.succeeded()) return outer.use(attempt);
      outer.call_next([](sluice::Exchange o, sluice::Exchange a) { return o.use(a); });
      return sluice::pending;
    }
  };
};

class Words {  // "a b" ⇄ ["a","b"]
 public:
  static constexpr auto name = "words";
  static constexpr auto format = "words";
  static constexpr auto content_type = "text/words";
  sluice::Status decode(std::span<const slc_str> chunks, uint32_t, sluice::Builder b, std::string_view& why) const {
    std::string all;
    for (const auto& c : chunks) all += sluice::view(c);
    if (all == "throw") throw std::runtime_error{"decoder"};
    if (all.find('!') != std::string::npos) return why = "no exclamations", sluice::Status{SLC_EDECODE};
    b.begin_object().key("words").deferred(SLC_ARRAY, all).end();
    return b.status();
  }
  static sluice::Status expand(std::string_view text, sluice::Builder b) {
    b.begin_array();
    while (!text.empty()) {
      const size_t n = std::min(text.find(' '), text.size());
      b.string(text.substr(0, n));
      text.remove_prefix(std::min(n + 1, text.size()));
    }
    return b.end().status();
  }
  sluice::Status encode(sluice::Exchange x, sluice::Value data) const {
    data["words"].each([&](uint32_t i, sluice::Value v) {
      if (i > 0) x.append_body(" ", true);
      x.append_body(v.text());
    });
    return {};
  }
};

struct Raw {
  static constexpr auto name = "raw";
  static constexpr bool raw = true;
};

class Sd {
 public:
  static constexpr auto name = "watching";
  struct Watch {
    explicit Watch(sluice::Publisher p) : publisher{p} {}
    sluice::Publisher publisher;
    Counted counted;
  };
  std::unique_ptr<Watch> watch(const slc_resolver_query& q, sluice::Publisher p) const {
    auto w = std::make_unique<Watch>(p);
    const slc_address a = sluice::address(sluice::view(q.hosts[0]), 3);
    w->publisher.publish({&a, 1});
    return w;
  }
};

class Last {
 public:
  static constexpr auto name = "test/last";
  static constexpr auto scopes = sluice::scope::backend;
  uint32_t pick(sluice::Exchange, std::span<const slc_candidate> all) const { return static_cast<uint32_t>(all.size() - 1); }
};

class Slow {
 public:
  static constexpr auto name = "test/slow";
  static constexpr auto scopes = sluice::scope::backend;
  sluice::Action send(sluice::Exchange x) const {
    if (x.path() == "/now") return x.make<Counted>(), x.reply(204);
    return x.after(10ms, [c = Counted{}](sluice::Exchange y) { return y.reply(200, "late"); });
  }
};

class Sink {
 public:
  static constexpr auto name = "test/sink";
  static constexpr auto scopes = sluice::scope::service;
  sluice::Level level() const { return sluice::Level::warning; }
  void write(const sluice::LogRecord& r) {
    if (r.message == "throw") throw std::runtime_error{"sink"};
    text += std::string{r.message} + '@' + std::string{r.place} + '\n';
  }
  void flush() { text += "flushed\n"; }
  static inline std::string text;
};

struct Whole {  // the plugin's own life
  static void load(sluice::Setup&) { ++loads; }
  static void unload() { --loads; }
  static inline int loads = 0;
};

}  // namespace sdk_test

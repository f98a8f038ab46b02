// test/script-...: a middleware that does what its block says, at each scope and at two stages of it. A block is
//   {"id": "A", "on_request": [step, ...], "on_raw_response": [...], "on_response": [...]}
// and a step is a list, the verb first (Runner::step has them all). Without further steps a hook answers "next". on_done logs
// "done <id> <outcome>", so that a test can count.
#include <sluice/plugin.hpp>

namespace {

using sluice::Action;
using sluice::Exchange;
using sluice::Value;

std::string_view text_of(Value step, uint32_t i) { return step.at(i).text(); }
int number_of(Value step, uint32_t i) { return static_cast<int>(step.at(i).as_int().value_or(0)); }

// One hook that is being played. The script is the configuration's own document, which outlives every request.
class Runner {
 public:
  Runner(std::string_view id, Value steps, int32_t side, sluice::Header trace) : id_{id}, steps_{steps}, side_{side}, trace_{trace} {}

  Action run(Exchange x, uint32_t from = 0) const {
    for (uint32_t i = from; i < steps_.size(); ++i) {
      const Value s = steps_.at(i);
      const auto again = [self = *this, i](Exchange y) { return self.run(y, i + 1); };
      const std::string_view verb = text_of(s, 0);
      if (verb == "after") return x.after(std::chrono::milliseconds{number_of(s, 1)}, again);
      if (verb == "fetch") {
        return x.fetch({.url = text_of(s, 1), .method = s.size() > 2 ? text_of(s, 2) : "GET", .body = text_of(s, 3),
                        .headers = {{"X-Asked-By", id_}}, .timeout = std::chrono::milliseconds{5000}},
                       [self = *this, i](Exchange y, sluice::Reply r) {
                         const std::string what = r.ok() ? std::to_string(r.status()) + ' ' + std::string{r.body()} : "failed";
                         y.response().set_header(self.header(y, "X-Fetched"), what);
                         y.request().set_header(self.header(y, "X-Fetched"), what);
                         return self.run(y, i + 1);
                       });
      }
      if (verb == "later") {  // does not wait: the answer is on its way when the timer comes, or the timer goes with it
        x.call_later(std::chrono::milliseconds{number_of(s, 1)}, [id = std::string{id_}](Exchange y) { y.log(sluice::Level::info, "late ", id); });
        continue;
      }
      if (verb == "suspend") return x.suspend() ? sluice::pending : sluice::failed;
      if (verb == "when") {
        if (x.header(header(x, text_of(s, 1))).empty()) return sluice::next;
        continue;
      }
      if (verb == "reply") return x.reply(number_of(s, 1), text_of(s, 2), s.size() > 3 ? text_of(s, 3) : "text/plain");
      if (verb == "replied") return sluice::done;  // with what was set before
      if (verb == "fail") return x.fail(number_of(s, 1), text_of(s, 2), text_of(s, 3), s.size() > 4 ? text_of(s, 4) : "");
      if (verb == "throw") throw std::runtime_error{std::string{text_of(s, 1)}};
      step(x, s, verb);
    }
    return sluice::next;
  }

 private:
  static sluice::Header header(const Exchange& x, std::string_view name) {
    return x.services().exchange->intern(x.services().host, sluice::str(name));  // once per hook would be too much for a real plugin
  }
  static sluice::Message message(const Exchange& x, std::string_view side) { return side == "request" ? x.request() : x.response(); }

  void step(const Exchange& x, Value s, std::string_view verb) const {
    if (verb == "note") {  // who was here, in the order of arrival
      const sluice::Message m = side_ == SLC_REQUEST ? x.request() : x.response();
      std::string trace{m.header(trace_)};
      if (!trace.empty()) trace += ' ';
      trace += id_;
      m.set_header(trace_, trace);
    } else if (verb == "set") {
      message(x, text_of(s, 1)).set_header(header(x, text_of(s, 2)), text_of(s, 3));
    } else if (verb == "add") {
      message(x, text_of(s, 1)).add_header(header(x, text_of(s, 2)), text_of(s, 3));
    } else if (verb == "remove") {
      message(x, text_of(s, 1)).remove_header(header(x, text_of(s, 2)));
    } else if (verb == "body") {
      message(x, text_of(s, 1)).set_body(text_of(s, 2));
    } else if (verb == "append") {
      x.append_body(text_of(s, 1), true);
    } else if (verb == "param") {
      x.set_param(text_of(s, 1), text_of(s, 2));
    } else if (verb == "method") {
      x.set_method(text_of(s, 1));
    } else if (verb == "path") {
      x.set_path(text_of(s, 1));
    } else if (verb == "query") {
      x.set_query(text_of(s, 1));
    } else if (verb == "status") {
      x.set_status(number_of(s, 1));
    } else if (verb == "data") {
      x.replace_data().copy(s.at(1));
    } else if (verb == "half-data") {  // a document without an end
      x.replace_data().begin_object().key("half");
    } else if (verb == "erase") {
      x.data().erase(text_of(s, 1));
    } else if (verb == "complete") {
      x.set_complete(s.at(1).as_bool().value_or(false));
    } else if (verb == "show") {  // ["show", "request" or "response", header, what]
      message(x, text_of(s, 1)).set_header(header(x, text_of(s, 2)), describe(x, text_of(s, 3)));
    } else if (verb == "log") {
      x.log(sluice::Level::warning, text_of(s, 1), ' ', describe(x, text_of(s, 2)));
    }
  }

  std::string describe(const Exchange& x, std::string_view what) const {
    if (what.starts_with("param:")) return std::string{x.param(what.substr(6))};
    if (what.starts_with("request:")) return std::string{x.request().header(header(x, what.substr(8)))};
    if (what.starts_with("response:")) return std::string{x.response().header(header(x, what.substr(9)))};
    if (what == "method") return std::string{x.method()};
    if (what == "path") return std::string{x.path()};
    if (what == "query") return std::string{x.query()};
    if (what == "route") return std::string{x.route()};
    if (what == "scheme") return std::string{x.scheme()};
    if (what == "client-ip") return std::string{x.client_ip()};
    if (what == "status") return std::to_string(x.status());
    if (what == "outcome") return std::to_string(x.outcome()) + ' ' + std::string{x.outcome_text()};
    if (what == "scope") return std::to_string(x.scope());
    if (what == "remaining") {
      const auto left = x.remaining();
      return left ? std::to_string(left->count()) : "unlimited";
    }
    if (what == "complete") return x.complete() ? "yes" : "no";
    if (what == "request-body") return std::string{x.request().body()};
    if (what == "response-body") return std::string{x.response().body()};
    if (what == "data") {
      std::string out;
      sluice::append_json(out, x.data());
      return out;
    }
    return "?";
  }

  std::string_view id_;
  Value steps_;
  int32_t side_;
  sluice::Header trace_;
};

constexpr auto kSchema = R"({
  "type": "object",
  "required": ["id"],
  "additionalProperties": false,
  "properties": {
    "id": {"type": "string", "minLength": 1},
    "on_request": {"type": "array", "items": {"type": "array"}},
    "on_raw_response": {"type": "array", "items": {"type": "array"}},
    "on_response": {"type": "array", "items": {"type": "array"}}
  }
})";

class Script {
 public:
  static constexpr auto schema = kSchema;

  explicit Script(sluice::Setup& setup)
      : id_{setup.text("id")}, trace_{setup.header("X-Trace")}, on_request_{setup.value("on_request")},
        on_raw_{setup.value("on_raw_response")}, on_response_{setup.value("on_response")} {}

  Action on_request(Exchange x) const { return Runner{id_, on_request_, SLC_REQUEST, trace_}.run(x); }
  Action on_response(Exchange x) const { return Runner{id_, on_response_, SLC_RESPONSE, trace_}.run(x); }
  void on_done(Exchange x) const { x.log(sluice::Level::info, "done ", id_, ' ', x.outcome()); }

 protected:
  Action on_raw(Exchange x) const { return Runner{id_, on_raw_, SLC_RESPONSE, trace_}.run(x); }

 private:
  std::string id_;
  sluice::Header trace_;
  Value on_request_, on_raw_, on_response_;
};

#define SCRIPT(Class, the_name, the_scope, the_stage)       \
  struct Class : Script {                                   \
    static constexpr auto name = the_name;                  \
    static constexpr auto scopes = sluice::scope::the_scope; \
    static constexpr int32_t stage = the_stage;             \
    using Script::Script;                                   \
  };
SCRIPT(OuterService, "test/service-outer", service, 110)
SCRIPT(InnerService, "test/service-inner", service, 910)
SCRIPT(OuterEndpoint, "test/endpoint-outer", endpoint, 110)
SCRIPT(InnerEndpoint, "test/endpoint-inner", endpoint, 910)
SCRIPT(OuterProxy, "test/proxy-outer", proxy, 110)
SCRIPT(InnerProxy, "test/proxy-inner", proxy, 910)

// on_raw_response exists at backends only.
template <class Base>
struct WithRaw : Base {
  using Base::Base;
  Action on_raw_response(Exchange x) const { return this->on_raw(x); }
};
SCRIPT(OuterBackendScript, "test/backend-outer", backend, 110)
SCRIPT(InnerBackendScript, "test/backend-inner", backend, 910)
using OuterBackend = WithRaw<OuterBackendScript>;
using InnerBackend = WithRaw<InnerBackendScript>;

}  // namespace

SLC_PLUGIN("test.script", "1.0.0", OuterService, InnerService, OuterEndpoint, InnerEndpoint, OuterProxy, InnerProxy, OuterBackend,
           InnerBackend)

#include "tests/unit/pipeline/fixture.h"

#include <gtest/gtest.h>

#include "core/config/reader.h"
#include "core/log/log.h"
#include "core/pipeline/compile.h"

namespace {

using sluice::pipeline::testing::play;

void note(const std::string& id, const std::string& what) { play->events.push_back(id + ' ' + what); }

// A hook that does what its block says: {"id": …, "request": A, "response": A}, A being next (also when absent), data, reply, fail,
// wait, or forget: starts to wait and answers "next" all the same.
class Script {
 public:
  explicit Script(sluice::Setup& setup, const char* name)
      : id_{setup.text("id", name)}, request_{setup.text("request", "next")}, response_{setup.text("response", "next")} {}
  sluice::Action on_request(sluice::Exchange x) const { return act(x, "request", request_); }
  sluice::Action on_response(sluice::Exchange x) const { return act(x, "response " + std::to_string(x.outcome()), response_); }
  void on_done(sluice::Exchange x) const { note(id_, "done " + std::to_string(x.outcome())); }

 private:
  sluice::Action act(sluice::Exchange x, const std::string& where, const std::string& what) const {
    note(id_, where);
    if (what == "reply") {
      if (x.scope() == sluice::scope::proxy || x.scope() == sluice::scope::backend) {
        x.replace_data().begin_object().key("by").string(id_).end();
        return x.reply(200);
      }
      return x.reply(202, id_, "text/plain");
    }
    if (what == "data") {  // what is there now, as a text
      std::string seen;
      sluice::append_json(seen, x.data());
      note(id_, "sees " + seen);
      return sluice::next;
    }
    if (what == "fail") return x.fail(418, id_ + " fails");
    if (what == "wait" || what == "forget") {
      play->waiting.push_back({id_, x, x.suspend()});
      return what == "wait" ? sluice::pending : sluice::next;
    }
    return sluice::next;
  }
  std::string id_, request_, response_;
};

#define SCRIPT_AT(Class, text, where, number)           \
  struct Class : Script {                               \
    static constexpr auto name = text;                  \
    static constexpr auto scopes = sluice::scope::where; \
    static constexpr int32_t stage = number;            \
    explicit Class(sluice::Setup& s) : Script{s, name} {} \
  };
SCRIPT_AT(ServerA, "server-a", service, 100)
SCRIPT_AT(EngineA, "engine-a", service, 400)
SCRIPT_AT(EndA, "end-a", endpoint, 100)
SCRIPT_AT(EndB, "end-b", endpoint, 500)
SCRIPT_AT(ProxyA, "proxy-a", proxy, 100)
SCRIPT_AT(ProxyB, "proxy-b", proxy, 200)
SCRIPT_AT(ProxyC, "proxy-c", proxy, 350)
SCRIPT_AT(ProxyD, "proxy-d", proxy, 400)
SCRIPT_AT(BackA, "back-a", backend, 100)
SCRIPT_AT(BackB, "back-b", backend, 200)
#undef SCRIPT_AT

// Calls what is inside "calls" times at once; the first attempt that succeeded is used.
class Hedge {
 public:
  static constexpr auto name = "hedge";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr int32_t stage = 150;
  explicit Hedge(sluice::Setup& setup) : calls_{setup.integer("calls", 2)} {}
  sluice::Action on_call(sluice::Exchange x) const {
    note("hedge", "call");
    for (int64_t i = 0; i < calls_; ++i) {
      x.call_next([left = calls_](sluice::Exchange outer, sluice::Exchange attempt) {
        note("hedge", "attempt " + std::to_string(attempt.outcome()));
        (void)left;
        return attempt.succeeded() ? outer.use(attempt) : sluice::pending;
      });
    }
    return sluice::pending;
  }
  void on_done(sluice::Exchange x) const { note("hedge", "done " + std::to_string(x.outcome())); }

 private:
  int64_t calls_;
};

// Every backend of these tests. {"now": true}: answers inside of send.
class Call {
 public:
  static constexpr auto name = "call";
  static constexpr auto scopes = sluice::scope::backend;
  explicit Call(sluice::Setup& setup) : id_{setup.text("id", "call")}, now_{setup.boolean("now", false)} {}
  sluice::Action send(sluice::Exchange x) const {
    note(id_, "send");
    if (now_) {
      x.replace_data().begin_object().key(id_).string("now").end();
      x.set_complete(true);
      return x.reply(200);
    }
    play->waiting.push_back({id_, x, x.suspend()});
    return sluice::pending;
  }
  void cancel(sluice::Exchange) const { note(id_, "cancelled"); }

 private:
  std::string id_;
  bool now_;
};

// {"type": "plain"} as encodings, so that a configuration needs to name none.
struct Plain {
  static constexpr auto name = "plain";
  static constexpr auto content_type = "text/x-test";
  static constexpr uint32_t flags = SLC_BIND_DEFAULT;
  sluice::Status decode(std::span<const slc_str>, uint32_t, sluice::Builder out, std::string_view&) const {
    return out.begin_object().end().status();
  }
  sluice::Status encode(sluice::Exchange x, sluice::Value data) const {
    std::string out;
    sluice::append_json(out, data);
    return x.append_body(out);
  }
};

}  // namespace

SLC_PLUGIN("test.pipeline", "1", ServerA, EngineA, EndA, EndB, ProxyA, ProxyB, ProxyC, ProxyD, BackA, BackB, Hedge, Call, sluice::Decoder<Plain>,
           sluice::Encoder<Plain>)

namespace sluice::pipeline::testing {

void FakeStream::take(const http::ResponseHead& h, http::Slices pieces) {
  play->events.push_back("answer " + std::to_string(h.status));
  status = h.status;
  completed = h.headers.get("X-Krakend-Completed"), location = h.headers.get("Location");
  for (http::Slice s : pieces) text += s;
}

Pipeline::Pipeline(const std::string& endpoints, const std::string& root) {
  play = &play_;
  log::configure(log::Level::off, {});
  log::set_access(false);
  config::ReadResult read = config::read_text(
      "test.json", R"({"version": 3, "timeout": "60s", "client_tls": {"disable_system_ca_pool": true}, )" + root + R"("endpoints": [)" + endpoints + "]}", {});
  auto registry = std::make_unique<plugin::Registry>();
  plugin::ScanResult found;
  registry->add(&SLC_ENTRY_SYMBOL, "test.so", found);
  for (const std::string& p : found.problems) ADD_FAILURE() << p;
  generation_ = compile(read.partial, std::move(registry), {}, read.report);
  if (!generation_) throw std::runtime_error{"the test's configuration: " + read.report.format()};
  plan_ = std::make_unique<WorkerPlan>(generation_, *worker.worker);
  if (auto started = plan_->start(); !started) ADD_FAILURE() << started.error().message;
}

Pipeline::~Pipeline() {
  for (FakeStream& s : streams_)
    if (!s.released) s.leave();
  plan_->shadows.end();
  EXPECT_EQ(running(), 0u);
  plan_->stop();
  log::configure(log::Level::debug, {});
  log::set_access(true);
  play = nullptr;
}

FakeStream& Pipeline::request(const std::string& path, const std::string& method, const http::Header& header) {
  worker.turn();  // the loop's idea of now is old after compiling, and deadlines count from it
  FakeStream& s = streams_.emplace_back(worker.loop.blocks(), method, path);
  if (!header.name.empty()) s.add_header(header);
  pipeline::Exchange::begin(*plan_, s);
  return s;
}

Play::Waiting& Pipeline::at(std::string_view id, size_t nth) {
  for (Play::Waiting& w : play_.waiting)
    if (w.id == id && nth-- == 0) return w;
  throw std::runtime_error{"nobody waits as " + std::string{id}};
}

size_t Pipeline::waiting(std::string_view id) const {
  size_t n = 0;
  for (const Play::Waiting& w : play_.waiting) n += w.id == id;
  return n;
}

bool Pipeline::resume(std::string_view id, sluice::Action action, size_t nth) {
  const bool counted = bool{at(id, nth).suspension.resume(action)};
  worker.turn();
  worker.turn();  // attempts call back a turn later
  return counted;
}

bool Pipeline::answer(std::string_view id, std::string_view members, size_t nth, bool complete) {
  const sluice::Exchange& x = at(id, nth).x;
  auto out = x.replace_data();
  out.begin_object();
  for (std::string_view rest = members; !rest.empty();) {  // "name":number pairs
    const size_t quote = rest.find('"', 1), comma = std::min(rest.find(','), rest.size());
    out.key(rest.substr(1, quote - 1)).number_text(rest.substr(quote + 2, comma - quote - 2));
    rest = rest.substr(std::min(comma + 1, rest.size()));
  }
  out.end();
  EXPECT_TRUE(out.ok()) << members;
  x.set_complete(complete);
  x.set_status(200);
  return resume(id, sluice::done, nth);
}

bool Pipeline::refuse(std::string_view id, size_t nth) {
  return resume(id, at(id, nth).x.fail(0, std::string{id} + " is down"), nth);
}

void Pipeline::until_released(const FakeStream& s) {
  worker.until([&] { return s.released; });
}

std::string Pipeline::events() {
  std::string out;
  for (const std::string& e : take_events()) out += (out.empty() ? "" : ", ") + e;
  return out;
}

}  // namespace sluice::pipeline::testing

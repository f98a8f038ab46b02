// Transports: test/echo-transport answers at once (or after "after") with what it was asked for; test/never-transport waits
// until it is cancelled; test/failing-transport fails.
#include <sluice/plugin.hpp>

namespace {

using sluice::Action;
using sluice::Exchange;

class EchoTransport {
 public:
  static constexpr auto name = "test/echo-transport";
  static constexpr auto scopes = sluice::scope::backend;

  explicit EchoTransport(sluice::Setup& setup)
      : after_{std::chrono::duration_cast<std::chrono::milliseconds>(setup.duration("after", std::chrono::nanoseconds{0}))},
        status_{static_cast<int>(setup.integer("status", 200))}, asked_{setup.header("X-Asked")} {}

  Action send(Exchange x) const {
    if (after_.count() == 0) return answer(x);
    return x.after(after_, [this](Exchange y) { return answer(y); });
  }

 private:
  Action answer(Exchange x) const {
    std::string out = R"({"method":)";
    sluice::append_json_string(out, x.method());
    out += R"(,"path":)";
    sluice::append_json_string(out, x.path());
    out += R"(,"query":)";
    sluice::append_json_string(out, x.query());
    out += R"(,"header":)";
    sluice::append_json_string(out, x.header(asked_));
    out += R"(,"body":)";
    sluice::append_json_string(out, x.body());
    out += '}';
    return x.reply(status_, out);
  }
  std::chrono::milliseconds after_;
  int status_;
  sluice::Header asked_;
};

class NeverTransport {
 public:
  static constexpr auto name = "test/never-transport";
  static constexpr auto scopes = sluice::scope::backend;

  Action send(Exchange x) const {
    x.log(sluice::Level::info, "transport sends");
    return x.after(std::chrono::hours{1}, [](Exchange y) { return y.reply(200, "{}"); });
  }
  void cancel(Exchange x) const { x.log(sluice::Level::info, "transport cancelled"); }
};

class FailingTransport {
 public:
  static constexpr auto name = "test/failing-transport";
  static constexpr auto scopes = sluice::scope::backend;

  Action send(Exchange x) const { return x.fail(503, "the queue is full", "busy", "text/plain"); }
};

}  // namespace

SLC_PLUGIN("test.sending", "1.0.0", EchoTransport, NeverTransport, FailingTransport)

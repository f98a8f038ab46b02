// test/obedient-transport: streams both bodies, waits between pieces, and obeys all rules. What check-plugin says against it is wrong.
#include <sluice/plugin.hpp>

namespace {

using sluice::Action;
using sluice::Chunk;
using sluice::Exchange;
using namespace std::chrono_literals;

class ObedientTransport {
 public:
  static constexpr auto name = "test/obedient-transport";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr auto schema = R"({"type": "object", "additionalProperties": false})";

  explicit ObedientTransport(sluice::Setup& setup) : type_{setup.header("Content-Type")} {}

  // A document: the length of the request's body, and as many numbers as make more than the bound takes at once.
  Action send(Exchange x) const {
    x.make_state<Sent>().ends = x.request_length() == 0;
    return x.after(1ms, [this](Exchange y) {
      if (!y.follow()) return y.reply(200, "{}");
      y.response().set_header(type_, "application/json");
      y.emit(SLC_RESPONSE, R"({"numbers":[0)");
      return y.reply(200);
    });
  }
  Action on_request_chunk(Exchange x, Chunk c) const {
    Sent& s = *x.state<Sent>();
    s.bytes += c.bytes().size();
    s.ends = c.last();
    return x.after(1ms, [](Exchange y) {
      end(y);
      return sluice::take;
    });
  }
  void on_room(Exchange x) const {
    Sent& s = *x.state<Sent>();
    for (; s.numbers < 300'000; ++s.numbers)
      if (!x.emit(SLC_RESPONSE, ",1234")) return;
    end(x);
  }

 private:
  struct Sent {
    size_t bytes = 0, numbers = 0;
    bool ends = false;
  };
  static void end(Exchange x) {
    const Sent& s = *x.state<Sent>();
    if (!s.ends || s.numbers < 300'000) return;
    x.emit(SLC_RESPONSE, "],\"bytes\":" + std::to_string(s.bytes) + "}");
    x.finish();
  }
  sluice::Header type_;
};

}  // namespace

SLC_PLUGIN("test.obedient-transport", "1.0.0", ObedientTransport)

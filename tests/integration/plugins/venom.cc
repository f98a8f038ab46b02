// Functions that answer at once and do what they are told instead: the decoder "venom" by the body, "do:DEED", the encoder "venom" by the client's
// X-Poison, the balancer test/venom and the stage test/venom-around by that of the request. Deeds: segv, abort, exit, loop, refuse, and for the decoder expand
// (dies when what it has put off is looked at). Without one: the decoder gives {"text": body, "later": {"length": n}}, of which `later` is put off, the encoder
// writes the answer as JSON between angle brackets, and the balancer takes the host that X-Host numbers.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include <sluice/plugin.hpp>

namespace {

using sluice::Builder;
using sluice::Status;
using sluice::Value;

constexpr auto kFormat = "venom";

void die(int by) {
  signal(by, SIG_DFL);  // the sanitizers' own handlers stay silent
  raise(by);
}

// True: refuse.
bool act(std::string_view deed) {
  if (deed == "segv") die(SIGSEGV);
  if (deed == "abort") die(SIGABRT);
  if (deed == "exit") _exit(3);
  if (deed == "loop")
    for (;;) asm volatile("");  // nobody optimises this away
  return deed == "refuse";
}

class VenomDecoder {
 public:
  static constexpr auto name = "venom";
  static constexpr auto format = kFormat;

  Status decode(std::span<const slc_str> chunks, uint32_t, Builder b, std::string_view& why) const {
    const std::string_view text = chunks.empty() ? std::string_view{} : sluice::view(chunks[0]);
    if (text.starts_with("do:") && act(text.substr(3))) {
      why = "venom does not like this body";
      return {SLC_EDECODE};
    }
    b.begin_object().key("text").string(text).key("later");
    b.deferred(SLC_OBJECT, text).end();
    return b.status();
  }
  static Status expand(std::string_view text, Builder b) {
    if (text == "do:expand") die(SIGSEGV);
    b.begin_object().key("length").integer(static_cast<int64_t>(text.size())).end();
    return b.status();
  }
};

class VenomEncoder {
 public:
  static constexpr auto name = "venom";
  static constexpr auto content_type = "text/venom";

  explicit VenomEncoder(sluice::Setup& setup)
      : poison_{setup.header("X-Poison")}, wish_{setup.header("X-Type")}, type_{setup.header("Content-Type")}, method_{setup.header("X-Method")} {}
  Status encode(sluice::Exchange x, Value data) const {
    if (const std::string_view deed = x.client().header(poison_); deed.starts_with("encode:") && act(deed.substr(7))) return {SLC_EINVAL};
    std::string out = "<";
    sluice::append_json(out, data);
    x.append_body(out);
    x.append_body(">", true);
    x.response().set_header(method_, x.method());
    if (const std::string_view type = x.client().header(wish_); !type.empty()) x.response().set_header(type_, type);
    return {SLC_OK};
  }

 private:
  sluice::Header poison_, wish_, type_, method_;
};

class VenomBalancer {
 public:
  static constexpr auto name = "test/venom";
  static constexpr auto scopes = sluice::scope::backend;

  explicit VenomBalancer(sluice::Setup& setup) : poison_{setup.header("X-Poison")}, wish_{setup.header("X-Host")}, told_{setup.header("X-Picked")} {}
  uint32_t pick(sluice::Exchange x, std::span<const slc_candidate> all) const {
    if (const std::string_view deed = x.header(poison_); deed.starts_with("pick:")) act(deed.substr(5));
    x.set_header(told_, sluice::view(all[0].url));
    return static_cast<uint32_t>(std::atoi(std::string{x.header(wish_)}.c_str()));
  }

 private:
  sluice::Header poison_, wish_, told_;
};

// Runs its inside once, or as often as X-Attempts says one after the other, and uses the last one.
class VenomAround {
 public:
  static constexpr auto name = "test/venom-around";
  static constexpr auto scopes = sluice::scope::proxy | sluice::scope::backend;
  static constexpr int32_t stage = 500;

  explicit VenomAround(sluice::Setup& setup) : poison_{setup.header("X-Poison")}, attempts_{setup.header("X-Attempts")} {}
  sluice::Action on_call(sluice::Exchange x) const {
    hurt(x, "on_call:");
    const std::string_view n = x.header(attempts_);
    return attempt(x, n.empty() ? 1 : std::atoi(std::string{n}.c_str()));
  }
  void on_done(sluice::Exchange x) const { hurt(x, "on_done:"); }

 private:
  void hurt(sluice::Exchange x, std::string_view where) const {
    if (const std::string_view deed = x.header(poison_); deed.starts_with(where)) act(deed.substr(where.size()));
  }
  sluice::Action attempt(sluice::Exchange x, int left) const {
    const auto decide = [this, left](sluice::Exchange outer, sluice::Exchange inner) {
      hurt(outer, "on_attempt:");
      return left > 1 ? attempt(outer, left - 1) : outer.use(inner);
    };
    return x.call_next(decide) ? sluice::pending : x.fail(503, "no attempt could be started");
  }
  sluice::Header poison_, attempts_;
};

}  // namespace

SLC_PLUGIN("test.venom", "1.0.0", VenomDecoder, VenomEncoder, VenomBalancer, VenomAround)

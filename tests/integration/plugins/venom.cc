// A decoder, "venom", that does what the body says, "do:DEED": segv, abort, exit, loop, refuse, and expand (dies when what it has put off is
// looked at). Without one it gives {"text": body, "later": {"length": n}}, of which `later` is put off.
#include <signal.h>
#include <unistd.h>

#include <sluice/plugin.hpp>

namespace {

using sluice::Builder;
using sluice::Status;

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

}  // namespace

SLC_PLUGIN("test.venom", "1.0.0", VenomDecoder)

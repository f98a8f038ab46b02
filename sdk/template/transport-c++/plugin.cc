// Answers in place of an HTTP backend: what was asked, after a while. In the configuration of a backend:
//
//   "extra_config": {"@VENDOR@/@NAME@": {"greeting": "hello", "delay": "10ms"}}
#include <sluice/plugin.hpp>

#include "schema.h"

namespace {

class Plugin {
 public:
  static constexpr auto name = "@VENDOR@/@NAME@";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr auto schema = kSchema;

  explicit Plugin(sluice::Setup& setup)
      : greeting_{setup.text("greeting", "hello")},
        delay_{std::chrono::duration_cast<std::chrono::milliseconds>(setup.duration("delay", std::chrono::milliseconds{10}))} {}

  // Reads the request, writes the answer: status, headers, body. It is decoded as any backend's. Must not block: this one waits
  // with a timer; one that speaks to something else takes x.suspend() and resumes from a thread of its own. Bodies that are long pass
  // in pieces: x.follow(), on_room and on_request_chunk, see Transport in sluice/detail/kinds.hpp.
  sluice::Action send(sluice::Exchange x) const {
    return x.after(delay_, [this](sluice::Exchange later) {
      std::string body = R"({"greeting":)";
      sluice::append_json_string(body, greeting_);
      body += R"(,"method":)";
      sluice::append_json_string(body, later.method());
      body += R"(,"path":)";
      sluice::append_json_string(body, later.path());
      return later.reply(200, body + '}');
    });
  }

 private:
  std::string greeting_;
  std::chrono::milliseconds delay_;
};

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)

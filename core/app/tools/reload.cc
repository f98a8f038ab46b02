// sluice reload
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>

#include "core/app/options.h"
#include "core/app/tools/admin_client.h"
#include "core/app/tools/style.h"
#include "core/app/tools/tool.h"

namespace sluice::app {

extern const Tool kReloadTool;

namespace {

int run(std::span<const std::string> arguments);

constexpr int kLimitSeconds = 300;  // a large configuration, and plugins that take their time

void print(FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

std::string text_of(const boost::json::object& o, const char* key) {
  const auto* v = o.if_contains(key);
  return v && v->is_string() ? std::string{v->get_string()} : std::string{};
}
std::string number_of(const boost::json::object& o, const char* key) {
  const auto* v = o.if_contains(key);
  return v && v->is_number() ? std::to_string(v->to_number<int64_t>()) : std::string{"?"};
}

int show(const boost::json::object& o) {
  if (const auto* warnings = o.if_contains("warnings"); warnings && warnings->is_array())
    for (const auto& w : warnings->get_array())
      if (w.is_string()) print(stderr, painted("warning ", "33", 2) + std::string{w.get_string()} + "\n");
  if (const auto* ok = o.if_contains("ok"); !ok || !ok->is_bool() || !ok->get_bool()) {
    print(stderr, painted("Refused.", "31", 2) + " Generation " + number_of(o, "generation") + " serves on.\n" + text_of(o, "error") + "\n");
    return kFailure;
  }
  print(stdout, painted("Reloaded", "32", 1) + " in " + number_of(o, "took_ms") + " ms: generation " + number_of(o, "generation") + " serves\n");
  const auto* changes = o.if_contains("changes");
  std::string trial = text_of(o, "trial");
  if (changes && changes->is_array())
    for (const auto& c : changes->get_array())
      if (c.is_string()) print(stdout, "  " + std::string{c.get_string()} + "\n");
  if (!trial.empty()) print(stdout, "  " + painted("trial", "36", 1) + " " + trial + "\n");
  if ((!changes || !changes->is_array() || changes->get_array().empty()) && trial.empty()) print(stdout, "  nothing changed\n");
  return kClean;
}

int run(std::span<const std::string> arguments) {
  AdminFlags flags = admin_flags(arguments);
  bool promote = std::erase(flags.rest, "--promote") > 0;
  if (!flags.wrong.empty()) return usage_failure(kReloadTool, flags.wrong);
  if (!flags.rest.empty()) return usage_failure(kReloadTool, "unexpected argument \"" + flags.rest.front() + "\"");
  auto socket = find_admin(flags);
  if (!socket) return print(stderr, "Error: " + socket.error().message + "\n"), kFailure;
  auto answer = ask_admin(*socket, "POST", promote ? "/reload?promote=1" : "/reload", kLimitSeconds);
  if (!answer) return print(stderr, "Error: " + answer.error().message + "\n"), kFailure;
  boost::json::error_code wrong;
  boost::json::value value = boost::json::parse(answer->body, wrong);
  if (wrong || !value.is_object()) return print(stderr, "Error: unexpected answer: " + answer->body + "\n"), kFailure;
  if (!flags.json) return show(value.get_object());
  print(stdout, answer->body + "\n");
  return answer->status == 200 ? kClean : kFailure;
}

}  // namespace

const Tool kReloadTool{"reload", "Make a running gateway read its configuration and plugins again",
                   R"(sluice reload: make a running gateway read its configuration and plugins again

Usage:
  sluice reload [flags]

The gateway reads everything again, checks it as `sluice check` does, builds it beside what runs, and swaps. Requests that
run end on the old configuration and the old plugin code; connections stay. Anything wrong: the old one serves on, and
what is wrong is printed with its place. SIGHUP does the same, without an answer.

Flags:
      --promote      Give all requests to the plugin builds that are on trial, or that were sent back
      --admin PATH   The gateway's admin socket (default: $SLUICE_ADMIN, else that of the only gateway of this user)
      --pid N        The gateway with this process id
      --json         The answer as it came
  -h, --help         This text

Exit code: 0 the new configuration serves, 1 it was refused or nobody answered, 255 wrong usage

Examples:
  sluice reload
  sluice reload --pid 4711
  cp build/libacme.so /usr/lib/sluice/plugins/ && sluice reload

More: docs/operating.md
)",
                   run};

}  // namespace sluice::app

// sluice metrics
#include <cstdio>

#include "core/app/options.h"
#include "core/app/tools/admin_client.h"
#include "core/app/tools/tool.h"

namespace sluice::app {

extern const Tool kMetricsTool;

namespace {

constexpr int kLimitSeconds = 30;

void print(FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

int run(std::span<const std::string> arguments) {
  AdminFlags flags = admin_flags(arguments);
  if (!flags.wrong.empty()) return usage_failure(kMetricsTool, flags.wrong);
  if (flags.json) return usage_failure(kMetricsTool, "unknown flag: --json (sluice status --json has the figures as JSON)");
  if (!flags.rest.empty()) return usage_failure(kMetricsTool, "unexpected argument \"" + flags.rest.front() + "\"");
  auto socket = find_admin(flags);
  if (!socket) return print(stderr, "Error: " + socket.error().message + "\n"), kFailure;
  auto answer = ask_admin(*socket, "GET", "/metrics", kLimitSeconds);
  if (!answer) return print(stderr, "Error: " + answer.error().message + "\n"), kFailure;
  if (answer->status != 200) return print(stderr, "Error: unexpected answer: " + answer->body + "\n"), kFailure;
  print(stdout, answer->body);
  return kClean;
}

}  // namespace

const Tool kMetricsTool{"metrics", "The counters of a running gateway and of its plugins, for Prometheus",
                        R"(sluice metrics: the counters of a running gateway and of its plugins

Usage:
  sluice metrics [flags]

Prints what GET /metrics of the admin socket answers, in Prometheus' text format: requests, connections, generations and
reloads of the gateway, what plugins count themselves, and what each hook of each plugin costs at each place.

Flags:
      --admin PATH   The gateway's admin socket (default: $SLUICE_ADMIN, else that of the only gateway of this user)
      --pid N        The gateway with this process id
  -h, --help         This text

Exit code: 0 it answered, 1 nobody did, 255 wrong usage

Examples:
  sluice metrics
  sluice metrics | grep ^sluice_requests_total
  curl --unix-socket /run/sluice/admin.sock http://sluice/metrics

More: docs/operating.md
)",
                        run};

}  // namespace sluice::app

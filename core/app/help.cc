#include <gnu/libc-version.h>

#include <algorithm>

#include "core/app/options.h"
#include "core/app/tools/tool.h"
#include "sluice/plugin.h"

namespace sluice::app {
namespace {

constexpr std::string_view kOverview = R"(sluice, an aggregating API gateway whose features are plugins
Version: )" SLC_VERSION R"(

Usage:
  sluice COMMAND [flags]

Commands:
  run        Serve a configuration
  check      Say what is wrong with a configuration, all of it, with line and column (also: validate)
  version    Versions of the program, of the plugin interface and of the C library
  help       This text, or that of a command: sluice help run
)";

constexpr std::string_view kOverviewEnd = R"(
Examples:
  sluice check -c gateway.json
  sluice run -c gateway.json
  sluice run -c gateway.json -p 9000 --log-format json

A configuration is a KrakenD file ("version": 3). What differs here: docs/coming-from-krakend.md
)";

constexpr std::string_view kRun = R"(sluice run: serve a configuration until SIGTERM or SIGINT

Usage:
  sluice run -c FILE [flags]

Configuration:
  -c, --config FILE       The configuration: JSON, or YAML or TOML by its ending (.yaml, .yml, .toml)
  -p, --port N            Port to listen on; wins over file and environment
  -d, --debug             Serve /__debug/ too (the log level stays)
      --plugins DIR       Folder of the plugins
      --strict            Refuse every extra_config name that no plugin serves
      --lenient           Only warn about such names, protection included
      --workers N         Worker threads, at most 256 (default: one per core)

Log:
      --log-format FORM   auto (coloured on a terminal), text or json
      --log-level LEVEL   debug, info, warning, error, critical or off; until the configuration says otherwise

Process:
      --daemon            Leave for the background once it listens; fails visibly if it cannot
      --pid-file FILE     Write the process id there, locked while it runs
      --admin PATH        Socket for sluice reload, status and metrics, or "off" (default: $RUNTIME_DIRECTORY/admin.sock,
                          $XDG_RUNTIME_DIR/sluice-<pid>.sock or /tmp/sluice-<uid>/<pid>.sock)
      --watch             Reload by itself when the configuration, what its template reads, or a plugin file changes
      --drain-grace SECS  Name a replaced configuration in the log that still has requests after this (60)
      --crash-dir DIR     If the process crashes, leave the report there too, not only on stderr
  -h, --help              This text

Signals:
  SIGTERM, SIGINT         Finish what runs, then leave; a second one: leave at once
  SIGHUP                  Read configuration and plugins again without losing a request; what is wrong is logged,
                          and the old one serves on (sluice reload does the same and says how it went)

Environment:
  KRAKEND_PORT, SLUICE_PORT, ...   Root keys of the configuration: PREFIX_KEY=value
  FC_ENABLE                        Not empty, 0, false or no: the configuration is a template (docs/flexible-configuration.md)
  FC_SETTINGS                      Folder whose *.json (*.yaml, *.yml, *.toml) become template variables by file name
  FC_PARTIALS                      Folder of the files that {{ include "FILE" }} puts in
  FC_TEMPLATES                     Folder of the *.tmpl files that {{ template "FILE" . }} calls
  FC_OUT                           File that the result is written to; its ending says the format
  SLUICE_PLUGINS                   Folder of the plugins when --plugins does not say
  SLUICE_ADMIN                     The admin socket when --admin does not say
  SLUICE_DNS_SERVERS               Name servers, "ip[:port],...", in place of the system's
  SLUICE_CRASH_REPORT              1: builds with sanitizers, too, leave a report when they crash; all others always do
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY   Proxies on the way to backends, and what is called without them
  NOTIFY_SOCKET                    Set by systemd for Type=notify
  LOGS_DIRECTORY                   Set by systemd for LogsDirectory=; what --crash-dir is when it is not given
  NO_COLOR                         No colours, terminal or not

Exit code: 0 stopped, 1 could not serve, 255 wrong usage or configuration

Examples:
  sluice run -c gateway.json
  sluice run -c gateway.json --daemon --pid-file /run/sluice.pid >>/var/log/sluice.log
  KRAKEND_TIMEOUT=5s sluice run -c gateway.json

More: docs/operating.md, docs/configuration.md
)";

constexpr std::string_view kCheck = R"(sluice check: say what is wrong with a configuration (also: sluice validate)

Usage:
  sluice check -c FILE [flags]

Everything that run would do short of listening is done: plugins are loaded, their blocks are checked, routes are
built. All problems are listed with file, line, column and JSON pointer.

Flags:
  -c, --config FILE       The configuration
  -d, --debug             Show how the file was understood; -dd and -ddd show more
  -i, --indent TEXT       Indentation of that (default: a tab)
  -t, --test-gin-routes   Accepted: routes are always built
  -n, --lint-no-network   Also judge the file by the schema that "sluice schema --strict" prints: finds unknown keys.
                          As it is written, without overrides by the environment
  -l, --lint              The same: the schema is part of sluice, the network is not asked
  -s, --lint-schema FILE  By this schema instead
      --plugins DIR       Folder of the plugins
      --strict            Refuse every extra_config name that no plugin serves
      --lenient           Only warn about such names, protection included
  -h, --help              This text

Environment: FC_ENABLE and its kin make the configuration a template, as for run (sluice help run); positions are those
of the template then, and sluice render shows the result.

Exit code: 0 nothing is wrong (there may be warnings), 1 something is, 255 wrong usage

Examples:
  sluice check -c gateway.json
  sluice check -ddc gateway.json
  sluice check -nc gateway.json
  sluice check --strict -c gateway.json && systemctl restart sluice

More: docs/configuration.md, docs/coming-from-krakend.md
)";

}  // namespace

std::string help_text(std::string_view command) {
  if (command == "run") return std::string{kRun};
  if (command == "check" || command == "validate") return std::string{kCheck};
  if (command == "version") return "sluice version: print the versions on stderr\n\nUsage:\n  sluice version\n";
  if (const Tool* tool = find_tool(command)) return std::string{tool->help};
  std::string text{kOverview};
  for (const Tool* t : tools()) {
    std::string line = "  " + std::string{t->name};
    line.resize(std::max<size_t>(line.size() + 1, 13), ' ');
    text += line + std::string{t->summary} + "\n";
  }
  return text + std::string{kOverviewEnd};
}

std::string version_text() {
  return std::string{"sluice Version: " SLC_VERSION "\nABI: "} + std::to_string(SLC_ABI_MAJOR) + "." +
         std::to_string(SLC_ABI_MINOR) + "\nGlibc Version: " + ::gnu_get_libc_version() + "\n";
}

}  // namespace sluice::app

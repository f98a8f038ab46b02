// sluice check-plugin: the misbehaviour kit for plugins (core/app/check), for authors and their CI.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "core/app/check/kit.h"
#include "core/app/options.h"
#include "core/app/tools/style.h"
#include "core/app/tools/tool.h"
#include "core/base/file.h"
#include "core/plugin/registry.h"

namespace sluice::app {

extern const Tool kCheckPluginTool;

namespace {

namespace json = boost::json;
using check::Finding;
using check::State;

constexpr std::string_view kHelp = R"(sluice check-plugin: try to break a plugin before somebody else does

Usage:
  sluice check-plugin FILE... [flags]

Looks at each file and reads its note, then loads it in a process of its own and runs it inside the real gateway: blocks made
up from its schema, right and wrong; bodies and headers of every kind; backends that fail; clients that leave while a hook
waits; time-outs; slow and broken bodies; refused memory; state that is handed over; reloads while requests run; memory that
grows with every request. A crash or an endless loop there is a finding that names the hook.

Checks: file, note, load, schema, create, workers, requests, bodies, clients, time-outs, streams, memory, state, reload, growth,
codec, end; and, whenever they are broken: actions, resumes, blocking, timers, threads, exchanges, nodes, blocks, headers, signals.
docs/check-plugin.md explains each.

Flags:
  -c, --config FILE        The block to use (JSON): what stands under the plugin's name in extra_config, or an object of such
                           blocks by name. Without it, blocks are made up from the schema
      --plugins DIR        Folder of the gateway's other plugins (default: as for run)
      --time-limit SECONDS Of one checking process (default: 60)
      --json               One JSON object per finding
  -h, --help               This text

Exit code: 0 no rule is broken (there may be notes), 1 one is, 255 wrong usage

Examples:
  sluice check-plugin build/acme-key.so
  sluice check-plugin build/acme-key.so --config block.json
  sluice check-plugin --json build/*.so > findings.jsonl

More: docs/check-plugin.md, docs/plugin-guide.md
)";

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

int run(std::span<const std::string> arguments) {
  CLI::App app;
  app.set_help_flag();
  std::vector<std::string> files;
  std::string config, plugins;
  uint64_t seconds = 60, answer_ms = 10'000;
  size_t inside = 0;
  bool as_json = false, together = false;
  app.add_option("files", files);
  app.add_option("-c,--config", config);
  app.add_option("--plugins", plugins);
  app.add_option("--time-limit", seconds);
  app.add_flag("--json", as_json);
  const auto* is_inside = app.add_option("--inside", inside);  // how this program starts itself
  app.add_flag("--together", together);
  app.add_option("--answer-ms", answer_ms);
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    return usage_failure(kCheckPluginTool, e.what());
  }
  if (files.empty()) return usage_failure(kCheckPluginTool, "name the plugin's file: sluice check-plugin FILE");
  if (seconds < 1 || seconds > 3600) return usage_failure(kCheckPluginTool, "--time-limit wants a number of seconds from 1 to 3600");

  std::optional<json::value> blocks;
  if (!config.empty()) {
    const auto text = read_file(config);
    if (!text) return usage_failure(kCheckPluginTool, config + ": " + text.error().message);
    json::error_code ec;
    blocks = json::parse(*text, ec);
    if (ec) return usage_failure(kCheckPluginTool, config + ": is no JSON: " + ec.message());
  }
  if (together) return check::run_together(files);
  if (is_inside->count()) return check::run_checks({files.front(), plugins, blocks, answer_ms}, inside);

  bool failed = false;
  const bool paint = coloured(1);
  check::CheckLimits limits;
  limits.process_ms = seconds * 1000;
  limits.answer_ms = std::min<uint64_t>(answer_ms, std::max<uint64_t>(seconds * 1000 / 3, 500));
  for (const std::string& file : files) {
    if (!as_json) put(file + "\n");
    const std::vector<Finding> findings = check::check_file(file, plugins, config, limits);
    failed = failed || check::any_failed(findings);
    size_t broken = 0, notes = 0;
    for (const Finding& f : findings) {
      broken += f.state == State::failed;
      notes += f.state == State::note;
      if (!as_json) {
        put(check::for_people(f, paint));
        continue;
      }
      json::object line = json::parse(check::to_line(f)).get_object();
      line["file"] = file;
      put(json::serialize(line) + "\n");
    }
    if (!as_json)
      put(broken ? "  " + std::to_string(broken) + (broken == 1 ? " rule is broken\n" : " rules are broken\n")
                 : notes ? "  no rule is broken, " + std::to_string(notes) + (notes == 1 ? " note\n" : " notes\n") : "  no rule is broken\n");
  }
  for (const Finding& f : check::check_together(files, limits)) {
    failed = true;
    put(as_json ? check::to_line(f) + "\n" : check::for_people(f, paint));
  }
  return failed ? kFailure : kClean;
}

}  // namespace

const Tool kCheckPluginTool{"check-plugin", "Try to break a plugin: the rules of the plugin interface, one by one", kHelp, run};

}  // namespace sluice::app

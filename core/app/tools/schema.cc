// sluice schema: the JSON Schema of configurations, for editors.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "core/app/options.h"
#include "core/app/plugin_folders.h"
#include "core/app/rehearsal/supervised.h"
#include "core/app/tools/tool.h"
#include "core/config/reader.h"
#include "core/log/log.h"
#include "core/plugin/config_schema.h"

namespace sluice::app {

extern const Tool kSchemaTool;

namespace {

namespace json = boost::json;

constexpr std::string_view kHelp = R"(sluice schema: print one JSON Schema (draft 7) for whole configurations

Usage:
  sluice schema [flags]

The schema describes every key that sluice reads, and the blocks of all plugins that are present, at the places where
they may stand. Editors use it to complete keys, to show what they mean and to mark mistakes while one types. `check`
knows more: routes, parameters, hosts.

Flags:
  -c, --config FILE       Look for plugins where this configuration says, under its plugins.lock rules
      --plugins DIR       Folder of the plugins (default: $SLUICE_PLUGINS, else the one that was installed)
      --strict            Refuse unknown keys and unknown extra_config names too: finds misspelt ones
  -h, --help              This text

Exit code: 0 printed, 1 a plugin was refused (it is missing in what was printed), 255 wrong usage

Examples:
  sluice schema --strict > sluice.schema.json
  sluice schema --plugins ./build > sluice.schema.json

In the configuration: {"$schema": "./sluice.schema.json", "version": 3, …}. For VS Code see docs/configuration.md
)";

// Indented by two, members in their order: the output is read and compared by people too.
void write(std::string& out, const json::value& v, size_t depth) {
  auto line = [&](size_t d) { out += '\n', out.append(2 * d, ' '); };
  if (v.is_object() && !v.get_object().empty()) {
    out += '{';
    bool first = true;
    for (const auto& m : v.get_object()) {
      if (!first) out += ',';
      first = false;
      line(depth + 1);
      out += json::serialize(json::string(m.key())) + ": ";
      write(out, m.value(), depth + 1);
    }
    line(depth);
    out += '}';
  } else if (v.is_array() && std::any_of(v.get_array().begin(), v.get_array().end(), [](const json::value& e) { return e.is_structured(); })) {
    out += '[';
    for (size_t i = 0; i < v.get_array().size(); ++i) {
      if (i) out += ',';
      line(depth + 1);
      write(out, v.get_array()[i], depth + 1);
    }
    line(depth);
    out += ']';
  } else {
    out += json::serialize(v);
  }
}

int print(const std::string& config_file, const std::string& folder, bool strict) {
  std::shared_ptr<const config::Config> config;
  plugin::Registry registry;
  if (!config_file.empty()) {
    config::ReadOptions options;
    options.environment = config::process_environment();
    config::ReadResult read = config::read_file(config_file, options);
    // Also one that is wrong so far: it is being written.
    config = read.partial;
    if (!config) {
      std::string text = read.report.format();
      std::fwrite(text.data(), 1, text.size(), stderr);
      return kFailure;
    }
  }
  plugin::ScanResult found = scan_plugins(registry, plugin_folders(folder, config.get()), config.get(), plugin::Registry::Isolation::describe);
  std::string out, said;
  write(out, plugin::configuration_schema(registry, strict), 0);
  out += '\n';
  for (const std::string& p : found.problems) said += p + "\n";
  for (const auto& r : found.refused) said += r.pointer + ": " + r.message + "\n";
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
  std::fwrite(said.data(), 1, said.size(), stderr);
  return said.empty() ? kClean : kFailure;
}

int run(std::span<const std::string> arguments) {
  std::string config_file, folder;
  bool strict = false;
  CLI::App app;
  app.set_help_flag();
  app.add_option("-c,--config", config_file);
  app.add_option("--plugins", folder);
  app.add_flag("--strict", strict);
  try {
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::ParseError& e) {
    return usage_failure(kSchemaTool, e.what());
  }
  log::configure(log::Level::off, {});
  return rehearsal::supervised([&] { return print(config_file, folder, strict); }, "asked");
}

}  // namespace

const Tool kSchemaTool{"schema", "One JSON Schema for configurations with the plugins present, for editors", kHelp, run};

}  // namespace sluice::app

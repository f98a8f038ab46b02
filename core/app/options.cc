#include "core/app/options.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "core/app/tools/tool.h"
#include "core/base/text.h"
#include "core/plugin/token_table.h"

namespace sluice::app {
namespace {

std::vector<std::string> commands() {
  std::vector<std::string> names{"run", "check", "validate", "version", "help"};
  for (const Tool* t : tools()) names.emplace_back(t->name);
  return names;
}
constexpr uint32_t kMostWorkers = plugin::TokenTable::kMostWorkers, kLongestGrace = 86400;

std::string suggestion(std::string_view near) {
  return near.empty() ? std::string{} : "\nDid you mean " + std::string{near} + "?";
}

// The bare message goes to stdout too, as the reference has it (cli.md §1.1). `behind` stands below it on stderr.
Parsed refuse(const std::string& message, std::string_view hint, const std::string& behind) {
  Parsed p;
  p.exit = kUsage;
  p.out = message + "\n";
  p.err = "Error: " + message + std::string{hint} + "\n\n" + behind;
  return p;
}

// A wrong flag or value of a command that is known: how it is used follows.
Parsed usage_error(const std::string& message, std::string_view hint, std::string_view command) {
  return refuse(message, hint, help_text(command));
}

Parsed say(std::string text) {
  Parsed p;
  p.exit = kClean;
  p.out = std::move(text);
  return p;
}

std::optional<log::Level> level_named(std::string_view name) {
  for (auto l : {log::Level::debug, log::Level::info, log::Level::warning, log::Level::error, log::Level::critical,
                 log::Level::off})
    if (iequals(name, log::to_string(l))) return l;
  return std::nullopt;
}

std::optional<log::Format> format_named(std::string_view name) {
  if (name == "auto") return log::Format::automatic;
  if (name == "text") return log::Format::text;
  if (name == "json") return log::Format::json;
  return std::nullopt;
}

// What CLI11 fills in, before it is checked.
struct Raw {
  std::string port, workers, format, level, grace;
  int debug = 0;
  bool strict = false, lenient = false, routes = false, help = false, lint = false, lint_offline = false;
};

void declare(CLI::App& app, Command command, Options& o, Raw& raw) {
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("-h,--help", raw.help);
  app.add_option("-c,--config", o.gateway.config_file);
  app.add_flag("-d,--debug", raw.debug);
  app.add_option("--plugins", o.gateway.plugins);
  app.add_flag("--strict", raw.strict);
  app.add_flag("--lenient", raw.lenient);
  if (command == Command::run) {
    app.add_option("-p,--port", raw.port);
    app.add_option("--workers", raw.workers);
    app.add_option("--log-format", raw.format);
    app.add_option("--log-level", raw.level);
    app.add_flag("--daemon", o.daemon);
    app.add_option("--pid-file", o.pid_file);
    app.add_option("--admin", o.admin);
    app.add_flag("--watch", o.watch);
    app.add_option("--drain-grace", raw.grace);
    app.add_option("--crash-dir", o.crash_folder);
  } else {
    app.add_option("-i,--indent", o.indent);
    app.add_flag("-t,--test-gin-routes", raw.routes);
    app.add_flag("-l,--lint", raw.lint);
    app.add_flag("-n,--lint-no-network", raw.lint_offline);
    app.add_option("-s,--lint-schema", o.lint_schema);
  }
  // A flag given again wins, as scripts that append to a command line expect; only -d counts.
  for (auto* option : app.get_options())
    if (option->get_items_expected() == 1) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

// The long flag meant. Short ones are all alike, so none is guessed.
std::string nearest_flag(const std::string& name, const CLI::App& app) {
  if (!name.starts_with("--")) return {};
  std::vector<std::string> names;
  for (const auto* option : app.get_options())
    for (const auto& l : option->get_lnames()) names.push_back("--" + l);
  return std::string{nearest(std::string_view{name}.substr(0, name.find('=')), names)};
}

// Empty: all is well and `o` is complete.
std::string take(const Raw& raw, Options& o) {
  if (!raw.port.empty()) {
    auto n = parse_decimal<uint16_t>(raw.port);
    if (!n) return "invalid argument \"" + raw.port + "\" for --port: a number from 0 to 65535 is wanted";
    if (*n) o.gateway.port = *n;  // 0 is "not given" (cli.md §2)
  }
  if (!raw.workers.empty()) {
    auto n = parse_decimal<uint32_t>(raw.workers);
    if (!n || *n < 1 || *n > kMostWorkers)
      return "invalid argument \"" + raw.workers + "\" for --workers: a number from 1 to " + std::to_string(kMostWorkers) + " is wanted";
    o.gateway.workers = *n;
  }
  if (!raw.format.empty()) {
    auto f = format_named(raw.format);
    if (!f) return "invalid argument \"" + raw.format + "\" for --log-format: auto, text or json is wanted";
    o.log.format = *f;
  }
  if (!raw.level.empty()) {
    auto l = level_named(raw.level);
    if (!l)
      return "invalid argument \"" + raw.level + "\" for --log-level: debug, info, warning, error, critical or off is wanted";
    o.log.level = *l;
  }
  if (!raw.grace.empty()) {
    auto n = parse_decimal<uint32_t>(raw.grace);
    if (!n || *n > kLongestGrace)
      return "invalid argument \"" + raw.grace + "\" for --drain-grace: seconds from 0 to 86400 are wanted";
    o.gateway.drain_grace_s = *n;
  }
  if (raw.strict && raw.lenient) return "--strict and --lenient cannot be used together";
  if (raw.strict) o.gateway.policy = Policy::strict;
  if (raw.lenient) o.gateway.policy = Policy::lenient;
  if (raw.lint + raw.lint_offline + !o.lint_schema.empty() > 1)
    return "only one of --lint, --lint-no-network and --lint-schema can be given";
  // The schema is the program's own and comes with it, so there is nothing to ask the network for.
  if (raw.lint || raw.lint_offline) o.lint = Lint::own;
  if (!o.lint_schema.empty()) o.lint = Lint::file;
  if (o.command == Command::run) o.gateway.debug_endpoint = raw.debug > 0;
  else o.dump = std::min(raw.debug, 3);
  return {};
}

Parsed parse_command(Command command, std::string_view name, std::span<const std::string> rest) {
  Parsed p;
  Raw raw;
  CLI::App app;
  p.options.command = command;
  declare(app, command, p.options, raw);
  std::vector<std::string> reversed{rest.rbegin(), rest.rend()};  // the order CLI11 takes them in
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    return usage_error(e.what(), "", name);
  }
  if (raw.help) return say(help_text(name));
  auto extras = app.remaining();
  std::erase(extras, "--");
  if (!extras.empty()) {
    const auto& first = extras.front();
    if (first.size() > 1 && first[0] == '-')
      return usage_error("unknown flag: " + first, suggestion(nearest_flag(first, app)), name);
    return usage_error("unexpected argument \"" + first + "\" for \"sluice " + std::string{name} + "\"", "", name);
  }
  if (auto wrong = take(raw, p.options); !wrong.empty()) return usage_error(wrong, "", name);
  if (p.options.gateway.config_file.empty()) {
    // The reference leaves with 0 here when it should run; nothing serves then, so this is a failure.
    p.exit = kFailure;
    p.err = "Please, provide the path to the configuration file: sluice " + std::string{name} + " -c FILE\n";
  }
  return p;
}

bool known(const std::string& name) {
  auto names = commands();
  return std::find(names.begin(), names.end(), name) != names.end();
}

Parsed unknown_command(const std::string& name) {
  auto names = commands();
  auto near = nearest(name, names);
  return refuse("unknown command \"" + name + "\" for \"sluice\"", suggestion(near.empty() ? "" : "'sluice " + std::string{near} + "'"),
               "Run 'sluice help' for usage.\n");
}

}  // namespace

Parsed parse(std::span<const std::string> arguments) {
  if (arguments.empty()) return say(help_text(""));
  const std::string& name = arguments[0];
  auto rest = arguments.subspan(1);
  if (name == "-h" || name == "--help") return say(help_text(""));
  if (name.starts_with('-'))
    return usage_error("unknown flag: " + name, name == "--version" ? "\nDid you mean 'sluice version'?" : "", "");
  if (name == "run") return parse_command(Command::run, name, rest);
  if (name == "check" || name == "validate") return parse_command(Command::check, name, rest);
  if (name == "help") {
    if (rest.empty() || rest[0].starts_with('-')) return say(help_text(""));
    return known(rest[0]) ? say(help_text(rest[0])) : unknown_command(rest[0]);
  }
  if (name == "version") {
    Parsed p;
    p.options.command = Command::version;
    if (rest.empty()) return p;
    if (rest[0] == "-h" || rest[0] == "--help") return say(help_text(name));
    if (rest[0].starts_with('-')) return usage_error("unknown flag: " + rest[0], "", name);
    return usage_error("unexpected argument \"" + rest[0] + "\" for \"sluice version\"", "", name);
  }
  if (const Tool* tool = find_tool(name)) {
    for (const auto& a : rest)
      if (a == "-h" || a == "--help") return say(help_text(name));
    Parsed p;
    p.options.command = Command::tool;
    p.options.tool = tool;
    p.options.arguments.assign(rest.begin(), rest.end());
    return p;
  }
  return unknown_command(name);
}

}  // namespace sluice::app

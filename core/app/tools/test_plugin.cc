// sluice test-plugin: check-plugin, and a plugin's own cases through a real gateway. For authors' CI.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "core/app/check/cases.h"
#include "core/app/check/kit.h"
#include "core/app/check/server.h"
#include "core/app/options.h"
#include "core/app/tools/style.h"
#include "core/app/tools/tool.h"
#include "core/base/file.h"

namespace sluice::app {

extern const Tool kTestPluginTool;

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHelp = R"(sluice test-plugin: a plugin's own cases, played through a real gateway

Usage:
  sluice test-plugin DIR|FILE [flags]

DIR is a plugin's folder, as sluice plugin new makes it: the plugin is the .so in DIR or DIR/build. It is checked as by
sluice check-plugin; then a gateway with the plugin and gateway.json is started on a free port, and every request of
cases.json is made. What was answered otherwise than expected is shown.

A case:
  {"cases": [{"name": "greets", "request": {"path": "/try", "headers": {"X-User": "ada"}},
              "expect": {"status": 200, "headers": {"X-Hello": "world", "X-Secret": null}, "body": {"id": 1}}}]}

Of "body" everything must be there, more may be; "text" is a whole body, "contains" a part of one. The backends are part of
the configuration, with backend/stub, or with hosts that name the gateway's own port: it is replaced by the free one.

Flags:
  -c, --config FILE    The gateway's configuration (default: DIR/gateway.json)
      --case FILE      The cases (default: DIR/cases.json)
      --block FILE     The block for check-plugin's --config
      --plugins DIR    Folder of the gateway's other plugins (default: as for run)
      --no-check       The cases only
  -h, --help           This text

Exit code: 0 all is well, 1 something is not, 255 wrong usage

Examples:
  sluice test-plugin .
  sluice test-plugin build/acme-key.so --config gateway.json --case cases.json

More: docs/first-plugin.md, docs/check-plugin.md
)";

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// The plugin of a folder. Empty, with `why`: there is none, or more than one.
std::string plugin_in(const fs::path& folder, std::string& why) {
  std::vector<std::string> found;
  for (const fs::path& place : {folder / "build", folder}) {
    std::error_code ec;
    for (fs::directory_iterator it{place, ec}, end; !ec && it != end; it.increment(ec))
      if (it->path().extension() == ".so") found.push_back(it->path().lexically_normal().string());
    if (!found.empty()) break;
  }
  if (found.size() == 1) return found[0];
  why = found.empty() ? "no plugin (.so) in " + folder.string() + " or its build folder. Build it first: cmake -S . -B build && cmake --build build"
                      : "more than one .so there: name the file";
  return {};
}

// The cases through a gateway; how many failed.
size_t play(const check::Cases& cases, check::Server& server, bool paint) {
  size_t failed = 0;
  for (const check::Case& c : cases.list) {
    const check::Answer a = check::ask(server.port(), check::request_text(c.method, c.path, c.headers, c.body), 30'000);
    const auto wrong = check::differences(c, a);
    check::Finding f{wrong.empty() ? check::State::passed : check::State::failed, "case", c.name, ""};
    if (!wrong.empty()) {
      ++failed;
      f.text += "\n" + c.method + " " + c.path;
      for (const std::string& w : wrong) f.text += "\n" + w;
    }
    put(check::for_people(f, paint));
  }
  const std::string ended = server.stop();
  const std::string log = server.log();
  auto fail = [&](const std::string& text) {
    ++failed;
    put(check::for_people({check::State::failed, "gateway", text, ""}, paint));
  };
  if (!ended.empty()) fail("it ended badly: " + ended);
  for (const std::string& line : cases.log)
    if (log.find(line) == log.npos) fail("its log lacks \"" + line + "\"");
  if (failed) put("\nThe gateway's log:\n" + (log.size() > 8'000 ? log.substr(log.size() - 8'000) : log));
  return failed;
}

int run(std::span<const std::string> arguments) {
  CLI::App app;
  app.set_help_flag();
  std::string target, config, cases_file, block, plugins;
  bool no_check = false;
  app.add_option("target", target);
  app.add_option("-c,--config", config);
  app.add_option("--case,--cases", cases_file);
  app.add_option("--block", block);
  app.add_option("--plugins", plugins);
  app.add_flag("--no-check", no_check);
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    return usage_failure(kTestPluginTool, e.what());
  }
  if (target.empty()) return usage_failure(kTestPluginTool, "name the plugin's folder or file: sluice test-plugin DIR");
  std::error_code ec;
  std::string file = target;
  if (fs::is_directory(target, ec)) {
    std::string why;
    file = plugin_in(target, why);
    if (file.empty()) return put("Error: " + why + "\n"), kFailure;
    if (config.empty() && fs::exists(fs::path{target} / "gateway.json", ec)) config = (fs::path{target} / "gateway.json").string();
    if (cases_file.empty() && fs::exists(fs::path{target} / "cases.json", ec)) cases_file = (fs::path{target} / "cases.json").string();
  }
  if (cases_file.empty() != config.empty())
    return usage_failure(kTestPluginTool,
                         cases_file.empty() ? "there is a configuration but no cases: --case FILE" : "there are cases but no configuration: --config FILE");

  const bool paint = coloured(1);
  bool failed = false;
  put(file + "\n");
  if (!no_check) {
    const auto findings = check::check_file(file, plugins, block, {});
    for (const check::Finding& f : findings) put(check::for_people(f, paint));
    failed = check::any_failed(findings);
  }
  if (cases_file.empty()) return failed ? kFailure : kClean;

  const auto text = read_file(cases_file), configuration = read_file(config);
  if (!text) return put("Error: " + cases_file + ": " + text.error().message + "\n"), kFailure;
  if (!configuration) return put("Error: " + config + ": " + configuration.error().message + "\n"), kFailure;
  auto cases = check::read_cases(*text);
  if (!cases) return put("Error: " + cases_file + ": " + cases.error().message + "\n"), kFailure;
  auto server = check::Server::start(*configuration, file, plugins);
  if (!server) return put("Error: " + config + ": " + server.error().message + "\n"), kFailure;
  const size_t wrong = play(*cases, **server, paint);
  put("  " + std::to_string(cases->list.size()) + (cases->list.size() == 1 ? " case, " : " cases, ") + std::to_string(wrong) + " failed\n");
  return failed || wrong ? kFailure : kClean;
}

}  // namespace

const Tool kTestPluginTool{"test-plugin", "A plugin's own cases, played through a real gateway", kHelp, run};

}  // namespace sluice::app

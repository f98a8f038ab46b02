// sluice plugins: what a gateway that runs has loaded, what is in the plugins folders, and what may be loaded.
#include "core/app/tools/plugins.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "core/app/options.h"
#include "core/app/rehearsal/supervised.h"
#include "core/app/tools/tool.h"
#include "core/log/log.h"

namespace sluice::app {
namespace {

constexpr std::string_view kHelp = R"(sluice plugins: what a gateway has loaded, or what is in the plugins folders, and which files may be loaded

Usage:
  sluice plugins [flags]                     List the plugins: id, version, ABI, names, scopes, uses, cost
  sluice plugins lock [--key FILE] [DIR]     Write DIR/plugins.lock: only what is there now may be loaded
  sluice plugins verify [--public-key FILE] [DIR]
                                             Compare DIR with its plugins.lock

While a gateway runs, and without -c and --plugins, the list is of what it has really loaded, from whatever folder; the first line says
which gateway that is. It is asked through its admin socket, as `sluice status` does: the one that is named, else the only one of this
user. The list says where its configuration uses each plugin, and what each has cost there since its start: calls, errors, time inside
its hooks. What only a generation on trial has, or one that ends its last requests, stands below the others.

Otherwise the list is of files. Without -c nothing of the plugins runs: everything is read from the notes in the files. With -c they are
loaded as `sluice check` would, and the list says where the configuration uses each. It has the cost, too, while a gateway runs.

Flags of the list:
  -c, --config FILE       Load the plugins and say where this configuration uses them
      --plugins DIR       List this folder (default without a gateway: $SLUICE_PLUGINS, else the one that was installed)
      --admin PATH        Admin socket of the gateway to ask (default: $SLUICE_ADMIN)
      --pid N             The same by process id
      --json              As JSON, for scripts

Flags of lock:
      --key FILE          Sign the list with this ed25519 private key (PEM): writes plugins.lock.sig too
      --pattern TEXT      Files whose name contains this (default: .so)

Flags of verify:
      --public-key FILE   The list must be signed by this key (PEM)
      --pattern TEXT      As for lock

Exit code: 0 all is well, 1 something is refused, missing or altered, or cannot be read or written, 255 wrong usage

Examples:
  sluice plugins
  sluice plugins -c gateway.json --json | jq '.plugins[] | select(.state == "refused")'
  sluice plugins --pid 4711
  sluice plugins --json | jq '.plugins[] | {id, cost}'
  sluice plugins lock /usr/lib/sluice/plugins
  openssl genpkey -algorithm ed25519 -out private.pem && openssl pkey -in private.pem -pubout -out public.pem
  sluice plugins lock --key private.pem /usr/lib/sluice/plugins
  sluice plugins verify --public-key public.pem /usr/lib/sluice/plugins

More: docs/operating.md, "Who may put plugins there"
)";

// Prints it, with what the plugins have cost where a gateway runs; the exit code. `untold`: why it is not the list of the gateway that was
// named; "": that was not wanted.
int show(const AdminFlags& admin, const PluginList& found, const std::string& untold = {}) {
  auto costs = ask_costs(admin);
  std::optional<RunningCosts> known = costs ? std::move(*costs) : std::nullopt;
  if (known && found.gateway && known->pid != found.gateway->pid) known.reset();  // another one has taken its place
  std::string out = admin.json ? format_json(found, known) : format_text(found, known), said;
  if (!untold.empty()) said += "What the gateway has loaded is not known, and this is what is in the folders: " + untold + "\n";
  if (!costs && costs.error().message != untold) said += "What they cost is not known: " + costs.error().message + "\n";
  for (const std::string& problem : found.problems) said += problem + "\n";
  if (found.with_configuration && !found.compiled)
    said += "The configuration is refused, so nothing is known about where it uses them:\n" + found.report.format();
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
  std::fwrite(said.data(), 1, said.size(), stderr);
  return found.any_refused() || !said.empty() ? kFailure : kClean;
}

// What the gateway has loaded; where none runs, or it does not tell, what is in the folders. Not to be told by one that nobody named is no
// failure.
int list_loaded(const AdminFlags& admin) {
  auto loaded = ask_loaded(admin);
  if (loaded && *loaded) {
    AdminFlags there = admin;
    there.admin = (*loaded)->gateway->socket, there.pid.reset();
    return show(there, **loaded);
  }
  const PluginList found = list_plugins({}, {});
  if (loaded) return show(admin, found);
  if (is_named(admin)) return show(admin, found, loaded.error().message);
  const int code = show(admin, found);
  const std::string aside = "This is what is in the folders, and not what a gateway has loaded: " + loaded.error().message + "\n";
  std::fwrite(aside.data(), 1, aside.size(), stderr);
  return code;
}

int list(std::span<const std::string> arguments) {
  std::string config, folder;
  const AdminFlags admin = admin_flags(arguments);
  if (!admin.wrong.empty()) return usage_failure(kPluginsTool, admin.wrong);
  CLI::App app;
  app.set_help_flag();
  app.add_option("-c,--config", config);
  app.add_option("--plugins", folder);
  try {
    app.parse(std::vector<std::string>{admin.rest.rbegin(), admin.rest.rend()});
  } catch (const CLI::ParseError& e) {
    return usage_failure(kPluginsTool, e.what());
  }
  // What is wrong comes in the list.
  log::configure(log::Level::off, {});
  if (config.empty() && folder.empty()) return list_loaded(admin);
  if (config.empty()) return show(admin, list_plugins(folder, {}));
  return rehearsal::supervised([&] { return show(admin, list_plugins_of(config, folder)); }, "tried");
}

int run(std::span<const std::string> arguments) {
  if (!arguments.empty() && arguments[0] == "lock") return plugins_lock(arguments.subspan(1));
  if (!arguments.empty() && arguments[0] == "verify") return plugins_verify(arguments.subspan(1));
  return list(arguments);
}

}  // namespace

const Tool kPluginsTool{"plugins", "What a gateway has loaded, or what is in the plugins folders; lock and verify them", kHelp, run};

}  // namespace sluice::app

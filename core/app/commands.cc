#include "core/app/commands.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/app/admin.h"
#include "core/app/daemon.h"
#include "core/app/forced_end.h"
#include "core/app/lint.h"
#include "core/app/pid_file.h"
#include "core/app/rehearsal/rehearsal.h"
#include "core/app/rehearsal/supervised.h"
#include "core/app/signals.h"
#include "core/app/tools/style.h"
#include "core/app/tools/tool.h"
#include "core/app/watch.h"
#include "core/base/fd.h"
#include "core/base/text.h"
#include "core/config/reader.h"
#include "core/document/write.h"
#include "core/log/log.h"
#include "core/plugin/cost_status.h"
#include "core/plugin/crash_report.h"
#include "core/plugin/isolate/helper_process.h"
#include "core/plugin/isolate/status.h"
#include "core/plugin/metrics_text.h"

namespace sluice::app {
namespace {

constexpr int kPatienceMs = 100;  // with a stderr that takes nothing

void put(FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}
void complain(std::string_view text) { put(stderr, text); }

std::string painted(std::string_view text, std::string_view colour) { return app::painted(text, colour, 2); }

// The report's lines, with the words "error" and "warning" behind the position in colour.
std::string listed(const config::Report& report) {
  std::string out, text = report.format();
  for (std::string_view rest = text; !rest.empty();) {
    size_t end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    size_t error = line.find("error: "), warning = line.find("warning: "), at = std::min(error, warning);
    out += '\t';
    if (at == std::string_view::npos) {
      out += line;
    } else {
      size_t size = at == error ? 5 : 7;
      out += line.substr(0, at);
      out += painted(line.substr(at, size), at == error ? "31" : "33");
      out += line.substr(at + size);
    }
    out += '\n';
  }
  return out;
}

// For lines that belong on stderr whatever the log does (cli.md §7.4).
void stamped(const std::string& text) {
  char stamp[32];
  std::time_t now = std::time(nullptr);
  std::tm broken;
  ::localtime_r(&now, &broken);
  std::strftime(stamp, sizeof stamp, "%Y/%m/%d %H:%M:%S ", &broken);
  // A reader that takes nothing must not keep the process from ending.
  (void)write_if_taken(STDERR_FILENO, stamp + text + "\n", kPatienceMs);
}

// The reference's words for them.
const char* name_of(int signal) { return signal == SIGINT ? "interrupt" : "terminated"; }

std::string working_folder() {
  char* path = ::getcwd(nullptr, 0);
  std::string text = path ? path : "(unknown)";
  std::free(path);
  return text;
}

// Told to systemd around a reload (Type=notify-reload), with the time it wants.
void notify_reloading() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

// "method=GET&target=%2Fx&depth=nested": leave for one request to have an account of its answer.
Admin::Reply explain(const Gateway& gateway, std::string_view query) {
  std::string method, target, depth;
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    std::string_view name = pair.substr(0, pair.find('='));
    std::string value = name.size() < pair.size() ? percent_decode(pair.substr(name.size() + 1)).value_or("") : "";
    (name == "method" ? method : name == "target" ? target : depth) = std::move(value);
  }
  auto ticket = is_token(method) && target.starts_with('/') ? gateway.explain_ticket(method, target, depth == "nested")
                                                            : Result<std::string, Problem>{Problem{"method=GET&target=/path is wanted"}};
  if (ticket) return {200, *ticket};
  std::string text = "{\"error\":";
  document::append_json_string(text, ticket.error().message);
  return {422, text + "}"};
}

// Opens the admin socket. False: it was asked for and cannot be had.
bool open_admin(const Options& o, Gateway& gateway, std::unique_ptr<Admin>& admin) {
  std::string path = o.admin;
  if (path.empty())
    if (const char* set = std::getenv("SLUICE_ADMIN")) path = set;
  if (path == "off") return true;
  bool asked = !path.empty();
  auto failed = [&](const std::string& why) {
    if (asked) complain("ERROR the admin socket: " + why + "\n");
    else SLC_LOG(warning, "No admin socket, so no sluice reload, sluice status and sluice metrics: ", why);
    return !asked;
  };
  if (!asked) {
    auto place = default_admin_path(::getpid());
    if (!place) return failed(place.error().message);
    path = *place;
  }
  auto door = std::make_unique<Admin>();
  Admin* self = door.get();
  door->add("GET", "/status", [&gateway, self](const Admin::Request&, const Admin::Answer& answer) { answer({200, gateway.status(self->sections())}); });
  door->add("GET", "/plugins", [&gateway](const Admin::Request&, const Admin::Answer& answer) { answer({200, gateway.plugins()}); });
  door->add("GET", "/metrics", [&gateway](const Admin::Request&, const Admin::Answer& answer) {
    answer({200, gateway.metrics(), std::string{plugin::metrics::kTextType}});
  });
  door->add("POST", "/reload", [&gateway](const Admin::Request& r, const Admin::Answer& answer) {
    gateway.reload({"admin", r.query == "promote=1"},
                   [answer](const ReloadOutcome& outcome) { answer({outcome.ok ? 200 : 422, outcome.json()}); });
  });
  door->add("POST", "/explain", [&gateway](const Admin::Request& r, const Admin::Answer& answer) { answer(explain(gateway, r.query)); });
  constexpr size_t kPlaces = 50;  // of each plugin; the sums are of all
  door->add_section("cost", [] { return plugin::cost::status_json(kPlaces); });
  door->add_section("isolated", plugin::isolate::status_json);
  if (auto open = door->open(path); !open) return failed(open.error().message);
  admin = std::move(door);
  return true;
}

// systemd sets $LOGS_DIRECTORY for LogsDirectory=, a list with colons.
std::string crash_folder(const Options& o) {
  if (!o.crash_folder.empty()) return o.crash_folder;
  const char* given = std::getenv("LOGS_DIRECTORY");
  std::string_view folders = given ? given : "";
  return std::string{folders.substr(0, folders.find(':'))};
}

// Signals reach the process before there is a gateway, and a create() that does not return must not keep it from ending.
struct Signalled {
  std::mutex mutex;
  Gateway* gateway = nullptr;  // while it can be asked for something
  std::function<void()> reload;
  std::atomic<bool> ending{false};

  void use(Gateway* g, std::function<void()> how = {}) {
    std::lock_guard lock{mutex};
    gateway = g, reload = std::move(how);
  }
  Signals::Reactions reactions(const plugin::HookState& main_thread, PidFile& pid_file) {
    return {
        [this](int signal) -> uint64_t {
          ending = true;
          log::ending();
          std::lock_guard lock{mutex};
          stamped(std::string{"Signal intercepted: "} + name_of(signal));
          if (!gateway) return 1;
          notify("STOPPING=1");
          uint64_t limit = gateway->drain_limit_ms();
          SLC_LOG(info, "Finishing the running requests, for at most ", limit, " ms");
          gateway->drain();
          return limit;
        },
        [this] {
          std::lock_guard lock{mutex};
          SLC_LOG(warning, "Stopping at once");
          if (gateway) gateway->stop();
        },
        [this] {
          std::lock_guard lock{mutex};
          if (reload) reload();
        },
        [&] { end_by_force(main_thread, pid_file); },
        kForcedEndMs,
    };
  }
};

// Serves until the end. What went wrong has been said; the background process's parent hears only the code.
int serve(const Options& o, Background& background) {
  PidFile pid_file;
  if (!o.pid_file.empty()) {
    auto created = PidFile::create(o.pid_file);
    if (!created) return complain("ERROR " + created.error().message + "\n"), kFailure;
    pid_file = std::move(*created);
  }
  Signalled signalled;
  Signals signals;  // its thread ends before what it reacts with
  if (!signals.begin(signalled.reactions(plugin::hook_state, pid_file)))
    return complain("ERROR signals cannot be received: no file descriptors left\n"), kFailure;
  config::Report report;
  GatewayOptions options = o.gateway;
  options.rehearse = true;
  auto gateway = Gateway::build(options, report);
  if (!gateway) {
    complain(painted("ERROR parsing the configuration file:", "31") + "\n" + listed(report));
    return kUsage;
  }
  for (const auto& issue : report.issues())
    SLC_LOG(warning, issue.file, ":", static_cast<uint64_t>(issue.line), ":", static_cast<uint64_t>(issue.column), ": ",
            issue.pointer, issue.pointer.empty() ? "" : ": ", issue.message);
  SLC_LOG(info, "Starting sluice v" SLC_VERSION);
  SLC_LOG(info, "Working directory is ", working_folder());
  SLC_LOG(info, gateway->summary());

  SLC_LOG(info, "Starting the sluice instance");

  std::unique_ptr<Admin> admin;
  if (!open_admin(o, *gateway, admin)) return kFailure;
  auto port = gateway->start();
  if (!port) {
    SLC_LOG(critical, port.error().message);
    complain("ERROR " + port.error().message + "\n");
    return kFailure;
  }
  Watch watch;
  auto reload = [&](const char* trigger) {
    notify_reloading();
    gateway->reload({trigger}, [&](const ReloadOutcome&) {
      notify("READY=1");
      watch.look_again();
    });
  };
  signalled.use(gateway.get(), [&] { reload("SIGHUP"); });
  if (signalled.ending) gateway->stop();
  if (admin) admin->start();
  if (o.watch && !watch.begin([&] { return gateway->watched_files(); }, [&] { reload("watch"); })) {
    complain("ERROR --watch: files cannot be watched, no inotify instances left (sysctl fs.inotify.max_user_instances)\n");
    gateway->stop();
    gateway->wait();
    signals.end();
    return kFailure;
  }
  SLC_LOG(info, "[SERVICE: Gin] Listening on port: ", *port);
  background.ready();
  notify("READY=1\nMAINPID=" + std::to_string(::getpid()));
  gateway->wait();
  signalled.use(nullptr);  // all that may ask it for something, before the gateway goes
  watch.end();
  admin.reset();
  gateway->wait();  // and what they asked for meanwhile is answered while all that hear the answer are here
  SLC_LOG(info, "[SERVICE: Gin] Router execution ended");
  return kClean;
}

}  // namespace

int run(const Options& o) {
  Background background;
  if (o.daemon && !background.enter()) return complain("ERROR cannot leave for the background\n"), kFailure;
  Signals::block();
  raise_file_limit();
  log::Options to = o.log;
  to.hold = true;
  log::start(to);
  if (auto ok = plugin::crash::install({crash_folder(o)}); !ok) SLC_LOG(warning, ok.error().message, "; reports go to stderr only");
  plugin::crash::guard_exit();
  int code = serve(o, background);
  log::ending();
  log::stop();
  plugin::crash::end_is_expected();
  background.failed(code);  // only matters if it never was ready
  return code;
}

namespace {

int check_here(const Options& o) {
  // What is wrong comes in the report; the log of a process that will not serve would only be in its way.
  log::configure(log::Level::off, {});
  complain("Parsing configuration file: " + o.gateway.config_file + "\n");
  config::Report report;
  auto gateway = Gateway::build(o.gateway, report);
  if (!gateway) {
    complain(painted("ERROR parsing the configuration file:", "31") + "\n" + listed(report));
    return kFailure;
  }
  lint(o.gateway, o.lint, o.lint_schema, report);
  if (report.failed()) {
    complain(painted("ERROR linting the configuration file:", "31") + "\n" + listed(report));
    return kFailure;
  }
  complain(listed(report));
  if (o.dump) complain(gateway->dump(o.dump, o.indent));
  complain(gateway->summary() + "\n");
  complain(painted("Syntax OK!", "32") + "\n");
  return kClean;
}

}  // namespace

int check(const Options& o) {
  return rehearsal::supervised([&] { return check_here(o); }, [&](const rehearsal::Failure& failure) {
    config::Report report;
    report.error(failure.pointer, failure.text);
    config::ReadOptions read;
    read.environment = config::process_environment();
    report.locate(config::read_file(o.gateway.config_file, read).source);
    complain(painted("ERROR a plugin could not be tried:", "31") + "\n" + listed(report));
    return kFailure;
  });
}

int version() {
  complain(version_text());
  return kClean;
}

int main(int count, char** values) {
  hold_standard_descriptors();
  // No command of people's: what the gateway starts to run an isolated plugin in. Before anything else, because the process
  // must know at once when its gateway ends.
  if (count > 1 && std::string_view{values[1]} == "isolate-helper") return plugin::isolate::helper_main(count, values);
  if (count > 1 && std::string_view{values[1]} == rehearsal::kCommand) return rehearsal::rehearse_main(count, values);
  std::vector<std::string> arguments{values + std::min(count, 1), values + count};
  auto parsed = parse(arguments);
  if (parsed.exit) {
    complain(parsed.err);
    put(stdout, parsed.out);
    return *parsed.exit;
  }
  switch (parsed.options.command) {
    case Command::run: return run(parsed.options);
    case Command::check: return check(parsed.options);
    case Command::version: return version();
    case Command::tool: return parsed.options.tool->run(parsed.options.arguments);
    case Command::help: break;
  }
  return kClean;
}

}  // namespace sluice::app

// sluice status
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "core/app/options.h"
#include "core/app/tools/admin_client.h"
#include "core/app/tools/style.h"
#include "core/app/tools/tool.h"

namespace sluice::app {

extern const Tool kStatusTool;

namespace {

using boost::json::object;
using boost::json::value;

constexpr int kLimitSeconds = 10;

void print(FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

// A scalar as people write it; "-" when it is not there.
std::string text_of(const value* v) {
  if (!v || v->is_null()) return "-";
  if (v->is_string()) return std::string{v->get_string()};
  if (v->is_bool()) return v->get_bool() ? "yes" : "no";
  if (v->is_double()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", v->get_double());
    return text;
  }
  if (v->is_number()) return std::to_string(v->to_number<int64_t>());
  return "-";
}
std::string text_of(const object& o, const char* key) { return text_of(o.if_contains(key)); }
const object* object_of(const object& o, const char* key) {
  const value* v = o.if_contains(key);
  return v && v->is_object() ? &v->get_object() : nullptr;
}

std::string age(double s) {
  char text[48];
  if (s < 120) std::snprintf(text, sizeof text, "%.1f s", s);
  else if (s < 7200) std::snprintf(text, sizeof text, "%.0f min", s / 60);
  else if (s < 172800) std::snprintf(text, sizeof text, "%.1f h", s / 3600);
  else std::snprintf(text, sizeof text, "%.1f d", s / 86400);
  return text;
}
std::string age_of(const object& o, const char* key) {
  const value* v = o.if_contains(key);
  return v && v->is_number() ? age(v->to_number<double>()) : "-";
}

// Columns as wide as their widest cell; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = "  ";
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    out += (&row == &rows.front() ? painted(line, "2", 1) : line) + "\n";
  }
  return out;
}

std::string heading(std::string_view text) { return "\n" + painted(text, "1", 1) + "\n"; }

std::string indented(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    out += "    " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

void show_reload(const object& o) {
  const object* reload = object_of(o, "reload");
  if (!reload) return;
  print(stdout, heading("Reload") + "  " + text_of(*reload, "done") + " done, " + text_of(*reload, "refused") + " refused\n");
  if (const object* now = object_of(*reload, "running")) {
    const value* since = now->if_contains("since_unix_ms");
    const double age = since && since->is_number() ? static_cast<double>(std::time(nullptr)) - since->to_number<double>() / 1000 : 0;
    const value* runs = now->if_contains("runs");
    print(stdout,
          painted("  one has been running for " + std::to_string(static_cast<int64_t>(std::max(age, 0.0))) + " s" + (runs ? ": " + text_of(*now, "runs") : ""),
                  "33", 1) +
              "\n");
  }
  const object* last = object_of(*reload, "last");
  if (!last) return;
  const value* ok = last->if_contains("ok");
  bool good = ok && ok->is_bool() && ok->get_bool();
  std::time_t at = 0;
  if (const value* ms = last->if_contains("unix_ms"); ms && ms->is_number()) at = static_cast<std::time_t>(ms->to_number<int64_t>() / 1000);
  char stamp[32] = "";
  std::tm broken;
  ::localtime_r(&at, &broken);
  std::strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &broken);
  print(stdout, "  last: " + (good ? painted("done", "32", 1) : painted("refused", "31", 1)) + " at " + stamp + " (" + text_of(*last, "trigger") + "), " +
                    text_of(*last, "changes") + (text_of(*last, "changes") == "1" ? " change, " : " changes, ") + text_of(*last, "took_ms") + " ms\n");
  if (!good) print(stdout, painted(indented(text_of(*last, "error")), "31", 1));
}

void show_trial(const object& o) {
  const object* trial = object_of(o, "trial");
  if (!trial) return;
  print(stdout, heading("Trial"));
  const value* builds = trial->if_contains("builds");
  if (builds && builds->is_array() && !builds->get_array().empty()) {
    for (const value& b : builds->get_array())
      if (b.is_object())
        print(stdout, "  " + text_of(b.get_object(), "plugin") + " " + text_of(b.get_object(), "version") + " (" + text_of(b.get_object(), "file") + ")\n");
    print(stdout, "  share " + text_of(*trial, "share") + " %, for " + age_of(*trial, "age_s") + "\n");
    std::vector<std::vector<std::string>> rows{{"BUILD", "REQUESTS", "FAILED", "RATE"}};
    for (const char* side : {"new", "old"})
      if (const object* c = object_of(*trial, side)) rows.push_back({side, text_of(*c, "requests"), text_of(*c, "failed"), text_of(*c, "error_rate") + " %"});
    print(stdout, table(rows));
  }
  if (trial->if_contains("last")) print(stdout, "  last: " + text_of(*trial, "last") + "\n");
}

std::string milliseconds(const object& o, const char* nanoseconds) {
  const value* v = o.if_contains(nanoseconds);
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", v && v->is_number() ? v->to_number<double>() / 1e6 : 0.0);
  return text;
}

// What plugins cost: the places with the most time in hooks, and who held a loop up lately.
void show_cost(const object& o) {
  constexpr size_t kMost = 15;
  const object* cost = object_of(o, "cost");
  if (!cost) return;
  std::vector<std::pair<double, std::vector<std::string>>> places;
  if (const value* plugins = cost->if_contains("plugins"); plugins && plugins->is_array())
    for (const value& p : plugins->get_array()) {
      const value* all = p.is_object() ? p.get_object().if_contains("places") : nullptr;
      if (!all || !all->is_array()) continue;
      for (const value& v : all->get_array()) {
        if (!v.is_object()) continue;
        const object& place = v.get_object();
        const value* busy = place.if_contains("busy_ns");
        places.push_back({busy && busy->is_number() ? busy->to_number<double>() : 0,
                          {text_of(p.get_object(), "plugin"), text_of(place, "binding"), text_of(place, "place"), text_of(place, "calls"),
                           text_of(place, "errors"), milliseconds(place, "busy_ns"), milliseconds(place, "longest_ns") + " " + text_of(place, "longest_hook"),
                           milliseconds(place, "waited_ns"), text_of(place, "arena_bytes")}});
      }
    }
  if (!places.empty()) {
    std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::vector<std::string>> rows{{"PLUGIN", "BINDING", "PLACE", "CALLS", "ERRORS", "IN HOOKS", "LONGEST", "WAITED", "ARENA BYTES"}};
    for (size_t i = 0; i < std::min(places.size(), kMost); ++i) rows.push_back(std::move(places[i].second));
    print(stdout, heading("What plugins cost") + table(rows));
    if (places.size() > kMost) print(stdout, "  and " + std::to_string(places.size() - kMost) + " places that cost less; --json has them\n");
  }
  if (const value* stalls = cost->if_contains("stalls"); stalls && stalls->is_array() && !stalls->get_array().empty()) {
    print(stdout, heading("Hooks that held an event loop"));
    for (const value& s : stalls->get_array())
      if (s.is_object())
        print(stdout, painted("  " + text_of(s.get_object(), "plugin") + " " + text_of(s.get_object(), "hook") + " at " + text_of(s.get_object(), "place") +
                                  ": " + text_of(s.get_object(), "wall_ms") + " ms",
                              "33", 1) +
                          "\n");
  }
}

// Plugins in processes of their own: a line for each process.
void show_isolated(const object& o) {
  const value* all = o.if_contains("isolated");
  if (!all || !all->is_array() || all->get_array().empty()) return;
  std::vector<std::vector<std::string>> rows{{"PLUGIN", "STATE", "PROCESS", "AGE", "DEATHS", "RESTARTS", "LAST DEATH"}};
  for (const value& p : all->get_array()) {
    const value* helpers = p.is_object() ? p.get_object().if_contains("helpers") : nullptr;
    if (!helpers || !helpers->is_array()) continue;
    for (const value& v : helpers->get_array()) {
      if (!v.is_object()) continue;
      const object& h = v.get_object();
      std::string state = text_of(h, "state");
      if (h.if_contains("again_in_ms")) state += ", again in " + text_of(h, "again_in_ms") + " ms";
      rows.push_back({text_of(p.get_object(), "plugin"), state, text_of(h, "pid"), age_of(h, "up_s"), text_of(h, "deaths"), text_of(h, "restarts"),
                      text_of(h, "last_death")});
    }
  }
  print(stdout, heading("Plugins in processes of their own") + table(rows));
}

void show(const object& o) {
  print(stdout, painted(text_of(o, "name") + " " + text_of(o, "version"), "1", 1) + ", " + text_of(o, "state") + ", process " + text_of(o, "pid") +
                    ", up " + age_of(o, "uptime_s") + "\n");
  print(stdout, "  configuration  " + text_of(o, "config") + "\n");
  if (const object* listen = object_of(o, "listen")) {
    std::string address = text_of(*listen, "address");
    print(stdout, "  listens on     " + (address.empty() ? "*" : address) + ":" + text_of(*listen, "port") + "\n");
  }
  print(stdout, "  workers        " + text_of(o, "workers") + "\n  connections    " + text_of(o, "connections") + "\n  requests       " +
                    text_of(o, "requests") + "\n");
  if (const object* b = object_of(o, "backend_connections"))
    print(stdout, "  to backends    " + text_of(*b, "active") + " active, " + text_of(*b, "idle") + " idle, " + text_of(*b, "opened") + " opened, " +
                      text_of(*b, "reused") + " times reused\n");
  if (const value* silent = o.if_contains("workers_that_do_not_answer"); silent && silent->is_array())
    print(stdout,
          painted("  " + std::to_string(silent->get_array().size()) + " workers do not answer: a plugin holds their event loop; the figures lack theirs", "31",
                  1) +
              "\n");
  if (const value* work = o.if_contains("background_work"); work && work->is_array())
    for (const value& v : work->get_array())
      if (v.is_object())
        print(stdout, "  background     " + text_of(v.get_object(), "work") + ", for " + text_of(v.get_object(), "running_s") + " s\n");
  if (const value* holders = o.if_contains("held_by"); holders && holders->is_array())
    for (const value& v : holders->get_array())
      if (v.is_object()) {
        const object& h = v.get_object();
        print(stdout, painted("  worker " + text_of(h, "worker") + " is held by " + text_of(h, "place") + "[" + text_of(h, "binding") + "] " +
                                  text_of(h, "hook") + " of plugin " + text_of(h, "plugin"),
                              "31", 1) +
                          "\n");
      }
  std::vector<std::vector<std::string>> rows{{"GENERATION", "ROLE", "AGE", "IN FLIGHT", "ENDPOINTS", "PLUGINS"}};
  if (const value* all = o.if_contains("generations"); all && all->is_array())
    for (const value& v : all->get_array())
      if (v.is_object()) {
        const object& g = v.get_object();
        rows.push_back({text_of(g, "number"), text_of(g, "role"), age_of(g, "age_s"), text_of(g, "in_flight"), text_of(g, "endpoints"), text_of(g, "plugins")});
      }
  print(stdout, "\n" + table(rows));
  show_reload(o);
  show_trial(o);
  show_isolated(o);
  show_cost(o);
}

int run(std::span<const std::string> arguments) {
  AdminFlags flags = admin_flags(arguments);
  if (!flags.wrong.empty()) return usage_failure(kStatusTool, flags.wrong);
  if (!flags.rest.empty()) return usage_failure(kStatusTool, "unexpected argument \"" + flags.rest.front() + "\"");
  auto socket = find_admin(flags);
  if (!socket) return print(stderr, "Error: " + socket.error().message + "\n"), kFailure;
  auto answer = ask_admin(*socket, "GET", "/status", kLimitSeconds);
  if (!answer) return print(stderr, "Error: " + answer.error().message + "\n"), kFailure;
  boost::json::error_code wrong;
  value parsed = boost::json::parse(answer->body, wrong);
  if (answer->status != 200 || wrong || !parsed.is_object()) return print(stderr, "Error: unexpected answer: " + answer->body + "\n"), kFailure;
  if (flags.json) print(stdout, answer->body + "\n");
  else show(parsed.get_object());
  return kClean;
}

}  // namespace

const Tool kStatusTool{"status", "What a running gateway does: generations, connections, reloads",
                       R"(sluice status: what a running gateway does

Usage:
  sluice status [flags]

Prints version, process, address, connections and requests; the live generations of the configuration with the requests that
still run on each; how the last reload went, with what was refused and where; plugin builds on trial; the processes of isolated
plugins and how often they died; what plugins cost, place by place, the most expensive first; and hooks that held an event loop up.

Flags:
      --admin PATH   The gateway's admin socket (default: $SLUICE_ADMIN, else that of the only gateway of this user)
      --pid N        The gateway with this process id
      --json         The figures as JSON
  -h, --help         This text

Exit code: 0 it answered, 1 nobody did, 255 wrong usage

Examples:
  sluice status
  sluice status --pid 4711
  sluice status --json | jq .generations

More: docs/operating.md
)",
                       run};

}  // namespace sluice::app

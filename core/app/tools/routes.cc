// sluice routes: which endpoint takes a request, and why.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>

#include "core/app/options.h"
#include "core/app/tools/request_text.h"
#include "core/app/tools/style.h"
#include "core/app/tools/tool.h"
#include "core/base/text.h"
#include "core/config/reader.h"
#include "core/pipeline/route_table.h"
#include "core/router/explain.h"

namespace sluice::app {

extern const Tool kRoutesTool;

namespace {

constexpr std::string_view kHelp = R"(sluice routes: which endpoint takes a request, and why

Usage:
  sluice routes -c FILE                                   all routes, as a table
  sluice routes -c FILE "METHOD /path" [-H "Name: value"]...

For a request: the endpoint that takes it, with its place in the file and the parameters; then the endpoints that fit too
and why they come later, and those that nearly fit and what is missing. Nothing is sent, no plugin is loaded.

The request is written as "GET /v1/users/7", "/v1/users/7" (GET), or with a host: "GET https://api.example.com/v1/users/7".
The path is as clients send it, percent-encoded.

Flags:
  -c, --config FILE       The configuration
  -H, --header HEADER     "Name: value", may be given several times; Host is the host
  -d, --debug             As with run: /__debug/ is served too
  -a, --all               Every endpoint that does not take the request with its reason, not only the nearest five
  -h, --help              This text

Exit code: 0 somebody takes it (or the table was printed), 1 nobody does, or the configuration is wrong, 255 wrong usage

Examples:
  sluice routes -c gateway.json
  sluice routes -c gateway.json "GET /v1/users/7"
  sluice routes -c gateway.json "POST /v1/jobs/7:cancel" -H "Host: api.example.com" -H "X-Version: 2"

More: docs/routing.md
)";

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// What the command line says of the request.
struct Request final : RequestText, router::Facts {
  std::string_view host() const override {
    name_ = router::host_name(authority);
    return name_;
  }
  bool has(std::string_view name, std::string_view pattern) const override {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return iequals(h.first, name) && router::value_fits(pattern, h.second); });
  }

 private:
  mutable std::string name_;
};

class Answer {
 public:
  Answer(const config::Config& c, const config::SourceText& source) : c_{c}, table_{pipeline::make_routes(c, problems_)} {
    for (const config::Endpoint& e : c.endpoints) places_.push_back({config::Issue::Severity::warning, e.at.pointer, {}, {}});
    source.locate(places_);
  }

  void list() const {
    std::vector<std::array<std::string, 4>> rows{{"METHOD", "PATH", "PLACE", "BACKENDS"}};
    for (size_t i = 0; i < c_.endpoints.size(); ++i) {
      const config::Endpoint& e = c_.endpoints[i];
      std::string backends;
      for (const config::Backend& b : e.backends) {
        std::string host = b.hosts.empty() ? "" : b.hosts[0] + (b.hosts.size() > 1 ? " (+" + std::to_string(b.hosts.size() - 1) + ")" : "");
        backends += (backends.empty() ? "" : ", ") + host + b.url_pattern;
      }
      rows.push_back({e.method, e.path + e.condition_text(), place(i), backends});
    }
    if (!c_.router.disable_health) rows.push_back({"GET", c_.router.health_path, "sluice", ""});
    if (c_.debug_endpoint) rows.push_back({"ANY", "/__debug/*", "sluice", ""});
    if (c_.echo_endpoint) rows.push_back({"ANY", "/__echo/*", "sluice", ""});
    size_t width[3] = {0, 0, 0};
    for (const auto& row : rows)
      for (size_t k = 0; k < 3; ++k) width[k] = std::max(width[k], std::min<size_t>(row[k].size(), 60));
    std::string out;
    for (const auto& row : rows) {
      std::string line;
      for (size_t k = 0; k < 4; ++k) {
        line += row[k];
        if (k < 3) line += std::string(width[k] + 2 - std::min(row[k].size(), width[k]), ' ');
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += (&row == &rows[0] ? painted(line, "1", 1) : line) + "\n";
    }
    put(out);
  }

  // The exit code.
  int explain(const Request& r, bool all) {
    BlockPool pool;
    Arena arena{pool};
    const config::RouterOptions& o = c_.router;
    std::string path = o.remove_extra_slash ? router::clean_path(r.path) : r.path;
    std::string out = r.method + " " + r.target + (r.authority.empty() ? "" : ", host " + r.authority) + "\n\n";
    if (path != r.path) out += "  remove_extra_slash: taken as " + path + "\n";
    router::Match match;
    std::string_view location, allow;
    auto found = table_.router.find(r.method, path, {o.redirect_trailing_slash, o.redirect_fixed_path, o.method_not_allowed}, arena, &match,
                                    &location, &allow, &r);
    size_t taker = kNobody;
    bool taken = false;
    switch (found) {
      case router::Router::Found::yes: taken = takes(match, arena, out, taker); break;
      case router::Router::Found::redirect:
        out += "  " + painted("redirected", "33", 1) + " to " + std::string{location} + " (" + (r.method == "GET" ? "301" : "307") +
               "): no endpoint of this method has the path, but one has that\n";
        break;
      case router::Router::Found::method_not_allowed:
        out += "  " + painted("405", "31", 1) + ": the path is there for " + std::string{allow} + ", not for " + r.method + "\n";
        break;
      case router::Router::Found::no:
        out += "  " + painted("404", "31", 1) + ": no endpoint takes it\n";
        break;
    }
    others(r, path, taker, all, out);
    put(out);
    return taken ? kClean : kFailure;
  }

 private:
  static constexpr size_t kNobody = SIZE_MAX;

  std::string place(size_t endpoint) const {
    const config::Issue& at = places_[endpoint];
    if (!at.line) return at.pointer;
    return (at.file.empty() ? c_.file : at.file) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  }

  bool takes(const router::Match& match, Arena& arena, std::string& out, size_t& taker) const {
    const auto& entry = table_.entries[match.route];
    std::string_view problem = pipeline::refuse_params(match.params, c_.router.disable_path_decoding, arena);
    if (entry.builtin != pipeline::Builtin::none) {
      out += "  " + painted("taken", "32", 1) + " by the gateway itself: " + std::string{pipeline::builtin_name(entry.builtin)} +
             (entry.allow.empty() ? "" : ", Allow: " + entry.allow) + "\n";
    } else {
      taker = entry.endpoint;
      const config::Endpoint& e = c_.endpoints[taker];
      out += "  " + painted("taken", "32", 1) + " by " + e.label() + "\n";
      out += "  at " + place(taker) + "\n";
      for (const config::Backend& b : e.backends)
        out += "  calls " + (b.method.empty() ? "with its method" : b.method) + " " + (b.hosts.empty() ? "(no host)" : b.hosts[0]) + b.url_pattern + "\n";
    }
    for (const router::Param& p : match.params) out += "  " + std::string{p.name} + " = \"" + std::string{p.value} + "\"\n";
    if (problem.empty()) return true;
    out += "  " + painted("400", "31", 1) + ", " + std::string{problem} + "\n";
    return false;
  }

  struct Other {
    size_t endpoint;
    router::Verdict verdict;
    router::Condition condition;
  };

  // Of an endpoint with several hosts, the one that comes nearest.
  Other judge(size_t endpoint, const router::Pattern& pattern, const Request& r, const std::string& path) const {
    const config::Endpoint& e = c_.endpoints[endpoint];
    Other best{endpoint, {}, {}};
    bool any = false;
    for (const router::Condition& condition : e.conditions) {
      router::Verdict v = router::judge(pattern, e.methods, condition, r.method, path, r);
      if (any && v.fate <= best.verdict.fate) continue;
      any = true;
      best.verdict = std::move(v);
      best.condition = condition;
    }
    return best;
  }

  void others(const Request& r, const std::string& path, size_t taker, bool all, std::string& out) const {
    std::vector<Other> later, near;
    std::optional<router::Pattern> winner;
    router::Condition its;
    if (taker != kNobody)
      if (auto parsed = router::parse_pattern(c_.endpoints[taker].path)) {
        winner = *parsed;
        its = judge(taker, *winner, r, path).condition;
      }
    for (size_t i = 0; i < c_.endpoints.size(); ++i) {
      auto pattern = router::parse_pattern(c_.endpoints[i].path);
      if (i == taker || !pattern) continue;
      Other other = judge(i, *pattern, r, path);
      if (other.verdict.fate == router::Verdict::Fate::fits) {
        other.verdict.why = winner ? router::why_first(*winner, its, *pattern, other.condition) : "one of the gateway's own goes first";
        later.push_back(std::move(other));
      } else if (all || other.verdict.fate > router::Verdict::Fate::path || other.verdict.segments > 0 || other.verdict.spelling) {
        near.push_back(std::move(other));
      }
    }
    auto nearer = [](const Other& a, const Other& b) {
      return std::pair{a.verdict.fate, a.verdict.segments} > std::pair{b.verdict.fate, b.verdict.segments};
    };
    std::stable_sort(near.begin(), near.end(), nearer);
    section("Fit too, but come later:", later, all, out);
    section("Near misses:", near, all, out);
  }

  void section(std::string_view title, const std::vector<Other>& list, bool all, std::string& out) const {
    constexpr size_t kMost = 5;
    if (list.empty()) return;
    out += "\n" + painted(title, "1", 1) + "\n";
    size_t shown = all ? list.size() : std::min(list.size(), kMost);
    for (size_t i = 0; i < shown; ++i)
      out += "  " + c_.endpoints[list[i].endpoint].label() + "\n    at " + place(list[i].endpoint) + "\n    " + list[i].verdict.why + "\n";
    if (shown < list.size()) out += "  and " + std::to_string(list.size() - shown) + " more (--all)\n";
  }

  const config::Config& c_;
  std::vector<std::pair<std::string, std::string>> problems_;
  pipeline::RouteTable table_;
  std::vector<config::Issue> places_;  // of the endpoints
};

int run(std::span<const std::string> arguments) {
  std::string config_file;
  std::vector<std::string> headers, requests;
  bool debug = false, all = false;
  CLI::App app;
  app.set_help_flag();
  app.add_option("-c,--config", config_file);
  app.add_option("-H,--header", headers)->allow_extra_args(false);
  app.add_flag("-d,--debug", debug);
  app.add_flag("-a,--all", all);
  app.add_option("request", requests);
  try {
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::ParseError& e) {
    return usage_failure(kRoutesTool, e.what());
  }
  if (config_file.empty()) return usage_failure(kRoutesTool, "the configuration is missing: -c FILE");
  // "GET /x" may come as two words.
  if (requests.size() == 2) requests = {requests[0] + " " + requests[1]};
  if (requests.size() > 1) return usage_failure(kRoutesTool, "one request is wanted, in quotes: \"GET /path\"");
  Request request;
  if (!requests.empty()) {
    if (std::string wrong = read_request(requests[0], headers, request); !wrong.empty()) return usage_failure(kRoutesTool, wrong);
  } else if (!headers.empty()) {
    return usage_failure(kRoutesTool, "headers belong to a request: \"GET /path\"");
  }
  config::ReadOptions options;
  options.environment = config::process_environment();
  options.debug_endpoint = debug;
  config::ReadResult read = config::read_file(config_file, options);
  if (!read.config) {
    std::string text = "ERROR parsing the configuration file:\n" + read.report.format();
    std::fwrite(text.data(), 1, text.size(), stderr);
    return kFailure;
  }
  Answer answer{*read.config, read.source};
  if (requests.empty()) return answer.list(), kClean;
  return answer.explain(request, all);
}

}  // namespace

const Tool kRoutesTool{"routes", "All routes, or which endpoint takes a request and why", kHelp, run};

}  // namespace sluice::app

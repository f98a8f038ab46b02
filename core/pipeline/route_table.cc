#include "core/pipeline/route_table.h"

#include <map>
#include <set>

#include "core/base/text.h"

namespace sluice::pipeline {
namespace {

class Maker {
 public:
  Maker(const config::Config& c, std::vector<std::pair<std::string, std::string>>& problems) : c_{c}, problems_{problems} {}

  RouteTable run() {
    for (uint32_t i = 0; i < c_.endpoints.size(); ++i) endpoint(i);
    if (!c_.router.disable_health) own("GET", c_.router.health_path, Builtin::health);
    static constexpr const char* kAny[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"};
    for (const char* m : kAny) {
      if (c_.debug_endpoint) own(m, "/__debug/*", Builtin::debug);
      if (c_.echo_endpoint) own(m, "/__echo/*", Builtin::echo);
    }
    if (c_.router.auto_options) auto_options();
    return std::move(table_);
  }

 private:
  void endpoint(uint32_t index) {
    const config::Endpoint& e = c_.endpoints[index];
    auto number = static_cast<uint32_t>(table_.entries.size());
    for (const std::string& method : e.methods)
      for (const router::Condition& condition : e.conditions)
        if (auto added = table_.router.add(method, e.path, condition, number, nullptr); !added)
          problems_.emplace_back(e.at.pointer, added.error().message);
    table_.entries.push_back({Builtin::none, index, {}});
  }

  void own(const char* method, const std::string& path, Builtin what, std::string allow = {}, const router::Condition& condition = {}) {
    auto number = static_cast<uint32_t>(table_.entries.size());
    if (auto added = table_.router.add(method, path, condition, number, nullptr); !added) {
      // An endpoint that answers OPTIONS itself has what it wants.
      if (what == Builtin::health) problems_.emplace_back("", added.error().message);
      return;
    }
    table_.entries.push_back({what, 0, std::move(allow)});
  }

  // One answer for each path and host that endpoints have, whatever they call the path's parameters. Headers have no say: a
  // browser that asks beforehand does not send them yet.
  void auto_options() {
    struct Path {
      std::string pattern;
      std::map<std::string, std::set<std::string>> methods;  // by host
    };
    std::map<std::string, Path> paths;  // by shape
    for (const config::Endpoint& e : c_.endpoints) {
      Path& path = paths.try_emplace(router::shape(e.path), Path{e.path, {}}).first->second;
      for (const router::Condition& condition : e.conditions) path.methods[condition.host].insert(e.methods.begin(), e.methods.end());
    }
    for (const auto& [shape, path] : paths) {
      for (const auto& [host, methods_here] : path.methods) {
        // What is there for more hosts is there for this one, too.
        std::set<std::string> methods = methods_here;
        for (const auto& [other, theirs] : path.methods)
          if (router::host_fits(other, host)) methods.insert(theirs.begin(), theirs.end());
        std::string allow;
        for (const std::string& m : methods) allow += (allow.empty() ? "" : ", ") + m;
        router::Condition condition;
        condition.host = host;
        condition.fallback = true;  // an endpoint of ANY answers for itself
        own("OPTIONS", path.pattern, Builtin::auto_options, allow, condition);
      }
    }
  }

  const config::Config& c_;
  std::vector<std::pair<std::string, std::string>>& problems_;
  RouteTable table_;
};

// A "." or ".." segment: of a parameter its whole value, of a wildcard any part of it. They would climb in the backends' paths. Where
// values stay encoded (disable_path_decoding), also one that the backend would decode to that.
bool climbs(std::string_view value, bool stays_encoded) {
  size_t dots = 0, others = 0;  // of the segment so far
  auto ends = [&] { return others == 0 && (dots == 1 || dots == 2); };
  for (size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    if (stays_encoded && c == '%' && i + 2 < value.size() && value[i + 1] == '2') {
      const char last = static_cast<char>(value[i + 2] | 0x20);
      if (last == 'e') c = '.', i += 2;
      if (last == 'f') c = '/', i += 2;
    }
    if (c == '/') {
      if (ends()) return true;
      dots = others = 0;
    } else {
      ++(c == '.' ? dots : others);
    }
  }
  return ends();
}

}  // namespace

RouteTable make_routes(const config::Config& c, std::vector<std::pair<std::string, std::string>>& problems) {
  return Maker{c, problems}.run();
}

std::string_view refuse_params(const ArenaVector<router::Param>& params, bool disable_path_decoding, Arena& arena) {
  for (const router::Param& p : params)
    if (climbs(p.value, disable_path_decoding)) return "error: path traversal";
  if (disable_path_decoding) return {};
  for (const router::Param& p : params) {
    std::string_view v = p.value;
    for (size_t i = 0; i < v.size(); ++i) {
      if (v[i] == '?' || v[i] == '#') return "error: encoded url params";
      if (v[i] != '%') continue;
      if (i + 2 < v.size() && hex_digit(v[i + 1]) >= 0 && hex_digit(v[i + 2]) >= 0) return "error: encoded url params";
      return arena.concat("error: invalid URL escape \"", v.substr(i, 3), "\"");
    }
  }
  return {};
}

std::string_view builtin_name(Builtin b) {
  switch (b) {
    case Builtin::none: break;
    case Builtin::health: return "the health page";
    case Builtin::debug: return "/__debug/*";
    case Builtin::echo: return "/__echo/*";
    case Builtin::auto_options: return "auto_options";
  }
  return "";
}

}  // namespace sluice::pipeline

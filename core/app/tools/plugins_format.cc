#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <algorithm>
#include <cstdio>

#include "core/app/tools/plugins.h"
#include "core/plugin/cost_status.h"

namespace sluice::app {
namespace {

namespace json = boost::json;
using plugin::cost::duration;
constexpr size_t kPlaces = 4;  // of each plugin in the text; --json has all

std::string_view state_name(ListedPlugin::State s) {
  return s == ListedPlugin::State::loaded ? "loaded" : s == ListedPlugin::State::refused ? "refused" : "readable";
}
std::string_view lock_name(ListedPlugin::Lock l) {
  return l == ListedPlugin::Lock::allowed ? "allowed" : l == ListedPlugin::Lock::refused ? "refused" : "none";
}
std::string abi(const plugin::Note& n) { return std::to_string(n.abi_major) + "." + std::to_string(n.abi_minor); }

std::string built(const plugin::Note& n) {
  std::string text = n.built_with.empty() ? "unknown compiler" : n.built_with;
  if (n.flags & SLC_BUILT_ASAN) text += ", AddressSanitizer";
  if (n.flags & SLC_BUILT_TSAN) text += ", ThreadSanitizer";
  return text;
}

void bindings(std::string& out, const plugin::Note& note) {
  size_t kinds = 0, names = 0;
  for (const auto& b : note.bindings) {
    kinds = std::max(kinds, plugin::kind_name(b.interface_id).size());
    names = std::max(names, b.name.size());
  }
  for (const auto& b : note.bindings) {
    std::string kind{plugin::kind_name(b.interface_id)}, name = b.name;
    kind.resize(kinds, ' ');
    if (b.scopes) name.resize(names, ' ');
    out += "  " + kind + "  " + name + (b.scopes ? "  at " + plugin::scope_names(b.scopes) : "");
    for (size_t i = 0; i < b.aliases.size(); ++i) out += (i ? ", " : "  also ") + b.aliases[i];
    out += '\n';
  }
}

void uses(std::string& out, const ListedPlugin& p) {
  if (p.uses.empty()) {
    out += "  not used by this configuration\n";
    return;
  }
  out += "  used " + std::to_string(p.used()) + (p.used() == 1 ? " time:" : " times:");
  for (size_t i = 0; i < std::min(p.uses.size(), kPlaces); ++i) {
    const PluginUse& u = p.uses[i];
    out += (i ? ", " : " ") + u.place + " " + u.name + (u.count > 1 ? " (" + std::to_string(u.count) + ")" : "");
  }
  if (p.uses.size() > kPlaces) out += ", and " + std::to_string(p.uses.size() - kPlaces) + " more places (--json lists them)";
  out += '\n';
}

const std::vector<RunningCost>* costs_of(const plugin::Note& n, const RunningCosts& costs) {
  auto found = costs.of.find(n.id);
  return found == costs.of.end() ? nullptr : &found->second;
}

// The version that runs need not be the file's: the gateway goes on with what it has loaded until the next reload.
void cost(std::string& out, const plugin::Note& n, const RunningCosts& costs) {
  const std::string gateway = " in the gateway that runs (process " + std::to_string(costs.pid) + ")";
  const auto* versions = costs_of(n, costs);
  if (!versions) {
    out += "  not called" + gateway + "\n";
    return;
  }
  for (const RunningCost& c : *versions) {
    out += "  cost" + (c.version == n.version ? "" : " of version " + c.version) + gateway + ": " + std::to_string(c.calls) + " calls, " + std::to_string(c.errors) +
           " errors; in hooks " + duration(c.busy_ns) + (c.calls ? ", " + duration(c.busy_ns / c.calls) + " a call" : "") + ", longest " + duration(c.longest_ns);
    if (c.waits) out += "; waited " + duration(c.waited_ns) + " in " + std::to_string(c.waits) + " suspensions";
    if (c.timed_out) out += "; " + std::to_string(c.timed_out) + (c.timed_out == 1 ? " was" : " were") + " not resumed in time";
    if (c.stalls) out += "; held an event loop " + std::to_string(c.stalls) + (c.stalls == 1 ? " time" : " times");
    out += "; " + std::to_string(c.arena_bytes) + " bytes of requests' memory\n";
  }
}

json::array cost(const plugin::Note& n, const RunningCosts& costs) {
  json::array all;
  if (const auto* versions = costs_of(n, costs))
    for (const RunningCost& c : *versions)
      all.push_back(json::object{{"version", c.version}, {"calls", c.calls}, {"errors", c.errors}, {"busy_ns", c.busy_ns}, {"longest_ns", c.longest_ns},
                                 {"waits", c.waits}, {"waited_ns", c.waited_ns}, {"timed_out", c.timed_out}, {"arena_bytes", c.arena_bytes}, {"stalls", c.stalls}});
  return all;
}

}  // namespace

std::string format_text(const PluginList& list, const std::optional<RunningCosts>& costs) {
  std::string out;
  for (const ListedPlugin& p : list.plugins) {
    if (!out.empty()) out += '\n';
    out += p.note ? p.note->id + " " + p.note->version : std::string{"(no note)"};
    out += "  " + p.file + '\n';
    if (p.note) out += "  ABI " + abi(*p.note) + ", built with " + built(*p.note) + (p.lock == ListedPlugin::Lock::allowed ? ", listed in plugins.lock" : "") + '\n';
    else if (p.state == ListedPlugin::State::readable) out += "  cannot be read without loading it; with -c FILE it is loaded\n";
    if (p.note) bindings(out, *p.note);
    if (p.state == ListedPlugin::State::refused) out += "  REFUSED: " + p.why + '\n';
    else if (list.with_configuration && list.compiled) uses(out, p);
    if (p.note && costs) cost(out, *p.note, *costs);
  }
  return out;
}

std::string format_json(const PluginList& list, const std::optional<RunningCosts>& costs) {
  json::array plugins;
  for (const ListedPlugin& p : list.plugins) {
    json::object o;
    o["file"] = p.file;
    if (p.note) {
      const plugin::Note& n = *p.note;
      o["id"] = n.id, o["version"] = n.version, o["abi"] = abi(n), o["built_with"] = n.built_with;
      o["sanitizer"] = n.flags & SLC_BUILT_ASAN ? "address" : n.flags & SLC_BUILT_TSAN ? "thread" : "";
      json::array bound;
      for (const auto& b : n.bindings) {
        json::object one{{"kind", plugin::kind_name(b.interface_id)}, {"interface", b.interface_id}, {"name", b.name}};
        json::array aliases, scopes;
        for (const auto& a : b.aliases) aliases.emplace_back(a);
        for (auto [bit, name] : {std::pair{SLC_AT_SERVICE, "service"}, {SLC_AT_ENDPOINT, "endpoint"}, {SLC_AT_PROXY, "proxy"}, {SLC_AT_BACKEND, "backend"}})
          if (b.scopes & static_cast<uint32_t>(bit)) scopes.emplace_back(name);
        one["aliases"] = std::move(aliases), one["scopes"] = std::move(scopes);
        bound.push_back(std::move(one));
      }
      o["bindings"] = std::move(bound);
    }
    o["note"] = p.note.has_value();
    o["sha256"] = p.sha256, o["state"] = state_name(p.state), o["lock"] = lock_name(p.lock);
    if (!p.why.empty()) o["why"] = p.why;
    if (list.with_configuration && list.compiled) {
      json::array used;
      for (const PluginUse& u : p.uses) used.push_back(json::object{{"place", u.place}, {"name", u.name}, {"count", u.count}});
      o["used"] = p.used(), o["places"] = std::move(used);
    }
    if (p.note && costs) o["cost"] = cost(*p.note, *costs);
    plugins.push_back(std::move(o));
  }
  json::array problems;
  for (const std::string& text : list.problems) problems.emplace_back(text);
  json::object root{{"plugins", std::move(plugins)}, {"problems", std::move(problems)}};
  if (costs) root["running"] = json::object{{"pid", costs->pid}};
  return json::serialize(root) + "\n";
}

}  // namespace sluice::app

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
    out += p.role.empty() || p.role == "current" ? "  not used by this configuration\n" : "  not used there\n";
    return;
  }
  out += "  used " + std::to_string(p.used()) + (p.used() == 1 ? " time:" : " times:");
  for (size_t i = 0; i < std::min(p.uses.size(), kPlaces); ++i) {
    const PluginUse& u = p.uses[i];
    out += (i ? ", " : " ") + u.place + " " + u.name + (u.count > 1 ? " (" + std::to_string(u.count) + ")" : "");
  }
  if (const uint64_t all = p.uses.size() + p.more_places; all > kPlaces)
    out += ", and " + std::to_string(all - kPlaces) + " more places (--json lists " + (p.more_places ? "the first " + std::to_string(p.uses.size()) : "them") +
           ")";
  out += '\n';
}

const std::vector<RunningCost>* costs_of(const plugin::Note& n, const RunningCosts& costs) {
  auto found = costs.of.find(n.id);
  return found == costs.of.end() ? nullptr : &found->second;
}

// Another entry of the list says what that version has cost.
bool listed_elsewhere(const PluginList& list, const plugin::Note& n, const std::string& version) {
  return version != n.version && std::any_of(list.plugins.begin(), list.plugins.end(), [&](const ListedPlugin& p) {
    return p.note && p.note->id == n.id && p.note->version == version;
  });
}

// The version that runs need not be the file's: the gateway goes on with what it has loaded until the next reload. What it no longer
// has may have cost something, too.
void cost(std::string& out, const PluginList& list, const plugin::Note& n, const RunningCosts& costs) {
  const std::string gateway = list.gateway ? "" : " in the gateway that runs (process " + std::to_string(costs.pid) + ")";
  std::vector<const RunningCost*> told;
  if (const auto* versions = costs_of(n, costs))
    for (const RunningCost& c : *versions)
      if (!list.gateway || !listed_elsewhere(list, n, c.version)) told.push_back(&c);
  if (told.empty()) {
    out += "  not called" + gateway + "\n";
    return;
  }
  for (const RunningCost* one : told) {
    const RunningCost& c = *one;
    out += "  cost" + (c.version == n.version ? "" : " of version " + c.version) + gateway + ": " + std::to_string(c.calls) + " calls, " +
           std::to_string(c.errors) + " errors; in hooks " + duration(c.busy_ns) + (c.calls ? ", " + duration(c.busy_ns / c.calls) + " a call" : "") +
           ", longest " + duration(c.longest_ns);
    if (c.waits) out += "; waited " + duration(c.waited_ns) + " in " + std::to_string(c.waits) + " suspensions";
    if (c.timed_out) out += "; " + std::to_string(c.timed_out) + (c.timed_out == 1 ? " was" : " were") + " not resumed in time";
    if (c.stalls) out += "; held an event loop " + std::to_string(c.stalls) + (c.stalls == 1 ? " time" : " times");
    out += "; " + std::to_string(c.arena_bytes) + " bytes of requests' memory\n";
  }
}

json::array cost(const PluginList& list, const plugin::Note& n, const RunningCosts& costs) {
  json::array all;
  if (const auto* versions = costs_of(n, costs))
    for (const RunningCost& c : *versions)
      if (!list.gateway || !listed_elsewhere(list, n, c.version))
        all.push_back(json::object{{"version", c.version},
                                   {"calls", c.calls},
                                   {"errors", c.errors},
                                   {"busy_ns", c.busy_ns},
                                   {"longest_ns", c.longest_ns},
                                   {"waits", c.waits},
                                   {"waited_ns", c.waited_ns},
                                   {"timed_out", c.timed_out},
                                   {"arena_bytes", c.arena_bytes},
                                   {"stalls", c.stalls}});
  return all;
}

// The first line: whose list it is.
std::string title(const RunningGateway& g) {
  return "Loaded by the gateway that runs (process " + std::to_string(g.pid) + ", " + (g.address.empty() ? "*" : g.address) + ":" + std::to_string(g.port) +
         ", " + g.config + ", generation " + std::to_string(g.generation) + "):\n";
}

// What only another generation than the one that serves has.
std::string generation(const ListedPlugin& p) {
  const std::string_view does = p.role == "trial"      ? "is on trial"
                                : p.role == "draining" ? "ends its last requests"
                                : p.role == "stuck"    ? "does not come to its end"
                                                       : "does not serve yet";
  return "  of generation " + std::to_string(p.generation) + ", which " + std::string{does} + '\n';
}

}  // namespace

std::string format_text(const PluginList& list, const std::optional<RunningCosts>& costs) {
  std::string out = list.gateway ? title(*list.gateway) : "";
  for (const ListedPlugin& p : list.plugins) {
    if (!out.empty()) out += '\n';
    out += p.note ? p.note->id + " " + p.note->version : std::string{"(no note)"};
    out += "  " + p.file + '\n';
    if (p.note)
      out += "  ABI " + abi(*p.note) + ", built with " + built(*p.note) + (p.lock == ListedPlugin::Lock::allowed ? ", listed in plugins.lock" : "") + '\n';
    else if (p.state == ListedPlugin::State::readable) out += "  cannot be read without loading it; with -c FILE it is loaded\n";
    if (p.isolated) out += "  in a process of its own\n";
    if (list.gateway && p.role != "current") out += generation(p);
    if (p.note) bindings(out, *p.note);
    if (p.state == ListedPlugin::State::refused) out += "  REFUSED: " + p.why + '\n';
    else if (list.with_configuration && list.compiled) uses(out, p);
    if (p.note && costs) cost(out, list, *p.note, *costs);
  }
  return out;
}

std::string format_json(const PluginList& list, const std::optional<RunningCosts>& costs) {
  json::array plugins;
  for (const ListedPlugin& p : list.plugins) {
    json::object o;
    o["file"] = p.file;
    if (p.note) write_note(o, *p.note);
    o["note"] = p.note && !p.from_entry;
    o["sha256"] = p.sha256, o["state"] = state_name(p.state);
    if (list.gateway) o["isolated"] = p.isolated, o["generation"] = p.generation, o["role"] = p.role;
    else o["lock"] = lock_name(p.lock);
    if (!p.why.empty()) o["why"] = p.why;
    if (list.with_configuration && list.compiled) {
      json::array used;
      for (const PluginUse& u : p.uses) used.push_back(json_of(u));
      o["used"] = p.used(), o["places"] = std::move(used);
      if (p.more_places) o["more_places"] = p.more_places;
    }
    if (p.note && costs) o["cost"] = cost(list, *p.note, *costs);
    plugins.push_back(std::move(o));
  }
  json::array problems;
  for (const std::string& text : list.problems) problems.emplace_back(text);
  json::object root{{"source", list.gateway ? "gateway" : "folders"}};
  if (const auto& g = list.gateway)
    root["running"] = {
        {"pid", g->pid}, {"admin", g->socket}, {"listen", {{"address", g->address}, {"port", g->port}}}, {"config", g->config}, {"generation", g->generation}};
  else if (costs) root["running"] = json::object{{"pid", costs->pid}};
  root["plugins"] = std::move(plugins), root["problems"] = std::move(problems);
  return json::serialize(root) + "\n";
}

}  // namespace sluice::app

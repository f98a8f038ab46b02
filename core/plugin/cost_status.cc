#include "core/plugin/cost_status.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <map>

#include "core/plugin/cost.h"
#include "core/plugin/watchdog.h"

namespace sluice::plugin::cost {
namespace {

namespace json = boost::json;

void add_figures(json::object& o, const Totals& t) {
  o["calls"] = t.calls, o["errors"] = t.errors;
  o["busy_ns"] = t.busy_ns, o["longest_ns"] = t.longest_ns;
  o["waits"] = t.waits, o["waited_ns"] = t.waited_ns, o["timed_out"] = t.timed_out;
  o["arena_bytes"] = t.bytes, o["stalls"] = t.stalls;
}

HookKind slowest(const Row& row) {
  HookKind kind = HookKind::none;
  uint64_t most = 0;
  for (const auto& [k, t] : row.hooks)
    if (t.longest_ns >= most) kind = k, most = t.longest_ns;
  return kind;
}

json::object place_of(const Row& row) {
  json::object o;
  o["binding"] = row.owner.binding, o["interface"] = row.owner.interface_id;
  if (row.place.empty())
    o["place"] = nullptr;
  else
    o["place"] = row.place;
  add_figures(o, row.sum());
  o["longest_hook"] = to_string(slowest(row));
  json::object hooks;
  for (const auto& [kind, t] : row.hooks) add_figures(hooks[to_string(kind)].emplace_object(), t);
  o["hooks"] = std::move(hooks);
  return o;
}

json::object stall_of(const Stall& s) {
  json::object o;
  o["unix_ms"] = s.unix_ms, o["worker"] = s.worker;
  o["plugin"] = s.plugin, o["version"] = s.version, o["binding"] = s.binding, o["place"] = s.place;
  o["hook"] = to_string(s.hook);
  o["wall_ms"] = s.wall_ms, o["cpu_ms"] = s.cpu_ms, o["without_cpu_ms"] = s.queued_ms, o["over"] = s.over;
  return o;
}

struct OfPlugin {
  std::string plugin, version;
  Totals sum;
  std::vector<Row> rows;
};

bool costs_more(const Totals& a, const Totals& b) { return a.busy_ns > b.busy_ns; }

std::vector<OfPlugin> by_plugin() {
  std::map<std::pair<std::string, std::string>, OfPlugin> found;
  for (Row& row : snapshot()) {
    OfPlugin& p = found[{row.owner.plugin, row.owner.version}];
    p.plugin = row.owner.plugin, p.version = row.owner.version;
    p.sum += row.sum();
    p.rows.push_back(std::move(row));
  }
  std::vector<OfPlugin> all;
  for (auto& [key, p] : found) {
    std::stable_sort(p.rows.begin(), p.rows.end(), [](const Row& a, const Row& b) { return costs_more(a.sum(), b.sum()); });
    all.push_back(std::move(p));
  }
  std::stable_sort(all.begin(), all.end(), [](const OfPlugin& a, const OfPlugin& b) { return costs_more(a.sum, b.sum); });
  return all;
}

std::string column(std::string text, size_t width) {
  text.insert(0, text.size() < width ? width - text.size() : 0, ' ');
  return text + "  ";
}

// One metric of this file: which figure, and what an exporter multiplies it with.
struct Figure {
  metrics::Definition definition;
  uint64_t Totals::* value;
};

const std::vector<Figure>& figures() {
  static const auto* all = [] {
    auto* list = new std::vector<Figure>;
    auto add = [&](const char* name, const char* help, metrics::Kind kind, double scale, uint64_t Totals::* value) {
      Figure f;
      f.definition.name = std::string{"sluice_plugin_hook_"} + name, f.definition.help = help;
      f.definition.kind = kind, f.definition.scale = scale;
      f.value = value;
      list->push_back(std::move(f));
    };
    using enum metrics::Kind;
    add("calls_total", "Calls into plugins", counter, 1, &Totals::calls);
    add("errors_total", "Calls that ended in SLC_FAIL or in another status than SLC_OK", counter, 1, &Totals::errors);
    add("seconds_total", "Time inside hooks", counter, 1e-9, &Totals::busy_ns);
    add("longest_seconds", "The longest single call", gauge, 1e-9, &Totals::longest_ns);
    add("waits_total", "Hooks that were suspended and went on", counter, 1, &Totals::waits);
    add("waiting_seconds_total", "Time that hooks were suspended", counter, 1e-9, &Totals::waited_ns);
    add("timed_out_total", "Hooks that were suspended and not resumed within the time-out", counter, 1, &Totals::timed_out);
    add("arena_bytes_total", "Memory of exchanges that hooks took", counter, 1, &Totals::bytes);
    add("stalls_total", "Calls that held an event loop longer than the limit of the watchdog", counter, 1, &Totals::stalls);
    return list;
  }();
  return *all;
}

}  // namespace

std::string duration(uint64_t ns) {
  char text[32];
  if (ns < 10'000)
    snprintf(text, sizeof text, "%llu ns", static_cast<unsigned long long>(ns));
  else if (ns < 10'000'000)
    snprintf(text, sizeof text, "%.1f us", static_cast<double>(ns) / 1e3);
  else if (ns < 10'000'000'000)
    snprintf(text, sizeof text, "%.1f ms", static_cast<double>(ns) / 1e6);
  else
    snprintf(text, sizeof text, "%.1f s", static_cast<double>(ns) / 1e9);
  return text;
}

std::string status_json(size_t most_places) {
  json::array plugins;
  for (const OfPlugin& p : by_plugin()) {
    json::object o;
    o["plugin"] = p.plugin, o["version"] = p.version;
    add_figures(o, p.sum);
    json::array places;
    const size_t n = most_places ? std::min(most_places, p.rows.size()) : p.rows.size();
    for (size_t i = 0; i < n; ++i) places.push_back(place_of(p.rows[i]));
    o["places"] = std::move(places);
    if (n < p.rows.size()) o["more_places"] = p.rows.size() - n;
    plugins.push_back(std::move(o));
  }
  json::array stalls;
  for (const Stall& s : watchdog::recent()) stalls.push_back(stall_of(s));
  json::object root;
  root["plugins"] = std::move(plugins), root["stalls"] = std::move(stalls);
  return json::serialize(root);
}

std::string status_text(size_t most) {
  std::vector<Row> rows = snapshot();
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return costs_more(a.sum(), b.sum()); });
  std::string out = column("calls", 12) + column("errors", 8) + column("in hooks", 10) + column("per call", 10) + column("longest", 10) +
                    column("waiting", 10) + column("bytes", 12) + "plugin, place\n";
  const size_t n = most ? std::min(most, rows.size()) : rows.size();
  for (size_t i = 0; i < n; ++i) {
    const Row& r = rows[i];
    const Totals t = r.sum();
    out += column(std::to_string(t.calls), 12) + column(std::to_string(t.errors), 8) + column(duration(t.busy_ns), 10) +
           column(duration(t.calls ? t.busy_ns / t.calls : 0), 10) + column(duration(t.longest_ns), 10) +
           column(duration(t.waited_ns), 10) + column(std::to_string(t.bytes), 12) + r.owner.plugin + " " + r.owner.version + " " +
           r.owner.binding + " " + (r.place.empty() ? "(no longer configured)" : r.place) + "\n";
  }
  if (n < rows.size()) out += "and " + std::to_string(rows.size() - n) + " more\n";
  return out;
}

void append_metrics(std::vector<metrics::Snapshot>& all) {
  const std::vector<Row> rows = snapshot();
  for (const Figure& f : figures())
    for (const Row& row : rows)
      for (const auto& [kind, t] : row.hooks) {
        metrics::Snapshot s;
        s.definition = &f.definition;
        s.value = static_cast<int64_t>(t.*f.value);
        s.labels = {{"plugin", row.owner.plugin}, {"version", row.owner.version}, {"binding", row.owner.binding},
                    {"place", row.place},         {"hook", std::string{to_string(kind)}}};
        all.push_back(std::move(s));
      }
}

}  // namespace sluice::plugin::cost

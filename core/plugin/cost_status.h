// The figures of cost.h and watchdog.h as text: for `sluice status`, the admin socket and exporters. [any]; each call sums over
// all workers and places, which takes milliseconds with thousands of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/plugin/metrics.h"

namespace sluice::plugin::cost {

// {"plugins": [{"plugin", "version", figures…, "places": [{"binding", "interface", "place", figures…, "hooks": {"on_request":
// {figures…}, …}}]}], "stalls": […]}. Plugins and places with the most time in hooks first. most_places: of each plugin, 0: all;
// the figures of a plugin are of all its places either way, and "more_places" says how many are left out.
std::string status_json(size_t most_places = 0);

// The same as lines for people, one per place, the most expensive first. most: 0: all.
std::string status_text(size_t most = 0);

// A time for people: "850 ns", "12.5 us", "3.1 ms", "2.0 s".
std::string duration(uint64_t ns);

// sluice_plugin_hook_calls_total{plugin,version,binding,place,hook} and its siblings, for metrics::snapshot().
void append_metrics(std::vector<metrics::Snapshot>&);

}  // namespace sluice::plugin::cost

// Metrics as Prometheus reads them: text exposition format, version 0.0.4. [any]
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "core/plugin/metrics.h"

namespace sluice::plugin::metrics {

inline constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";

// One HELP, one TYPE and all samples of each name together, in order of their first appearance. A metric of a plugin has the
// plugin's id as its first label, so that two plugins may use one name. Characters that a name may not have become '_'; a name
// that is taken then (by another kind, or by the same labels) gets its kind behind it: "x" a counter, "x_gauge" the gauge.
std::string to_text(std::span<const Snapshot>);

}  // namespace sluice::plugin::metrics

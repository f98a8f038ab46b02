// The block `sluice` of an endpoint and its backends → Aggregation: names are resolved, conditions and templates parsed, the
// order of calls found, and what cannot work is reported. [load thread]
#pragma once
#include "core/config/report.h"
#include "core/pipeline/plan.h"

namespace sluice::pipeline {

// Sets plan.aggregation when some block asks for it. `trees` holds constant parts of bodies and lives as long as the generation.
void compile_aggregation(EndpointPlan& plan, Arena& trees, config::Report& report);

// Warns where two backends can write the same key and no rule says what shall become of it, as far as allow, mapping, group and
// static data tell. Also for endpoints without the block.
void warn_of_same_keys(const EndpointPlan& plan, config::Report& report);

}  // namespace sluice::pipeline

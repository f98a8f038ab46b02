// The parts of an element's `proxy` block that are more than a flag, compiled for serving.
#pragma once
#include "core/config/report.h"
#include "core/pipeline/plan.h"

namespace sluice::pipeline {

// flatmap_filter of an endpoint or backend; null when there is none that counts. An operation that cannot be carried out is
// a located warning and left out.
std::shared_ptr<const document::Flatmap> compile_flatmap(const config::Element&, config::Report&);

// `sequential` and `sequential_propagated_params`; after the endpoint's backends.
void compile_sequence(EndpointPlan&, config::Report&);

}  // namespace sluice::pipeline

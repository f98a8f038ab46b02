// The backends of an endpoint with the block `sluice`: called as soon as what they wait for is over, so without references all
// at once, with them in the order that those ask for; conditions, required ones that end everything, the deadline over all.
#pragma once
#include "core/pipeline/fanout.h"
#include "core/pipeline/outcome.h"

namespace sluice::pipeline {

// T for one backend, 0.85 T for several. Leaves data, complete and the error in `result`, and what became of everybody in
// *outcome.
loop::Task<void> call_parts(Exchange&, const EndpointPlan&, Scope& result, const Outcome** outcome);

// Writes headers, query and body of the step's templates into the call's request, before it runs. A value that cannot be written
// is the call's failure.
void write_request(BackendScope&, const PartPlan&, ReferenceValues&);

}  // namespace sluice::pipeline

// Backends one after the other, later ones with values of earlier answers (pipeline.md §5.3).
#pragma once
#include "core/pipeline/fanout.h"

namespace sluice::pipeline {

// The text that a value has in a URL or a parameter. False: too long or too deep to be one.
bool placeholder_text(Arena&, document::Node&, std::string_view* text);

struct Outcome;

// All backends in the order of declaration, 0.85 T over all of them. Leaves data, complete and the error (the first step
// failed) or the log line (a later one did) in `result`, and with the block `sluice` what became of each in *outcome.
loop::Task<void> call_sequence(Exchange&, const EndpointPlan&, Scope& result, const Outcome** outcome);

}  // namespace sluice::pipeline

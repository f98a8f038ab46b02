// Blocks that stand for other bindings (sluice.selector/1): what such a block chooses. [load thread]
#pragma once
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/config/report.h"
#include "core/plugin/registry.h"

namespace sluice::pipeline {

struct Choice {
  config::Block block;  // the chosen name, and its part of the selector's block
  std::string interface_id;
  uint32_t flags = 0;
};

// Asks the selector's object for its choices, in their order. Problems are reported at the block.
std::vector<Choice> choices_of(const plugin::Binding& selector, const plugin::Object&, const config::Block&, config::Report&);

// Whether the binding is of the kind that the choice wants.
bool fits(const plugin::Binding&, const Choice&);

// A middleware that has nothing to do on the way in.
bool looks_at_answers_only(const plugin::Binding&);

}  // namespace sluice::pipeline

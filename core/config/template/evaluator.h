// Runs a template: the semantics of Go's text/template, with bounds on steps, depth, memory and output.
#pragma once
#include "core/config/template/functions.h"
#include "core/config/template/parser.h"
#include "core/config/template/source_map.h"

namespace sluice::config::tmpl {

inline constexpr size_t kMaxLevels = 300;                 // blocks, templates and parentheses inside each other
inline constexpr size_t kMaxOutput = size_t{64} << 20;    // bytes
inline constexpr size_t kMaxRemarks = 100;

// Puts the result of template `name` into out.text and out.map. `remarks`: what prints <no value>. False: `fault`.
bool evaluate(const Trees&, const std::string& name, const Value& data, const Services&, Rendered& out, std::vector<Fault>& remarks,
              Fault& fault);

}  // namespace sluice::config::tmpl

// Error bodies of the type application/problem+json (RFC 9457). Pure functions.
#pragma once
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"

namespace sluice::pipeline {

struct Outcome;
inline constexpr std::string_view kProblemType = "application/problem+json";

// {"type":"about:blank","title":…,"status":…,"detail":…}, with the parts of the answer if there is an outcome that lists them.
std::string_view problem_body(Arena&, int status, std::string_view detail, const Outcome*);
// What may be told to a client: no URL, no path of a backend.
std::string_view problem_detail(Arena&, const Error&, const Outcome*);

}  // namespace sluice::pipeline

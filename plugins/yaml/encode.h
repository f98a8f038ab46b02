// Documents → YAML as the reference writes it (pipeline.md §8.3).
#pragma once
#include <string>

#include "sluice/plugin.hpp"

namespace sluice::yaml {

inline constexpr char kContentType[] = "application/x-yaml; charset=utf-8";

void render(Value data, std::string* out);

}  // namespace sluice::yaml

// What the file itself says, before any of its code runs.
#pragma once
#include <string_view>

#include "core/app/check/finding.h"

namespace sluice::app::check {

// `bytes` of a file that elf::problem() has nothing against. Believes none of them.
std::vector<Finding> look_at(std::string_view bytes);

}  // namespace sluice::app::check

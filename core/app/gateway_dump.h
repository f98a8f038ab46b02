// How a configuration was understood, as text for people: `check -d`, `-dd`, `-ddd` (cli.md §4.1).
#pragma once
#include <string>

#include "core/config/model.h"

namespace sluice::app {

std::string dump_config(const config::Config&, int detail, const std::string& indent);

}  // namespace sluice::app

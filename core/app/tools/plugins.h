// The parts of `sluice plugins`, which is one tool with sub-commands. Each takes what follows its name and answers an exit code.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "core/app/tools/plugin_list.h"
#include "core/app/tools/plugins_cost.h"
#include "core/app/tools/plugins_loaded.h"

namespace sluice::app {

int plugins_lock(std::span<const std::string> arguments);
int plugins_verify(std::span<const std::string> arguments);

// Costs: what a running gateway says, if one was asked.
std::string format_text(const PluginList&, const std::optional<RunningCosts>&);
std::string format_json(const PluginList&, const std::optional<RunningCosts>&);

extern const struct Tool kPluginsTool;

}  // namespace sluice::app

// The parts of `sluice plugins`, which is one tool with sub-commands. Each takes what follows its name and answers an exit code.
#pragma once
#include <span>
#include <string>

#include "core/app/tools/plugin_list.h"

namespace sluice::app {

int plugins_lock(std::span<const std::string> arguments);
int plugins_verify(std::span<const std::string> arguments);

std::string format_text(const PluginList&);
std::string format_json(const PluginList&);

extern const struct Tool kPluginsTool;

}  // namespace sluice::app

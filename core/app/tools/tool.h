// Commands beside run and check: each is one file in this folder that defines a Tool, and one line in tools.cc.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::app {

struct Tool {
  std::string_view name;     // as typed: "status"
  std::string_view summary;  // one line of the overview
  std::string_view help;     // `sluice help NAME`: what it does, usage, flags, exit codes, examples
  // `arguments` without program and command name; --help never gets here. Prints to stdout and stderr. Returns the exit
  // code (options.h): kClean, kFailure, or usage_failure().
  int (*run)(std::span<const std::string> arguments);
};

// In the order of the overview.
std::span<const Tool* const> tools();
const Tool* find_tool(std::string_view name);

// Says on stderr what is wrong with the command line, and how the command is used; kUsage.
int usage_failure(const Tool&, std::string_view message);

}  // namespace sluice::app

// The command line as values. Pure: nothing is read, printed or ended here.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/app/gateway.h"
#include "core/app/lint.h"
#include "core/log/log.h"

namespace sluice::app {

struct Tool;
enum class Command : uint8_t { help, run, check, version, tool };

// Exit codes (cli.md §1.1; docs/operating.md).
constexpr int kClean = 0, kFailure = 1, kUsage = 255;

struct Options {
  Command command = Command::help;
  GatewayOptions gateway;
  log::Options log;
  bool daemon = false;
  std::string pid_file;
  std::string admin;          // socket; "": $SLUICE_ADMIN or the default place, "off": none
  bool watch = false;         // reload when the configuration or a plugin changes
  std::string crash_folder;   // --crash-dir
  int dump = 0;               // check -d, -dd, -ddd
  std::string indent = "\t";  // check -i
  Lint lint = Lint::none;     // check -l, -n, -s
  std::string lint_schema;    // check -s
  const Tool* tool = nullptr;           // Command::tool
  std::vector<std::string> arguments;   // its arguments
};

struct Parsed {
  Options options;
  // Set: there is nothing to do but to print and leave.
  std::optional<int> exit;
  std::string out, err;  // texts for stdout and stderr
};

// `arguments` without the program's name.
Parsed parse(std::span<const std::string> arguments);

std::string help_text(std::string_view command);  // "": the overview
std::string version_text();                       // three lines (cli.md §1.1)

}  // namespace sluice::app

// check -n and -s: the configuration's text against a JSON Schema (cli.md §4). Finds what a run does not mind: unknown keys.
#pragma once
#include <string>

#include "core/app/gateway.h"
#include "core/config/report.h"

namespace sluice::app {

enum class Lint : uint8_t {
  none,
  own,   // the schema of this program and of the plugins present: what `sluice schema --strict` prints
  file,  // somebody's
};

// Adds every violation to the report, located. As the file is written: without environment overrides. `schema_file`: Lint::file,
// a path or a file: URL.
void lint(const GatewayOptions&, Lint, const std::string& schema_file, config::Report&);

}  // namespace sluice::app

// Flexible configuration (cli.md §8): the file of -c as a template, with the settings, partials and templates that the FC_*
// variables name. [any thread]; reads files, writes none.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/report.h"
#include "core/config/template/source_map.h"

namespace sluice::config::tmpl {

using Environment = std::map<std::string, std::string>;

// FC_ENABLE is set, and not to "0", "false" or "no" (deviation 11).
bool enabled(const Environment&);

struct Result {
  std::shared_ptr<const Rendered> rendered;  // nullptr: there are errors among the issues
  std::vector<Issue> issues;                 // located in the files that they are about
  std::vector<std::string> files;            // files and folders that it was made of
};

Result render(const std::string& path, const Environment&);

// Where a value came from, for people: "settings/service.json /port", "the environment variable PORT".
std::string describe(const Origin&);

}  // namespace sluice::config::tmpl

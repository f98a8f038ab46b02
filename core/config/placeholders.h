// Placeholders of endpoint paths and url_patterns (config.md §4.1-4.4, deviation 25). Pure functions.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/config/model.h"

namespace sluice::config {

struct EndpointPath {
  std::string pattern;  // for Router::add
  std::vector<std::string> params;
  std::vector<std::string> errors, warnings;
};
// `anywhere`: disable_rest, which allows '.' and ':' in names too.
EndpointPath read_endpoint_path(std::string_view written, bool anywhere);

struct UrlPattern {
  std::string pattern;      // leading slash ensured
  std::string log_pattern;  // /{{.Id}}
  std::vector<UrlPart> parts;
  std::vector<std::string> undefined;  // names that neither the endpoint declares nor a plugin or a step fills
};
UrlPattern read_url_pattern(std::string_view written, const std::vector<std::string>& declared);

}  // namespace sluice::config

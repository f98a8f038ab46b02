// The one file of the core that lists namespaces: what protects a service must not be switched off because its plugin is
// missing or its name is misspelt (deviations 2 and 3).
#include "core/plugin/registry.h"

namespace sluice::plugin {
namespace {

constexpr std::string_view kFamilies[] = {"auth/", "security/", "validation/", "qos/", "modifier/"};

// Names that members of the families had before (components/00-order.md): a configuration that still has them is as much in
// need of the plugin, which lists them as aliases.
constexpr std::string_view kFormerNames[] = {
    "devopsfaith/krakend-jose/",        "devopsfaith/krakend-oauth2-clientcredentials",
    "devopsfaith/bloomfilter",          "devopsfaith/krakend-botdetector",
    "devopsfaith/krakend-httpsecure",   "devopsfaith/krakend-cors",
    "devopsfaith/krakend-cel",          "devopsfaith/krakend-jsonschema",
    "devopsfaith/krakend-lua/",         "devopsfaith/krakend-martian",
    "devopsfaith/krakend-httpcache",    "devopsfaith/krakend-circuitbreaker/",
};

}  // namespace

bool must_not_fail_open(std::string_view name) {
  for (std::string_view family : kFamilies)
    if (name.starts_with(family)) return true;
  if (!name.starts_with("github.com/") && !name.starts_with("github_com/")) return false;
  name.remove_prefix(11);
  for (std::string_view former : kFormerNames)
    if (name.starts_with(former)) return true;
  return false;
}

std::string must_not_fail_open_pattern() {
  auto literal = [](std::string_view text) {
    std::string out;
    for (char c : text) out += c == '.' ? "[.]" : std::string{c};
    return out;
  };
  std::string out = "^(";
  for (std::string_view family : kFamilies) out += literal(family) + "|";
  out += "github[._]com/(";
  for (std::string_view former : kFormerNames) out += literal(former) + "|";
  out.back() = ')';
  return out + ")";
}

}  // namespace sluice::plugin

// The JSON Schema (draft 7) of a whole configuration, made from the table that the readers use (grammar.h) and from what
// plugins add to it. It accepts what the readers take without a word, and refuses what they refuse or warn of because of a
// key's type, bounds or choices. Left to `check`: what needs more than one value (routes, parameters, hosts, clashes), keys in
// another letter case, and what a create() of a plugin finds. [any]
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "core/config/grammar.h"

namespace sluice::config {

// What plugins bring.
struct SchemaParts {
  boost::json::object blocks[3];   // by Level: extra_config key → schema
  std::string must_have_plugin;    // pattern of names that are refused when `blocks` has not got them
  std::vector<std::string> decoders, encoders, resolvers;  // names to offer
  boost::json::object definitions; // what the blocks refer to as "#/definitions/…"
};

// `strict`: unknown keys and names are refused too, as `run --strict` refuses unknown names.
boost::json::object configuration_schema(const SchemaParts&, bool strict);

}  // namespace sluice::config

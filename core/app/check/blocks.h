// Configuration blocks made up from a plugin's own schema: some that it allows, some that it forbids.
#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "core/plugin/schema.h"

namespace sluice::app::check {

struct Blocks {
  std::vector<boost::json::value> valid;  // the smallest first; every one of them passes the schema
  struct Wrong {
    boost::json::value block;
    std::string what;  // "/key is missing"
  };
  std::vector<Wrong> invalid;  // every one of them fails it
};

// `url`: what options that look like an address get. At most a few dozen of each.
Blocks blocks_of(const plugin::Schema&, const std::string& url);
// For bindings without a schema: what a person might write by mistake.
std::vector<Blocks::Wrong> odd_blocks();

// What is wrong with a schema by draft 7 that a validator may have let pass: keywords of the wrong kind, unknown ones (a likely
// misspelling), references that lead nowhere. Each "/properties/x: …"; `hints`: no errors, but worth a look.
struct SchemaFaults {
  std::vector<std::string> errors, hints;
};
SchemaFaults faults_of(const boost::json::value& schema);

}  // namespace sluice::app::check

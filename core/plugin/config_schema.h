// The schema of a configuration with the plugins that are loaded (core/config/schema.h). [load]
#pragma once
#include <boost/json/object.hpp>

#include "core/plugin/registry.h"

namespace sluice::plugin {

// Every block of every binding stands at the places its scopes allow, under its name and its aliases, with the schema that
// `check` applies to it.
boost::json::object configuration_schema(const Registry&, bool strict);

}  // namespace sluice::plugin

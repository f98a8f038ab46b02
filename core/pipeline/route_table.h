// The routes of a configuration: those of its endpoints and the gateway's own. What serves requests and what explains
// routing to people ask the same table.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/model.h"
#include "core/router/router.h"

namespace sluice::pipeline {

enum class Builtin : uint8_t { none, health, debug, echo, auto_options };

struct RouteTable {
  struct Entry {
    Builtin builtin = Builtin::none;
    uint32_t endpoint = 0;  // index in Config::endpoints, if it is none of the gateway's own
    std::string allow;      // auto_options
  };
  router::Router router;       // its numbers are indices of:
  std::vector<Entry> entries;  // those of the endpoints first, in their order
};

// `problems`: what could not be added, with the pointer of whom it concerns. The reader of the configuration has told clashes
// already; a configuration that it refused gets a table of what is left.
RouteTable make_routes(const config::Config&, std::vector<std::pair<std::string, std::string>>& problems);

// The body of the 400 for parameters that no backend shall see (deviation 6, pipeline.md §2.4); empty: they are fine.
std::string_view refuse_params(const ArenaVector<router::Param>&, bool disable_path_decoding, Arena&);

// "/__debug/*"; "" for endpoints.
std::string_view builtin_name(Builtin);

}  // namespace sluice::pipeline

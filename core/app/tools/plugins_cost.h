// What the plugins of a folder cost in a gateway that runs, for `sluice plugins`. Blocking; main thread.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/app/tools/admin_client.h"

namespace sluice::app {

// One version of a plugin since the gateway's start, all places and hooks together (core/plugin/cost.h).
struct RunningCost {
  std::string version;
  uint64_t calls = 0, errors = 0, busy_ns = 0, longest_ns = 0, waits = 0, waited_ns = 0, timed_out = 0, arena_bytes = 0, stalls = 0;
};

struct RunningCosts {
  int64_t pid = 0;
  std::map<std::string, std::vector<RunningCost>> of;  // by plugin id; only plugins that were called
};

// The gateway that --admin, --pid or $SLUICE_ADMIN names, else the only one of this user that answers. Nothing: none was named,
// and there is none, or there are several. Problem: the one that was named does not answer.
Result<std::optional<RunningCosts>, Problem> ask_costs(const AdminFlags&);

}  // namespace sluice::app

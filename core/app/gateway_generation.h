// One generation as the gateway keeps it: what was read, what came of it, and how far its life has got. [main] unless marked.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/app/gateway.h"
#include "core/app/gateway_control.h"
#include "core/app/gateway_trial.h"
#include "core/pipeline/plan.h"
#include "core/plugin/watchdog.h"

namespace sluice::app {

enum class Role : uint8_t {
  staged, current, trial, draining,
  ending,  // no request is left; its plugins' objects and helper processes are being ended
};
std::string_view to_string(Role);

struct Live {
  Live() = default;
  ~Live();  // after every worker has retired its plan
  Live(const Live&) = delete;

  uint64_t number = 0;
  std::shared_ptr<pipeline::Generation> generation;  // nobody else owns it: it ends on the main thread. nullptr: Role::ending
  std::vector<std::string> problems;  // of the scan: files that were refused
  std::vector<std::string> files;     // that were read: the configuration and the plugins' folders
  Role role = Role::staged;
  Clock::time_point since = Clock::now(), replaced{};
  uint32_t parts = 0;                 // workers that have a plan of it
  bool stuck = false;                 // said so
  std::unique_ptr<Tally> tally;       // of the trial that this generation is
};

// What it is called where people and tools read of it: its role, or "stuck" where it should be gone and is not.
std::string_view role_of(const Live&);

// Reads the configuration and the plugins and compiles both. nullptr: refused; the report says why, located, either way.
// `before`: what serves now, at a reload. `pins`: builds to take in the place of what the files hold.
std::unique_ptr<Live> build_generation(const GatewayOptions&, uint32_t workers, const Live* before, const plugin::Pins& pins,
                                       config::Report&);

// Log level and sink, and the switch of the access log, as the generation wants them. The sink before is not called after it.
void apply_log(const pipeline::Generation&);

// What of a plugin the thread that writes the log is in just now. [any]
std::optional<plugin::RunningCall> running_in_sink();

// What is different, one change a line: "endpoint GET /x added".
std::vector<std::string> changes_between(const pipeline::Generation& before, const pipeline::Generation& after);

}  // namespace sluice::app

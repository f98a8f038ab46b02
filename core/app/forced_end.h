// The end of a process in which a plugin does not return: the thread that it holds cannot be joined, so nothing that is destroyed in
// order would ever be.
#pragma once
#include "core/plugin/worker.h"

namespace sluice::app {

class PidFile;

// After stop() a gateway has this long to end in order.
constexpr uint64_t kForcedEndMs = 5000;

// Logs who holds which thread, removes the pid file, and ends the process with code 1, without destructors and without what plugins
// registered with atexit. `main_thread`: the hook state of the thread that starts, reloads and ends. [any other thread]
[[noreturn]] void end_by_force(const plugin::HookState& main_thread, PidFile&);

}  // namespace sluice::app

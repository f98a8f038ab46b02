// When the process dies of SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT: says which plugin, hook and place ran on that thread,
// and where it was, before the signal does what it would have done anyway (core dump, exit status).
//
// Written with what is allowed in a signal handler: no allocation, no lock, no stdio. The certain things come first, so that a
// second fault while the report is made costs only the rest of it.
#pragma once
#include <string>

#include "core/base/result.h"

namespace sluice::plugin::crash {

struct Options {
  std::string folder;  // a copy of the report goes to <folder>/sluice-crash-<pid>.txt; "": stderr only
  std::string note{};  // what process this is, as a line of the report; "": the gateway
};

// Installs the handlers, once per process, before threads are made. Sanitizers have reports of their own, which say more:
// under them nothing is installed unless the environment has SLUICE_CRASH_REPORT=1. Problem: the folder cannot be used;
// the report goes to stderr then.
Result<bool, Problem> install(const Options&);

// From now on a process that ends by exit() without end_is_expected() says which plugin's code ran on that thread, as above, and ends
// with kExitCode whatever the caller wanted: a supervisor must not take it for an end in good order. Once per process. _exit() and
// quick_exit() pass it by. Also under sanitizers.
constexpr int kExitCode = 70;
void guard_exit();
// The process is about to end in good order. [any]
void end_is_expected();

// Gives the calling thread a stack for the handler, so that a stack that has overflown can be reported. Ends with the thread.
// No effect when nothing is installed.
void protect_this_thread();

// Where copies go, as install() was told; "": nowhere, or nothing is installed.
const std::string& folder();

// Linker's build id of the program, in hex; "" if it has none.
const std::string& build_id();

}  // namespace sluice::plugin::crash

// Stands between the gateway and the one plugin that is being checked: every table that crosses the border, in both directions, is
// replaced by one that takes note, may refuse (memory, timers), and passes the call on. The gateway around it is the real one.
//
// What it notes are violations of sluice/plugin.h, each a sentence with hook, name and place. Global, because the plugin's
// functions have no room for more; one plugin per process. [any] unless marked.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/plugin.h"

namespace sluice::app::check::spy {

enum class Rule : uint8_t {
  action,      // an action that does not exist, or SLC_PENDING without suspend()
  resume,      // resumed twice, or with a token that was never given
  unresumed,   // suspended, and nothing under way that could ever resume it
  blocking,    // a hook held its loop
  waiting,     // a hook gave the processor away: it waits for something (a hint, no proof)
  timer,       // timers or callouts of a worker that outlive it
  thread,      // a service called on a thread where it may not be
  threads,     // threads without SLC_STARTS_THREADS
  lifecycle,   // create, destroy, worker_start, worker_stop
  header,      // header names or values that are refused
  stream,      // emit() where no body is
  state,       // an object that cannot use what its like has exported
  node,        // a node of a document whose exchange is over, or that was taken out of it
  exchange,    // an exchange that is over
};
constexpr size_t kRules = 14;

// The file whose entry is to be wrapped, by its bytes; installs itself as plugin::interpose. [load], once
void watch(std::string bytes);
// The file was opened, or was not: until then a crash is one of its static constructors, or of its entry. [load], once
void opened();
// What was noted about a rule since the last call; each sentence only once in the life of the process.
std::vector<std::string> take(Rule);

// Nothing is judged that a refusal may have caused while faults are on: only crashes and hanging count then.
// The n-th call that can be refused (counted from this call on) is; n == 0: none; `all`: that one and all later ones.
void refuse(uint64_t nth, bool all);
uint64_t refusable_calls();  // since refuse()

struct Counts {
  uint64_t created = 0, destroyed = 0;          // objects, those that are nullptr not counted
  uint64_t refused = 0;                         // create() calls that did not make one
  uint64_t workers_started = 0, workers_stopped = 0;
  uint64_t loaded = 0, unloaded = 0;
  uint64_t hooks = 0;                           // calls of hooks
  uint64_t suspended = 0, resumed = 0;
  uint64_t suspended_now = 0;                   // neither resumed nor over
  uint64_t chunks = 0;                          // calls of chunk hooks
  uint64_t exported = 0, imported = 0;          // states that were handed out, and taken
};
Counts counts();
// The entry of the plugin as it is in the file; nullptr: it was not opened yet, or is so wrong that nothing may be read of it.
const slc_entry* entry();
// What export_state() of a binding wrote last; empty: nothing.
std::string last_export(const slc_binding*);

// Blocks until `done` hooks were called since the start, or the time is over. For schedules that need a hook to have run.
bool wait_for_hooks(uint64_t hooks, uint64_t limit_ms);
// The same for exchanges that wait.
bool wait_for_suspended(uint64_t limit_ms);

}  // namespace sluice::app::check::spy

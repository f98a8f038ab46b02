// Code of plugins that is run in a process which may be lost for it: what is under way there stands on a page of memory that is shared
// with the process that watches. When the other one has died, has been ended by the plugin or does not come on, the page says where.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/plugin/load_watch.h"

namespace sluice::app::rehearsal {

constexpr uint64_t kLimitMs = 30'000;  // of one call into a plugin, as for isolated ones; and, at least, of what lies between two of them

// Written by the process that runs the code, on its load thread; what() and the like are for the other one, when the code has ended
// or stands still.
struct Page {
  static constexpr size_t kText = 1024;
  std::atomic<uint32_t> finished{0};       // everything was done
  std::atomic<int32_t> exit_status{-1};    // exit() was called with it; -1: it was not
  std::atomic<uint64_t> since_ms{0};       // of the call that is under way, by the monotonic clock; 0: none is
  std::atomic<uint64_t> idle_ms{0};        // when the last one returned, or the process began
  std::atomic<uint64_t> limit_ms{kLimitMs};  // 0: none
  char who[kText] = {}, what[kText] = {}, pointer[kText] = {};
};

// What went wrong over there.
struct Failure {
  std::string pointer;  // into the configuration; "": the whole of it
  std::string text;     // "plugin acme.x 1.0.0 (/p/x.so): create() of \"acme/x\" at [ENDPOINT: /x] died of SIGSEGV (…)"
};

// What a plugin file is known by, in processes of this program.
uint64_t key_of_file(std::string_view fingerprint);

// In the process that runs the code, once: from now on every step of loading stands on the page, and so does a call of exit().
// `files`: a descriptor that gets the key of every file that is mapped; -1: none. [load]
void write_to(Page&, int files = -1);
// Before the process is made.
void begin(Page&);
// The page of this process; nullptr: none. [load]
Page* page();

// In the other one: the call that runs over there just now, as failures name it; "": none. Text that is being replaced may come out mixed.
std::string running_on(const Page&);
// Waits for the end of its child `pid` and judges it. A call into a plugin beyond the limit ends the child, and so
// does `cancelled` (empty: never), which is asked every 50 ms: what comes is a Failure without meaning then. `group`: the child leads
// a process group, which ends with it. Its private copies of plugin files are gone afterwards. nullopt: it finished; then `code` is its exit code.
std::optional<Failure> wait_for(pid_t pid, const Page&, bool group, const std::function<bool()>& cancelled, int* code);

}  // namespace sluice::app::rehearsal

// Processes that this program starts of itself to run the code of plugins in, and words for how they end.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::plugin::isolate {

constexpr int kChildControl = 3;  // the descriptor of its socket, over there

// Starts `program` with these arguments (behind its name). Nothing of ours is inherited but stdout, stderr and the socket; all
// signals have their default action there and wait until the process has said which of them it wants (enter_process). 0, or
// what errno would be. The process dies with the thread that calls this. [any]
int start_process(const std::vector<std::string>& arguments, int socket, pid_t* pid, const char* program = "/proc/self/exe");

// In such a process, first of all: it ends with its parent, whose number `parent` is; false: nobody of ours has started it.
bool enter_process(const char* parent);
// What is left to do when it has said which signals it ignores.
void let_signals_in();
// Address space for the process, in MiB; 0: no limit. Not in builds with sanitizers, which reserve more than any limit would allow.
void limit_memory(uint32_t memory_mb);

// "SIGSEGV (Segmentation fault)".
std::string signal_text(int signal);
// The same, or "it ended by itself with exit code 3": what waitpid() answered.
std::string end_text(int wait_status);

}  // namespace sluice::plugin::isolate

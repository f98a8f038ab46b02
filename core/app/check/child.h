// Runs this program once more, for code that may crash or hang: with limits, its output kept, and a page that tells what ran.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::app::check {

struct ChildResult {
  std::string failed_to_start;     // why, else empty
  int code = -1;                   // exit code, or -1
  int signal = 0;                  // that ended it, or 0
  bool out_of_time = false;        // killed after the limit
  std::string output;              // stdout and stderr, the last 64 KiB
  std::vector<std::string> lines;  // what it wrote to kLines
  std::string running;             // RunningPage::what() when it ended
};

// Descriptors of the child.
constexpr int kLines = 3, kPage = 4;

// `arguments` without the program's name. Blocks until the child has ended; at most `limit_ms`. Its $TMPDIR is a folder of its own,
// which is gone when this returns, however the child ended; a signal that ends this program meanwhile ends both first.
ChildResult run_child(const std::vector<std::string>& arguments, uint64_t limit_ms);

// In the child: takes over the descriptors above and sets the limits. False: this is no child.
bool become_child(uint64_t cpu_seconds);
// In the child: one line to the parent. [any]
void tell_parent(const std::string& line);

// "SIGSEGV (invalid memory access)".
std::string signal_name(int signal);

}  // namespace sluice::app::check

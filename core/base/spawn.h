// Starting programs, this one as a rule, for code that may crash or hang: with nothing of ours but what is handed over. [any]
#pragma once
#include <signal.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "core/base/fd.h"

namespace sluice {

struct Spawn {
  enum class Signals : uint8_t {
    inherited,  // blocked and ignored are those that are so here
    open,       // none is, and each has its default action
    held,       // all are blocked, with their default action, until the process has said which it wants
  };
  static constexpr int kNothing = -1;  // /dev/null, to write to

  std::vector<std::string> arguments;            // the name first
  std::vector<std::pair<int, int>> descriptors;  // one of ours, or kNothing, and its number there; ascending there, below kLeastOwn
  bool no_others = false;                        // else those behind them that are not close-on-exec stay open
  bool own_group = false;                        // so that what the process starts can be ended with it
  Signals signals = Signals::inherited;
  const sigset_t* blocked = nullptr;  // with inherited: these are, instead of those that are here
  const std::vector<std::string>* environment = nullptr;  // nullptr: ours
  const char* program = "/proc/self/exe";

  // Where several are handed over, ours are not below this: none steps on another over there.
  static constexpr int kLeastOwn = 10;
};

// Standard input is empty. 0, or what errno would be.
int spawn(const Spawn&, pid_t* pid);

// A file without a place that a process can be handed. Invalid: errno says why.
Fd memory_file(const char* name);

}  // namespace sluice

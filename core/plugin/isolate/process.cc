#include "core/plugin/isolate/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "core/base/spawn.h"
#include "sluice/plugin.h"

namespace sluice::plugin::isolate {

int start_process(const std::vector<std::string>& arguments, int socket, pid_t* pid, const char* program) {
  Spawn s;
  s.arguments = {"sluice"};
  s.arguments.insert(s.arguments.end(), arguments.begin(), arguments.end());
  s.descriptors = {{socket, kChildControl}};
  s.no_others = true;
  s.signals = Spawn::Signals::held;
  s.program = program;
  return spawn(s, pid);
}

bool enter_process(const char* parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return std::to_string(getppid()) == parent && fcntl(kChildControl, F_SETFD, FD_CLOEXEC) == 0;
}

void let_signals_in() {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void limit_memory(uint32_t memory_mb) {
  if (SLC_BUILD_FLAGS != 0 || !memory_mb) return;
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max = rlim_t{memory_mb} << 20;
  setrlimit(RLIMIT_AS, &limit);
}

std::string signal_text(int signal) {
  const char* name = sigabbrev_np(signal);
  const char* words = sigdescr_np(signal);
  std::string text = name ? "SIG" + std::string{name} : "signal " + std::to_string(signal);
  return words ? text + " (" + words + ")" : text;
}

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return signal_text(WTERMSIG(status));
  return "it ended by itself with exit code " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

}  // namespace sluice::plugin::isolate

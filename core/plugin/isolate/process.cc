#include "core/plugin/isolate/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "sluice/plugin.h"

namespace sluice::plugin::isolate {

int start_process(const std::vector<std::string>& arguments, int socket, pid_t* pid, const char* program) {
  std::vector<char*> argv{const_cast<char*>("sluice")};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, socket, kChildControl);
  posix_spawn_file_actions_addclosefrom_np(&actions, kChildControl + 1);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int failed = posix_spawn(pid, program, &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
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

#include "core/base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace sluice {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& t : texts) out.push_back(const_cast<char*>(t.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

int spawn(const Spawn& s, pid_t* pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  int last = 2;
  for (auto [ours, there] : s.descriptors) {
    if (ours == Spawn::kNothing) ::posix_spawn_file_actions_addopen(&actions, there, "/dev/null", O_WRONLY, 0);
    else ::posix_spawn_file_actions_adddup2(&actions, ours, there);
    last = std::max(last, there);
  }
  if (s.no_others) ::posix_spawn_file_actions_addclosefrom_np(&actions, last + 1);
  short flags = s.own_group ? POSIX_SPAWN_SETPGROUP : 0;
  if (s.signals != Spawn::Signals::inherited) {
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, s.signals == Spawn::Signals::held ? &all : &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    flags = static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  } else if (s.blocked) {
    ::posix_spawnattr_setsigmask(&attributes, s.blocked);
    flags = static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK);
  }
  ::posix_spawnattr_setflags(&attributes, flags);
  const std::vector<char*> arguments = pointers(s.arguments), environment = s.environment ? pointers(*s.environment) : std::vector<char*>{};
  const int failed = ::posix_spawn(pid, s.program, &actions, &attributes, arguments.data(), s.environment ? environment.data() : environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return failed;
}

Fd memory_file(const char* name) {
  const Fd file{::memfd_create(name, MFD_CLOEXEC)};
  return Fd{file ? ::fcntl(file.get(), F_DUPFD_CLOEXEC, Spawn::kLeastOwn) : -1};
}

}  // namespace sluice

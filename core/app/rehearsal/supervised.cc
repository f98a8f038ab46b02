#include "core/app/rehearsal/supervised.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <new>

#include "core/app/options.h"
#include "core/plugin/crash_report.h"

namespace sluice::app::rehearsal {

int supervised(const std::function<int()>& work, const std::function<int(const Failure&)>& failed) {
  void* memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Page* shared = memory == MAP_FAILED ? nullptr : new (memory) Page;
  if (shared) begin(*shared);
  const pid_t parent = ::getpid(), pid = shared ? ::fork() : -1;
  if (pid > 0) {
    int code = 0;
    auto failure = wait_for(pid, *shared, false, {}, &code);
    return failure ? failed(*failure) : code;
  }
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    write_to(*shared);
  } else {
    plugin::crash::guard_exit();
  }
  static_cast<void>(plugin::crash::install({}));  // without a folder there is nothing to go wrong
  const int code = work();
  if (shared) shared->finished = 1;
  plugin::crash::end_is_expected();
  return code;
}

int supervised(const std::function<int()>& work, std::string_view done) {
  return supervised(work, [&](const Failure& failure) {
    std::fprintf(stderr, "ERROR a plugin could not be %.*s: %s\n", static_cast<int>(done.size()), done.data(), failure.text.c_str());
    return kFailure;
  });
}

}  // namespace sluice::app::rehearsal

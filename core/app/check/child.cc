#include "core/app/check/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <new>

#include "core/app/check/running.h"
#include "core/base/fd.h"
#include "core/base/spawn.h"
#include "sluice/plugin.h"

namespace sluice::app::check {
namespace {

constexpr size_t kMostOutput = 64 * 1024;

std::string read_all(int fd, size_t most) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size <= 0) return {};
  const off_t from = static_cast<size_t>(size) > most ? size - static_cast<off_t>(most) : 0;
  std::string text(static_cast<size_t>(size - from), '\0');
  const ssize_t n = ::pread(fd, text.data(), text.size(), from);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

// Where a child puts its temporary files: it may die at any time, so they are removed for it.
class Scratch {
 public:
  Scratch() {
    std::error_code ec;
    const std::filesystem::path base = std::filesystem::temp_directory_path(ec);
    std::string pattern = ((ec ? std::filesystem::path{"/tmp"} : base) / "sluice-check-XXXXXX").string();
    if (::mkdtemp(pattern.data())) path_ = std::move(pattern);
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }  // "": there is none; errno says why

 private:
  std::string path_;
};

// What would end this program ends the child first, and its files: taken note of while this lives, and obeyed afterwards.
class Interruptible {
 public:
  Interruptible() {
    sigset_t all;
    ::sigemptyset(&all);
    for (int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
      struct sigaction now {};
      // One that is ignored (nohup, a job of a script) ends nothing, and a signalfd would not know.
      if (::sigaction(s, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) ::sigaddset(&all, s);
    }
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    fd_ = ::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~Interruptible() {
    signalfd_siginfo came{};
    const bool any = fd_ >= 0 && ::read(fd_, &came, sizeof came) == static_cast<ssize_t>(sizeof came);
    if (fd_ >= 0) ::close(fd_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    if (any) ::raise(static_cast<int>(came.ssi_signo));
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  int fd() const { return fd_; }  // readable once one of them came
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
  int fd_ = -1;
};

}  // namespace

ChildResult run_child(const std::vector<std::string>& arguments, uint64_t limit_ms) {
  ChildResult result;
  const Fd output = memory_file("output"), lines = memory_file("lines"), page = memory_file("running");
  if (!output || !lines || !page || ::ftruncate(page.get(), sizeof(RunningPage)) != 0) {
    result.failed_to_start = std::string{"no memory file: "} + std::strerror(errno);
    return result;
  }
  void* mapped = ::mmap(nullptr, sizeof(RunningPage), PROT_READ | PROT_WRITE, MAP_SHARED, page.get(), 0);
  if (mapped == MAP_FAILED) {
    result.failed_to_start = std::string{"no shared memory: "} + std::strerror(errno);
    return result;
  }
  auto* running = new (mapped) RunningPage;
  const Interruptible signals;  // ends last: when the folder is gone
  const Scratch scratch;
  if (scratch.path().empty()) {
    result.failed_to_start = std::string{"no temporary folder: "} + std::strerror(errno);
    ::munmap(mapped, sizeof(RunningPage));
    return result;
  }

  std::vector<std::string> environment{"TMPDIR=" + scratch.path()};
  for (char** e = environ; *e; ++e)
    if (!std::string_view{*e}.starts_with("TMPDIR=")) environment.emplace_back(*e);
  Spawn s;
  s.arguments = {"/proc/self/exe"};
  s.arguments.insert(s.arguments.end(), arguments.begin(), arguments.end());
  s.descriptors = {{output.get(), 1}, {output.get(), 2}, {lines.get(), kLines}, {page.get(), kPage}};
  s.own_group = true;  // what the plugin starts can be ended with it
  s.environment = &environment;
  s.blocked = &signals.before();
  pid_t pid = -1;
  const int failed = spawn(s, &pid);
  if (failed) {
    result.failed_to_start = std::string{"this program cannot be started again: "} + std::strerror(failed);
  } else {
    const Fd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    pollfd p[2] = {{pidfd.get(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    int ended = 0;
    do ended = ::poll(p, 2, static_cast<int>(limit_ms));
    while (ended < 0 && errno == EINTR);
    result.out_of_time = ended == 0;
    if (result.out_of_time) result.running = running->what();
    ::kill(-pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!result.out_of_time) {
      if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
      else result.code = WEXITSTATUS(status);
      result.running = running->what();
    }
    result.output = read_all(output.get(), kMostOutput);
    std::string text = read_all(lines.get(), size_t{16} << 20);
    for (size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1) result.lines.push_back(text.substr(at, end - at));
  }
  ::munmap(mapped, sizeof(RunningPage));
  return result;
}

bool become_child(uint64_t cpu_seconds) {
  if (::lseek(kPage, 0, SEEK_END) != static_cast<off_t>(sizeof(RunningPage))) return false;
  void* mapped = ::mmap(nullptr, sizeof(RunningPage), PROT_READ | PROT_WRITE, MAP_SHARED, kPage, 0);
  if (mapped == MAP_FAILED) return false;
  running_page = static_cast<RunningPage*>(mapped);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::fcntl(kLines, F_SETFD, FD_CLOEXEC);
  ::fcntl(kPage, F_SETFD, FD_CLOEXEC);
  auto limit = [](int what, uint64_t n) {
    const rlimit l{n, n};
    ::setrlimit(static_cast<__rlimit_resource_t>(what), &l);
  };
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, cpu_seconds);
  // Sanitizers reserve terabytes of addresses.
  if (!(SLC_BUILD_FLAGS & (SLC_BUILT_ASAN | SLC_BUILT_TSAN))) limit(RLIMIT_AS, uint64_t{8} << 30);
  return true;
}

void tell_parent(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock{mutex};
  const std::string text = line + '\n';
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(kLines, text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) return;
    if (n > 0) at += static_cast<size_t>(n);
  }
}

std::string signal_name(int signal) {
  static constexpr struct {
    int signal;
    const char* text;
  } kNames[] = {{SIGSEGV, "SIGSEGV (invalid memory access)"},
                {SIGBUS, "SIGBUS (invalid memory access)"},
                {SIGABRT, "SIGABRT (abort: an exception nobody caught, a failed assertion, or damaged memory)"},
                {SIGFPE, "SIGFPE (division by zero)"},
                {SIGILL, "SIGILL (invalid instruction)"},
                {SIGXCPU, "SIGXCPU (too much processor time)"},
                {SIGKILL, "SIGKILL (killed)"}};
  for (const auto& n : kNames)
    if (n.signal == signal) return n.text;
  return "signal " + std::to_string(signal);
}

}  // namespace sluice::app::check

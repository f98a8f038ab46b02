#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace sluice::test {

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw Failure("mkdtemp: " + std::string(std::strerror(errno)));
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::write(const std::string& name, std::string_view content) const {
  std::filesystem::path p = std::filesystem::path(path_) / name;
  std::filesystem::create_directories(p.parent_path());
  std::ofstream(p, std::ios::binary) << content;
  return p.string();
}

std::map<std::string, std::string> crashing_as_the_product(std::map<std::string, std::string> more) {
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    const char* before = std::getenv(name);
    more[name] = (before && *before ? std::string{before} + ":" : "") +
                 "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:use_sigaltstack=0";
  }
  return more;
}

std::vector<std::string> clean_environment(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> out;
  for (char** e = environ; *e != nullptr; ++e) {
    std::string_view entry(*e);
    std::string name(entry.substr(0, entry.find('=')));
    bool ours = name.starts_with("KRAKEND_") || name.starts_with("SLUICE_") || name.starts_with("FC_") || name == "NOTIFY_SOCKET";
    if (!ours && !extra.contains(name)) out.emplace_back(entry);
  }
  for (const auto& [name, value] : extra) out.push_back(name + "=" + value);
  return out;
}

Process::Process(const std::vector<std::string>& argv, const std::vector<std::string>& environment, const std::string& folder) {
  std::vector<char*> args, env;  // built before the fork: afterwards only async-signal-safe calls are allowed
  for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  for (const std::string& e : environment) env.push_back(const_cast<char*>(e.c_str()));
  args.push_back(nullptr);
  env.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure("pipe");
  pipe_ = Fd(ends[0]);
  Fd write_end(ends[1]);
  pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setsid();
    ::signal(SIGPIPE, SIG_DFL);  // ignored in the test, and that would be inherited
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(ends[1], 1);
    ::dup2(ends[1], 2);
    if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(126);
    ::execvpe(args[0], args.data(), env.data());
    ::_exit(127);
  }
  if (pid_ < 0) throw Failure("fork: " + std::string(std::strerror(errno)));
  pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) throw Failure("pidfd_open: " + std::string(std::strerror(errno)));
  collector_ = std::thread([this] { collect(); });
}

void Process::collect() {
  char buffer[8192];
  for (;;) {
    ssize_t n = ::read(pipe_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    std::lock_guard lock(mutex_);
    if (n > 0) output_.append(buffer, static_cast<size_t>(n));
    if (n <= 0) ended_ = true;
    changed_.notify_all();
    if (n <= 0) return;
  }
}

Process::~Process() {
  if (!code_) {
    ::kill(pid_, SIGKILL);
    wait();
  }
  collector_.join();
}

void Process::signal(int number) { ::kill(pid_, number); }

std::optional<int> Process::wait(Limit limit) {
  if (code_) return code_;
  if (!wait_readable(pidfd_.get(), limit)) return std::nullopt;
  // It is a zombie now, so its number is still its own: its session holds nothing but children that outlived it, and those
  // would keep the pipe open.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  code_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  std::unique_lock lock(mutex_);  // what it said last counts
  changed_.wait_for(lock, std::chrono::seconds(2), [&] { return ended_; });
  return code_;
}

std::string Process::output() const {
  std::lock_guard lock(mutex_);
  return output_;
}

void Process::wait_for_output(std::string_view text, Limit limit) {
  std::unique_lock lock(mutex_);
  bool in_time = changed_.wait_for(lock, limit, [&] { return ended_ || output_.find(text) != std::string::npos; });
  if (output_.find(text) != std::string::npos) return;
  std::string what = "waiting for \"" + std::string(text) + "\" in:\n" + output_;
  if (!in_time) throw TimedOut(what);
  throw Failure(what);
}

Ran run_program(const std::vector<std::string>& argv, Limit limit, const std::map<std::string, std::string>& extra,
                const std::string& folder) {
  Process p(argv, clean_environment(extra), folder);
  auto code = p.wait(limit);
  if (!code) throw TimedOut(argv[0] + " is still running:\n" + p.output());
  return {*code, p.output()};
}

}  // namespace sluice::test

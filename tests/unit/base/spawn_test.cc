// What a program that is started finds of ours, and what it does not.
#include "core/base/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"

namespace sluice {
namespace {

// Runs it to its end; what it wrote to `file`.
std::string written(const Spawn& s, const Fd& file, int* status = nullptr) {
  pid_t pid = -1;
  EXPECT_EQ(spawn(s, &pid), 0);
  int ended = 0;
  EXPECT_EQ(::waitpid(pid, &ended, 0), pid);
  if (status) *status = ended;
  std::string text(4096, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

Spawn shell(const std::string& script, const Fd& file) {
  Spawn s;
  s.program = "/bin/sh";
  s.arguments = {"name", "-c", script};
  s.descriptors = {{file.get(), 3}};
  return s;
}

TEST(SpawnTest, DescriptorsStandWhereTheyAreWantedAndStandardInputIsEmpty) {
  const Fd file = memory_file("test"), other = memory_file("other");
  EXPECT_GE(file.get(), Spawn::kLeastOwn);
  Spawn s = shell("cat >&3; echo three >&3; echo lost; echo four >&4", file);
  s.descriptors = {{Spawn::kNothing, 1}, {file.get(), 3}, {other.get(), 4}};
  EXPECT_EQ(written(s, file), "three\n");
  EXPECT_EQ(written(shell(":", file), other), "four\n");
}

TEST(SpawnTest, OthersAreClosedWhereThatIsWanted) {
  const Fd file = memory_file("test"), open{::open("/dev/null", O_RDONLY)};  // not close-on-exec
  Spawn s = shell("[ -e /proc/self/fd/" + std::to_string(open.get()) + " ] && echo there >&3 || echo gone >&3", file);
  if (open.get() <= 3) GTEST_SKIP() << "among the numbers that are handed over";
  EXPECT_EQ(written(s, file), "there\n");
  s.no_others = true;
  const Fd again = memory_file("again");
  s.descriptors = {{again.get(), 3}};
  EXPECT_EQ(written(s, again), "gone\n");
}

TEST(SpawnTest, SignalsAreAsWanted) {
  sigset_t some, before;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &some, &before), 0);
  auto blocked = [&](Spawn::Signals how) {
    const Fd file = memory_file("test");
    Spawn s = shell("exec grep SigBlk /proc/self/status >&3", file);
    s.signals = how;
    return std::stoull(written(s, file).substr(8), nullptr, 16);
  };
  const uint64_t usr1 = uint64_t{1} << (SIGUSR1 - 1), term = uint64_t{1} << (SIGTERM - 1);
  EXPECT_EQ(blocked(Spawn::Signals::inherited) & (usr1 | term), usr1);
  EXPECT_EQ(blocked(Spawn::Signals::open), 0u);
  EXPECT_EQ(blocked(Spawn::Signals::held) & (usr1 | term), usr1 | term);
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(SpawnTest, TheEnvironmentAndTheGroupAreItsOwnWhereThatIsWanted) {
  const Fd file = memory_file("test");
  const std::vector<std::string> environment{"ONLY=this"};
  Spawn s = shell("echo $ONLY $HOME >&3; [ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leader >&3", file);
  s.environment = &environment;
  s.own_group = true;
  EXPECT_EQ(written(s, file), "this\nleader\n");
}

TEST(SpawnTest, AProgramThatIsNotThereIsAnError) {
  Spawn s;
  s.program = "/nonexistent/program";
  s.arguments = {"x"};
  pid_t pid = -1;
  EXPECT_EQ(spawn(s, &pid), ENOENT);
}

TEST(LimitTextTest, WholeSecondsAreToldAsSuch) {
  EXPECT_EQ(limit_text(30'000), "30 s");
  EXPECT_EQ(limit_text(1'500), "1500 ms");
  EXPECT_EQ(limit_text(20), "20 ms");
}

}  // namespace
}  // namespace sluice

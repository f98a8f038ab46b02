#include "core/app/daemon.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

namespace sluice::app {
namespace {

// Runs `background` as the background process of a child; the child's exit code, as a shell would see it.
int started(const std::function<void(Background&)>& background) {
  pid_t child = ::fork();
  if (child == 0) {
    Background b;
    if (!b.enter()) ::_exit(99);
    background(b);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(BackgroundTest, TheStartedProcessLeavesWithZeroOnlyWhenTold) {
  EXPECT_EQ(started([](Background& b) { b.ready(); }), 0);
}

TEST(BackgroundTest, TheStartedProcessLeavesWithTheCodeOfTheFailure) {
  EXPECT_EQ(started([](Background& b) { b.failed(255); }), 255);
  EXPECT_EQ(started([](Background& b) { b.failed(1); }), 1);
}

TEST(BackgroundTest, DeathWithoutAWordIsAFailure) {
  EXPECT_EQ(started([](Background&) {}), 1);
  EXPECT_EQ(started([](Background&) { ::raise(SIGKILL); }), 1);
}

TEST(BackgroundTest, OnlyTheFirstWordCounts) {
  EXPECT_EQ(started([](Background& b) { b.ready(), b.failed(7); }), 0);
  EXPECT_EQ(started([](Background& b) { b.failed(7), b.ready(); }), 7);
}

TEST(BackgroundTest, WithoutEnterNothingIsTouched) {
  Background b;
  b.ready();
  b.failed(1);
  struct stat s;
  ASSERT_EQ(::fstat(1, &s), 0);
  EXPECT_FALSE(S_ISCHR(s.st_mode) && s.st_rdev == 0x103) << "stdout became /dev/null";
}

TEST(BackgroundTest, ItLeadsNoSessionAndHasAnother) {
  pid_t session = ::getsid(0);
  EXPECT_EQ(started([&](Background& b) {
              b.failed(::getsid(0) != session && ::getsid(0) != ::getpid() ? 42 : 43);
            }),
            42);
}

std::string read_to_end(int fd) {
  std::string all;
  char piece[64];
  for (ssize_t n; (n = ::read(fd, piece, sizeof piece)) > 0;) all.append(piece, static_cast<size_t>(n));
  ::close(fd);
  return all;
}

TEST(BackgroundTest, WhenReadyPipesAreLetGoAndFilesAreKept) {
  int out[2], alive[2];  // `alive` ends with the background process
  ASSERT_EQ(::pipe(out), 0);
  ASSERT_EQ(::pipe(alive), 0);
  char name[] = "/tmp/sluice-daemon-XXXXXX";
  int file = ::mkstemp(name);
  ASSERT_GE(file, 0);
  EXPECT_EQ(started([&](Background& b) {
              ::dup2(out[1], 1), ::close(out[1]), ::close(out[0]);
              ::dup2(file, 2);
              (void)!::write(1, "before", 6);
              b.ready();
              (void)!::write(1, "after", 5);
              (void)!::write(2, "kept", 4);
              ::close(alive[0]);
            }),
            0);
  ::close(out[1]), ::close(alive[1]);
  EXPECT_EQ(read_to_end(out[0]), "before");
  EXPECT_EQ(read_to_end(alive[0]), "");
  ASSERT_EQ(::lseek(file, 0, SEEK_SET), 0);
  EXPECT_EQ(read_to_end(file), "kept");
  ::unlink(name);
}

// A socket as systemd has it.
struct NotifyTest : ::testing::Test {
  void listen(std::string path) {
    fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path, path.data(), path.size());
    if (path[0] == '@') a.sun_path[0] = 0;
    else file = path;
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&a), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size())),
              0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  std::string received() {
    char text[256];
    ssize_t n = ::recv(fd, text, sizeof text, 0);  // a datagram to a local socket is there when send returns
    return n < 0 ? "nothing" : std::string(text, static_cast<size_t>(n));
  }
  void TearDown() override {
    ::unsetenv("NOTIFY_SOCKET");
    if (fd >= 0) ::close(fd);
    if (!file.empty()) ::unlink(file.c_str());
  }
  int fd = -1;
  std::string file;
};

TEST_F(NotifyTest, SendsOneDatagramToTheSocketFile) {
  listen("/tmp/sluice-notify-" + std::to_string(::getpid()));
  EXPECT_TRUE(notify("READY=1\nMAINPID=7"));
  EXPECT_EQ(received(), "READY=1\nMAINPID=7");
  EXPECT_EQ(received(), "nothing");
}

TEST_F(NotifyTest, KnowsTheAbstractNameSpace) {
  listen("@sluice-notify-" + std::to_string(::getpid()));
  EXPECT_TRUE(notify("STOPPING=1"));
  EXPECT_EQ(received(), "STOPPING=1");
}

TEST_F(NotifyTest, IsQuietWhenNobodyAskedOrNobodyListens) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(notify("READY=1"));
  for (const char* path : {"", "relative", "/tmp/sluice-nobody-listens-here"}) {
    ::setenv("NOTIFY_SOCKET", path, 1);
    EXPECT_FALSE(notify("READY=1")) << path;
  }
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(500, 'x')).c_str(), 1);
  EXPECT_FALSE(notify("READY=1"));
}

TEST(FileLimitTest, TheSoftLimitBecomesTheHardOne) {
  rlimit before, after;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  raise_file_limit();
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace sluice::app

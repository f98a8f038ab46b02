#include "../output.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace {

// A log daemon of the test's own.
class Daemon {
 public:
  explicit Daemon(int type) {
    char folder[] = "/tmp/sluice-syslog-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/log";
    listen(type);
  }
  ~Daemon() {
    close();
    std::filesystem::remove_all(folder_);
  }
  void listen(int type) {
    fd_ = ::socket(AF_UNIX, type, 0);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strcpy(a.sun_path, path_.c_str());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd_, 4), 0);
    }
  }
  void close() {
    ::close(fd_);
    std::filesystem::remove(path_);
  }
  std::string receive() {
    char buffer[4096];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return n < 0 ? "nothing" : std::string(buffer, static_cast<size_t>(n));
  }
  std::string accept_and_receive() {
    const int c = ::accept(fd_, nullptr, nullptr);
    char buffer[4096];
    const ssize_t n = ::recv(c, buffer, sizeof buffer, 0);
    ::close(c);
    return std::string(buffer, static_cast<size_t>(n));
  }
  const std::string& path() const { return path_; }

 private:
  std::string folder_, path_;
  int fd_ = -1;
};

std::string expected(int priority, const std::string& rest) { return "<" + std::to_string(priority) + ">Jan  5 03:04:09 " + rest; }
constexpr int64_t kWhen = 1767582249;

class SyslogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  const std::string tag_ = "edge[" + std::to_string(::getpid()) + "]: ";
};

}  // namespace

TEST_F(SyslogTest, SendsOneDatagramPerMessage) {
  Daemon daemon{SOCK_DGRAM};
  logging::Syslog log{LOG_LOCAL2, LOG_WARNING, "edge", {daemon.path() + "-absent", daemon.path()}};
  ASSERT_TRUE(log.open());
  log.write("WARNING > one", kWhen);
  log.write("ERROR > two", kWhen);
  EXPECT_EQ(daemon.receive(), expected(LOG_LOCAL2 | LOG_WARNING, tag_ + "WARNING > one\n"));
  EXPECT_EQ(daemon.receive(), expected(LOG_LOCAL2 | LOG_WARNING, tag_ + "ERROR > two\n"));
  EXPECT_EQ(daemon.receive(), "nothing");
}

TEST_F(SyslogTest, FallsBackToAStreamSocket) {
  Daemon daemon{SOCK_STREAM};
  logging::Syslog log{LOG_LOCAL0, LOG_ERR, "edge", {daemon.path()}};
  ASSERT_TRUE(log.open());
  log.write("ERROR > one", kWhen);
  EXPECT_EQ(daemon.accept_and_receive(), expected(LOG_LOCAL0 | LOG_ERR, tag_ + "ERROR > one\n"));
}

TEST_F(SyslogTest, FindsTheDaemonAgainAfterItsRestart) {
  Daemon daemon{SOCK_DGRAM};
  logging::Syslog log{LOG_LOCAL3, LOG_INFO, "edge", {daemon.path()}};
  ASSERT_TRUE(log.open());
  daemon.close();
  log.write("INFO > lost", kWhen);
  daemon.listen(SOCK_DGRAM);
  log.write("INFO > back", kWhen);
  EXPECT_EQ(daemon.receive(), expected(LOG_LOCAL3 | LOG_INFO, tag_ + "INFO > back\n"));
}

TEST_F(SyslogTest, SaysWhenNobodyListens) {
  logging::Syslog log{LOG_LOCAL3, LOG_INFO, "edge", {"/nonexistent/log", std::string(200, 'x')}};
  EXPECT_FALSE(log.open());
}

TEST(FacilityTest, UnknownNamesAreLocal3) {
  EXPECT_EQ(logging::facility_of("local0"), LOG_LOCAL0);
  EXPECT_EQ(logging::facility_of("local7"), LOG_LOCAL7);
  for (const char* other : {"", "local8", "local", "daemon", "local33"}) EXPECT_EQ(logging::facility_of(other), LOG_LOCAL3);
}

TEST(StreamTest, WritesWholeLinesWhenFlushed) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  logging::Stream s{ends[1]};
  s.write("one");
  s.write("two");
  s.flush();
  ::close(ends[1]);
  char buffer[64];
  const ssize_t n = ::read(ends[0], buffer, sizeof buffer);
  EXPECT_EQ(std::string(buffer, static_cast<size_t>(n)), "one\ntwo\n");
  ::close(ends[0]);
}

TEST(StreamTest, ABrokenDescriptorLosesLinesAndNothingElse) {
  logging::Stream s{-1};
  s.write("one");
  s.flush();
  s.write(std::string(100000, 'x'));  // flushes by itself
  s.flush();
}

// The process as those see it who start it and read what it prints: background, pid file, log.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

// A gateway in the background: nobody's child, so it is told from outside and watched through a pidfd.
class Daemon {
 public:
  Daemon() = default;
  ~Daemon() {
    if (pidfd_.get() >= 0) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  }
  Ran start(const std::string& config) {
    const std::string out = folder_.write("log", "");
    return run_program(
        {"/bin/sh", "-c", "exec \"$@\" >>" + out + " 2>&1 </dev/null", "sh", gateway_binary(), "run", "-c", folder_.write("krakend.json", config), "--plugins",
         plugins_folder(), "--daemon", "--pid-file", pid_file(), "--workers", "1", "--admin", "off"},
        kLimit, {}, folder_.path());
  }
  std::string pid_file() const { return folder_.path() + "/sluice.pid"; }
  std::string log() const { return read_file(folder_.path() + "/log"); }
  // By its pid file.
  pid_t pid() const { return static_cast<pid_t>(std::stol(read_file(pid_file()))); }
  void watch() { pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid(), 0))); }
  void terminate() const { ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGTERM, nullptr, 0); }
  bool ended() { return wait_readable(pidfd_.get(), kLimit); }

 private:
  TempFolder folder_;
  Fd pidfd_;
};

std::string config_at(const ReservedPort& port, const std::string& more = "") {
  return R"({"version": 3, "listen_ip": "127.0.0.1", "port": )" + std::to_string(port.number()) + more + "}";
}

TEST(DaemonTest, TheCommandEndsWhenItListensAndThePidFileTellsWho) {
  ReservedPort port;
  Daemon daemon;
  const Ran started = daemon.start(config_at(port));
  ASSERT_EQ(started.code, 0) << daemon.log();
  daemon.watch();
  EXPECT_EQ(get_once(port.number(), "/__health").status, 200) << "whoever waited for the command can send requests";
  const std::string running = std::to_string(daemon.pid());

  const Ran second = daemon.start(config_at(port));
  EXPECT_GT(second.code, 0);
  EXPECT_NE(daemon.log().find(running), std::string::npos) << "it says who runs\n" << daemon.log();
  EXPECT_EQ(std::to_string(daemon.pid()), running) << "the file is still the first one's";
  EXPECT_EQ(get_once(port.number(), "/__health").status, 200);

  daemon.terminate();
  EXPECT_TRUE(daemon.ended());
  EXPECT_NE(::access(daemon.pid_file().c_str(), F_OK), 0) << "the file is gone";
  EXPECT_EQ(sanitizer_report(daemon.log()), "");
}

TEST(DaemonTest, AStartThatFailsHasTheSameCodeAsInTheForeground) {
  ReservedPort port;
  Daemon daemon;
  const std::string bad = config_at(port, R"(, "timeout": "soon")");
  TempFolder folder;
  const Ran foreground =
      run_program({gateway_binary(), "run", "-c", folder.write("krakend.json", bad), "--plugins", plugins_folder()}, kLimit, {}, folder.path());
  const Ran background = daemon.start(bad);
  EXPECT_GT(foreground.code, 0);
  EXPECT_EQ(background.code, foreground.code);
  EXPECT_NE(daemon.log().find("/timeout"), std::string::npos) << daemon.log();
  EXPECT_NE(::access(daemon.pid_file().c_str(), F_OK), 0) << "nobody runs";

  const Fd taken = listen_on(port.number());
  EXPECT_GT(daemon.start(config_at(port)).code, 0) << "a port that is taken";
  EXPECT_NE(::access(daemon.pid_file().c_str(), F_OK), 0);
}

std::string logged(const std::string& router, const std::string& endpoints) {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {)" + router + R"(}}, "endpoints": [)" + endpoints + "]}";
}

TEST(DaemonTest, StandardStreamsThatAreClosedAreNobodysDescriptors) {
  ReservedPort port;
  TempFolder folder;
  const std::string pid_file = folder.path() + "/sluice.pid";
  const Ran started =
      run_program({"/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh", gateway_binary(), "run", "-c", folder.write("krakend.json", config_at(port)), "--plugins",
                   plugins_folder(), "--daemon", "--pid-file", pid_file, "--workers", "1", "--admin", "off"},
                  kLimit, {}, folder.path());
  EXPECT_EQ(started.code, 0);
  const std::string text = read_file(pid_file);
  EXPECT_EQ(text.find_first_not_of("0123456789\n"), std::string::npos) << "no line of the log\n" << text;
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(std::stol(text)), 0)));
  ASSERT_GE(pidfd.get(), 0);
  EXPECT_EQ(get_once(port.number(), "/__health").status, 200);
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGTERM, nullptr, 0);
  EXPECT_TRUE(wait_readable(pidfd.get(), kLimit)) << "it hears signals";
  EXPECT_NE(::access(pid_file.c_str(), F_OK), 0) << "and ends in order";
}

// What follows from an error would bury it.
TEST(CheckTest, BackendsWithoutHostsAreNotWarnedOfWhenHostsWereRefused) {
  TempFolder folder;
  const std::string endpoints = R"("endpoints": [{"endpoint": "/x", "backend": [{"url_pattern": "/a"}, {"url_pattern": "/b"}]}])";
  const auto checked = [&](const std::string& root) {
    const std::string file = folder.write("krakend.json", R"({"version": 3, )" + root + endpoints + "}");
    return run_program({gateway_binary(), "check", "-c", file, "--plugins", plugins_folder()}, kLimit, {}, folder.path()).output;
  };
  const std::string refused = checked(R"("host": ["http://bad/path"], )");
  EXPECT_NE(refused.find("/host/0"), std::string::npos) << refused;
  EXPECT_EQ(refused.find("neither here nor at the root"), std::string::npos) << refused;
  const std::string none = checked("");
  EXPECT_NE(none.find("neither here nor at the root"), std::string::npos) << none;
}

TEST(LogReaderTest, ThatTakesNothingDoesNotKeepTheGatewayFromEnding) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  ReservedPort port;
  TempFolder folder;
  const std::string pipe = folder.path() + "/log", notify = folder.path() + "/notify";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Fd unread(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_GE(unread.get(), 0);
  NotifySocket ready(notify);
  Process gateway({"/bin/sh", "-c", "exec \"$@\" >" + pipe + " 2>&1", "sh", gateway_binary(), "run", "-c",
                   folder.write("krakend.json", config_at(port, ", \"endpoints\": [" + endpoint_of("/x", backend_of(up.url(), "/d")) + "]")), "--plugins",
                   plugins_folder(), "--workers", "1", "--admin", "off"},
                  clean_environment({{"NOTIFY_SOCKET", notify}}), folder.path());
  ASSERT_TRUE(ready.wait_ready(gateway));
  TestClient client(port.number());
  const std::string path = "/x?" + std::string(1000, 'a');  // the access log has it
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client.get(path).status, 200) << i;
  gateway.signal(SIGTERM);
  EXPECT_EQ(gateway.wait(), 0);
}

TEST(AccessLogTest, LeavesOutThePathsThatItIsToldTo) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  GatewayProcess gateway(options_of(logged(R"("logger_skip_paths": ["/__health", "/quiet"])", endpoint_of("/quiet", backend_of(up.url(), "/d")) + "," +
                                                                                                  endpoint_of("/quiet/not", backend_of(up.url(), "/d")) + "," +
                                                                                                  endpoint_of("/last", backend_of(up.url(), "/d")))));
  for (const char* path : {"/quiet", "/quiet?a=1", "/__health", "/quiet/not", "/last?b=2"}) get_once(gateway.port(), path);
  gateway.process().wait_for_output("\"/last?b=2\"");  // lines of one worker come in order
  const std::string log = gateway.log();
  EXPECT_EQ(log.find("\"/quiet\""), std::string::npos) << log;
  EXPECT_EQ(log.find("\"/quiet?a=1\""), std::string::npos) << "the path counts, not the query\n" << log;
  EXPECT_EQ(log.find("\"/__health\""), std::string::npos) << log;
  EXPECT_NE(log.find("\"/quiet/not\""), std::string::npos) << log;
}

TEST(LogFormatTest, JsonIsOneObjectPerLine) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}", 500));
  GatewayOptions o = options_of(logged("", endpoint_of("/x", backend_of(up.url(), "/d"))));
  o.arguments = {"--log-format", "json"};
  GatewayProcess gateway(o);
  EXPECT_EQ(get_once(gateway.port(), "/x?say=%22hi%22").status, 500);
  gateway.process().wait_for_output("/x?say=");
  const std::string log = gateway.log();
  int access = 0, messages = 0, errors = 0;
  for (size_t at = 0, end; (end = log.find('\n', at)) != log.npos; at = end + 1) {
    const Json line = Json::parse_or_throw(log.substr(at, end - at), "a line of the log");
    ASSERT_TRUE(line.is(Json::Kind::object)) << log.substr(at, end - at);
    if (line.has("status")) ++access;
    else if (line.has("message")) ++messages;
    if (line.has("level") && line.at("level").str() == "ERROR") ++errors;
  }
  EXPECT_EQ(access, 1) << log;
  EXPECT_GT(messages, 0) << log;
  EXPECT_GE(errors, 1) << log;
}

}  // namespace
}  // namespace sluice::test

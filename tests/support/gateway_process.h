// The real gateway as a child process, with a configuration written by the test.
#pragma once
#include <memory>

#include "tests/support/json.h"
#include "tests/support/process.h"

namespace sluice::test {

struct GatewayOptions {
  std::string config;                          // JSON text; "port" and "listen_ip" are set
  bool verbatim = false;                       // a template, written as it is: it says "listen_ip", the port comes by -p
  std::map<std::string, std::string> places;   // @NAME@ in the configuration -> text
  int workers = 1;
  std::vector<std::string> arguments;          // further ones of `run`
  std::map<std::string, std::string> environment;
  std::string binary;                          // default: the one of this build, or $SLC_GATEWAY
};

std::string gateway_binary();
std::string plugins_folder();
std::string malloc_counter_library();
// Why a test that counts system calls or allocations cannot run here; nullptr: it can.
const char* instrumented_build();
// The first sanitizer report in a log, "" if there is none.
std::string sanitizer_report(const std::string& log);

class GatewayProcess {
 public:
  // Waits until the gateway says READY=1 on its $NOTIFY_SOCKET. Throws Failure with the log if it ends before.
  explicit GatewayProcess(GatewayOptions options);
  // Ends it with SIGTERM unless the test did; anything but exit code 0 and a log free of sanitizer reports fails the test.
  ~GatewayProcess();

  uint16_t port() const { return port_.number(); }
  pid_t pid() const { return process_->pid(); }
  std::string log() const { return process_->output(); }
  Process& process() { return *process_; }
  const TempFolder& folder() const { return folder_; }
  // Writes another configuration in the place of the first, with the same port; a reload reads it.
  void configure(std::string config);
  std::string config_file() const { return folder_.path() + "/krakend.json"; }
  std::string admin() const { return folder_.path() + "/admin.sock"; }
  size_t resident_bytes() const;
  void terminate() { process_->signal(15); }
  // Waits for the end (after terminate()) and judges it as the destructor would, but for the code.
  int wait_for_exit(Limit limit = kLimit);

 private:
  TempFolder folder_;
  ReservedPort port_;
  std::unique_ptr<Process> process_;
  bool judged_ = false;
};

// A datagram socket for $NOTIFY_SOCKET.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path);
  // READY=1 came (true), or `process` ended before (false). Throws TimedOut.
  bool wait_ready(Process& process, Limit limit = kLimit);

 private:
  Fd fd_;
};

}  // namespace sluice::test

// A name server under the test's control: dnsmasq, on a free port of 127.0.0.1.
#pragma once
#include <filesystem>

#include "tests/support/fake_upstream.h"
#include "tests/support/process.h"

namespace sluice::test {

inline std::string dnsmasq() {
  for (const char* at : {"/usr/sbin/dnsmasq", "/usr/bin/dnsmasq", "/usr/local/sbin/dnsmasq"})
    if (std::filesystem::exists(at)) return at;
  return "";
}

// Serves records of the domain "test" with a time to live of one second. Other records are another process on the same port.
class NameServer {
 public:
  using Records = std::vector<std::string>;  // arguments of dnsmasq: --srv-host=…
  explicit NameServer(const Records& r) { serve(r); }
  void serve(const Records& records) {
    end();
    std::vector<std::string> argv{dnsmasq(), "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-daemon",
                                  "--local=/test/", "--local-ttl=1", "--address=/hosts.test/127.0.0.1", "--listen-address=127.0.0.1",
                                  "--bind-interfaces", "--pid-file=" + folder_.path() + "/pid", "--port=" + std::to_string(port_.number())};
    argv.insert(argv.end(), records.begin(), records.end());
    process_ = std::make_unique<Process>(argv, clean_environment({}));
    process_->wait_for_output("started");
  }
  void end() {
    if (!process_) return;
    process_->signal(15);
    process_->wait();
    process_.reset();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_.number()); }

 private:
  TempFolder folder_;
  ReservedPort port_;
  std::unique_ptr<Process> process_;
};

inline std::string srv(const FakeUpstream& up, int priority = 1, int weight = 1, const std::string& name = "_http._tcp.shop.test",
                       const std::string& target = "a.hosts.test") {
  return "--srv-host=" + name + "," + target + "," + std::to_string(up.port()) + "," + std::to_string(priority) + "," +
         std::to_string(weight);
}

}  // namespace sluice::test

#include "tests/support/gateway_process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "tests/support/text.h"

namespace sluice::test {

std::string gateway_binary() {
  const char* given = std::getenv("SLC_GATEWAY");
  return given != nullptr ? given : SLC_GATEWAY_BINARY;
}

std::string plugins_folder() {
  const char* given = std::getenv("SLC_GATEWAY_PLUGINS");
  return given != nullptr ? given : SLC_GATEWAY_PLUGINS_FOLDER;
}

std::string malloc_counter_library() { return SLC_MALLOC_COUNTER; }

const char* instrumented_build() {
#ifdef SLC_INSTRUMENTED
  return "a build with " SLC_INSTRUMENTED " does more system calls and allocations than the product";
#else
  return nullptr;
#endif
}

std::string sanitizer_report(const std::string& log) {
  for (const char* mark : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
                           "AddressSanitizer:DEADLYSIGNAL", "Sanitizer CHECK failed"}) {
    if (size_t at = log.find(mark); at != std::string::npos) return log.substr(at, 4000);
  }
  return "";
}

NotifySocket::NotifySocket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.size() >= sizeof a.sun_path) throw Failure("path too long for a socket: " + path);
  std::memcpy(a.sun_path, path.data(), path.size());
  if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw Failure("cannot bind " + path);
}

bool NotifySocket::wait_ready(Process& process, Limit limit) {
  auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto left = std::chrono::duration_cast<Limit>(end - std::chrono::steady_clock::now()).count();
    pollfd p[2] = {{fd_.get(), POLLIN, 0}, {process.exit_fd(), POLLIN, 0}};
    if (left <= 0 || ::poll(p, 2, static_cast<int>(left)) == 0) throw TimedOut("the gateway does not get ready:\n" + process.output());
    if (p[0].revents != 0) {
      char text[512];
      ssize_t n = ::recv(fd_.get(), text, sizeof text, MSG_DONTWAIT);
      if (n > 0 && std::string_view(text, static_cast<size_t>(n)).find("READY=1") != std::string_view::npos) return true;
    } else if (p[1].revents != 0) {
      return false;
    }
  }
}

GatewayProcess::GatewayProcess(GatewayOptions o) {
  for (const auto& [name, value] : o.places) o.config = replace_all(o.config, "@" + name + "@", value);
  if (o.verbatim) {
    folder_.write("krakend.json", o.config);
    o.arguments.insert(o.arguments.end(), {"-p", std::to_string(port())});
  } else {
    configure(o.config);
  }
  std::string file = config_file();

  std::string notify_path = folder_.path() + "/notify";
  NotifySocket notify(notify_path);
  o.environment["NOTIFY_SOCKET"] = notify_path;
  o.environment["USAGE_DISABLE"] = "1";
  std::vector<std::string> argv{o.binary.empty() ? gateway_binary() : o.binary, "run", "-c", file, "--workers", std::to_string(o.workers)};
  if (o.binary.empty()) argv.insert(argv.end(), {"--plugins", plugins_folder()});
  argv.insert(argv.end(), {"--admin", admin()});
  argv.insert(argv.end(), o.arguments.begin(), o.arguments.end());
  process_ = std::make_unique<Process>(argv, clean_environment(o.environment), folder_.path());
  if (!notify.wait_ready(*process_)) {
    judged_ = true;
    auto code = process_->wait();
    throw Failure("the gateway ended with code " + std::to_string(code.value_or(-1)) + " before it listened:\n" + process_->output());
  }
}

void GatewayProcess::configure(std::string text) {
  Json config = Json::parse_or_throw(text, "the test's configuration");
  config.set("port", Json::integer(port()));
  if (!config.has("listen_ip")) config.set("listen_ip", Json::text("127.0.0.1"));
  if (!config.has("version")) config.set("version", Json::integer(3));
  // Renamed into place: a gateway that watches must never see half of it.
  std::string file = folder_.write("krakend.json.new", config.dump({true, false, false}));
  std::filesystem::rename(file, config_file());
}

GatewayProcess::~GatewayProcess() {
  if (!process_ || judged_) return;
  terminate();
  int code = wait_for_exit();
  if (code != 0) ADD_FAILURE() << "the gateway ended with code " << code << ":\n" << log();
}

int GatewayProcess::wait_for_exit(Limit limit) {
  judged_ = true;
  auto code = process_->wait(limit);
  if (!code) {
    ADD_FAILURE() << "the gateway did not end:\n" << log();
    return -SIGKILL;
  }
  std::string report = sanitizer_report(log());
  if (!report.empty()) ADD_FAILURE() << report;
  return *code;
}

size_t GatewayProcess::resident_bytes() const {
  std::string status = read_file("/proc/" + std::to_string(pid()) + "/status");
  size_t at = status.find("VmRSS:");
  if (at == std::string::npos) throw Failure("no VmRSS: the gateway is gone");
  return std::strtoull(status.c_str() + at + 6, nullptr, 10) * 1024;
}

}  // namespace sluice::test

#include "core/app/check/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "core/app/check/child.h"
#include "core/app/check/peer.h"
#include "core/base/spawn.h"
#include "core/plugin/registry.h"

namespace sluice::app::check {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr int kStartMs = 30'000, kStopMs = 30'000;
constexpr int64_t kDefaultPort = 8080;

// ":8080" at the end of a text or before "/" or "-", in every text of the configuration: a sample may be its own backend.
void move_port(json::value& v, const std::string& from, const std::string& to) {
  if (json::object* o = v.if_object()) {
    for (auto& m : *o) move_port(m.value(), from, to);
  } else if (json::array* a = v.if_array()) {
    for (json::value& e : *a) move_port(e, from, to);
  } else if (json::string* s = v.if_string()) {
    std::string text{*s};
    for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
      const size_t end = at + from.size();
      if (end < text.size() && text[end] >= '0' && text[end] <= '9') continue;
      text.replace(at, from.size(), to);
    }
    // A range of ports, "8080-8080", names it twice.
    const std::string range_from = "-" + from.substr(1), range_to = "-" + to.substr(1);
    if (text.find(to) != text.npos && text.ends_with(range_from)) text.replace(text.size() - range_from.size(), range_from.size(), range_to);
    *s = text;
  }
}

bool wait_for(int fd, short events, int other, int limit_ms, bool& other_ready) {
  pollfd p[2] = {{fd, events, 0}, {other, POLLIN, 0}};
  int n;
  do n = ::poll(p, other >= 0 ? 2 : 1, limit_ms);
  while (n < 0 && errno == EINTR);
  other_ready = other >= 0 && p[1].revents != 0;
  return n > 0 && p[0].revents != 0;
}

}  // namespace

Result<std::unique_ptr<Server>, Problem> Server::start(std::string text, const std::string& plugin, const std::string& plugins) {
  json::error_code ec;
  json::value config = json::parse(text, ec);
  if (ec || !config.is_object()) return Problem{"the configuration is no JSON object" + (ec ? ": " + ec.message() : std::string{})};
  auto s = std::make_unique<Server>();
  std::string pattern = (fs::temp_directory_path() / "sluice-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) return Problem{"no temporary folder: " + std::string{std::strerror(errno)}};
  s->folder_ = pattern;
  s->port_ = free_port();
  const json::value* port = config.get_object().if_contains("port");
  const int64_t configured = port && port->is_int64() ? port->get_int64() : kDefaultPort;
  move_port(config, ":" + std::to_string(configured), ":" + std::to_string(s->port_));
  config.get_object()["port"] = s->port_;
  config.get_object()["listen_ip"] = "127.0.0.1";
  config.get_object().erase("plugin");  // exactly this build of it is wanted
  const std::string file = s->folder_ + "/gateway.json", folder = s->folder_ + "/plugins";
  std::ofstream{file} << json::serialize(config);

  std::error_code ignored;
  fs::create_directory(folder, ignored);
  const fs::path name = fs::path{plugin}.filename();
  fs::copy_file(plugin, folder / name, ignored);
  ::chmod((folder / name).c_str(), 0500);
  for (fs::directory_iterator it{plugins.empty() ? plugin::default_folder() : plugins, ignored}, end; !ignored && it != end; it.increment(ignored)) {
    std::error_code link;
    if (it->path().extension() == ".so" && it->path().filename() != name)
      fs::create_symlink(fs::absolute(it->path(), link), folder / it->path().filename(), link);
  }

  const std::string ready = s->folder_ + "/ready";
  const int notify = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ready.copy(address.sun_path, sizeof address.sun_path - 1);
  if (notify < 0 || ::bind(notify, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (notify >= 0) ::close(notify);
    return Problem{"no socket in " + s->folder_ + ": " + std::strerror(errno)};
  }
  s->output_ = ::memfd_create("log", MFD_CLOEXEC);
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e) {
    const std::string_view entry{*e};
    // The case decides, not who happens to run it.
    if (!entry.starts_with("SLUICE_") && !entry.starts_with("KRAKEND_") && !entry.starts_with("NOTIFY_SOCKET=") && !entry.starts_with("TMPDIR="))
      environment.emplace_back(entry);
  }
  environment.push_back("NOTIFY_SOCKET=" + ready);
  environment.push_back("TMPDIR=" + s->folder_);  // what a gateway that is killed leaves behind goes with the folder
  Spawn run;
  run.arguments = {"/proc/self/exe", "run", "-c", file, "--plugins", folder, "--workers", "1", "--log-format", "text"};
  run.descriptors = {{s->output_, 1}, {s->output_, 2}};
  run.environment = &environment;
  const int failed = spawn(run, &s->pid_);
  if (failed) {
    s->pid_ = -1;
    ::close(notify);
    return Problem{std::string{"this program cannot be started again: "} + std::strerror(failed)};
  }
  s->pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, s->pid_, 0));
  bool ended = false;
  const bool listens = wait_for(notify, POLLIN, s->pidfd_, kStartMs, ended);
  ::close(notify);
  if (listens) return s;
  std::string log = s->log();
  for (size_t at; (at = log.find(s->folder_ + "/")) != log.npos;) log.erase(at, s->folder_.size() + 1);
  return Problem{(ended ? "the gateway did not start:\n" : "the gateway was not ready within 30 s:\n") + log};
}

std::string Server::log() const {
  std::string text;
  char bytes[8192];
  off_t at = 0;
  for (ssize_t n; (n = ::pread(output_, bytes, sizeof bytes, at)) > 0; at += n) text.append(bytes, static_cast<size_t>(n));
  return text;
}

std::string Server::stop() {
  if (pid_ < 0) return {};
  ::kill(pid_, SIGTERM);
  bool ignored = false;
  const bool ended = wait_for(pidfd_, POLLIN, -1, kStopMs, ignored);
  if (!ended) ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (!ended) return "it did not stop within 30 s";
  if (WIFSIGNALED(status)) return signal_name(WTERMSIG(status));
  return WEXITSTATUS(status) ? "exit code " + std::to_string(WEXITSTATUS(status)) : std::string{};
}

Server::~Server() {
  if (pid_ >= 0) {
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  for (int fd : {pidfd_, output_})
    if (fd >= 0) ::close(fd);
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

}  // namespace sluice::app::check

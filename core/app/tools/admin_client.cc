#include "core/app/tools/admin_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/app/admin.h"
#include "core/base/text.h"

namespace sluice::app {
namespace {

constexpr size_t kLargestAnswer = size_t{64} << 20;

struct Socket {
  int fd = -1;
  Socket() = default;
  Socket(const Socket&) = delete;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

int connect_to(const std::string& path, Socket& s) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  s.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s.fd < 0) return errno;
  return ::connect(s.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

bool answers(const std::string& path) {
  Socket s;
  return connect_to(path, s) == 0;
}

// "HTTP/1.1 200 OK\r\n…\r\n\r\nbody": we asked for the end of the connection behind it.
Result<AdminAnswer, Problem> parse(std::string_view text, const std::string& socket) {
  AdminAnswer a;
  size_t end = text.find("\r\n\r\n");
  auto status = text.starts_with("HTTP/1.1 ") && text.size() >= 12 ? parse_decimal<int>(text.substr(9, 3)) : std::nullopt;
  if (end == text.npos || !status) return Problem{socket + ": what answers there is no gateway of this version"};
  a.status = *status;
  a.body = text.substr(end + 4);
  std::string head = to_lower(text.substr(0, end));
  if (size_t at = head.find("\r\ncontent-length: "); at != head.npos) {
    std::string_view rest = std::string_view{head}.substr(at + 18);
    auto length = parse_decimal<size_t>(rest.substr(0, rest.find('\r')));
    if (!length || *length != a.body.size()) return Problem{socket + ": the answer broke off; the gateway may have ended"};
  }
  return a;
}

}  // namespace

Result<AdminAnswer, Problem> ask_admin(const std::string& socket, const std::string& method, const std::string& target, int limit_s) {
  Socket s;
  if (int error = connect_to(socket, s)) return Problem{"cannot reach the gateway at " + socket + ": " + std::strerror(error)};
  std::string out = method + " " + target + " HTTP/1.1\r\nHost: sluice\r\nConnection: close\r\n" + (method == "POST" ? "Content-Length: 0\r\n" : "") + "\r\n";
  for (std::string_view rest = out; !rest.empty();) {
    ssize_t n = ::send(s.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Problem{socket + ": " + std::strerror(errno)};
    rest.remove_prefix(static_cast<size_t>(n));
  }
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds{limit_s};
  std::string in;
  char block[16384];
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd p{s.fd, POLLIN, 0};
    int ready = left > 0 ? ::poll(&p, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Problem{socket + ": no answer within " + std::to_string(limit_s) + " s"};
    ssize_t n = ::read(s.fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    // It closed, or the kernel did for it, before a word was said.
    if (in.empty() && (n == 0 || errno == ECONNRESET))
      return Problem{socket + (target.starts_with("/reload") ? ": the gateway ended during the reload" : ": the gateway ended before it answered") +
                     "; its log, and a crash report on its stderr or in the folder of --crash-dir, say what it died of"};
    if (n < 0) return Problem{socket + ": " + std::strerror(errno)};
    if (n == 0) return parse(in, socket);
    in.append(block, static_cast<size_t>(n));
    if (in.size() > kLargestAnswer) return Problem{socket + ": the answer is larger than 64 MiB"};
  }
}

AdminFlags admin_flags(std::span<const std::string> arguments) {
  AdminFlags f;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i], value;
    bool has_value = false;
    if (size_t eq = name.find('='); name.starts_with("--") && eq != name.npos) {
      value = name.substr(eq + 1), has_value = true;
      name.resize(eq);
    }
    if (name == "--json" && !has_value) {
      f.json = true;
    } else if (name == "--admin" || name == "--pid") {
      if (!has_value) {
        if (i + 1 == arguments.size()) {
          f.wrong = name + " needs a value";
          return f;
        }
        value = arguments[++i];
      }
      if (name == "--admin") {
        f.admin = value;
      } else if (f.pid = parse_decimal<int>(value); !f.pid || *f.pid <= 0) {
        f.wrong = "invalid argument \"" + value + "\" for --pid: the number of a process is wanted";
        return f;
      }
    } else {
      f.rest.push_back(arguments[i]);
    }
  }
  return f;
}

bool is_named(const AdminFlags& f) {
  const char* set = std::getenv("SLUICE_ADMIN");
  return !f.admin.empty() || f.pid || (set && *set);
}

bool any_gateway() {
  const std::vector<AdminSocket> all = admin_sockets();
  return std::any_of(all.begin(), all.end(), [](const AdminSocket& s) { return answers(s.path); });
}

Result<std::string, Problem> find_admin(const AdminFlags& f) {
  if (!f.admin.empty()) return f.admin;
  if (!f.pid)
    if (const char* set = std::getenv("SLUICE_ADMIN"); set && *set) return std::string{set};
  std::vector<AdminSocket> live;
  for (AdminSocket& s : admin_sockets()) {
    // A socket without a pid in its name is a service's: there is one.
    if (f.pid && s.pid != 0 && s.pid != *f.pid) continue;
    if (answers(s.path)) live.push_back(std::move(s));
  }
  if (f.pid) {
    auto named = std::find_if(live.begin(), live.end(), [&](const AdminSocket& s) { return s.pid == *f.pid; });
    if (named != live.end()) return named->path;
  }
  if (live.size() == 1) return live.front().path;
  if (live.empty())
    return Problem{f.pid ? "no gateway with the process id " + std::to_string(*f.pid) + " answers"
                         : "no running gateway of this user was found. Is it another user's, or was it started with --admin? Then: --admin PATH"};
  std::string text = "several gateways run; say which one:";
  for (const AdminSocket& s : live) text += s.pid ? "\n  --pid " + std::to_string(s.pid) : "\n  --admin " + s.path;
  return Problem{text};
}

}  // namespace sluice::app

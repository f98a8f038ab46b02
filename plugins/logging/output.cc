#include "output.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace logging {

void Stream::write(std::string_view line) {
  buffer_ += line;
  buffer_ += '\n';
  if (buffer_.size() >= 64 * 1024) flush();
}

void Stream::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n > 0) {
      rest.remove_prefix(static_cast<size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {  // somebody made the terminal or pipe non-blocking
      pollfd p{fd_, POLLOUT, 0};
      if (::poll(&p, 1, 1000) <= 0) break;
    } else if (n == 0 || errno != EINTR) {
      break;  // the reader is gone; there is nowhere to say so
    }
  }
  buffer_.clear();
}

Syslog::Syslog(int facility, int severity, std::string tag, std::vector<std::string> paths)
    : priority_{facility | severity}, tag_{std::move(tag)}, paths_{std::move(paths)} {}

Syslog::~Syslog() { close(); }

void Syslog::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool Syslog::open() {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    for (const std::string& path : paths_) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      if (path.size() >= sizeof address.sun_path) continue;
      std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
      const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
      if (fd < 0) return false;
      if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        fd_ = fd;
        stream_ = type == SOCK_STREAM;
        return true;
      }
      ::close(fd);
    }
  }
  return false;
}

bool Syslog::send(const std::string& text) {
  if (fd_ < 0) return false;
  ssize_t n;
  do n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n >= 0 || errno == EMSGSIZE;  // a message the daemon will never take is not a lost connection
}

void Syslog::write(std::string_view message, int64_t unix_seconds) {
  const auto seconds = static_cast<time_t>(unix_seconds);
  tm t{};
  localtime_r(&seconds, &t);
  // RFC 3164 §4.1.2, whatever the locale says about month names.
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char head[64];
  const int n = std::snprintf(head, sizeof head, "<%d>%s %2d %02d:%02d:%02d ", priority_, months[t.tm_mon], t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
  std::string text(head, static_cast<size_t>(n));
  text += tag_;
  text += '[';
  text += std::to_string(::getpid());
  text += "]: ";
  text += message;
  if (stream_ || text.back() != '\n') text += '\n';
  if (send(text)) return;
  close();
  if (open()) send(text);
}

int facility_of(std::string_view name) {
  constexpr int all[] = {LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
  constexpr std::string_view local = "local";
  if (name.size() == 6 && name.substr(0, 5) == local && name[5] >= '0' && name[5] <= '7') return all[name[5] - '0'];
  return LOG_LOCAL3;
}

}  // namespace logging

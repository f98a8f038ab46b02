#include "core/app/daemon.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace sluice::app {
namespace {

// What the background process tells; its death without a word is a failure.
int await(int report) {
  uint8_t code = 1;
  ssize_t n;
  while ((n = ::read(report, &code, 1)) < 0 && errno == EINTR) {
  }
  return n == 1 ? code : 1;
}

bool is_regular(int fd) {
  struct stat info;
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

Background::~Background() {
  if (report_ >= 0) ::close(report_);
}

bool Background::enter() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pid_t first = ::fork();
  if (first < 0) {
    ::close(ends[0]), ::close(ends[1]);
    return false;
  }
  if (first > 0) {
    ::close(ends[1]);
    int code = await(ends[0]);
    int status;  // of the short-lived one between us; the background process belongs to init by now
    while (::waitpid(first, &status, 0) < 0 && errno == EINTR) {
    }
    ::_exit(code);
  }
  ::close(ends[0]);
  // A session of its own, and no leader of it: no terminal can become ours by being opened.
  if (::setsid() < 0) ::_exit(1);
  pid_t second = ::fork();
  if (second < 0) ::_exit(1);
  if (second > 0) ::_exit(0);
  report_ = ends[1];
  return true;
}

void Background::tell(int code) {
  if (report_ < 0) return;
  auto byte = static_cast<uint8_t>(code);
  while (::write(report_, &byte, 1) < 0 && errno == EINTR) {
  }
  ::close(std::exchange(report_, -1));
}

void Background::ready() {
  if (report_ < 0) return;
  if (int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0) {
    ::dup2(null, 0);
    for (int fd : {1, 2})
      if (!is_regular(fd)) ::dup2(null, fd);
    if (null > 2) ::close(null);
  }
  tell(0);
}

void Background::failed(int code) { tell(code); }

bool notify(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (!path || !*path) return false;
  size_t length = std::strlen(path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return false;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // abstract name space
  int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  ssize_t n = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), size);
  ::close(fd);
  return n == static_cast<ssize_t>(state.size());
}

void hold_standard_descriptors() {
  for (;;) {
    const int fd = ::open("/dev/null", O_RDWR);  // the lowest free number (open(2)); inherited, like those of other programs
    if (fd < 0) return;
    if (fd > 2) return void(::close(fd));
  }
}

void raise_file_limit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace sluice::app

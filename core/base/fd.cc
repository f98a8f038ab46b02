#include "core/base/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sluice {

// Past ThreadSanitizer, as libuv closes its own: it would take what libuv did with the same number before for a race
// (tests/tsan.supp has the other half).
Fd::~Fd() {
  if (fd_ >= 0) ::syscall(SYS_close, fd_);
}
Fd Fd::event() { return Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}; }
bool Fd::pair(Fd* ours, Fd* theirs) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
  *ours = Fd{pair[0]}, *theirs = Fd{pair[1]};
  return true;
}
Fd Fd::copy() const { return Fd{fcntl(fd_, F_DUPFD_CLOEXEC, 3)}; }

bool takes_bytes(int fd, int ms) {
  pollfd p{fd, POLLOUT, 0};
  int n;
  do n = ::poll(&p, 1, ms);
  while (n < 0 && errno == EINTR);
  return n != 0;  // an error, or a reader that is gone: the write tells
}

bool write_if_taken(int fd, std::string_view text, int ms) {
  // A pipe that can be written to takes so many bytes without waiting (pipe(7)).
  text = text.substr(0, PIPE_BUF);
  return takes_bytes(fd, ms) && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace sluice

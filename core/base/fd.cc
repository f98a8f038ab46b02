#include "core/base/fd.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

}  // namespace sluice

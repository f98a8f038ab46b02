#include "core/base/fd.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice {

// As libuv closes its own, past ThreadSanitizer: told of one side only, it takes a reused number for a race.
Fd::~Fd() {
  if (fd_ >= 0) ::syscall(SYS_close, fd_);
}
Fd Fd::copy() const { return Fd{fcntl(fd_, F_DUPFD_CLOEXEC, 3)}; }

}  // namespace sluice

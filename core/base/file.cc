#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/fd.h"

namespace sluice {
namespace {

Problem failed(const char* what) { return Problem{std::string{what} + ": " + std::strerror(errno)}; }

}  // namespace

Result<std::string, Problem> read_file(const std::string& path, size_t most) {
  const Fd in{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (!in) return failed("cannot be opened");
  struct stat st {};
  if (::fstat(in.get(), &st) != 0) return failed("cannot be read");
  const auto too_large = [&] {
    return Problem{"larger than " + (most >> 20 ? std::to_string(most >> 20) + " MiB" : std::to_string(most) + " bytes")};
  };
  constexpr size_t kBlock = 65536;
  const size_t expected = st.st_size > 0 ? static_cast<size_t>(st.st_size) : 0;
  if (S_ISREG(st.st_mode) && expected > most) return too_large();
  std::string bytes;
  // One more than expected, so that the end shows without a second round; the size is only a hint: files of /proc say 0, and
  // others may grow.
  for (size_t room = S_ISREG(st.st_mode) && expected ? expected + 1 : kBlock, got = 0;; room = kBlock) {
    bytes.resize(got + room);
    while (got < bytes.size()) {
      const ssize_t n = ::read(in.get(), bytes.data() + got, bytes.size() - got);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("cannot be read");
      if (n == 0) {
        bytes.resize(got);
        return bytes;
      }
      got += static_cast<size_t>(n);
      if (got > most) return too_large();
    }
  }
}

}  // namespace sluice

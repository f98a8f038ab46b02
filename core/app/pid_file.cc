#include "core/app/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/text.h"

namespace sluice::app {
namespace {

Problem problem(const std::string& path, const std::string& what) { return {"pid file " + path + ": " + what}; }

// The number that stands in it, for the message.
std::string holder(int fd) {
  char text[32];
  ssize_t n = ::pread(fd, text, sizeof text, 0);
  std::string_view view{text, n > 0 ? static_cast<size_t>(n) : 0};
  while (!view.empty() && (view.back() == '\n' || view.back() == ' ')) view.remove_suffix(1);
  auto pid = parse_decimal<uint32_t>(view);
  return pid ? "process " + std::to_string(*pid) : "another process";
}

// Did nobody remove or replace the file between our open and our lock?
bool still_there(const std::string& path, int fd) {
  struct stat ours, theirs;
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &theirs) == 0 && ours.st_dev == theirs.st_dev &&
         ours.st_ino == theirs.st_ino;
}

}  // namespace

PidFile::PidFile(PidFile&& other) noexcept : path_{std::move(other.path_)}, fd_{std::exchange(other.fd_, -1)} {}

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::move(other.path_);
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

Result<PidFile, Problem> PidFile::create(const std::string& path) {
  // A handful of rounds: each lost one means that another process left in that very moment.
  for (int round = 0; round < 10; ++round) {
    // O_NOFOLLOW: such files often stand in folders that others may write to.
    int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0) return problem(path, std::strerror(errno));
    PidFile file;
    file.fd_ = fd;  // path_ stays empty for now, so that leaving early removes nothing
    struct stat info;
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return problem(path, "not a regular file");
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return problem(path, std::strerror(errno));
      return problem(path, "held by " + holder(fd) + ": sluice is already running");
    }
    if (!still_there(path, fd)) continue;
    std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
      return problem(path, std::strerror(errno));
    file.path_ = path;
    return file;
  }
  return problem(path, "it changes faster than it can be locked");
}

void PidFile::remove() {
  if (fd_ < 0) return;
  if (!path_.empty() && still_there(path_, fd_)) ::unlink(path_.c_str());  // before the lock goes
  ::close(std::exchange(fd_, -1));
  path_.clear();
}

}  // namespace sluice::app

// A file descriptor that is closed with its owner. Move-only.
#pragma once
#include <string_view>
#include <utility>

namespace sluice {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_{fd} {}
  Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  static Fd event();  // an eventfd, non-blocking; invalid when there are no descriptors left
  static bool pair(Fd* ours, Fd* theirs);  // connected stream sockets. False: errno says why
  Fd copy() const;  // close-on-exec; invalid when there are no descriptors left

 private:
  int fd_ = -1;
};

// Waits so long until `fd` takes something. False: it took nothing all the time.
bool takes_bytes(int fd, int ms);
// A line for people, at most PIPE_BUF bytes of it, where whoever reads may have stopped. False: it was not taken. [any]
bool write_if_taken(int fd, std::string_view text, int ms);

}  // namespace sluice

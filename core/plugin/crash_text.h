// Text for signal handlers: a fixed buffer that is written to up to two files. Whatever does not fit is written out first.
#pragma once
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::plugin::crash {

class Text {
 public:
  Text(int first, int second) : files_{first, second} {}  // -1: none
  ~Text() { flush(); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  // Control characters become '?': names come from configurations and file systems.
  Text& operator<<(std::string_view s) {
    for (char c : s) put(static_cast<unsigned char>(c) < ' ' && c != '\n' ? '?' : c);
    return *this;
  }
  Text& decimal(uint64_t n) {
    char digits[20];
    size_t i = sizeof digits;
    do digits[--i] = static_cast<char>('0' + n % 10);
    while (n /= 10);
    return *this << std::string_view{digits + i, sizeof digits - i};
  }
  Text& hex(uint64_t n) {
    char digits[16];
    size_t i = sizeof digits;
    do digits[--i] = "0123456789abcdef"[n & 15];
    while (n >>= 4);
    return *this << "0x" << std::string_view{digits + i, sizeof digits - i};
  }
  void flush() {
    for (int fd : files_)
      for (size_t done = 0; fd >= 0 && done < size_;) {
        ssize_t n = ::write(fd, buffer_ + done, size_ - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += static_cast<size_t>(n);
      }
    size_ = 0;
  }

 private:
  void put(char c) {
    if (size_ == sizeof buffer_) flush();
    buffer_[size_++] = c;
  }
  int files_[2];
  size_t size_ = 0;
  char buffer_[1024];
};

}  // namespace sluice::plugin::crash

#include "core/http/input_buffer.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice::http {

void InputBuffer::append(const char* p, size_t n) {
  if (n == 0) return;
  if (capacity_ - end_ < n) {
    if (begin_ > 0) {
      std::memmove(bytes_, bytes_ + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    if (capacity_ - end_ < n) {
      capacity_ = std::max({end_ + n, capacity_ * 2, size_t{1024}});
      bytes_ = static_cast<char*>(std::realloc(bytes_, capacity_));
      if (!bytes_) std::abort();
    }
  }
  std::memcpy(bytes_ + end_, p, n);
  end_ += n;
}

void InputBuffer::drop(size_t n) {
  assert(n <= size());
  begin_ += n;
  if (begin_ == end_) clear();
}

}  // namespace sluice::http

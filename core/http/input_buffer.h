// Bytes that wait for their reader.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace sluice::http {

// Holds no memory when empty.
class InputBuffer {
 public:
  InputBuffer() = default;
  ~InputBuffer() { clear(); }
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;
  const char* data() const { return bytes_ + begin_; }
  size_t size() const { return end_ - begin_; }
  void append(const char* p, size_t n);
  void drop(size_t n);  // from the front
  void swap(InputBuffer& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(begin_, other.begin_), std::swap(end_, other.end_), std::swap(capacity_, other.capacity_);
  }
  void clear() { std::free(std::exchange(bytes_, nullptr)), begin_ = end_ = capacity_ = 0; }

 private:
  char* bytes_ = nullptr;
  size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

}  // namespace sluice::http

// The line that waits between a writing thread and the logging thread: a ring of bytes that forgets its oldest records
// when it is full. Not thread-safe; log.cc guards it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::log {

class Queue {
 public:
  static constexpr size_t kFirstBytes = 16 * 1024;    // a thread that logs little keeps little
  static constexpr size_t kMostBytes = 1024 * 1024;
  static constexpr size_t kMostRecord = 64 * 1024;    // a longer record is refused by push

  explicit Queue(size_t most_lines) : most_lines_{most_lines ? most_lines : 1} {}

  // Appends one record, the concatenation of `parts`. Returns how many old records had to go for it. Allocates only while
  // the ring grows to its final size.
  size_t push(std::initializer_list<std::string_view> parts);
  // The oldest record, into `out` (its former content is lost). False: empty.
  bool pop(std::string& out);
  // Its first bytes without taking it, for ordering. False: empty or shorter.
  bool peek(void* out, size_t n) const;

  bool empty() const { return lines_ == 0; }
  size_t lines() const { return lines_; }
  size_t capacity() const { return bytes_.size(); }

 private:
  void put(const void*, size_t);
  void get(uint64_t at, void*, size_t) const;
  void drop_oldest();
  void grow(size_t need);

  std::vector<char> bytes_;          // size is a power of two, or zero
  uint64_t head_ = 0, tail_ = 0;     // positions since the beginning; modulo the size they are indices
  size_t lines_ = 0, most_lines_;
};

}  // namespace sluice::log

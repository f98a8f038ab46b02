// A growing array that grows in place while nothing else is allocated and gives its unused tail back to the arena, so that
// the many small objects of a lazily expanded document do not each keep room for members they never get.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/base/arena.h"

namespace sluice::document {

template <class T>
class TailVector {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit TailVector(Arena& arena) : arena_{&arena} {}
  void reserve(uint32_t n) {
    if (n > capacity_) grow(n);
  }
  T& push(const T& v) {
    if (size_ == capacity_) grow(capacity_ ? capacity_ * 2 : 4);
    return *new (data_ + size_++) T(v);
  }
  // One more element, not initialised.
  T& push_raw() {
    if (size_ == capacity_) grow(capacity_ ? capacity_ * 2 : 4);
    return data_[size_++];
  }
  T* data() { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  T& operator[](uint32_t i) { return data_[i]; }
  uint32_t size() const { return size_; }
  // The finished array; the vector must not be used afterwards.
  T* finish() {
    // Only when nothing was allocated since: the arena's next byte is then the one behind our capacity.
    if (capacity_ != size_ && is_last()) arena_->trim(data_ + size_);
    return data_;
  }

 private:
  bool is_last() { return capacity_ && arena_->alloc(0, 1) == static_cast<void*>(data_ + capacity_); }
  void grow(uint32_t n) {
    if (is_last()) {  // in place, if the block has the room
      void* more = arena_->alloc((n - capacity_) * sizeof(T), 1);
      if (more == static_cast<void*>(data_ + capacity_)) {
        capacity_ = n;
        return;
      }
      arena_->trim(more);
    }
    T* bigger = arena_->array<T>(n);
    if (size_) std::memcpy(static_cast<void*>(bigger), data_, size_ * sizeof(T));
    data_ = bigger, capacity_ = n;
  }
  Arena* arena_;
  T* data_ = nullptr;
  uint32_t size_ = 0, capacity_ = 0;
};

}  // namespace sluice::document

// Bump allocation per exchange, freed at once. One thread. Blocks come from a per-worker pool, so a warmed-up request
// calls no malloc (a test counts).
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sluice {

// Keeps freed blocks for reuse, up to a bound: memory that goes back to the system comes again as page faults, which cost a
// request with a big body more than everything else. One per worker; not thread-safe. Outlives its arenas.
class BlockPool {
 public:
  static constexpr size_t kSmall = 8 * 1024;    // first block of every exchange
  static constexpr size_t kLarge = 64 * 1024;   // overflow block
  static constexpr size_t kKeepSmall = 4096;    // 32 MiB at most
  static constexpr size_t kKeepLarge = 256;     // 16 MiB at most
  static constexpr size_t kHuge = 4 << 20;      // above kLarge up to here: classes of their own, four per doubling
  static constexpr size_t kKeepHuge = 16 << 20;  // bytes of them, at most
  struct Block {
    Block* next;
    size_t size;  // whole block, this header included
    char* data() { return reinterpret_cast<char*>(this + 1); }
    size_t room() const { return size - sizeof(Block); }
  };
  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  // A block with room for at least `room` bytes. Dies on out-of-memory.
  Block* get(size_t room);
  void put(Block*);

  size_t kept() const { return small_count_ * kSmall + large_count_ * kLarge + huge_bytes_; }  // bytes waiting for reuse

 private:
  static constexpr size_t kClasses = 24;
  // Class of blocks of `size` bytes, kLarge < size <= kHuge; *size becomes the class's.
  static size_t huge_class(size_t* size);
  Block* small_ = nullptr;
  Block* large_ = nullptr;
  Block* huge_[kClasses]{};
  size_t small_count_ = 0, large_count_ = 0, huge_bytes_ = 0;
};

class Arena {
 public:
  explicit Arena(BlockPool& pool) : pool_{&pool} {}
  ~Arena() { release(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Never null; aligned to `align` (a power of two up to 64). Lives until reset() or destruction.
  void* alloc(size_t size, size_t align = alignof(std::max_align_t)) {
    uintptr_t at = (reinterpret_cast<uintptr_t>(next_) + align - 1) & ~(uintptr_t{align} - 1);
    if (next_ && at + size <= reinterpret_cast<uintptr_t>(end_)) [[likely]] {
      next_ = reinterpret_cast<char*>(at + size);
      return reinterpret_cast<void*>(at);
    }
    return slow(size, align);
  }
  // Gives the tail of the latest allocation back: `end` is where the used part stops.
  void trim(void* end) {
    char* e = static_cast<char*>(end);
    if (head_ && e >= head_->data() && e <= next_) next_ = e;
  }
  // Only for types without a destructor that matters: nobody runs it.
  template <class T, class... A>
  T* make(A&&... a) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (alloc(sizeof(T), alignof(T))) T{std::forward<A>(a)...};
  }
  template <class T>
  T* array(size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(alloc(sizeof(T) * n, alignof(T)));
  }
  std::string_view copy(std::string_view s) {
    if (s.empty()) return {"", 0};
    char* p = static_cast<char*>(alloc(s.size(), 1));
    std::memcpy(p, s.data(), s.size());
    return {p, s.size()};
  }
  template <class... S>
  std::string_view concat(const S&... parts) {
    std::string_view views[] = {std::string_view{parts}...};
    size_t n = 0;
    for (auto v : views) n += v.size();
    char *p = static_cast<char*>(alloc(n ? n : 1, 1)), *at = p;
    for (auto v : views) {
      if (!v.empty()) std::memcpy(at, v.data(), v.size());
      at += v.size();
    }
    return {p, n};
  }
  // Keeps one small block, gives the others back to the pool. All pointers into the arena die.
  void reset();
  // Gives everything back.
  void release();
  size_t allocated() const { return total_; }  // bytes of blocks held
  // Bytes handed out since the last reset, ends of blocks that were too short included: its growth is what somebody took.
  size_t used() const { return total_ - static_cast<size_t>(end_ - next_); }

 private:
  void* slow(size_t size, size_t align);
  BlockPool* pool_;
  BlockPool::Block* head_ = nullptr;
  char *next_ = nullptr, *end_ = nullptr;
  size_t total_ = 0;
};

// A growable array in an arena: never frees, elements trivially destructible and copyable.
template <class T>
class ArenaVector {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  ArenaVector() = default;
  explicit ArenaVector(Arena& arena) : arena_{&arena} {}
  void bind(Arena& arena) { arena_ = &arena, data_ = nullptr, size_ = capacity_ = 0; }
  T& push(const T& v) {
    if (size_ == capacity_) grow(capacity_ ? capacity_ * 2 : 8);
    return *new (data_ + size_++) T(v);
  }
  void reserve(uint32_t n) {
    if (n > capacity_) grow(n);
  }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void resize_down(uint32_t n) { size_ = n < size_ ? n : size_; }
  void erase_at(uint32_t i) {
    std::memmove(static_cast<void*>(data_ + i), data_ + i + 1, (size_ - i - 1) * sizeof(T));
    --size_;
  }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }

 private:
  [[gnu::noinline]] void grow(uint32_t n) {  // seldom: push() alone is worth being inlined
    T* bigger = arena_->array<T>(n);
    if (size_) std::memcpy(static_cast<void*>(bigger), data_, size_ * sizeof(T));
    data_ = bigger, capacity_ = n;
  }
  Arena* arena_ = nullptr;
  T* data_ = nullptr;
  uint32_t size_ = 0, capacity_ = 0;
};

}  // namespace sluice

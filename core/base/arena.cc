#include "core/base/arena.h"

#include <bit>
#include <cstdlib>

namespace sluice {

BlockPool::~BlockPool() {
  auto end = [](Block* list) {
    while (list) std::free(std::exchange(list, list->next));
  };
  end(small_), end(large_);
  for (Block* list : huge_) end(list);
}

size_t BlockPool::huge_class(size_t* size) {
  // 2^n < size <= 2^(n+1) in quarters: 80, 96, 112, 128 KiB, 160 KiB, …
  size_t n = std::bit_width(*size - 1) - 1, quarter = size_t{1} << (n - 2);
  size_t steps = (*size - (size_t{1} << n) + quarter - 1) / quarter;
  *size = (size_t{1} << n) + steps * quarter;
  return (n - std::bit_width(kLarge) + 1) * 4 + steps - 1;
}

BlockPool::Block* BlockPool::get(size_t room) {
  size_t want = room + sizeof(Block);
  size_t size = want <= kSmall ? kSmall : want <= kLarge ? kLarge : want;
  if (size == kSmall && small_) {
    --small_count_;
    return std::exchange(small_, small_->next);
  }
  if (size == kLarge && large_) {
    --large_count_;
    return std::exchange(large_, large_->next);
  }
  if (size > kLarge && size <= kHuge)
    if (Block*& list = huge_[huge_class(&size)]) {
      huge_bytes_ -= size;
      return std::exchange(list, list->next);
    }
  auto* b = static_cast<Block*>(std::malloc(size));
  if (!b) std::abort();
  b->size = size;
  return b;
}

void BlockPool::put(Block* b) {
  if (b->size == kSmall && small_count_ < kKeepSmall) {
    b->next = small_, small_ = b, ++small_count_;
  } else if (b->size == kLarge && large_count_ < kKeepLarge) {
    b->next = large_, large_ = b, ++large_count_;
  } else if (b->size > kLarge && b->size <= kHuge && huge_bytes_ + b->size <= kKeepHuge) {
    size_t size = b->size;
    Block*& list = huge_[huge_class(&size)];
    b->next = list, list = b, huge_bytes_ += size;
  } else {
    std::free(b);
  }
}

void* Arena::slow(size_t size, size_t align) {
  // A second block means that the exchange is no small one: go to the large class at once.
  size_t room = size + align;
  if (head_ && room < BlockPool::kLarge - sizeof(BlockPool::Block)) room = BlockPool::kLarge - sizeof(BlockPool::Block);
  BlockPool::Block* b = pool_->get(room);
  total_ += b->size;
  if (head_ && size > BlockPool::kLarge / 2) {
    // A big one gets its own block behind the current one, whose room stays in use.
    b->next = head_->next;
    head_->next = b;
    uintptr_t at = (reinterpret_cast<uintptr_t>(b->data()) + align - 1) & ~(uintptr_t{align} - 1);
    return reinterpret_cast<void*>(at);
  }
  b->next = head_;
  head_ = b;
  next_ = b->data();
  end_ = b->data() + b->room();
  return alloc(size, align);
}

void Arena::reset() {
  BlockPool::Block* keep = nullptr;
  while (head_) {
    BlockPool::Block* b = std::exchange(head_, head_->next);
    if (!keep && b->size == BlockPool::kSmall)
      keep = b;
    else
      pool_->put(b);
  }
  head_ = keep;
  total_ = keep ? keep->size : 0;
  if (keep) keep->next = nullptr;
  next_ = keep ? keep->data() : nullptr;
  end_ = keep ? keep->data() + keep->room() : nullptr;
}

void Arena::release() {
  while (head_) pool_->put(std::exchange(head_, head_->next));
  next_ = end_ = nullptr;
  total_ = 0;
}

}  // namespace sluice

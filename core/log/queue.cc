#include "core/log/queue.h"

#include <algorithm>
#include <cstring>

namespace sluice::log {
namespace {
using Length = uint32_t;  // stands before each record
}

void Queue::put(const void* from, size_t n) {
  if (n == 0) return;
  size_t at = tail_ & (bytes_.size() - 1), first = std::min(n, bytes_.size() - at);
  std::memcpy(bytes_.data() + at, from, first);
  if (n > first) std::memcpy(bytes_.data(), static_cast<const char*>(from) + first, n - first);
  tail_ += n;
}

void Queue::get(uint64_t position, void* to, size_t n) const {
  if (n == 0) return;
  size_t at = position & (bytes_.size() - 1), first = std::min(n, bytes_.size() - at);
  std::memcpy(to, bytes_.data() + at, first);
  if (n > first) std::memcpy(static_cast<char*>(to) + first, bytes_.data(), n - first);
}

void Queue::drop_oldest() {
  Length length;
  get(head_, &length, sizeof length);
  head_ += sizeof length + length;
  --lines_;
}

void Queue::grow(size_t need) {
  size_t size = std::max(bytes_.size(), kFirstBytes), used = tail_ - head_;
  while (size < kMostBytes && size - used < need) size *= 2;
  if (size == bytes_.size()) return;
  std::vector<char> bigger(size);
  if (used) get(head_, bigger.data(), used);
  bytes_ = std::move(bigger);
  head_ = 0, tail_ = used;
}

size_t Queue::push(std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (auto p : parts) size += p.size();
  if (size > kMostRecord) return 1;
  Length length = static_cast<Length>(size);
  size_t need = sizeof length + size, dropped = 0;
  if (bytes_.size() - (tail_ - head_) < need) grow(need);
  while (lines_ == most_lines_ || bytes_.size() - (tail_ - head_) < need) drop_oldest(), ++dropped;
  put(&length, sizeof length);
  for (auto p : parts) put(p.data(), p.size());
  ++lines_;
  return dropped;
}

bool Queue::pop(std::string& out) {
  if (lines_ == 0) return false;
  Length length;
  get(head_, &length, sizeof length);
  out.resize(length);
  get(head_ + sizeof length, out.data(), length);
  drop_oldest();
  return true;
}

bool Queue::peek(void* out, size_t n) const {
  Length length;
  if (lines_ == 0) return false;
  get(head_, &length, sizeof length);
  if (length < n) return false;
  get(head_ + sizeof length, out, n);
  return true;
}

}  // namespace sluice::log

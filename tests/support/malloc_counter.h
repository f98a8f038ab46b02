// The page that the preloaded allocation counter shares with the test: a file named by $SLC_MALLOC_PAGE, mapped by both.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice::test {

struct MallocPage {
  static constexpr size_t kTraces = 8, kFrames = 24;
  std::atomic<uint64_t> allocations;  // malloc, calloc, realloc, aligned_alloc… of all threads
  std::atomic<uint64_t> frees;
  std::atomic<uint32_t> armed;        // set by the test: the next kTraces allocations leave their call stacks
  std::atomic<uint32_t> traced;
  uintptr_t frames[kTraces][kFrames];
};

}  // namespace sluice::test

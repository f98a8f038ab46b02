// LD_PRELOAD library: counts the allocations of a process in a page shared with the test, and leaves the call stacks of the first
// ones after the test has armed it. Built on glibc's __libc_* names, so nothing has to be looked up (and allocated) at run time.
#include "tests/support/malloc_counter.h"

#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {

using sluice::test::MallocPage;

MallocPage own_page;  // until the shared one is mapped, and if there is none
std::atomic<MallocPage*> page{&own_page};
thread_local bool tracing = false;

__attribute__((constructor)) void map_page() {
  const char* path = std::getenv("SLC_MALLOC_PAGE");
  if (path == nullptr) return;
  int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* at = ::mmap(nullptr, sizeof(MallocPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (at == MAP_FAILED) return;
  void* warm[2];
  ::backtrace(warm, 2);  // the first call loads libgcc and allocates
  page.store(static_cast<MallocPage*>(at));
}

void count() {
  MallocPage* p = page.load(std::memory_order_relaxed);
  p->allocations.fetch_add(1, std::memory_order_relaxed);
  if (p->armed.load(std::memory_order_relaxed) == 0 || tracing) return;
  uint32_t slot = p->traced.fetch_add(1, std::memory_order_relaxed);
  if (slot >= MallocPage::kTraces) return;
  tracing = true;
  void* frames[MallocPage::kFrames];
  int n = ::backtrace(frames, MallocPage::kFrames);
  for (int i = 0; i < n; ++i) p->frames[slot][i] = reinterpret_cast<uintptr_t>(frames[i]);
  tracing = false;
}

}  // namespace

extern "C" {

void* malloc(size_t n) {
  count();
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}
void* realloc(void* old, size_t n) {
  count();
  return __libc_realloc(old, n);
}
void* memalign(size_t alignment, size_t n) {
  count();
  return __libc_memalign(alignment, n);
}
void* aligned_alloc(size_t alignment, size_t n) {
  count();
  return __libc_memalign(alignment, n);
}
int posix_memalign(void** out, size_t alignment, size_t n) {
  count();
  *out = __libc_memalign(alignment, n);
  return *out == nullptr ? ENOMEM : 0;
}
void free(void* p) {
  if (p != nullptr) page.load(std::memory_order_relaxed)->frees.fetch_add(1, std::memory_order_relaxed);
  __libc_free(p);
}
}

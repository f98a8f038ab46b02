#include "core/base/clock.h"

#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sluice::clock {
namespace {

struct Anchor {
  uint64_t ticks, ns;
};

// Both clocks at one moment: of a few attempts the one that was disturbed least.
Anchor take() {
  Anchor best{0, 0};
  uint64_t narrowest = UINT64_MAX;
  for (int i = 0; i < 5; ++i) {
    uint64_t before = ticks(), ns = monotonic_ns(), after = ticks();
    if (after - before >= narrowest) continue;
    narrowest = after - before;
    best = {before + narrowest / 2, ns};
  }
  return best;
}

#if defined(__x86_64__)
bool has_even_counter() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007u, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}
#endif

}  // namespace

uint64_t monotonic_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

#if defined(__x86_64__)
const bool kEvenCounter = has_even_counter();
#endif
static const Anchor kStart = take();  // after kEvenCounter: same file, in order

double ns_per_tick() {
  constexpr uint64_t kEnough = 1'000'000;
  while (monotonic_ns() - kStart.ns < kEnough) {
  }
  Anchor now = take();
  return now.ticks <= kStart.ticks ? 1.0 : static_cast<double>(now.ns - kStart.ns) / static_cast<double>(now.ticks - kStart.ticks);
}

}  // namespace sluice::clock

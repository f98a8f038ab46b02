// A clock for measuring what is shorter than a microsecond: the processor's own counter where it runs evenly, else the
// system's monotonic clock. [any]
#pragma once
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace sluice::clock {

uint64_t monotonic_ns();

#if defined(__x86_64__)
// The counter has one rate for ever, in every power state (CPUID 80000007h, "invariant TSC").
extern const bool kEvenCounter;
#endif

// Differences of two readings on one thread count; their unit is what ns_per_tick() knows. About 7 ns on a virtual machine, half
// of what the system's clock costs.
inline uint64_t ticks() {
#if defined(__x86_64__)
  if (kEvenCounter) [[likely]]
    return __rdtsc();
#elif defined(__aarch64__)
  uint64_t value;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#endif
  return monotonic_ns();
}

// Calibrated against the system's clock from the start of the process to now, so it needs no waiting at start; within the
// first millisecond it spins until that has passed. Some 300 ns: not for the hot path.
double ns_per_tick();
inline uint64_t to_ns(uint64_t ticks) { return static_cast<uint64_t>(static_cast<double>(ticks) * ns_per_tick()); }

}  // namespace sluice::clock

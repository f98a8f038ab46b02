// What plugins share among workers and across reloads: blocks of bytes and limiters, by plugin id and key. Whatever is asked
// for while a generation is built belongs to that generation's Holder; a reload's generation asks for the same keys before the
// old one lets go of them, so counters go on. What nobody asked for again goes with the last generation that had it. [any]
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sluice/plugin.h"

namespace sluice::plugin::shared {

constexpr size_t kMaxBlock = size_t{64} << 20, kMaxBlocksTotal = size_t{512} << 20, kMaxEntries = 65536;

// Keeps blocks and limiters alive. Destroyed after every object that may use them.
class Holder {
 public:
  Holder();
  ~Holder();
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// While it lives, what this thread asks for belongs to `holder`. Without one it belongs to the process.
class Holding {
 public:
  explicit Holding(Holder& holder);
  ~Holding();
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

 private:
  Holder* before_;
};

// Zeroed when new, aligned to 64. nullptr: this holder has another size under this key, or over a limit. (Another generation
// may have another size: a new build of a plugin begins anew while the old one's requests end on the old block.)
void* block(std::string_view plugin, std::string_view key, size_t size);
// nullptr: a rate or capacity that is none, or too many. Other numbers under the same key: another limiter.
slc_limiter* limiter(std::string_view plugin, std::string_view key, double per_second, double capacity, uint64_t idle_ms);
// Monotonic, from the start of the process.
uint64_t now_ns();

// Blocks and limiters there are, for tests and status.
size_t entries();

}  // namespace sluice::plugin::shared

// What plugins share among workers and across reloads: blocks of bytes and limiters, by plugin id and key. They live as long
// as the process. [any]
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/plugin.h"

namespace sluice::plugin::shared {

constexpr size_t kMaxBlock = size_t{64} << 20, kMaxBlocksTotal = size_t{512} << 20, kMaxEntries = 65536;

// Zeroed when new, aligned to 64. nullptr: another size under this key, or over a limit.
void* block(std::string_view plugin, std::string_view key, size_t size);
// nullptr: a rate or capacity that is none, or too many. Other numbers under the same key: another limiter.
slc_limiter* limiter(std::string_view plugin, std::string_view key, double per_second, double capacity, uint64_t idle_ms);
// Monotonic, from the start of the process.
uint64_t now_ns();

}  // namespace sluice::plugin::shared

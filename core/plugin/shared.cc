#include "core/plugin/shared.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "core/plugin/limiter.h"

namespace sluice::plugin::shared {
namespace {

struct Block {
  void* bytes;
  size_t size;
};

struct Store {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, Block> blocks;
  std::map<std::tuple<std::string, std::string, double, double, uint64_t>, std::unique_ptr<slc_limiter>> limiters;
  size_t bytes = 0;
};
Store& store() {
  static auto* s = new Store;  // threads of plugins may outlive static destruction
  return *s;
}

uint64_t clock_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}
// One second back, so that no reading is 0: plugins use 0 for "never".
const uint64_t kStart = clock_ns() - 1'000'000'000;

}  // namespace

void* block(std::string_view plugin, std::string_view key, size_t size) {
  if (size == 0 || size > kMaxBlock) return nullptr;
  Store& s = store();
  std::lock_guard lock{s.mutex};
  auto [it, is_new] = s.blocks.try_emplace({std::string{plugin}, std::string{key}}, Block{nullptr, size});
  if (!is_new) return it->second.size == size ? it->second.bytes : nullptr;
  size_t rounded = (size + 63) & ~size_t{63};
  void* bytes = s.blocks.size() <= kMaxEntries && s.bytes + rounded <= kMaxBlocksTotal ? std::aligned_alloc(64, rounded) : nullptr;
  if (!bytes) {
    s.blocks.erase(it);
    return nullptr;
  }
  s.bytes += rounded;
  return it->second.bytes = std::memset(bytes, 0, rounded);
}

slc_limiter* limiter(std::string_view plugin, std::string_view key, double per_second, double capacity, uint64_t idle_ms) {
  if (!std::isfinite(per_second) || !std::isfinite(capacity) || per_second <= 0 || capacity < 1) return nullptr;
  Store& s = store();
  std::lock_guard lock{s.mutex};
  if (s.limiters.size() >= kMaxEntries) return nullptr;
  auto& slot = s.limiters[{std::string{plugin}, std::string{key}, per_second, capacity, idle_ms}];
  if (!slot) slot = std::make_unique<slc_limiter>(per_second, capacity, idle_ms);
  return slot.get();
}

uint64_t now_ns() { return clock_ns() - kStart; }

}  // namespace sluice::plugin::shared

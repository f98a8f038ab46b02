#include "core/plugin/shared.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/base/clock.h"
#include "core/plugin/limiter.h"

namespace sluice::plugin::shared {
namespace {

using BlockKey = std::tuple<std::string, std::string, size_t>;
using LimiterKey = std::tuple<std::string, std::string, double, double, uint64_t>;

struct Block {
  void* bytes = nullptr;
  uint32_t holders = 0;
};
struct Limit {
  std::unique_ptr<slc_limiter> limiter;
  uint32_t holders = 0;
};

struct Store {
  std::mutex mutex;
  std::map<BlockKey, Block> blocks;
  std::map<LimiterKey, Limit> limiters;
  size_t bytes = 0;
};
Store& store() {
  static auto* s = new Store;  // threads of plugins may outlive static destruction
  return *s;
}

size_t rounded(size_t size) { return (size + 63) & ~size_t{63}; }

// One second back, so that no reading is 0: plugins use 0 for "never".
const uint64_t kStart = clock::monotonic_ns() - 1'000'000'000;

thread_local Holder* holder_here = nullptr;

}  // namespace

struct Holder::Impl {
  std::map<std::pair<std::string, std::string>, size_t> sizes;  // of the blocks held
  std::set<LimiterKey> limiters;
};

namespace {

Holder& process_holder() {
  static auto* h = new Holder;
  return *h;
}
Holder::Impl& here() { return (holder_here ? *holder_here : process_holder()).impl(); }

}  // namespace

Holder::Holder() : impl_{std::make_unique<Impl>()} {}

Holder::~Holder() {
  Store& s = store();
  std::lock_guard lock{s.mutex};
  for (const auto& [key, size] : impl_->sizes) {
    auto it = s.blocks.find({key.first, key.second, size});
    if (it == s.blocks.end() || --it->second.holders) continue;
    std::free(it->second.bytes);
    s.bytes -= rounded(size);
    s.blocks.erase(it);
  }
  for (const LimiterKey& key : impl_->limiters) {
    auto it = s.limiters.find(key);
    if (it != s.limiters.end() && --it->second.holders == 0) s.limiters.erase(it);
  }
}

Holding::Holding(Holder& holder) : before_{std::exchange(holder_here, &holder)} {}
Holding::~Holding() { holder_here = before_; }

void* block(std::string_view plugin, std::string_view key, size_t size) {
  if (size == 0 || size > kMaxBlock) return nullptr;
  Store& s = store();
  std::lock_guard lock{s.mutex};
  auto [own, is_new] = here().sizes.try_emplace({std::string{plugin}, std::string{key}}, size);
  if (!is_new) return own->second == size ? s.blocks[{std::string{plugin}, std::string{key}, size}].bytes : nullptr;
  auto [it, made] = s.blocks.try_emplace({std::string{plugin}, std::string{key}, size});
  if (made) {
    bool room = s.blocks.size() <= kMaxEntries && s.bytes + rounded(size) <= kMaxBlocksTotal;
    it->second.bytes = room ? std::aligned_alloc(64, rounded(size)) : nullptr;
    if (!it->second.bytes) {
      s.blocks.erase(it);
      here().sizes.erase(own);
      return nullptr;
    }
    std::memset(it->second.bytes, 0, rounded(size));
    s.bytes += rounded(size);
  }
  ++it->second.holders;
  return it->second.bytes;
}

slc_limiter* limiter(std::string_view plugin, std::string_view key, double per_second, double capacity, uint64_t idle_ms) {
  if (!std::isfinite(per_second) || !std::isfinite(capacity) || per_second <= 0 || capacity < 1) return nullptr;
  Store& s = store();
  std::lock_guard lock{s.mutex};
  LimiterKey full{std::string{plugin}, std::string{key}, per_second, capacity, idle_ms};
  auto it = s.limiters.find(full);
  if (it == s.limiters.end()) {
    if (s.limiters.size() >= kMaxEntries) return nullptr;
    it = s.limiters.try_emplace(full).first;
    it->second.limiter = std::make_unique<slc_limiter>(per_second, capacity, idle_ms);
  }
  if (here().limiters.insert(std::move(full)).second) ++it->second.holders;
  return it->second.limiter.get();
}

uint64_t now_ns() { return clock::monotonic_ns() - kStart; }

size_t entries() {
  Store& s = store();
  std::lock_guard lock{s.mutex};
  return s.blocks.size() + s.limiters.size();
}

}  // namespace sluice::plugin::shared

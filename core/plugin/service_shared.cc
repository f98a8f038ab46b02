// sluice.shared/1.
#include "core/plugin/limiter.h"
#include "core/plugin/services.h"
#include "core/plugin/shared.h"

namespace sluice::plugin {
namespace {

constexpr size_t kLongestKey = 4096;

void* block(const slc_host* host, slc_str key, size_t size) noexcept {
  return sane(key) && key.len <= kLongestKey ? shared::block(plugin_of(host), view(key), size) : nullptr;
}
slc_limiter* limiter(const slc_host* host, slc_str key, double per_second, double capacity, uint64_t idle_ms) noexcept {
  if (!sane(key) || key.len > kLongestKey) return nullptr;
  return shared::limiter(plugin_of(host), view(key), per_second, capacity, idle_ms);
}
int32_t take(slc_limiter* l, slc_str client) noexcept { return sane(client) && l->limiter.take(view(client), shared::now_ns()); }
uint64_t now_ns() noexcept { return shared::now_ns(); }

}  // namespace

const slc_shared_api kSharedService = {sizeof(slc_shared_api), block, limiter, take, now_ns};

}  // namespace sluice::plugin

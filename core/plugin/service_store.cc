// sluice.store/1. [any] except where plugin.h says otherwise.
#include <cstring>

#include "core/plugin/services.h"
#include "core/plugin/shared.h"
#include "core/plugin/store.h"

namespace sluice::plugin {
namespace {

// Each handle asks once for its plugin's store.
Store& store_of(const slc_host* h) {
  const Host& host = *static_cast<const Host*>(h);
  Store* s = host.store.load(std::memory_order_acquire);
  if (!s) host.store.store(s = &Store::of(host.plugin), std::memory_order_release);
  return *s;
}

slc_status get(const slc_host* h, slc_str key, void* to, size_t cap, size_t* length) noexcept {
  if (!h || !sane(key) || !length || (!to && cap)) return SLC_EINVAL;
  slc_status status = SLC_ENOTFOUND;
  store_of(h).get(view(key), shared::now_ns(), [&](std::string_view value) {
    *length = value.size();
    status = value.size() > cap ? SLC_ELIMIT : SLC_OK;
    if (status == SLC_OK && !value.empty()) std::memcpy(to, value.data(), value.size());
  });
  return status;
}

slc_status read(const slc_host* h, slc_exchange* x, slc_str key, slc_str* value) noexcept {
  if (!h || !x || !sane(key) || !value) return SLC_EINVAL;
  *value = kAbsent;
  if (!SLC_CHECK_THREAD_OF(*x->worker, "read (sluice.store/1)")) return SLC_ETHREAD;
  store_of(h).get(view(key), shared::now_ns(), [&](std::string_view found) { *value = str(x->arena().copy(found)); });
  return value->ptr ? SLC_OK : SLC_ENOTFOUND;
}

slc_status put(const slc_host* h, slc_str key, slc_str value, uint64_t ttl_ms, bool only_if_absent) {
  if (!h || !sane(key) || !sane(value)) return SLC_EINVAL;
  return store_of(h).set(view(key), view(value), ttl_ms, shared::now_ns(), only_if_absent);
}
slc_status set(const slc_host* h, slc_str key, slc_str value, uint64_t ttl_ms) noexcept { return put(h, key, value, ttl_ms, false); }
slc_status add(const slc_host* h, slc_str key, slc_str value, uint64_t ttl_ms) noexcept { return put(h, key, value, ttl_ms, true); }

slc_status increment(const slc_host* h, slc_str key, int64_t by, uint64_t ttl_ms, int64_t* value) noexcept {
  if (!h || !sane(key)) return SLC_EINVAL;
  return store_of(h).increment(view(key), by, ttl_ms, shared::now_ns(), value);
}

slc_status erase(const slc_host* h, slc_str key) noexcept {
  return h && sane(key) ? store_of(h).erase(view(key), shared::now_ns()) : static_cast<slc_status>(SLC_EINVAL);
}

slc_status limit(const slc_host* h, uint64_t bytes) noexcept {
  if (!h) return SLC_EINVAL;
  store_of(h).limit(bytes);
  return SLC_OK;
}

}  // namespace

const slc_store_api kStoreService = {sizeof(slc_store_api), get, read, set, add, increment, erase, limit};

}  // namespace sluice::plugin

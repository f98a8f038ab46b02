#include "core/plugin/store.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

namespace sluice::plugin {
namespace {

uint64_t expiry(uint64_t ttl_ms, uint64_t now_ns) {
  if (ttl_ms == 0) return 0;
  return ttl_ms > (UINT64_MAX - now_ns) / 1'000'000 ? UINT64_MAX : now_ns + ttl_ms * 1'000'000;
}

}  // namespace

Store& Store::of(const std::string& plugin) {
  struct All {
    std::mutex mutex;
    std::map<std::string, std::unique_ptr<Store>> by_plugin;
  };
  static auto* all = new All;  // threads of plugins may outlive static destruction
  std::lock_guard lock{all->mutex};
  auto& store = all->by_plugin[plugin];
  if (!store) store = std::make_unique<Store>();
  return *store;
}

Store::Entry* Store::Shard::find(std::string_view key, uint64_t now_ns) {
  auto it = by_key.find(key);
  if (it == by_key.end()) return nullptr;
  if (it->second->expires_ns && it->second->expires_ns <= now_ns) {
    drop(it->second);
    return nullptr;
  }
  entries.splice(entries.end(), entries, it->second);
  return &*it->second;
}

void Store::Shard::drop(std::list<Entry>::iterator e) {
  bytes -= e->cost();
  by_key.erase(e->key);
  entries.erase(e);
}

void Store::Shard::make_room(size_t wanted, uint64_t now_ns) {
  // Two of the oldest per newcomer, so that expired ones go faster than new ones come and nobody waits for a sweep.
  for (int i = 0; i < 2 && !entries.empty(); ++i) {
    const Entry& oldest = entries.front();
    if (!oldest.expires_ns || oldest.expires_ns > now_ns) break;
    drop(entries.begin());
  }
  while (bytes + wanted > most && !entries.empty()) drop(entries.begin());
}

Store::Entry& Store::Shard::insert(std::string_view key, std::string_view value, uint64_t expires_ns) {
  entries.push_back(Entry{std::string{key}, std::string{value}, expires_ns});
  auto e = std::prev(entries.end());
  by_key.emplace(e->key, e);
  bytes += e->cost();
  return *e;
}

slc_status Store::set(std::string_view key, std::string_view value, uint64_t ttl_ms, uint64_t now_ns, bool only_if_absent) {
  Shard& s = shard(key);
  std::lock_guard lock{s.mutex};
  if (!fits(s, key, value.size())) return SLC_ELIMIT;
  if (s.find(key, now_ns)) {
    if (only_if_absent) return SLC_EEXIST;
    s.drop(std::prev(s.entries.end()));  // find() has moved it there
  }
  s.make_room(key.size() + value.size() + kOverhead, now_ns);
  s.insert(key, value, expiry(ttl_ms, now_ns));
  return SLC_OK;
}

slc_status Store::increment(std::string_view key, int64_t by, uint64_t ttl_ms, uint64_t now_ns, int64_t* sum) {
  Shard& s = shard(key);
  std::lock_guard lock{s.mutex};
  if (!fits(s, key, sizeof by)) return SLC_ELIMIT;
  int64_t value = 0;
  Entry* e = s.find(key, now_ns);
  if (e) {
    if (e->value.size() != sizeof value) return SLC_EINVAL;
    std::memcpy(&value, e->value.data(), sizeof value);
  }
  if (__builtin_add_overflow(value, by, &value)) return SLC_ELIMIT;
  std::string_view bytes{reinterpret_cast<const char*>(&value), sizeof value};
  if (e) {
    e->value = bytes;
  } else {
    s.make_room(key.size() + sizeof value + kOverhead, now_ns);
    s.insert(key, bytes, expiry(ttl_ms, now_ns));
  }
  if (sum) *sum = value;
  return SLC_OK;
}

slc_status Store::erase(std::string_view key, uint64_t now_ns) {
  Shard& s = shard(key);
  std::lock_guard lock{s.mutex};
  if (!s.find(key, now_ns)) return SLC_ENOTFOUND;
  s.drop(std::prev(s.entries.end()));
  return SLC_OK;
}

void Store::limit(uint64_t bytes) {
  bytes = std::clamp(bytes, kLeastLimit, kMostLimit);
  for (Shard& s : shards_) {
    std::lock_guard lock{s.mutex};
    s.most = static_cast<size_t>(bytes / kShards);
    s.make_room(0, 0);
  }
}

size_t Store::bytes() const {
  size_t n = 0;
  for (const Shard& s : shards_) {
    std::lock_guard lock{s.mutex};
    n += s.bytes;
  }
  return n;
}

}  // namespace sluice::plugin

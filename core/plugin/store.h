// Bytes under keys with a time to live, for all workers and across reloads (slc_store_api): one Store per plugin id. Bounded
// memory; the least recently used entry goes first. Sharded by key, one lock per shard. [any]
#pragma once
#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sluice/plugin.h"

namespace sluice::plugin {

class Store {
 public:
  static constexpr size_t kShards = 16, kLongestKey = 4096, kLongestValue = 1 << 20, kOverhead = 100;
  static constexpr uint64_t kDefaultLimit = uint64_t{64} << 20, kLeastLimit = 1 << 20, kMostLimit = uint64_t{1} << 30;

  // The store of a plugin id: made when first asked for, kept as long as the process.
  static Store& of(const std::string& plugin);

  // Calls found(value) under the lock. False: there is none.
  template <class F>
  bool get(std::string_view key, uint64_t now_ns, F&& found) {
    Shard& s = shard(key);
    std::lock_guard lock{s.mutex};
    Entry* e = s.find(key, now_ns);
    if (!e) return false;
    found(std::string_view{e->value});
    return true;
  }
  slc_status set(std::string_view key, std::string_view value, uint64_t ttl_ms, uint64_t now_ns, bool only_if_absent);
  slc_status increment(std::string_view key, int64_t by, uint64_t ttl_ms, uint64_t now_ns, int64_t* sum);
  slc_status erase(std::string_view key, uint64_t now_ns);
  // Moved into [kLeastLimit, kMostLimit]. What is too much is evicted at once.
  void limit(uint64_t bytes);
  size_t bytes() const;  // held, book-keeping included

 private:
  struct Entry {
    std::string key, value;
    uint64_t expires_ns = 0;  // 0: never
    size_t cost() const { return key.size() + value.size() + kOverhead; }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // least recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;
    size_t bytes = 0, most = kDefaultLimit / kShards;

    Entry* find(std::string_view key, uint64_t now_ns);  // marks it as used; an expired one is dropped
    void drop(std::list<Entry>::iterator);
    void make_room(size_t bytes, uint64_t now_ns);
    Entry& insert(std::string_view key, std::string_view value, uint64_t expires_ns);
  };
  Shard& shard(std::string_view key) { return shards_[(std::hash<std::string_view>{}(key) >> 9) % kShards]; }
  static bool fits(const Shard& s, std::string_view key, size_t value) {
    return key.size() <= kLongestKey && value <= kLongestValue && value <= s.most / 4;
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace sluice::plugin

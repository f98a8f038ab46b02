// Stored answers of one cache, for all workers. [any] Sharded by key: a lock is held for a look into a table, never for a copy of a
// body, and workers that want different keys seldom meet. Bounded in entries and bytes; the least recently used entry goes first,
// over all shards.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sluice/plugin.hpp>

#include "control.h"

namespace http_cache {

struct HeaderLine {
  std::string name, value;
  sluice::Header id = 0;
};
// An answer as it is stored. Immutable.
struct Entry {
  int status = 0;
  std::vector<HeaderLine> headers;
  std::string body;
  // What was in the request that fetched it, for each header that the answer's Vary names: the name, and its values in one.
  std::vector<std::pair<std::string, std::string>> vary;
  // Read from the headers.
  Control control;
  std::optional<int64_t> date;
  int64_t lifetime = 0;
  std::string_view etag, last_modified;  // into headers; empty: none

  uint64_t size() const;  // as a message: status line, headers, body
  // Fills in what is read from the headers; last, when they no longer change.
  void read_headers();
};
using Ref = std::shared_ptr<const Entry>;

// A call that is fetching what others want, too. They wait until it is over, and then look again.
class Flight {
 public:
  bool over() const { return over_.load(std::memory_order_acquire); }

 private:
  friend class Store;
  std::atomic<bool> over_{false};
  std::vector<sluice::Doorbell> bells_;  // one per worker that has somebody waiting; under the shard's lock
};

struct Limits {
  uint64_t items, bytes;
};

class Store {
 public:
  static constexpr size_t kShards = 16, kMostVariants = 64;

  explicit Store(Limits l) { limit(l); }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // What is too much goes with the next put().
  void limit(Limits l) {
    most_items_.store(l.items, std::memory_order_relaxed);
    most_bytes_.store(l.bytes, std::memory_order_relaxed);
  }
  // An entry of this size, or a larger one, is not stored.
  uint64_t too_large() const { return most_bytes_.load(std::memory_order_relaxed); }

  // The latest entry under `key` for which matches(entry); nullptr: none.
  template <class F>
  Ref find(std::string_view key, F&& matches) {
    Shard& s = shard(key);
    const std::lock_guard lock{s.mutex};
    const auto at = s.by_key.find(key);
    if (at == s.by_key.end()) return nullptr;
    for (const Items::iterator item : at->second) {
      if (!matches(*item->entry)) continue;
      item->used = now();
      s.items.splice(s.items.begin(), s.items, item);
      return item->entry;
    }
    return nullptr;
  }

  // Stores an entry in the place of those for which replaced(entry). Answers how many others had to go. Not stored, but
  // the others are replaced, when it is too large. fresh: it is worth waiting for.
  template <class F>
  uint64_t put(std::string_view key, Ref entry, bool fresh, F&& replaced) {
    const uint64_t size = entry->size();
    {
      Shard& s = shard(key);
      const std::lock_guard lock{s.mutex};
      drop(s, key, replaced);
      if (size >= too_large()) return 0;
      if (fresh) s.note_worth(key, true);
      insert(s, key, std::move(entry), size);
    }
    return shrink();
  }

  // Takes out the entries under `key` for which gone(entry).
  template <class F>
  void erase(std::string_view key, F&& gone) {
    Shard& s = shard(key);
    const std::lock_guard lock{s.mutex};
    drop(s, key, gone);
  }

  // ---- one fetches, the others wait ----
  // The flight of `key`. *leads: it is the caller's, who must end it. Otherwise the bell is rung when it is over; there is none
  // (nullptr) for a key whose answers are known not to be worth waiting for.
  std::shared_ptr<Flight> board(std::string_view key, const sluice::Doorbell& bell, bool* leads);
  // in_vain: what came serves nobody else, so that the next ones had better not wait for each other.
  void land(std::string_view key, const std::shared_ptr<Flight>&, bool in_vain);

  uint64_t items() const { return items_.load(std::memory_order_relaxed); }
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Item {
    const std::string* key;  // in by_key
    Ref entry;
    uint64_t size;
    int64_t used;
  };
  using Items = std::list<Item>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  struct Shard {
    std::mutex mutex;
    Items items;  // most recently used first
    std::unordered_map<std::string, std::vector<Items::iterator>, Hash, std::equal_to<>> by_key;  // of one key, latest stored first
    std::unordered_map<std::string, std::shared_ptr<Flight>, Hash, std::equal_to<>> flights;
    std::array<size_t, 64> in_vain{};  // hashes of keys, each in its place
    bool worth(std::string_view key) const { return in_vain[Hash{}(key) % in_vain.size()] != Hash{}(key); }
    void note_worth(std::string_view key, bool worth_it) {
      const size_t hash = Hash{}(key);
      size_t& noted = in_vain[hash % in_vain.size()];
      if (!worth_it) noted = hash;
      else if (noted == hash) noted = 0;
    }
  };

  static int64_t now();
  Shard& shard(std::string_view key) { return shards_[(Hash{}(key) >> 7) % kShards]; }
  // All below: with the shard's lock held.
  template <class F>
  void drop(Shard& s, std::string_view key, F&& gone) {
    const auto at = s.by_key.find(key);
    if (at == s.by_key.end()) return;
    std::vector<Items::iterator>& all = at->second;
    for (size_t i = all.size(); i-- > 0;) {
      if (!gone(*all[i]->entry)) continue;
      forget(s, all[i]);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (all.empty()) s.by_key.erase(at);
  }
  void insert(Shard&, std::string_view key, Ref, uint64_t size);
  void forget(Shard&, Items::iterator);  // the item; its place in by_key is the caller's
  uint64_t shrink();                      // without any lock

  std::array<Shard, kShards> shards_;
  std::mutex shrinking_;
  std::atomic<uint64_t> items_{0}, bytes_{0}, most_items_{0}, most_bytes_{0};
};

// The caches of the process, by name. They live as long as an object uses them, so a reload, whose objects are there
// before the old ones go, finds them as they are. [load]
struct Registry {
  // `generation` tells one configuration from the next: the first of each that asks for a cache gives its limits.
  static std::shared_ptr<Store> get(const std::string& name, Limits, const void* generation);
};

}  // namespace http_cache

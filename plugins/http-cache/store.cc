#include "store.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>

namespace http_cache {

uint64_t Entry::size() const {
  uint64_t n = 17 + body.size();  // "HTTP/1.1 200 \r\n" and the empty line
  for (const HeaderLine& h : headers) n += h.name.size() + h.value.size() + 4;
  for (const auto& [name, value] : vary) n += name.size() + value.size() + 4;
  return n;
}

void Entry::read_headers() {
  control = {};
  date.reset();
  etag = last_modified = {};
  bool has_expires = false;
  std::optional<int64_t> expires;
  for (const auto& [name, value, id] : headers) {
    if (same_text(name, "Cache-Control")) {
      control.add(value);
    } else if (same_text(name, "Date")) {
      date = parse_date(value);
    } else if (same_text(name, "Expires")) {
      expires = parse_date(value);
      has_expires = true;
    } else if (same_text(name, "ETag")) {
      etag = value;
    } else if (same_text(name, "Last-Modified")) {
      last_modified = value;
    }
  }
  lifetime = lifetime_of(control, date, has_expires, expires);
}

int64_t Store::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Store::insert(Shard& s, std::string_view key, Ref entry, uint64_t size) {
  auto at = s.by_key.find(key);
  if (at == s.by_key.end()) at = s.by_key.try_emplace(std::string{key}).first;
  std::vector<Items::iterator>& all = at->second;
  if (all.size() >= kMostVariants) {  // the oldest gives way: a client could make up values without end
    forget(s, all.back());
    all.pop_back();
  }
  s.items.push_front({&at->first, std::move(entry), size, now()});
  all.insert(all.begin(), s.items.begin());
  items_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(size, std::memory_order_relaxed);
}

void Store::forget(Shard& s, Items::iterator item) {
  items_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(item->size, std::memory_order_relaxed);
  s.items.erase(item);
}

uint64_t Store::shrink() {
  const auto full = [this] {
    return items() > most_items_.load(std::memory_order_relaxed) || bytes() > most_bytes_.load(std::memory_order_relaxed);
  };
  if (!full()) return 0;
  uint64_t gone = 0;
  const std::lock_guard one_at_a_time{shrinking_};  // two would throw out more than is needed
  while (full()) {
    Shard* oldest = nullptr;
    int64_t since = std::numeric_limits<int64_t>::max();
    for (Shard& s : shards_) {
      const std::lock_guard lock{s.mutex};
      if (!s.items.empty() && s.items.back().used < since) {
        since = s.items.back().used;
        oldest = &s;
      }
    }
    if (!oldest) break;
    const std::lock_guard lock{oldest->mutex};
    if (oldest->items.empty()) continue;
    const auto last = std::prev(oldest->items.end());
    const auto at = oldest->by_key.find(*last->key);
    std::erase(at->second, last);
    forget(*oldest, last);
    if (at->second.empty()) oldest->by_key.erase(at);
    ++gone;
  }
  return gone;
}

std::shared_ptr<Flight> Store::board(std::string_view key, const sluice::Doorbell& bell, bool* leads) {
  *leads = false;
  Shard& s = shard(key);
  const std::lock_guard lock{s.mutex};
  if (!s.worth(key)) return nullptr;
  const auto at = s.flights.find(key);
  if (at == s.flights.end()) {
    *leads = true;
    return s.flights.emplace(std::string{key}, std::make_shared<Flight>()).first->second;
  }
  std::vector<sluice::Doorbell>& bells = at->second->bells_;
  if (std::none_of(bells.begin(), bells.end(), [&](const sluice::Doorbell& b) { return b.token() == bell.token(); })) bells.push_back(bell);
  return at->second;
}

void Store::land(std::string_view key, const std::shared_ptr<Flight>& flight, bool in_vain) {
  std::vector<sluice::Doorbell> bells;
  {
    Shard& s = shard(key);
    const std::lock_guard lock{s.mutex};
    if (in_vain) s.note_worth(key, false);
    flight->over_.store(true, std::memory_order_release);
    bells.swap(flight->bells_);
    if (const auto at = s.flights.find(key); at != s.flights.end() && at->second == flight) s.flights.erase(at);
  }
  for (const sluice::Doorbell& b : bells) b.ring();
}

std::shared_ptr<Store> Registry::get(const std::string& name, Limits limits, const void* generation) {
  struct Known {
    std::weak_ptr<Store> store;
    const void* generation = nullptr;
  };
  static std::mutex mutex;
  static std::map<std::string, Known> all;
  const std::lock_guard lock{mutex};
  std::erase_if(all, [](const auto& k) { return k.second.store.expired(); });
  Known& k = all[name];
  std::shared_ptr<Store> store = k.store.lock();
  if (!store) {
    store = std::make_shared<Store>(limits);
    k.store = store;
  } else if (k.generation != generation) {
    store->limit(limits);
  }
  k.generation = generation;
  return store;
}

}  // namespace http_cache

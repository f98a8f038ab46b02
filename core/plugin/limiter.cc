#include "core/plugin/limiter.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/base/digest.h"

namespace sluice::plugin {

BucketRule::BucketRule(double per_second, double capacity) {
  constexpr double kLongest = 1152921504606846976.0;  // 2^60: twice it and the clock still fit into 63 bits
  // Whole tokens: a fraction of one can never be taken, but it would shift the moment of the next.
  capacity = std::floor(capacity);
  double interval_ns = 1e9 / per_second;
  while (shift_ > -20 && std::ldexp(interval_ns * capacity, shift_) > kLongest) --shift_;
  interval_ = static_cast<int64_t>(std::clamp(std::round(std::ldexp(interval_ns, shift_)), 1.0, kLongest));
  window_ = static_cast<int64_t>(std::min(capacity * static_cast<double>(interval_), kLongest));
  window_ = std::max(window_, interval_);
}

Limiter::Limiter(double per_second, double capacity, uint64_t idle_ms)
    : rule_{per_second, capacity}, idle_ns_{std::min<uint64_t>(idle_ms, UINT64_MAX / 2'000'000) * 1'000'000} {}

bool Limiter::take(std::string_view client, uint64_t now_ns) {
  if (client.empty()) {
    int64_t arrival = single_.load(std::memory_order_relaxed);
    for (;;) {
      int64_t next = rule_.take(arrival, now_ns);
      if (next < 0) return false;
      if (single_.compare_exchange_weak(arrival, next, std::memory_order_relaxed)) return true;
    }
  }
  std::string digest;
  if (client.size() > kLongestClient) [[unlikely]] client = digest = sha256(client);
  Shard& shard = shards_[(std::hash<std::string_view>{}(client) >> 7) % kShards];
  std::lock_guard lock{shard.mutex};
  auto it = shard.by_client.find(client);
  if (it == shard.by_client.end()) {
    make_room(shard, now_ns);
    shard.buckets.push_back(Bucket{std::string{client}, 0, now_ns});
    auto bucket = std::prev(shard.buckets.end());
    it = shard.by_client.emplace(bucket->client, bucket).first;
  } else {
    shard.buckets.splice(shard.buckets.end(), shard.buckets, it->second);
  }
  Bucket& b = *it->second;
  if (idle_ns_ && now_ns - b.used_ns > idle_ns_ && now_ns > b.used_ns) b.arrival = 0;  // dropped and made anew
  b.used_ns = std::max(b.used_ns, now_ns);
  int64_t next = rule_.take(b.arrival, now_ns);
  if (next < 0) return false;
  b.arrival = next;
  return true;
}

void Limiter::make_room(Shard& s, uint64_t now_ns) {
  auto drop = [&](std::list<Bucket>::iterator b) {
    s.by_client.erase(b->client);
    s.buckets.erase(b);
  };
  // Two per newcomer, so that expired ones go faster than new ones come, and nobody waits for a sweep.
  for (int i = 0; i < 2 && !s.buckets.empty(); ++i) {
    Bucket& oldest = s.buckets.front();
    if (!idle_ns_ || now_ns < oldest.used_ns || now_ns - oldest.used_ns <= idle_ns_) break;
    drop(s.buckets.begin());
  }
  if (s.buckets.size() < kMostPerShard) return;
  // A full bucket holds no information: dropping it changes nothing. Of a few of the oldest the fullest goes, so that what a
  // client used up is not given back because many others came: they would have to use up as much themselves, each of them.
  auto victim = s.buckets.begin();
  int seen = 0;
  for (auto b = s.buckets.begin(); b != s.buckets.end() && seen < 16; ++b, ++seen) {
    if (b->arrival < victim->arrival) victim = b;
    if (rule_.full(victim->arrival, now_ns)) break;
  }
  drop(victim);
}

size_t Limiter::clients() const {
  size_t n = 0;
  for (const Shard& s : shards_) {
    std::lock_guard lock{s.mutex};
    n += s.buckets.size();
  }
  return n;
}

}  // namespace sluice::plugin

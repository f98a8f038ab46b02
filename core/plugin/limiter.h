// Token buckets of the process (slc_shared_api.limiter). A bucket is one number, the "theoretical arrival time" of the
// generic cell rate algorithm: the moment at which it will be full again. It starts full, holds at most `capacity` tokens
// (deviation 19: that is the largest burst) and refills continuously.
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

#include "sluice/plugin.h"

namespace sluice::plugin {

// The arithmetic, in ticks: a sixteenth of a nanosecond, which is exact enough for a thousand million tokens a second, or
// longer ones where a full bucket is years of refilling, so that nothing overflows.
class BucketRule {
 public:
  // per_second > 0, capacity >= 1, both finite.
  BucketRule(double per_second, double capacity);
  // The new arrival time when a token is taken, or -1 when there is none.
  int64_t take(int64_t arrival, uint64_t now_ns) const {
    int64_t now = ticks(now_ns);
    int64_t base = arrival > now ? arrival : now;
    return base - now + interval_ <= window_ ? base + interval_ : -1;
  }
  bool full(int64_t arrival, uint64_t now_ns) const { return arrival <= ticks(now_ns); }

 private:
  int64_t ticks(uint64_t ns) const { return static_cast<int64_t>(shift_ >= 0 ? ns << shift_ : ns >> -shift_); }
  int shift_ = 4;  // a tick is 2^-shift nanoseconds
  int64_t interval_, window_;
};

// [any]
class Limiter {
 public:
  static constexpr size_t kShards = 64, kMostPerShard = 4096;
  static constexpr size_t kLongestClient = 64;  // longer ones are kept as their SHA-256, so that clients cannot choose how much is kept

  Limiter(double per_second, double capacity, uint64_t idle_ms);
  // One token of the bucket of `client`, or of the one bucket without client. No lock for the latter.
  bool take(std::string_view client, uint64_t now_ns);
  size_t clients() const;  // buckets held

 private:
  struct Bucket {
    std::string client;
    int64_t arrival = 0;
    uint64_t used_ns = 0;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Bucket> buckets;  // least recently used first
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_client;
  };
  void make_room(Shard&, uint64_t now_ns);

  BucketRule rule_;
  uint64_t idle_ns_;
  std::atomic<int64_t> single_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace sluice::plugin

struct slc_limiter {
  sluice::plugin::Limiter limiter;
  slc_limiter(double per_second, double capacity, uint64_t idle_ms) : limiter{per_second, capacity, idle_ms} {}
};

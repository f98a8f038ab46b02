// Choosing a host: `balancing/round-robin`, and `balancing/default`, which does what the reference does: round robin when the
// process may use one CPU only, otherwise a random host for each call. Weights are honoured by both.
#include <sched.h>

#include <array>
#include <numeric>
#include <random>

#include <sluice/plugin.hpp>

namespace {

constexpr auto kSchema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "balancing/round-robin, balancing/default",
  "description": "How one of several hosts is chosen for a call. The block has no options: its presence selects the balancer.",
  "type": "object"
})";

using Candidates = std::span<const slc_candidate>;

uint64_t total_weight(Candidates all) {
  uint64_t total = 0;
  for (const auto& c : all) total += c.weight;
  return total;
}

// The candidate that owns position `at` of a line on which each one occupies its weight.
uint32_t owner_of(Candidates all, uint64_t at) {
  uint32_t i = 0;
  while (i + 1 < all.size() && at >= all[i].weight) at -= all[i++].weight;
  return i;
}

// xorshift64*: no lock, no shared state, two nanoseconds.
class Random {
 public:
  Random() {
    std::random_device entropy;
    state_ = (uint64_t{entropy()} << 32 | entropy()) | 1;  // never zero, where the generator would stay
  }
  // Uniform in [0, n), n > 0, by multiplication (the bias is below n / 2^32 and hosts are few).
  uint64_t below(uint64_t n) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return ((state_ * 2685821657736338717u >> 32) * n) >> 32;
  }

 private:
  uint64_t state_;
};

// Positions of the lists that one worker cycles through. One balancer object may serve many backends, and a common counter
// would tie them together (two backends called in turn would always get the same host each), so each list has its own. The
// table is direct-mapped and bounded: two lists that fall on one entry start anew at random when they displace each other.
class Cursors {
 public:
  uint32_t pick(Candidates all, Random& random) {
    const uint64_t total = total_weight(all);
    const void* list = all[0].url.ptr;  // its text lives as long as the list
    Cursor& c = table_[(reinterpret_cast<uintptr_t>(list) >> 4) % table_.size()];
    if (c.list != list || c.total != total) c = {list, total, random.below(total), stride(total, all.size())};
    c.at += c.stride;
    if (c.at >= total) c.at -= total;
    return owner_of(all, c.at);
  }

 private:
  struct Cursor {
    const void* list;
    uint64_t total, at, stride;
  };
  // With equal weights the hosts come in order. Otherwise a stride coprime to the total, near the golden section of it,
  // visits every position once per round and keeps a heavy host's turns apart.
  static uint64_t stride(uint64_t total, size_t hosts) {
    if (total == hosts) return 1;
    uint64_t s = static_cast<uint64_t>(static_cast<double>(total) * 0.618) | 1;
    while (s > 1 && std::gcd(s, total) != 1) s -= 2;
    return s;
  }
  std::array<Cursor, 64> table_{};
};

bool one_cpu_only() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
}

struct WorkerState {
  Random random;
  Cursors cursors;
};

class RoundRobin {
 public:
  static constexpr auto name = "balancing/round-robin";
  static constexpr auto scopes = sluice::scope::backend | sluice::scope::service;
  static constexpr auto schema = kSchema;
  using PerWorker = WorkerState;

  uint32_t pick(sluice::Exchange, Candidates all, PerWorker& worker) const { return worker.cursors.pick(all, worker.random); }
};

class Default {
 public:
  static constexpr auto name = "balancing/default";
  static constexpr auto scopes = sluice::scope::backend | sluice::scope::service;
  static constexpr auto schema = kSchema;
  static constexpr uint32_t flags = SLC_BIND_DEFAULT;
  using PerWorker = WorkerState;

  uint32_t pick(sluice::Exchange, Candidates all, PerWorker& worker) const {
    if (round_robin_) return worker.cursors.pick(all, worker.random);
    return owner_of(all, worker.random.below(total_weight(all)));
  }

 private:
  bool round_robin_ = one_cpu_only();
};

}  // namespace

SLC_PLUGIN("sluice.balancing", "1.0.0", RoundRobin, Default)

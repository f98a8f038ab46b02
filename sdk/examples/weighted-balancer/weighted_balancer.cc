// example/weighted: chooses hosts by weight, evenly: with weights 5, 1, 1 the turns are a a b a c a a and not a a a a a b c
// ("smooth weighted round robin").
//
//   "extra_config": { "example/weighted": { "weights": { "http://127.0.0.1:8081": 5 } } }
//
// What to look at: a balancer is asked for every call to a backend, so it must not allocate, lock or search. What it learns when
// the list of hosts changes it keeps in the state of its worker, which no other thread touches.
#include <string>
#include <vector>

#include <sluice/plugin.hpp>

namespace {

using Candidates = std::span<const slc_candidate>;

class Weighted {
 public:
  static constexpr auto name = "example/weighted";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "example/weighted",
  "description": "Chooses hosts by weight, evenly.",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "weights": {
      "type": "object",
      "description": "Weights by host, as the host is written in the configuration with its scheme. Others keep the weight that the service discovery gave, or 1.",
      "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 1000}
    }
  }
})";

  // One worker's turn at one backend's hosts.
  struct PerWorker {
    struct Host {
      std::string url;
      int64_t weight, current;
    };
    std::vector<Host> hosts;
    int64_t total = 0;
  };

  explicit Weighted(sluice::Setup& setup) {
    setup.each("weights", [&](std::string_view host, sluice::Setup item) {
      const auto weight = item.value().as_int();  // the schema has checked that it is one
      if (weight) weights_.emplace_back(std::string{host}, *weight);
    });
  }

  // Each host's credit grows by its weight; the one with the most is chosen and pays the sum of all weights. Credits always add
  // up to zero, so they stay small, and after one round each host has had exactly its share.
  uint32_t pick(sluice::Exchange, Candidates all, PerWorker& mine) const {
    if (!same_hosts(all, mine)) learn(all, mine);
    size_t best = 0;
    for (size_t i = 0; i < mine.hosts.size(); ++i) {
      mine.hosts[i].current += mine.hosts[i].weight;
      if (mine.hosts[i].current > mine.hosts[best].current) best = i;
    }
    mine.hosts[best].current -= mine.total;
    return static_cast<uint32_t>(best);
  }

 private:
  static bool same_hosts(Candidates all, const PerWorker& mine) {
    if (all.size() != mine.hosts.size()) return false;
    for (size_t i = 0; i < all.size(); ++i) {
      if (sluice::view(all[i].url) != mine.hosts[i].url) return false;
    }
    return true;
  }

  // The one place that allocates: when a discovery has published another list.
  void learn(Candidates all, PerWorker& mine) const {
    mine.hosts.clear();
    mine.total = 0;
    for (const slc_candidate& c : all) {
      int64_t weight = c.weight;
      for (const auto& [host, w] : weights_) {
        if (host == sluice::view(c.url)) weight = w;
      }
      mine.hosts.push_back({std::string{sluice::view(c.url)}, weight, 0});
      mine.total += weight;
    }
  }

  std::vector<std::pair<std::string, int64_t>> weights_;
};

}  // namespace

SLC_PLUGIN("example.weighted-balancer", "1.0.0", Weighted)

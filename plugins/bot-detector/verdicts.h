// The last verdicts by User-Agent, the least recently used one goes first. One worker's, so without a lock.
#pragma once
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bots {

class Verdicts {
 public:
  // Longer texts are not kept: whoever sends them must not decide how much memory the cache takes.
  static constexpr size_t kLongest = 512;

  explicit Verdicts(size_t most) : most_{most} {}

  std::optional<bool> find(std::string_view agent) {
    const auto it = index_.find(agent);
    if (it == index_.end()) return std::nullopt;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->bot;
  }

  void keep(std::string_view agent, bool bot) {
    if (most_ == 0 || agent.size() > kLongest || index_.count(agent)) return;
    if (order_.size() == most_) {
      index_.erase(order_.back().agent);
      order_.pop_back();
    }
    order_.push_front({std::string{agent}, bot});
    index_.emplace(order_.front().agent, order_.begin());
  }

  size_t size() const { return order_.size(); }

 private:
  struct One {
    std::string agent;
    bool bot;
  };
  size_t most_;
  std::list<One> order_;
  std::unordered_map<std::string_view, std::list<One>::iterator> index_;  // keys are views of order_
};

}  // namespace bots

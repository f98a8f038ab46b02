// A new build of a plugin on trial: a share of the requests goes through a generation that has it, the others through one that
// is the same but for the build in use until now. [main] unless marked.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/app/gateway_control.h"
#include "core/config/model.h"
#include "core/pipeline/plan.h"
#include "core/plugin/registry.h"

namespace sluice::app {

// Requests and failures on both sides. Counted by workers; the one that sees the limit passed first calls `over`, once. Looked at
// when there are enough requests, and with each failure from then on.
class Tally {
 public:
  struct Limits {
    double max_error_rate = 1;  // percentage points beyond the other side
    uint64_t min_requests = 100;
  };
  struct Counts {
    uint64_t requests = 0, failed = 0;
    double rate() const { return requests ? 100.0 * static_cast<double>(failed) / static_cast<double>(requests) : 0; }
  };
  // `over`: [worker].
  Tally(const Limits&, std::function<void()> over);
  Counts of_new() const { return new_.read(); }  // [any]
  Counts of_old() const { return old_.read(); }  // [any]
  bool enough() const { return of_new().requests >= limits_.min_requests; }
  bool exceeded() const;  // the new build fails more often than it may. [any]
  // It did not come to what `over` was called for: the next one may call it. [main]
  void go_on() { told_.store(false, std::memory_order_relaxed); }
  // Before anybody counts: the same trial goes on after a reload.
  void go_on_from(const Tally&);
  pipeline::Outcomes* new_side() { return &new_; }
  pipeline::Outcomes* old_side() { return &old_; }

 private:
  struct Side final : pipeline::Outcomes {
    explicit Side(Tally* t) : tally{t} {}
    void count(bool bad) noexcept override;
    Counts read() const {
      const uint64_t n = requests.load(std::memory_order_acquire);
      return {n, failed.load(std::memory_order_relaxed)};
    }
    Tally* tally;  // nullptr: this side is not judged
    std::atomic<uint64_t> requests{0}, failed{0};
  };
  void judge();
  Limits limits_;
  std::function<void()> over_;
  Side new_{this}, old_{nullptr};
  std::atomic<bool> told_{false};
};

// What the gateway remembers about trials between reloads.
struct Trials {
  struct Build {
    std::string plugin, version, fingerprint, file;
    std::string text() const { return plugin + " " + version + " (" + file + ")"; }
  };
  plugin::Pins good;                // builds in use, of plugins whose new build is on trial or was sent back
  std::set<std::string> sent_back;  // fingerprints of builds that failed
  std::vector<Build> running;       // the new builds on trial now; empty: no trial
  Clock::time_point began{};
  config::Duration duration{0};
  double share = 0;
  std::string last;                 // how the last trial ended
};

// What a reload does about trials: builds that stay in use for the other side, builds that are tried, and how.
struct TrialPlan {
  plugin::Pins pins;                  // empty: everything goes as the files are
  std::vector<Trials::Build> builds;  // empty: no trial
  double share = 0;
  Tally::Limits limits;
  config::Duration duration{0};
  std::vector<std::string> notes;     // for the person who asked
};
TrialPlan plan_trial(const Trials& known, const pipeline::Generation& current, const pipeline::Generation& candidate);

}  // namespace sluice::app

#include "core/app/gateway_trial.h"

#include <algorithm>

#include "core/plugin/module.h"

namespace sluice::app {

Tally::Tally(const Limits& limits, std::function<void()> over) : limits_{limits}, over_{std::move(over)} {}

void Tally::Side::count(bool bad) noexcept {
  if (bad) failed.fetch_add(1, std::memory_order_relaxed);
  // Whoever reads a count of requests sees the failures among them: of those who count the last ones that are needed to judge,
  // one sees them all.
  const uint64_t n = requests.fetch_add(1, std::memory_order_acq_rel) + 1;
  if (tally && (bad || n == tally->limits_.min_requests)) tally->judge();
}

void Tally::judge() {
  if (!told_.load(std::memory_order_relaxed) && exceeded() && !told_.exchange(true)) over_();
}

bool Tally::exceeded() const { return enough() && of_new().rate() - of_old().rate() > limits_.max_error_rate; }

void Tally::go_on_from(const Tally& before) {
  auto copy = [](const Side& from, Side& to) {
    Counts c = from.read();
    to.requests = c.requests, to.failed = c.failed;
  };
  copy(before.new_, new_);
  copy(before.old_, old_);
}

TrialPlan plan_trial(const Trials& known, const pipeline::Generation& current, const pipeline::Generation& candidate) {
  TrialPlan plan;
  bool first = true;
  for (const config::PluginTrial& t : candidate.config->trials) {
    const auto* found = candidate.registry->find_module(t.plugin);
    if (!found) continue;  // scan_plugins() has refused the configuration
    const plugin::Module& fresh = **found;
    const std::string id = fresh.entry().id;
    std::shared_ptr<plugin::Module> used;
    if (auto it = known.good.find(id); it != known.good.end())
      used = it->second;
    else if (const auto* m = current.registry->find_module(id))
      used = *m;
    if (!used || used->fingerprint() == fresh.fingerprint()) continue;
    plan.pins[id] = used;
    Trials::Build build{id, fresh.entry().version, fresh.fingerprint(), fresh.file()};
    if (known.sent_back.count(build.fingerprint)) {
      plan.notes.push_back("plugin " + build.text() + ": this build was sent back; put another one there, or take it with sluice reload --promote");
      continue;
    }
    plan.builds.push_back(std::move(build));
    // Several at once share one generation, so the most careful settings count.
    plan.share = first ? t.share : std::min(plan.share, t.share);
    plan.limits.max_error_rate = first ? t.max_error_rate : std::min(plan.limits.max_error_rate, t.max_error_rate);
    plan.limits.min_requests = first ? t.min_requests : std::max<uint64_t>(plan.limits.min_requests, t.min_requests);
    if (first || t.duration.count() == 0 || plan.duration.count() == 0)
      plan.duration = first || t.duration.count() == 0 ? t.duration : plan.duration;
    else
      plan.duration = std::max(plan.duration, t.duration);
    first = false;
  }
  return plan;
}

}  // namespace sluice::app

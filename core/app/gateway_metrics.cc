// The gateway's own figures beside those of plugins, for GET /metrics of the admin socket. [any]
#include <array>

#include "core/app/gateway_impl.h"
#include "core/plugin/metrics_text.h"
#include "core/plugin/module.h"

namespace sluice::app {
namespace {

using plugin::metrics::Definition;
using plugin::metrics::Kind;
using plugin::metrics::Snapshot;
using Labels = std::vector<std::pair<std::string, std::string>>;

// Samples of one name stand together, so they are gathered name by name.
class Figures {
 public:
  void add(const Definition& d, int64_t value, Labels labels = {}) {
    Snapshot s;
    s.definition = &d;
    s.value = value;
    s.labels = std::move(labels);
    all_.push_back(std::move(s));
  }
  std::vector<Snapshot> take() { return std::move(all_); }

 private:
  std::vector<Snapshot> all_;
};

Definition define(const char* name, const char* help, Kind kind, double scale = 1) {
  Definition d;
  d.name = name, d.help = help, d.kind = kind, d.scale = scale;
  return d;
}

constexpr double kMilliseconds = 1e-3;

const Definition kInfo = define("sluice_info", "1, with what runs as labels", Kind::gauge);
const Definition kUptime = define("sluice_uptime_seconds", "Time since the start of the process", Kind::gauge, kMilliseconds);
const Definition kWorkers = define("sluice_workers", "Worker threads", Kind::gauge);
const Definition kSilent =
    define("sluice_workers_silent", "Workers that did not answer within a second; the figures by worker lack theirs", Kind::gauge);
const Definition kConnections = define("sluice_connections", "Connections of clients", Kind::gauge);
const Definition kRequests = define("sluice_requests_total", "Requests that began", Kind::counter);
const Definition kBackendActive = define("sluice_backend_connections_active", "Connections to backends with a call on them", Kind::gauge);
const Definition kBackendIdle = define("sluice_backend_connections_idle", "Connections to backends that wait for a call", Kind::gauge);
const Definition kBackendOpened =
    define("sluice_backend_connections_opened_total", "Connections to backends that were opened", Kind::counter);
const Definition kBackendReused = define("sluice_backend_connections_reused_total", "Calls on a connection that was there", Kind::counter);
const Definition kGeneration = define("sluice_generation", "Number of the configuration that serves", Kind::gauge);
const Definition kGenerations = define("sluice_generations", "Configurations that live, by role", Kind::gauge);
const Definition kInFlight = define("sluice_requests_in_flight", "Requests that run, by role of their configuration", Kind::gauge);
const Definition kEndpoints = define("sluice_endpoints", "Endpoints of the configuration that serves", Kind::gauge);
const Definition kPlugins = define("sluice_plugins", "Plugins that are loaded for it", Kind::gauge);
const Definition kReloads = define("sluice_reloads_total", "Reloads by how they went: done, refused", Kind::counter);
const Definition kLastOk = define("sluice_last_reload_ok", "1: the last reload was done; 0: it was refused", Kind::gauge);
const Definition kLastTime =
    define("sluice_last_reload_timestamp_seconds", "When it was, in seconds since 1970", Kind::gauge, kMilliseconds);
const Definition kTrialRequests = define("sluice_trial_requests_total", "Requests during the trial that runs, by build", Kind::counter);
const Definition kTrialFailed = define("sluice_trial_failed_total", "Those that failed", Kind::counter);

int64_t whole(uint64_t n) { return static_cast<int64_t>(n); }

// By worker: one that does not answer is missing, where a sum would go down and look like a start from zero.
void of_workers(Figures& to, const std::vector<std::optional<WorkerCounts>>& answers) {
  auto each = [&](const Definition& d, auto value) {
    for (size_t i = 0; i < answers.size(); ++i)
      if (answers[i]) to.add(d, whole(value(*answers[i])), {{"worker", std::to_string(i)}});
  };
  each(kConnections, [](const WorkerCounts& w) { return w.connections; });
  each(kRequests, [](const WorkerCounts& w) { return w.requests; });
  each(kBackendActive, [](const WorkerCounts& w) { return uint64_t{w.client.active}; });
  each(kBackendIdle, [](const WorkerCounts& w) { return uint64_t{w.client.idle}; });
  each(kBackendOpened, [](const WorkerCounts& w) { return w.client.opened; });
  each(kBackendReused, [](const WorkerCounts& w) { return w.client.reused; });
}

}  // namespace

std::string Gateway::metrics() const {
  Impl& self = *impl_;
  const auto answers = self.ask_workers();
  std::map<uint64_t, uint64_t> in_flight;
  uint64_t silent = 0;
  for (const auto& a : answers) {
    if (!a) ++silent;
    else for (auto [number, n] : a->in_flight) in_flight[number] += n;
  }

  Figures out;
  out.add(kInfo, 1, {{"version", SLC_VERSION}, {"abi", std::to_string(SLC_ABI_MAJOR) + "." + std::to_string(SLC_ABI_MINOR)}});
  out.add(kUptime, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - self.started).count());
  out.add(kWorkers, whole(answers.size()));
  out.add(kSilent, whole(silent));
  of_workers(out, answers);
  {
    std::lock_guard lock{self.mutex};
    out.add(kGeneration, whole(self.current_number));
    // Every role every time, so that a graph shows a zero and no gap.
    static constexpr std::array<std::string_view, 5> kRoles{"current", "trial", "draining", "stuck", "ending"};
    std::map<std::string_view, std::pair<uint64_t, uint64_t>> roles;
    const Live* current = nullptr;
    for (const auto& l : self.live) {
      auto& [n, requests] = roles[role_of(*l)];
      ++n, requests += in_flight[l->number];
      if (l->number == self.current_number) current = l.get();
    }
    for (std::string_view role : kRoles) out.add(kGenerations, whole(roles[role].first), {{"role", std::string{role}}});
    for (std::string_view role : kRoles) out.add(kInFlight, whole(roles[role].second), {{"role", std::string{role}}});
    if (current) {
      out.add(kEndpoints, whole(current->generation->endpoints.size()));
      out.add(kPlugins, whole(current->generation->registry->modules().size()));
    }
    out.add(kReloads, whole(self.reloads), {{"result", "done"}});
    out.add(kReloads, whole(self.refused), {{"result", "refused"}});
    if (self.last) {
      out.add(kLastOk, self.last->ok);
      out.add(kLastTime, self.last->unix_ms);
    }
    for (const auto& l : self.live) {
      if (l->number != self.trial_number || !l->tally) continue;
      const auto fresh = l->tally->of_new(), old = l->tally->of_old();
      out.add(kTrialRequests, whole(fresh.requests), {{"build", "new"}});
      out.add(kTrialRequests, whole(old.requests), {{"build", "old"}});
      out.add(kTrialFailed, whole(fresh.failed), {{"build", "new"}});
      out.add(kTrialFailed, whole(old.failed), {{"build", "old"}});
    }
  }
  std::vector<Snapshot> all = out.take();
  for (Snapshot& s : plugin::metrics::snapshot()) all.push_back(std::move(s));
  return plugin::metrics::to_text(all);
}

}  // namespace sluice::app

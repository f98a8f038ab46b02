// What runs, for sluice status. [any]
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>

#include "core/app/gateway_impl.h"
#include "core/app/rehearsal/rehearsal.h"
#include "core/pipeline/account_request.h"
#include "core/plugin/module.h"
#include "core/plugin/work.h"

namespace sluice::app {
namespace {

using boost::json::array;
using boost::json::object;

constexpr std::chrono::milliseconds kWorkerLimit{1000};

double seconds_since(Clock::time_point t) {
  return std::chrono::duration_cast<std::chrono::duration<double>>(Clock::now() - t).count();
}

// Two places are enough for people.
double rounded(double s) { return static_cast<double>(static_cast<int64_t>(s * 100)) / 100; }

object counts_of(const Tally::Counts& c) { return {{"requests", c.requests}, {"failed", c.failed}, {"error_rate", rounded(c.rate())}}; }

}  // namespace

std::vector<std::optional<WorkerCounts>> Gateway::Impl::ask_workers() const {
  Round<WorkerCounts> round{workers.size()};
  for (size_t i = 0; i < workers.size(); ++i)
    workers[i]->post([w = workers[i].get(), ticket = round.ticket(i)] { ticket->answer(w->counts()); });
  return round.wait(kWorkerLimit);
}

std::string Gateway::status(const std::string& sections) const {
  Impl& self = *impl_;
  auto answers = self.ask_workers();

  uint64_t connections = 0, requests = 0;
  std::map<uint64_t, uint64_t> in_flight;
  http::ClientStats client;
  array silent, holders;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i]) {
      silent.emplace_back(i);
      if (auto running = plugin::watchdog::running_in(static_cast<uint32_t>(i)))
        holders.push_back(
            {{"worker", i}, {"plugin", running->plugin}, {"binding", running->binding}, {"place", running->place}, {"hook", plugin::to_string(running->hook)}});
      continue;
    }
    const WorkerCounts& w = *answers[i];
    connections += w.connections, requests += w.requests;
    client.idle += w.client.idle, client.active += w.client.active;
    client.opened += w.client.opened, client.reused += w.client.reused;
    for (auto [number, n] : w.in_flight) in_flight[number] += n;
  }

  object out;
  out["name"] = "sluice";
  out["version"] = SLC_VERSION;
  out["abi"] = std::to_string(SLC_ABI_MAJOR) + "." + std::to_string(SLC_ABI_MINOR);
  out["pid"] = ::getpid();
  out["uptime_s"] = rounded(seconds_since(self.started));
  out["state"] = self.ending ? "stopping" : "serving";
  out["config"] = self.options.config_file;
  out["workers"] = self.workers.size();
  if (!silent.empty()) out["workers_that_do_not_answer"] = std::move(silent);
  if (!holders.empty()) out["held_by"] = std::move(holders);
  array background;
  for (const plugin::WorkPool::Running& w : plugin::WorkPool::get().running(1000))
    background.push_back({{"work", w.call.text()}, {"running_s", w.for_ms / 1000}});
  if (!background.empty()) out["background_work"] = std::move(background);
  out["connections"] = connections;
  out["requests"] = requests;
  out["backend_connections"] = {{"idle", client.idle}, {"active", client.active}, {"opened", client.opened}, {"reused", client.reused}};
  {
    std::lock_guard lock{self.mutex};
    out["listen"] = {{"address", self.listen_ip}, {"port", self.port}};
    array all;
    for (const auto& l : self.live) {
      object g{{"number", l->number},
               {"role", role_of(*l)},
               {"age_s", rounded(seconds_since(l->since))},
               {"in_flight", in_flight[l->number]},
               {"endpoints", l->generation ? l->generation->endpoints.size() : 0},
               {"plugins", l->generation ? l->generation->registry->modules().size() : 0}};
      if (l->role == Role::draining || l->role == Role::ending) g["replaced_s"] = rounded(seconds_since(l->replaced));
      all.emplace_back(std::move(g));
    }
    out["generations"] = std::move(all);
    object reload{{"done", self.reloads}, {"refused", self.refused}};
    if (const int64_t since = self.reloading_ms) {
      object now{{"since_unix_ms", since}};
      if (auto busy = plugin::watchdog::running_on(*self.main_thread)) now["runs"] = busy->text();
      else if (std::string there = rehearsal::running(); !there.empty()) now["runs"] = there + ", in the rehearsal";
      reload["running"] = std::move(now);
    }
    reload["last"] = nullptr;
    if (self.last) {
      const ReloadOutcome& r = *self.last;
      object last{{"ok", r.ok}, {"trigger", r.trigger}, {"unix_ms", r.unix_ms}, {"took_ms", r.took_ms}, {"changes", r.changes.size()}};
      if (!r.error.empty()) last["error"] = r.error;
      reload["last"] = std::move(last);
    }
    out["reload"] = std::move(reload);
    const Trials& t = self.trials;
    if (!t.running.empty() || !t.last.empty()) {
      object trial;
      array builds;
      for (const Trials::Build& b : t.running) builds.push_back({{"plugin", b.plugin}, {"version", b.version}, {"file", b.file}});
      trial["builds"] = std::move(builds);
      if (!t.last.empty()) trial["last"] = t.last;
      for (const auto& l : self.live) {
        if (l->number != self.trial_number || !l->tally) continue;
        trial["share"] = t.share;
        trial["age_s"] = rounded(seconds_since(t.began));
        trial["new"] = counts_of(l->tally->of_new());
        trial["old"] = counts_of(l->tally->of_old());
      }
      out["trial"] = std::move(trial);
    }
  }
  std::string text = boost::json::serialize(out);
  if (!sections.empty()) text.insert(text.size() - 1, "," + sections);
  return text;
}

Result<std::string, Problem> Gateway::explain_ticket(const std::string& method, const std::string& target, bool nested) const {
  std::lock_guard lock{impl_->mutex};
  for (const auto& l : impl_->live) {
    if (l->number != impl_->current_number) continue;
    const config::Config& c = *l->generation->config;
    if (!c.explain)
      return Problem{R"(the configuration gives no accounts of answers. It needs "extra_config": {"sluice": {"explain": {}}} at its root, and a reload)"};
    object out{{"header", pipeline::kExplainHeader}, {"address", impl_->listen_ip}, {"port", impl_->port}, {"tls", c.tls.has_value()}};
    auto depth = nested ? pipeline::AccountDepth::nested : pipeline::AccountDepth::top;
    out["value"] = pipeline::sign_explain(pipeline::process_explain_secret(), method, target, depth, static_cast<uint64_t>(std::time(nullptr)));
    return boost::json::serialize(out);
  }
  return Problem{"no configuration serves"};
}

std::vector<std::string> Gateway::watched_files() const {
  std::lock_guard lock{impl_->mutex};
  for (const auto& l : impl_->live)
    if (l->number == impl_->current_number) return l->files;
  return {};
}

}  // namespace sluice::app

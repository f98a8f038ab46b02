// Reload: read, build aside, start on every worker, swap, drain. Everything here runs on the main thread.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/app/gateway_impl.h"

namespace sluice::app {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStageLimit{30'000};  // a worker that a plugin holds for longer spoils the reload, not the service
constexpr milliseconds kSwapLimit{10'000};
constexpr size_t kLoggedChanges = 20, kSentBackKept = 1000;

int64_t wall_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// One problem a line, without the warnings.
std::string errors_of(const config::Report& report) {
  config::Report errors;
  for (const config::Issue& i : report.issues())
    if (i.severity == config::Issue::Severity::error) errors.add(i);
  std::string text = errors.format();
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::vector<std::string> warnings_of(const config::Report& report) {
  std::vector<std::string> out;
  for (const config::Issue& i : report.issues()) {
    if (i.severity != config::Issue::Severity::warning) continue;
    config::Report one;
    one.add(i);
    std::string text = one.format();
    while (text.ends_with('\n')) text.pop_back();
    out.push_back(std::move(text));
  }
  return out;
}

template <class F>
void for_each_line(std::string_view text, F&& f) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    f(text.substr(0, end));
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
  }
}

std::string percent(double n) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", n);
  return text;
}

std::string judgement(const Tally& t) {
  return percent(t.of_new().rate()) + " of " + std::to_string(t.of_new().requests) + " requests failed, with the build in use " +
         percent(t.of_old().rate()) + " of " + std::to_string(t.of_old().requests);
}

std::string names_of(const std::vector<Trials::Build>& builds) {
  std::string out;
  for (const Trials::Build& b : builds) out += (out.empty() ? "" : ", ") + b.text();
  return out;
}

std::string holder_of(uint32_t worker) {
  auto running = plugin::watchdog::running_in(worker);
  return running ? running->text() + " holds" : "a plugin holds";
}

}  // namespace

std::string ReloadOutcome::json() const {
  boost::json::object o;
  o["ok"] = ok;
  o["trigger"] = trigger;
  o["generation"] = generation;
  o["unix_ms"] = unix_ms;
  o["took_ms"] = took_ms;
  if (!error.empty()) o["error"] = error;
  boost::json::array lines;
  for (const std::string& c : changes) lines.emplace_back(c);
  o["changes"] = std::move(lines);
  boost::json::array notes;
  for (const std::string& w : warnings) notes.emplace_back(w);
  o["warnings"] = std::move(notes);
  if (!trial.empty()) o["trial"] = trial;
  return boost::json::serialize(o);
}

void Gateway::reload(ReloadRequest request, std::function<void(const ReloadOutcome&)> done) {
  Impl& self = *impl_;
  bool first;
  {
    std::lock_guard lock{self.mutex};
    first = self.pending.empty();
    self.pending.push_back({std::move(request), std::move(done)});
  }
  if (first) self.control.post([&self] { self.carry_out(); });
}

void Gateway::Impl::carry_out() {
  std::vector<Pending> all;
  {
    std::lock_guard lock{mutex};
    all.swap(pending);
  }
  // Those that came while the main thread was busy want the same thing: the files as they are now.
  std::optional<ReloadOutcome> shared;
  for (Pending& p : all) {
    ReloadOutcome own;
    if (!p.request.promote && !shared) shared = reload(p.request);
    if (p.request.promote) own = promote(p.request);
    if (p.done) p.done(p.request.promote ? own : *shared);
  }
}

ReloadOutcome Gateway::Impl::reload(const ReloadRequest& request) {
  auto begin = Clock::now();
  ReloadOutcome out;
  out.trigger = request.trigger;
  out.unix_ms = wall_ms();
  out.generation = current_number;
  reloading_ms = out.unix_ms;
  if (ending)
    out.error = "the gateway is stopping";
  else
    read_and_swap(request, out);
  reloading_ms = 0;
  out.generation = current_number;
  out.took_ms = static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count());
  note(out);
  return out;
}

void Gateway::Impl::note(const ReloadOutcome& out) {
  {
    std::lock_guard lock{mutex};
    ++(out.ok ? reloads : refused);
    last = out;
  }
  for (const std::string& w : out.warnings) SLC_LOG(warning, "Reload: ", w);
  if (!out.ok) {
    SLC_LOG(error, "Reload (", out.trigger, ") refused, generation ", out.generation, " serves on:");
    for_each_line(out.error, [](std::string_view line) { SLC_LOG(error, "Reload: ", line); });
    return;
  }
  SLC_LOG(info, "Reload (", out.trigger, "): generation ", out.generation, " serves, after ", out.took_ms, " ms");
  size_t told = 0;
  for (const std::string& c : out.changes)
    if (++told <= kLoggedChanges) SLC_LOG(info, "Reload: ", c);
  if (told > kLoggedChanges) SLC_LOG(info, "Reload: and ", static_cast<uint64_t>(told - kLoggedChanges), " more changes");
  if (out.changes.empty() && out.trial.empty()) SLC_LOG(info, "Reload: nothing changed");
  if (!out.trial.empty()) SLC_LOG(info, "Reload: ", out.trial);
}

void Gateway::Impl::read_and_swap(const ReloadRequest&, ReloadOutcome& out) {
  config::Report report;
  Live& before = current();
  auto fresh = build_generation(options, count, &before, {}, report);
  out.warnings = warnings_of(report);
  if (!fresh) {
    out.error = errors_of(report);
    return;
  }
  TrialPlan plan;
  if (!promoting) plan = plan_trial(trials, *before.generation, *fresh->generation);
  for (const std::string& n : plan.notes) out.warnings.push_back(n);
  std::unique_ptr<Live> on_trial;
  if (!plan.pins.empty()) {
    // The other side of the trial: everything as the files are now, but for the builds in use.
    auto base = build_generation(options, count, &before, plan.pins, report);
    if (!base) {
      out.error = "with the builds in use, which the trial needs beside the new ones:\n" + errors_of(report);
      return;
    }
    if (!plan.builds.empty()) on_trial = std::move(fresh);
    fresh = std::move(base);
  }

  // From here on both belong to the list: workers may have plans of them.
  auto take_in = [&](std::unique_ptr<Live> l) -> Live* {
    if (!l) return nullptr;
    l->number = ++last_number;
    std::lock_guard lock{mutex};
    live.push_back(std::move(l));
    return live.back().get();
  };
  Live* next = take_in(std::move(fresh));
  Live* trial = take_in(std::move(on_trial));
  auto give_up = [&](std::string why) {
    out.error = std::move(why);
    drop_listeners();
    if (trial) discard(*trial);
    discard(*next);
  };
  for (Live* l : {next, trial}) {
    if (!l) continue;
    if (auto ok = stage(*l); !ok) return give_up(ok.error().message);
  }
  const config::Config& c = *next->generation->config;
  if (auto ok = open_listeners(c); !ok) return give_up(ok.error().message);

  out.changes = changes_between(*before.generation, *next->generation);
  if (trial) {
    trial->tally = std::make_unique<Tally>(plan.limits, [this, number = trial->number] { control.post([this, number] { judge_trial(number); }); });
    bool same = trials.running.size() == plan.builds.size() &&
                std::equal(plan.builds.begin(), plan.builds.end(), trials.running.begin(),
                           [](const Trials::Build& a, const Trials::Build& b) { return a.fingerprint == b.fingerprint; });
    const Live* former = find(trial_number);
    if (same && former && former->tally) {
      trial->tally->go_on_from(*former->tally);
    } else {
      std::lock_guard lock{mutex};
      trials.began = Clock::now();
    }
    out.trial = names_of(plan.builds) + (same ? " stays" : " is") + " on trial with " + percent(plan.share) + " of the requests";
  } else if (!trials.running.empty()) {
    out.trial = names_of(trials.running) + ": the trial ended with a reload";
    std::lock_guard lock{mutex};
    trials.last = out.trial;
  }
  {
    std::lock_guard lock{mutex};
    trials.good = plan.pins;
    trials.running = plan.builds;
    trials.share = plan.share, trials.duration = plan.duration;
  }
  apply_log(*next->generation);
  swap(*next, trial);
  drain_limit_ms = drain_limit_of(c);
  watchdog.set_limit(c.plugin_watchdog_ms.value_or(plugin::Watchdog::kDefaultLimitMs));
  out.ok = true;
}

// Every worker makes its part; nobody serves with it yet.
Result<bool, Problem> Gateway::Impl::stage(Live& l) {
  Round<Result<bool, Problem>> round{workers.size()};
  l.parts = static_cast<uint32_t>(workers.size());
  for (size_t i = 0; i < workers.size(); ++i)
    workers[i]->post([w = workers[i].get(), g = l.generation.get(), number = l.number, ticket = round.ticket(i)] { ticket->answer(w->stage(*g, number)); });
  auto answers = round.wait(kStageLimit);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i])
      return Problem{ending
                         ? "the gateway is stopping"
                         : "worker " + std::to_string(i) + " does not answer: " + holder_of(static_cast<uint32_t>(i)) + " its event loop. Nothing was swapped"};
    if (!*answers[i]) return answers[i]->error();
  }
  return true;
}

Result<bool, Problem> Gateway::Impl::open_listeners(const config::Config& c) {
  if (c.listen_ip == listen_ip && c.port == configured_port) return true;
  if (ending) return Problem{"the gateway is stopping"};
  // Our own listener would be in the way of the question when only the address differs.
  if (c.port != configured_port)
    if (auto free = http::Server::probe(c.listen_ip, c.port); !free) return free.error();
  uint16_t chosen = c.port;
  for (auto& w : workers) {
    Round<Result<uint16_t, Problem>> round{1};
    w->post([w = w.get(), ip = c.listen_ip, chosen, ticket = round.ticket(0)] { ticket->answer(w->open_next(ip, chosen)); });
    auto answer = round.wait(kSwapLimit).front();
    if (!answer) return Problem{"a worker does not answer: the address cannot be changed now"};
    if (!*answer) return answer->error();
    chosen = **answer;
  }
  std::lock_guard lock{mutex};
  listen_ip = c.listen_ip, configured_port = c.port, port = chosen;
  SLC_LOG(info, "[SERVICE: Gin] Listening on port: ", chosen);
  return true;
}

void Gateway::Impl::drop_listeners() {
  for (auto& w : workers) w->post([w = w.get()] { w->drop_next(); });
}

void Gateway::Impl::swap(Live& next, Live* trial) {
  {
    std::lock_guard lock{mutex};
    for (auto& l : live) {
      Role role = l.get() == &next ? Role::current : l.get() == trial ? Role::trial : Role::draining;
      if (role == Role::draining && l->role != Role::draining) l->replaced = Clock::now();
      l->role = role;
    }
    current_number = next.number;
    trial_number = trial ? trial->number : 0;
  }
  WorkerRoute route;
  route.current = next.number;
  if (trial) {
    route.trial = trial->number;
    route.share = static_cast<uint32_t>(trials.share * 100 + 0.5);
    route.of_current = trial->tally->old_side();
    route.of_trial = trial->tally->new_side();
  }
  Round<bool> round{workers.size()};
  for (size_t i = 0; i < workers.size(); ++i)
    workers[i]->post([w = workers[i].get(), route, config = next.generation->config, tls = next.generation->server_tls, ticket = round.ticket(i)] {
      w->route(route, *config, tls);
      ticket->answer(true);
    });
  auto answers = round.wait(kSwapLimit);
  for (size_t i = 0; i < answers.size(); ++i)
    if (!answers[i] && !ending)
      SLC_LOG(warning, "Worker ", static_cast<uint64_t>(i), " has not swapped yet: a plugin holds its event loop. It will when that returns");
}

// A generation that will not serve. Workers that have a plan of it tell when it is gone.
void Gateway::Impl::discard(Live& l) {
  {
    std::lock_guard lock{mutex};
    l.role = Role::draining, l.replaced = Clock::now();
  }
  if (l.parts == 0) {  // no worker was asked
    l.parts = 1;
    control.post([this, number = l.number] { retired(number); });
    return;
  }
  for (auto& w : workers) w->post([w = w.get(), number = l.number] { w->retire(number); });
}

// ---- trials ----

void Gateway::Impl::finish_trial(const std::string& how) {
  std::lock_guard lock{mutex};
  trials.last = how;
  trials.running.clear();
}

void Gateway::Impl::judge_trial(uint64_t number) {
  Live* trial = find(number);
  if (ending || number != trial_number || !trial || !trial->tally) return;
  if (!trial->tally->exceeded()) return trial->tally->go_on();  // good ones have come meanwhile
  std::string how = names_of(trials.running) + " was sent back: " + judgement(*trial->tally);
  {
    std::lock_guard lock{mutex};
    if (trials.sent_back.size() > kSentBackKept) trials.sent_back.clear();
    for (const Trials::Build& b : trials.running) trials.sent_back.insert(b.fingerprint);
  }
  swap(current(), nullptr);
  SLC_LOG(error, "Trial: ", how, ". The build in use has all requests again");
  finish_trial(how);
}

void Gateway::Impl::promote_trial(const std::string& why) {
  Live* trial = find(trial_number);
  if (!trial) return;
  std::string how = names_of(trials.running) + " has all requests now, " + why + ": " + judgement(*trial->tally);
  apply_log(*trial->generation);
  swap(*trial, nullptr);
  {
    std::lock_guard lock{mutex};
    for (const Trials::Build& b : trials.running) trials.good.erase(b.plugin);
  }
  SLC_LOG(info, "Trial: ", how);
  finish_trial(how);
}

ReloadOutcome Gateway::Impl::promote(const ReloadRequest& request) {
  auto begin = Clock::now();
  ReloadOutcome out;
  out.trigger = request.trigger;
  out.unix_ms = wall_ms();
  out.generation = current_number;
  if (!ending && trials.running.empty() && !trials.sent_back.empty() && !trials.good.empty()) {
    // The person knows better: what was sent back is taken as it is.
    {
      std::lock_guard lock{mutex};
      trials.good.clear();
      trials.sent_back.clear();
    }
    promoting = true;
    out = reload(request);
    promoting = false;
    return out;
  }
  if (ending) {
    out.error = "the gateway is stopping";
  } else if (trials.running.empty()) {
    out.error = "no plugin is on trial, and no build was sent back";
  } else {
    for (const Trials::Build& b : trials.running) out.changes.push_back("plugin " + b.text() + " has all requests now");
    promote_trial("as asked");
    out.ok = true;
    out.generation = current_number;
  }
  out.took_ms = static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count());
  note(out);
  return out;
}

}  // namespace sluice::app

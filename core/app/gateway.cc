#include "core/app/gateway.h"

#include <sched.h>

#include <algorithm>
#include <sstream>

#include "core/app/gateway_dump.h"
#include "core/app/gateway_impl.h"
#include "core/plugin/token_table.h"
#include "core/plugin/work.h"

namespace sluice::app {
namespace {

constexpr uint64_t kDrainLimitMs = 30'000;

uint32_t usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    if (int n = CPU_COUNT(&set); n > 0) return static_cast<uint32_t>(n);
  return 1;
}

// The places whose background work runs just now.
std::vector<const plugin::Place*> work_of(const pipeline::Generation& g) {
  std::vector<const plugin::Place*> places;
  for (const auto& object : g.objects) places.push_back(&object->place());
  return plugin::WorkPool::get().that_run(std::move(places));
}

}  // namespace

uint64_t drain_limit_of(const config::Config& c) {
  return c.max_shutdown_wait.count() > 0 ? static_cast<uint64_t>(c.max_shutdown_wait.count() / 1'000'000) : kDrainLimitMs;
}

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Gateway::~Gateway() {
  wait();
  if (impl_->log_applied) log::restore();  // the plugin's sink goes with the generation, its level too
  for (auto& w : impl_->workers) w->drop_plans();
  impl_->live.clear();
  impl_->workers.clear();
}

std::unique_ptr<Gateway> Gateway::build(const GatewayOptions& o, config::Report& report) {
  auto impl = std::make_unique<Impl>();
  impl->options = o;
  impl->options.stopping = [self = impl.get()] { return self->ending.load(); };
  impl->count = std::min(o.workers ? o.workers : usable_cores(), plugin::TokenTable::kMostWorkers);
  auto live = build_generation(o, impl->count, nullptr, {}, report);
  if (!live) return nullptr;
  live->number = impl->last_number = impl->current_number = 1;
  live->role = Role::current;
  impl->drain_limit_ms = drain_limit_of(*live->generation->config);
  impl->live.push_back(std::move(live));
  return std::unique_ptr<Gateway>{new Gateway{std::move(impl)}};
}

Result<uint16_t, Problem> Gateway::start() { return impl_->start(); }

Result<uint16_t, Problem> Gateway::Impl::start() {
  Live& first = current();
  const config::Config& c = *first.generation->config;
  watchdog.set_limit(c.plugin_watchdog_ms.value_or(plugin::Watchdog::kDefaultLimitMs));
  watchdog.start();
  log_applied = true;
  apply_log(*first.generation);  // before anything can fail: that is told where the configuration wants it
  if (auto free = http::Server::probe(c.listen_ip, c.port); !free) return free.error();
  uint16_t chosen = 0;
  for (uint32_t i = 0; i < count; ++i) {
    workers.push_back(
        std::make_unique<GatewayWorker>(*first.generation, i, count, [this](uint64_t number) { control.post([this, number] { retired(number); }); }));
    auto listening = workers.back()->listen(c.listen_ip, chosen ? chosen : c.port);
    if (!listening) {
      workers.clear();
      return listening.error();
    }
    chosen = *listening;
  }
  first.parts = count;
  for (auto& w : workers) {
    ++running;
    auto up = w->run(*first.generation, first.number, [this] { control.post([this] { --running; }); });
    if (up) continue;
    for (auto& other : workers) other->stop();
    wait();
    return up.error();  // threads of plugins may still know the workers, until their objects are gone
  }
  std::lock_guard lock{mutex};
  listen_ip = c.listen_ip, configured_port = c.port, port = chosen;
  return chosen;
}

void Gateway::drain() {
  impl_->ending = true;
  for (auto& w : impl_->workers) w->drain(drain_limit_ms());
}

void Gateway::stop() {
  impl_->ending = true;
  for (auto& w : impl_->workers) w->stop();
}

void Gateway::wait() { impl_->wait(); }

void Gateway::Impl::wait() {
  while (running) {
    control.run_one(next_tick());
    tick();
  }
  for (auto& w : workers) w->join();
  // Nobody will come back to those who still ask.
  ending = true;
  carry_out();
}

Live* Gateway::Impl::find(uint64_t number) {
  for (auto& l : live)
    if (l->number == number) return l.get();
  return nullptr;
}

void Gateway::Impl::retired(uint64_t number) {
  Live* l = find(number);
  if (l && l->parts && --l->parts == 0) end(*l);
}

void Gateway::Impl::end(Live& l) {
  // destroy() waits for background work of its object. What does not end must not hold this thread, which every later reload needs.
  if (!ending && !work_of(*l.generation).empty()) return;  // tick() tries again
  std::shared_ptr<pipeline::Generation> over;
  {
    std::lock_guard lock{mutex};
    over = std::move(l.generation);
    l.role = Role::ending;
  }
  // Its plugins' destroy() and unload() run here and its helper processes end, with no lock held. It is in the list until then: who
  // reads there that one generation is left finds nothing of another one.
  over.reset();
  if (l.stuck) SLC_LOG(info, "Generation ", l.number, " has ended after all");
  else SLC_LOG(debug, "Generation ", l.number, " has ended");
  std::lock_guard lock{mutex};
  std::erase_if(live, [&](const auto& p) { return p.get() == &l; });
}

Clock::time_point Gateway::Impl::next_tick() const {
  Clock::time_point next = Clock::now() + std::chrono::hours{1};
  for (const auto& l : live) {
    if (l->role != Role::draining) continue;
    if (l->parts == 0) next = std::min(next, Clock::now() + std::chrono::milliseconds{100});
    if (!l->stuck) next = std::min(next, l->replaced + std::chrono::seconds{options.drain_grace_s});
  }
  if (!trials.running.empty() && trials.duration.count() > 0) {
    auto due = trials.began + std::chrono::duration_cast<Clock::duration>(trials.duration);
    // Due, but too few requests have come to judge by: look again.
    next = std::min(next, std::max(due, Clock::now() + std::chrono::milliseconds{500}));
  }
  return next;
}

void Gateway::Impl::tick() {
  auto now = Clock::now();
  std::vector<Live*> without_requests;
  for (auto& l : live)
    if (l->role == Role::draining && l->parts == 0) without_requests.push_back(l.get());
  for (Live* l : without_requests) end(*l);  // may take it out of the list
  for (auto& l : live) {
    if (l->role != Role::draining || l->stuck || now < l->replaced + std::chrono::seconds{options.drain_grace_s}) continue;
    std::lock_guard lock{mutex};
    l->stuck = true;
    std::string why = "requests that do not end";
    if (l->parts == 0) {
      why = "background work that does not end";
      for (const plugin::Place* p : work_of(*l->generation))
        why.append(", ").append(p->where).append("[").append(p->binding).append("] of plugin ").append(p->plugin);
    }
    SLC_LOG(warning, "Generation ", l->number, " was replaced ", static_cast<uint64_t>(options.drain_grace_s), " s ago and still has ", why,
            ". It is kept until then; see sluice status");
  }
  if (!trials.running.empty() && trials.duration.count() > 0 &&
      now >= trials.began + std::chrono::duration_cast<Clock::duration>(trials.duration)) {
    const Live* trial = find(trial_number);
    if (trial && trial->tally && trial->tally->enough()) {
      if (trial->tally->exceeded()) judge_trial(trial_number);
      else promote_trial("its time is over");
    }
  }
}

uint64_t Gateway::drain_limit_ms() const { return impl_->drain_limit_ms; }

std::string Gateway::summary() const {
  const pipeline::Generation& g = *impl_->current().generation;
  std::ostringstream out;
  out << g.endpoints.size() << (g.endpoints.size() == 1 ? " endpoint, " : " endpoints, ") << g.backends.size()
      << (g.backends.size() == 1 ? " backend, " : " backends, ") << impl_->count << (impl_->count == 1 ? " worker" : " workers");
  return out.str();
}

std::string Gateway::dump(int detail, const std::string& indent) const {
  return dump_config(*impl_->current().generation->config, detail, indent);
}

}  // namespace sluice::app

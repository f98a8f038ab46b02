#include "core/plugin/worker.h"

#include "core/plugin/crash_report.h"
#include "core/plugin/metrics.h"
#include "core/plugin/token_table.h"
#include "core/plugin/watchdog.h"

slc_worker::slc_worker(sluice::loop::Loop& l, sluice::http::Client& c, uint32_t i, uint32_t n)
    : loop{l}, client{c}, index{i}, count{n}, tokens{std::make_unique<sluice::plugin::TokenTable>(*this)},
      metrics{std::make_unique<sluice::plugin::MetricShard>()} {}

slc_worker::~slc_worker() {
  sluice::plugin::unregister_worker(this);
  sluice::plugin::TokenTable::retire(std::move(tokens));
}

namespace sluice::plugin {

void register_worker(slc_worker* w) {
  TokenTable::publish(w->tokens.get());
  metrics::attach(w->metrics.get());
}

void unregister_worker(slc_worker* w) {
  TokenTable::unpublish(w->tokens.get());
  metrics::detach(w->metrics.get());
}

uint64_t Meter::charge(cost::OutsideCell& shared, const Arena* arena) {
  cost::Cell one;
  const uint64_t spent = charge(one, arena);
  shared.add_call(one);
  return spent;
}

uint64_t PlaceScope::charge_outside() {
  const uint64_t running = hook_state.running.load(std::memory_order_relaxed);
  const cost::Account* account = HookState::account_of(running);
  if (!account || hook_state.worker != HookState::kNoWorker) return 0;
  cost::OutsideCell* cell = account->outside(HookState::kind_of(running));
  return cell ? meter_.charge(*cell, arena_) : 0;
}

void count_error(const Place& p, HookKind kind) {
  if (!p.account) return;
  if (hook_state.worker == HookState::kNoWorker) {
    if (cost::OutsideCell* c = p.account->outside(kind)) c->errors.fetch_add(1, std::memory_order_relaxed);
  } else if (cost::RareCell* c = p.account->rare(hook_state.worker, kind)) {
    cost::add(c->errors, 1);
  }
}

void enter_worker(slc_worker& w) {
  w.tokens->bind_thread();
  hook_state.worker = w.index;
  watchdog::watch_this_thread(w.index);
  crash::protect_this_thread();
}

}  // namespace sluice::plugin

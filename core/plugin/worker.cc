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

void enter_worker(slc_worker& w) {
  w.tokens->bind_thread();
  hook_state.worker = w.index;
  watchdog::watch_this_thread(w.index);
  crash::protect_this_thread();
}

}  // namespace sluice::plugin

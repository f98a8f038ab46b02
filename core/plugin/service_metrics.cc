// sluice.metrics/1.
#include "core/plugin/metrics.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

slc_metric_id define(const slc_host* host, slc_str name, slc_str help, metrics::Kind kind, std::span<const double> bounds) {
  return sane(name) && sane(help) ? metrics::define(plugin_of(host), view(name), view(help), kind, bounds) : 0;
}
slc_metric_id counter(const slc_host* host, slc_str name, slc_str help) noexcept {
  return define(host, name, help, metrics::Kind::counter, {});
}
slc_metric_id gauge(const slc_host* host, slc_str name, slc_str help) noexcept {
  return define(host, name, help, metrics::Kind::gauge, {});
}
slc_metric_id histogram(const slc_host* host, slc_str name, slc_str help, const double* bounds, uint32_t n) noexcept {
  if ((n && !bounds) || n > metrics::kMaxBounds) return 0;
  return define(host, name, help, metrics::Kind::histogram, {bounds, n});
}

void add(slc_worker* w, slc_metric_id id, int64_t n) noexcept {
  if (SLC_CHECK_THREAD_OF(*w, "add (sluice.metrics/1)")) w->metrics->add(id, n);
}
void observe(slc_worker* w, slc_metric_id id, double v) noexcept {
  if (SLC_CHECK_THREAD_OF(*w, "observe (sluice.metrics/1)")) w->metrics->observe(id, v);
}
int64_t read(const slc_host*, slc_metric_id id) noexcept { return metrics::read(id); }

}  // namespace

const slc_metrics_api kMetricsService = {sizeof(slc_metrics_api), counter, gauge, histogram, add, observe, read};

}  // namespace sluice::plugin

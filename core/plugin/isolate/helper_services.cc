// The services that a plugin gets in a helper process: the gateway's own tables, and a few functions that have to tell the
// gateway something. Those that work on what only the gateway has are not offered.
#include "core/plugin/isolate/helper_process.h"
#include "core/plugin/metrics.h"
#include "core/plugin/services.h"

namespace sluice::plugin::isolate {
namespace {

// A mirror's tree is sent back only when it was changed.
slc_status erase(slc_node object, slc_str key) noexcept {
  slc_status status = kDocumentService.erase(object, key);
  if (status == SLC_OK) Mirror::note_change(reinterpret_cast<const void*>(object.epoch));
  return status;
}

slc_node surrounding(slc_report*, int32_t scope) noexcept { return HelperProcess::current()->around(scope); }

slc_metric_id tell(slc_metric_id id) {
  const metrics::Definition* d = metrics::find(id);
  if (!d) return id;
  Message m{Control::define};
  m->u32(id), m->u8(static_cast<uint8_t>(d->kind));
  m->text(d->name), m->text(d->help);
  m->u32(static_cast<uint32_t>(d->bounds.size()));
  for (double b : d->bounds) m->number(b);
  HelperProcess::current()->say(m.take());
  return id;
}
slc_metric_id counter(const slc_host* h, slc_str name, slc_str help) noexcept { return tell(kMetricsService.counter(h, name, help)); }
slc_metric_id gauge(const slc_host* h, slc_str name, slc_str help) noexcept { return tell(kMetricsService.gauge(h, name, help)); }
slc_metric_id histogram(const slc_host* h, slc_str name, slc_str help, const double* bounds, uint32_t n) noexcept {
  return tell(kMetricsService.histogram(h, name, help, bounds, n));
}
void add(slc_worker* w, slc_metric_id id, int64_t n) noexcept {
  kMetricsService.add(w, id, n);
  HelperProcess::current()->count(id, false, n);
}
void observe(slc_worker* w, slc_metric_id id, double v) noexcept {
  kMetricsService.observe(w, id, v);
  int64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  HelperProcess::current()->count(id, true, bits);
}

slc_document_api documents() {
  slc_document_api t = kDocumentService;
  t.erase = erase;
  return t;
}
slc_config_api configs() {
  slc_config_api t = kConfigService;
  t.surrounding = surrounding;
  return t;
}
slc_metrics_api counts() {
  slc_metrics_api t = kMetricsService;
  t.counter = counter, t.gauge = gauge, t.histogram = histogram, t.add = add, t.observe = observe;
  return t;
}

}  // namespace

const void* helper_service(std::string_view id, const void* table) {
  static const slc_document_api documents_here = documents();
  static const slc_config_api configs_here = configs();
  static const slc_metrics_api counts_here = counts();
  if (id == SLC_SVC_DOCUMENT) return &documents_here;
  if (id == SLC_SVC_CONFIG) return &configs_here;
  if (id == SLC_SVC_METRICS) return &counts_here;
  return id == "sluice.stream/1" ? nullptr : table;  // what that is about stays in the gateway
}

}  // namespace sluice::plugin::isolate

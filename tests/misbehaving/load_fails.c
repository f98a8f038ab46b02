/* load() reports two problems and refuses. */
#include "fixture.h"

static slc_status load(const slc_host* host, slc_report* report) {
  const slc_config_api* config = (const slc_config_api*)host->service(host, SLC_SVC_CONFIG);
  config->error(report, STR(""), STR("no licence for the flux capacitor"));
  config->error(report, STR(""), STR("and no plutonium"));
  return SLC_ENOTFOUND;
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/load-fails", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.load-fails", load, get_interface)
FIXTURE_NOTE("misbehaving.load-fails", "misbehaving/load-fails", SLC_AT_ENDPOINT)

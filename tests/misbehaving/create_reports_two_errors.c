/* create() reports two problems at their places, says SLC_OK all the same, and leaves an object behind: the host refuses
 * the block and destroys the object. */
#include "fixture.h"

static const slc_config_api* config;
static int object;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  config = (const slc_config_api*)host->service(host, SLC_SVC_CONFIG);
  return SLC_OK;
}
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** out) {
  (void)host, (void)block;
  config->error(report, STR("/first"), STR("is wrong"));
  config->error(report, STR("/second/0"), STR("is wrong too"));
  *out = &object;
  return SLC_OK;
}
static void destroy(void* o) { *(int*)o = 1; }
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, NULL, NULL, NULL, NULL};
static const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/two-errors", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.two-errors", load, get_interface)
FIXTURE_NOTE("misbehaving.two-errors", "misbehaving/two-errors", SLC_AT_ENDPOINT)

/* Believes that a shared block is always to be had: another build of the plugin may have made it with another size. */
#include "fixture.h"

static const slc_shared_api* shared;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  shared = (const slc_shared_api*)host->service(host, SLC_SVC_SHARED);
  return shared ? SLC_OK : SLC_ENOTFOUND;
}
static slc_status create(const slc_host* host, slc_node config, slc_report* report, void** object) {
  (void)config, (void)report;
  *object = shared->block(host, STR("count"), 64);
  ++*(volatile int64_t*)*object;
  return SLC_OK;
}
static void destroy(void* object) { (void)object; }
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_lifecycle kLife = {.size = sizeof(slc_lifecycle), .create = create, .destroy = destroy};
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .life = &kLife, .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/trusts-shared", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.trusts-shared", load, get_interface)
FIXTURE_NOTE("misbehaving.trusts-shared", "misbehaving/trusts-shared", SLC_AT_ENDPOINT)

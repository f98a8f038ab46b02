/* worker_start() fails on every worker: the gateway must not start with it. */
#include "fixture.h"

static int object;
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** out) {
  (void)host, (void)block, (void)report;
  *out = &object;
  return SLC_OK;
}
static void destroy(void* o) { (void)o; }
static slc_status worker_start(void* o, slc_worker* w, void** state) {
  (void)o, (void)w, (void)state;
  return SLC_ENOMEM;
}
static void worker_stop(void* state) { (void)state; }
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, worker_start, worker_stop, NULL, NULL};
static const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/worker-start-fails", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.worker-start-fails", NULL, get_interface)
FIXTURE_NOTE("misbehaving.worker-start-fails", "misbehaving/worker-start-fails", SLC_AT_ENDPOINT)

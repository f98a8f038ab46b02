/* worker_start() writes where nothing is. */
#include <signal.h>

#include "fixture.h"

static int one;
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  (void)host, (void)block, (void)report;
  *object = &one;
  return SLC_OK;
}
static slc_status worker_start(void* object, slc_worker* worker, void** state) {
  (void)object, (void)worker, (void)state;
  signal(SIGSEGV, SIG_DFL); /* the sanitizers' own handlers stay silent */
  raise(SIGSEGV);
  return SLC_OK;
}
static void worker_stop(void* state) { (void)state; }
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_lifecycle kLife = {.size = sizeof(slc_lifecycle), .create = create, .worker_start = worker_start, .worker_stop = worker_stop};
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .life = &kLife, .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/crashes-in-worker-start", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.crashes-in-worker-start", NULL, get_interface)
FIXTURE_NOTE("misbehaving.crashes-in-worker-start", "misbehaving/crashes-in-worker-start", SLC_AT_ENDPOINT)

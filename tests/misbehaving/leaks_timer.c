/* Starts a timer for its worker and forgets it in worker_stop: the host cancels it and says so. */
#include "suspending.h"

static int object, state_of_worker;
static void never(void* user, slc_exchange* x) { (void)x, *(int*)user += 1; }
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** out) {
  (void)host, (void)block, (void)report;
  *out = &object;
  return SLC_OK;
}
static void destroy(void* o) { (void)o; }
static slc_status worker_start(void* o, slc_worker* w, void** state) {
  (void)o;
  *state = &state_of_worker;
  return loop->timer(w, NULL, 3600 * 1000, never, &state_of_worker) ? SLC_OK : SLC_ELIMIT;
}
static void worker_stop(void* state) { (void)state; }
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  loop->timer(exchange->worker(x), x, 3600 * 1000, never, &state_of_worker); /* goes with the exchange */
  return SLC_NEXT;
}
static const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, worker_start, worker_stop, NULL, NULL};
static const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  (void)&tell;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/leaks-timer", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.leaks-timer", load, get_interface)
FIXTURE_NOTE("misbehaving.leaks-timer", "misbehaving/leaks-timer", SLC_AT_ENDPOINT)

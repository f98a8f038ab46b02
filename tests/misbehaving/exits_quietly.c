/* create() ends the process with _exit(0): no handler runs, and nobody in the process can notice. */
#include <unistd.h>

#include "fixture.h"

static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  (void)host, (void)block, (void)report, (void)object;
  _exit(0);
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_lifecycle kLife = {.size = sizeof(slc_lifecycle), .create = create};
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .life = &kLife, .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/exits-quietly", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.exits-quietly", NULL, get_interface)
FIXTURE_NOTE("misbehaving.exits-quietly", "misbehaving/exits-quietly", SLC_AT_ENDPOINT)

/* create() takes for granted that there is a block: without one it writes to address 0. */
#include "fixture.h"

static int* volatile nothing = NULL;
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  (void)host, (void)report;
  if (!block.p) *nothing = 1;
  *object = (void*)&nothing;
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
FIXTURE_BINDING("misbehaving/crashes-in-create", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.crashes-in-create", NULL, get_interface)

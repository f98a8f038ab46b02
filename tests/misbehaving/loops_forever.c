/* A hook that never returns: its worker serves nobody any more, and cannot be stopped. */
#include "fixture.h"

static volatile int for_ever = 1;
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  while (for_ever) {
  }
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/loops-forever", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.loops-forever", NULL, get_interface)

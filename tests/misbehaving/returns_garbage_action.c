/* Answers an action that does not exist: counts as SLC_FAIL. */
#include "fixture.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return 4711;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/garbage-action", SLC_AT_ENDPOINT | SLC_AT_BACKEND)
FIXTURE_ENTRY("misbehaving.garbage-action", NULL, get_interface)
FIXTURE_NOTE("misbehaving.garbage-action", "misbehaving/garbage-action", SLC_AT_ENDPOINT | SLC_AT_BACKEND)

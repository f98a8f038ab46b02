/* Built without sluice/note.h: works, but tools cannot read it without loading it, and the loader says so. */
#include "fixture.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/no-note", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.no-note", NULL, get_interface)

/* Provides a name that another fixture, create_reports_two_errors, provides too. */
#include "fixture.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)binding;
  return strcmp(id, SLC_IFACE_MIDDLEWARE) == 0 ? &kMiddleware : NULL;
}
FIXTURE_BINDING("misbehaving/two-errors", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.duplicate-namespace", NULL, get_interface)
FIXTURE_NOTE("misbehaving.duplicate-namespace", "misbehaving/two-errors", SLC_AT_ENDPOINT)

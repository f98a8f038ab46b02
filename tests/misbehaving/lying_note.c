/* Its note says another version than its entry: what tools and plugins.lock believe is not what would run. */
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
FIXTURE_BINDING("misbehaving/lying-note", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.lying-note", NULL, get_interface)
SLC_PLUGIN_NOTE("misbehaving.lying-note", "0.9.0", "fixture", SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("misbehaving/lying-note", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))

/* A static constructor that writes to address 0: it runs as soon as the file is opened, before anything was asked of it. */
#include "fixture.h"

static int* volatile nothing = NULL;
__attribute__((constructor)) static void on_open(void) { *nothing = 1; }
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/crashes-in-constructor", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.crashes-in-constructor", NULL, get_interface)
FIXTURE_NOTE("misbehaving.crashes-in-constructor", "misbehaving/crashes-in-constructor", SLC_AT_ENDPOINT)

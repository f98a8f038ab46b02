/* load() ends the process, in good order as far as anybody outside can see. */
#include <stdlib.h>

#include "fixture.h"

static slc_status load(const slc_host* host, slc_report* report) {
  (void)host, (void)report;
  exit(0);
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/exits-in-load", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.exits-in-load", load, get_interface)
FIXTURE_NOTE("misbehaving.exits-in-load", "misbehaving/exits-in-load", SLC_AT_ENDPOINT)

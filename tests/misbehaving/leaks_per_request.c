/* Takes memory of the system for each request and never gives it back. */
#include <stdlib.h>

#include "fixture.h"

static char* volatile last;

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  last = malloc(2500);
  if (last) last[0] = 'x';
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/leaks-per-request", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.leaks-per-request", NULL, get_interface)
FIXTURE_NOTE("misbehaving.leaks-per-request", "misbehaving/leaks-per-request", SLC_AT_ENDPOINT)

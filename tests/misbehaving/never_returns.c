/* Stays in a hook until the file that $SLUICE_TEST_RELEASE names is there: the watchdog names it while it is inside. */
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  const char* release = getenv("SLUICE_TEST_RELEASE");
  while (release && access(release, F_OK) != 0) {
  }
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/never-returns", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.never-returns", NULL, get_interface)

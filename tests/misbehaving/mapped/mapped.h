/* A plugin that is fine once it has been opened and asked; what it does then is up to the file that includes this, which defines
 * MAPPED_ID, MAPPED_NAME and what is wrong: WHEN_OPENED and WHEN_ASKED, each a statement or nothing. */
#ifndef SLC_FIXTURE_MAPPED_H
#define SLC_FIXTURE_MAPPED_H
#include <signal.h>
#include <unistd.h>

#include "../fixture.h"

__attribute__((constructor)) static void opened(void) { WHEN_OPENED; }

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  WHEN_ASKED;
  return &kMiddleware;
}
FIXTURE_BINDING(MAPPED_NAME, SLC_AT_ENDPOINT)
FIXTURE_ENTRY(MAPPED_ID, NULL, get_interface)
FIXTURE_NOTE(MAPPED_ID, MAPPED_NAME, SLC_AT_ENDPOINT)
#endif

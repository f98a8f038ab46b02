/* Computes for 300 ms in a hook: the watchdog names it when the hook returns. CPU time, because a busy machine is no plugin's
 * fault, and the watchdog knows. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "fixture.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  struct timespec begin, now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < 300);
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/blocks-loop", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.blocks-loop", NULL, get_interface)
FIXTURE_NOTE("misbehaving.blocks-loop", "misbehaving/blocks-loop", SLC_AT_ENDPOINT)

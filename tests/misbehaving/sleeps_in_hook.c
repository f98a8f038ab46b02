/* Sleeps for 300 ms in a hook: it computes nothing, and the loop waits all the same. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "fixture.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  struct timespec left = {0, 300000000};
  while (nanosleep(&left, &left) != 0) {
  }
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, on_request, NULL, NULL, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/sleeps-in-hook", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.sleeps-in-hook", NULL, get_interface)

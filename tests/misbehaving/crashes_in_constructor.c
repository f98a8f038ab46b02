/* Has a static constructor that writes where nothing is: it dies when its file is mapped, before the gateway has read its entry. */
#include <signal.h>

#include "fixture.h"

__attribute__((constructor)) static void begin(void) {
  signal(SIGSEGV, SIG_DFL); /* the sanitizers' own handlers stay silent */
  raise(SIGSEGV);
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
FIXTURE_BINDING("misbehaving/crashes-in-constructor", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.crashes-in-constructor", NULL, get_interface)
FIXTURE_NOTE("misbehaving.crashes-in-constructor", "misbehaving/crashes-in-constructor", SLC_AT_ENDPOINT)

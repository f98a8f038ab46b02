/* Takes a signal for itself when it is loaded: the process is the gateway's, and so are its signals. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>

#include "fixture.h"

static void nothing(int number) { (void)number; }
static slc_status load(const slc_host* host, slc_report* report) {
  (void)host, (void)report;
  struct sigaction mine;
  memset(&mine, 0, sizeof mine);
  mine.sa_handler = nothing;
  return sigaction(SIGUSR2, &mine, NULL) == 0 ? SLC_OK : SLC_EIO;
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
FIXTURE_BINDING("misbehaving/handles-signals", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.handles-signals", load, get_interface)
FIXTURE_NOTE("misbehaving.handles-signals", "misbehaving/handles-signals", SLC_AT_ENDPOINT)

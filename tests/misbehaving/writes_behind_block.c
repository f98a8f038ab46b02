/* Asks for 16 bytes of the exchange's memory and writes 40. */
#include "fixture.h"

static const slc_exchange_api* exchange;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  return exchange ? SLC_OK : SLC_ENOTFOUND;
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  volatile char* block = (volatile char*)exchange->alloc(x, 16, 1);
  for (int i = 0; block && i < 40; ++i) block[i] = 'x';
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/writes-behind-block", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.writes-behind-block", load, get_interface)
FIXTURE_NOTE("misbehaving.writes-behind-block", "misbehaving/writes-behind-block", SLC_AT_ENDPOINT)

/* Keeps the exchange of one request and reads a header from it in the next one: by then its memory is somebody else's. */
#include "fixture.h"

static const slc_exchange_api* exchange;
static slc_header_id header;
static _Thread_local slc_exchange* kept;

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  if (!exchange) return SLC_ENOTFOUND;
  header = exchange->intern(host, STR("Host"));
  return SLC_OK;
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  if (kept) exchange->header(kept, SLC_REQUEST, header, 0);
  kept = x;
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/keeps-exchange", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.keeps-exchange", load, get_interface)
FIXTURE_NOTE("misbehaving.keeps-exchange", "misbehaving/keeps-exchange", SLC_AT_ENDPOINT)

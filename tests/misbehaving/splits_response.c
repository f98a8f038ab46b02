/* Puts what a client sent into a header without looking at it: a line break there would end the header, and begin another. */
#include "fixture.h"

static const slc_exchange_api* api;
static slc_header_id copied;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  api = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  if (!api) return SLC_ENOTFOUND;
  copied = api->intern(host, STR("X-Copied"));
  return SLC_OK;
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  api->set_header(x, SLC_RESPONSE, copied, STR("one\r\nSet-Cookie: two=2\r\n\r\n<html>"));
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_response = on_response};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/splits-response", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.splits-response", load, get_interface)
FIXTURE_NOTE("misbehaving.splits-response", "misbehaving/splits-response", SLC_AT_ENDPOINT)

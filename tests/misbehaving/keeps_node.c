/* Keeps a node of one answer's document and looks at it in the next one: by then its memory is somebody else's. */
#include "fixture.h"

static const slc_exchange_api* exchange;
static const slc_document_api* document;
static _Thread_local slc_node kept;

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  document = (const slc_document_api*)host->service(host, SLC_SVC_DOCUMENT);
  return exchange && document ? SLC_OK : SLC_ENOTFOUND;
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  if (kept.p) document->kind(kept);
  kept = exchange->data(x);
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_response = on_response};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/keeps-node", SLC_AT_BACKEND)
FIXTURE_ENTRY("misbehaving.keeps-node", load, get_interface)
FIXTURE_NOTE("misbehaving.keeps-node", "misbehaving/keeps-node", SLC_AT_BACKEND)

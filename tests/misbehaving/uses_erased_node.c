/* Takes a member out of an answer, and looks at it afterwards: it is no part of the document any more. */
#include "fixture.h"

static const slc_exchange_api* exchange;
static const slc_document_api* document;
static slc_header_id header;

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  document = (const slc_document_api*)host->service(host, SLC_SVC_DOCUMENT);
  if (!exchange || !document) return SLC_ENOTFOUND;
  header = exchange->intern(host, STR("X-Still-There"));
  return SLC_OK;
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  const slc_node root = exchange->data(x);
  slc_str key;
  const slc_node first = document->at(root, 0, &key);
  if (!first.p || document->erase(root, key) != SLC_OK) return SLC_NEXT;
  if (document->kind(first) != SLC_NULL) exchange->set_header(x, SLC_RESPONSE, header, STR("yes"));
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_response = on_response};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/uses-erased-node", SLC_AT_PROXY)
FIXTURE_ENTRY("misbehaving.uses-erased-node", load, get_interface)
FIXTURE_NOTE("misbehaving.uses-erased-node", "misbehaving/uses-erased-node", SLC_AT_PROXY)

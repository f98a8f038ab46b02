/* Believes that what it has just put into the store is there: it may have made room for something else, or its time is over. */
#include "fixture.h"

static const slc_host* own;
static const slc_store_api* store;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  own = host;
  store = (const slc_store_api*)host->service(host, SLC_SVC_STORE);
  return store ? SLC_OK : SLC_ENOTFOUND;
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  slc_str value = {NULL, 0};
  store->set(own, STR("seen"), STR("yes"), 60000);
  store->read(own, x, STR("seen"), &value);
  return *(volatile const char*)value.ptr == 'y' ? SLC_NEXT : SLC_FAIL;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/trusts-store", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.trusts-store", load, get_interface)
FIXTURE_NOTE("misbehaving.trusts-store", "misbehaving/trusts-store", SLC_AT_ENDPOINT)

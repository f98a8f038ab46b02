/* Takes the first address of a lookup without asking whether there is one: name servers are away at times. */
#include "suspending.h"

static const slc_dns_api* dns;
static slc_status load_all(const slc_host* host, slc_report* report) {
  dns = (const slc_dns_api*)host->service(host, SLC_SVC_DNS);
  return dns ? load(host, report) : SLC_ENOTFOUND;
}
static void found(void* user, slc_exchange* x, const slc_dns_reply* reply) {
  (void)x;
  const slc_dns_record* first = reply->records;
  loop->resume(*(slc_token*)user, *(volatile const char*)first->name.ptr == '1' ? SLC_NEXT : SLC_FAIL);
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  slc_token* token = exchange->alloc(x, sizeof *token, sizeof *token);
  if (!token || !(*token = loop->suspend(x))) return SLC_FAIL;
  slc_dns_query query = {sizeof query, SLC_DNS_ADDRESSES, STR("127.0.0.1"), 0, 0};
  return dns->lookup(exchange->worker(x), x, &query, found, token, NULL) == SLC_OK ? SLC_PENDING : SLC_FAIL;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  (void)&tell;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/trusts-lookup", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.trusts-lookup", load_all, get_interface)
FIXTURE_NOTE("misbehaving.trusts-lookup", "misbehaving/trusts-lookup", SLC_AT_ENDPOINT)

/* Calls services with what nobody should: absent pointers with a length, lengths of the whole memory, ids and sides that do not
 * exist, tokens of nobody. The answer's X-Accepted says how many of them were not refused. */
#include "suspending.h"

static slc_header_id accepted;
static slc_status load_all(const slc_host* host, slc_report* report) {
  slc_status status = load(host, report);
  if (status == SLC_OK) accepted = exchange->intern(host, STR("X-Accepted"));
  return status;
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  const slc_str nowhere = {NULL, 7}, endless = {"x", SIZE_MAX};
  const slc_header_id nobody = 0x7fffffff;
  int n = 0;
  n += exchange->set_header(x, SLC_RESPONSE, accepted, nowhere) == SLC_OK;
  n += exchange->set_header(x, SLC_RESPONSE, accepted, endless) == SLC_OK;
  n += exchange->add_header(x, SLC_RESPONSE, nobody, STR("v")) == SLC_OK;
  n += exchange->set_header(x, 99, accepted, STR("v")) == SLC_OK;
  n += exchange->header(x, SLC_REQUEST, nobody, 0).ptr != NULL;
  n += exchange->set_body(x, SLC_RESPONSE, endless) == SLC_OK;
  n += exchange->set_field(x, 99, STR("v")) == SLC_OK;
  n += exchange->set_status(x, 1) == SLC_OK;
  n += exchange->param(x, nowhere).ptr != NULL;
  n += exchange->alloc(x, SIZE_MAX, 8) != NULL;
  n += loop->resume(0, SLC_NEXT) == SLC_OK;
  n += loop->resume(UINT64_MAX, SLC_NEXT) == SLC_OK;
  n += loop->cancel(exchange->worker(x), UINT64_MAX) == SLC_OK;
  n += loop->signal(UINT64_MAX) == SLC_OK;
  const char digits[2] = {(char)('0' + n / 10), (char)('0' + n % 10)};
  exchange->set_header(x, SLC_RESPONSE, accepted, (slc_str){digits, 2});
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_response = on_response};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  (void)&tell;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/passes-rubbish", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.passes-rubbish", load_all, get_interface)
FIXTURE_NOTE("misbehaving.passes-rubbish", "misbehaving/passes-rubbish", SLC_AT_ENDPOINT)

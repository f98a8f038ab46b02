/* For fixtures that suspend: the loop service, taken in load(). */
#ifndef SLC_SUSPENDING_H
#define SLC_SUSPENDING_H
#include "fixture.h"

static const slc_loop_api* loop;
static const slc_exchange_api* exchange;

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  loop = (const slc_loop_api*)host->service(host, SLC_SVC_LOOP);
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  return loop && exchange ? SLC_OK : SLC_ENOTFOUND;
}

/* Says in a response header what resume() answered. */
static inline void tell(slc_exchange* x, slc_str name, slc_status status) {
  exchange->set_header(x, SLC_RESPONSE, exchange->intern(NULL, name), status == SLC_OK ? STR("ok") : status == SLC_ESTALE ? STR("stale") : STR("other"));
}

#define SUSPENDING_PLUGIN(plugin_id, binding_name, request_hook, response_hook, done_hook)                                  \
  static const slc_middleware kMiddleware = {sizeof(slc_middleware), NULL, (request_hook), NULL, (response_hook), (done_hook), NULL, NULL}; \
  static const void* get_interface(const char* id, const char* binding) {                                                   \
    (void)id, (void)binding;                                                                                                \
    return &kMiddleware;                                                                                                    \
  }                                                                                                                         \
  FIXTURE_BINDING(binding_name, SLC_AT_ENDPOINT | SLC_AT_BACKEND)                                                           \
  FIXTURE_ENTRY(plugin_id, load, get_interface)                                                                             \
  FIXTURE_NOTE(plugin_id, binding_name, SLC_AT_ENDPOINT | SLC_AT_BACKEND)
#endif

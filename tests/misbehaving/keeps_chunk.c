/* Suspends in a chunk hook and never resumes: the body goes no further, and only the time-out ends the request. */
#include "fixture.h"

static const slc_stream_api* stream;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  stream = (const slc_stream_api*)host->service(host, SLC_SVC_STREAM);
  return stream ? SLC_OK : SLC_ENOTFOUND;
}
static slc_action on_request_chunk(void* state, slc_exchange* x, void** slot, const slc_chunk* chunk) {
  (void)state, (void)slot, (void)chunk;
  return stream->suspend(x, SLC_REQUEST) ? SLC_PENDING : SLC_FAIL;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request_chunk = on_request_chunk};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/keeps-chunk", SLC_AT_BACKEND)
FIXTURE_ENTRY("misbehaving.keeps-chunk", load, get_interface)
FIXTURE_NOTE("misbehaving.keeps-chunk", "misbehaving/keeps-chunk", SLC_AT_BACKEND)

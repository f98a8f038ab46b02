/* Puts brackets around each piece of a body: the answer depends on where the network cut. */
#include "fixture.h"

static const slc_stream_api* stream;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  stream = (const slc_stream_api*)host->service(host, SLC_SVC_STREAM);
  return stream ? SLC_OK : SLC_ENOTFOUND;
}
static slc_action on_response_chunk(void* state, slc_exchange* x, void** slot, const slc_chunk* chunk) {
  (void)state, (void)slot;
  if (chunk->bytes.len == 0) return SLC_NEXT;
  if (stream->emit(x, SLC_RESPONSE, STR("[")) != SLC_OK || stream->emit(x, SLC_RESPONSE, chunk->bytes) != SLC_OK ||
      stream->emit(x, SLC_RESPONSE, STR("]")) != SLC_OK)
    return SLC_FAIL;
  return SLC_TAKE;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_response_chunk = on_response_chunk};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/cuts-matter", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.cuts-matter", load, get_interface)
FIXTURE_NOTE("misbehaving.cuts-matter", "misbehaving/cuts-matter", SLC_AT_ENDPOINT)

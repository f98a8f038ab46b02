/* Answers SLC_REPLY from a chunk hook, which has no answer to give: the head of one may have left long ago. */
#include "fixture.h"

static slc_action on_response_chunk(void* state, slc_exchange* x, void** slot, const slc_chunk* chunk) {
  (void)state, (void)x, (void)slot, (void)chunk;
  return SLC_REPLY;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_response_chunk = on_response_chunk};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/replies-in-chunk", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.replies-in-chunk", NULL, get_interface)
FIXTURE_NOTE("misbehaving.replies-in-chunk", "misbehaving/replies-in-chunk", SLC_AT_ENDPOINT)

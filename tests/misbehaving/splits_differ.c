/* A decoder that takes each piece of the body for a value of its own: the result depends on where the network cut. */
#include "fixture.h"

static const slc_document_api* document;
static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  document = (const slc_document_api*)host->service(host, SLC_SVC_DOCUMENT);
  return SLC_OK;
}
static slc_status decode(void* state, const slc_str* chunks, uint32_t n, uint32_t flags, slc_builder* out, slc_str* why) {
  (void)state, (void)flags, (void)why;
  document->begin(out, SLC_ARRAY);
  for (uint32_t i = 0; i < n; ++i) document->integer(out, (int64_t)chunks[i].len);
  return document->end(out);
}
static const slc_decoder kDecoder = {.size = sizeof(slc_decoder), .decode = decode};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kDecoder;
}
static const slc_binding kBindings[] = {{.name = "misbehaving-splits", .interface_id = SLC_IFACE_DECODER}};
FIXTURE_ENTRY("misbehaving.splits-differ", load, get_interface)

/* Dies in a hook, in the way that the header X-Crash asks for, or where its block says, {"in": "export_state"} or "import_state": the
 * crash report names plugin, hook and place. */
#include <stdint.h>
#include <stdlib.h>

#include "fixture.h"

static const slc_exchange_api* api;
static const slc_document_api* document;
static slc_header_id how;

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  api = host->service(host, SLC_SVC_EXCHANGE);
  document = host->service(host, SLC_SVC_DOCUMENT);
  how = api->intern(host, STR("X-Crash"));
  return SLC_OK;
}

static int is(slc_str text, const char* word) { return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0; }

/* Not at 0, which sanitizers look for. */
static volatile uintptr_t nowhere = 16;
static int overflow(volatile int depth) {
  volatile char room[4096];
  room[0] = (char)depth;
  return depth < 0 ? 0 : overflow(depth + 1) + room[0];
}

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  slc_str way = api->header(x, SLC_REQUEST, how, 0);
  if (is(way, "pointer")) *(volatile int*)nowhere = 1;
  if (is(way, "jump")) ((void (*)(void))nowhere)();
  if (is(way, "abort")) abort();
  if (is(way, "exit")) exit(0);
  if (is(way, "trap")) __builtin_trap();
  if (is(way, "stack")) return overflow(1);
  return SLC_NEXT;
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  if (is(api->header(x, SLC_REQUEST, how, 0), "response")) *(volatile int*)nowhere = 1;
  return SLC_NEXT;
}

enum { kNowhere, kExport, kImport };
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  (void)host, (void)report;
  static char where[3] = {kNowhere, kExport, kImport};
  const slc_str in = document->text(document->find(block, STR("in")));
  *object = &where[is(in, "export_state") ? kExport : is(in, "import_state") ? kImport : kNowhere];
  return SLC_OK;
}
static slc_status export_state(void* object, slc_status (*write)(void* to, slc_str bytes), void* to) {
  if (*(char*)object == kExport) *(volatile int*)nowhere = 1;
  return write(to, STR("state"));
}
static slc_status import_state(void* object, slc_str bytes) {
  (void)bytes;
  if (*(char*)object == kImport) *(volatile int*)nowhere = 1;
  return SLC_OK;
}
static const slc_lifecycle kLife = {.size = sizeof(slc_lifecycle), .create = create, .export_state = export_state, .import_state = import_state};
static const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, on_request, NULL, on_response, NULL, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/crashes", SLC_AT_ENDPOINT | SLC_AT_BACKEND)
FIXTURE_ENTRY("misbehaving.crashes", load, get_interface)

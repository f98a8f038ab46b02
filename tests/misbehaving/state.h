/* For fixtures that hand state over: an object with a name, which is its state. */
#ifndef SLC_STATE_H
#define SLC_STATE_H
#include <stdlib.h>

#include "fixture.h"

typedef struct named {
  char text[16];
} named;

static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** out) {
  (void)host, (void)block, (void)report;
  named* n = calloc(1, sizeof *n);
  if (!n) return SLC_ENOMEM;
  strcpy(n->text, "first");
  *out = n;
  return SLC_OK;
}
static void destroy(void* object) { free(object); }
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)x, (void)slot;
  return SLC_NEXT;
}

#define STATE_PLUGIN(plugin_id, binding_name, export_function, import_function)                                               \
  static const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, NULL, NULL, (export_function), (import_function)}; \
  static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .life = &kLife, .on_request = on_request};         \
  static const void* get_interface(const char* id, const char* binding) {                                                     \
    (void)id, (void)binding;                                                                                                  \
    return &kMiddleware;                                                                                                      \
  }                                                                                                                           \
  FIXTURE_BINDING(binding_name, SLC_AT_ENDPOINT)                                                                              \
  FIXTURE_ENTRY(plugin_id, NULL, get_interface)                                                                               \
  FIXTURE_NOTE(plugin_id, binding_name, SLC_AT_ENDPOINT)
#endif

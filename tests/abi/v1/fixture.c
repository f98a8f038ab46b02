/* A plugin in C as an author writes it against the frozen header: "test/frozen" answers with a header, and refuses requests
 * that say "stop". It must load in every later gateway of this major version, so it is never changed. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

#define STR(text) ((slc_str){(text), sizeof(text) - 1})

typedef struct object {
  const slc_exchange_api* exchange;
  slc_header_id header;
  char greeting[64];
  size_t length;
} object;

static slc_status create(const slc_host* host, slc_node config, slc_report* report, void** out) {
  const slc_document_api* document = (const slc_document_api*)host->service(host, SLC_SVC_DOCUMENT);
  const slc_config_api* problems = (const slc_config_api*)host->service(host, SLC_SVC_CONFIG);
  slc_str greeting = document->text(document->find(config, STR("greeting")));
  object* o = (object*)calloc(1, sizeof *o);
  if (!o) return SLC_ENOMEM;
  if (!greeting.ptr || greeting.len >= sizeof o->greeting) {
    problems->error(report, STR("/greeting"), STR("must be a short string"));
    free(o);
    return SLC_EINVAL;
  }
  memcpy(o->greeting, greeting.ptr, greeting.len);
  o->length = greeting.len;
  o->exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  o->header = o->exchange->intern(host, STR("X-Frozen"));
  *out = o;
  return SLC_OK;
}

static void destroy(void* p) { free(p); }

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  const object* o = (const object*)state;
  slc_str asked = o->exchange->header(x, SLC_REQUEST, o->header, 0);
  (void)slot;
  if (asked.len == 4 && memcmp(asked.ptr, "stop", 4) == 0) {
    o->exchange->set_status(x, 451);
    return SLC_REPLY;
  }
  return SLC_NEXT;
}

static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  const object* o = (const object*)state;
  slc_str greeting;
  (void)slot;
  greeting.ptr = o->greeting;
  greeting.len = o->length;
  o->exchange->set_header(x, SLC_RESPONSE, o->header, greeting);
  return SLC_NEXT;
}

static const slc_lifecycle kLife = {.size = sizeof(slc_lifecycle), .create = create, .destroy = destroy};
static const slc_middleware kMiddleware = {
    .size = sizeof(slc_middleware), .life = &kLife, .on_request = on_request, .on_response = on_response};
static const void* get_interface(const char* id, const char* binding) {
  (void)binding;
  return strcmp(id, SLC_IFACE_MIDDLEWARE) == 0 ? &kMiddleware : NULL;
}
static const slc_binding kBindings[] = {
    {.name = "test/frozen", .interface_id = SLC_IFACE_MIDDLEWARE, .scopes = SLC_AT_ENDPOINT, .stage = 300}};
static const char* const kServices[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG, NULL};

const slc_entry SLC_ENTRY_SYMBOL = {.magic = SLC_ABI_MAGIC,
                                    .size = sizeof(slc_entry),
                                    .abi_major = SLC_ABI_MAJOR,
                                    .abi_minor = SLC_ABI_MINOR,
                                    .flags = SLC_BUILD_FLAGS,
                                    .id = "test.frozen",
                                    .version = "1.0.0",
                                    .built_with = "C",
                                    .required_services = kServices,
                                    .bindings = kBindings,
                                    .binding_count = 1,
                                    .binding_size = sizeof(slc_binding),
                                    .get_interface = get_interface};

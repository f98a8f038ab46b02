/* Adds a header to the answers @OF@. In the configuration:
 *
 *   "extra_config": {"@VENDOR@/@NAME@": {"header": "X-Hello", "value": "world"}}
 *
 * Everything that crosses the border between gateway and plugin is in sluice/plugin.h, with thread, life time and failure. */
#define SLC_NEEDED_MINOR 0u /* nothing here is later than 1.0 */
#include <sluice/note.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

/* Services: asked for once, in load(). They live as long as the process. */
static const slc_exchange_api* exchange;
static const slc_document_api* document;
static const slc_config_api* config;

#define TEXT(literal) ((slc_str){(literal), sizeof(literal) - 1})

/* One configuration block, compiled. Immutable: all workers share it. */
typedef struct plugin {
  slc_header_id header; /* a name as a number: looked up once */
  size_t size;
  char value[];
} plugin;

static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  slc_node header = document->find(block, TEXT("header")), value = document->find(block, TEXT("value"));
  slc_str text = value.p ? document->text(value) : TEXT("world");
  plugin* p = malloc(sizeof *p + text.len);
  if (!p) return SLC_ENOMEM;
  p->header = exchange->intern(host, header.p ? document->text(header) : TEXT("X-Hello"));
  p->size = text.len;
  if (text.len) memcpy(p->value, text.ptr, text.len);
  *object = p;
  if (p->header == 0) config->error(report, TEXT("/header"), TEXT("is no header name")); /* an error refuses the configuration */
  return SLC_OK;
}

static void destroy(void* object) { free(object); }

/* On the way out, also after failures. Runs on an event loop: must not block. */
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  const plugin* p = state;
  (void)slot;
  exchange->set_header(x, SLC_RESPONSE, p->header, (slc_str){p->value, p->size});
  return SLC_NEXT;
}

static const slc_lifecycle life = {.size = sizeof life, .create = create, .destroy = destroy};
static const slc_middleware middleware = {.size = sizeof middleware, .life = &life, .on_response = on_response};

static const void* get_interface(const char* id, const char* name) {
  (void)name;
  return strcmp(id, SLC_IFACE_MIDDLEWARE) == 0 ? &middleware : NULL;
}

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = host->service(host, SLC_SVC_EXCHANGE);
  document = host->service(host, SLC_SVC_DOCUMENT);
  config = host->service(host, SLC_SVC_CONFIG);
  return SLC_OK; /* the gateway has checked that it has the required services */
}

static const char* const services[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG, NULL};
static const slc_binding bindings[] = {{
    .name = "@VENDOR@/@NAME@",
    .interface_id = SLC_IFACE_MIDDLEWARE,
    .scopes = @SCOPES@,
    .stage = 500, /* place in the chain: docs/life-of-a-request.md */
    .schema = kSchema,
}};

const slc_entry SLC_ENTRY_SYMBOL = {
    .magic = SLC_ABI_MAGIC,
    .size = sizeof(slc_entry),
    .abi_major = SLC_ABI_MAJOR,
    .abi_minor = SLC_NEEDED_MINOR,
    .flags = SLC_BUILD_FLAGS,
    .id = "@VENDOR@.@NAME@",
    .version = "0.1.0",
    .built_with = "C " __VERSION__,
    .required_services = services,
    .bindings = bindings,
    .binding_count = sizeof bindings / sizeof bindings[0],
    .binding_size = sizeof(slc_binding),
    .load = load,
    .get_interface = get_interface,
};

/* The same, readable without loading the file: for `sluice plugins` and plugins.lock. */
SLC_PLUGIN_NOTE("@VENDOR@.@NAME@", "0.1.0", "C " __VERSION__, SLC_BUILD_FLAGS, SLC_NOTE_BINDING("@VENDOR@/@NAME@", SLC_IFACE_MIDDLEWARE, @SCOPES@))

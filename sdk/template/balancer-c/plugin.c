/* Chooses among the hosts of a backend by a header, so that one client always gets the same host. In the configuration of a
 * backend:
 *
 *   "extra_config": {"@VENDOR@/@NAME@": {"header": "X-User"}}
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
  slc_header_id header;
} plugin;

static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  slc_node header = document->find(block, TEXT("header"));
  plugin* p = malloc(sizeof *p);
  if (!p) return SLC_ENOMEM;
  p->header = exchange->intern(host, header.p ? document->text(header) : TEXT("X-User"));
  *object = p;
  if (p->header == 0) config->error(report, TEXT("/header"), TEXT("is no header name"));
  return SLC_OK;
}

static void destroy(void* object) { free(object); }

/* The index of the chosen host; there are two or more. Called for each call, on an event loop. */
static uint32_t pick(void* state, slc_exchange* x, const slc_candidate* hosts, uint32_t n) {
  const plugin* p = state;
  const slc_str user = exchange->header(x, SLC_REQUEST, p->header, 0);
  uint32_t hash = 2166136261u; /* FNV-1a */
  (void)hosts;
  for (size_t i = 0; i < user.len; ++i) hash = (hash ^ (unsigned char)user.ptr[i]) * 16777619u;
  return hash % n;
}

static const slc_lifecycle life = {.size = sizeof life, .create = create, .destroy = destroy};
static const slc_balancer balancer = {.size = sizeof balancer, .life = &life, .pick = pick};

static const void* get_interface(const char* id, const char* name) {
  (void)name;
  return strcmp(id, SLC_IFACE_BALANCER) == 0 ? &balancer : NULL;
}

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = host->service(host, SLC_SVC_EXCHANGE);
  document = host->service(host, SLC_SVC_DOCUMENT);
  config = host->service(host, SLC_SVC_CONFIG);
  return SLC_OK;
}

static const char* const services[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG, NULL};
static const slc_binding bindings[] = {{
    .name = "@VENDOR@/@NAME@",
    .interface_id = SLC_IFACE_BALANCER,
    .scopes = SLC_AT_BACKEND,
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
SLC_PLUGIN_NOTE("@VENDOR@.@NAME@", "0.1.0", "C " __VERSION__, SLC_BUILD_FLAGS, SLC_NOTE_BINDING("@VENDOR@/@NAME@", SLC_IFACE_BALANCER, SLC_AT_BACKEND))

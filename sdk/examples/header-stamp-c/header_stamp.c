/* example/header-stamp: adds a header to every answer. In C11, on sluice/plugin.h alone, so that everything that crosses the
 * border between gateway and plugin can be seen.
 *
 *   "extra_config": { "example/header-stamp": { "header": "X-Served-By", "value": "eu-1" } }
 *
 * Read it from the bottom: the entry says what the plugin is, the binding which name of the configuration it answers to, the
 * interface table which functions serve that name. */
#include <stdlib.h>
#include <string.h>

#define SLC_NEEDED_MINOR 0u /* nothing here is later than 1.0 */
#include "sluice/note.h"

/* A text of the program as a view. Views carry their length; nothing that crosses the border ends in NUL. */
#define TEXT(literal) ((slc_str){(literal), sizeof(literal) - 1})

/* ---- services of the gateway: asked for once, in load(); the tables live as long as the process ---- */

static const slc_exchange_api* exchange;
static const slc_document_api* document;
static const slc_config_api* config;

/* ---- one configuration block, compiled ---- */

/* Made once per block and shared by all worker threads: nothing here changes after create(). */
typedef struct stamp {
  slc_header_id header; /* names are looked up when the configuration is read; a request works with the number */
  size_t length;
  char value[]; /* our own copy: a view of the configuration would live as long, but this way is safe without thinking */
} stamp;

/* On the thread that reads the configuration. The schema below has been checked: both members are there and are texts. */
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  const slc_str name = document->text(document->find(block, TEXT("header")));
  const slc_str value = document->text(document->find(block, TEXT("value")));
  stamp* s = malloc(sizeof *s + value.len);
  if (s == NULL) return SLC_ENOMEM;
  *object = s; /* from here on the gateway calls destroy(), also when an error is reported */
  s->length = value.len;
  if (value.len > 0) memcpy(s->value, value.ptr, value.len);

  /* Report everything that is wrong, each at its place; any error refuses the configuration. */
  s->header = exchange->intern(host, name);
  if (s->header == 0) config->error(report, TEXT("/header"), TEXT("is not a header name; letters, digits and - will do"));
  for (size_t i = 0; i < value.len; ++i) {
    const unsigned char c = (unsigned char)value.ptr[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
      config->error(report, TEXT("/value"), TEXT("holds a control character, which no header may"));
      break;
    }
  }
  return SLC_OK;
}

static void destroy(void* object) { free(object); }

/* ---- the hook ---- */

/* On a worker thread, for each answer on its way out, also for failures. Must not block: a worker serves thousands of
 * connections on this thread. Without worker_start, `state` is the object that create() made. */
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)slot; /* a place for what this request needs from one hook to the next; we need nothing */
  const stamp* s = state;
  /* The text lives longer than the request, but set_header copies it anyway: views go in, nothing is shared. */
  exchange->set_header(x, SLC_RESPONSE, s->header, (slc_str){s->value, s->length});
  return SLC_NEXT;
}

/* ---- tables ---- */

static const slc_lifecycle kLife = {.size = sizeof(slc_lifecycle), .create = create, .destroy = destroy};
/* A hook that is NULL is not in the chain and costs nothing. */
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .life = &kLife, .on_response = on_response};

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = host->service(host, SLC_SVC_EXCHANGE);
  document = host->service(host, SLC_SVC_DOCUMENT);
  config = host->service(host, SLC_SVC_CONFIG);
  return SLC_OK; /* none is NULL: kServices names them, so the gateway would have refused the file before */
}

/* One table serves the one binding. With several, compare `id` and `binding`. */
static const void* get_interface(const char* id, const char* binding) {
  (void)binding;
  return strcmp(id, SLC_IFACE_MIDDLEWARE) == 0 ? &kMiddleware : NULL;
}

static const char* const kServices[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG, NULL};

/* The same text as schema.json. The gateway checks each block against it before create() is called. */
static const char kSchema[] =
    "{\n"
    "  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
    "  \"title\": \"example/header-stamp\",\n"
    "  \"description\": \"Adds a header to every answer.\",\n"
    "  \"type\": \"object\",\n"
    "  \"required\": [\"header\", \"value\"],\n"
    "  \"additionalProperties\": false,\n"
    "  \"properties\": {\n"
    "    \"header\": {\"type\": \"string\", \"minLength\": 1, \"description\": \"Name of the header.\"},\n"
    "    \"value\": {\"type\": \"string\", \"description\": \"Its value.\"}\n"
    "  }\n"
    "}\n";

static const slc_binding kBindings[] = {{
    .name = "example/header-stamp",
    .interface_id = SLC_IFACE_MIDDLEWARE,
    .scopes = SLC_AT_ENDPOINT,
    .stage = 50, /* low is outermost: sees the answers of nearly everything else, refusals included */
    .schema = kSchema,
}};

const slc_entry SLC_ENTRY_SYMBOL = {
    .magic = SLC_ABI_MAGIC,
    .size = sizeof(slc_entry),
    .abi_major = SLC_ABI_MAJOR,
    .abi_minor = SLC_NEEDED_MINOR,
    .flags = SLC_BUILD_FLAGS,
    .id = "example.header-stamp",
    .version = "1.0.0",
    .built_with = "C " __VERSION__,
    .required_services = kServices,
    .bindings = kBindings,
    .binding_count = sizeof kBindings / sizeof kBindings[0],
    .binding_size = sizeof(slc_binding),
    .load = load,
    .get_interface = get_interface,
};

/* The same, readable without loading the file: for `sluice plugins` and plugins.lock. */
SLC_PLUGIN_NOTE("example.header-stamp", "1.0.0", "C " __VERSION__, SLC_BUILD_FLAGS, SLC_NOTE_BINDING("example/header-stamp", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))

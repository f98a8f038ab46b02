/* The output encoding "@NAME@" of an endpoint: the answer as lines of key=value. What is inside of objects and lists has the way to
 * it as its key: a.b=1, list.0=first. In the configuration of an endpoint:
 *
 *   "output_encoding": "@NAME@"
 *
 * Everything that crosses the border between gateway and plugin is in sluice/plugin.h, with thread, life time and failure. */
#define SLC_NEEDED_MINOR 0u /* nothing here is later than 1.0 */
#include <sluice/note.h>
#include <stdio.h>
#include <string.h>

/* Services: asked for once, in load(). They live as long as the process. */
static const slc_exchange_api* exchange;
static const slc_document_api* document;

#define TEXT(literal) ((slc_str){(literal), sizeof(literal) - 1})

/* Where in the document, from the inside out; on the stack, as deep as the document. */
enum { MOST_LEVELS = 32 };
typedef struct place {
  const struct place* around;
  slc_str key;
  int level;
} place;

/* Copied by the gateway. What it refuses (SLC_ENOMEM) fails the answer. */
static slc_status put(slc_exchange* x, slc_str text) { return text.len ? exchange->append_body(x, text, 0) : SLC_OK; }

static slc_status put_place(slc_exchange* x, const place* here) {
  if (!here) return SLC_OK;
  slc_status status = put_place(x, here->around);
  if (status == SLC_OK && here->around) status = put(x, TEXT("."));
  return status == SLC_OK ? put(x, here->key) : status;
}

/* A text stays on its line: \n for the end of one, \\ for a backslash. */
static slc_status put_text(slc_exchange* x, slc_str text) {
  slc_status status = SLC_OK;
  size_t begin = 0;
  for (size_t i = 0; i < text.len && status == SLC_OK; ++i) {
    if (text.ptr[i] != '\n' && text.ptr[i] != '\\') continue;
    status = put(x, (slc_str){text.ptr + begin, i - begin});
    if (status == SLC_OK) status = put(x, text.ptr[i] == '\n' ? TEXT("\\n") : TEXT("\\\\"));
    begin = i + 1;
  }
  return status == SLC_OK && begin < text.len ? put(x, (slc_str){text.ptr + begin, text.len - begin}) : status;
}

static slc_status put_value(slc_exchange* x, slc_node value, const place* here) {
  const int32_t kind = document->kind(value);
  slc_status status = SLC_OK;
  if (kind == SLC_OBJECT || kind == SLC_ARRAY) {
    if (here && here->level == MOST_LEVELS) return SLC_ELIMIT;
    const uint32_t n = document->count(value);
    for (uint32_t i = 0; i < n && status == SLC_OK; ++i) {
      char index[16];
      place inside = {here, {NULL, 0}, here ? here->level + 1 : 1};
      const slc_node member = document->at(value, i, &inside.key);
      if (kind == SLC_ARRAY) inside.key = (slc_str){index, (size_t)snprintf(index, sizeof index, "%u", i)};
      status = put_value(x, member, &inside);
    }
    return status;
  }
  status = put_place(x, here);
  if (status == SLC_OK && here) status = put(x, TEXT("="));
  if (status != SLC_OK) return status;
  int32_t yes = 0;
  if (kind == SLC_NULL) status = put(x, TEXT("null"));
  else if (kind == SLC_BOOL) status = document->as_bool(value, &yes) == SLC_OK && yes ? put(x, TEXT("true")) : put(x, TEXT("false"));
  else status = put_text(x, document->text(value)); /* of a number: as it was written */
  return status == SLC_OK ? put(x, TEXT("\n")) : status;
}

/* Writes the body; on an event loop. `data` is absent when there is no answer; it may be of any kind. */
static slc_status encode(void* state, slc_exchange* x, slc_node data) {
  (void)state;
  return data.p ? put_value(x, data, NULL) : SLC_OK;
}

static const slc_encoder encoder = {.size = sizeof encoder, .content_type = {"text/plain; charset=utf-8", 25}, .encode = encode};

static const void* get_interface(const char* id, const char* name) {
  (void)name;
  return strcmp(id, SLC_IFACE_ENCODER) == 0 ? &encoder : NULL;
}

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = host->service(host, SLC_SVC_EXCHANGE);
  document = host->service(host, SLC_SVC_DOCUMENT);
  return SLC_OK;
}

static const char* const services[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, NULL};
static const slc_binding bindings[] = {{.name = "@NAME@", .interface_id = SLC_IFACE_ENCODER}};

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
SLC_PLUGIN_NOTE("@VENDOR@.@NAME@", "0.1.0", "C " __VERSION__, SLC_BUILD_FLAGS, SLC_NOTE_BINDING("@NAME@", SLC_IFACE_ENCODER, 0))

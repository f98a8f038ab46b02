/* The encoding "@NAME@" of a backend: lines of key=value become an object of texts. In the configuration of a backend:
 *
 *   "encoding": "@NAME@"
 *
 * Everything that crosses the border between gateway and plugin is in sluice/plugin.h, with thread, life time and failure. */
#define SLC_NEEDED_MINOR 0u /* nothing here is later than 1.0 */
#include <sluice/note.h>
#include <string.h>

static const slc_document_api* document; /* asked for once, in load() */

#define TEXT(literal) ((slc_str){(literal), sizeof(literal) - 1})

/* Bytes in, tokens out; no state. The body comes in pieces that end anywhere. */
static slc_status decode(void* state, const slc_str* chunks, uint32_t n, uint32_t flags, slc_builder* out, slc_str* why) {
  size_t size = 0;
  (void)state;
  for (uint32_t i = 0; i < n; ++i) size += chunks[i].len;
  char* text = document->alloc(out, size + 1); /* memory of the document: what points there need not be copied */
  if (!text) return SLC_ENOMEM;
  char* end = text;
  for (uint32_t i = 0; i < n; ++i) {
    if (chunks[i].len) memcpy(end, chunks[i].ptr, chunks[i].len);
    end += chunks[i].len;
  }

  const int collection = (flags & SLC_DECODE_COLLECTION) != 0; /* the backend has "is_collection": a list is wanted */
  if (collection) {
    document->begin(out, SLC_OBJECT);
    document->key(out, TEXT("collection"));
    document->begin(out, SLC_ARRAY);
  }
  document->begin(out, SLC_OBJECT);
  for (char* line = text; line < end;) {
    char* stop = memchr(line, '\n', (size_t)(end - line));
    char* next = stop ? stop + 1 : end;
    if (!stop) stop = end;
    if (stop > line && stop[-1] == '\r') --stop;
    if (stop > line) {
      char* equals = memchr(line, '=', (size_t)(stop - line));
      if (!equals) {
        *why = TEXT("a line without ="); /* static text, or text that lives as long as the exchange */
        return SLC_EDECODE;
      }
      document->key(out, (slc_str){line, (size_t)(equals - line)});
      document->string_stable(out, (slc_str){equals + 1, (size_t)(stop - equals - 1)});
    }
    line = next;
  }
  slc_status status = document->end(out); /* a call that did not fit has spoiled the document, and this says so */
  if (collection) {
    document->end(out);
    status = document->end(out);
  }
  return status;
}

static const slc_decoder decoder = {.size = sizeof decoder, .decode = decode};

static const void* get_interface(const char* id, const char* name) {
  (void)name;
  return strcmp(id, SLC_IFACE_DECODER) == 0 ? &decoder : NULL;
}

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  document = host->service(host, SLC_SVC_DOCUMENT);
  return SLC_OK;
}

static const char* const services[] = {SLC_SVC_DOCUMENT, NULL};
static const slc_binding bindings[] = {{.name = "@NAME@", .interface_id = SLC_IFACE_DECODER}};

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
SLC_PLUGIN_NOTE("@VENDOR@.@NAME@", "0.1.0", "C " __VERSION__, SLC_BUILD_FLAGS, SLC_NOTE_BINDING("@NAME@", SLC_IFACE_DECODER, 0))

/* Answers in place of an HTTP backend: what was asked, after a while. In the configuration of a backend:
 *
 *   "extra_config": {"@VENDOR@/@NAME@": {"greeting": "hello", "delay_ms": 10}}
 *
 * Everything that crosses the border between gateway and plugin is in sluice/plugin.h, with thread, life time and failure. */
#define SLC_NEEDED_MINOR 0u /* nothing here is later than 1.0 */
#include <sluice/note.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

/* Services: asked for once, in load(). They live as long as the process. */
static const slc_exchange_api* exchange;
static const slc_document_api* document;
static const slc_loop_api* loop;

#define TEXT(literal) ((slc_str){(literal), sizeof(literal) - 1})

/* One configuration block, compiled. Immutable: all workers share it. */
typedef struct plugin {
  uint32_t delay_ms;
  size_t size;
  char greeting[];
} plugin;

/* One request; in the exchange's own memory, which goes with it. */
typedef struct call {
  const plugin* plugin;
  slc_token token;
} call;

/* The block has passed its schema: kinds and ranges are right. */
static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  (void)host;
  (void)report;
  const slc_node greeting = document->find(block, TEXT("greeting"));
  const slc_str text = greeting.p ? document->text(greeting) : TEXT("hello");
  plugin* p = malloc(sizeof *p + text.len);
  if (!p) return SLC_ENOMEM;
  int64_t delay = 10;
  document->as_int(document->find(block, TEXT("delay_ms")), &delay); /* stays as it is when the member is absent */
  p->delay_ms = (uint32_t)delay;
  p->size = text.len;
  if (text.len) memcpy(p->greeting, text.ptr, text.len);
  *object = p;
  return SLC_OK;
}

static void destroy(void* object) { free(object); }

/* Adds a JSON string to the body. */
static slc_status put_string(slc_exchange* x, slc_str text) {
  slc_status status = exchange->append_body(x, TEXT("\""), 0);
  for (size_t i = 0; i < text.len && status == SLC_OK; ++i) {
    const unsigned char c = (unsigned char)text.ptr[i];
    char escape[8];
    if (c == '"' || c == '\\') snprintf(escape, sizeof escape, "\\%c", c);
    else if (c < 0x20) snprintf(escape, sizeof escape, "\\u%04x", c);
    else snprintf(escape, sizeof escape, "%c", c);
    status = exchange->append_body(x, (slc_str){escape, strlen(escape)}, 0);
  }
  return status == SLC_OK ? exchange->append_body(x, TEXT("\""), 0) : status;
}

/* The time has come: writes the answer, which is decoded as any backend's. Never called when the exchange is over. */
static void answer(void* user, slc_exchange* x) {
  const call* c = user;
  const struct { slc_str before, text; } parts[] = {{TEXT("{\"greeting\":"), {c->plugin->greeting, c->plugin->size}},
                                                    {TEXT(",\"method\":"), exchange->field(x, SLC_METHOD)},
                                                    {TEXT(",\"path\":"), exchange->field(x, SLC_PATH)}};
  slc_status status = exchange->set_status(x, 200);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == SLC_OK; ++i) {
    status = exchange->append_body(x, parts[i].before, 0);
    if (status == SLC_OK) status = put_string(x, parts[i].text);
  }
  if (status == SLC_OK) status = exchange->append_body(x, TEXT("}"), 0);
  loop->resume(c->token, status == SLC_OK ? SLC_REPLY : SLC_FAIL);
}

/* Reads the request side, fills the response side. On an event loop: must not block. This one waits with a timer; one that speaks to
 * something else gives the token to whoever has the answer, on any thread. Bodies that are long pass in pieces: on_room and
 * on_request_chunk of slc_transport. */
static slc_action send(void* state, slc_exchange* x, void** slot) {
  const plugin* p = state;
  (void)slot;
  call* c = exchange->alloc(x, sizeof *c, _Alignof(call));
  if (!c) return SLC_FAIL;
  c->plugin = p;
  c->token = loop->suspend(x);
  if (c->token == 0 || loop->timer(exchange->worker(x), x, p->delay_ms, answer, c) == 0) return SLC_FAIL;
  return SLC_PENDING;
}

/* The client left, or the time is over. The timer has the exchange as its owner and ends with it; what the gateway does not know of,
 * such as a connection of one's own, ends here. */
static void cancel(void* state, slc_exchange* x, void** slot) {
  (void)state;
  (void)x;
  (void)slot;
}

static const slc_lifecycle life = {.size = sizeof life, .create = create, .destroy = destroy};
static const slc_transport transport = {.size = sizeof transport, .life = &life, .send = send, .cancel = cancel};

static const void* get_interface(const char* id, const char* name) {
  (void)name;
  return strcmp(id, SLC_IFACE_TRANSPORT) == 0 ? &transport : NULL;
}

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = host->service(host, SLC_SVC_EXCHANGE);
  document = host->service(host, SLC_SVC_DOCUMENT);
  loop = host->service(host, SLC_SVC_LOOP);
  return SLC_OK;
}

static const char* const services[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_LOOP, NULL};
static const slc_binding bindings[] = {{
    .name = "@VENDOR@/@NAME@",
    .interface_id = SLC_IFACE_TRANSPORT,
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
SLC_PLUGIN_NOTE("@VENDOR@.@NAME@", "0.1.0", "C " __VERSION__, SLC_BUILD_FLAGS, SLC_NOTE_BINDING("@VENDOR@/@NAME@", SLC_IFACE_TRANSPORT, SLC_AT_BACKEND))

/* test/plain: a middleware in C, on plugin.h alone. {"via": "thread", "post", "timer" or "now", "greeting": text}: goes on after
 * a detour over another thread, a posted function or a timer, and signs the response. Checks its block by hand and reports every
 * problem it finds. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/note.h"
#include "sluice/plugin.h"

#define STR(text) ((slc_str){(text), sizeof(text) - 1})

static const slc_exchange_api* exchange;
static const slc_document_api* document;
static const slc_config_api* config;
static const slc_loop_api* loop;
static const slc_log_api* logger;
static slc_header_id greeting_header, via_header, late_header;

typedef struct plain {
  const slc_host* host;
  char via[16];
  char greeting[64];
} plain;

/* One thread that resumes what it is given, for as long as the plugin is loaded. */
static struct {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  slc_token waiting[1024];
  unsigned count;
  int running, ending;
} helper = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void* help(void* unused) {
  (void)unused;
  pthread_mutex_lock(&helper.mutex);
  for (;;) {
    while (helper.count == 0 && !helper.ending) pthread_cond_wait(&helper.changed, &helper.mutex);
    if (helper.count == 0) break;
    slc_token token = helper.waiting[--helper.count];
    pthread_mutex_unlock(&helper.mutex);
    loop->resume(token, SLC_NEXT);
    pthread_mutex_lock(&helper.mutex);
  }
  pthread_mutex_unlock(&helper.mutex);
  return NULL;
}

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  document = (const slc_document_api*)host->service(host, SLC_SVC_DOCUMENT);
  config = (const slc_config_api*)host->service(host, SLC_SVC_CONFIG);
  loop = (const slc_loop_api*)host->service(host, SLC_SVC_LOOP);
  logger = (const slc_log_api*)host->service(host, SLC_SVC_LOG);
  if (!exchange || !document || !config || !loop || !logger) return SLC_ENOTFOUND;
  if (host->service(host, "sluice.weather/1") != NULL) return SLC_EINVAL; /* nobody has that */
  greeting_header = exchange->intern(host, STR("X-Greeting"));
  via_header = exchange->intern(host, STR("X-Via"));
  late_header = exchange->intern(host, STR("X-Second-Resume"));
  helper.ending = 0;
  helper.running = pthread_create(&helper.thread, NULL, help, NULL) == 0;
  return helper.running ? SLC_OK : SLC_ENOMEM;
}

static void unload(void) {
  pthread_mutex_lock(&helper.mutex);
  helper.ending = 1;
  pthread_cond_signal(&helper.changed);
  pthread_mutex_unlock(&helper.mutex);
  if (helper.running) pthread_join(helper.thread, NULL);
  helper.running = 0;
}

static void read_text(slc_node block, slc_report* report, const char* key, slc_str pointer, char* out, size_t size) {
  slc_node node = document->find(block, (slc_str){key, strlen(key)});
  slc_str text = document->text(node);
  if (document->kind(node) != SLC_STRING) {
    config->error(report, pointer, STR("must be a text"));
  } else if (text.len + 1 > size) {
    config->error(report, pointer, STR("is too long"));
  } else {
    memcpy(out, text.ptr, text.len);
  }
}

static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  plain* p = (plain*)calloc(1, sizeof *p);
  if (!p) return SLC_ENOMEM;
  p->host = host;
  *object = p; /* with an error reported the host destroys it */
  read_text(block, report, "via", STR("/via"), p->via, sizeof p->via);
  read_text(block, report, "greeting", STR("/greeting"), p->greeting, sizeof p->greeting);
  slc_node list = document->find(block, STR("numbers"));
  for (uint32_t i = 0; i < document->count(list); ++i) {
    int64_t n;
    char pointer[32] = "/numbers/";
    if (document->as_int(document->at(list, i, NULL), &n) == SLC_OK) continue;
    pointer[9] = (char)('0' + i % 10);
    config->error(report, (slc_str){pointer, 10}, STR("must be an integer"));
  }
  return SLC_OK;
}
static void destroy(void* object) { free(object); }

typedef struct visit {
  slc_token token;
  int second; /* what a second resume said */
} visit;

static void posted(void* user) {
  visit* v = (visit*)user;
  loop->resume(v->token, SLC_NEXT);
  v->second = loop->resume(v->token, SLC_FAIL);
}
static void rang(void* user, slc_exchange* x) {
  exchange->set_header(x, SLC_RESPONSE, via_header, STR("timer"));
  loop->resume(((visit*)user)->token, SLC_NEXT);
}

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  plain* p = (plain*)state;
  visit* v = (visit*)exchange->alloc(x, sizeof *v, 0);
  if (!v) return SLC_FAIL;
  *slot = v;
  v->second = 1;
  exchange->set_header(x, SLC_REQUEST, greeting_header, (slc_str){p->greeting, strlen(p->greeting)});
  if (strcmp(p->via, "now") == 0) return SLC_NEXT;
  v->token = loop->suspend(x);
  if (!v->token) return SLC_FAIL;
  if (strcmp(p->via, "thread") == 0) {
    pthread_mutex_lock(&helper.mutex);
    int full = helper.count == sizeof helper.waiting / sizeof helper.waiting[0];
    if (!full) helper.waiting[helper.count++] = v->token;
    pthread_cond_signal(&helper.changed);
    pthread_mutex_unlock(&helper.mutex);
    return full ? SLC_FAIL : SLC_PENDING;
  }
  if (strcmp(p->via, "post") == 0) return loop->post(exchange->worker(x), posted, v) == SLC_OK ? SLC_PENDING : SLC_FAIL;
  if (strcmp(p->via, "timer") == 0) return loop->timer(exchange->worker(x), x, 5, rang, v) ? SLC_PENDING : SLC_FAIL;
  exchange->fail(x, 501, STR("no such way"), STR("no such way"), STR("text/plain"));
  return SLC_FAIL;
}

static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  plain* p = (plain*)state;
  visit* v = (visit*)*slot;
  exchange->set_header(x, SLC_RESPONSE, greeting_header, (slc_str){p->greeting, strlen(p->greeting)});
  if (v->second == SLC_ESTALE) exchange->set_header(x, SLC_RESPONSE, late_header, STR("stale"));
  /* What would split a response is refused there and then. */
  if (exchange->set_header(x, SLC_RESPONSE, greeting_header, STR("a\r\nX-Evil: b")) != SLC_EINVAL) return SLC_FAIL;
  return SLC_NEXT;
}

static void on_done(void* state, slc_exchange* x, void** slot) {
  (void)slot;
  plain* p = (plain*)state;
  if (logger->enabled(p->host, SLC_INFO)) logger->write(p->host, x, SLC_INFO, STR("done plain"));
}

static const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, NULL, NULL, NULL, NULL};
static const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, on_request, NULL, on_response, on_done, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)binding;
  return strcmp(id, SLC_IFACE_MIDDLEWARE) == 0 ? &kMiddleware : NULL;
}

static const char* const kServices[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG, SLC_SVC_LOOP, SLC_SVC_LOG, NULL};
static const slc_binding kBindings[] = {
    {"test/plain", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 300, NULL, NULL, 0},
    {"test/plain-backend", SLC_IFACE_MIDDLEWARE, SLC_AT_BACKEND, 300, NULL, NULL, 0},
};
const slc_entry SLC_ENTRY_SYMBOL = {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR,
                                    SLC_STARTS_THREADS | SLC_BUILD_FLAGS, "test.plain", "1.0.0", "C11", kServices, kBindings,
                                    sizeof kBindings / sizeof kBindings[0], sizeof(slc_binding), load, unload, get_interface};
SLC_PLUGIN_NOTE("test.plain", "1.0.0", "C11", SLC_STARTS_THREADS | SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("test/plain", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT)
                SLC_NOTE_BINDING("test/plain-backend", SLC_IFACE_MIDDLEWARE, SLC_AT_BACKEND))

/* test/poison: does what the request's X-Poison says, "HOOK:DEED", such as "on_request:segv". Deeds: segv, abort, exit, loop,
 * fault (segv that the crash report sees), alloc (takes memory of the exchange), timer (waits and dies in the timer), never (waits for ever), control and scribble (spoil what is shared with the gateway).
 * Without the header it stamps X-Seen, and counts. A block {"in": "create", "do": DEED} does it there; "load" at SLUICE_POISON_LOAD.
 * Each load() is a line in the file SLUICE_POISON_LOADED. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/plugin.h"

#define STR(text) ((slc_str){(text), sizeof(text) - 1})

static const slc_exchange_api* exchange;
static const slc_document_api* document;
static const slc_config_api* config;
static const slc_loop_api* loop;
static const slc_log_api* logs;
static const slc_metrics_api* metrics;
static const slc_host* own;
static slc_header_id poison, seen, keep;
static slc_metric_id served;

static void die(int by) {
  signal(by, SIG_DFL); /* the sanitizers' own handlers stay silent */
  raise(by);
}

static int* volatile sixteen = (int*)16; /* nobody optimises this away */

static void scribble(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    if (!strstr(line, "memfd:sluice-isolate") || sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
    memset((void*)from, 0xa5, to - from);
  }
  if (maps) fclose(maps);
}

static int is(slc_str s, const char* text) { return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0; }

static void in_timer(void* user, slc_exchange* x) {
  (void)user, (void)x;
  die(SIGSEGV);
}

/* What the hook answers. */
static slc_action act(slc_str deed, slc_exchange* x) {
  if (is(deed, "segv")) die(SIGSEGV);
  if (is(deed, "fault")) *(volatile int*)sixteen = 1;
  if (x && is(deed, "alloc") && !exchange->alloc(x, 100000, 8)) return SLC_FAIL;
  if (is(deed, "abort")) die(SIGABRT);
  if (is(deed, "exit")) _exit(3);
  if (is(deed, "loop")) {
    if (!x && write(2, "the deed begins\n", 16) < 0) return SLC_FAIL;
    for (volatile int i = 0;; i = !i) {}
  }
  if (is(deed, "control") && write(3, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) < 0) return SLC_FAIL;
  if (is(deed, "scribble")) scribble();
  if (x && is(deed, "timer")) loop->timer(NULL, x, 1, in_timer, NULL);
  if (x && (is(deed, "timer") || is(deed, "never"))) return loop->suspend(x) ? SLC_PENDING : SLC_FAIL;
  return SLC_NEXT;
}

static slc_action hook(slc_exchange* x, const char* name) {
  slc_str order = exchange->header(x, SLC_REQUEST, poison, 0);
  size_t n = strlen(name);
  if (order.len > n && memcmp(order.ptr, name, n) == 0 && order.ptr[n] == ':') return act((slc_str){order.ptr + n + 1, order.len - n - 1}, x);
  return SLC_NEXT;
}

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state;
  static int something;
  if (exchange->header(x, SLC_REQUEST, keep, 0).ptr) *slot = &something;
  metrics->add(exchange->worker(x), served, 1);
  return hook(x, "on_request");
}
static slc_action on_raw_response(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  return hook(x, "on_raw_response");
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  exchange->set_header(x, SLC_RESPONSE, seen, STR("yes"));
  return hook(x, "on_response");
}
static void on_done(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  hook(x, "on_done");
}

static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) {
  (void)host;
  static int one;
  *object = &one;
  slc_str where = document->text(document->find(block, STR("in")));
  if (is(where, "create")) act(document->text(document->find(block, STR("do"))), NULL);
  if (is(where, "wrong")) config->error(report, STR("/do"), STR("the deed is wrong"));
  if (is(where, "doubtful")) config->warning(report, STR("/do"), STR("the deed is doubtful"));
  if (is(where, "root")) {
    slc_node name = document->find(config->surrounding(report, SLC_AT_SERVICE), STR("name"));
    logs->write(own, NULL, SLC_WARNING, document->text(name));
  }
  return SLC_OK;
}

static slc_status load(const slc_host* host, slc_report* report) {
  (void)report;
  own = host;
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  document = (const slc_document_api*)host->service(host, SLC_SVC_DOCUMENT);
  config = (const slc_config_api*)host->service(host, SLC_SVC_CONFIG);
  loop = (const slc_loop_api*)host->service(host, SLC_SVC_LOOP);
  logs = (const slc_log_api*)host->service(host, SLC_SVC_LOG);
  metrics = (const slc_metrics_api*)host->service(host, SLC_SVC_METRICS);
  poison = exchange->intern(host, STR("X-Poison"));
  seen = exchange->intern(host, STR("X-Seen"));
  keep = exchange->intern(host, STR("X-Keep"));
  served = metrics->counter(host, STR("served_total"), STR("Requests that were seen"));
  const char* loaded = getenv("SLUICE_POISON_LOADED");
  FILE* told = loaded ? fopen(loaded, "a") : NULL;
  if (told) fprintf(told, "%d\n", (int)getpid()), fclose(told);
  const char* deed = getenv("SLUICE_POISON_LOAD");
  if (deed) act((slc_str){deed, strlen(deed)}, NULL);
  char pid[64];
  int n = snprintf(pid, sizeof pid, "poison runs in process %d", (int)getpid());
  logs->write(host, NULL, SLC_WARNING, (slc_str){pid, (size_t)n});
  return SLC_OK;
}

static const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, NULL, NULL, NULL, NULL, NULL};
static const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, on_request, on_raw_response, on_response, on_done, NULL, NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
static const slc_binding kBindings[] = {
    {"test/poison", SLC_IFACE_MIDDLEWARE, SLC_AT_SERVICE, 900, NULL, NULL, 0},
    {"test/poison", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 500, NULL, NULL, 0},
    {"test/poison", SLC_IFACE_MIDDLEWARE, SLC_AT_BACKEND, 500, NULL, NULL, 0},
};
const slc_entry SLC_ENTRY_SYMBOL = {
    SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "test.poison", "1.0.0", "fixture", NULL,
    kBindings,     3,                 sizeof(slc_binding), load,    NULL,            get_interface};

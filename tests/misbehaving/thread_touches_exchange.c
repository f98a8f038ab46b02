/* Reads a header from a thread of its own while the request waits. A debug build refuses the call and names the plugin, whose
 * thread the host has never seen, by the file that called. */
#include <pthread.h>

#include "suspending.h"

static slc_header_id any_header;

typedef struct task {
  slc_exchange* exchange;
  slc_token token;
  pthread_t thread;
  int saw_it;
} task;

static void* run(void* user) {
  task* t = user;
  t->saw_it = exchange->header(t->exchange, SLC_REQUEST, any_header, 0).ptr != NULL;
  loop->resume(t->token, SLC_NEXT);
  return NULL;
}
static slc_status load_all(const slc_host* host, slc_report* report) {
  slc_status status = load(host, report);
  if (status == SLC_OK) any_header = exchange->intern(host, STR("X-Any"));
  return status;
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state;
  task* t = exchange->alloc(x, sizeof *t, sizeof(void*));
  if (!t) return SLC_FAIL;
  t->exchange = x;
  t->token = loop->suspend(x);
  *slot = t;
  if (t->token && pthread_create(&t->thread, NULL, run, t) == 0) return SLC_PENDING;
  *slot = NULL;
  return SLC_FAIL;
}
static void on_done(void* state, slc_exchange* x, void** slot) {
  task* t = *slot;
  (void)state, (void)x;
  if (t) pthread_join(t->thread, NULL);
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  task* t = *slot;
  (void)state;
  if (t) tell(x, STR("X-Touched"), t->saw_it ? SLC_OK : SLC_ESTALE);
  return SLC_NEXT;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request, .on_response = on_response, .on_done = on_done};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/thread-touches-exchange", SLC_AT_ENDPOINT)
const slc_entry SLC_ENTRY_SYMBOL = {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS | SLC_STARTS_THREADS,
                                    "misbehaving.thread-touches-exchange", "1.0.0", "fixture", NULL, kBindings, 1, sizeof(slc_binding),
                                    load_all, NULL, get_interface};
SLC_PLUGIN_NOTE("misbehaving.thread-touches-exchange", "1.0.0", "fixture", SLC_BUILD_FLAGS | SLC_STARTS_THREADS,
                SLC_NOTE_BINDING("misbehaving/thread-touches-exchange", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))

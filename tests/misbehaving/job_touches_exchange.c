/* Reads a header of the request from a thread of the pool: the exchange is its worker's, which may change it at that moment. */
#include "suspending.h"

static const slc_work_api* work;
static slc_header_id any_header;

typedef struct task {
  slc_exchange* exchange;
  slc_token token;
  size_t length;
} task;

static void run(void* user) {
  task* t = user;
  t->length = exchange->header(t->exchange, SLC_REQUEST, any_header, 0).len;
}
static void done(void* user, slc_exchange* x) {
  (void)x;
  loop->resume(((task*)user)->token, SLC_NEXT);
}
static slc_status load_all(const slc_host* host, slc_report* report) {
  work = (const slc_work_api*)host->service(host, SLC_SVC_WORK);
  slc_status status = load(host, report);
  if (status == SLC_OK) any_header = exchange->intern(host, STR("Host"));
  return work ? status : SLC_ENOTFOUND;
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  task* t = exchange->alloc(x, sizeof *t, sizeof(void*));
  if (!t) return SLC_FAIL;
  t->exchange = x;
  t->token = loop->suspend(x);
  slc_job job = {sizeof job, 0, run, done, NULL};
  return t->token && work->submit(exchange->worker(x), x, &job, t, NULL) == SLC_OK ? SLC_PENDING : SLC_FAIL;
}
static const slc_middleware kMiddleware = {.size = sizeof(slc_middleware), .on_request = on_request};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  (void)&tell;
  return &kMiddleware;
}
FIXTURE_BINDING("misbehaving/job-touches-exchange", SLC_AT_ENDPOINT)
FIXTURE_ENTRY("misbehaving.job-touches-exchange", load_all, get_interface)
FIXTURE_NOTE("misbehaving.job-touches-exchange", "misbehaving/job-touches-exchange", SLC_AT_ENDPOINT)

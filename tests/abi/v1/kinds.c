/* The kinds and services that fixture.c does not use, against the frozen header, in what C11 and C++20 have in common: decoder,
 * encoder, resolver, balancer, transport, around, log sink, chunk hooks, and every service that a plugin of 1.0 knew. It must
 * load and serve in every later gateway of this major version, so it is never changed. */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const slc_log_api* logs;
static const slc_exchange_api* exchange;
static const slc_document_api* document;
static const slc_config_api* problems;
static const slc_metrics_api* metrics;
static const slc_shared_api* shared;
static const slc_loop_api* loop;
static const slc_stream_api* stream;
static const slc_work_api* work;
static const slc_dns_api* dns;
static const slc_store_api* store;
static const slc_next_api* next;
static const slc_host* self;
static slc_header_id x_encoded, x_services, x_versions;
static slc_metric_id counter;
static slc_limiter* limiter;
static uint64_t* uses;
static char ask[128];

static slc_str text(const char* s) {
  slc_str v;
  v.ptr = s;
  v.len = strlen(s);
  return v;
}
static const slc_str kAbsent = {NULL, 0};

static slc_status load(const slc_host* host, slc_report* report) SLC_NOEXCEPT {
  (void)report;
  self = host;
  logs = (const slc_log_api*)host->service(host, SLC_SVC_LOG);
  exchange = (const slc_exchange_api*)host->service(host, SLC_SVC_EXCHANGE);
  document = (const slc_document_api*)host->service(host, SLC_SVC_DOCUMENT);
  problems = (const slc_config_api*)host->service(host, SLC_SVC_CONFIG);
  metrics = (const slc_metrics_api*)host->service(host, SLC_SVC_METRICS);
  shared = (const slc_shared_api*)host->service(host, SLC_SVC_SHARED);
  loop = (const slc_loop_api*)host->service(host, SLC_SVC_LOOP);
  stream = (const slc_stream_api*)host->service(host, SLC_SVC_STREAM);
  work = (const slc_work_api*)host->service(host, SLC_SVC_WORK);
  dns = (const slc_dns_api*)host->service(host, SLC_SVC_DNS);
  store = (const slc_store_api*)host->service(host, SLC_SVC_STORE);
  next = (const slc_next_api*)host->service(host, SLC_SVC_NEXT);
  x_encoded = exchange->intern(host, text("X-Encoded"));
  x_services = exchange->intern(host, text("X-Services"));
  x_versions = exchange->intern(host, text("X-Versions"));
  counter = metrics->counter(host, text("frozen_requests_total"), text("Requests"));
  limiter = shared->limiter(host, text("l"), 1000, 1000, 60000);
  uses = (uint64_t*)shared->block(host, text("b"), sizeof *uses);
  return limiter && uses ? store->limit(host, 1 << 20) : SLC_ENOMEM;
}

static slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) SLC_NOEXCEPT {
  static char any;
  (void)host, (void)block, (void)report;
  *object = &any;
  return SLC_OK;
}
static void destroy(void* object) SLC_NOEXCEPT { (void)object; }
static const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, NULL, NULL, NULL, NULL};

/* ---- encodings: words of a text as an array, and an array as words ---- */

static slc_status decode(void* state, const slc_str* chunks, uint32_t n, uint32_t flags, slc_builder* b, slc_str* why) SLC_NOEXCEPT {
  uint32_t i;
  (void)state, (void)flags;
  document->begin(b, SLC_OBJECT);
  document->key(b, text("words"));
  document->begin(b, SLC_ARRAY);
  for (i = 0; i < n; ++i) {
    const char *at = chunks[i].ptr, *end = at + chunks[i].len;
    while (at < end) {
      const char* blank = (const char*)memchr(at, ' ', (size_t)(end - at));
      slc_str word;
      word.ptr = at;
      word.len = (size_t)((blank ? blank : end) - at);
      document->string_stable(b, word);
      at = blank ? blank + 1 : end;
    }
  }
  document->end(b);
  if (document->end(b) == SLC_OK) return SLC_OK;
  *why = text("these are no words");
  return SLC_EINVAL;
}
static const slc_decoder kDecoder = {sizeof(slc_decoder), &kLife, {NULL, 0}, decode, NULL};

static slc_status encode(void* state, slc_exchange* x, slc_node data) SLC_NOEXCEPT {
  slc_node words = document->find(data, text("words"));
  uint32_t i, n = document->count(words);
  (void)state;
  for (i = 0; i < n; ++i) {
    if (i) exchange->append_body(x, text("-"), 1);
    exchange->append_body(x, document->text(document->at(words, i, NULL)), 0);
  }
  return exchange->set_header(x, SLC_RESPONSE, x_encoded, text("words"));
}
static const slc_encoder kEncoder = {sizeof(slc_encoder), &kLife, {"text/x-words", 12}, encode};

/* ---- hosts: as configured; the second one ---- */

static slc_status watch(void* object, const slc_resolver_query* q, slc_host_list* list,
                        slc_status (*publish)(slc_host_list*, const slc_address*, uint32_t n) SLC_NOEXCEPT, void** out) SLC_NOEXCEPT {
  slc_address all[4];
  uint32_t i;
  memset(all, 0, sizeof all);
  for (i = 0; i < q->host_count && i < 4; ++i) all[i].url = q->hosts[i];
  *out = object;
  return publish(list, all, i);
}
static void unwatch(void* object, void* w) SLC_NOEXCEPT { (void)object, (void)w; }
static const slc_resolver kResolver = {sizeof(slc_resolver), &kLife, watch, unwatch};

static uint32_t pick(void* state, slc_exchange* x, const slc_candidate* all, uint32_t n) SLC_NOEXCEPT {
  (void)state, (void)x, (void)all, (void)n;
  return 1;
}
static const slc_balancer kBalancer = {sizeof(slc_balancer), &kLife, pick};

static slc_action send(void* state, slc_exchange* x, void** slot) SLC_NOEXCEPT {
  (void)state, (void)slot;
  exchange->append_body(x, text("sent "), 1);
  exchange->append_body(x, exchange->field(x, SLC_PATH), 0);
  exchange->set_status(x, 200);
  return SLC_REPLY;
}
static void cancel(void* state, slc_exchange* x, void** slot) SLC_NOEXCEPT { (void)state, (void)x, (void)slot; }
static const slc_transport kTransport = {sizeof(slc_transport), &kLife, send, cancel};

/* ---- around: once more after a failure ---- */

typedef struct again {
  slc_token token;
  int tries;
} again;

static void tried(void* user, slc_exchange* outer, slc_exchange* attempt) SLC_NOEXCEPT {
  again* a = (again*)user;
  if (exchange->outcome(attempt, NULL) != SLC_OK && ++a->tries < 2 && next->call(outer, tried, a)) return;
  next->use(outer, attempt);
  loop->resume(a->token, SLC_REPLY);
}
static slc_action on_call(void* state, slc_exchange* x, void** slot) SLC_NOEXCEPT {
  again* a = (again*)exchange->alloc(x, sizeof *a, sizeof(void*));
  (void)state, (void)slot;
  if (!a) return SLC_FAIL;
  a->tries = 0;
  a->token = loop->suspend(x);
  return next->call(x, tried, a) ? SLC_PENDING : SLC_FAIL;
}
static void around_done(void* state, slc_exchange* x, void** slot) SLC_NOEXCEPT { (void)state, (void)x, (void)slot; }
static const slc_around kAround = {sizeof(slc_around), &kLife, on_call, around_done};

/* ---- a middleware that waits for one service after the other; a letter for each that did what it should ---- */

typedef struct trip {
  slc_exchange* x;
  slc_worker* worker;
  slc_token token;
  int streamed;
  size_t letters;
  char seen[16];
} trip;

static void seen(trip* t, int good, char letter) {
  if (good && t->letters + 1 < sizeof t->seen) t->seen[t->letters++] = letter;
}
static void answered(void* user, slc_exchange* x, const slc_reply* r) SLC_NOEXCEPT {
  trip* t = (trip*)user;
  (void)x;
  seen(t, r->result == SLC_OK && r->status == 200 && r->body.len == 5 && memcmp(r->body.ptr, "hello", 5) == 0, 'h');
  loop->resume(t->token, SLC_NEXT);
}
static void found(void* user, slc_exchange* x, const slc_dns_reply* r) SLC_NOEXCEPT {
  trip* t = (trip*)user;
  slc_callout c;
  seen(t, r->result == SLC_OK && r->count == 1, 'd');
  memset(&c, 0, sizeof c);
  c.size = sizeof c;
  c.method = text("GET");
  c.url = text(ask);
  if (!loop->http(t->worker, x, &c, answered, t)) loop->resume(t->token, SLC_FAIL);
}

typedef struct job { /* not of the exchange: the thread may outlive that */
  trip* t;
  int ran;
} job;
static void run(void* user) SLC_NOEXCEPT { ((job*)user)->ran = 1; }
static void drop(void* user) SLC_NOEXCEPT { free(user); }
static void done(void* user, slc_exchange* x) SLC_NOEXCEPT {
  job* j = (job*)user;
  trip* t = j->t;
  slc_dns_query q;
  seen(t, j->ran && x == t->x, 'w');
  free(j);
  memset(&q, 0, sizeof q);
  q.size = sizeof q;
  q.kind = SLC_DNS_ADDRESSES;
  q.name = text("127.0.0.1");
  if (dns->lookup(t->worker, x, &q, found, t, NULL) != SLC_OK) loop->resume(t->token, SLC_FAIL);
}
static void posted(void* user) SLC_NOEXCEPT {
  trip* t = (trip*)user;
  job* j = (job*)calloc(1, sizeof *j);
  slc_job how;
  seen(t, 1, 'p');
  memset(&how, 0, sizeof how);
  how.size = sizeof how;
  how.run = run;
  how.done = done;
  how.drop = drop;
  if (!j) return;
  j->t = t;
  if (work->submit(t->worker, t->x, &how, j, NULL) != SLC_OK) free(j);
}
static void fired(void* user, slc_exchange* x) SLC_NOEXCEPT {
  trip* t = (trip*)user;
  seen(t, x == t->x, 't');
  loop->post(t->worker, posted, t);
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) SLC_NOEXCEPT {
  trip* t = (trip*)exchange->alloc(x, sizeof *t, sizeof(void*));
  int64_t count = 0;
  slc_str value = kAbsent;
  (void)state;
  if (!t) return SLC_FAIL;
  memset(t, 0, sizeof *t);
  *slot = t;
  t->x = x;
  t->worker = exchange->worker(x);
  metrics->add(t->worker, counter, 1);
  seen(t, metrics->read(self, counter) >= 1, 'm');
  seen(t, shared->take(limiter, text("c")) == 1 && ++*uses >= 1 && shared->now_ns() > 0, 's');
  seen(t, store->set(self, text("k"), text("v"), 0) == SLC_OK && store->read(self, x, text("k"), &value) == SLC_OK && value.len == 1 &&
              store->increment(self, text("n"), 1, 0, &count) == SLC_OK && count >= 1, 'k');
  if (logs->enabled(self, SLC_WARNING)) logs->write(self, x, SLC_WARNING, text("frozen but awake"));
  t->token = loop->suspend(x);
  return loop->timer(t->worker, x, 1, fired, t) ? SLC_PENDING : SLC_FAIL;
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) SLC_NOEXCEPT {
  trip* t = (trip*)*slot;
  char versions[32];
  slc_str letters;
  (void)state;
  letters.ptr = t->seen;
  letters.len = t->letters;
  exchange->set_header(x, SLC_RESPONSE, x_services, letters);
  snprintf(versions, sizeof versions, "%u.%u in %u.%u", SLC_ABI_MAJOR, SLC_ABI_MINOR, (unsigned)self->abi_major, (unsigned)self->abi_minor);
  exchange->set_header(x, SLC_RESPONSE, x_versions, text(versions));
  return SLC_NEXT;
}
static slc_action on_response_chunk(void* state, slc_exchange* x, void** slot, const slc_chunk* c) SLC_NOEXCEPT {
  trip* t = (trip*)*slot;
  (void)state;
  if (c->flags & SLC_CHUNK_LAST && !t->streamed++ && stream->room(x, SLC_RESPONSE) > 0) stream->emit(x, SLC_RESPONSE, text("!"));
  return SLC_NEXT;
}
static void on_done(void* state, slc_exchange* x, void** slot) SLC_NOEXCEPT { (void)state, (void)x, (void)slot; }
static slc_status create_services(const slc_host* host, slc_node block, slc_report* report, void** object) SLC_NOEXCEPT {
  slc_str url = document->text(document->find(block, text("ask")));
  if (url.len == 0 || url.len >= sizeof ask || problems->scope(report) != SLC_AT_ENDPOINT) {
    problems->error(report, text("/ask"), text("must be the place to ask"));
    return SLC_EINVAL;
  }
  memcpy(ask, url.ptr, url.len);
  ask[url.len] = '\0';
  return create(host, block, report, object);
}
static const slc_lifecycle kServicesLife = {sizeof(slc_lifecycle), create_services, destroy, NULL, NULL, NULL, NULL};
static const slc_middleware kMiddleware = {sizeof(slc_middleware), &kServicesLife, on_request, NULL, on_response, on_done, NULL, on_response_chunk};

/* ---- the log ---- */

static int32_t level(void* object) SLC_NOEXCEPT { return (void)object, SLC_INFO; }
static void write_line(void* object, const slc_log_record* r) SLC_NOEXCEPT {
  (void)object;
  fprintf(stderr, "frozen sink: %.*s\n", (int)r->message.len, r->message.ptr);
}
static void flush(void* object) SLC_NOEXCEPT { (void)object; }
static const slc_log_sink kSink = {sizeof(slc_log_sink), &kLife, level, write_line, flush};

static const void* get_interface(const char* id, const char* binding) SLC_NOEXCEPT {
  (void)binding;
  if (strcmp(id, SLC_IFACE_MIDDLEWARE) == 0) return &kMiddleware;
  if (strcmp(id, SLC_IFACE_AROUND) == 0) return &kAround;
  if (strcmp(id, SLC_IFACE_DECODER) == 0) return &kDecoder;
  if (strcmp(id, SLC_IFACE_ENCODER) == 0) return &kEncoder;
  if (strcmp(id, SLC_IFACE_RESOLVER) == 0) return &kResolver;
  if (strcmp(id, SLC_IFACE_BALANCER) == 0) return &kBalancer;
  if (strcmp(id, SLC_IFACE_TRANSPORT) == 0) return &kTransport;
  return strcmp(id, SLC_IFACE_LOG_SINK) == 0 ? (const void*)&kSink : NULL;
}
static const slc_binding kBindings[] = {
    {"test/frozen-services", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 300, NULL, NULL, 0},
    {"test/frozen-again", SLC_IFACE_AROUND, SLC_AT_BACKEND, 300, NULL, NULL, 0},
    {"test-frozen-words", SLC_IFACE_DECODER, 0, 0, NULL, NULL, 0},
    {"test-frozen-words", SLC_IFACE_ENCODER, 0, 0, NULL, NULL, 0},
    {"test-frozen-hosts", SLC_IFACE_RESOLVER, 0, 0, NULL, NULL, 0},
    {"test/frozen-second", SLC_IFACE_BALANCER, SLC_AT_BACKEND, 0, NULL, NULL, 0},
    {"test/frozen-transport", SLC_IFACE_TRANSPORT, SLC_AT_BACKEND, 0, NULL, NULL, 0},
    {"test/frozen-log", SLC_IFACE_LOG_SINK, SLC_AT_SERVICE, 0, NULL, NULL, 0}};
static const char* const kServices[] = {SLC_SVC_LOG,  SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG, SLC_SVC_METRICS, SLC_SVC_SHARED, SLC_SVC_LOOP,
                                        SLC_SVC_STREAM, SLC_SVC_WORK,   SLC_SVC_DNS,      SLC_SVC_STORE,  SLC_SVC_NEXT,    NULL};

const slc_entry SLC_ENTRY_SYMBOL = {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR,
                                    SLC_BUILD_FLAGS, "test.frozen-kinds", "1.0.0", "C or C++",
                                    kServices, kBindings, sizeof kBindings / sizeof kBindings[0], sizeof(slc_binding),
                                    load, NULL, get_interface};

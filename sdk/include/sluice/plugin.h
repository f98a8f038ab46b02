/* sluice/plugin.h -- the plugin ABI, version 1: frozen, grows only as docs/abi-policy.md says. C11 and C++20, LP64.
 *
 * A plugin is a shared object that exports ONE symbol, the constant `slc_plugin_entry`. Everything else is
 * asked for by id, in both directions: the host asks entry->get_interface("sluice.middleware/1", name), the plugin
 * asks host->service(host, "sluice.log/1"). C++ authors use plugin.hpp instead of this file.
 * docs/abi-policy.md says what may change here and how.
 *
 * Threads   [load]   the thread that builds or ends a generation; never a worker; one call at a time
 *           [worker] the loop thread that owns the object in the first argument; must not block
 *           [pool]   a thread of the host's pool (sluice.work/1); may block
 *           [any]    any thread, concurrently
 *           [log]    the logging thread; may block
 * Strings   slc_str is a view, never NUL-terminated. A view the host returns lives until the hook returns,
 *           unless the comment says [exchange] (until on_done of that exchange) or [load] (as long as the
 *           plugin's generation). A view the plugin passes in is copied before the call returns, unless the
 *           comment says [stable]: then the plugin promises that it lives as long as the exchange.
 * Memory    whoever allocates frees; nothing is ever freed across the boundary. Per-request memory comes
 *           from slc_exchange_api.alloc and goes away with the exchange.
 * Growth    every table, and every struct passed by pointer, starts with its size and only grows at the end
 *           (SLC_HAS tests for a late field); a changed meaning gets a new id. Structs without size never change: slc_str,
 *           slc_node, and the elements of arrays (slc_member_range, slc_address, slc_candidate, slc_dns_record).
 *           What is reserved in them is 0 until a later minor gives it a meaning. slc_binding grows with its
 *           stride, binding_size. Enum values are only appended and travel as int32_t/uint32_t. Bits of flags
 *           that a header does not name are 0.
 * Units     times are milliseconds (_ms) or nanoseconds (_ns), sizes are bytes
 * Owners    what is started for an exchange ends with it. What is started without one ends with the object in
 *           whose function or callback it was started: on a worker when worker_stop is called there, on the
 *           pool before destroy is called. What has ended never calls back. Started from a thread of the
 *           plugin's own, it belongs to nobody: withdraw it
 * Checks    the host looks whether [worker] functions are called on their thread: those that start something always
 *           (SLC_ETHREAD, or 0), those that read or change something in debug builds, where the call does nothing,
 *           answers SLC_ETHREAD or what is absent, and a line in the log names the plugin
 * Errors    no exception crosses: every function pointer is noexcept when seen from C++.
 * Re-entry  a callback (timer, reply, done) is never made from inside the call that started it. */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
#define SLC_NOEXCEPT noexcept
extern "C" {
#else
#define SLC_NOEXCEPT
#endif

#define SLC_ABI_MAGIC 0x31434c53u /* "SLC1" in memory */
#define SLC_ABI_MAJOR 1u
#define SLC_ABI_MINOR 1u
/* What an entry and its note say as abi_minor: the oldest minor in which the plugin runs. Defined in front of this header it may
 * be lower, down to 0, if later services (NULL) and late fields (SLC_HAS) are asked for before they are used, as plugin.hpp does. */
#ifndef SLC_NEEDED_MINOR
#define SLC_NEEDED_MINOR SLC_ABI_MINOR
#endif
#define SLC_EXPORT __attribute__((visibility("default")))
/* True when *table was built with `field`, a pointer, and the other side filled it in. */
#define SLC_HAS(table, type, field) \
  ((table)->size >= offsetof(type, field) + sizeof((table)->field) && (table)->field)

typedef struct slc_str { const char* ptr; size_t len; } slc_str; /* absent: ptr == NULL */
typedef struct slc_node { void* p; uint64_t epoch; } slc_node;   /* document value; absent: p == NULL */
typedef uint64_t slc_token;     /* index + generation; 0 is never valid; stale tokens are harmless */
typedef uint32_t slc_header_id; /* interned header name */
typedef uint32_t slc_metric_id;
typedef struct slc_host slc_host;
typedef struct slc_worker slc_worker;     /* one event loop, one thread */
typedef struct slc_exchange slc_exchange; /* one request/response pair at one scope */
typedef struct slc_builder slc_builder;   /* host-side receiver of a document being built */
typedef struct slc_report slc_report;     /* collects located configuration errors */
typedef struct slc_host_list slc_host_list;
typedef struct slc_limiter slc_limiter;   /* token buckets of the process */
typedef struct slc_selection slc_selection; /* host-side receiver of a selector's choices */

typedef int32_t slc_status;
enum { SLC_OK = 0, SLC_EINVAL = -1, SLC_ENOTFOUND = -2, SLC_ENOMEM = -3, SLC_ESTALE = -4,
       SLC_ETHREAD = -5, SLC_ELIMIT = -6, SLC_EIO = -7, SLC_ETIMEOUT = -8, SLC_ECANCELED = -9,
       SLC_EREFUSED = -10, SLC_EDECODE = -11, SLC_EBACKEND = -12 /* a status that is no success */,
       SLC_EEXIST = -13 };

typedef int32_t slc_action; /* what a hook asks for; any unknown value is treated as SLC_FAIL */
enum { SLC_NEXT = 0,    /* go on with the chain */
       SLC_REPLY = 1,   /* the response side is complete: skip the rest, unwind */
       SLC_PENDING = 2, /* suspended with a token; the host waits for resume() */
       SLC_TAKE = 3,    /* chunk hooks only: the chunk is used up; what was emitted goes on in its place */
       SLC_AGAIN = 4,   /* chunk hooks only: what was emitted goes on; then the same chunk once more */
       SLC_FAIL = -1 }; /* this scope fails: what fail() recorded, else 500 */

/* Scopes, also used as a bit set in slc_binding.scopes. */
enum { SLC_AT_SERVICE = 1, SLC_AT_ENDPOINT = 2, SLC_AT_PROXY = 4, SLC_AT_BACKEND = 8 };
/* SLC_CLIENT: the client's request headers as service and endpoint stages left them, before input_headers chose what
 * backends see. Only header() and header_at(), only in slc_encoder.encode; empty elsewhere. */
enum { SLC_REQUEST = 0, SLC_RESPONSE = 1, SLC_CLIENT = 2 };
enum { SLC_METHOD = 0, SLC_PATH = 1, SLC_QUERY = 2, SLC_HOST = 3, SLC_CLIENT_IP = 4, SLC_REQUEST_ID = 5,
       SLC_SCHEME = 6, SLC_ROUTE = 7 /* endpoint as configured */, SLC_PEER_IP = 8 };
enum { SLC_NULL = 0, SLC_BOOL = 1, SLC_NUMBER = 2, SLC_STRING = 3, SLC_ARRAY = 4, SLC_OBJECT = 5 };
enum { SLC_DEBUG = 1, SLC_INFO = 2, SLC_WARNING = 3, SLC_ERROR = 4, SLC_CRITICAL = 5 }; /* 0: no level */

/* ---- services the host offers: host->service(host, id), NULL when this host has none ---- */

struct slc_host { /* tells who is calling: one handle per plugin, valid as long as the process */
  uint32_t size;
  uint16_t abi_major, abi_minor;
  slc_str name, version;
  /* The table of a service by its id, for the life of the process; NULL: this host has none. [any] */
  const void* (*service)(const slc_host*, const char* id) SLC_NOEXCEPT;
};

#define SLC_SVC_LOG "sluice.log/1"
typedef struct slc_log_api { /* [any]; the host adds plugin, place in the configuration and request. Cost: enabled compares
                              * a number; write copies the line into a queue of the calling thread, under a lock that only
                              * the logging thread wants, too */
  uint32_t size;
  int32_t (*enabled)(const slc_host*, int32_t level) SLC_NOEXCEPT; /* ask before formatting */
  /* One line, copied; a full queue drops its oldest lines and counts them. */
  void (*write)(const slc_host*, slc_exchange* or_null, int32_t level, slc_str) SLC_NOEXCEPT;
} slc_log_api;

#define SLC_SVC_EXCHANGE "sluice.exchange/1"
/* Cost: no lock but intern's. Headers and parameters are searched from the first on; what is set is copied once, into
 * memory of the exchange that comes and goes as a whole; views are not copied. */
typedef struct slc_exchange_api { /* [worker] except intern */
  uint32_t size;
  /* Names are never forgotten and there are at most 65536 in a process, so look up those of the configuration, not what
   * others send without bound. [any] Takes a lock. 0: not a header name, or too many */
  slc_header_id (*intern)(const slc_host*, slc_str name) SLC_NOEXCEPT;
  /* The nth value (from 0) of that name; absent: there are not so many. [exchange] */
  slc_str (*header)(slc_exchange*, int32_t side, slc_header_id, uint32_t nth) SLC_NOEXCEPT;
  /* Header line i, in order; SLC_ENOTFOUND past the end. Either output may be NULL. [exchange] */
  slc_status (*header_at)(slc_exchange*, int32_t side, uint32_t i, slc_str* n, slc_str* v) SLC_NOEXCEPT;
  /* One line in place of all of that name. Values are checked as network input is: CR, LF, NUL answer SLC_EINVAL. */
  slc_status (*set_header)(slc_exchange*, int32_t side, slc_header_id, slc_str) SLC_NOEXCEPT;
  /* One more line, behind those of the same name; checked as in set_header. */
  slc_status (*add_header)(slc_exchange*, int32_t side, slc_header_id, slc_str) SLC_NOEXCEPT;
  slc_status (*remove_header)(slc_exchange*, int32_t side, slc_header_id) SLC_NOEXCEPT; /* all lines of that name */
  slc_str (*field)(slc_exchange*, int32_t which) SLC_NOEXCEPT; /* SLC_METHOD ... SLC_PEER_IP. [exchange] */
  slc_status (*set_field)(slc_exchange*, int32_t which, slc_str) SLC_NOEXCEPT; /* METHOD PATH QUERY */
  /* Route parameter by its name as written in the endpoint. [exchange] */
  slc_str (*param)(slc_exchange*, slc_str name) SLC_NOEXCEPT;
  slc_status (*set_param)(slc_exchange*, slc_str name, slc_str value) SLC_NOEXCEPT; /* or makes one; copied */
  int32_t (*status)(slc_exchange*) SLC_NOEXCEPT; /* of the response side; 0 = none yet */
  slc_status (*set_status)(slc_exchange*, int32_t) SLC_NOEXCEPT; /* 200 to 999, else SLC_EINVAL */
  /* Body bytes; returns the number of pieces there are, fills at most cap. Empty while streaming. */
  uint32_t (*body)(slc_exchange*, int32_t side, slc_str* out, uint32_t cap) SLC_NOEXCEPT;
  slc_status (*set_body)(slc_exchange*, int32_t side, slc_str) SLC_NOEXCEPT; /* the whole body; copied */
  /* Adds to the response body. stable != 0: [stable], not copied when that is cheaper. */
  slc_status (*append_body)(slc_exchange*, slc_str, int32_t stable) SLC_NOEXCEPT;
  slc_node (*data)(slc_exchange*) SLC_NOEXCEPT; /* decoded tree; absent for raw scopes and raw answers */
  /* A builder whose finished document becomes data(). */
  slc_builder* (*replace_data)(slc_exchange*) SLC_NOEXCEPT;
  int32_t (*complete)(slc_exchange*) SLC_NOEXCEPT; /* the response's "complete" flag (pipeline.md) */
  slc_status (*set_complete)(slc_exchange*, int32_t) SLC_NOEXCEPT; /* 0: a part is missing */
  void* (*alloc)(slc_exchange*, size_t size, size_t align) SLC_NOEXCEPT; /* arena, [exchange] */
  /* Records why this scope fails; then return SLC_FAIL. http_status 0: 500 for the client.
   * body may be absent; content_type may be absent. Headers that hooks of this scope put on the response side go with the
   * failure where it is what the client gets: at the service, at the endpoint, around the backends, of a single or a
   * required backend. They do not where it is one part among several, nor what the backend itself sent. */
  void (*fail)(slc_exchange*, int32_t http_status, slc_str why, slc_str body, slc_str content_type) SLC_NOEXCEPT;
  /* In on_response and on_done: how the scope ended so far. SLC_OK, or the error's kind and text.
   * on_done after a time-out: SLC_ETIMEOUT; after the client left or a sibling won: SLC_ECANCELED. */
  slc_status (*outcome)(slc_exchange*, slc_str* text_or_null) SLC_NOEXCEPT;
  int32_t (*scope)(slc_exchange*) SLC_NOEXCEPT; /* SLC_AT_... */
  slc_worker* (*worker)(slc_exchange*) SLC_NOEXCEPT; /* whose thread this is */
} slc_exchange_api;

#define SLC_SVC_DOCUMENT "sluice.document/1"
typedef struct slc_member_range { /* one member as offsets into a text, begin <= key <= key_end <= value <= end */
  uint32_t begin, key, key_end, value, end; /* the member, key included; the key's characters; its value, up to the end */
  int32_t kind;                             /* of the value */
} slc_member_range;
/* Cost: no lock. The first look into a value whose text a decoder put off parses one level of it; find compares hashes of
 * keys from the first member on. What is changed, and all around it, is written anew by the encoder; the rest is copied as it
 * came. Building costs memory of the exchange, a copy of what is not stable, and a hash for each key. */
typedef struct slc_document_api { /* [any] on a configuration's tree, [worker] on an exchange's */
  uint32_t size;
  int32_t (*kind)(slc_node) SLC_NOEXCEPT; /* SLC_NULL when absent */
  slc_status (*as_int)(slc_node, int64_t*) SLC_NOEXCEPT; /* SLC_EINVAL: no integer that fits */
  slc_status (*as_double)(slc_node, double*) SLC_NOEXCEPT; /* SLC_EINVAL: no number */
  slc_status (*as_bool)(slc_node, int32_t*) SLC_NOEXCEPT; /* SLC_EINVAL: neither true nor false */
  slc_str (*text)(slc_node) SLC_NOEXCEPT; /* string: its characters; number: its text as written */
  slc_node (*find)(slc_node object, slc_str key) SLC_NOEXCEPT; /* absent: no such member, or no object */
  /* Member or element i, in document order; absent past the end. */
  slc_node (*at)(slc_node container, uint32_t i, slc_str* key_or_null) SLC_NOEXCEPT;
  uint32_t (*count)(slc_node) SLC_NOEXCEPT; /* of members or elements; 0 for other kinds */
  slc_status (*erase)(slc_node object, slc_str key) SLC_NOEXCEPT; /* invalidates siblings */
  /* Source text: what a decoder handed over for this value and nobody changed, if `format` (such as
   * "json") is the format it is written in; else absent. An encoder copies it as it stands. */
  slc_str (*source)(slc_node, slc_str format) SLC_NOEXCEPT;
  /* The longest run of members beginning with the i-th whose source text is one piece, as
   * `"key":value,"key":value` without braces; *members says how many. Absent: *members is 0. */
  slc_str (*source_run)(slc_node object, slc_str format, uint32_t i, uint32_t* members) SLC_NOEXCEPT;

  /* Building: one call per token, the same calls a decoder makes. A call that does not fit (a value
   * without key in an object, an end too many) answers SLC_EINVAL and spoils the document; too deep
   * or too many answers SLC_ELIMIT. */
  slc_status (*begin)(slc_builder*, int32_t array_or_object) SLC_NOEXCEPT;
  slc_status (*end)(slc_builder*) SLC_NOEXCEPT; /* of what was begun last */
  slc_status (*key)(slc_builder*, slc_str) SLC_NOEXCEPT;    /* decoded characters, copied */
  slc_status (*string)(slc_builder*, slc_str) SLC_NOEXCEPT; /* decoded characters, copied */
  slc_status (*string_stable)(slc_builder*, slc_str) SLC_NOEXCEPT; /* [stable], not copied */
  slc_status (*number_text)(slc_builder*, slc_str) SLC_NOEXCEPT; /* JSON number grammar, copied */
  slc_status (*integer)(slc_builder*, int64_t) SLC_NOEXCEPT; /* a number */
  slc_status (*number)(slc_builder*, double) SLC_NOEXCEPT; /* finite, else SLC_EINVAL */
  slc_status (*literal)(slc_builder*, int32_t kind, int32_t value) SLC_NOEXCEPT; /* SLC_BOOL, SLC_NULL */
  slc_status (*copy)(slc_builder*, slc_node) SLC_NOEXCEPT; /* a whole value of another document */
  /* Deferred text: a whole value that the decoder has validated and can expand later (slc_decoder.expand).
   * [stable]: text points into the chunks given to decode. */
  slc_status (*deferred)(slc_builder*, int32_t kind, slc_str text) SLC_NOEXCEPT;
  /* The same for a member: key as decoded characters ([stable]), and the member's whole text from the
   * key's first byte to the value's last, so that neighbours can be written as one piece. */
  slc_status (*deferred_member)(slc_builder*, slc_str key, slc_str member, int32_t kind, slc_str value) SLC_NOEXCEPT;
  /* Arena memory of the document being built, for text that had to be rewritten. */
  void* (*alloc)(slc_builder*, size_t size) SLC_NOEXCEPT;
  /* deferred_member for many members of one object at a time. text: [stable]; the keys hold no escapes: their characters
   * are what stands there. */
  slc_status (*deferred_members)(slc_builder*, slc_str text, const slc_member_range*, uint32_t n) SLC_NOEXCEPT;
  /* 1: nobody looks into the document that is being built, so a root object is best handed over with one deferred(). */
  int32_t (*whole)(slc_builder*) SLC_NOEXCEPT;
} slc_document_api;

#define SLC_SVC_CONFIG "sluice.config/1"
typedef struct slc_config_api { /* [load]. Cost: at the start and at reloads only; requests never pay for it */
  uint32_t size;
  /* pointer is an RFC 6901 pointer relative to the plugin's own block; call it once per problem */
  void (*error)(slc_report*, slc_str pointer, slc_str message) SLC_NOEXCEPT;
  void (*warning)(slc_report*, slc_str pointer, slc_str message) SLC_NOEXCEPT; /* does not refuse */
  /* The configuration object around the block: SLC_AT_SERVICE the root, SLC_AT_ENDPOINT the endpoint,
   * SLC_AT_BACKEND the backend, as written in the file; absent where there is none. [load] */
  slc_node (*surrounding)(slc_report*, int32_t scope) SLC_NOEXCEPT;
  slc_str (*location)(slc_report*) SLC_NOEXCEPT; /* absolute pointer of the block. [load] */
  /* Text that names the place for people and log lines: "[ENDPOINT: /x]", "[BACKEND: /y]". [load] */
  slc_str (*place)(slc_report*) SLC_NOEXCEPT;
  int32_t (*scope)(slc_report*) SLC_NOEXCEPT; /* the scope this block was found at */
} slc_config_api;

#define SLC_SVC_METRICS "sluice.metrics/1"
/* Cost: add is an addition to a number of the worker's own, observe one search through the bounds and two of them: no lock, no
 * atomic read-modify-write. read adds up all workers under a lock; making a metric takes that lock, too. */
typedef struct slc_metrics_api { /* sharded per worker */
  uint32_t size;
  slc_metric_id (*counter)(const slc_host*, slc_str name, slc_str help) SLC_NOEXCEPT; /* [load] only grows */
  slc_metric_id (*gauge)(const slc_host*, slc_str name, slc_str help) SLC_NOEXCEPT;   /* [load] goes up and down */
  /* Upper bounds in ascending order; +Inf is added. */
  slc_metric_id (*histogram)(const slc_host*, slc_str name, slc_str help, const double* bounds,
                             uint32_t n) SLC_NOEXCEPT;                                   /* [load] */
  void (*add)(slc_worker*, slc_metric_id, int64_t) SLC_NOEXCEPT;        /* [worker] counter, gauge */
  void (*observe)(slc_worker*, slc_metric_id, double) SLC_NOEXCEPT;     /* [worker] histogram */
  /* Sum over all workers (histogram: number of observations). [any] */
  int64_t (*read)(const slc_host*, slc_metric_id) SLC_NOEXCEPT;
} slc_metrics_api;

#define SLC_SVC_SHARED "sluice.shared/1"
/* Cost: a block is plain memory, what workers write at the same time its plugin's to order. take with a client locks one of 64
 * shards for a look-up; without, it is one compare-and-exchange. now_ns reads the clock without a system call. */
typedef struct slc_shared_api { /* state of the process: all workers, and across reloads */
  uint32_t size;
  /* size bytes, zeroed when new, aligned to 64, owned by the host under (plugin id, key). The same key
   * gives the same block for as long as a generation uses it. NULL: another size is in use. [load]
   * Its content must make sense to another build of the plugin: no pointers. */
  void* (*block)(const slc_host*, slc_str key, size_t size) SLC_NOEXCEPT;
  /* Token buckets that start full, refill by per_second and hold at most capacity (>= 1) tokens.
   * The same key gives the same buckets while rate and capacity are equal. idle_ms: an unused bucket
   * is dropped after that. [load] */
  slc_limiter* (*limiter)(const slc_host*, slc_str key, double per_second, double capacity,
                          uint64_t idle_ms) SLC_NOEXCEPT;
  /* Takes a token from the bucket of `client` (empty: the one bucket without client). 1 taken, 0 none
   * left. [any] */
  int32_t (*take)(slc_limiter*, slc_str client) SLC_NOEXCEPT;
  /* Monotonic clock of the process, nanoseconds. [any] */
  uint64_t (*now_ns)(void) SLC_NOEXCEPT;
} slc_shared_api;

#define SLC_SVC_LOOP "sluice.loop/1"
typedef void (*slc_timer_fn)(void* user, slc_exchange* or_null) SLC_NOEXCEPT;
typedef struct slc_reply { /* a callout's result, valid during the callback only */
  uint32_t size;
  slc_status result;  /* SLC_OK: an answer came, whatever its status */
  int32_t status;
  slc_str body;
  const slc_str* headers; /* name, value, name, value... */
  uint32_t header_count;  /* number of pairs */
  slc_str error;          /* text when result != SLC_OK */
} slc_reply;
typedef void (*slc_reply_fn)(void* user, slc_exchange* or_null, const slc_reply*) SLC_NOEXCEPT;
typedef struct slc_callout { /* copied before http returns */
  uint32_t size;
  slc_str method, url, body;
  const slc_str* headers; /* name, value, name, value... */
  uint32_t header_count;  /* number of pairs */
  uint32_t timeout_ms;    /* 0: 2000 */
  uint32_t max_body;      /* bytes; 0: 1 MiB */
  uint32_t flags;         /* 0 */
} slc_callout;
/* Cost: suspending and timers take no lock and, after the first ones, no memory of the system. A resume costs a turn of the
 * loop; those of one turn share a lock, from other threads each takes one and wakes the loop, as post and signal do.
 * http is a request to a server over pooled connections, with a few small allocations of its own. */
typedef struct slc_loop_api { /* waiting without blocking: suspension, timers, callouts, other threads */
  uint32_t size;
  slc_token (*suspend)(slc_exchange*) SLC_NOEXCEPT;         /* [worker] then return SLC_PENDING */
  slc_status (*resume)(slc_token, slc_action) SLC_NOEXCEPT; /* [any]; SLC_ESTALE if too late */
  /* owner is an exchange or NULL with a worker: the host cancels with the owner, and a cancelled
   * timer or callout never calls back. [worker] */
  slc_token (*timer)(slc_worker*, slc_exchange* owner, uint32_t ms, slc_timer_fn, void*) SLC_NOEXCEPT;
  /* An HTTP request of the plugin's own; the answer, or why there is none, comes to the callback. As timer. [worker] */
  slc_token (*http)(slc_worker*, slc_exchange* owner, const slc_callout*, slc_reply_fn, void*) SLC_NOEXCEPT;
  /* A timer, callout, event, lookup or job of this worker; SLC_ESTALE: it is over. [worker] */
  slc_status (*cancel)(slc_worker*, slc_token) SLC_NOEXCEPT;
  /* Runs fn(user) on the worker, in the order of posting. Nothing cancels it: user and fn must live until it
   * has run or the process ends. SLC_ESTALE: the worker has ended, and fn is not called; the slc_worker itself is
   * there until the last object was destroyed. For what belongs to an object, take an event. [any] */
  slc_status (*post)(slc_worker*, void (*fn)(void*) SLC_NOEXCEPT, void*) SLC_NOEXCEPT;
  uint64_t (*now_ms)(slc_worker*) SLC_NOEXCEPT; /* [worker] monotonic, the loop's idea of now */
  uint32_t (*worker_index)(slc_worker*) SLC_NOEXCEPT; /* [any] from 0 */
  uint32_t (*worker_count)(slc_worker*) SLC_NOEXCEPT; /* [any] the same for the life of a generation */
  /* A doorbell for other threads: signal(token), from any of them, has fn(user) run on the worker soon after,
   * once for any number of signals until then. Belongs to the calling object on this worker; 0: refused.
   * [worker] */
  slc_token (*event)(slc_worker*, void (*fn)(void* user) SLC_NOEXCEPT, void* user) SLC_NOEXCEPT;
  slc_status (*signal)(slc_token) SLC_NOEXCEPT; /* [any] SLC_ESTALE: the event is cancelled, nothing happens */
  /* Late (1.1): milliseconds until the host ends this exchange by itself, by the loop's clock: the nearest of the limits over
   * the caller, which are the endpoint's time-out, and at a backend also that of the group of calls it belongs to. 0: it
   * has passed, or another thread asks. UINT32_MAX: there is none. What a plugin starts for the exchange ends with it
   * anyway; this is for those that set a limit of their own, or need not begin. [worker] */
  uint32_t (*remaining_ms)(slc_exchange*) SLC_NOEXCEPT;
} slc_loop_api;

#define SLC_SVC_STREAM "sluice.stream/1"
/* Bodies as they pass. A middleware that has on_request_chunk or on_response_chunk sees each body of its scope in
 * pieces, in order, whatever their size; the last call has SLC_CHUNK_LAST (its bytes may be empty), and a body that
 * breaks off has none. What a hook answers:
 *   SLC_NEXT     what it emitted in the call, then the chunk as it is (not copied)
 *   SLC_TAKE     only what it emitted; nothing emitted: nothing goes on now
 *   SLC_AGAIN    what it emitted; a turn of the loop later, and not before there is room behind it, it is called
 *                with the same chunk and SLC_CHUNK_AGAIN. For output that would exceed the bound. Without
 *                anything emitted: SLC_FAIL
 *   SLC_PENDING  after suspend(): the host keeps the chunk and reads no more; resume() says which of the others
 *   SLC_FAIL     the body is not completed. Answers: fail()'s status if the head has not left, else the connection
 *                is cut, so that the client sees it. Requests: the scope fails
 * What passes where:
 *   service, endpoint  the client's request body when somebody inside reads it (streamed or collected), and the body
 *                      of every answer, whoever gave it; not of HEAD, 204 and 304
 *   proxy              on raw endpoints only: both bodies on their way
 *   backend            what is sent to, and what came from, the transport: streamed on raw endpoints, else one chunk
 *                      before the decoder
 * Requests: after on_request of this scope, outermost hook first. Answers: innermost first, after on_raw_response and,
 * where the body is bytes for the client, after on_response of every scope. Content codings are as they came; the
 * gateway undoes only the gzip that it asked for itself. Other hooks of the scope may run between two chunks.
 * Transports, too, may stream (1.1): one that has on_request_chunk or on_room in its table is the far end of both bodies.
 * What it emits passes the answer's hooks; see slc_transport.
 * Cost: nothing where no hook is configured; else one call a chunk. A body with chunk hooks of unknown outcome
 * travels without Content-Length: expect() avoids that. */
enum { SLC_CHUNK_LAST = 1, SLC_CHUNK_AGAIN = 2 };
typedef struct slc_chunk { /* valid during the hook */
  uint32_t size;
  uint32_t flags; /* SLC_CHUNK_... */
  slc_str bytes;
} slc_chunk;
enum { SLC_LENGTH_UNKNOWN = -1, SLC_LENGTH_KEPT = -2, SLC_BODY_SKIPPED = -3 };
typedef struct slc_stream_api { /* [worker] in hooks and callbacks of the binding whose chunk hook is meant */
  uint32_t size;
  /* From on_request (its body), on_raw_response or on_response (the answer's): what the body will be behind this
   * binding's chunk hook. A number of bytes; SLC_LENGTH_KEPT: as many as in front of it; SLC_LENGTH_UNKNOWN, which
   * counts when nothing is said; SLC_BODY_SKIPPED: do not call the chunk hook for this body. Fewer or more bytes
   * than promised cut the connection. */
  slc_status (*expect)(slc_exchange*, int32_t side, int64_t length) SLC_NOEXCEPT;
  /* Puts bytes (copied) behind those emitted before. In the chunk hook they are part of its answer; from a timer or
   * another callback they go out on their own, between two chunks. SLC_ELIMIT: more than room(), nothing taken;
   * SLC_ESTALE: the last chunk has passed; SLC_EINVAL: no body of this side is on its way, or the caller has no
   * chunk hook for it. */
  slc_status (*emit)(slc_exchange*, int32_t side, slc_str bytes) SLC_NOEXCEPT;
  /* Bytes that emit() would take now: 1 MiB less what has not gone on. 0: as for SLC_ESTALE and SLC_EINVAL. */
  size_t (*room)(slc_exchange*, int32_t side) SLC_NOEXCEPT;
  /* In the chunk hook of that side: a token for slc_loop_api.resume (SLC_NEXT, SLC_TAKE, SLC_AGAIN, SLC_FAIL);
   * then return SLC_PENDING. Independent of the other side and of slc_loop_api.suspend. 0: not in that hook. */
  slc_token (*suspend)(slc_exchange*, int32_t side) SLC_NOEXCEPT;
  /* Late (1.1): for a transport with on_room, in send or later, before it answers SLC_REPLY: with that answer status and headers
   * are complete, and the body follows by emit(..., SLC_RESPONSE, ...), at once or at any time until finish(). length: its
   * bytes, or SLC_LENGTH_UNKNOWN; fewer or more break it off. SLC_EINVAL: the caller is none; SLC_ESTALE: it has answered. */
  slc_status (*follow)(slc_exchange*, int64_t length) SLC_NOEXCEPT;
  /* Late (1.1): after follow(), ends the body. why absent: it is whole. Else it breaks off, and why is for the log: before the
   * answer has left the call fails, later the client's connection is cut, so that nobody takes the body for whole.
   * SLC_ESTALE: it has ended; SLC_EINVAL: no body of the caller follows. */
  slc_status (*finish)(slc_exchange*, slc_str why) SLC_NOEXCEPT;
  /* Late (1.1): for a transport with on_request_chunk, from send on: how long the request's body is that will come in pieces.
   * 0: none comes; SLC_LENGTH_UNKNOWN: it is not known. */
  int64_t (*request_length)(slc_exchange*) SLC_NOEXCEPT;
} slc_stream_api;

#define SLC_SVC_WORK "sluice.work/1"
typedef struct slc_job { /* code that must block. Copied */
  uint32_t size;
  uint32_t flags;                       /* 0 */
  void (*run)(void* user) SLC_NOEXCEPT; /* [pool] touches nothing of an exchange */
  /* Exactly one of these two, last of all: done after run, or drop when the job was cancelled: before run (which
   * then never runs) or once run has returned. user must not be memory of an exchange: run may outlive it. */
  void (*done)(void* user, slc_exchange* or_null) SLC_NOEXCEPT; /* submit: [worker]; later: [pool], may be NULL */
  void (*drop)(void* user) SLC_NOEXCEPT;                        /* [any] may be NULL */
} slc_job;
/* Cost: a job is an allocation, a lock to hand it over, two switches between threads and one turn of the loop, and it waits
 * while all threads of the pool are busy: not for what takes microseconds. */
typedef struct slc_work_api { /* threads of the host for code that must block */
  uint32_t size;
  /* Runs the job on a thread of the pool, then done on the worker. Ends with its owner (an exchange, or without
   * one the calling object on this worker). *token is for slc_loop_api.cancel. SLC_ELIMIT: the queue is full,
   * nothing will be called; suspend the request and try later, or refuse it. [worker] */
  slc_status (*submit)(slc_worker*, slc_exchange* owner, const slc_job*, void* user, slc_token* or_null) SLC_NOEXCEPT;
  /* The same without a worker: runs the job in delay_ms. A refresh that repeats starts its next one from done or
   * run. Belongs to the object in whose function it was started, which is not destroyed before the job has ended.
   * [any] */
  slc_status (*later)(const slc_host*, uint64_t delay_ms, const slc_job*, void* user, slc_token* or_null) SLC_NOEXCEPT;
  /* Ends a job of later() or a lookup of lookup_background(): one that waits is dropped, one that runs is waited for.
   * When this returns, nothing of it runs any more; called from the job itself, it does not wait. SLC_ESTALE: it was
   * over. [any] except [worker] */
  slc_status (*withdraw)(const slc_host*, slc_token) SLC_NOEXCEPT;
} slc_work_api;

#define SLC_SVC_DNS "sluice.dns/1"
enum { SLC_DNS_ADDRESSES = 1 /* A and AAAA */, SLC_DNS_SERVICES = 2 /* SRV */ };
typedef struct slc_dns_query { /* copied */
  uint32_t size;
  uint32_t kind; /* SLC_DNS_... */
  slc_str name;  /* addresses: literals are answered, too; services: "_http._tcp.example.org" */
  uint32_t timeout_ms; /* 0: 2000 */
  uint32_t flags;      /* 0 */
} slc_dns_query;
typedef struct slc_dns_record { /* views and all, valid as long as the reply */
  slc_str name;  /* an address as text ("192.0.2.1", "2001:db8::1"), or the host that an SRV record names */
  uint16_t port, priority, weight; /* of SRV records, else 0 */
  uint16_t reserved;
} slc_dns_record;
typedef struct slc_dns_reply { /* valid during the callback */
  uint32_t size;
  slc_status result; /* SLC_OK: at least one record; SLC_ENOTFOUND, SLC_ETIMEOUT, SLC_EIO */
  const slc_dns_record* records; /* addresses in the order to try; services by priority, then as they came */
  uint32_t count;
  uint32_t ttl_ms; /* how long the answer (or the failure) holds */
  slc_str error;   /* text when result != SLC_OK */
} slc_dns_reply;
typedef void (*slc_dns_fn)(void* user, slc_exchange* or_null, const slc_dns_reply*) SLC_NOEXCEPT;
/* Cost: what is cached costs a copy of the records and one turn of the loop; what is not, a query to the name server. */
typedef struct slc_dns_api { /* cached for the records' time to live; lookups of one name are joined */
  uint32_t size;
  /* Calls back on the worker, a turn of the loop later at the earliest. Ends with its owner; *token is for
   * slc_loop_api.cancel. SLC_EINVAL: no name. [worker] */
  slc_status (*lookup)(slc_worker*, slc_exchange* owner, const slc_dns_query*, slc_dns_fn, void* user,
                       slc_token* or_null) SLC_NOEXCEPT;
  /* For resolvers and other work without a worker: calls back on a thread of the pool, without exchange. Ends as a
   * job of slc_work_api.later does; *token is for slc_work_api.withdraw. [any] */
  slc_status (*lookup_background)(const slc_host*, const slc_dns_query*, slc_dns_fn, void* user,
                                  slc_token* or_null) SLC_NOEXCEPT;
} slc_dns_api;

#define SLC_SVC_STORE "sluice.store/1"
/* Bytes under (plugin id, key) for the whole process: all workers see them, and they survive reloads. Kept until their
 * time is over or, when the plugin's memory is full, until they are the least recently used. A value must make sense
 * to another build of the plugin: no pointers. Cost: one lock of one of 16 shards, held for a copy. */
typedef struct slc_store_api { /* [any]. SLC_ELIMIT: key over 4 KiB, value over 1 MiB or a 64th of the limit */
  uint32_t size;
  /* Copies the value to `to`. *length is its length; SLC_ELIMIT when that is more than cap: nothing is copied.
   * SLC_ENOTFOUND: none, or its time is over. */
  slc_status (*get)(const slc_host*, slc_str key, void* to, size_t cap, size_t* length) SLC_NOEXCEPT;
  /* The same into the memory of an exchange. [worker] [exchange] */
  slc_status (*read)(const slc_host*, slc_exchange*, slc_str key, slc_str* value) SLC_NOEXCEPT;
  /* ttl_ms 0: no time limit. */
  slc_status (*set)(const slc_host*, slc_str key, slc_str value, uint64_t ttl_ms) SLC_NOEXCEPT;
  /* Only if there is none: SLC_EEXIST otherwise, and nothing changes. Of several callers, one gets SLC_OK. */
  slc_status (*add)(const slc_host*, slc_str key, slc_str value, uint64_t ttl_ms) SLC_NOEXCEPT;
  /* Adds to a counter, an int64_t in 8 bytes (host order), that begins at 0; ttl_ms counts from that beginning and is
   * not renewed. *value is the sum. SLC_EINVAL: the value has not 8 bytes; SLC_ELIMIT: the sum does not fit. */
  slc_status (*increment)(const slc_host*, slc_str key, int64_t by, uint64_t ttl_ms, int64_t* value) SLC_NOEXCEPT;
  slc_status (*erase)(const slc_host*, slc_str key) SLC_NOEXCEPT; /* SLC_ENOTFOUND: there was none */
  /* Memory for this plugin's entries, 100 bytes of book-keeping each included: 64 MiB unless said otherwise, from
   * 1 MiB to 1 GiB (numbers outside are moved there). The latest call counts. [load] */
  slc_status (*limit)(const slc_host*, uint64_t bytes) SLC_NOEXCEPT;
} slc_store_api;

#define SLC_SVC_NEXT "sluice.next/1"
typedef void (*slc_next_fn)(void* user, slc_exchange* outer, slc_exchange* attempt) SLC_NOEXCEPT;
/* Cost: each attempt is an exchange of its own, with a copy of the request's headers, all hooks further in and a call of
 * the backends; its memory is kept until the outer exchange ends. */
typedef struct slc_next_api { /* for sluice.around/1; [worker] */
  uint32_t size;
  /* Runs everything inside this stage once, on a copy of the request, and calls back with the attempt
   * (outcome, status, headers, data readable until the outer exchange ends). May be called any number
   * of times, at once or one after the other; attempts still running when the outer stage ends are
   * cancelled. Returns a token for cancel, 0 on failure. */
  slc_token (*call)(slc_exchange* outer, slc_next_fn done, void* user) SLC_NOEXCEPT;
  slc_status (*cancel)(slc_exchange* outer, slc_token attempt) SLC_NOEXCEPT; /* SLC_ESTALE: it is over */
  /* Makes the attempt's response (or failure) the outer one's; then resume(..., SLC_REPLY). */
  slc_status (*use)(slc_exchange* outer, slc_exchange* attempt) SLC_NOEXCEPT;
} slc_next_api;

/* ---- what a plugin offers: entry->get_interface(id) ---- */

typedef struct slc_lifecycle { /* shared by every interface below; pointed to, so both can grow */
  uint32_t size;
  /* Checks and compiles one configuration block (absent node for decoders, encoders, resolvers and
   * balancers named without a block). Reports every problem it finds; any reported error or a status
   * other than SLC_OK refuses the configuration. The object is immutable afterwards: all workers
   * share it. *object may be NULL with SLC_OK: the block asks for nothing, no stage is made. */
  slc_status (*create)(const slc_host*, slc_node config, slc_report*, void** object) SLC_NOEXCEPT; /* [load] */
  void (*destroy)(void* object) SLC_NOEXCEPT; /* [load] after the last worker_stop */
  /* Both NULL: hooks receive the object itself as their state. */
  slc_status (*worker_start)(void* object, slc_worker*, void** state) SLC_NOEXCEPT; /* [worker] */
  void (*worker_stop)(void* state) SLC_NOEXCEPT; /* after the last hook there; ends what worker_start began. [worker] */
  /* Late, may be NULL, both or none: handing state over at a reload, from the object of the old generation to that of
   * the new one at the same place (same plugin id, binding and place in the configuration), also when another build
   * of the plugin made it. export_state comes just before the new object is told: it may call write any number of
   * times, at most 16 MiB in all (SLC_ELIMIT); the host copies. The old object still serves: its workers run hooks at
   * the same time, and what they change afterwards is not handed over. A status other than SLC_OK: nothing is. [load]
   * import_state comes after create and before the first worker_start of the new object; bytes are what was written,
   * all of it in one view. The bytes may be of another version: check them. A status other than SLC_OK: not usable, the
   * object starts as new (the host logs it, the reload goes on). [load] */
  slc_status (*export_state)(void* object, slc_status (*write)(void* to, slc_str bytes) SLC_NOEXCEPT,
                             void* to) SLC_NOEXCEPT;
  slc_status (*import_state)(void* object, slc_str bytes) SLC_NOEXCEPT;
} slc_lifecycle;

#define SLC_IFACE_MIDDLEWARE "sluice.middleware/1"
/* Cost: a call through a pointer and one reading of the processor's counter for each hook and request (docs/guarantees.md has
 * the figures); a NULL hook costs nothing, it is not in the chain. A suspension costs a turn of the loop, and chunk hooks
 * a call for each piece of a body. */
typedef struct slc_middleware { /* [worker] */
  uint32_t size;
  const slc_lifecycle* life;
  /* On the way in, low stage first. *slot is NULL at first and the binding's own, for this exchange. At a backend,
   * SLC_REPLY without data stands for an answer of the backend: the raw hooks further out see it, then it is decoded. */
  slc_action (*on_request)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
  /* Backend scope only: the transport's answer, before status rule and decoder. A body that is set here takes the
   * place of one that is still arriving. */
  slc_action (*on_raw_response)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
  /* In reverse order (a selector may have it the other way), also when the inside failed (outcome() tells). SLC_REPLY: it has
   * not, the response side says what there is; at a backend a body set in place of a failure stands for the backend's,
   * as in on_request. */
  slc_action (*on_response)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
  /* Exactly once if on_request ran (or, without on_request, on any other hook), last of all. */
  void (*on_done)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
  /* Late: bodies as they pass, see sluice.stream/1. */
  slc_action (*on_request_chunk)(void* state, slc_exchange*, void** slot, const slc_chunk*) SLC_NOEXCEPT;
  /* The same for answers. */
  slc_action (*on_response_chunk)(void* state, slc_exchange*, void** slot, const slc_chunk*) SLC_NOEXCEPT;
} slc_middleware;

#define SLC_IFACE_AROUND "sluice.around/1"
/* Cost: a hook's; and when it answers SLC_PENDING what its attempts cost, see sluice.next/1. */
typedef struct slc_around { /* [worker] retry, hedge, mirror, cache: may call next any number of times */
  uint32_t size;
  const slc_lifecycle* life;
  /* SLC_NEXT: run the inside once as if the stage were not there. SLC_REPLY: the response side is
   * set. SLC_PENDING: attempts run; resume() ends it. */
  slc_action (*on_call)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
  void (*on_done)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT; /* exactly once */
} slc_around;

#define SLC_IFACE_DECODER "sluice.decoder/1"
enum { SLC_DECODE_COLLECTION = 1 }; /* flags: the backend has is_collection */
/* Cost: one call for each answer, and in it one call back for each token, or one for many members whose text is put off. */
typedef struct slc_decoder { /* [worker] pure: bytes in, tokens out; bytes are [exchange] */
  uint32_t size;
  const slc_lifecycle* life;
  slc_str format; /* format of its deferred text, such as "json"; absent: makes none */
  /* NULL: raw. The body is passed on undecoded, any status is a success (no-op). */
  slc_status (*decode)(void* state, const slc_str* chunks, uint32_t n, uint32_t flags, slc_builder*,
                       slc_str* why) SLC_NOEXCEPT; /* *why: static text or [stable], on failure */
  /* Expands one level (or all) of deferred text that this decoder made. [any] a function of its text alone */
  slc_status (*expand)(slc_str text, slc_builder*) SLC_NOEXCEPT;
} slc_decoder;

#define SLC_IFACE_ENCODER "sluice.encoder/1"
/* Cost: one call for each answer; small pieces are copied together, large stable ones go out from where they are. */
typedef struct slc_encoder { /* [worker] */
  uint32_t size;
  const slc_lifecycle* life;
  slc_str content_type; /* default; encode may set another with set_header */
  /* Writes the body with append_body. data absent: null. NULL: raw (no-op). */
  slc_status (*encode)(void* state, slc_exchange*, slc_node data) SLC_NOEXCEPT;
} slc_encoder;

#define SLC_IFACE_RESOLVER "sluice.resolver/1"
typedef struct slc_resolver_query { /* [load]; views live as long as the list */
  uint32_t size;
  const slc_str* hosts; /* the backend's "host" entries */
  uint32_t host_count;
  slc_str scheme;       /* "sd_scheme" */
  uint64_t refresh_ms;  /* "dns_cache_ttl" */
} slc_resolver_query;
typedef struct slc_address { /* copied by publish */
  slc_str url;     /* scheme://name:port[/prefix] */
  uint32_t weight; /* 0 counts as 1 */
  uint32_t reserved_bits; /* 0 */
  uint64_t reserved;      /* 0 */
} slc_address;
/* Cost: requests pay nothing; each list that is published is checked, copied and handed to every worker. */
typedef struct slc_resolver { /* pushes host lists; requests never wait for it */
  uint32_t size;
  const slc_lifecycle* life;
  /* Publishes now or later, again whenever the list changes. n == 0 keeps the last list. */
  slc_status (*watch)(void* object, const slc_resolver_query*, slc_host_list*,
                      slc_status (*publish)(slc_host_list*, const slc_address*, uint32_t n) SLC_NOEXCEPT, /* [any] */
                      void** watch) SLC_NOEXCEPT;               /* [load] */
  void (*unwatch)(void* object, void* watch) SLC_NOEXCEPT;      /* [load]; no publish afterwards */
} slc_resolver;

#define SLC_IFACE_BALANCER "sluice.balancer/1"
typedef struct slc_candidate { /* a host of the list in use; valid during pick */
  slc_str url;
  uint32_t weight;  /* >= 1 */
  uint32_t pending; /* calls of this worker in flight */
  uint64_t reserved; /* 0 */
} slc_candidate;
/* Cost: one call for each call of a backend with two hosts or more; a backend with one host never asks. */
typedef struct slc_balancer { /* [worker]; state is per worker when worker_start is given */
  uint32_t size;
  const slc_lifecycle* life;
  /* Index of the chosen candidate; n >= 2. A number outside is taken modulo n. */
  uint32_t (*pick)(void* state, slc_exchange*, const slc_candidate*, uint32_t n) SLC_NOEXCEPT;
} slc_balancer;

#define SLC_IFACE_TRANSPORT "sluice.transport/1"
/* Without the late hooks, request and answer are held as a whole. A transport with one of them (1.1) streams:
 *   the answer   with on_room, when follow() of sluice.stream/1 was called: what it emits goes to the client at once on raw
 *                endpoints, and is collected elsewhere, within the backend's max_response_body
 *   the request  with on_request_chunk: on raw endpoints the body as the client sends it, elsewhere the whole one; then body()
 *                is readable, too. Nothing is read from the client before send has returned
 * Time-outs are those of every backend. What ends the exchange (time-out, a client that left, a body that was broken off or
 * became too large) ends both bodies, and cancel tells. finish() ends the request's body as well.
 * Cost: one call for each call of the backend, in place of the HTTP client and its pool. Streaming: a small allocation, a copy of
 * what is emitted, a turn of the loop before it goes on, and a call for each piece of the request's body; what on_request_chunk
 * keeps waiting is copied. */
typedef struct slc_transport { /* [worker] replaces the HTTP client for one backend */
  uint32_t size;
  const slc_lifecycle* life;
  /* Reads the request side (method, path, query, headers, body) and fills status, headers and body of
   * the response side; SLC_REPLY when done, SLC_PENDING and resume(..., SLC_REPLY) later. */
  slc_action (*send)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
  /* While send is pending: no resume comes any more. With a late hook: exactly once for each send, whatever became of it, and
   * nothing of the exchange calls back or may be touched afterwards. */
  void (*cancel)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
  /* Late (1.1), may be NULL: a piece of the request's body, in order, after send has answered SLC_PENDING, or SLC_REPLY with
   * follow(); the last one has SLC_CHUNK_LAST (its bytes may be empty). Not called without a body. SLC_NEXT or SLC_TAKE: it is
   * used up. SLC_PENDING after suspend(SLC_REQUEST): the host keeps it and reads no more from the client until resume() with one
   * of these or SLC_AGAIN, which has the same piece come again, with SLC_CHUNK_AGAIN. SLC_FAIL: the call fails. */
  slc_action (*on_request_chunk)(void* state, slc_exchange*, void** slot, const slc_chunk*) SLC_NOEXCEPT;
  /* Late (1.1), may be NULL: everything that was emitted has gone on, and there is room for more. Called the first time when the
   * answer's head is on its way, then whenever emit() had answered SLC_ELIMIT or room() 0. A body may be made here alone. */
  void (*on_room)(void* state, slc_exchange*, void** slot) SLC_NOEXCEPT;
} slc_transport;

#define SLC_IFACE_LOG_SINK "sluice.log-sink/1"
typedef struct slc_log_record { /* valid during write */
  uint32_t size;
  int32_t level;
  int64_t unix_ns;
  slc_str message;
  slc_str place; /* "[ENDPOINT: /x]" or absent; already part of message */
} slc_log_record;
/* Cost: the logging thread pays. While write takes long, lines queue up, and the oldest are dropped. */
typedef struct slc_log_sink { /* takes the place of the built-in application log */
  uint32_t size;
  const slc_lifecycle* life;
  int32_t (*level)(void* object) SLC_NOEXCEPT; /* [load] lowest level wanted; above CRITICAL: none */
  void (*write)(void* object, const slc_log_record*) SLC_NOEXCEPT; /* [log], one call at a time */
  void (*flush)(void* object) SLC_NOEXCEPT; /* [log] nothing more comes for a while: write what is buffered */
} slc_log_sink;

#define SLC_IFACE_SELECTOR "sluice.selector/1" /* "sluice.selector/1.draft" in 1.0, which is served too */
/* SLC_CHOOSE_ANSWERS_IN_ORDER: the choices see answers in the order of choosing, too, instead of the last one first; those that
 * look at answers only see also what the others replied. */
enum { SLC_CHOOSE_ANSWERS_IN_ORDER = 1 };
typedef struct slc_choice { /* one of the bindings that a block stands for; copied by choose */
  uint32_t size;
  uint32_t flags;       /* SLC_CHOOSE_... */
  slc_str name;         /* as extra_config would name it */
  slc_str options;      /* RFC 6901 pointer of its block within the selector's; absent, or leads nowhere: an empty block */
  slc_str interface_id; /* what it must be; absent: a middleware or an around */
} slc_choice;
/* Cost: at the start and at reloads only; what it chose costs as if it stood there itself. */
typedef struct slc_selector { /* a block that names other bindings and stands for them, at its own scope and stage */
  uint32_t size;
  const slc_lifecycle* life;
  /* Calls choose for each of them, outermost first. Names that nobody serves there are told and left out by the host,
   * when select has returned. choose answers SLC_ELIMIT beyond 64. Called once, after create; no worker_start. [load] */
  slc_status (*select)(void* object, slc_selection*,
                       slc_status (*choose)(slc_selection*, const slc_choice*) SLC_NOEXCEPT) SLC_NOEXCEPT;
} slc_selector;

/* ---- entry point ---- */

/* A built-in name that the configuration gets when it names none (encoding, output_encoding, sd,
 * balancing): exactly one binding of each interface kind carries it. */
enum { SLC_BIND_DEFAULT = 1 };
/* Since 1.1, of encoders: on an endpoint with one backend, the encoder that is named like that backend's encoding takes
 * its place, where there is one. */
enum { SLC_BIND_GIVES_WAY = 2 };

typedef struct slc_binding { /* one extra_config namespace, or one encoding / sd name it answers to */
  const char *name, *interface_id;
  uint32_t scopes; /* SLC_AT_... for namespaces; 0 for decoders, encoders, resolvers */
  /* Place in the chain, low is outermost; docs/life-of-a-request.md has the numbers. Where the binding belongs: a
   * configuration may move it (plugin.order), so hooks must not rely on what runs before them. */
  int32_t stage;
  const char* schema;            /* JSON Schema (draft 7) of the block, or NULL */
  const char* const* aliases;    /* other names, NULL-terminated, or NULL. `name` wins over an alias */
  uint64_t flags;                /* SLC_BIND_... */
} slc_binding;

enum { SLC_BUILT_ASAN = 1, SLC_BUILT_TSAN = 2, SLC_NEVER_UNLOAD = 16, SLC_STARTS_THREADS = 32 };

typedef struct slc_entry { /* plain constant data: readable before any plugin code is called */
  uint32_t magic, size;
  uint16_t abi_major, abi_minor;
  uint32_t flags;
  const char *id, *version, *built_with;
  const char* const* required_services; /* NULL-terminated, or NULL */
  const slc_binding* bindings;
  uint32_t binding_count, binding_size; /* size is the stride: slc_binding may grow */
  slc_status (*load)(const slc_host*, slc_report*) SLC_NOEXCEPT; /* [load]; may be NULL */
  void (*unload)(void) SLC_NOEXCEPT; /* [load] after the last destroy and worker_stop; may be NULL */
  /* The table for one binding: its interface id and its name (several bindings may share a kind). */
  const void* (*get_interface)(const char* id, const char* binding) SLC_NOEXCEPT; /* [any] */
} slc_entry;

#ifndef SLC_ENTRY_SYMBOL /* -DSLC_ENTRY_SYMBOL=... links several plugins into one test binary */
#define SLC_ENTRY_SYMBOL slc_plugin_entry
#endif
extern SLC_EXPORT const slc_entry SLC_ENTRY_SYMBOL;

#if defined(__SANITIZE_ADDRESS__)
#define SLC_BUILD_FLAGS SLC_BUILT_ASAN
#elif defined(__SANITIZE_THREAD__)
#define SLC_BUILD_FLAGS SLC_BUILT_TSAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLC_BUILD_FLAGS SLC_BUILT_ASAN
#elif __has_feature(thread_sanitizer)
#define SLC_BUILD_FLAGS SLC_BUILT_TSAN
#else
#define SLC_BUILD_FLAGS 0
#endif
#else
#define SLC_BUILD_FLAGS 0
#endif

#ifdef __cplusplus
}
#endif
#endif

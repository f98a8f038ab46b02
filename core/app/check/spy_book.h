// What the parts of the spy share: the tables towards the gateway (spy.cc), those towards the plugin (spy_services.cc), and the book of
// what happened (spy_book.cc).
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory_resource>
#include <mutex>
#include <set>
#include <unordered_map>

#include "core/app/check/running.h"
#include "core/app/check/spy.h"
#include "core/plugin/worker.h"

namespace sluice::app::check::spy {

// Where everything lies that the spy keeps to the end of the process: not in malloc's memory, whose growth is looked at
// (checks_growth.cc). What is given back to it is not used again. [any]
std::pmr::memory_resource& kept();
template <class T, class... A>
T* keep(A&&... a) {
  return new (kept().allocate(sizeof(T), alignof(T))) T{std::forward<A>(a)...};
}
// A copy of a text that comes again and again, such as a place of the configuration. [any]
std::string_view keep_text(std::string_view);

// One binding of the plugin, and the tables that stand in for its own.
struct Bound {
  const slc_binding* spec = nullptr;
  const void* original = nullptr;
  const slc_lifecycle* life = nullptr;
  slc_lifecycle own_life{};
  union Tables {
    slc_middleware middleware;
    slc_around around;
    slc_decoder decoder;
    slc_encoder encoder;
    slc_resolver resolver;
    slc_balancer balancer;
    slc_transport transport;
    slc_log_sink log_sink;
  } table{};
};

// What the gateway holds as object or as state of a worker.
struct Held {
  Bound* bound;
  void* original;
  slc_worker* worker = nullptr;   // a worker's state
  const Held* object = nullptr;   // the object that it belongs to; itself, for an object
};

struct Operation {  // a timer, callout, lookup or job under way
  slc_worker* worker;   // whose worker_stop must see it ended; nullptr: the host ends it
  slc_exchange* owner;  // nullptr: the worker's own
  slc_exchange* shown;  // the owner as the plugin knows it
  slc_timer_fn timer = nullptr;
  slc_reply_fn reply = nullptr;
  void* user = nullptr;
  const Bound* bound = nullptr;
  const Held* object = nullptr;
  slc_token token = 0;
};

struct Suspension {
  slc_exchange* exchange;
  const Bound* bound;
  std::string_view where;
  bool resumed = false, over = false;
};

// What is under way for the plugin and ends by a callback: begun() before it is asked for, ended() when it came or never will.
// Kept: a cancelled timer never calls back, so nobody would tell.
Operation* begun(slc_worker*, slc_exchange* owner, slc_exchange* shown, void* user);
void ended(Operation*);

struct Book {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> noted[kRules];
  std::set<std::string> seen;  // by rule and key
  Counts counts;
  std::pmr::unordered_map<slc_token, Suspension> suspensions{&kept()};
  std::pmr::map<Operation*, bool> operations{&kept()};  // under way
  std::map<const Bound*, std::string> exports;  // the last of each
  uint32_t flags = 0;                     // of the entry
};
Book& book();

inline std::atomic<uint64_t> refuse_at{0}, refusable{0};
inline std::atomic<bool> refuse_all{false};
// Counts a call that may be refused; true: refuse it.
bool refused();
inline bool faults() { return refuse_at.load(std::memory_order_relaxed) != 0; }

// Once for each `key`; for each text when there is none.
void note(Rule, std::string text, const std::string& key = {});
std::string name_of(const Bound*, std::string_view where);  // "\"acme/x\" at [ENDPOINT: /p]"
std::string_view where_now();                               // of the code that runs

// The thread's innermost call into the plugin.
struct Inside {
  const Bound* bound = nullptr;
  const char* hook = nullptr;
  const Held* object = nullptr;
};
inline thread_local Inside inside;
// Set on the threads of event loops, and of the gateway's pool, by the first call there.
inline thread_local bool on_loop = false, on_pool = false;

// Around every call into the plugin: what runs, how long, and whether it waited.
class Call {
 public:
  enum Where {
    elsewhere,  // may take its time
    on_a_loop,  // must not block
    codec,      // on a loop too, but its time goes with the size of the document
  };
  Call(const Bound*, const char* hook, Where, const Held* object = nullptr);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  Running running_;
  Inside before_;
  Where where_;
  std::chrono::steady_clock::time_point begun_;
  long given_away_ = 0, taken_away_ = 0;  // how often the thread lost the processor
  int64_t cpu_ns_ = 0;
  size_t guarded_ = 0;  // red zones of the calls around this one
};

// Everything of an exchange is over: what waits without hope is noted. `timed_out`: so it ended.
void exchange_over(const Bound*, slc_exchange*, bool timed_out);
// Behind each block of alloc(): what is written there is noticed when the call that asked for the block returns, while it is still
// the exchange's memory. [worker]
constexpr size_t kRedZone = 64, kLargestGuarded = size_t{1} << 20;
void guard(unsigned char* zone);
// The gateway's own service table, for the spy itself.
const slc_exchange_api& real_exchange();
// Makes the plugin's host answer with tables of the spy. [load]
void bug(const slc_host*);
// A suspension, by the token that the plugin got for it. [worker]
void suspended(slc_token, slc_exchange*);
// What an exchange's service was called on, when it is no event loop: noted.
void on_worker(const char* what);
// ---- spy_exchanges.cc ----
// What the plugin gets in place of an exchange: the same for all its objects, until each that got it has had its on_done (or cancel),
// or the exchange ends without it. nullptr stays nullptr. [worker]
slc_exchange* lend(slc_exchange*, const Held* to);
// The exchange that the plugin means, in place of what it passed. False: it is over, which is noted; nothing may be asked of it.
// What is no stand-in is left as it is. `function`: "header", or "timer (sluice.loop/1)". [any]
bool own(slc_exchange*&, const char* function);
void exchange_done(const slc_exchange*, const Held* of);
// The spy's tables, made of the gateway's. [any], one at a time
const void* exchange_table(const void* real);
const void* log_table(const void* real);
// ---- spy_nodes.cc ----
// A handle for the plugin, of a document of this exchange; until nodes_over().
slc_node lend(slc_node, const slc_exchange*, const Bound* to);
void nodes_over(const slc_exchange*, const Bound* of);
// The spy's table of documents, made of the gateway's. [any], one at a time
const void* document_table(const void* real);

// The spy's own table for a service of spy_background.cc, made of the gateway's; nullptr: another service. [any], one at a time
const void* background_table(std::string_view id, const void* real);

}  // namespace sluice::app::check::spy

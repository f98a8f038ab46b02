// The tables of functions that plugins get from host->service(host, id). One file per table; all are constant and live as
// long as the process.
#pragma once
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/plugin/exchange.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

// The handle that one plugin holds: it tells who is calling. Lives as long as the process, because nobody knows when the
// last thread of a plugin has used it.
class Store;
struct Host : slc_host {
  std::string plugin;   // id
  mutable std::atomic<Store*> store{nullptr};  // of this plugin, once it was asked for
  explicit Host(std::string id);
};
inline const std::string& plugin_of(const slc_host* h) { return static_cast<const Host*>(h)->plugin; }

// nullptr: this host has none of that name.
const void* find_service(std::string_view id);
std::string service_names();  // for messages
// A process that offers less than the gateway, or something in its place, says so once, before it opens a plugin: the filter
// is asked for every service with the table that the gateway has.
using ServiceFilter = const void* (*)(std::string_view id, const void* table);
void set_service_filter(ServiceFilter);

extern const slc_log_api kLogService;
extern const slc_exchange_api kExchangeService;
extern const slc_document_api kDocumentService;
extern const slc_config_api kConfigService;
extern const slc_metrics_api kMetricsService;
extern const slc_shared_api kSharedService;
extern const slc_loop_api kLoopService;
extern const slc_next_api kNextService;
extern const slc_stream_api kStreamService;
extern const slc_work_api kWorkService;
extern const slc_dns_api kDnsService;
extern const slc_store_api kStoreService;

// ---- which thread calls ----
// What belongs to a worker is touched on its thread alone. The services that start something check it in every build; those that
// only look, or change a field, do so in debug builds (tests, and gateways that authors build themselves): there, a call from
// another thread does nothing, answers SLC_ETHREAD or what is absent, and a line in the log names the plugin. In others it is
// undefined, and costs nothing.

// True: the calling thread is the worker's. Else it is told, in debug builds, once for each plugin and function. `caller`: an
// address in the code that called.
bool on_thread_of(const slc_worker&, const char* function, const void* caller);
// The calling thread is some worker's; true as long as nobody knows of any.
bool on_any_worker(const char* function, const void* caller);
#define SLC_ON_THREAD_OF(worker, function) ::sluice::plugin::on_thread_of((worker), (function), __builtin_return_address(0))
#ifdef NDEBUG
inline constexpr bool kChecksThreads = false;
#define SLC_CHECK_THREAD_OF(worker, function) true
#define SLC_CHECK_ANY_WORKER(function) true
#else
inline constexpr bool kChecksThreads = true;
#define SLC_CHECK_THREAD_OF(worker, function) SLC_ON_THREAD_OF(worker, function)
#define SLC_CHECK_ANY_WORKER(function) ::sluice::plugin::on_any_worker((function), __builtin_return_address(0))
#endif

// ---- nodes that are gone ----
// erase() ends the handles of what it erases and of the members beside it, a finished replace_data() those of the whole tree before.
// Who uses one all the same reads what is no longer in the document, or another member. With this set, both mark what they end
// (document::Node::kGone), and debug builds answer what is absent to such a handle and name the plugin. Without it nothing is
// marked and nothing looked at. Set before any worker runs, by debug builds and by what watches a plugin.
inline constinit bool marks_gone_nodes = kChecksThreads;
// Tells, once for each plugin, hook and function, that such a handle was used. `caller`: an address in the code that called. [any]
void tell_of_gone_node(const char* function, const void* caller);

// A view that a plugin passed in: a pointer where there is a length, and a length that can be one.
inline bool sane(slc_str s) { return (s.ptr || s.len == 0) && s.len <= static_cast<size_t>(PTRDIFF_MAX); }
inline constexpr slc_str kAbsent{nullptr, 0};

// Name of an interned header; empty: no such id. [any]
std::string_view header_name(slc_header_id);

}  // namespace sluice::plugin

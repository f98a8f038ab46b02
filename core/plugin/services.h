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

// A view that a plugin passed in: a pointer where there is a length, and a length that can be one.
inline bool sane(slc_str s) { return (s.ptr || s.len == 0) && s.len <= static_cast<size_t>(PTRDIFF_MAX); }
inline constexpr slc_str kAbsent{nullptr, 0};

// Name of an interned header; empty: no such id. [any]
std::string_view header_name(slc_header_id);

}  // namespace sluice::plugin

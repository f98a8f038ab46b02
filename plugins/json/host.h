// The services this plugin uses, looked up when it is loaded.
#pragma once
#include <atomic>
#include <string_view>

#include "sluice/plugin.h"

namespace sluice::json {

// Set by every load, always to the same tables: the process has one host. Atomic because another generation's workers may
// be reading while a new one loads; relaxed costs nothing.
inline std::atomic<const slc_document_api*> document_api{nullptr};
inline std::atomic<const slc_exchange_api*> exchange_api{nullptr};

inline const slc_document_api& document() { return *document_api.load(std::memory_order_relaxed); }
inline const slc_exchange_api& exchange() { return *exchange_api.load(std::memory_order_relaxed); }

inline slc_str str(std::string_view s) { return {s.data() ? s.data() : "", s.size()}; }
inline std::string_view view(slc_str s) { return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{}; }

// Name of the deferred text this plugin makes and copies.
inline constexpr slc_str kFormat{"json", 4};

}  // namespace sluice::json

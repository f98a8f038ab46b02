// Part of sluice/plugin.hpp: strings, actions, the service tables, the barrier that no exception passes.
#ifndef SLUICE_DETAIL_BASE_HPP
#define SLUICE_DETAIL_BASE_HPP
#include <atomic>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// This wrapper asks for what is later than 1.0 before it uses it.
#ifndef SLC_NEEDED_MINOR
#define SLC_NEEDED_MINOR 0u
#endif
#include "sluice/plugin.h"

// Everything of the wrapper lives in a namespace of the plugin's own. Several plugins linked into one (test) binary define
// SLUICE_PLUGIN_NAMESPACE and SLC_ENTRY_SYMBOL differently, so that no inline function or variable is shared between them.
#ifndef SLUICE_PLUGIN_NAMESPACE
#define SLUICE_PLUGIN_NAMESPACE plugin_sdk
#endif

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

// What a hook asks for. Its values are `next`, `done`, `pending` and `failed`; Exchange::reply, fail, after and fetch make them.
struct [[nodiscard]] Action {
  slc_action value = SLC_FAIL;
  friend constexpr bool operator==(Action, Action) = default;
};
inline constexpr Action next{SLC_NEXT};        // go on with the chain
inline constexpr Action done{SLC_REPLY};       // the response side is complete
inline constexpr Action pending{SLC_PENDING};  // a Suspension was taken; somebody will resume it
inline constexpr Action failed{SLC_FAIL};      // what fail() recorded, else 500
// Chunk hooks only: the chunk is used up, what was emitted goes on in its place; or: call me with it again.
inline constexpr Action take{SLC_TAKE};
inline constexpr Action again{SLC_AGAIN};

namespace scope {
inline constexpr uint32_t service = SLC_AT_SERVICE, endpoint = SLC_AT_ENDPOINT, proxy = SLC_AT_PROXY, backend = SLC_AT_BACKEND;
}

enum class Level : int32_t {
  debug = SLC_DEBUG, info = SLC_INFO, warning = SLC_WARNING, error = SLC_ERROR, critical = SLC_CRITICAL
};

using Header = slc_header_id;  // an interned name; 0 names no header

inline std::string_view view(slc_str s) noexcept { return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{}; }
// An empty view that points somewhere is an empty string; one that points nowhere is absent, on both sides of the border.
inline slc_str str(std::string_view s) noexcept { return {s.data(), s.size()}; }

// The answer of a service call, for those who want to look: false when the host refused.
struct Status {
  slc_status value = SLC_OK;
  constexpr explicit operator bool() const { return value == SLC_OK; }
};

namespace detail {

// The host's tables as one plugin object sees them. Kept per object, not per plugin: the host handle belongs to one
// generation, and two generations of a configuration run side by side during a reload.
struct Services {
  const slc_host* host = nullptr;
  const slc_log_api* log = nullptr;
  const slc_exchange_api* exchange = nullptr;
  const slc_document_api* document = nullptr;
  const slc_config_api* config = nullptr;
  const slc_metrics_api* metrics = nullptr;
  const slc_shared_api* shared = nullptr;
  const slc_loop_api* loop = nullptr;
  const slc_next_api* next = nullptr;
  const slc_stream_api* stream = nullptr;
  const slc_work_api* work = nullptr;
  const slc_dns_api* dns = nullptr;
  const slc_store_api* store = nullptr;

  explicit Services(const slc_host* h) : host{h} {
    get(log, SLC_SVC_LOG);
    get(exchange, SLC_SVC_EXCHANGE);
    get(document, SLC_SVC_DOCUMENT);
    get(config, SLC_SVC_CONFIG);
    get(metrics, SLC_SVC_METRICS);
    get(shared, SLC_SVC_SHARED);
    get(loop, SLC_SVC_LOOP);
    get(next, SLC_SVC_NEXT);
    get(stream, SLC_SVC_STREAM);
    get(work, SLC_SVC_WORK);
    get(dns, SLC_SVC_DNS);
    get(store, SLC_SVC_STORE);
  }

 private:
  template <class T>
  void get(const T*& table, const char* id) {
    table = static_cast<const T*>(host->service(host, id));
  }
};

// The host is of ABI 1.1 or later, and its transports may stream.
inline bool can_stream(const Services& s) noexcept { return s.stream && SLC_HAS(s.stream, slc_stream_api, request_length); }

// slc_decoder.expand gets no state, so its table is remembered here when the plugin is loaded. It is the same for the life
// of the process; atomic because a later load may write it (again) while workers read.
inline std::atomic<const slc_document_api*> document_table{nullptr};

template <class T>
void append_text(std::string& out, const T& part) {
  if constexpr (std::is_same_v<T, bool>) {
    out += part ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    out += part;
  } else if constexpr (std::is_integral_v<T>) {
    char buffer[24];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, part).ptr);
  } else if constexpr (std::is_floating_point_v<T>) {
    char buffer[64];
    const int n = std::snprintf(buffer, sizeof buffer, "%g", static_cast<double>(part));
    out.append(buffer, static_cast<size_t>(n));
  } else {
    out += std::string_view{part};
  }
}

// Text is put together only when somebody wants to read it.
template <class... Parts>
void write_log(const Services& s, slc_exchange* x, Level level, const Parts&... parts) {
  if (!s.log || !s.log->enabled(s.host, static_cast<int32_t>(level))) return;
  std::string text;
  (append_text(text, parts), ...);
  s.log->write(s.host, x, static_cast<int32_t>(level), str(text));
}

// Runs `body`. False: an exception came, and `why` is its text. Also correct when exceptions are switched off: then there is nothing
// to catch.
template <class F>
bool attempt(std::string& why, F&& body) noexcept {
#if defined(__cpp_exceptions)
  try {
    body();
    return true;
  } catch (const std::exception& e) {
    try {
      why = e.what();
    } catch (...) {
      why = "an exception";  // short enough to need no memory
    }
  } catch (...) {
    try {
      why = "an unknown exception";
    } catch (...) {
    }
  }
  return false;
#else
  (void)why;
  body();
  return true;
#endif
}

// The border: runs `body`, and answers `refused` with a log line when an exception arrives.
template <class R, class F>
R guarded(const Services* s, slc_exchange* x, const char* what, R refused, F&& body) noexcept {
  std::string why;
  R answer = refused;
  if (attempt(why, [&] { answer = body(); })) return answer;
  std::string ignored;  // not even the line can be written: the refusal stands
  attempt(ignored, [&] {
    if (s) write_log(*s, x, Level::error, what, " threw: ", why);
  });
  return refused;
}

// Go's duration grammar, as configurations use it: "300ms", "1h30m", "-1.5h", "0". False: not a duration.
inline bool parse_duration(std::string_view s, std::chrono::nanoseconds& out) {
  const bool negative = !s.empty() && s[0] == '-';
  if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
  if (s == "0") return out = std::chrono::nanoseconds{0}, true;
  if (s.empty()) return false;
  double total = 0;
  while (!s.empty()) {
    double number = 0, scale = 1;
    size_t i = 0, digits = 0;
    for (; i < s.size() && s[i] >= '0' && s[i] <= '9'; ++i, ++digits) number = number * 10 + (s[i] - '0');
    if (i < s.size() && s[i] == '.') {
      for (++i; i < s.size() && s[i] >= '0' && s[i] <= '9'; ++i, ++digits) number += (s[i] - '0') * (scale /= 10);
    }
    if (digits == 0) return false;
    size_t unit_end = i;
    while (unit_end < s.size() && s[unit_end] != '.' && (s[unit_end] < '0' || s[unit_end] > '9')) ++unit_end;
    const std::string_view unit = s.substr(i, unit_end - i);
    double ns = 0;
    if (unit == "ns") ns = 1;
    else if (unit == "us" || unit == "\xC2\xB5s" || unit == "\xCE\xBCs") ns = 1e3;
    else if (unit == "ms") ns = 1e6;
    else if (unit == "s") ns = 1e9;
    else if (unit == "m") ns = 60e9;
    else if (unit == "h") ns = 3600e9;
    else return false;
    total += number * ns;
    s.remove_prefix(unit_end);
  }
  if (!(total < 9.2e18)) return false;  // beyond 64 bits of nanoseconds
  const auto n = static_cast<int64_t>(total + 0.5);
  out = std::chrono::nanoseconds{negative ? -n : n};
  return true;
}

}  // namespace detail
}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif

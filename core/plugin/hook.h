// The calls that the gateway makes into plugins, for log lines, figures and crash reports.
#pragma once
#include <cstdint>
#include <string_view>

namespace sluice::plugin {

enum class HookKind : uint8_t {
  none,
  // on the way of a request
  on_request, on_raw_response, on_response, on_done, on_request_chunk, on_response_chunk, on_call, on_attempt, decode, expand, encode, pick, send, cancel,
  // called back
  timer, reply, post, work, callback,
  // the life of a plugin and of its objects
  worker_start, worker_stop, create, destroy, load, unload, get_interface, watch, unwatch, select, log_write, log_flush,
};
constexpr uint32_t kHookKinds = static_cast<uint32_t>(HookKind::log_flush) + 1;

// The function's name in sluice/plugin.h; callbacks have the name of what was waited for. Static text.
constexpr std::string_view to_string(HookKind k) {
  constexpr std::string_view kNames[] = {
      "none",   "on_request", "on_raw_response", "on_response",   "on_done",      "on_request_chunk", "on_response_chunk", "on_call",     "on_attempt",
      "decode", "expand",     "encode",          "pick",          "send",         "cancel",      "timer",
      "reply",  "post",       "work",       "callback",        "worker_start",  "worker_stop",  "create",      "destroy",
      "load",   "unload",     "get_interface",   "watch",         "unwatch",      "select",       "log_write",   "log_flush"};
  static_assert(sizeof kNames / sizeof kNames[0] == kHookKinds);
  return kNames[static_cast<uint32_t>(k)];
}

}  // namespace sluice::plugin

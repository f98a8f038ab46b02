// The calls that the gateway makes into plugins, for log lines, figures and crash reports.
#pragma once
#include <cstdint>
#include <string_view>

namespace sluice::plugin {

enum class HookKind : uint8_t {
  none,
  // on the way of a request
  on_request,
  on_raw_response,
  on_response,
  on_done,
  on_request_chunk,
  on_response_chunk,
  on_call,
  on_attempt,
  decode,
  expand,
  encode,
  pick,
  send,
  cancel,
  on_room,
  // called back
  timer,
  reply,
  post,
  work,
  callback,
  // the life of a plugin and of its objects
  worker_start,
  worker_stop,
  create,
  destroy,
  load,
  unload,
  get_interface,
  watch,
  unwatch,
  select,
  log_write,
  log_flush,
  log_level,
  // from one configuration to the next
  export_state,
  import_state,
};
constexpr uint32_t kHookKinds = static_cast<uint32_t>(HookKind::import_state) + 1;

// Whether calls on threads that are no worker are counted: what goes on while a configuration serves, and what a reload hands over.
// What takes a configuration up and ends it (load, create, watch, destroy, …) is not: it holds nobody up, once.
constexpr bool counts_outside(HookKind k) {
  return (k >= HookKind::timer && k <= HookKind::callback) || k >= HookKind::log_write;
}

// The function's name in sluice/plugin.h; callbacks have the name of what was waited for. Static text.
constexpr std::string_view to_string(HookKind k) {
  constexpr std::string_view kNames[] = {
      "none",   "on_request", "on_raw_response", "on_response",   "on_done",      "on_request_chunk", "on_response_chunk", "on_call",     "on_attempt",
      "decode", "expand",     "encode",          "pick",          "send",         "cancel",      "on_room",     "timer",
      "reply",  "post",       "work",       "callback",        "worker_start",  "worker_stop",  "create",      "destroy",
      "load",   "unload",     "get_interface",   "watch",         "unwatch",      "select",       "log_write",   "log_flush",
      "log_level", "export_state", "import_state"};
  static_assert(sizeof kNames / sizeof kNames[0] == kHookKinds);
  return kNames[static_cast<uint32_t>(k)];
}

}  // namespace sluice::plugin

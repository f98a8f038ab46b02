// Calls of functions that answer at once (decode, encode, pick), where the plugin runs in another process (isolate/): whoever makes
// one waits for the answer, as for a hook that is suspended. Only bindings of isolated plugins have them (Binding::remote). [worker]
#pragma once
#include "core/plugin/exchange.h"
#include "core/plugin/hook.h"

namespace sluice::plugin {

class Object;

// One such call: question and answer. A local of the coroutine that waits while `suspended`; when it ends before the answer is
// there, the call is taken back. What it points to lives as long.
class RemoteCall : public Suspension {
 public:
  explicit RemoteCall(HookKind k) : kind{k} {}
  ~RemoteCall() {
    if (suspended) take_back(*this);  // also when its answer has come and nobody has been woken yet
  }
  RemoteCall(const RemoteCall&) = delete;
  RemoteCall& operator=(const RemoteCall&) = delete;

  // ---- the question, beside the exchange ----
  HookKind kind;                              // decode, encode, pick
  uint32_t flags = 0;                         // decode: SLC_DECODE_…
  const slc_candidate* candidates = nullptr;  // pick
  uint32_t count = 0;

  // ---- the answer ----
  Error error;                    // nobody has answered: what became of the other process
  slc_status status = SLC_EINVAL; // else what the function answered
  const char* why = nullptr;      // of a decoder that refused; nullptr: it said nothing. [exchange]
  size_t why_size = 0;
  uint32_t chosen = 0;            // of pick; any number

  // ---- for whoever carries the call ----
  void (*take_back)(RemoteCall&) noexcept = nullptr;  // of what is suspended
  void* carrier = nullptr;
  uint64_t number = 0;
};

// Asks. decode: the exchange's response body are the bytes, and its `data` gets the tree (has_data stays as it is). encode: its response
// side is without headers and body, and gets those. pick: its request side may be changed, as everything that a hook may change.
// Either `error` is set at once, or the call is suspended, and resumed on a later turn of the loop.
using AskRemote = void (*)(void* state, slc_exchange&, RemoteCall&) noexcept;
// Asks the object's plugin on the exchange's worker, and waits for the answer, on the account of the object's place. The call outlives
// the task; all else lives as long as the exchange.
loop::Task<void> ask_and_wait(slc_exchange&, AskRemote, const Object&, RemoteCall& call);

}  // namespace sluice::plugin

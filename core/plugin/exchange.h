// What a plugin knows as slc_exchange: one request/response pair at one scope. The pipeline fills the fields and overrides
// what needs its help; core/plugin/services.cc offers it through slc_exchange_api. Lives in the exchange's arena.
#pragma once
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/document/builder.h"
#include "core/http/message.h"
#include "core/loop/task.h"
#include "core/plugin/worker.h"
#include "core/router/router.h"

namespace sluice::plugin {

// The response side as a plugin sees and changes it.
struct ResponseSide {
  int status = 0;                    // 0: none yet
  http::Headers headers;
  ArenaVector<http::Slice> body;     // bytes, when there are any
  document::Node data;               // decoded tree
  bool has_data = false;
  bool complete = false;
  bool partial_errors = false;       // merged although some parts failed
};

struct RequestSide {
  std::string_view method, path, query;  // path: decoded at service and endpoint scope, the built one at backend scope
  http::Headers headers;
  ArenaVector<http::Slice> body;
};

// Something that waits for slc_loop_api.resume. One token at a time.
struct Suspension {
  slc_token suspended = 0;               // handed out and not resumed yet
  slc_action resumed_with = SLC_FAIL;
  loop::Signal resumed;                  // set on the loop by a resume, unless there is:
  void (*on_resumed)(Suspension&) = nullptr;
};

// A timer or callout that belongs to an exchange: cancelled (never called back) when the exchange ends.
struct OwnedOp {
  OwnedOp* next = nullptr;
  slc_token token = 0;
};

}  // namespace sluice::plugin

struct slc_exchange : sluice::plugin::Suspension {
  slc_exchange(int32_t scope_, slc_worker& worker_, sluice::Arena& arena_) : scope{scope_}, worker{&worker_}, memory{&arena_} {
    request.headers.bind(arena_);
    request.body.bind(arena_);
    response.headers.bind(arena_);
    response.body.bind(arena_);
  }
  // Cancels the timers and callouts it owns and makes its suspension token stale.
  virtual ~slc_exchange();
  slc_exchange(const slc_exchange&) = delete;
  slc_exchange& operator=(const slc_exchange&) = delete;

  int32_t scope;
  slc_worker* worker;
  sluice::Arena* memory;
  sluice::plugin::RequestSide request;
  sluice::plugin::ResponseSide response;
  sluice::Error error;                   // what fail() recorded, or how the inside ended
  const sluice::http::Headers* failure_headers = nullptr;  // that hooks put on the answer, where `error` is a hook's failure
  const sluice::Error* inside = nullptr; // scopes of bytes: the failure that the answer tells of
  // Filled by the pipeline for field() and param(); parameters may be added by plugins.
  std::string_view host, client_ip, peer_ip, request_id, scheme, route;
  sluice::ArenaVector<sluice::router::Param>* params = nullptr;

  sluice::plugin::OwnedOp* operations = nullptr;
  sluice::http::Headers* client_headers = nullptr;  // while an encoder runs: the client's own, to be read only
  sluice::document::Builder* building = nullptr;  // replace_data in progress; taken over when the hook returned
  char *run_at = nullptr, *run_end = nullptr;     // room behind the small pieces that append_body copied

  sluice::Arena& arena() { return *memory; }

  // When what ends this exchange comes, in the loop's time; UINT64_MAX: nothing does. The nearest of all limits over it.
  virtual uint64_t ends_at_ms() const { return ends_ms; }
  uint64_t ends_ms = UINT64_MAX;  // of the calls that it was started with

  // ---- sluice.next/1: only at a stage that offers it ----
  virtual slc_token next_call(slc_next_fn, void*) { return 0; }
  virtual slc_status next_cancel(slc_token) { return SLC_EINVAL; }
  virtual slc_status next_use(slc_exchange*) { return SLC_EINVAL; }

  // ---- sluice.stream/1: at scopes with a chain; the caller is known by current_place ----
  virtual slc_status stream_expect(int32_t, int64_t) { return SLC_EINVAL; }
  virtual slc_status stream_emit(int32_t, std::string_view) { return SLC_EINVAL; }
  virtual size_t stream_room(int32_t) { return 0; }
  virtual slc_token stream_suspend(int32_t) { return 0; }
  // Of transports that stream.
  virtual slc_status stream_follow(int64_t) { return SLC_EINVAL; }
  virtual slc_status stream_finish(const std::string_view* why) { return static_cast<void>(why), SLC_EINVAL; }  // nullptr: whole
  virtual int64_t stream_request_length() { return 0; }
};

namespace sluice::plugin {

// Ends what replace_data began: on success the new tree is response.data. Called by the pipeline after every hook. False: the
// document is broken or incomplete; `error` says so, the data is gone, and the hook's action counts as SLC_FAIL.
bool finish_building(slc_exchange&);

// slc_loop_api.remaining_ms. [worker]
uint32_t remaining_ms(const slc_exchange&);

// Makes the token of a hook stale that called suspend() and then answered something else than SLC_PENDING.
void drop_suspension(slc_exchange&);

// Awaits the resume of a hook that answered SLC_PENDING. Answers SLC_FAIL at once when the plugin never called suspend().
loop::Task<slc_action> resumed(slc_exchange&);

// The host's side of an opaque slc_node: p is a document::Node*, epoch the Arena* that it expands into (0: fully expanded,
// a configuration tree).
inline slc_node handle(document::Node* n, Arena* arena) { return {n, reinterpret_cast<uint64_t>(arena)}; }
inline slc_str str(std::string_view s) { return {s.data() ? s.data() : "", s.size()}; }
inline std::string_view view(slc_str s) { return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{}; }
// Error → SLC_ETIMEOUT, SLC_ECANCELED, …
slc_status to_status(Errc);

}  // namespace sluice::plugin

// Host-side receiver given to decoders.
struct slc_builder {
  sluice::document::Builder build;
  slc_builder(sluice::Arena& arena, const sluice::document::Format* format) : build{arena, format} {}
};

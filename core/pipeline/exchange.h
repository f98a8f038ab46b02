// One client request from its head to the end of its answer. Lives in the stream's arena, on one worker; owns its scopes and
// the coroutine that serves it. The order of what happens is in order.cc, and nowhere else.
#pragma once
#include "core/http/server.h"
#include "core/pipeline/backend.h"
#include "core/pipeline/scope.h"
#include "core/pipeline/url.h"

namespace sluice::pipeline {

struct Outcome;
class Account;

class Exchange final : public http::StreamOwner {
 public:
  // Starts serving; the exchange releases the stream when it is done.
  static void begin(WorkerPlan&, http::Stream&);

  Arena& arena() { return stream_.arena(); }
  slc_worker& worker() { return plan_.worker(); }
  WorkerPlan& plan() { return plan_; }
  const Generation& generation() const { return plan_.generation(); }
  const http::RequestHead& head() { return stream_.head(); }
  const EndpointPlan* endpoint() const { return endpoint_; }
  ArenaVector<router::Param>& params() { return match_.params; }
  std::string_view client_ip() const { return client_ip_; }
  std::string_view peer_ip() { return stream_.peer_ip(); }
  std::string_view scheme() { return stream_.secure() ? "https" : "http"; }
  // What is told about this answer; nullptr: nobody asked, which is what nearly always is.
  Account* account() const { return account_; }
  Builtin builtin() const { return route_ ? route_->builtin : Builtin::none; }
  std::string_view route_text() const { return endpoint_ ? std::string_view{endpoint_->config->path} : std::string_view{}; }
  void adopt(Scope* s) { s->next_scope = scopes_, scopes_ = s; }
  http::Stream& stream() { return stream_; }
  // The limit over all of it, in the loop's time; UINT64_MAX: there is none.
  uint64_t ends_at_ms() const { return deadline_.armed() ? deadline_.at_ms() : expired_ ? 0 : UINT64_MAX; }
  // The loop's time in `ms`, for what ends with a limit that begins now.
  uint64_t limit_in(uint64_t ms) { return worker().loop.now_ms() + ms; }
  Errc why() const { return why_; }  // scopes that are cut off end with this
  // A copy of another exchange's request for shadow backends: nobody gets the answer, and its failures are nobody's news.
  bool is_shadow() const { return shadow_; }
  // Makes the exchange of a shadow in the stream's arena; start_shadow() runs it. shadow.cc.
  static void begin_shadow(Exchange& of, const EndpointPlan& shadow, http::Stream&);
  void start_shadow();

  // The request as the service and endpoint scopes left it.
  plugin::RequestSide in;
  // What every backend gets: filtered headers and the gateway's own (pipeline.md §3.2).
  http::Headers forwarded;
  bool user_agent_forwarded = false, accept_encoding_forwarded = false;
  bool expect_forwarded = false;         // "Expect: 100-continue" let through
  int64_t forwarded_length = -1;         // Content-Length let through
  http::Slice body{};                    // request body, once it is whole
  bool has_body = false;                 // the client sent one
  bool body_passes = false;              // limits of bodies that are held are not for it, also when it came whole with its head
  bool body_streams = false;             // it is passed on as it comes, `body` holds its beginning
  const ResponseLookup* responses = nullptr;  // earlier answers, while a sequence of backends runs
  // Upload consumer while body_streams.
  struct BodySink {
    void* context = nullptr;
    bool (*data)(void*, http::Slices, bool last) noexcept = nullptr;  // false: no room, wait for resume_upload
    void (*failed)(void*, const Error&) noexcept = nullptr;
  } body_sink;

  // ---- bodies that pass through chunk hooks; exchange_stream.cc ----
  // The hooks of this scope are on the way of the body.
  void note_stream(Scope&, int32_t side);
  bool has_request_hooks() const;
  // A call is about to send the client's body as it comes; its length, -1: unknown.
  int64_t open_upload(BackendScope&, int64_t length);
  void read_upload();    // the sink is ready
  void resume_upload();  // and has room again

  uint64_t expect_continue_ms() const;

  void log_error(std::string_view text);

  // http::StreamOwner
  void on_body(http::Slices, bool last) noexcept override;
  void on_body_error(const Error&) noexcept override;
  void on_drain() noexcept override;
  void on_gone() noexcept override;

 private:
  friend class RawScope;
  friend class ServerScope;
  friend class EngineScope;
  friend class EndpointScope;
  friend class ProxyScope;
  Exchange(WorkerPlan&, http::Stream&);
  Exchange(Exchange& of, const EndpointPlan& shadow, http::Stream&);
  ~Exchange();

  // ---- order.cc ----
  loop::Task<void> serve();
  loop::Task<void> route();
  loop::Task<void> serve_found();
  loop::Task<void> serve_endpoint();
  loop::Task<void> run_pipe();
  loop::Task<void> serve_shadow();
  loop::Task<void> write_answer();

  // ---- exchange.cc ----
  void finish();
  void forward_headers();
  // As BackendScope::take(), but waits until there is something to take: no bytes only at the end or after a failure.
  loop::Task<void> take_first(BackendScope&, http::Slices*, bool* last);
  loop::Task<bool> read_body();          // false: it failed, the answer is set
  bool take_body(http::Slices, bool last);  // for body_sink, or into memory
  size_t most_of_body() const;              // bytes, of one that is held whole
  void fail_body(const Error&);
  // ---- exchange_stream.cc ----
  struct Streams;
  bool open_request_flow(BackendScope*);  // false: no hook wants the body
  bool open_answer_flow();
  loop::Task<void> write_through_hooks();
  void stop_streams();
  void on_deadline();
  void give_up();
  void close_scopes(Errc why);
  void set_answer(int status, std::string_view content_type, std::string_view body);
  // ---- render.cc ----
  // answered: with bytes, nothing to encode
  void render(Scope& result, bool answered = false, const Outcome* = nullptr);
  // headers: of the hooks whose failure it is
  void render_failure(const Error&, const Outcome* = nullptr, const http::Headers* headers = nullptr);
  void render_outcome(const Outcome&);   // status, headers and parts of an answer with the block `sluice`
  bool wants_problem() const { return endpoint_ ? endpoint_->problem_json : generation().config->problem_json; }
  // An answer of the gateway's own about a request that cannot be served; `detail` for problem bodies.
  void refuse(int status, std::string_view content_type, std::string_view body, std::string_view detail);
  void report(const Error&);             // one line in the log, one at the access line
  bool encode(slc_exchange&, const Encoder&);
  // By an encoder in another process: render() leaves the rest of its work to this, where `unencoded_` says so.
  loop::Task<void> encode_elsewhere(Scope& result, const Outcome* = nullptr);
  slc_node begin_encoding(slc_exchange&);
  bool end_encoding(slc_exchange&, const Encoder&, bool good, uint64_t began);
  void finish_encoding(const Error& problem, const Outcome*);  // none: the answer is encoded
  void add_version_headers(bool completed);
  void add_type(http::Slices beginning);  // of an untyped answer, unless somebody outside has given it one
  // ---- builtin.cc ----
  void answer_redirect(std::string_view location, bool slash_only);
  void answer_unknown(int status, std::string_view allow);
  loop::Task<void> answer_builtin(const Route&);

  WorkerPlan& plan_;
  http::Stream& stream_;
  const Route* route_ = nullptr;         // nullptr: the router found none, and answers unknown_status_
  const EndpointPlan* endpoint_ = nullptr;
  int unknown_status_ = 0;
  std::string_view allow_;               // of a 405
  router::Match match_;
  std::string_view path_;                // decoded
  std::string_view client_ip_;
  plugin::ResponseSide answer_;          // what goes to the client
  BackendScope* source_ = nullptr;       // raw: whose body follows
  Scope* scopes_ = nullptr;
  loop::Task<void> root_, pipe_;
  loop::Completion root_done_, pipe_done_;
  loop::Signal wake_;                    // the coroutine that waits for body, drain or deadline
  loop::Deadline deadline_;
  Errc why_ = Errc::cancelled;           // why scopes that are not finished end
  Error body_error_;
  Error failure_;                        // what the answer is an error answer for
  char* body_buffer_ = nullptr;
  size_t body_size_ = 0, body_room_ = 0;
  bool reached_router_ = false, body_last_ = false, pipe_finished_ = false, expired_ = false, drained_ = true, skip_log_ = false;
  bool shadow_ = false, gone_ = false;
  Account* account_ = nullptr;
  bool unencoded_ = false;
  bool untyped_ = false;                 // a raw answer without a Content-Type, as the backend gave it
  Streams* streams_ = nullptr;           // only where chunk hooks are configured
  uint64_t started_ns_ = 0;
  std::string_view log_errors_;
};

}  // namespace sluice::pipeline

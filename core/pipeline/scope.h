// A scope is one slc_exchange with the chain of hooks around its inside: the "Proxy" of the architecture page. Its result
// is in `response` and `error`. Lives in the exchange's arena, on one worker.
#pragma once
#include "core/loop/task.h"
#include "core/pipeline/body_flow.h"
#include "core/pipeline/plan.h"
#include "core/plugin/exchange.h"

namespace sluice::pipeline {

class Exchange;

// A deadline passed; the text is the reference's, which clients see with return_error_msg (pipeline.md §9).
inline constexpr std::string_view kTimedOut = "context deadline exceeded";
inline Error timed_out(Source source) {
  Error e;
  e.code = Errc::timeout, e.source = source;
  e.message = e.public_message = kTimedOut;
  return e;
}

class Scope : public slc_exchange {
 public:
  Scope(int32_t scope, Exchange&, const Chain&);
  virtual ~Scope() = default;

  // Runs the chain and, inside it, inner(); leaves the outcome in response and error. Hooks of the chain from `first` on.
  loop::Task<void> run(uint32_t first = 0);
  // Ends the scope: what still runs inside is cancelled, on_done hooks are called (last of all, exactly once). `why` becomes
  // the outcome if there was none yet. Idempotent.
  void close(Errc why);
  // Calls on_raw_response of the hooks before `end`, innermost first. False: somebody failed or replied.
  loop::Task<bool> run_raw(uint32_t end = UINT32_MAX);
  bool has_raw() const { return chain_->has_raw; }

  // "plugin acme.x (auth/x) [ENDPOINT: /y]" of the hook that ran last.
  std::string_view running_place();
  std::string_view place_text(uint32_t hook);  // "plugin acme.x (acme/x) [ENDPOINT: /p]"
  Exchange& exchange() { return *exchange_; }
  Scope* next_scope = nullptr;  // the exchange's list of scopes, newest first

  // ---- chunk hooks (sluice.stream/1); all of it only where the chain has some ----
  struct ChunkState {  // of one hook, by side
    int64_t expected[2] = {SLC_LENGTH_UNKNOWN, SLC_LENGTH_UNKNOWN};
    BodyFlow::Stage* stage[2] = {nullptr, nullptr};
    bool left[2] = {false, false};  // the flow ended while the hook had a piece and had not resumed
  };
  ChunkState* chunk_state(uint32_t i) { return chunks_ ? &chunks_[i] : nullptr; }
  using ChunkFn = slc_action (*)(void*, slc_exchange*, void**, const slc_chunk*) noexcept;
  ChunkFn chunk_hook(uint32_t i, int32_t side) const;  // nullptr: it has none
  slc_action call_chunk(uint32_t i, int32_t side, const slc_chunk&);
  void fail_chunk(uint32_t i, int32_t side, slc_action a) {
    fail_by(i, side == SLC_REQUEST ? plugin::HookKind::on_request_chunk : plugin::HookKind::on_response_chunk, a);
  }
  // Adds the hooks that let the exchange pass to the way of its answer, innermost first.
  void add_answer_stages(BodyFlow&);
  // The whole chain, in the order of the request.
  void add_request_stages(BodyFlow&);
  bool has_chunks(int32_t side) const { return chain_->has_chunks[side]; }
  slc_status stream_expect(int32_t side, int64_t length) override;
  slc_status stream_emit(int32_t side, std::string_view) override;
  size_t stream_room(int32_t side) override;
  slc_token stream_suspend(int32_t side) override;
  uint64_t ends_at_ms() const override;

  // ---- sluice.next/1: attempts of the around stage that is running ----
  slc_token next_call(slc_next_fn, void*) override;
  slc_status next_cancel(slc_token) override;
  slc_status next_use(slc_exchange*) override;

 protected:
  // What the chain wraps.
  virtual loop::Task<void> inner() = 0;
  // A fresh scope with a copy of the request, for an attempt of an around stage.
  virtual Scope* clone() = 0;
  // Cancel leaf operations.
  virtual void cancel_inner() {}
  // After a hook's (or transport's) last word: its new document is taken over, a forgotten suspension dropped.
  slc_action settle(slc_action);
  // Waits for the resume of a hook of this kind that answered SLC_PENDING; the time is its plugin's.
  loop::Task<slc_action> wait(const plugin::Place&, plugin::HookKind);
  // The answer passes Chain::border, on its way out, whatever became of what is inside of it.
  virtual void border() {}
  // A reply of a hook took the place of the inside: bring it to the form that inner() would have left.
  virtual void adopt_reply() {}
  // What adopt_reply() left to be waited for, where `unfinished_` says so: bytes that another process decodes.
  virtual loop::Task<void> finish_elsewhere() { return {}; }
  bool unfinished_ = false;
  // The answer of this attempt was made our own: what is still to come of it is ours too.
  virtual void take_over(Scope& attempt) { (void)attempt; }
  // Takes a whole body through the chunk hooks from..to-1 of this scope. False: one of them failed, `error` is set.
  loop::Task<bool> pass_body(int32_t side, uint32_t from, uint32_t to, ArenaVector<http::Slice>& body);
  // The body of the request is here, as a whole, when the hooks of the way in have run (else it passes as a stream, or later).
  virtual bool holds_request_body() const { return false; }
  uint32_t first() const { return first_; }
  // The answer's headers are those that the inside made: what comes now is of this scope's hooks.
  void note_inside();
  // Suspended, but for something that the host itself runs: no hook has forgotten anything.
  virtual bool waits_inside() const;

  Exchange* exchange_;
  const Chain* chain_;

 private:
  struct Attempt;
  // What the calling hook has in the flow of this side; nullptr: the caller has no chunk hook here.
  ChunkState* caller_of_stream(int32_t side);
  // Calls one hook.
  slc_action call(uint32_t i, plugin::HookKind, Step::Function);
  // Calls hooks (those before `before`) until one does not answer SLC_NEXT or the next is an around stage: its step is then the
  // first of what is left. At the end nothing is left.
  slc_action pass(std::span<const Step>& steps, uint32_t before = UINT32_MAX);
  slc_action pass_told(std::span<const Step>& steps, uint32_t before);  // the same for an exchange with an account
  void fail_by(uint32_t i, plugin::HookKind, slc_action action);
  void blame(uint32_t i, plugin::HookKind, slc_action action);  // its part without the account
  loop::Task<void> take_reply(uint32_t i);
  // A hook's failure is what has become of this scope: the headers that hooks have put on the response side go with it.
  void keep_headers_of_failure();
  void pass_border();
  const Steps* steps_ = nullptr;  // nullptr: the chain is empty
  void** slots_ = nullptr;      // one per hook
  uint8_t* ran_ = nullptr;      // hook i got on_request (or its first hook)
  uint32_t called_ = 0;         // the hook that ran last
  uint32_t reached_ = 0;        // hooks before this one let the exchange pass
  ChunkState* chunks_ = nullptr;  // one per hook
  uint32_t first_ = 0;          // an attempt's: hooks before this one belong to the outer scope, which has their slots
  void end_attempts();
  void end_operations();
  uint32_t around_at_ = UINT32_MAX;  // the around stage that is running
  Attempt* attempts_ = nullptr;
  Attempt* used_ = nullptr;     // whose answer is ours
  http::Headers inside_headers_;  // as note_inside() found them
  bool hook_failed_ = false;    // `error` is, or comes with, a hook's SLC_FAIL
  uint32_t failed_at_ = 0;      // which one
  plugin::HookKind waiting_kind_ = plugin::HookKind::on_request;  // of what is suspended
  bool finished_ = false;       // run() reached its end
  bool closed_ = false;
};

}  // namespace sluice::pipeline

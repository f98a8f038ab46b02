// A body on its way through chunk hooks (sluice.stream/1), piece by piece, with back-pressure. Made only where such hooks are
// configured; without them bodies never come here. One per body and direction; on one worker.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/http/message.h"
#include "core/loop/deadlines.h"
#include "core/plugin/exchange.h"

namespace sluice::pipeline {

class Scope;

class BodyFlow {
 public:
  static constexpr size_t kMostEmitted = 1 << 20;  // bytes that one hook may have emitted and that have not gone on

  class Sink {
   public:
    // The bytes live until the call returns. False: no room; nothing more should come until unblock().
    virtual bool on_bytes(http::Slice, bool last) noexcept = 0;
    // The flow has moved on by itself: it may be pushed again, or it is over, or it failed. Never from inside push();
    // may destroy the flow.
    virtual void on_flow() noexcept = 0;

   protected:
    ~Sink() = default;
  };

  BodyFlow(slc_worker&, int32_t side, Sink&);
  ~BodyFlow();
  BodyFlow(const BodyFlow&) = delete;
  BodyFlow& operator=(const BodyFlow&) = delete;

  // The hook `i` of the scope sees what the one added before leaves. Not if it has none for this side, or skips the body.
  void add(Scope&, uint32_t i);
  bool empty() const { return stages_.empty(); }
  // The body's length behind all hooks when it is `before` in front of them; -1: unknown.
  int64_t length(int64_t before) const;
  // From now on another number of bytes is a failure; -1: any.
  void promise(int64_t length) { promised_ = length; }
  int64_t promised() const { return promised_; }

  // More of the body. While held() nothing should be pushed: it is kept, without bound.
  void push(http::Slices, bool last);
  bool held() const { return waiting_ > 0 || blocked_; }
  bool blocked() const { return blocked_; }
  bool over() const { return over_; }        // the last byte has reached the sink
  bool failed() const { return failed_; }    // error() says why; nothing more happens
  const Error& error() const { return error_; }
  void unblock();                            // the sink has room again
  void stop();                               // no hook is called any more

  // One hook in the flow.
  struct Stage : plugin::Suspension {
    enum class State : uint8_t { idle, running, pending, again };
    BodyFlow* flow = nullptr;
    Scope* scope = nullptr;
    uint32_t hook = 0, index = 0;
    State state = State::idle;
    bool last = false, over = false, queued_last = false;
    http::Slice chunk{};            // in work
    std::string kept, out, queued;  // the chunk when it outlives its call; emitted; arrived meanwhile
    bool has_queued() const { return !queued.empty() || queued_last; }
  };
  // slc_stream_api for the hook of a stage.
  slc_status emit(Stage&, std::string_view);
  size_t room(const Stage&) const;
  slc_token suspend(Stage&);

 private:
  void feed(size_t stage, http::Slice, bool last);
  void call(Stage&, http::Slice, bool last, uint32_t flags);
  void conclude(Stage&, slc_action, bool resumed);
  void wait(Stage&, Stage::State);
  void pass_emitted(Stage&, bool last);
  void work_off(Stage&);
  void resume(Stage&);
  void go_on();                     // a turn later: repeated calls, and what was emitted between two chunks
  bool free_behind(const Stage&) const;
  void fail(Stage&, slc_action);
  void fail(std::string_view);

  slc_worker& worker_;
  int32_t side_;
  Sink& sink_;
  std::vector<std::unique_ptr<Stage>> stages_;
  loop::Deadline later_;
  Error error_;
  int64_t promised_ = -1, passed_ = 0;
  uint32_t waiting_ = 0;            // stages that are pending or to be called again
  bool blocked_ = false, over_ = false, failed_ = false, stopped_ = false;
};

}  // namespace sluice::pipeline

// The client's two bodies on their way through chunk hooks. Exchanges without such hooks have no Streams and come here only to
// learn that.
#include "core/pipeline/exchange.h"
#include "core/pipeline/scopes.h"

namespace sluice::pipeline {

struct Exchange::Streams {
  // Of the service (two), the endpoint and the proxy; in the order in which the exchange came by.
  static constexpr uint32_t kMost = 4;
  struct List {
    Scope* scopes[kMost] = {};
    uint32_t count = 0;
    void add(Scope& s) {
      for (uint32_t i = 0; i < count; ++i)
        if (scopes[i] == &s) return;
      if (count < kMost) scopes[count++] = &s;
    }
  } lists[2];

  // Request: to whoever reads the body.
  struct Request final : BodyFlow::Sink {
    explicit Request(Exchange& of) : x{of}, flow{of.worker(), SLC_REQUEST, *this} {}
    bool on_bytes(http::Slice bytes, bool last) noexcept override { return x.take_body({&bytes, 1}, last); }
    void on_flow() noexcept override {
      if (flow.failed()) return fail();
      if (!flow.held()) x.stream_.resume_body();
    }
    void push(http::Slices slices, bool last) {
      flow.push(slices, last);
      if (flow.failed()) return fail();
      if (flow.held() && !flow.over()) x.stream_.pause_body();
    }
    void fail() {
      if (std::exchange(told, true)) return;
      x.stream_.pause_body();
      x.fail_body(flow.error());
    }
    Exchange& x;
    BodyFlow flow;
    bool told = false;
  };
  // Answer: to the client. Until the head has left, bytes are kept.
  struct Answer final : BodyFlow::Sink {
    explicit Answer(Exchange& of) : x{of}, flow{of.worker(), SLC_RESPONSE, *this} {}
    bool on_bytes(http::Slice bytes, bool) noexcept override {
      if (bytes.empty()) return true;
      if (!x.stream_.started()) {
        first.append(bytes);
        return true;
      }
      if (x.stream_.write({&bytes, 1}, http::Life::callback)) return true;
      x.drained_ = false;
      return false;
    }
    void on_flow() noexcept override {
      if (x.wake_.waiting()) x.wake_.set();
    }
    Exchange& x;
    BodyFlow flow;
    std::string first;
  };
  std::unique_ptr<Request> request;
  std::unique_ptr<Answer> answer;
};

void Exchange::note_stream(Scope& s, int32_t side) {
  if (!streams_) streams_ = new Streams;
  streams_->lists[side].add(s);
}

void Exchange::stop_streams() { delete std::exchange(streams_, nullptr); }

// ---- request ----

bool Exchange::has_request_hooks() const { return streams_ && streams_->request; }

bool Exchange::open_request_flow(BackendScope* to) {
  bool of_call = to && to->has_chunks(SLC_REQUEST);
  if (!of_call && (!streams_ || streams_->lists[SLC_REQUEST].count == 0)) return false;
  if (has_request_hooks()) return true;
  if (!streams_) streams_ = new Streams;
  auto request = std::make_unique<Streams::Request>(*this);
  const Streams::List& list = streams_->lists[SLC_REQUEST];
  for (uint32_t i = 0; i < list.count; ++i) list.scopes[i]->add_request_stages(request->flow);
  if (of_call) to->add_request_stages(request->flow);
  if (request->flow.empty()) return false;
  streams_->request = std::move(request);
  return true;
}

int64_t Exchange::open_upload(BackendScope& to, int64_t length) {
  if (!open_request_flow(&to)) return length;
  BodyFlow& flow = streams_->request->flow;
  length = flow.length(length);
  flow.promise(length);
  return length;
}

void Exchange::read_upload() {
  if (has_request_hooks()) {
    bool whole = stream_.body_complete();
    http::Slice beginning = stream_.body();
    if (!beginning.empty() || whole) streams_->request->push({&beginning, 1}, whole);
    if (whole) return;
  }
  stream_.read_body();
}

void Exchange::resume_upload() {
  if (!has_request_hooks()) {
    stream_.resume_body();
    return;
  }
  Streams::Request& r = *streams_->request;
  r.flow.unblock();
  r.on_flow();
}

void Exchange::on_body(http::Slices slices, bool last) noexcept {
  if (has_request_hooks())
    streams_->request->push(slices, last);
  else
    take_body(slices, last);
}

// ---- answer ----

bool Exchange::open_answer_flow() {
  bool of_call = source_ && source_->has_chunks(SLC_RESPONSE);
  if (!of_call && (!streams_ || streams_->lists[SLC_RESPONSE].count == 0)) return false;
  if (!streams_) streams_ = new Streams;
  auto answer = std::make_unique<Streams::Answer>(*this);
  BodyFlow& flow = answer->flow;
  if (of_call) {
    BackendScope* outermost = source_;
    while (outermost->outer()) outermost = outermost->outer();
    outermost->add_answer_stages(flow);
  }
  const Streams::List& list = streams_->lists[SLC_RESPONSE];
  for (uint32_t i = 0; i < list.count; ++i)
    // What the proxy's hooks were to see is gone when somebody outside put another answer in its place.
    if (list.scopes[i]->scope != SLC_AT_PROXY || source_) list.scopes[i]->add_answer_stages(flow);
  if (flow.empty()) return false;
  bool head_only = head().method == "HEAD";
  if (head_only || answer_.status == 204 || answer_.status == 304) {
    // Nothing passes; a length that the hooks might have changed is not told.
    if (head_only && flow.length(0) != 0) {
      answer_.headers.remove("Content-Length");
      if (!source_) answer_.body.bind(arena());
    }
    return false;
  }
  streams_->answer = std::move(answer);
  return true;
}

loop::Task<void> Exchange::write_through_hooks() {
  Streams::Answer& out = *streams_->answer;
  BodyFlow& flow = out.flow;
  BackendScope* source = source_;  // nullptr: the body is here
  bool last = false;
  if (!source) {
    flow.promise(flow.length(static_cast<int64_t>(http::total_size(answer_.body.span()))));
    flow.push(answer_.body.span(), true);
    // The head tells the length, unless the hooks give more than should be kept for that.
    while (!flow.over() && !flow.failed() && !expired_ && out.first.size() < BodyFlow::kMostEmitted) co_await wake_.wait();
    last = true;
  } else {
    flow.promise(flow.length(source->announced_length()));
    http::Slices bytes = source->take(&last);
    if (!source->error && (!bytes.empty() || last)) flow.push(bytes, last);
  }
  auto why = [&]() -> const Error* {
    if (flow.failed()) return &flow.error();
    return source && source->error ? &source->error : nullptr;
  };
  if (flow.failed()) {  // early enough for a proper answer
    source_ = nullptr;
    answer_.headers.bind(arena());
    answer_.body.bind(arena());
    const Error& e = flow.error();
    report(e);
    http::ResponseHead h;
    h.status = answer_.status = e.http_status ? e.http_status : 500;
    if (!e.body.empty()) {
      if (!e.content_type.empty()) answer_.headers.add("Content-Type", e.content_type);
      answer_.body.push(e.body);
    }
    h.headers = answer_.headers;
    stream_.respond(h, answer_.body.span());
    co_return;
  }
  http::Slice first = out.first;
  // Nobody waits for that: hooks may have bytes of their own for a body that has not begun.
  if (untyped_) [[unlikely]] add_type({&first, 1});
  http::ResponseHead h;
  h.status = answer_.status ? answer_.status : 500;
  h.headers = answer_.headers;
  if (flow.over() && !why()) {
    stream_.respond(h, {&first, first.empty() ? 0u : 1u}, http::Life::callback);
    co_return;
  }
  h.content_length = flow.promised();
  stream_.start(h, {&first, first.empty() ? 0u : 1u}, http::Life::callback);
  out.first = {};
  while (!flow.over() && !why() && !expired_) {
    if (!drained_) {
      if (source) source->pause();  // back-pressure: nothing is read until the client has taken what is queued
      co_await wake_.wait();
      continue;
    }
    if (flow.blocked()) flow.unblock();
    if (last || flow.held()) {
      if (source) source->pause();
      co_await wake_.wait();
      continue;
    }
    source->resume();
    if (!source->has_more()) co_await source->more().wait();
    if (source->error || expired_) break;
    http::Slices bytes = source->take(&last);
    if (source->error) break;
    if (!bytes.empty() || last) flow.push(bytes, last);
  }
  if (flow.over() && !why()) {
    stream_.finish();
  } else {
    // The client must see that the body is not whole (deviation 12).
    log_error(why() ? why()->message : kTimedOut);
    stream_.abort();
  }
}

}  // namespace sluice::pipeline

#include "core/pipeline/scopes.h"

#include "core/log/log.h"
#include "core/pipeline/fanout.h"
#include "core/pipeline/problem.h"
#include "core/pipeline/sequence.h"
#include "core/pipeline/parts.h"

namespace sluice::pipeline {

RawScope::RawScope(int32_t at, Exchange& x, const Chain& chain) : Scope{at, x, chain} {
  request = x.in;
  request.query = x.in.query;
}

void RawScope::enter_inside() {
  exchange_->in = request;
  exchange_->path_ = request.path;
  if (has_chunks(SLC_REQUEST)) exchange_->note_stream(*this, SLC_REQUEST);
}

void RawScope::show_answer() {
  response = exchange_->answer_;
  inside = exchange_->failure_ ? &exchange_->failure_ : nullptr;
}

std::string_view RawScope::place() const {
  return scope == SLC_AT_ENDPOINT && exchange_->endpoint() ? std::string_view{exchange_->endpoint()->where} : "[SERVICE]";
}

void RawScope::leave() {
  if (has_chunks(SLC_RESPONSE)) exchange_->note_stream(*this, SLC_RESPONSE);
  if (error) {
    // Refused before (or instead of) the inside: the status and whatever body the plugin gave, no gateway headers.
    exchange_->source_ = nullptr;
    exchange_->failure_ = error;  // scopes further out are told
    plugin::ResponseSide& answer = exchange_->answer_;
    answer.headers.bind(arena());
    answer.body.bind(arena());
    answer.status = error.http_status ? error.http_status : 500;
    for (const http::Header& h : response.headers) answer.headers.add(h.name, h.value);
    if (!error.body.empty()) {
      if (!error.content_type.empty()) answer.headers.set("Content-Type", error.content_type);
      answer.body.push(error.body);
    } else if (exchange_->wants_problem() && answer.status >= 400) {
      answer.headers.set("Content-Type", kProblemType);
      answer.body.push(problem_body(arena(), answer.status, problem_detail(arena(), error, nullptr), nullptr));
    }
    exchange_->log_error(error.message);
    // What a plugin could not do is for the operator; what it refused is an everyday thing.
    log::Level level = answer.status >= 500 ? log::Level::error : log::Level::debug;
    if (log::enabled(level)) log::write(level, arena().concat(place(), " ", error.message));
    return;
  }
  if (!response.status) response.status = 200;
  // While a body streams there are no bytes here, unless a hook put them in its place.
  if (!response.body.empty()) exchange_->source_ = nullptr;
  exchange_->answer_ = response;
}

loop::Task<void> ServerScope::inner() {
  enter_inside();
  auto inside = exchange_->route();
  co_await inside;
  show_answer();
}

loop::Task<void> EngineScope::inner() {
  enter_inside();
  auto inside = exchange_->serve_found();
  co_await inside;
  show_answer();
}

loop::Task<void> EndpointScope::inner() {
  enter_inside();
  auto inside = exchange_->serve_endpoint();
  co_await inside;
  show_answer();
}

// Around stages are for proxy and backend scopes (plugin.h): the factory refuses them elsewhere.
Scope* ServerScope::clone() { return this; }
Scope* EngineScope::clone() { return this; }
Scope* EndpointScope::clone() { return this; }

ProxyScope::ProxyScope(Exchange& x, const Chain& chain, const EndpointPlan& plan) : Scope{SLC_AT_PROXY, x, chain}, plan_{plan} {
  request.method = x.in.method;
  request.path = x.in.path;
  request.query = x.in.query;
  request.headers = x.forwarded;
  if (!x.body.empty()) request.body.push(x.body);
}

// 10. Static data: around the backends and the modifiers, so that it sees, and can repair, what went wrong there. Only endpoints
//     that have some have a border.
void ProxyScope::border() {
  using config::StaticStrategy;
  if (answered_ && !response.has_data && !error) return;  // bytes for the client as they stand
  bool applies = false;
  switch (plan_.config->static_strategy) {
    case StaticStrategy::always: applies = true; break;
    case StaticStrategy::success: applies = !error && !response.partial_errors; break;
    case StaticStrategy::errored: applies = error || response.partial_errors; break;
    case StaticStrategy::complete: applies = !error && response.complete; break;
    case StaticStrategy::incomplete: applies = error || !response.complete; break;
  }
  if (!applies || (outcome_ && outcome_->final)) return;  // a required backend's failure is not to be papered over
  if (error) {
    error = {};
    response.data = document::make_object();
    response.complete = false;
  }
  document::overlay(arena(), response.data, document::share(plan_.static_data));
  response.has_data = true;
  if (Account* account = exchange_->account()) [[unlikely]]
    account->ledger(*this).overlaid(plan_.static_data, response.data, "static data");
}

void ProxyScope::hand_over() {
  if (has_chunks(SLC_REQUEST) && exchange_->body_streams) exchange_->note_stream(*this, SLC_REQUEST);
  exchange_->forwarded = request.headers;
  exchange_->in.query = request.query;
  if (request.body.size() <= 1) {
    exchange_->body = request.body.empty() ? http::Slice{} : request.body[0];
  } else if (request.body.size() > 1) {
    size_t n = http::total_size(request.body.span());
    char *begin = static_cast<char*>(arena().alloc(n, 1)), *at = begin;
    for (http::Slice s : request.body) at = std::copy(s.begin(), s.end(), at);
    exchange_->body = {begin, n};
  }
}

loop::Task<void> ProxyScope::call_backends() {
  if (plan_.aggregation && !plan_.raw && !plan_.sequential) [[unlikely]] {
    auto inside = call_parts(*exchange_, plan_, *this, &outcome_);
    co_await inside;
    co_return;
  }
  if (plan_.sequential) {
    auto inside = call_sequence(*exchange_, plan_, *this, &outcome_);
    co_await inside;
    co_return;
  }
  if (plan_.backends.size() > 1) {
    auto inside = call_all(*exchange_, plan_, *this);
    co_await inside;
    co_return;
  }
  auto inside = call_single(*exchange_, plan_, *this, &source_);
  co_await inside;
}

void ProxyScope::cancel_inner() {
  if (source_) source_->close(Errc::cancelled);
}

void ProxyScope::adopt_reply() {
  if (response.has_data) {
    response.complete = true;
  } else {
    answered_ = true;
  }
}

void ProxyScope::take_over(Scope& attempt) {
  auto& other = static_cast<ProxyScope&>(attempt);
  source_ = other.source_;
  answered_ = other.answered_;
  outcome_ = other.outcome_;
}

Scope* ProxyScope::clone() {
  auto* copy = new (arena().alloc(sizeof(ProxyScope), alignof(ProxyScope))) ProxyScope{*exchange_, *chain_, plan_};
  copy->request = request;
  copy->request.headers.bind(arena());  // not shared: the stage may go on changing its own
  for (const http::Header& h : request.headers) copy->request.headers.add(h.name, h.value);
  return copy;
}

}  // namespace sluice::pipeline

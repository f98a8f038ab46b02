// The order of everything, and the only file that knows it. Spec: components/00-order.md, pipeline.md §1; told for people
// in docs/life-of-a-request.md, which changes with this file.
#include "core/log/log.h"
#include "core/pipeline/account.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/route_facts.h"
#include "core/pipeline/scopes.h"

namespace sluice::pipeline {
namespace {
constexpr uint64_t kGraceMs = 100;

bool differ_in_last_slash(std::string_view a, std::string_view b) {
  std::string_view shorter = a.size() < b.size() ? a : b, longer = a.size() < b.size() ? b : a;
  return longer.size() == shorter.size() + 1 && longer.ends_with('/') && longer.starts_with(shorter);
}
}  // namespace

loop::Task<void> Exchange::serve() {
  // 1. Service middleware of the server sees every request before routing and every answer's final bytes, whoever gives it:
  //    a browser must find its headers on redirects and on the health endpoint, too.
  if (const Chain& chain = generation().server_chain; chain.empty()) {
    auto inside = route();
    co_await inside;
  } else {
    // A hook that never comes back must not hold the client for ever; every later stage has a limit of its own.
    worker().loop.deadlines().arm(deadline_, generation().hook_timeout_ms);
    auto* scope = new (arena().alloc(sizeof(ServerScope), alignof(ServerScope))) ServerScope{*this, chain};
    auto inside = scope->run();
    co_await inside;
    // The access log is the router's (00-order.md §4): what is answered outside of it leaves no line, a failure does.
    if (!reached_router_ && !scope->error) skip_log_ = true;
    scope->leave();
  }
  // 11. The answer leaves after every hook has seen its head; a raw body follows as it arrives.
  auto last = write_answer();
  co_await last;
}

loop::Task<void> Exchange::route() {
  reached_router_ = true;
  const Generation& g = generation();
  const config::RouterOptions& options = g.config->router;
  // 2. The router works on the decoded path; parameters are checked once, here, before anything can use them.
  std::string_view as_sent = path_;
  if (options.remove_extra_slash) path_ = arena().copy(router::clean_path(path_));
  router::Router::Options how{options.redirect_trailing_slash, options.redirect_fixed_path, options.method_not_allowed};
  std::string_view location;
  match_.params.bind(arena());
  RequestFacts facts{in.headers, head().host, arena()};
  switch (g.router.find(in.method, path_, how, arena(), &match_, &location, &allow_, g.router.conditional() ? &facts : nullptr)) {
    case router::Router::Found::redirect:
      // The trailing-slash rule speaks of the path as it was sent: "/x/5//" is one slash too long for "/x/5/".
      if (as_sent != path_ && as_sent.size() > 1 && location.size() + 1 == path_.size()) location = as_sent.substr(0, as_sent.size() - 1);
      answer_redirect(location, options.redirect_trailing_slash && differ_in_last_slash(path_, location));
      co_return;
    case router::Router::Found::method_not_allowed: unknown_status_ = 405; break;
    case router::Router::Found::no: unknown_status_ = 404; break;
    case router::Router::Found::yes: route_ = &g.routes[match_.route]; break;
  }
  if (route_) {
    if (std::string_view problem = refuse_params(match_.params, options.disable_path_decoding, arena()); !problem.empty()) {
      refuse(400, "text/plain; charset=utf-8", problem, problem.substr(problem.find(' ') + 1));
      co_return;
    }
    endpoint_ = route_->endpoint;
  }
  // 3. Service middleware of the router: unknown routes included, so that protection cannot be bypassed by a path that nobody
  //    configured, but not the health endpoint, whose callers know neither host name nor user agent rules.
  const Chain& chain = g.engine_chain;
  if (chain.empty() || (route_ && route_->builtin == Builtin::health)) {
    auto inside = serve_found();
    co_await inside;
  } else {
    worker().loop.deadlines().arm(deadline_, g.hook_timeout_ms);
    auto* scope = new (arena().alloc(sizeof(EngineScope), alignof(EngineScope))) EngineScope{*this, chain};
    auto inside = scope->run();
    co_await inside;
    scope->leave();
  }
}

loop::Task<void> Exchange::serve_found() {
  if (!route_) {
    answer_unknown(unknown_status_, allow_);
    co_return;
  }
  if (route_->builtin != Builtin::none) {
    auto inside = answer_builtin(*route_);
    co_await inside;
    co_return;
  }
  // 4. Endpoint middleware (bots, tokens, limits) runs before the body is read and outside the endpoint's timeout: a
  //    refused request costs neither, and its answer carries no gateway headers.
  if (endpoint_->endpoint_chain.empty()) {
    auto inside = serve_endpoint();
    co_await inside;
  } else {
    worker().loop.deadlines().arm(deadline_, endpoint_->timeout_ms);
    auto* scope = new (arena().alloc(sizeof(EndpointScope), alignof(EndpointScope))) EndpointScope{*this, endpoint_->endpoint_chain};
    auto inside = scope->run();
    co_await inside;
    scope->leave();
  }
}

loop::Task<void> Exchange::serve_endpoint() {
  const EndpointPlan& e = *endpoint_;
  // 5. From here T runs: body, backends, merge and, for raw answers, the body's way to the client.
  if (e.timeout_is_over) {
    const Error over = timed_out(Source::config);
    report(over);
    render_failure(over);
    co_return;
  }
  // Stages around the backends see the time-out of what is inside them and may still answer; this one is for a stage
  // that never comes back.
  worker().loop.deadlines().arm(deadline_, e.simple() ? e.timeout_ms : e.timeout_ms + kGraceMs);
  forward_headers();
  if (has_body && !body_streams) {
    auto reading = read_body();
    if (!co_await reading) co_return;
  }
  // 6. The pipe is a task of its own, so that the deadline can end it while this coroutine goes on to answer.
  pipe_done_ = {[](loop::Completion& c) noexcept {
                  auto& self = c.owner<Exchange>();
                  self.pipe_finished_ = true;
                  if (self.wake_.waiting()) self.wake_.set();
                },
                this};
  pipe_ = run_pipe();
  pipe_.start(pipe_done_);
  while (!pipe_finished_ && !expired_) co_await wake_.wait();
}

loop::Task<void> Exchange::run_pipe() {
  const EndpointPlan& e = *endpoint_;
  // 7. Proxy middleware (scripts, expressions, body validation) wraps the fan-out and sees the merged document.
  if (e.simple()) {
    // 8. One backend: its answer is the result, nothing to merge. See BackendScope for the order inside a call.
    auto* call = new (arena().alloc(sizeof(BackendScope), alignof(BackendScope))) BackendScope{*this, *e.backends[0]};
    auto inside = call->run();
    co_await inside;
    source_ = call->source();
    if (account_) [[unlikely]]
      account_->take(*call, *call);
    render(*call);
    if (unencoded_) [[unlikely]] {
      auto rest = encode_elsewhere(*call);
      co_await rest;
    }
    co_return;
  }
  auto* scope = new (arena().alloc(sizeof(ProxyScope), alignof(ProxyScope))) ProxyScope{*this, e.proxy_chain, e};
  auto inside = scope->run();
  co_await inside;
  source_ = scope->source();
  if (source_ && scope->has_chunks(SLC_RESPONSE)) note_stream(*scope, SLC_RESPONSE);
  render(*scope, scope->answered(), scope->outcome());
  if (unencoded_) [[unlikely]] {
    auto rest = encode_elsewhere(*scope, scope->outcome());
    co_await rest;
  }
}

loop::Task<void> ProxyScope::inner() {
  hand_over();
  // 7. A copy of the request for shadow backends; nothing below knows of it.
  if (plan_.shadow) exchange_->plan().shadows.start(*exchange_, *plan_.shadow);
  // 8. All at once and merged, or one after the other, or just the one. See BackendScope for the order inside a call.
  auto inside = call_backends();
  co_await inside;
  // A raw answer that does not stream passes the body hooks of this scope here, a streaming one on its way out.
  if (has_chunks(SLC_RESPONSE) && plan_.raw && !source_ && !error) {
    note_inside();
    auto passing = pass_body(SLC_RESPONSE, first(), chain_->size(), response.body);
    if (!co_await passing) co_return;
  }
  // 9. flatmap_filter of the endpoint: a merge that lacks a part is left as it is (quirk).
  if (plan_.flatmap && !error && !response.partial_errors && response.has_data) {
    plan_.flatmap->apply(arena(), response.data);
    if (Account* account = exchange_->account()) [[unlikely]]
      account->changed(*this, "flatmap_filter of the endpoint");
  }
  // 10. Static data follows between the hooks from kStaticStage on and those below it: ProxyScope::border().
}

// The whole life of a shadow: from 7 on, with its own deadline, and nobody to answer.
loop::Task<void> Exchange::serve_shadow() {
  auto* scope = new (arena().alloc(sizeof(ProxyScope), alignof(ProxyScope))) ProxyScope{*this, endpoint_->proxy_chain, *endpoint_};
  auto inside = scope->run();
  co_await inside;
  if (scope->error && log::enabled(log::Level::debug))
    log::write(log::Level::debug, arena().concat(endpoint_->where, " ", scope->error.message));
}

}  // namespace sluice::pipeline

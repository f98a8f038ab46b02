#include "core/pipeline/fanout.h"

#include "core/document/shape.h"
#include "core/log/log.h"
#include "core/pipeline/parts.h"

namespace sluice::pipeline {

FanOut::FanOut(Exchange& x, uint32_t calls, Until until) : exchange_{x}, until_{until} {
  branches_ = static_cast<Branch*>(x.arena().alloc(sizeof(Branch) * calls, alignof(Branch)));
  deadline_.on_expire(
      [](loop::Deadline& d) noexcept {
        auto& self = d.owner<FanOut>();
        self.expired_ = true;
        self.cancel_rest(Errc::timeout);
        self.wake_.set();
      },
      this);
}

FanOut::~FanOut() {
  cancel_rest(exchange_.why());
  for (uint32_t i = 0; i < count_; ++i) branches_[i].~Branch();
}

void FanOut::start(loop::Task<void> task, Scope* scope) {
  auto* b = new (&branches_[count_++]) Branch{};
  b->fn = [](loop::Completion& c) noexcept {
    auto& self = static_cast<Branch&>(c);
    self.owner->finished(self);
  };
  b->owner = this;
  b->task = std::move(task);
  b->scope = scope;
  b->done = false;
  ++running_;
  b->task.start(*b);
}

void FanOut::finished(Branch& b) {
  b.done = true;
  last_ = b.scope;
  if (b.scope && !b.scope->error) last_good_ = b.scope;
  --running_;
  if (until_ == Until::first_complete && !winner_ && !b.scope->error && b.scope->response.complete) winner_ = b.scope;
  if ((running_ == 0 || winner_) && wake_.waiting()) wake_.set();
}

loop::Task<void> FanOut::wait(uint64_t timeout_ms) {
  if (running_ > 0 && !winner_) {
    exchange_.worker().loop.deadlines().arm(deadline_, timeout_ms);
    while (running_ > 0 && !winner_ && !expired_) co_await wake_.wait();
    deadline_.disarm();
  }
  cancel_rest(expired_ ? Errc::timeout : Errc::cancelled);
}

void FanOut::cancel_rest(Errc why) {
  for (uint32_t i = 0; i < count_; ++i) {
    Branch& b = branches_[i];
    if (b.done) continue;
    b.done = true;
    --running_;
    b.task.cancel();
    if (b.scope) b.scope->close(why);
  }
}

loop::Task<void> call_backend(Exchange& x, const BackendPlan& plan, BackendScope** chosen, uint64_t ends_ms, const RequestWriter* writer) {
  uint32_t calls = plan.endpoint->config->concurrent_calls;
  if (calls > 1) ends_ms = std::min(ends_ms, x.limit_in(plan.endpoint->concurrent_timeout_ms));
  auto make = [&] {
    auto* call = new (x.arena().alloc(sizeof(BackendScope), alignof(BackendScope))) BackendScope{x, plan};
    call->ends_ms = ends_ms;
    if (writer) writer->write(writer->context, *call);
    return call;
  };
  if (calls <= 1) {
    *chosen = make();
    if (writer && (*chosen)->error) co_return;  // its request could not be written
    auto inside = (*chosen)->run();
    co_await inside;
    co_return;
  }
  FanOut all{x, calls, FanOut::Until::first_complete};
  for (uint32_t i = 0; i < calls; ++i) {
    BackendScope* scope = make();
    if (writer && scope->error) {
      *chosen = scope;
      co_return;
    }
    all.start(scope->run(), scope);
    if (all.winner()) break;
  }
  auto waiting = all.wait(plan.endpoint->concurrent_timeout_ms);
  co_await waiting;
  if (all.winner()) {
    *chosen = static_cast<BackendScope*>(all.winner());
    co_return;
  }
  // Nobody was complete: the last incomplete answer if there is one, else the last failure (§5.2).
  Scope* last = all.last_without_error() ? all.last_without_error() : all.last_finished();
  *chosen = static_cast<BackendScope*>(last ? last : &all.result(0));
}

namespace {

// A branch that runs concurrent calls: its scope is known only at the end.
loop::Task<void> branch(Exchange& x, const BackendPlan& plan, BackendScope** slot, uint64_t ends_ms) {
  auto inside = call_backend(x, plan, slot, ends_ms);
  co_await inside;
}

}  // namespace

loop::Task<void> call_single(Exchange& x, const EndpointPlan& plan, Scope& result, BackendScope** source) {
  BackendScope* chosen = nullptr;
  {
    FanOut guard{x, 1, FanOut::Until::all};
    const BackendPlan& backend = *plan.backends[0];
    const uint64_t ends_ms = x.limit_in(plan.timeout_ms);
    if (plan.config->concurrent_calls > 1) {
      guard.start(branch(x, backend, &chosen, ends_ms), nullptr);
    } else {
      chosen = new (x.arena().alloc(sizeof(BackendScope), alignof(BackendScope))) BackendScope{x, backend};
      chosen->ends_ms = ends_ms;
      if (plan.aggregation) {  // of an answer that is passed on: only the request is written
        PartValues values{x, {}};
        write_request(*chosen, plan.aggregation->steps[0], values);
      }
      if (!plan.aggregation || !chosen->error) guard.start(chosen->run(), chosen);
    }
    auto waiting = guard.wait(plan.timeout_ms);
    co_await waiting;
  }
  if (!chosen) {
    result.error = timed_out(Source::backend);
    co_return;
  }
  result.response = chosen->response;
  result.error = chosen->error;
  result.failure_headers = chosen->failure_headers;
  *source = chosen->source();
  if (Account* account = x.account()) [[unlikely]]
    account->take(result, *chosen);
}

loop::Task<void> call_all(Exchange& x, const EndpointPlan& plan, Scope& result) {
  const auto n = static_cast<uint32_t>(plan.backends.size());
  bool concurrent = plan.config->concurrent_calls > 1;
  auto** chosen = x.arena().array<BackendScope*>(n);
  {
    FanOut all{x, n, FanOut::Until::all};
    const uint64_t ends_ms = x.limit_in(plan.merge_timeout_ms);
    for (uint32_t i = 0; i < n; ++i) {
      const BackendPlan& backend = *plan.backends[i];
      if (concurrent) {
        chosen[i] = nullptr;
        all.start(branch(x, backend, &chosen[i], ends_ms), nullptr);
      } else {
        chosen[i] = new (x.arena().alloc(sizeof(BackendScope), alignof(BackendScope))) BackendScope{x, backend};
        chosen[i]->ends_ms = ends_ms;
        all.start(chosen[i]->run(), chosen[i]);
      }
    }
    auto waiting = all.wait(plan.merge_timeout_ms);
    co_await waiting;
  }
  // Parts in the order of declaration: the result must not depend on timing (deviation 1).
  auto* parts = x.arena().array<document::Node>(n);
  Account* account = x.account();
  BackendScope** used_calls = account ? x.arena().array<BackendScope*>(n) : nullptr;
  uint32_t good = 0, failed = 0, used = 0;
  bool complete = true;
  ArenaVector<std::string_view> texts{x.arena()}, public_texts{x.arena()};
  bool log = log::enabled(log::Level::error) && !x.is_shadow();
  for (uint32_t i = 0; i < n; ++i) {
    BackendScope* part = chosen[i];
    if (!part || part->error) {
      std::string_view text = part ? part->error.message : kTimedOut;
      if (log)
        log::write(log::Level::error, x.arena().concat(plan.where, " Error #", std::to_string(failed), ": ", text));
      x.log_error(text);
      texts.push(text);
      // A body that a backend gave for clients (return_error_code) as it is; else which one it was, and what kind of failure: the log
      // has the URL (deviation 17).
      if (part && !part->error.body.empty()) public_texts.push(part->error.body);
      else public_texts.push(x.arena().concat("backend ", std::to_string(i + 1), ": ", part ? part->error.public_message : std::string_view{kTimedOut}));
      ++failed;
      complete = false;
      continue;
    }
    if (!part->response.complete) complete = false;
    if (!part->response.has_data || part->response.data.kind == document::Kind::null) {
      complete = false;  // a null part counts as incomplete (§5.1)
      ++good;
      continue;
    }
    ++good;
    if (account) [[unlikely]]
      used_calls[used] = part;
    parts[used++] = part->response.data;
  }
  if (good == 0) {
    result.error = {.code = Errc::status, .source = Source::backend};
    auto join = [&](const ArenaVector<std::string_view>& list) {
      std::string_view all;
      for (std::string_view t : list) all = all.empty() ? t : x.arena().concat(all, "\n", t);
      return all;
    };
    result.error.message = join(texts);
    result.error.public_message = join(public_texts);
    co_return;
  }
  result.response.data = document::merge(x.arena(), {parts, used});
  result.response.has_data = true;
  result.response.complete = complete;
  result.response.partial_errors = failed > 0;
  if (account) [[unlikely]]
    account->merged(result, {used_calls, used});
}

}  // namespace sluice::pipeline

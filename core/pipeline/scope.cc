#include "core/pipeline/scope.h"

#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/pipeline/account.h"
#include "core/pipeline/exchange.h"
#include "core/plugin/token_table.h"

namespace sluice::pipeline {

using plugin::HookKind;

// One run of everything inside an around stage. The task and the scope live until the outer scope is closed, because the
// merged tree may refer to the attempt's data.
struct Scope::Attempt : loop::Completion {
  Scope* outer = nullptr;
  Scope* scope = nullptr;
  loop::Task<void> task;
  slc_next_fn done = nullptr;
  void* user = nullptr;
  Attempt* next = nullptr;
  loop::Deadline later;  // the callback comes a loop turn later, never from inside next_call
  uint32_t stage = 0;    // of the hook that asked for it
  bool finished = false, cancelled = false;
};

Scope::Scope(int32_t scope, Exchange& x, const Chain& chain)
    : slc_exchange{scope, x.worker(), x.arena()}, exchange_{&x}, chain_{&chain} {
  host = x.head().host;
  client_ip = x.client_ip();
  peer_ip = x.peer_ip();
  scheme = x.scheme();
  params = &x.params();
  route = x.route_text();
  if (uint32_t n = chain.size()) {
    steps_ = &x.plan().steps(chain);
    slots_ = x.arena().array<void*>(n);
    ran_ = x.arena().array<uint8_t>(n);
    std::memset(slots_, 0, n * sizeof(void*));
    std::memset(ran_, 0, n);
    if (chain.has_chunks[SLC_REQUEST] || chain.has_chunks[SLC_RESPONSE]) {
      chunks_ = x.arena().array<ChunkState>(n);
      for (uint32_t i = 0; i < n; ++i) new (&chunks_[i]) ChunkState{};
    }
  }
  x.adopt(this);
}

slc_action Scope::call(uint32_t i, HookKind kind, Step::Function hook) {
  const Hook& h = chain_->hooks[i];
  Account* account = exchange_->account();
  const uint64_t began = account ? clock::monotonic_ns() : 0;
  ran_[i] = 1;
  called_ = i;
  slc_action a;
  {
    plugin::PlaceScope place{&h.object->place(), kind, memory};
    a = hook(h.object->state(*worker), this, &slots_[i]);
    if (a != SLC_PENDING && (suspended || building)) a = settle(a);
  }
  if (account) [[unlikely]]
    account->hook(*this, h.object->place(), h.stage, kind, began, a);
  return a;
}

slc_action Scope::pass_told(std::span<const Step>& steps, uint32_t before) {
  slc_action a = SLC_NEXT;
  for (; !steps.empty() && steps[0].hook && a == SLC_NEXT; steps = steps.subspan(a == SLC_NEXT ? 1 : 0))
    if (steps[0].index < before) a = call(steps[0].index, plugin::HookState::kind_of(steps[0].site.running), steps[0].hook);
  return a;
}

slc_action Scope::pass(std::span<const Step>& steps, uint32_t before) {
  if (exchange_->account()) [[unlikely]]
    return pass_told(steps, before);
  plugin::HookRun run{*memory, steps_->counted()};
  const Step *at = steps.data(), *end = at + steps.size();
  slc_action a = SLC_NEXT;
  for (; at != end && at->hook; ++at) {
    const uint32_t i = at->index;
    if (i >= before) continue;
    ran_[i] = 1;
    a = run.call(at->site, [&] {
      slc_action answer = at->hook(at->state, this, &slots_[i]);
      return answer == SLC_PENDING || !(suspended || building) ? answer : settle(answer);
    });
    if (a == SLC_NEXT) continue;
    called_ = i;
    break;
  }
  steps = {at, end};
  return a;
}

std::string_view Scope::place_text(uint32_t hook) {
  const plugin::Place& p = chain_->hooks[hook].object->place();
  return arena().concat("plugin ", p.plugin, " (", p.binding, ") ", p.where);
}
std::string_view Scope::running_place() { return called_ < chain_->size() ? place_text(called_) : std::string_view{}; }

slc_action Scope::settle(slc_action a) {
  if (suspended) plugin::drop_suspension(*this);
  if (building && !plugin::finish_building(*this)) return SLC_FAIL;
  return a;
}

loop::Task<slc_action> Scope::wait(const plugin::Place& place, HookKind kind) {
  plugin::WaitScope clock{place, kind, *worker};
  Account* account = exchange_->account();
  const uint64_t since = account ? clock::monotonic_ns() : 0;
  waiting_kind_ = kind;
  auto waiting = plugin::resumed(*this);
  slc_action a = co_await waiting;
  a = settle(a);
  if (account) [[unlikely]]
    account->waited(*this, place, kind, since, a);
  co_return a;
}

void Scope::blame(uint32_t i, HookKind kind, slc_action action) {
  const plugin::Place& place = chain_->hooks[i].object->place();
  plugin::count_error(place, kind, *worker);
  hook_failed_ = true, failed_at_ = i;
  if (error) {
    // What a plugin said with fail() is meant for clients.
    if (error.source == Source::plugin && error.public_message.empty()) error.public_message = error.message;
    return;
  }
  error.code = Errc::plugin;
  error.source = Source::plugin;
  error.message = action == SLC_FAIL
                      ? arena().concat("plugin ", place.plugin, " (", place.binding, ") failed")
                      : arena().concat("plugin ", place.plugin, " (", place.binding, ") answered an unknown action");
}

void Scope::fail_by(uint32_t i, HookKind kind, slc_action action) {
  blame(i, kind, action);
  if (Account* account = exchange_->account()) [[unlikely]]
    account->failed(*this, chain_->hooks[i].object->place(), kind, error.message);
}

void Scope::note_inside() {
  inside_headers_.bind(arena());
  inside_headers_.reserve(response.headers.size());
  for (const http::Header& h : response.headers) inside_headers_.add(h.name, h.value);
}

void Scope::keep_headers_of_failure() {
  auto* own = arena().make<http::Headers>(arena());
  if (failure_headers)  // of a hook further in, whose failure it was first
    for (const http::Header& h : *failure_headers) own->add(h.name, h.value);
  for (const http::Header& h : response.headers) {
    bool inside = false;
    for (const http::Header& i : inside_headers_) inside = inside || (i.name == h.name && i.value == h.value);
    if (!inside) own->add(h.name, h.value);
  }
  if (own->size()) failure_headers = own;
}

void Scope::pass_border() {
  if (hook_failed_ && failed_at_ < chain_->border) return;  // an outer one, of a body that passed it inside
  border();
  if (!error) hook_failed_ = false, failure_headers = nullptr;
}

loop::Task<void> Scope::run(uint32_t first) {
  uint32_t i = chain_->size();  // the way in ended here: the hooks before this one see the response
  bool reached_inside = true;
  if (steps_) {
    for (std::span<const Step> in = steps_->in(first); !in.empty(); in = in.subspan(1)) {
      slc_action a = pass(in);
      if (in.empty()) break;
      const uint32_t at = in[0].index;
      const Hook& h = chain_->hooks[at];
      if (h.around) {
        i = at;
        if (chain_->has_chunks[SLC_REQUEST] && i > first && holds_request_body()) {
          auto passing = pass_body(SLC_REQUEST, first, i, request.body);
          if (!co_await passing) {
            reached_inside = false;
            break;
          }
        }
        around_at_ = i;
        a = call(i, HookKind::on_call, h.around->on_call);
        if (a == SLC_PENDING) {
          auto waiting = wait(h.object->place(), HookKind::on_call);
          a = co_await waiting;
        }
        end_attempts();
        if (a == SLC_NEXT) {
          auto inside = run(i + 1);
          co_await inside;
        } else if (a != SLC_REPLY) {
          fail_by(i, HookKind::on_call, a);
        } else if (!used_) {
          adopt_reply();
          if (unfinished_) [[unlikely]] {
            auto rest = finish_elsewhere();
            co_await rest;
          }
        }
        reached_inside = false;  // the inside, if any, ran behind the around stage
        break;
      }
      if (a == SLC_PENDING) {
        auto waiting = wait(h.object->place(), HookKind::on_request);
        a = co_await waiting;
      }
      if (a == SLC_NEXT) continue;
      i = at;
      reached_inside = false;
      if (a == SLC_REPLY) {
        auto taking = take_reply(i);
        co_await taking;
      } else {
        fail_by(i, HookKind::on_request, a);
      }
      break;
    }
  }
  if (reached_inside && chain_->has_chunks[SLC_REQUEST] && i > first && holds_request_body()) {
    auto passing = pass_body(SLC_REQUEST, first, i, request.body);
    reached_inside = co_await passing;
  }
  if (reached_inside) {
    auto inside = inner();
    co_await inside;
  }
  if (i > reached_) reached_ = i;
  // Of the runs that around stages nest, one has the border among its hooks, or at their ends.
  const uint32_t border = chain_->border;
  bool at_border = border <= i && border >= first;
  if (!steps_) {
    if (at_border) pass_border();
  } else {
    if (!hook_failed_ && (scope == SLC_AT_PROXY || scope == SLC_AT_BACKEND)) note_inside();  // answers of others keep theirs
    // Unwind: the hooks that let the request pass see the response, innermost first.
    for (std::span<const Step> out = steps_->out(i, at_border ? border : first);; out = out.subspan(1)) {
      const char* body_before = response.body.empty() ? nullptr : response.body[0].data();
      slc_action a = out.empty() ? slc_action{SLC_NEXT} : pass(out, i);
      if (out.empty() && at_border) {
        at_border = false;
        pass_border();
        out = steps_->out(border, first);
        if (!out.empty()) a = pass(out, border);
      }
      if (out.empty()) break;
      const uint32_t at = out[0].index;
      if (a == SLC_PENDING) {
        auto waiting = wait(chain_->hooks[at].object->place(), HookKind::on_response);
        a = co_await waiting;
      }
      if (a == SLC_REPLY) {
        const bool failed{std::exchange(error, {})};
        hook_failed_ = false, failure_headers = nullptr;
        // Bytes in the place of a failure are an answer of the backend, which nobody has decoded yet.
        if (failed && scope == SLC_AT_BACKEND && !response.has_data && !response.body.empty() && response.body[0].data() != body_before) {
          auto taking = take_reply(at);
          co_await taking;
        }
      } else if (a != SLC_NEXT) {
        fail_by(at, HookKind::on_response, a);
      }
    }
  }
  if (error && hook_failed_ && first == first_) keep_headers_of_failure();
  if (first == 0) finished_ = true;
  if (Account* account = exchange_->account()) [[unlikely]]
    account->over(*this);
}

// What the hook `i` answered is seen by those outside of it as what it stands for.
loop::Task<void> Scope::take_reply(uint32_t i) {
  if (scope == SLC_AT_BACKEND && chain_->has_raw && !response.has_data) {
    if (!response.status) response.status = 200;
    note_inside();
    auto hooks = run_raw(i);
    co_await hooks;
    if (error) co_return;
  }
  adopt_reply();
  if (unfinished_) [[unlikely]] {
    auto rest = finish_elsewhere();
    co_await rest;
  }
}

loop::Task<bool> Scope::run_raw(uint32_t end) {
  for (uint32_t i : chain_->way_out) {
    if (i >= end || i < first_) continue;
    const Hook& h = chain_->hooks[i];
    if (!h.middleware || !h.middleware->on_raw_response) continue;
    slc_action a = call(i, HookKind::on_raw_response, h.middleware->on_raw_response);
    if (a == SLC_PENDING) {
      auto waiting = wait(h.object->place(), HookKind::on_raw_response);
      a = co_await waiting;
    }
    if (a == SLC_NEXT) continue;
    if (a != SLC_REPLY) fail_by(i, HookKind::on_raw_response, a);
    co_return false;
  }
  co_return true;
}

uint64_t Scope::ends_at_ms() const { return std::min(ends_ms, exchange_->ends_at_ms()); }

bool Scope::waits_inside() const {
  for (const Attempt* a = attempts_; a; a = a->next)
    if (!a->finished && !a->cancelled) return true;
  return false;
}

// A closed scope may stay in memory for long, as the loser of several calls does: nothing calls back into it.
void Scope::end_operations() {
  if (suspended) worker->tokens->drop(*this);
  if (operations) worker->tokens->cancel_owned(*this);
}

void Scope::close(Errc why) {
  if (closed_) return;
  closed_ = true;
  if (why == Errc::timeout && suspended && !waits_inside() && called_ < chain_->size()) {
    plugin::count_timed_out(chain_->hooks[called_].object->place(), waiting_kind_, *worker);
    if (log::enabled(log::Level::error))
      log::write(log::Level::error, arena().concat(running_place(), " was suspended and not resumed within the time-out"));
  }
  if (!finished_ && !error) {
    error.code = why;
    error.message = error.public_message = why == Errc::timeout ? kTimedOut : std::string_view{"context canceled"};
  }
  for (uint32_t i = 0; chunks_ && i < chain_->size(); ++i)
    for (int side : {SLC_REQUEST, SLC_RESPONSE}) {
      BodyFlow::Stage* stage = chunks_[i].stage[side];
      const bool pending = stage ? stage->state == BodyFlow::Stage::State::pending : chunks_[i].left[side];
      if (why == Errc::timeout && pending) {
        plugin::count_timed_out(chain_->hooks[i].object->place(), side == SLC_REQUEST ? HookKind::on_request_chunk : HookKind::on_response_chunk, *worker);
        if (log::enabled(log::Level::error))
          log::write(log::Level::error, arena().concat(place_text(i), " kept a piece of a body, was suspended and not resumed within the time-out"));
      }
      if (stage) stage->flow->stop();
    }
  if (Account* account = exchange_->account()) [[unlikely]]
    account->cut_off(*this);
  cancel_inner();
  for (Attempt* a = attempts_; a; a = a->next) {
    a->later.disarm();
    a->task.cancel();
    a->scope->close(Errc::cancelled);
  }
  end_operations();
  if (steps_ && !steps_->done().empty()) {
    plugin::HookRun run{*memory, steps_->counted()};
    for (const Step& s : steps_->done())
      if (ran_[s.index]) run.call(s.site, [&] { s.last(s.state, this, &slots_[s.index]); });
  }
  end_operations();
  for (Attempt* a = attempts_; a;) std::exchange(a, a->next)->~Attempt();
  attempts_ = nullptr;
}

// The around stage has spoken: attempts that run on would work for nobody, and hold what they have until the client has
// its answer.
void Scope::end_attempts() {
  around_at_ = UINT32_MAX;
  for (Attempt* a = attempts_; a; a = a->next) {
    if (a == used_ || a->cancelled) continue;
    a->cancelled = true;
    a->later.disarm();
    a->task.cancel();
    a->scope->close(Errc::cancelled);
  }
}

void Scope::add_answer_stages(BodyFlow& flow) {
  if (used_) used_->scope->add_answer_stages(flow);
  for (uint32_t i : chain_->way_out)
    if (i < reached_ && i >= first_) flow.add(*this, i);
}

slc_token Scope::next_call(slc_next_fn done, void* user) {
  if (closed_ || around_at_ >= chain_->size() || !done) return 0;
  auto* a = new (arena().alloc(sizeof(Attempt), alignof(Attempt))) Attempt;
  a->outer = this;
  a->scope = clone();
  a->stage = around_at_;
  a->scope->first_ = around_at_ + 1;
  a->done = done;
  a->user = user;
  a->next = attempts_;
  attempts_ = a;
  a->fn = [](loop::Completion& c) noexcept {
    auto& self = static_cast<Attempt&>(c);
    self.finished = self.scope->finished_ = true;
    self.scope->worker->loop.deadlines().arm(self.later, 0);
  };
  a->later.on_expire(
      [](loop::Deadline& d) noexcept {
        auto& self = d.owner<Attempt>();
        // The stage has spoken already, though its resume is still on the way: this attempt comes too late.
        if (self.cancelled || !self.outer->worker->tokens->is_waiting(self.outer->suspended)) return;
        plugin::PlaceScope place{&self.outer->chain_->hooks[self.stage].object->place(), HookKind::on_attempt, self.outer->memory};
        self.done(self.user, self.outer, self.scope);
      },
      a);
  a->task = a->scope->run(around_at_ + 1);
  a->task.start(*a);
  return reinterpret_cast<slc_token>(a);
}

slc_status Scope::next_cancel(slc_token token) {
  for (Attempt* a = attempts_; a; a = a->next)
    if (reinterpret_cast<slc_token>(a) == token) {
      a->cancelled = true;
      a->later.disarm();
      a->task.cancel();
      a->scope->close(Errc::cancelled);
      return SLC_OK;
    }
  return SLC_ESTALE;
}

slc_status Scope::next_use(slc_exchange* attempt) {
  for (Attempt* a = attempts_; a; a = a->next)
    if (a->scope == attempt) {
      if (!a->finished || a->cancelled) return SLC_EINVAL;
      response = attempt->response;
      error = attempt->error;
      failure_headers = attempt->failure_headers;
      used_ = a;
      take_over(*a->scope);
      if (Account* account = exchange_->account()) [[unlikely]]
        account->take(*this, *a->scope);
      return SLC_OK;
    }
  return SLC_EINVAL;
}

}  // namespace sluice::pipeline

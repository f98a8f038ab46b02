#include "core/pipeline/parts.h"

#include "core/pipeline/sequence.h"

namespace sluice::pipeline {
namespace {

// Only run() starts branches, and it is what their ends wake: so nothing is destroyed from inside itself, however a branch ends.
class PartsRun {
 public:
  PartsRun(Exchange& x, const EndpointPlan& plan)
      : x_{x}, plan_{plan}, count_{static_cast<uint32_t>(plan.backends.size())}, parts_{x.arena().array<Part>(count_)}, values_{x, {parts_, count_}} {
    branches_ = x.arena().array<Branch*>(count_);
    left_ = x.arena().array<uint32_t>(count_);
    for (uint32_t i = 0; i < count_; ++i) {
      new (&parts_[i]) Part;
      parts_[i].backend = plan.backends[i].get();
      parts_[i].step = &plan.aggregation->steps[i];
      left_[i] = parts_[i].step->inputs;
      branches_[i] = nullptr;
    }
    lookup_ = {[](void* self, uint32_t step, std::string_view path, std::string_view* value) {
                 return static_cast<PartsRun*>(self)->value_of(step, path, value);
               },
               this};
    deadline_.on_expire(
        [](loop::Deadline& d) noexcept {
          auto& self = d.owner<PartsRun>();
          self.expired_ = true;
          if (self.wake_.waiting()) self.wake_.set();
        },
        this);
  }
  ~PartsRun() {
    cancel_rest(x_.why());
    for (uint32_t i = 0; i < count_; ++i)
      if (branches_[i]) branches_[i]->~Branch();
  }
  PartsRun(const PartsRun&) = delete;
  Arena& arena() { return x_.arena(); }
  std::span<const Part> parts() const { return {parts_, count_}; }

  loop::Task<void> run(uint64_t timeout_ms) {
    x_.worker().loop.deadlines().arm(deadline_, timeout_ms);
    ends_ms_ = deadline_.at_ms();
    for (;;) {
      start_ready();
      if (running_ == 0 || over_ || expired_) break;
      co_await wake_.wait();
    }
    deadline_.disarm();
    cancel_rest(expired_ ? Errc::timeout : Errc::cancelled);
    for (uint32_t i = 0; i < count_; ++i) {
      Part& p = parts_[i];
      if (p.fate != Fate::running && p.fate != Fate::waiting) continue;
      if (expired_) {
        if (p.fate == Fate::waiting) p.call = nullptr;
        judge(p);  // of none: in time it did not come to it
      } else {
        p.fate = Fate::cancelled;
        p.error = {.code = Errc::cancelled, .source = Source::backend, .message = "a required backend failed before", .public_message = "cancelled"};
      }
    }
  }

 private:
  struct Branch : loop::Completion {
    PartsRun* owner = nullptr;
    uint32_t step = 0;
    loop::Task<void> task;
  };

  void start_ready() {
    for (bool again = true; again && !over_;) {
      again = false;
      for (uint32_t i = 0; i < count_ && !over_; ++i) {
        if (parts_[i].fate != Fate::waiting || left_[i] > 0) continue;
        again = true;  // whoever waits for it may be ready afterwards
        if (may_run(parts_[i])) start(i);
        else settled(i);
      }
    }
  }

  bool may_run(Part& p) {
    const PartPlan& s = *p.step;
    if (s.when && !s.when->holds(values_)) return p.fate = Fate::skipped, false;
    for (const PartPlan::Need& need : s.needs) {
      const Part& from = parts_[need.reference.step];
      if (from.fate == Fate::skipped) return p.fate = Fate::skipped, false;
      if (from.failed()) {
        miss(p, arena().concat(p.step->label, " takes ", need.reference.text(), ", but ", from.step->label, " failed"), from.status);
        return false;
      }
      document::Node* n = values_.find(need.reference);
      if (!n || (n->kind == document::Kind::null && !need.null_is_a_value)) {
        miss(p, arena().concat(p.step->label, " takes ", need.reference.text(), ", which the answer does not have"), 502);
        return false;
      }
    }
    return true;
  }

  static void miss(Part& p, std::string_view why, uint16_t status) {
    p.fate = Fate::missed;
    p.status = status;
    p.error = {.code = Errc::invalid, .source = Source::backend, .http_status = status, .message = why, .public_message = why};
  }

  void start(uint32_t i) {
    Part& p = parts_[i];
    auto* b = new (arena().alloc(sizeof(Branch), alignof(Branch))) Branch{};
    branches_[i] = b;
    b->owner = this;
    b->step = i;
    b->fn = [](loop::Completion& c) noexcept {
      auto& self = static_cast<Branch&>(c);
      self.owner->finished(self.step);
    };
    p.fate = Fate::running;
    ++running_;
    if (!p.step->parameters.empty()) [[unlikely]]
      show_answers(*p.step);
    // A call keeps the lookup that stands here when it is made.
    const ResponseLookup* before = std::exchange(x_.responses, plan_.aggregation->chain ? &lookup_ : x_.responses);
    if (plan_.config->concurrent_calls > 1) {
      b->task = several(i);
    } else {
      p.call = new (arena().alloc(sizeof(BackendScope), alignof(BackendScope))) BackendScope{x_, *p.backend};
      p.call->ends_ms = ends_ms_;
      write_request(*p.call, *p.step, values_);
      if (!p.call->error) b->task = p.call->run();
    }
    if (b->task) b->task.start(*b);
    else finished(i);  // the request could not be written
    x_.responses = before;
  }

  // They are the same for every step that asks, so one that is there stays.
  void show_answers(const PartPlan& step) {
    for (const PartPlan::Parameter& from : step.parameters) {
      std::string_view text;
      if (find_param(x_.params(), from.name) || !value_of(from.reference.step, from.path, &text)) continue;
      x_.params().push({from.name, text});
    }
  }

  loop::Task<void> several(uint32_t i) {
    struct Context {
      const PartPlan* step;
      ReferenceValues* values;
    } context{parts_[i].step, &values_};
    RequestWriter writer{[](void* c, BackendScope& call) {
                           auto& what = *static_cast<Context*>(c);
                           write_request(call, *what.step, *what.values);
                         },
                         &context};
    auto inside = call_backend(x_, *parts_[i].backend, &parts_[i].call, ends_ms_, &writer);
    co_await inside;
  }

  void finished(uint32_t i) {
    --running_;
    judge(parts_[i]);
    settled(i);
    if (wake_.waiting()) wake_.set();  // may end all of this
  }

  void settled(uint32_t i) {
    const Part& p = parts_[i];
    for (uint32_t f : p.step->followers) --left_[f];
    // What can still come changes nothing any more.
    if (p.step->required && p.fate != Fate::skipped && (p.failed() || (p.fate == Fate::incomplete && p.status >= 400))) over_ = true;
  }

  void cancel_rest(Errc why) {
    for (uint32_t i = 0; i < count_; ++i) {
      if (parts_[i].fate != Fate::running || !branches_[i]) continue;
      branches_[i]->task.cancel();
      if (parts_[i].call) parts_[i].call->close(why);
    }
    running_ = 0;
  }

  bool value_of(uint32_t step, std::string_view path, std::string_view* value) {
    if (step >= count_ || parts_[step].failed() || !parts_[step].call || !parts_[step].call->response.has_data) return false;
    document::Node* n = walk(arena(), parts_[step].call->response.data, path);
    return n && placeholder_text(arena(), *n, value);
  }

  Exchange& x_;
  const EndpointPlan& plan_;
  uint32_t count_, running_ = 0;
  Part* parts_;
  PartValues values_;
  Branch** branches_;
  uint32_t* left_;       // inputs that are not over
  bool over_ = false;    // a required one failed
  bool expired_ = false;
  uint64_t ends_ms_ = UINT64_MAX;  // of all calls
  ResponseLookup lookup_{};
  loop::Signal wake_;
  loop::Deadline deadline_;
};

}  // namespace

loop::Task<void> call_parts(Exchange& x, const EndpointPlan& plan, Scope& result, const Outcome** outcome) {
  PartsRun steps{x, plan};
  auto running = steps.run(plan.backends.size() == 1 ? plan.timeout_ms : plan.merge_timeout_ms);
  co_await running;
  *outcome = assemble(x, plan, steps.parts(), result);
}

}  // namespace sluice::pipeline

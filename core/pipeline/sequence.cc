#include "core/pipeline/sequence.h"

#include <algorithm>
#include <string>

#include "core/log/log.h"
#include "core/pipeline/parts.h"
#include "core/pipeline/url.h"

namespace sluice::pipeline {
namespace {

using document::Kind;
using document::Node;

// Bounds of a list or object that becomes a text; strings and numbers are taken as they are.
constexpr size_t kMaxText = size_t{1} << 20;
constexpr uint32_t kMaxDepth = 64;

// The debug form of the reference: lists `[a b]`, objects `map[k:v k:v]` with sorted keys, null `<nil>`.
class TextWriter {
 public:
  explicit TextWriter(Arena& arena) : arena_{arena}, pieces_{arena} {}
  void put(std::string_view s) { pieces_.push(s), size_ += s.size(); }
  bool scalar(Node& n, std::string_view* out) {
    switch (n.kind) {
      case Kind::null: *out = "<nil>"; return true;
      case Kind::boolean: *out = document::boolean(&arena_, n) ? "true" : "false"; return true;
      case Kind::number:
      case Kind::string: *out = document::text(arena_, n); return true;
      default: return false;
    }
  }
  bool value(Node& n, uint32_t depth) {
    if (depth > kMaxDepth || size_ > kMaxText) return false;
    if (std::string_view s; scalar(n, &s)) return put(s), true;
    document::open(arena_, n);
    put(n.kind == Kind::object ? "map[" : "[");
    if (n.kind == Kind::array && !elements(n, " ", depth)) return false;
    if (n.kind == Kind::object && !members(n, depth)) return false;
    put("]");
    return true;
  }
  bool elements(Node& list, std::string_view between, uint32_t depth) {
    for (uint32_t i = 0; i < list.count; ++i) {
      if (i) put(between);
      if (!value(list.elements[i], depth + 1)) return false;
    }
    return true;
  }
  std::string_view text() {
    char *begin = static_cast<char*>(arena_.alloc(size_ + 1, 1)), *at = begin;
    for (std::string_view s : pieces_) at = std::copy(s.begin(), s.end(), at);
    return {begin, size_};
  }
  bool fits() const { return size_ <= kMaxText; }

 private:
  bool members(Node& object, uint32_t depth) {
    ArenaVector<document::Member*> sorted{arena_};
    sorted.reserve(object.count);
    for (uint32_t i = 0; i < object.count; ++i) sorted.push(&object.members[i]);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->key < b->key; });
    for (uint32_t i = 0; i < sorted.size(); ++i) {
      if (i) put(" ");
      put(sorted[i]->key);
      put(":");
      if (!value(sorted[i]->value, depth + 1)) return false;
    }
    return true;
  }
  Arena& arena_;
  ArenaVector<std::string_view> pieces_;
  size_t size_ = 0;
};

class Sequence {
 public:
  Sequence(Exchange& x, const EndpointPlan& plan) : x_{x}, plan_{plan}, count_{static_cast<uint32_t>(plan.backends.size())} {
    steps_ = x.arena().array<BackendScope*>(count_);
    std::fill(steps_, steps_ + count_, nullptr);
    if (plan.aggregation) {
      parts_ = x.arena().array<Part>(count_);
      for (uint32_t i = 0; i < count_; ++i) {
        Part& p = *new (&parts_[i]) Part;
        p.backend = plan.backends[i].get(), p.step = &plan.aggregation->steps[i];
      }
    }
    lookup_ = {[](void* self, uint32_t step, std::string_view path, std::string_view* value) {
                 return static_cast<Sequence*>(self)->resolved(step, path, value);
               },
               this};
    x.responses = &lookup_;
    ends_ms_ = x.limit_in(plan.merge_timeout_ms);  // as call_sequence waits
  }
  ~Sequence() { x_.responses = nullptr; }
  Sequence(const Sequence&) = delete;
  Arena& arena() { return x_.arena(); }

  loop::Task<void> run();
  void finish(Scope& result, const Outcome** outcome);

 private:
  struct Context {
    const PartPlan* step;
    ReferenceValues* values;
  };
  static ArenaVector<router::Param> copy(Arena& arena, const ArenaVector<router::Param>& from) {
    ArenaVector<router::Param> to{arena};
    for (const router::Param& p : from) to.push(p);
    return to;
  }
  void resolve_all(const BackendPlan&);
  void resolve(std::string_view name, uint32_t step, std::string_view path);
  bool look_up(uint32_t step, std::string_view path, std::string_view* value);
  bool resolved(uint32_t step, std::string_view path, std::string_view* value);
  std::string_view name_of(uint32_t step, std::string_view path) {
    return arena().concat("Resp", std::to_string(step), "_", path);
  }
  std::span<const Part> parts() const { return {parts_, parts_ ? count_ : 0}; }
  bool is_skipped(ReferenceValues&);
  void close_parts();
  bool has_object(uint32_t step) const {
    return steps_[step] && steps_[step]->response.has_data && steps_[step]->response.data.kind == Kind::object;
  }

  Exchange& x_;
  const EndpointPlan& plan_;
  uint32_t count_, at_ = 0;   // at_: the step that runs, or the one that ended the chain
  bool ended_ = false;        // not cut off by the deadline
  uint64_t ends_ms_ = UINT64_MAX;  // of all steps
  BackendScope** steps_;      // nullptr: not called, or skipped
  Part* parts_ = nullptr;     // with the block `sluice`; those before at_ have their fate
  ResponseLookup lookup_{};
};

loop::Task<void> Sequence::run() {
  for (;; ++at_) {
    const BackendPlan& backend = *plan_.backends[at_];
    PartValues values{x_, parts()};
    if (parts_ && is_skipped(values)) {
      parts_[at_].fate = Fate::skipped;
      if (at_ + 1 == count_) break;
      continue;
    }
    if (at_ > 0) resolve_all(backend);
    // What a step's plugins do to the parameters stays in the step.
    ArenaVector<router::Param> before = x_.params();
    if (!backend.chain.empty()) x_.params() = copy(arena(), before);
    // The block `sluice` may write the request, too, of what the client sent.
    Context context{plan_.aggregation ? &plan_.aggregation->steps[at_] : nullptr, &values};
    RequestWriter writer{[](void* c, BackendScope& call) { write_request(call, *static_cast<Context*>(c)->step, *static_cast<Context*>(c)->values); },
                         &context};
    auto inside = call_backend(x_, backend, &steps_[at_], ends_ms_, context.step ? &writer : nullptr);
    co_await inside;
    x_.params() = before;
    const BackendScope& step = *steps_[at_];
    if (parts_) {
      parts_[at_].call = steps_[at_];
      judge(parts_[at_]);
    }
    if (step.error || !step.response.complete || at_ + 1 == count_) break;
  }
  ended_ = true;
}

// Its condition does not hold, or it takes data of a step that was skipped: as in a chain (parts.cc).
bool Sequence::is_skipped(ReferenceValues& values) {
  const PartPlan& step = *parts_[at_].step;
  if (step.when && !step.when->holds(values)) return true;
  for (const config::UrlPart& part : parts_[at_].backend->config->url)
    if (part.kind == config::UrlPart::Kind::response && part.step < at_ && parts_[part.step].fate == Fate::skipped) return true;
  return false;
}

void Sequence::resolve_all(const BackendPlan& backend) {
  for (const config::UrlPart& part : backend.config->url)
    if (part.kind == config::UrlPart::Kind::response && part.step < at_) resolve(name_of(part.step, part.text), part.step, part.text);
  for (const EndpointPlan::Propagated& p : plan_.propagated)
    if (p.step < at_) resolve(p.name, p.step, p.path);
}

// Values become request parameters, as plugins of later backends expect them. What is there already is kept, unless empty.
void Sequence::resolve(std::string_view name, uint32_t step, std::string_view path) {
  ArenaVector<router::Param>& params = x_.params();
  const router::Param* there = find_param(params, name);
  if (there && !there->value.empty()) return;
  std::string_view value;
  if (!look_up(step, path, &value)) return;
  if (there)
    params[static_cast<size_t>(there - params.begin())].value = value;
  else
    params.push({name, value});
}

bool Sequence::look_up(uint32_t step, std::string_view path, std::string_view* value) {
  if (path.empty()) {  // the bytes of an answer that nobody decodes
    BackendScope* from = steps_[step];
    if (!from || !from->plan().keep_body) return false;
    *value = from->body_text();
    return true;
  }
  uint32_t base = 0;
  while (base < at_ && !has_object(base)) ++base;
  Node* hit = nullptr;
  if (step != base) {
    if (has_object(step)) hit = document::find_path(arena(), steps_[step]->response.data, path);
  } else {
    // The first answer is what the others are merged into: their keys are seen in it, the latest first (quirk).
    std::string_view key = path.substr(0, path.find('.'));
    for (uint32_t i = at_; i-- > base;) {
      if (!has_object(i) || !document::find(arena(), steps_[i]->response.data, key)) continue;
      hit = document::find_path(arena(), steps_[i]->response.data, path);
      break;
    }
  }
  return hit && placeholder_text(arena(), *hit, value);
}

bool Sequence::resolved(uint32_t step, std::string_view path, std::string_view* value) {
  if (step >= at_) return false;
  const router::Param* p = find_param(x_.params(), name_of(step, path));
  if (!p) return false;
  *value = p->value;
  return true;
}

// Only run() gives steps their fate: what the deadline cut off, and what was never reached, gets one here.
void Sequence::close_parts() {
  for (uint32_t i = at_; i < count_; ++i) {
    Part& p = parts_[i];
    if (p.fate != Fate::waiting) continue;
    if (i == at_) {
      p.call = steps_[i];
      judge(p);
      continue;
    }
    p.fate = Fate::missed;
    p.error = {.code = Errc::invalid, .source = Source::backend, .message = "the sequence ended before it", .public_message = "the sequence ended before it"};
  }
}

void Sequence::finish(Scope& result, const Outcome** outcome) {
  if (!ended_ && steps_[at_]) steps_[at_]->close(Errc::timeout);
  BackendScope* last = steps_[at_];
  bool failed = !ended_ || (last && last->error);
  if (failed) {
    Error error = timed_out(Source::backend);
    if (last && last->error) error = last->error;
    if (!x_.is_shadow()) {
      if (log::enabled(log::Level::error)) log::write(log::Level::error, arena().concat(plan_.where, " Error #0: ", error.message));
      x_.log_error(error.message);
    }
    if (at_ == 0 && !plan_.aggregation) {  // that very error, its status included (rule 1)
      result.error = error;
      if (last) result.failure_headers = last->failure_headers;
      return;
    }
  }
  if (plan_.aggregation) {
    close_parts();
    *outcome = assemble(x_, plan_, parts(), result);
    return;
  }
  uint32_t good = at_ + (failed ? 0 : 1);
  if (good == 1) {
    result.response = steps_[0]->response;
    if (failed) result.response.complete = false;
    if (Account* account = x_.account()) [[unlikely]]
      account->take(result, *steps_[0]);
  } else {
    auto* parts = arena().array<Node>(good);
    bool complete = !failed;
    for (uint32_t i = 0; i < good; ++i) {
      plugin::ResponseSide& part = steps_[i]->response;
      new (&parts[i]) Node{part.has_data ? part.data : Node{}};
      complete = complete && part.complete && parts[i].kind != Kind::null;  // a null part counts as incomplete (§5.1)
    }
    result.response.data = document::merge(arena(), {parts, good});
    result.response.has_data = true;
    result.response.complete = complete;
    if (Account* account = x_.account()) [[unlikely]]
      account->merged(result, {steps_, good});
  }
  result.response.partial_errors = failed;
}

}  // namespace

bool placeholder_text(Arena& arena, Node& n, std::string_view* text) {
  TextWriter w{arena};
  if (w.scalar(n, text)) return true;
  document::open(arena, n);
  // A list on its own is written with commas, not in the debug form.
  bool ok = n.kind == Kind::array ? w.elements(n, ",", 0) : w.value(n, 0);
  if (!ok || !w.fits()) return false;
  *text = w.text();
  return true;
}

loop::Task<void> call_sequence(Exchange& x, const EndpointPlan& plan, Scope& result, const Outcome** outcome) {
  Sequence sequence{x, plan};
  {
    FanOut guard{x, 1, FanOut::Until::all};
    guard.start(sequence.run(), nullptr);
    auto waiting = guard.wait(plan.merge_timeout_ms);
    co_await waiting;
  }
  sequence.finish(result, outcome);
}

}  // namespace sluice::pipeline

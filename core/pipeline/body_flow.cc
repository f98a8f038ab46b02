#include "core/pipeline/body_flow.h"

#include "core/pipeline/scope.h"
#include "core/plugin/token_table.h"

namespace sluice::pipeline {

BodyFlow::BodyFlow(slc_worker& w, int32_t side, Sink& sink) : worker_{w}, side_{side}, sink_{sink} {
  later_.on_expire([](loop::Deadline& d) noexcept { d.owner<BodyFlow>().go_on(); }, this);
}

BodyFlow::~BodyFlow() {
  stop();
  for (auto& s : stages_) {
    Scope::ChunkState* state = s->scope->chunk_state(s->hook);
    state->left[side_] = s->state == Stage::State::pending;
    state->stage[side_] = nullptr;
  }
}

void BodyFlow::add(Scope& scope, uint32_t i) {
  Scope::ChunkState* state = scope.chunk_state(i);
  if (!state || !scope.chunk_hook(i, side_) || state->expected[side_] == SLC_BODY_SKIPPED) return;
  auto s = std::make_unique<Stage>();
  s->flow = this;
  s->scope = &scope;
  s->hook = i;
  s->index = static_cast<uint32_t>(stages_.size());
  s->on_resumed = [](plugin::Suspension& of) {
    auto& stage = static_cast<Stage&>(of);
    stage.flow->resume(stage);
  };
  state->stage[side_] = s.get();
  stages_.push_back(std::move(s));
}

int64_t BodyFlow::length(int64_t n) const {
  for (auto& s : stages_)
    if (int64_t expected = s->scope->chunk_state(s->hook)->expected[side_]; expected != SLC_LENGTH_KEPT) n = expected;
  return n;
}

void BodyFlow::push(http::Slices slices, bool last) {
  for (size_t i = 0; i < slices.size(); ++i) feed(0, slices[i], last && i + 1 == slices.size());
  if (slices.empty() && last) feed(0, {}, true);
}

void BodyFlow::stop() {
  if (stopped_) return;
  stopped_ = true;
  later_.disarm();
  for (auto& s : stages_)
    if (s->suspended) worker_.tokens->drop(*s);
}

void BodyFlow::unblock() {
  blocked_ = false;
  if (!stopped_ && !failed_) worker_.loop.deadlines().arm(later_, 1);
}

// ---- the way of the bytes ----

void BodyFlow::feed(size_t to, http::Slice bytes, bool last) {
  if (stopped_ || failed_ || (bytes.empty() && !last)) return;
  if (to < stages_.size()) {
    Stage& s = *stages_[to];
    if (s.state == Stage::State::idle && !s.has_queued()) return call(s, bytes, last, 0);
    s.queued.append(bytes);
    s.queued_last = s.queued_last || last;
    return;
  }
  passed_ += static_cast<int64_t>(bytes.size());
  if (promised_ >= 0 && (passed_ > promised_ || (last && passed_ < promised_)))
    return fail("a plugin changed the length of a body for which it had promised another");
  if (last) over_ = true;
  if (!sink_.on_bytes(bytes, last) && !last) blocked_ = true;
}

void BodyFlow::call(Stage& s, http::Slice bytes, bool last, uint32_t flags) {
  s.chunk = bytes, s.last = last;
  s.state = Stage::State::running;
  slc_chunk chunk{sizeof chunk, flags | (last ? uint32_t{SLC_CHUNK_LAST} : 0u), plugin::str(bytes)};
  slc_action a = s.scope->call_chunk(s.hook, side_, chunk);
  if (stopped_) return;
  if (a == SLC_PENDING && s.suspended) return wait(s, Stage::State::pending);
  if (s.suspended) worker_.tokens->drop(s);
  s.state = Stage::State::idle;
  conclude(s, a == SLC_PENDING ? static_cast<slc_action>(SLC_FAIL) : a, false);
}

// The stage keeps its chunk and waits; behind it only what it emits moves.
void BodyFlow::wait(Stage& s, Stage::State state) {
  if (s.chunk.data() != s.kept.data()) s.kept.assign(s.chunk);
  s.chunk = s.kept;
  s.state = state;
  ++waiting_;
  if (state == Stage::State::again || !s.out.empty()) worker_.loop.deadlines().arm(later_, 1);
}

void BodyFlow::conclude(Stage& s, slc_action a, bool resumed) {
  switch (a) {
    case SLC_NEXT: {
      s.over = s.last;
      pass_emitted(s, false);
      feed(s.index + 1, s.chunk, s.last);
      break;
    }
    case SLC_TAKE:
      s.over = s.last;
      pass_emitted(s, s.last);
      break;
    case SLC_AGAIN:
      // Without anything to show for it, it would go on like this for ever.
      if (s.out.empty() && !resumed) return fail(s, SLC_FAIL);
      pass_emitted(s, false);
      wait(s, Stage::State::again);
      break;
    default: fail(s, a);
  }
}

void BodyFlow::pass_emitted(Stage& s, bool last) {
  if (s.out.empty() && !last) return;
  std::string out;
  out.swap(s.out);
  feed(s.index + 1, out, last);
  out.clear();
  if (s.out.empty()) s.out.swap(out);  // its room is used again
}

// What came while the stage was busy.
void BodyFlow::work_off(Stage& s) {
  while (!stopped_ && !failed_ && s.state == Stage::State::idle && s.has_queued()) {
    s.kept.swap(s.queued);
    s.queued.clear();
    call(s, s.kept, std::exchange(s.queued_last, false), 0);
  }
}

void BodyFlow::resume(Stage& s) {
  if (stopped_ || failed_) return;
  --waiting_;
  s.state = Stage::State::idle;
  conclude(s, s.resumed_with, true);
  work_off(s);
  sink_.on_flow();
}

bool BodyFlow::free_behind(const Stage& s) const {
  if (blocked_) return false;
  for (size_t i = s.index + 1; i < stages_.size(); ++i)
    if (stages_[i]->state != Stage::State::idle) return false;
  return true;
}

void BodyFlow::go_on() {
  // From the far end, so that what a stage gives finds those behind it free.
  for (size_t i = stages_.size(); i-- > 0 && !stopped_ && !failed_;) {
    Stage& s = *stages_[i];
    if (!free_behind(s)) continue;
    if (s.state == Stage::State::again) {
      --waiting_;
      call(s, s.chunk, s.last, SLC_CHUNK_AGAIN);
      work_off(s);
    } else {
      pass_emitted(s, false);
    }
  }
  if (!stopped_) sink_.on_flow();
}

void BodyFlow::fail(Stage& s, slc_action a) {
  s.scope->fail_chunk(s.hook, side_, a);
  failed_ = true;
  error_ = s.scope->error;
  later_.disarm();
}

void BodyFlow::fail(std::string_view why) {
  failed_ = true;
  error_ = {};
  error_.code = Errc::plugin, error_.source = Source::plugin;
  error_.message = why;
  later_.disarm();
}

// ---- the service ----

slc_status BodyFlow::emit(Stage& s, std::string_view bytes) {
  if (stopped_ || failed_ || s.over) return SLC_ESTALE;
  if (bytes.size() > kMostEmitted - s.out.size()) return SLC_ELIMIT;
  s.out.append(bytes);
  if (s.state != Stage::State::running) worker_.loop.deadlines().arm(later_, 1);
  return SLC_OK;
}

size_t BodyFlow::room(const Stage& s) const { return stopped_ || failed_ || s.over ? 0 : kMostEmitted - s.out.size(); }

slc_token BodyFlow::suspend(Stage& s) { return s.state == Stage::State::running ? worker_.tokens->suspend(s) : 0; }

}  // namespace sluice::pipeline

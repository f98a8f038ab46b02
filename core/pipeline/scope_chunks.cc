// A scope's part in bodies that pass through chunk hooks.
#include "core/pipeline/exchange.h"
#include "core/pipeline/scope.h"

namespace sluice::pipeline {

Scope::ChunkFn Scope::chunk_hook(uint32_t i, int32_t side) const {
  const slc_middleware* m = chain_->hooks[i].middleware;
  if (!m) return nullptr;
  if (side == SLC_REQUEST) return SLC_HAS(m, slc_middleware, on_request_chunk) ? m->on_request_chunk : nullptr;
  return SLC_HAS(m, slc_middleware, on_response_chunk) ? m->on_response_chunk : nullptr;
}

// Not through call(): another hook of this scope may be suspended meanwhile, and keeps its place and its token.
slc_action Scope::call_chunk(uint32_t i, int32_t side, const slc_chunk& chunk) {
  const Hook& h = chain_->hooks[i];
  auto kind = side == SLC_REQUEST ? plugin::HookKind::on_request_chunk : plugin::HookKind::on_response_chunk;
  plugin::PlaceScope place{&h.object->place(), kind, memory};
  ran_[i] = 1;
  return chunk_hook(i, side)(h.object->state(*worker), this, &slots_[i], &chunk);
}

void Scope::add_request_stages(BodyFlow& flow) {
  for (uint32_t i = first_; i < chain_->size(); ++i) flow.add(*this, i);
}

// ---- sluice.stream/1: the caller is the hook, or the callback of the hook, whose place is the current one ----

Scope::ChunkState* Scope::caller_of_stream(int32_t side) {
  if (!chunks_ || !plugin::current_place) return nullptr;
  for (uint32_t i = 0; i < chain_->size(); ++i)
    if (&chain_->hooks[i].object->place() == plugin::current_place) return chunk_hook(i, side) ? &chunks_[i] : nullptr;
  return nullptr;
}

slc_status Scope::stream_expect(int32_t side, int64_t length) {
  ChunkState* s = caller_of_stream(side);
  if (!s) return SLC_EINVAL;
  if (s->stage[side]) return SLC_ESTALE;  // the head has been settled
  s->expected[side] = length;
  return SLC_OK;
}

slc_status Scope::stream_emit(int32_t side, std::string_view bytes) {
  ChunkState* s = caller_of_stream(side);
  return s && s->stage[side] ? s->stage[side]->flow->emit(*s->stage[side], bytes) : static_cast<slc_status>(SLC_EINVAL);
}

size_t Scope::stream_room(int32_t side) {
  ChunkState* s = caller_of_stream(side);
  return s && s->stage[side] ? s->stage[side]->flow->room(*s->stage[side]) : 0;
}

slc_token Scope::stream_suspend(int32_t side) {
  ChunkState* s = caller_of_stream(side);
  return s && s->stage[side] ? s->stage[side]->flow->suspend(*s->stage[side]) : 0;
}

// ---- whole bodies ----

namespace {

// Puts together what comes out. Bytes that are the body's own are not copied.
class Collector final : public BodyFlow::Sink {
 public:
  Collector(Arena& arena, http::Slices original, uint64_t most) : arena_{arena}, original_{original}, most_{most}, pieces_{arena} {}
  bool on_bytes(http::Slice bytes, bool) noexcept override {
    if (bytes.empty()) return true;
    size_ += bytes.size();
    if (size_ > most_) {
      too_large_ = true;
      return true;
    }
    if (pieces_.size() > 0 && pieces_.back().data() + pieces_.back().size() == bytes.data())
      pieces_.back() = {pieces_.back().data(), pieces_.back().size() + bytes.size()};
    else
      pieces_.push(is_original(bytes) ? bytes : arena_.copy(bytes));
    return true;
  }
  void on_flow() noexcept override {
    if (moved_.waiting()) moved_.set();
  }
  loop::Signal& moved() { return moved_; }
  bool too_large() const { return too_large_; }
  const ArenaVector<http::Slice>& pieces() const { return pieces_; }

 private:
  bool is_original(http::Slice s) const {
    for (http::Slice o : original_)
      if (s.data() >= o.data() && s.data() + s.size() <= o.data() + o.size()) return true;
    return false;
  }
  Arena& arena_;
  http::Slices original_;
  uint64_t most_;
  ArenaVector<http::Slice> pieces_;
  size_t size_ = 0;
  bool too_large_ = false;
  loop::Signal moved_;
};

}  // namespace

loop::Task<bool> Scope::pass_body(int32_t side, uint32_t from, uint32_t to, ArenaVector<http::Slice>& body) {
  Collector out{arena(), body.span(), exchange_->generation().config->max_response_body};
  BodyFlow flow{*worker, side, out};
  if (side == SLC_REQUEST)
    for (uint32_t i = from; i < to; ++i) flow.add(*this, i);
  else
    for (uint32_t i : chain_->way_out)
      if (i >= from && i < to) flow.add(*this, i);
  if (flow.empty()) co_return true;
  size_t before = http::total_size(body.span());
  flow.promise(flow.length(static_cast<int64_t>(before)));
  flow.push(body.span(), true);
  while (!flow.over() && !flow.failed() && !out.too_large()) co_await out.moved().wait();
  if (flow.failed() || out.too_large()) {
    if (!error) error = flow.error();
    if (out.too_large()) {
      error.code = Errc::limit, error.source = Source::plugin;
      error.message = error.public_message = "a plugin made a body too large";
    }
    co_return false;
  }
  body = out.pieces();
  co_return true;
}

}  // namespace sluice::pipeline

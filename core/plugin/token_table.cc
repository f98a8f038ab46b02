#include "core/plugin/token_table.h"

#include <algorithm>
#include <array>

#include "core/plugin/callout.h"
#include "core/plugin/operations.h"

namespace sluice::plugin {
namespace {

std::array<std::atomic<TokenTable*>, TokenTable::kMostWorkers> tables{};
std::atomic<int> published{0};
// Where the generations of the next table of this worker begin: behind everything its predecessors handed out.
std::array<std::atomic<uint32_t>, TokenTable::kMostWorkers> first_generation{};
// A token of a worker beyond them would name another worker: such a table gives none.
bool fits(uint32_t worker) { return worker < TokenTable::kMostWorkers; }

thread_local char thread_mark;

constexpr uint64_t pack(uint32_t generation, uint8_t kind, uint8_t action = 0) {
  return uint64_t{generation} << 32 | uint64_t{action} << 8 | kind;
}
// Unknown actions fail (plugin.h); PENDING is none that a resume can ask for.
constexpr slc_action kActions[] = {SLC_FAIL, SLC_NEXT, SLC_REPLY, SLC_TAKE, SLC_AGAIN};
constexpr uint8_t encode(slc_action a) {
  for (uint8_t i = 1; i < std::size(kActions); ++i)
    if (kActions[i] == a) return i;
  return 0;
}
constexpr slc_action decode(uint8_t a) { return kActions[a]; }

constexpr uint32_t slot_of(slc_token t) { return static_cast<uint32_t>(t >> 32) & 0xffffff; }
constexpr uint32_t generation_of(slc_token t) { return static_cast<uint32_t>(t); }

}  // namespace

struct TokenTable::Slot {
  std::atomic<uint64_t> state{0};  // generation, action, kind; changed by the owner, and by one resume from anywhere
  Suspension* suspension = nullptr;
  Operation* operation = nullptr;
  uint32_t generation = 0;         // owner's copy
  uint32_t index = 0, next_free = UINT32_MAX;
};

struct TokenTable::Timer final : Operation {
  struct Alarm : loop::Deadline {
    Timer* timer = nullptr;
  } alarm;
  slc_timer_fn fn = nullptr;
  Timer() {
    alarm.timer = this;
    alarm.on_expire([](loop::Deadline& d) noexcept { static_cast<Alarm&>(d).timer->fire(); });
  }
  void fire() {
    TokenTable& t = *table;
    t.detach(*this);
    {
      PlaceScope scope{place, HookKind::timer, owner ? owner->memory : nullptr};
      fn(user, owner);
    }
    t.recycle(this);
  }
};

TokenTable::TokenTable(slc_worker& w)
    : worker_{&w}, index_{w.index}, origins_{std::make_unique<Origins>()},
      last_generation_{fits(index_) ? first_generation[index_].load(std::memory_order_relaxed) : 0}, loop_{&w.loop} {}

TokenTable::~TokenTable() {
  for (auto& c : chunks_) delete[] c.load(std::memory_order_relaxed);
}

void TokenTable::bind_thread() { thread_.store(&thread_mark, std::memory_order_relaxed); }

bool TokenTable::on_thread() const {
  const void* owner = thread_.load(std::memory_order_relaxed);
  return !owner || owner == &thread_mark;
}

TokenTable::Slot* TokenTable::slot(uint32_t index) const {
  if (index / kChunk >= kChunks) return nullptr;
  Slot* chunk = chunks_[index / kChunk].load(std::memory_order_acquire);
  return chunk ? &chunk[index % kChunk] : nullptr;
}

TokenTable::Slot* TokenTable::take(Kind kind, slc_token* token) {
  if (free_ == UINT32_MAX) {
    if (slots_ == kChunk * kChunks || !fits(index_)) return nullptr;
    auto* chunk = new Slot[kChunk];
    for (uint32_t i = kChunk; i-- > 0;) {
      chunk[i].index = slots_ + i;
      chunk[i].generation = last_generation_;
      chunk[i].next_free = free_;
      free_ = slots_ + i;
    }
    chunks_[slots_ / kChunk].store(chunk, std::memory_order_release);
    slots_ += kChunk;
  }
  Slot* s = slot(free_);
  free_ = s->next_free;
  if (++s->generation == 0) s->generation = 1;  // token 0 is never valid
  *token = uint64_t{index_} << 56 | uint64_t{s->index} << 32 | s->generation;
  s->state.store(pack(s->generation, kind), std::memory_order_release);
  ++used_;
  return s;
}

void TokenTable::release(Slot& s) {
  s.state.store(pack(s.generation, kFree), std::memory_order_release);
  s.suspension = nullptr, s.operation = nullptr;
  s.next_free = free_, free_ = s.index;
  --used_;
}

slc_token TokenTable::suspend(Suspension& x) {
  if (x.suspended) drop(x);
  slc_token token = 0;
  Slot* s = take(kSuspended, &token);
  if (!s) return 0;
  s->suspension = &x;
  return x.suspended = token;
}

void TokenTable::drop(Suspension& x) {
  slc_token token = std::exchange(x.suspended, 0);
  Slot* s = token ? slot(slot_of(token)) : nullptr;
  if (s && s->generation == generation_of(token) && s->suspension == &x) release(*s);
}

slc_status TokenTable::resume(slc_token token, slc_action action) {
  TokenTable* table = tables[token >> 56].load(std::memory_order_acquire);
  Slot* s = table ? table->slot(slot_of(token)) : nullptr;
  if (!s || generation_of(token) == 0) return SLC_ESTALE;
  uint64_t expected = pack(generation_of(token), kSuspended);
  if (!s->state.compare_exchange_strong(expected, pack(generation_of(token), kResumed, encode(action)),
                                        std::memory_order_acq_rel))
    return SLC_ESTALE;
  table->deliver_later(token);
  return SLC_OK;
}

bool TokenTable::is_waiting(slc_token token) const {
  const Slot* s = slot(slot_of(token));
  return s && s->state.load(std::memory_order_acquire) == pack(generation_of(token), kSuspended);
}

void TokenTable::deliver_later(slc_token token) {
  if (thread_.load(std::memory_order_relaxed) == &thread_mark) {
    ready_.push_back(token);
    // Posted, not run by a deadline of 0 ms: a plugin that suspends and resumes for ever gets one turn of the loop each
    // time and cannot keep the others from theirs.
    if (!std::exchange(flush_posted_, true)) loop_->post([this] { flush(); });
    return;
  }
  std::lock_guard lock{mutex_};
  if (loop_) loop_->post([this, token] { deliver(token); });
}

void TokenTable::flush() {
  flush_posted_ = false;
  delivering_.swap(ready_);
  for (size_t i = 0; i < delivering_.size(); ++i) deliver(delivering_[i]);
  delivering_.clear();
}

void TokenTable::deliver(slc_token token) {
  Slot* s = slot(slot_of(token));
  if (!s) return;
  uint64_t state = s->state.load(std::memory_order_acquire);
  if (static_cast<uint8_t>(state) == kSignalled && state >> 32 == generation_of(token)) {
    s->state.store(pack(generation_of(token), kEvent), std::memory_order_release);  // a signal from now on counts anew
    static_cast<Event*>(s->operation)->ring();
    return;
  }
  // The exchange may have ended, and the slot may even be in use again, since the resume.
  if (static_cast<uint8_t>(state) != kResumed || state >> 32 != generation_of(token)) return;
  Suspension* x = s->suspension;
  release(*s);
  x->suspended = 0;
  x->resumed_with = decode(static_cast<uint8_t>(state >> 8));
  // Either may destroy the exchange.
  if (x->on_resumed)
    x->on_resumed(*x);
  else
    x->resumed.set();
}

slc_token TokenTable::adopt(Operation* op, slc_exchange* owner, Kind kind) {
  slc_token token = 0;
  Slot* s = take(kind, &token);
  if (!s) return 0;
  s->operation = op;
  op->table = this, op->owner = owner, op->place = current_place, op->token = token;
  OwnedOp*& list = owner ? owner->operations : ownerless_;
  op->next = list, list = op;
  return token;
}

void TokenTable::detach(Operation& op) {
  OwnedOp** at = op.owner ? &op.owner->operations : &ownerless_;
  while (*at && *at != &op) at = &(*at)->next;
  if (*at) *at = op.next;
  if (Slot* s = slot(slot_of(op.token)); s && s->operation == &op) release(*s);
  op.next = nullptr, op.token = 0;
}

void TokenTable::recycle(Operation* op) {
  auto* timer = dynamic_cast<Timer*>(op);
  if (!timer || spare_.size() >= 256) {
    delete op;
    return;
  }
  timer->alarm.disarm();
  timer->owner = nullptr, timer->place = nullptr;
  spare_.emplace_back(timer);
}

slc_token TokenTable::start_timer(slc_exchange* owner, uint32_t ms, slc_timer_fn fn, void* user) {
  std::unique_ptr<Timer> timer;
  if (spare_.empty()) {
    timer = std::make_unique<Timer>();
  } else {
    timer = std::move(spare_.back());
    spare_.pop_back();
  }
  timer->fn = fn, timer->user = user;
  slc_token token = adopt(timer.get(), owner);
  if (!token) return 0;
  // 0 would expire within the running turn, so a timer that starts itself anew would never let the loop go on.
  worker_->loop.deadlines().arm(timer->alarm, std::max<uint32_t>(ms, 1));
  timer.release();  // the slot has it
  return token;
}

slc_token TokenTable::start_callout(slc_exchange* owner, const slc_callout& request, slc_reply_fn fn, void* user) {
  auto callout = std::make_unique<Callout>(*worker_, fn);
  callout->user = user;
  if (!callout->prepare(request, *origins_)) return 0;
  slc_token token = adopt(callout.get(), owner);
  if (!token) return 0;
  callout.release()->start();
  return token;
}

slc_status TokenTable::start_job(slc_exchange* owner, const slc_job& job, void* user, slc_token* token) {
  auto op = std::make_unique<Job>(*worker_, job, user);
  op->quiet = true;
  slc_token made = adopt(op.get(), owner);
  if (!made) return SLC_ELIMIT;
  if (slc_status status = op->start(); status != SLC_OK) {
    detach(*op);
    return status;
  }
  op.release();
  if (token) *token = made;
  return SLC_OK;
}

slc_status TokenTable::start_lookup(slc_exchange* owner, const slc_dns_query& query, slc_dns_fn fn, void* user, slc_token* token) {
  auto op = std::make_unique<Lookup>(*worker_, fn);
  op->user = user, op->quiet = true;
  slc_token made = adopt(op.get(), owner);
  if (!made) return SLC_ELIMIT;
  op.release()->start(query);
  if (token) *token = made;
  return SLC_OK;
}

slc_token TokenTable::start_event(void (*fn)(void*) noexcept, void* user) {
  auto op = std::make_unique<Event>(fn);
  op->user = user, op->quiet = true;
  slc_token token = adopt(op.get(), nullptr, kEvent);
  if (token) op.release();
  return token;
}

slc_status TokenTable::signal(slc_token token) {
  TokenTable* table = tables[token >> 56].load(std::memory_order_acquire);
  Slot* s = table ? table->slot(slot_of(token)) : nullptr;
  if (!s || generation_of(token) == 0) return SLC_ESTALE;
  uint64_t expected = pack(generation_of(token), kEvent);
  if (s->state.compare_exchange_strong(expected, pack(generation_of(token), kSignalled), std::memory_order_acq_rel)) {
    table->deliver_later(token);
    return SLC_OK;
  }
  return expected == pack(generation_of(token), kSignalled) ? SLC_OK : SLC_ESTALE;
}

slc_status TokenTable::cancel(slc_token token) {
  Slot* s = token >> 56 == index_ ? slot(slot_of(token)) : nullptr;
  if (!s || s->generation != generation_of(token) || !s->operation) return SLC_ESTALE;
  Operation* op = s->operation;
  detach(*op);
  recycle(op);
  return SLC_OK;
}

void TokenTable::cancel_owned(slc_exchange& x) {
  while (x.operations) cancel(x.operations->token);
}

uint32_t TokenTable::cancel_of(const Place* place, bool quiet_only) {
  uint32_t n = 0;
  for (OwnedOp* op = ownerless_; op;) {
    auto* operation = static_cast<Operation*>(op);
    if (operation->place != place || (quiet_only && !operation->quiet)) {
      op = op->next;
      continue;
    }
    n += !operation->quiet;
    cancel(op->token);
    op = ownerless_;  // from the start: the end of a job is code of the plugin, which may cancel others
  }
  return n;
}

bool TokenTable::publish(TokenTable* t) {
  if (!fits(t->index_)) return false;
  if (!tables[t->index_].exchange(t, std::memory_order_acq_rel)) published.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool TokenTable::any_published() { return published.load(std::memory_order_relaxed) > 0; }

void TokenTable::unpublish(TokenTable* t) {
  if (!fits(t->index_)) return;
  TokenTable* expected = t;
  if (tables[t->index_].compare_exchange_strong(expected, nullptr)) published.fetch_sub(1, std::memory_order_relaxed);
}

void TokenTable::retire(std::unique_ptr<TokenTable> table) {
  TokenTable* t = table.get();
  while (t->ownerless_) t->cancel(t->ownerless_->token);
  t->spare_.clear();
  unpublish(t);
  {
    std::lock_guard lock{t->mutex_};
    t->loop_ = nullptr;
  }
  uint32_t last = t->last_generation_;
  for (uint32_t i = 0; i < t->slots_; ++i) last = std::max(last, t->slot(i)->generation);
  if (fits(t->index_)) first_generation[t->index_].store(last, std::memory_order_relaxed);
  if (t->slots_ == 0) return;  // nobody has a token of it
  static std::mutex mutex;
  static auto* kept = new std::vector<std::unique_ptr<TokenTable>>;
  std::lock_guard lock{mutex};
  kept->push_back(std::move(table));
}

}  // namespace sluice::plugin

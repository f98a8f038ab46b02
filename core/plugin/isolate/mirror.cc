#include "core/plugin/isolate/mirror.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "core/plugin/services.h"
#include "core/plugin/token_table.h"

namespace sluice::plugin::isolate {
namespace {

// By arena: that is what a document's handle knows of its exchange.
std::unordered_map<const void*, bool*>& changes() {
  static auto* map = new std::unordered_map<const void*, bool*>;
  return *map;
}

}  // namespace

struct HelperObject::Told {
  std::vector<Cost> costs;
};

void HelperObject::share_account() {
  static auto* all = new std::map<const cost::Account*, std::weak_ptr<Told>>;
  std::weak_ptr<Told>& known = (*all)[object->place().account];
  told = known.lock();
  if (told) return;
  known = told = std::make_shared<Told>();
  std::erase_if(*all, [](const auto& entry) { return entry.second.expired(); });
}

void HelperObject::costs(std::vector<Cost>& out) {
  cost::Account* account = object->place().account;
  if (!account || !told) return;
  std::array<Cost, kHookKinds> all{};  // the loop's thread, and those of the pool
  auto add = [&](HookKind kind, const cost::Cell& cell) {
    Cost& sum = all[static_cast<uint32_t>(kind)];
    sum.kind = kind;
    sum.calls += cell.calls.load(std::memory_order_relaxed), sum.ticks += cell.ticks.load(std::memory_order_relaxed);
    sum.longest = std::max(sum.longest, cell.longest.load(std::memory_order_relaxed)), sum.bytes += cell.bytes.load(std::memory_order_relaxed);
  };
  account->each(0, add);
  account->each_outside(add);
  for (const Cost& now : all) {
    if (now.kind == HookKind::none) continue;
    auto before = std::find_if(told->costs.begin(), told->costs.end(), [&](const Cost& c) { return c.kind == now.kind; });
    if (before == told->costs.end()) before = told->costs.insert(before, Cost{.kind = now.kind});
    if (now.calls == before->calls) continue;
    out.push_back({now.kind, now.calls - before->calls, now.ticks - before->ticks, now.longest, now.bytes - before->bytes});
    *before = now;
  }
}

const slc_candidate* HostLists::settle(const Question& q, Arena& arena) {
  if (lists_.size() >= kMost && !lists_.contains(q.list)) lists_.clear();
  std::vector<std::string>& known = lists_[q.list];
  bool same = known.size() == q.count;
  for (uint32_t i = 0; i < q.count && same; ++i) same = known[i] == view(q.candidates[i].url);
  if (!same) {
    known.clear();
    known.reserve(q.count);
    for (uint32_t i = 0; i < q.count; ++i) known.emplace_back(view(q.candidates[i].url));
  }
  auto* all = arena.array<slc_candidate>(q.count);
  for (uint32_t i = 0; i < q.count; ++i) all[i] = q.candidates[i], all[i].url = str(known[i]);
  return all;
}

Running::Running(StatusPage& page, const HelperObject& o, Hook h, const Arena* arena)
    : page_{page}, place_{&o.object->place(), hook_kind(h), arena} {
  page_.hook.store(static_cast<uint32_t>(h), std::memory_order_relaxed);
  page_.object.store(o.id, std::memory_order_relaxed);
  page_.beat.store(page_.beat.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

Running::~Running() {
  page_.object.store(0, std::memory_order_relaxed);
  page_.beat.store(page_.beat.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

Mirror::Mirror(slc_worker& w, HelperObject& o, Sink& sink)
    : arena_{w.loop.blocks()}, object_{o}, sink_{sink}, params_{arena_}, exchange_{w, arena_, *this} {
  exchange_.params = &params_;
  over_.fn = [](loop::Completion&) noexcept {};
  changes()[&arena_] = &changed_;
}

Mirror::~Mirror() {
  cancel();
  changes().erase(&arena_);
}

void Mirror::note_change(const void* arena) {
  if (auto it = changes().find(arena); it != changes().end()) *it->second = true;
}

void Mirror::cancel() {
  TokenTable& t = *exchange_.worker->tokens;
  t.drop(exchange_);
  task_.cancel();
  exchange_.resumed.forget();
}

// The copy in the arena is what the exchange's views are of, as long as it lives.
bool Mirror::take(const CallHead& head, std::string_view state, Question* q) {
  Reader r{arena_.copy(state)};
  return take_call(r, head, exchange_, inside_, q);
}

void Mirror::hook(const CallHead& head, std::string_view state) {
  cancel();
  if (!take(head, state)) return refuse(head, "the helper process cannot read this request");
  if (object_.start != HelperObject::Start::done) return refuse(head, "it could not start in its helper process");
  changed_ = false;
  before_.take(exchange_);
  task_ = serve(head);
  task_.start(over_);
}

void Mirror::refuse(const CallHead& head, std::string_view why) {
  std::string reply;
  before_.take(exchange_);
  exchange_.error = {};
  exchange_.error.code = Errc::plugin;
  exchange_.error.message = why;
  put_reply(reply, head.id, answers_at_once(head.hook) ? kNotCalled : SLC_FAIL, slot_ != nullptr, false, exchange_, before_);
  sink_.send(reply);
}

// ---- functions that answer at once ----

void Mirror::answer(const CallHead& head, std::string_view state) {
  Question q;
  if (!take(head, state, &q)) return refuse(head, "the helper process cannot read this request");
  if (object_.start != HelperObject::Start::done) return refuse(head, "it could not start in its helper process");
  if (head.hook == Hook::decode && object_.decoder && object_.decoder->decode) return decode(head, q);
  slc_exchange& x = exchange_;
  void* const plugin = object_.object->state(*x.worker);
  before_.take(x);
  slc_action action = SLC_NEXT;
  std::optional<uint32_t> chosen;
  if (head.hook == Hook::encode && object_.encoder && object_.encoder->encode) {
    Running running{sink_.page(), object_, head.hook, &arena_};
    action = object_.encoder->encode(plugin, &x, x.response.has_data ? handle(&x.response.data, &arena_) : slc_node{nullptr, 0});
    if (action == kNotCalled) action = SLC_FAIL;  // no status of ours
  } else if (head.hook == Hook::pick && object_.balancer && object_.balancer->pick) {
    const slc_candidate* all = object_.lists.settle(q, arena_);
    Running running{sink_.page(), object_, head.hook, &arena_};
    chosen = object_.balancer->pick(plugin, &x, all, q.count);
  } else {
    return refuse(head, "it has no such function in its helper process");
  }
  drop_suspension(x);
  std::string reply;
  std::vector<Cost> costs;
  object_.costs(costs);
  put_reply(reply, head.id, action, false, false, x, before_, costs, chosen);
  if (reply.size() > kMostFrame) {
    reply.clear();
    return refuse(head, "its answer is larger than an isolated plugin can hand over");
  }
  sink_.send(reply);
}

// What has been put off is expanded when the tree is written, which counts as part of the call.
void Mirror::decode(const CallHead& head, const Question& q) {
  const ArenaVector<http::Slice>& body = exchange_.response.body;
  const slc_str chunk = body.empty() ? slc_str{nullptr, 0} : str(body[0]);
  slc_str why{nullptr, 0};
  std::string reply;
  {
    Running running{sink_.page(), object_, Hook::decode, &arena_};
    slc_builder builder{arena_, &object_.format};
    document::Node tree;
    slc_status status = object_.decoder->decode(object_.object->state(*exchange_.worker), &chunk, body.empty() ? 0 : 1, q.flags, &builder, &why);
    const bool good = status == SLC_OK && builder.build.finish(&tree);
    if (!good && (status == SLC_OK || status == kNotCalled)) status = SLC_EINVAL;
    put_decoded(reply, head.id, status, arena_, good ? &tree : nullptr, why);
  }
  std::vector<Cost> costs;
  object_.costs(costs);
  put_costs(reply, costs);
  sink_.send(reply);
}

loop::Task<void> Mirror::serve(CallHead head) {
  slc_exchange& x = exchange_;
  slc_action (*hook)(void*, slc_exchange*, void**) noexcept = nullptr;
  if (const slc_middleware* t = object_.table)
    hook = head.hook == Hook::request ? t->on_request : head.hook == Hook::raw_response ? t->on_raw_response : t->on_response;
  else if (object_.transport && head.hook == Hook::send)
    hook = object_.transport->send;
  else if (object_.around && head.hook == Hook::call)
    hook = object_.around->on_call, calling_ = head.id;
  slc_action action = SLC_FAIL;
  if (hook) {
    Running running{sink_.page(), object_, head.hook, &arena_};
    action = hook(object_.object->state(*x.worker), &x, &slot_);
  }
  if (action == SLC_PENDING) {
    auto waiting = resumed(x);
    action = co_await waiting;
  }
  calling_ = 0;
  drop_suspension(x);
  bool replaced = x.building != nullptr;
  if (replaced) {
    PlaceScope place{&object_.object->place()};
    if (!finish_building(x)) action = SLC_FAIL;
  }
  std::string reply;
  std::vector<Cost> costs;
  object_.costs(costs);
  std::optional<uint32_t> used;
  if (used_) used = used_;
  put_reply(reply, head.id, action, slot_ || x.operations, replaced || changed_, x, before_, costs, used);
  sink_.send(reply);
}

// ---- around stages: what is inside of them is in the gateway ----

void Mirror::tell(slc_action what, uint32_t attempt) {
  std::string frame;
  put_reply(frame, calling_, what, true, changed_, exchange_, before_, {}, attempt);
  sink_.send(frame);
}

slc_token Mirror::run_inside(slc_next_fn done, void* user) {
  if (!calling_ || attempts_.size() >= kMostAttempts) return 0;
  attempts_.push_back(std::make_unique<Attempt>(done, user, *exchange_.worker, arena_));
  tell(kRunInside, static_cast<uint32_t>(attempts_.size()));
  return attempts_.size();
}

slc_status Mirror::cancel_attempt(slc_token number) {
  if (!calling_ || number == 0 || number > attempts_.size()) return SLC_ESTALE;
  Attempt& a = *attempts_[number - 1];
  if (!std::exchange(a.cancelled, true)) tell(kCancelAttempt, static_cast<uint32_t>(number));
  return SLC_OK;
}

slc_status Mirror::use_attempt(slc_exchange* attempt) {
  for (size_t i = 0; i < attempts_.size() && calling_; ++i) {
    Attempt& a = *attempts_[i];
    if (&a.exchange != attempt) continue;
    if (!a.over || a.cancelled) return SLC_EINVAL;
    exchange_.response = a.exchange.response;
    exchange_.error = a.exchange.error;
    exchange_.run_at = exchange_.run_end = nullptr;
    before_.take_response(exchange_);  // the gateway does the same, and is told of what changes from now on
    changed_ = false;
    used_ = static_cast<uint32_t>(i + 1);
    return SLC_OK;
  }
  return SLC_EINVAL;
}

void Mirror::attempt_over(const CallHead& head, std::string_view state) {
  if (head.id == 0 || head.id > attempts_.size()) return;
  Attempt& a = *attempts_[head.id - 1];
  // The stage has spoken already, or does not want this one any more.
  if (a.over || a.cancelled || !calling_ || !exchange_.worker->tokens->is_waiting(exchange_.suspended)) return;
  Reader r{arena_.copy(state)};
  if (!take_call(r, head, a.exchange, a.inside)) return;
  a.over = true;
  Running running{sink_.page(), object_, Hook::attempt, &arena_};
  a.done(a.user, &exchange_, &a.exchange);
}

void Mirror::done(const CallHead& head, std::string_view state) {
  cancel();
  auto* last = object_.table ? object_.table->on_done : object_.transport ? object_.transport->cancel : object_.around ? object_.around->on_done : nullptr;
  if (!take(head, state) || !last || object_.start != HelperObject::Start::done) return;
  exchange_.worker->tokens->cancel_owned(exchange_);
  Running running{sink_.page(), object_, object_.transport ? Hook::cancel : Hook::done, &arena_};
  last(object_.object->state(*exchange_.worker), &exchange_, &slot_);
}

}  // namespace sluice::plugin::isolate

#include "core/plugin/isolate/mirror.h"

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

Running::Running(StatusPage& page, const HelperObject& o, Hook h) : page_{page}, place_{&o.object->place()} {
  page_.hook.store(static_cast<uint32_t>(h), std::memory_order_relaxed);
  page_.object.store(o.id, std::memory_order_relaxed);
  page_.beat.store(page_.beat.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

Running::~Running() {
  page_.object.store(0, std::memory_order_relaxed);
  page_.beat.store(page_.beat.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

Mirror::Mirror(slc_worker& w, HelperObject& o, Sink& sink)
    : arena_{w.loop.blocks()}, object_{o}, sink_{sink}, params_{arena_}, exchange_{0, w, arena_} {
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
bool Mirror::take(const CallHead& head, std::string_view state) {
  Reader r{arena_.copy(state)};
  return take_call(r, head, exchange_, inside_);
}

void Mirror::hook(const CallHead& head, std::string_view state) {
  cancel();
  if (!take(head, state)) {
    std::string reply;
    Error e;
    before_.take(exchange_);
    exchange_.error = e;
    exchange_.error.code = Errc::plugin;
    exchange_.error.message = "the helper process cannot read this request";
    put_reply(reply, head.id, SLC_FAIL, slot_ != nullptr, false, exchange_, before_);
    return sink_.send(reply);
  }
  changed_ = false;
  before_.take(exchange_);
  task_ = serve(head);
  task_.start(over_);
}

loop::Task<void> Mirror::serve(CallHead head) {
  slc_exchange& x = exchange_;
  const slc_middleware& t = *object_.table;
  auto* hook = head.hook == Hook::request ? t.on_request : head.hook == Hook::raw_response ? t.on_raw_response : t.on_response;
  slc_action action = SLC_FAIL;
  if (hook) {
    Running running{sink_.page(), object_, head.hook};
    action = hook(object_.object->state(*x.worker), &x, &slot_);
  }
  if (action == SLC_PENDING) {
    auto waiting = resumed(x);
    action = co_await waiting;
  }
  drop_suspension(x);
  bool replaced = x.building != nullptr;
  if (replaced) {
    PlaceScope place{&object_.object->place()};
    if (!finish_building(x)) action = SLC_FAIL;
  }
  std::string reply;
  put_reply(reply, head.id, action, slot_ || x.operations, replaced || changed_, x, before_);
  sink_.send(reply);
}

void Mirror::done(const CallHead& head, std::string_view state) {
  cancel();
  if (!take(head, state) || !object_.table->on_done) return;
  exchange_.worker->tokens->cancel_owned(exchange_);
  Running running{sink_.page(), object_, Hook::done};
  object_.table->on_done(object_.object->state(*exchange_.worker), &exchange_, &slot_);
}

}  // namespace sluice::plugin::isolate

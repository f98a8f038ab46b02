#include "core/plugin/isolate/channel.h"

#include <algorithm>

#include "core/plugin/isolate/supervisor.h"
#include "core/plugin/token_table.h"

namespace sluice::plugin::isolate {
namespace {

constexpr uint32_t kPlaceBits = 20;
constexpr uint64_t kLost = UINT64_MAX;  // a helper that is no more
constexpr size_t kKeepScratch = size_t{4} << 20;

}  // namespace

// Closed by the loop in its own time: the eventfd must be open until then.
struct Channel::Watch {
  uv_poll_t handle;
  Segment segment;
  Channel* channel;
};

Channel::Channel(std::shared_ptr<Supervisor> s, std::shared_ptr<Helper> h, slc_worker& w)
    : supervisor_{std::move(s)}, helper_{std::move(h)}, worker_{w} {}

Channel::~Channel() = default;

void Channel::open() {
  {
    std::lock_guard lock{mutex_};
    loop_ = &worker_.loop;
  }
  uint64_t running = 0;
  {
    std::lock_guard lock{supervisor_->mutex()};
    helper_->channels.push_back(shared_from_this());
    if (helper_->state == HelperState::up) running = helper_->incarnation;
    why_ = helper_->last_death;
    waiting_ = !running && helper_->quick_deaths <= Supervisor::kFreeRestarts;
  }
  if (running) up(running);
}

void Channel::close() {
  {
    std::lock_guard lock{supervisor_->mutex()};
    std::erase_if(helper_->channels, [&](auto& c) { return c.get() == this; });
    if (incarnation_) {
      Message m{Control::detach};
      m->u32(worker_.index);
      supervisor_->send(*helper_, incarnation_, m.take());
    }
  }
  for (Call& c : calls_)
    if (c.id) fail(c, "the plugin was taken out of the configuration");
  detach();
  running_ = 0, waiting_ = false;
  std::lock_guard lock{mutex_};
  loop_ = nullptr;
}

// ---- calls ----

Channel::Call* Channel::find(uint64_t id) {
  uint64_t place = id & ((1u << kPlaceBits) - 1);
  return id && place < calls_.size() && calls_[place].id == id ? &calls_[place] : nullptr;
}

Channel::Call* Channel::take() {
  if (used_ >= kMostCalls) return nullptr;
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(calls_.size()));
    calls_.emplace_back();
  }
  uint32_t place = free_.back();
  free_.pop_back();
  ++used_;
  Call& c = calls_[place];
  c = {};
  c.id = ++uses_ << kPlaceBits | place;
  return &c;
}

void Channel::release(Call& c) {
  free_.push_back(static_cast<uint32_t>(&c - calls_.data()));
  c = {};
  --used_;
}

void Channel::fail(const Target& t, slc_exchange& x, Error& to, std::string_view why) {
  worker_.metrics->add(t.failures, 1);
  Error e;
  e.code = Errc::plugin, e.source = Source::plugin;
  e.message = x.arena().concat("isolated plugin ", t.plugin, " (", t.binding, "): ", why);
  e.public_message = "a plugin is not available";  // what happened to it is no client's business
  to = e;
}

void Channel::fail(Call& c, std::string_view why, bool lost) {
  fail(*c.target, *c.exchange, c.remote ? c.remote->error : c.exchange->error, why);
  c.link->pending = 0;
  // For the hooks that are still to come: what the plugin knew of the exchange is gone.
  if (lost) c.link->keeps = true, c.link->incarnation = kLost;
  TokenTable::resume(c.token, SLC_FAIL);
  release(c);
}

uint64_t Channel::print(const ArenaVector<http::Slice>& body) {
  uint64_t h = 1469598103934665603u;  // FNV-1a over places and sizes: bytes that moved are sent again, which does no harm
  auto mix = [&](uint64_t v) { h = (h ^ v) * 1099511628211u; };
  for (http::Slice s : body) mix(reinterpret_cast<uintptr_t>(s.data())), mix(s.size());
  return h;
}

Channel::Call* Channel::begin(const Target& target, Hook hook, slc_exchange& x, Link& link, Suspension& waiting, std::string_view* why) {
  auto refuse = [&](std::string_view text) {
    *why = text;
    return nullptr;
  };
  if (link.keeps && link.incarnation != incarnation_)
    return refuse("its helper process died and took what the plugin knew of this request with it");
  if (!incarnation_ && !waiting_)
    return refuse(x.arena().concat("its helper process is not running: ", why_));
  if (writer_.kept() > kMostKept) return refuse("too much waits for its helper process");
  Call* c = take();
  if (!c) return refuse("too many requests wait for its helper process");
  c->token = worker_.tokens->suspend(waiting);
  if (!c->token) {
    release(*c);
    return refuse("too many requests are suspended");
  }
  c->target = &target, c->exchange = &x, c->link = &link, c->hook = hook;
  link.pending = c->id;
  return c;
}

slc_action Channel::call(const Target& target, Hook hook, slc_exchange& x, void** slot) {
  if (!*slot) *slot = x.arena().make<Link>(Link{++links_});
  Link& link = *static_cast<Link*>(*slot);
  if (!incarnation_ && running_) attach(running_);
  if (link.incarnation == kLost && x.error) return SLC_FAIL;  // told already, by the hook that was in there
  std::string_view why;
  Call* c = begin(target, hook, x, link, x, &why);
  if (!c) {
    fail(target, x, x.error, why);
    return SLC_FAIL;
  }
  if (incarnation_) send(*c);
  return SLC_PENDING;
}

void Channel::ask(const Target& target, slc_exchange& x, RemoteCall& remote) {
  const Hook hook = remote.kind == HookKind::decode ? Hook::decode : remote.kind == HookKind::encode ? Hook::encode : Hook::pick;
  if (!incarnation_ && running_) attach(running_);
  std::string_view why;
  Call* c = begin(target, hook, x, *x.arena().make<Link>(Link{++links_}), remote, &why);
  if (!c) return fail(target, x, remote.error, why);
  c->remote = &remote;
  remote.carrier = this, remote.number = c->id;
  remote.take_back = [](RemoteCall& of) noexcept {
    auto& self = *static_cast<Channel*>(of.carrier);
    self.worker_.tokens->drop(of);
    if (Call* call = self.find(of.number)) self.release(*call);  // answered if not there; a reply that is under way finds nobody
  };
  if (incarnation_) send(*c);
}

void Channel::send(Call& c) {
  Link& link = *c.link;
  slc_exchange& x = *c.exchange;
  const ArenaVector<http::Slice>* bodies[] = {&x.request.body, &x.response.body};
  CallHead head;
  head.hook = c.hook, head.id = c.id, head.link = link.id, head.object = c.target->object;
  bool fresh = link.incarnation != incarnation_;
  head.request_body = fresh || link.bodies[0] != print(*bodies[0]);
  head.response_body = fresh || link.bodies[1] != print(*bodies[1]);
  scratch_.clear();
  Question question;
  if (c.remote) question = {c.remote->flags, c.remote->candidates, c.remote->count, 0};
  if (question.count) question.list = reinterpret_cast<uintptr_t>(question.candidates[0].url.ptr);  // its text lives as long as the list
  if (!put_call(scratch_, head, x, question)) return fail(c, "the request or its answer is larger than an isolated plugin can be given", false);
  link.incarnation = incarnation_;
  c.end = writer_.send(scratch_);
  if (writer_.broken()) return corrupt();
  for (int side : {0, 1}) link.bodies[side] = print(*bodies[side]);
  if (scratch_.capacity() > kKeepScratch) std::string{}.swap(scratch_);
}

void Channel::done(const Target& target, slc_exchange& x, void** slot) {
  auto* link = static_cast<Link*>(*slot);
  if (!link) return;
  if (Call* c = find(link->pending)) release(*c);  // a reply that is under way finds nobody
  link->pending = 0;
  if (!incarnation_ || link->incarnation != incarnation_) return;
  CallHead head;
  head.kind = target.has_done ? CallKind::done : CallKind::forget;
  head.hook = Hook::done, head.link = link->id, head.object = target.object;
  head.request_body = link->bodies[0] != print(x.request.body);
  head.response_body = link->bodies[1] != print(x.response.body);
  scratch_.clear();
  if (writer_.kept() > kMostKept || !put_call(scratch_, head, x)) {
    head.kind = CallKind::forget;
    scratch_.clear();
    put_call(scratch_, head, x);
  }
  writer_.send(scratch_);
  if (scratch_.capacity() > kKeepScratch) std::string{}.swap(scratch_);
}

// ---- replies ----

void Channel::ready() {
  silence_bell(watch_->segment.to_gateway.get());
  writer_.flush();
  drain(false);
}

void Channel::drain(bool all) {
  size_t taken = 0;
  constexpr size_t kTurn = size_t{4} << 20;  // then others of the loop have their turn
  while (watch_) {
    for (std::string_view frame; reader_.next(&frame);) {
      taken += frame.size();
      reply(frame);
      if (!watch_) return;
      if (!all && taken > kTurn) return ring_bell(watch_->segment.to_gateway.get());
    }
    if (reader_.broken() || writer_.broken()) return corrupt();
    if (reader_.sleep()) return;
  }
}

void Channel::reply(std::string_view frame) {
  Call* c = find(Reply::id_of(frame));
  if (!c) return;  // of nobody, or twice: it changes nothing
  slc_exchange& x = *c->exchange;
  const bool read = reply_.take(frame, x.arena());
  if (read && c->remote && reply_.action == kNotCalled) return fail(*c, reply_.why_not_called(), false);
  if (read && (reply_.action == kRunInside || reply_.action == kCancelAttempt)) {
    if (attempt(*c)) return;
    fail(*find(Reply::id_of(frame)), "its helper process sent an invalid answer");
    return corrupt();
  }
  // The answer of an attempt comes first: what the stage has changed in it afterwards is part of the reply.
  bool good = read;
  if (read && c->hook == Hook::call && reply_.chosen()) {
    Attempt* used = find_attempt(*c->link, *reply_.chosen());
    good = used && used->over && x.next_use(used->over) == SLC_OK;
  }
  if (!good || !(c->remote ? reply_.answer(x, *c->remote) : reply_.apply(x))) {
    fail(*c, "its helper process sent an invalid answer");
    return corrupt();
  }
  Link& link = *c->link;
  charge(*c->target);
  if (c->remote) {
    const slc_token token = c->token;
    release(*c);
    TokenTable::resume(token, SLC_NEXT);
    return;
  }
  if (c->hook == Hook::send) {  // nothing more is called: what the helper holds of it can go
    CallHead head;
    head.kind = CallKind::forget;
    head.hook = Hook::done, head.link = link.id, head.object = c->target->object;
    scratch_.clear();
    put_call(scratch_, head, x);
    writer_.send(scratch_);
    reply_.keeps = false;
  }
  link.keeps = reply_.keeps;
  link.pending = 0;
  link.bodies[0] = print(x.request.body);
  link.bodies[1] = print(x.response.body);
  slc_token token = c->token;
  release(*c);
  TokenTable::resume(token, reply_.action);
}

// ---- around stages ----

Channel::Attempt* Channel::find_attempt(const Link& link, uint32_t number) {
  for (Attempt* a = link.attempts; a; a = a->next)
    if (a->number == number) return a;
  return nullptr;
}

bool Channel::attempt(Call& c) {
  slc_exchange& x = *c.exchange;
  Link& link = *c.link;
  if (c.hook != Hook::call || !reply_.chosen()) return false;
  const uint32_t number = *reply_.chosen();
  if (reply_.action == kCancelAttempt) {
    Attempt* a = find_attempt(link, number);
    if (a) x.next_cancel(a->token);
    return a != nullptr;
  }
  if (number != (link.attempts ? link.attempts->number + 1 : 1) || number > kMostAttempts || !reply_.apply(x)) return false;
  link.bodies[0] = print(x.request.body), link.bodies[1] = print(x.response.body);
  Attempt* a = link.attempts = x.arena().make<Attempt>(Attempt{this, &link, c.target, c.id, number, 0, nullptr, link.attempts});
  // Runs what is inside until it waits, which may hand over further calls: `c` may have moved afterwards.
  a->token = x.next_call(&attempt_over, a);
  if (!a->token)
    if (Call* call = find(a->call)) fail(*call, "what is inside of it cannot be run", false);
  return true;
}

void Channel::attempt_over(void* attempt, slc_exchange*, slc_exchange* x) noexcept {
  auto& a = *static_cast<Attempt*>(attempt);
  Channel& self = *a.channel;
  a.over = x;
  Call* c = self.find(a.call);
  if (!c || !self.incarnation_ || a.link->incarnation != self.incarnation_) return;  // nobody is there who would hear it
  CallHead head;
  head.kind = CallKind::attempt, head.hook = Hook::call;
  head.id = a.number, head.link = a.link->id, head.object = a.target->object;
  self.scratch_.clear();
  if (self.writer_.kept() > kMostKept) return self.fail(*c, "too much waits for its helper process", false);
  if (!put_call(self.scratch_, head, *x)) return self.fail(*c, "the answer of an attempt is larger than an isolated plugin can be given", false);
  self.writer_.send(self.scratch_);
  if (self.scratch_.capacity() > kKeepScratch) std::string{}.swap(self.scratch_);
}

// What the helper has measured is added to what handing over has cost here. Calls that the gateway has made are counted here; of
// deferred text it knows nothing.
void Channel::charge(const Target& t) {
  if (!t.account) return;
  for (const Cost& c : reply_.costs) {
    if (c.kind == HookKind::none || c.kind > HookKind::callback) continue;  // of its life the gateway keeps no account
    cost::Cell* cell = t.account->cell(worker_.index, c.kind);
    if (!cell) continue;
    if (is_callback(c.kind) || c.kind == HookKind::expand) cost::add(cell->calls, c.calls);
    cost::add(cell->ticks, c.ticks), cost::add(cell->bytes, c.bytes);
    if (c.longest > cell->longest.load(std::memory_order_relaxed)) cell->longest.store(c.longest, std::memory_order_relaxed);
  }
}

void Channel::corrupt() {
  uint64_t incarnation = incarnation_;
  {
    std::lock_guard lock{supervisor_->mutex()};
    supervisor_->kill(*helper_, incarnation, "it sent an invalid answer");
  }
  // Its death will be told; until then nothing more is read.
  if (watch_) uv_poll_stop(&watch_->handle);
}

// ---- the helper's life ----

bool Channel::attach(uint64_t incarnation) {
  Fd file;
  auto segment = Segment::create(&file);
  std::vector<Fd> descriptors;
  if (segment) {
    descriptors.push_back(std::move(file));
    descriptors.push_back(segment->to_helper.copy());
    descriptors.push_back(segment->to_gateway.copy());
  }
  if (!segment || !descriptors[1] || !descriptors[2]) {
    why_ = "there are no descriptors or no memory left to reach it";
    return false;
  }
  watch_ = new Watch;
  watch_->segment = std::move(*segment);
  watch_->channel = this;
  watch_->handle.data = watch_;
  writer_ = watch_->segment.gateway_writer();
  reader_ = watch_->segment.gateway_reader();
  uv_poll_init(worker_.loop.uv(), &watch_->handle, watch_->segment.to_gateway.get());
  uv_poll_start(&watch_->handle, UV_READABLE, [](uv_poll_t* h, int, int) { static_cast<Watch*>(h->data)->channel->ready(); });
  incarnation_ = incarnation;
  reader_.sleep();
  Message m{Control::attach};
  m->u32(worker_.index);
  std::lock_guard lock{supervisor_->mutex()};
  supervisor_->send(*helper_, incarnation, m.take(), std::move(descriptors));
  return true;
}

void Channel::detach() {
  incarnation_ = 0;
  writer_ = {}, reader_ = {};
  if (Watch* w = std::exchange(watch_, nullptr)) {
    uv_poll_stop(&w->handle);
    uv_close(reinterpret_cast<uv_handle_t*>(&w->handle), [](uv_handle_t* h) { delete static_cast<Watch*>(h->data); });
  }
}

void Channel::post(std::function<void(Channel&)> fn) {
  std::lock_guard lock{mutex_};
  if (loop_) loop_->post([self = shared_from_this(), fn = std::move(fn)] {
      if (self->loop_) fn(*self);  // the loop's own thread writes it
    });
}

void Channel::helper_died(uint64_t incarnation, std::shared_ptr<const std::string> why, bool at_once) {
  post([=](Channel& c) { c.died(incarnation, *why, at_once); });
}

void Channel::helper_up(uint64_t incarnation) {
  post([=](Channel& c) { c.up(incarnation); });
}

void Channel::died(uint64_t incarnation, const std::string& why, bool at_once) {
  running_ = 0;
  why_ = why;
  waiting_ = at_once;
  if (incarnation_ == incarnation) drain(true);  // what it had answered stays answered
  bool was_attached = incarnation_ == incarnation && watch_;
  uint64_t taken = was_attached ? writer_.taken() : 0;
  bool unknown = was_attached && writer_.broken();
  detach();
  std::string text = "its helper process died: " + why;
  for (Call& c : calls_) {
    if (!c.id) continue;
    if ((c.end && (unknown || c.end <= taken)) || !at_once || c.link->keeps)
      fail(c, text);
    else
      c.end = 0;  // it had not begun: the next process gets it
  }
}

void Channel::up(uint64_t incarnation) {
  if (incarnation <= running_ || incarnation_) return;
  running_ = incarnation;
  waiting_ = false;
  bool attached = attach(incarnation);
  std::vector<Call*> unsent;
  for (Call& c : calls_)
    if (c.id && !c.end) unsent.push_back(&c);
  std::sort(unsent.begin(), unsent.end(), [](const Call* a, const Call* b) { return a->id < b->id; });
  for (Call* c : unsent) {
    if (attached)
      send(*c);
    else
      fail(*c, why_);
  }
}

}  // namespace sluice::plugin::isolate

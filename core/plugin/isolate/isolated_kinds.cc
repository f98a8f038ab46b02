// The tables that bindings of isolated plugins are served with, by kind of interface: those whose calls can wait for another
// process, and those that only push.
#include <algorithm>

#include "core/plugin/isolate/isolated_parts.h"

namespace sluice::plugin::isolate {

namespace {

// Those who have the table of an isolated plugin without knowing of `remote` are told so. Nobody of the pipeline does.
slc_status decode_here(void*, const slc_str*, uint32_t, uint32_t, slc_builder*, slc_str* why) noexcept {
  *why = str("an isolated decoder has to be waited for");
  return SLC_EREFUSED;
}
slc_status encode_here(void*, slc_exchange*, slc_node) noexcept { return SLC_EREFUSED; }
uint32_t pick_here(void*, slc_exchange*, const slc_candidate*, uint32_t) noexcept { return 0; }

// Why a kind must stay in the gateway; empty: it need not.
std::string_view bound_to_the_gateway(std::string_view kind) {
  for (std::string_view can : {SLC_IFACE_MIDDLEWARE, SLC_IFACE_TRANSPORT, SLC_IFACE_RESOLVER, SLC_IFACE_LOG_SINK, SLC_IFACE_DECODER, SLC_IFACE_ENCODER,
                               SLC_IFACE_BALANCER, SLC_IFACE_AROUND})
    if (kind == can) return {};
  return "whose names only the gateway can look up";
}

}  // namespace

std::string refusal(const Module& module) {
  if (module.image_path().empty()) return module.title() + " cannot be isolated: it is part of the program, and not a file.";
  // Hooks behind on_done are of later kinds, which work on pieces of bodies as they pass.
  constexpr size_t kKnown = offsetof(slc_middleware, on_done) + sizeof(slc_middleware::on_done);
  for (const Module::Offer& o : module.offers()) {
    const std::string_view kind = o.spec->interface_id;
    if (std::string_view why = bound_to_the_gateway(kind); !why.empty())
      return module.title() + " cannot be isolated: it serves \"" + o.spec->name + "\" through " + std::string{kind} + ", " + std::string{why} +
             ". Take the name out of the list, or use a plugin that has the rest in a file of its own.";
    if (kind != SLC_IFACE_MIDDLEWARE) continue;
    auto* bytes = static_cast<const char*>(o.table);
    size_t size = static_cast<const slc_middleware*>(o.table)->size;
    if (std::any_of(bytes + kKnown, bytes + std::max(size, kKnown), [](char c) { return c != 0; }))
      return module.title() + " cannot be isolated: \"" + o.spec->name + "\" has hooks for bodies that pass in pieces, and those are not handed "
             "to another process. Take the name out of the list.";
  }
  return {};
}

void Isolated::serve(const Module::Offer& o, uint32_t index) {
  const std::string_view kind = o.spec->interface_id;
  slc_lifecycle& life = lives_.emplace_back();
  life.size = sizeof life;
  life.create = &create, life.destroy = &destroy;
  life.worker_start = &worker_start, life.worker_stop = &worker_stop;
  if (o.life && SLC_HAS(o.life, slc_lifecycle, export_state) && SLC_HAS(o.life, slc_lifecycle, import_state))
    life.export_state = &export_state, life.import_state = &import_state;
  const void* table = nullptr;
  AskRemote remote = nullptr;
  auto make = [&](auto& tables) -> auto& {
    auto& t = tables.emplace_back();
    t.size = sizeof t;
    t.life = &life;
    table = &t;
    return t;
  };
  if (kind == SLC_IFACE_MIDDLEWARE) {
    auto* theirs = static_cast<const slc_middleware*>(o.table);
    slc_middleware& t = make(middleware_);
    if (theirs->on_request) t.on_request = &call<Hook::request>;
    if (theirs->on_raw_response) t.on_raw_response = &call<Hook::raw_response>;
    if (theirs->on_response) t.on_response = &call<Hook::response>;
    t.on_done = &on_done;  // always: the mirror over there has to go
  } else if (kind == SLC_IFACE_TRANSPORT) {
    slc_transport& t = make(transports_);
    t.send = &call<Hook::send>, t.cancel = &on_done;
  } else if (kind == SLC_IFACE_RESOLVER) {
    slc_resolver& t = make(resolvers_);
    t.watch = &watch, t.unwatch = &unwatch;
  } else if (kind == SLC_IFACE_AROUND) {
    slc_around& t = make(arounds_);
    t.on_call = &call<Hook::call>, t.on_done = &on_done;  // always: the mirror over there has to go
  } else if (kind == SLC_IFACE_DECODER) {
    slc_decoder& t = make(decoders_);  // what it puts off is expanded over there: it has no format here
    if (static_cast<const slc_decoder*>(o.table)->decode) t.decode = &decode_here, remote = &ask_remote;
  } else if (kind == SLC_IFACE_ENCODER) {
    auto* theirs = static_cast<const slc_encoder*>(o.table);
    slc_encoder& t = make(encoders_);
    t.content_type = theirs->content_type;
    if (theirs->encode) t.encode = &encode_here, remote = &ask_remote;
  } else if (kind == SLC_IFACE_BALANCER) {
    slc_balancer& t = make(balancers_);
    t.pick = &pick_here, remote = &ask_remote;
  } else {
    auto* theirs = static_cast<const slc_log_sink*>(o.table);
    slc_log_sink& t = make(sinks_);
    if (theirs->level) t.level = &level;
    t.write = &write;
    if (theirs->flush) t.flush = &flush;
  }
  served_.push_back({table, &life, &hosts_.emplace_back(this, index, subject_.id), remote});
}

// ---- hooks and transports ----

template <Hook hook>
slc_action Isolated::call(void* state, slc_exchange* x, void** slot) noexcept {
  auto& s = *static_cast<State*>(state);
  return s.channel->call(s.target, hook, *x, slot);
}

void Isolated::on_done(void* state, slc_exchange* x, void** slot) noexcept {
  auto& s = *static_cast<State*>(state);
  s.channel->done(s.target, *x, slot);
}

// ---- functions that answer at once over there, and here are waited for ----

void Isolated::ask_remote(void* state, slc_exchange& x, RemoteCall& call) noexcept {
  auto& s = *static_cast<State*>(state);
  s.channel->ask(s.target, x, call);
}

// ---- resolvers: one helper watches for the whole gateway ----

slc_status Isolated::watch(void* object, const slc_resolver_query* q, slc_host_list* list,
                           slc_status (*publish)(slc_host_list*, const slc_address*, uint32_t) noexcept, void** watch) noexcept {
  auto& o = *static_cast<Object*>(object);
  Isolated& self = *o.plugin;
  auto w = std::make_unique<Watching>();
  w->id = ++self.watches_, w->object = o.record->id, w->list = list, w->publish = publish;
  Writer more{w->query};
  more.u64(w->id), more.text(view(q->scheme)), more.u64(q->refresh_ms), more.u32(q->host_count);
  for (uint32_t i = 0; i < q->host_count; ++i) more.text(view(q->hosts[i]));
  Helper& h = *self.helpers_.front();
  {
    std::lock_guard lock{self.supervisor_->mutex()};
    h.watches.emplace(w->id, w.get());  // before it is asked for: what is published at once is welcome
  }
  const slc_status status = self.ask(h, Control::watch, o.record->id, w->query).status;
  std::lock_guard lock{self.supervisor_->mutex()};
  if (status != SLC_OK) {
    h.watches.erase(w->id);
    return status;
  }
  *watch = w.release();
  return SLC_OK;
}

// The mutex: a publish that is under way has ended when we return, and none begins.
void Isolated::unwatch(void* object, void* watch) noexcept {
  std::unique_ptr<Watching> w{static_cast<Watching*>(watch)};
  auto& o = *static_cast<Object*>(object);
  Supervisor& s = *o.plugin->supervisor_;
  Helper& h = *o.plugin->helpers_.front();
  Message m{Control::unwatch};
  m->u64(w->id);
  std::lock_guard lock{s.mutex()};
  h.watches.erase(w->id);
  s.send(h, h.incarnation, m.take());
}

// ---- log sinks: lines go one way ----

int32_t Isolated::level(void* object) noexcept {
  auto& o = *static_cast<Object*>(object);
  StateAnswer a = o.plugin->ask(*o.plugin->helpers_.front(), Control::sink_level, o.record->id);
  return a.done ? a.status : SLC_DEBUG;
}

void Isolated::write(void* object, const slc_log_record* r) noexcept {
  auto& o = *static_cast<Object*>(object);
  Message m{Control::sink_write};
  m->u64(o.record->id), m->i32(r->level), m->number(r->unix_ns), m->text(view(r->message)), m->text(view(r->place));
  o.plugin->supervisor_->send_line(*o.plugin->helpers_.front(), m.take());
}

void Isolated::flush(void* object) noexcept {
  auto& o = *static_cast<Object*>(object);
  Message m{Control::sink_flush};
  m->u64(o.record->id);
  o.plugin->supervisor_->send_line(*o.plugin->helpers_.front(), m.take());
}

}  // namespace sluice::plugin::isolate

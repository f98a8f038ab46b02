#include "core/app/check/spy.h"

#include <cstring>
#include <optional>
#include <utility>

#include "core/app/check/spy_book.h"
#include "core/plugin/interpose.h"
#include "core/plugin/services.h"

namespace sluice::app::check::spy {
namespace {

constexpr size_t kBound = 64;     // bindings that are watched; more pass unseen

Bound bounds[kBound];
slc_entry wrapped;
const slc_entry* original = nullptr;
std::string watched_bytes;
std::optional<Running> opening;  // from watch() to opened(): what of the file runs, or is read, before any call

Held& held(void* p) { return *static_cast<Held*>(p); }

template <class T>
const T& table(const Bound* b) {
  return *static_cast<const T*>(b->original);
}

slc_action judged(const Bound* b, const char* hook, slc_exchange* x, slc_action a) {
  if (a == SLC_NEXT || a == SLC_REPLY || a == SLC_FAIL) return a;
  const std::string who = std::string{hook} + " of " + name_of(b, where_now());
  if (a != SLC_PENDING) {
    note(Rule::action, who + " answered " + std::to_string(a) + ", which is no action; it counts as SLC_FAIL");
    return a;
  }
  Book& k = book();
  std::unique_lock lock{k.mutex};
  bool suspended = false;
  for (const auto& [token, s] : k.suspensions) suspended = suspended || (s.exchange == x && !s.over);
  lock.unlock();
  if (!suspended && !faults()) note(Rule::action, who + " answered SLC_PENDING without suspend(): nobody could ever resume it");
  return a;
}

using Hook = slc_action (*)(void*, slc_exchange*, void**) noexcept;

slc_action run(Hook hook, const char* name, void* state, slc_exchange* x, void** slot) {
  const Bound* b = held(state).bound;
  slc_action a;
  {
    Call call{b, name, Call::on_a_loop, held(state).object};
    a = hook(held(state).original, lend(x, held(state).object), slot);
  }
  return judged(b, name, x, a);
}

slc_action on_request(void* s, slc_exchange* x, void** slot) noexcept {
  return run(table<slc_middleware>(held(s).bound).on_request, "on_request", s, x, slot);
}
slc_action on_raw_response(void* s, slc_exchange* x, void** slot) noexcept {
  return run(table<slc_middleware>(held(s).bound).on_raw_response, "on_raw_response", s, x, slot);
}
slc_action on_response(void* s, slc_exchange* x, void** slot) noexcept {
  return run(table<slc_middleware>(held(s).bound).on_response, "on_response", s, x, slot);
}
slc_action run_chunk(decltype(slc_middleware::on_request_chunk) hook, const char* name, void* s, slc_exchange* x, void** slot, const slc_chunk* c) {
  slc_action a;
  {
    Call call{held(s).bound, name, Call::on_a_loop, held(s).object};
    a = hook(held(s).original, lend(x, held(s).object), slot, c);
  }
  {
    Book& k = book();
    const std::lock_guard lock{k.mutex};
    ++k.counts.chunks;
  }
  // What take and again mean depends on the flow of the body, and is the gateway's to judge. An answer they cannot give.
  if (a == SLC_TAKE || a == SLC_AGAIN) return a;
  if (a == SLC_REPLY) {
    note(Rule::action,
         std::string{name} + " of " + name_of(held(s).bound, where_now()) + " answered SLC_REPLY, which is no action of a chunk hook; it counts as SLC_FAIL");
    return a;
  }
  return judged(held(s).bound, name, x, a);
}
slc_action on_request_chunk(void* s, slc_exchange* x, void** slot, const slc_chunk* c) noexcept {
  return run_chunk(table<slc_middleware>(held(s).bound).on_request_chunk, "on_request_chunk", s, x, slot, c);
}
slc_action on_response_chunk(void* s, slc_exchange* x, void** slot, const slc_chunk* c) noexcept {
  return run_chunk(table<slc_middleware>(held(s).bound).on_response_chunk, "on_response_chunk", s, x, slot, c);
}
slc_action transport_chunk(void* s, slc_exchange* x, void** slot, const slc_chunk* c) noexcept {
  return run_chunk(table<slc_transport>(held(s).bound).on_request_chunk, "on_request_chunk", s, x, slot, c);
}
void on_room(void* s, slc_exchange* x, void** slot) noexcept {
  Call call{held(s).bound, "on_room", Call::on_a_loop, held(s).object};
  table<slc_transport>(held(s).bound).on_room(held(s).original, lend(x, held(s).object), slot);
}
slc_action on_call(void* s, slc_exchange* x, void** slot) noexcept {
  return run(table<slc_around>(held(s).bound).on_call, "on_call", s, x, slot);
}
slc_action send(void* s, slc_exchange* x, void** slot) noexcept {
  return run(table<slc_transport>(held(s).bound).send, "send", s, x, slot);
}

void over(void (*hook)(void*, slc_exchange*, void**) noexcept, const char* name, void* s, slc_exchange* x, void** slot) {
  const Bound* b = held(s).bound;
  // First: on_done may free what would have resumed it.
  exchange_over(b, x, real_exchange().outcome(x, nullptr) == SLC_ETIMEOUT);
  if (hook) {
    Call call{b, name, Call::on_a_loop, held(s).object};
    hook(held(s).original, lend(x, held(s).object), slot);
  }
  exchange_done(x, held(s).object);
  nodes_over(x, b);
}
void middleware_done(void* s, slc_exchange* x, void** slot) noexcept {
  over(table<slc_middleware>(held(s).bound).on_done, "on_done", s, x, slot);
}
void around_done(void* s, slc_exchange* x, void** slot) noexcept { over(table<slc_around>(held(s).bound).on_done, "on_done", s, x, slot); }
void cancel(void* s, slc_exchange* x, void** slot) noexcept { over(table<slc_transport>(held(s).bound).cancel, "cancel", s, x, slot); }

slc_status decode(void* s, const slc_str* chunks, uint32_t n, uint32_t flags, slc_builder* b, slc_str* why) noexcept {
  Call call{held(s).bound, "decode", Call::codec, held(s).object};
  return table<slc_decoder>(held(s).bound).decode(held(s).original, chunks, n, flags, b, why);
}
slc_status encode(void* s, slc_exchange* x, slc_node data) noexcept {
  Call call{held(s).bound, "encode", Call::codec, held(s).object};
  const slc_status status = table<slc_encoder>(held(s).bound).encode(held(s).original, lend(x, held(s).object), lend(data, x, held(s).bound));
  nodes_over(x, held(s).bound);
  return status;
}
uint32_t pick(void* s, slc_exchange* x, const slc_candidate* c, uint32_t n) noexcept {
  Call call{held(s).bound, "pick", Call::on_a_loop, held(s).object};
  return table<slc_balancer>(held(s).bound).pick(held(s).original, lend(x, held(s).object), c, n);
}
slc_status watch_list(void* o, const slc_resolver_query* q, slc_host_list* l,
                      slc_status (*publish)(slc_host_list*, const slc_address*, uint32_t) noexcept, void** w) noexcept {
  Call call{held(o).bound, "watch", Call::elsewhere};
  return table<slc_resolver>(held(o).bound).watch(held(o).original, q, l, publish, w);
}
void unwatch_list(void* o, void* w) noexcept {
  const auto& t = table<slc_resolver>(held(o).bound);
  Call call{held(o).bound, "unwatch", Call::elsewhere};
  if (t.unwatch) t.unwatch(held(o).original, w);
}
int32_t sink_level(void* o) noexcept {
  const auto& t = table<slc_log_sink>(held(o).bound);
  Call call{held(o).bound, "level", Call::elsewhere};
  return t.level ? t.level(held(o).original) : int32_t{SLC_DEBUG};
}
void sink_write(void* o, const slc_log_record* r) noexcept {
  Call call{held(o).bound, "write", Call::elsewhere};
  table<slc_log_sink>(held(o).bound).write(held(o).original, r);
}
void sink_flush(void* o) noexcept {
  const auto& t = table<slc_log_sink>(held(o).bound);
  Call call{held(o).bound, "flush", Call::elsewhere};
  if (t.flush) t.flush(held(o).original);
}

// ---- life cycle; create() and expand() are told nothing but their own address, so each binding has its own ----

slc_status create_of(Bound* b, const slc_host* host, slc_node config, slc_report* report, void** object) {
  bug(host);
  void* made = nullptr;
  slc_status status = SLC_OK;
  if (b->life && b->life->create) {
    Call call{b, "create", Call::elsewhere};
    status = b->life->create(host, config, report, &made);
  }
  const bool nothing = b->life && b->life->create && !made;
  *object = nullptr;
  if (!nothing) {
    auto* h = new Held{b, made};
    h->object = h;
    *object = h;
  }
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  if (status != SLC_OK) ++k.counts.refused;
  if (!nothing) ++k.counts.created;
  return status;
}

template <size_t I>
slc_status create(const slc_host* host, slc_node config, slc_report* report, void** object) noexcept {
  return create_of(&bounds[I], host, config, report, object);
}
template <size_t I>
slc_status expand(slc_str text, slc_builder* builder) noexcept {
  Call call{&bounds[I], "expand", Call::codec};
  return table<slc_decoder>(&bounds[I]).expand(text, builder);
}
using Create = slc_status (*)(const slc_host*, slc_node, slc_report*, void**) noexcept;
using Expand = slc_status (*)(slc_str, slc_builder*) noexcept;
template <size_t... I>
constexpr std::pair<Create, Expand> function_of(size_t i, std::index_sequence<I...>) {
  constexpr Create creates[] = {&create<I>...};
  constexpr Expand expands[] = {&expand<I>...};
  return {creates[i], expands[i]};
}

void destroy(void* o) noexcept {
  Held* h = &held(o);
  if (h->bound->life && h->bound->life->destroy && h->original) {
    Call call{h->bound, "destroy", Call::elsewhere};
    h->bound->life->destroy(h->original);
  }
  delete h;
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  ++k.counts.destroyed;
}

slc_status worker_start(void* o, slc_worker* w, void** state) noexcept {
  const Bound* b = held(o).bound;
  void* made = nullptr;
  slc_status status;
  on_loop = true;
  {
    Call call{b, "worker_start", Call::elsewhere, &held(o)};
    status = b->life->worker_start(held(o).original, w, &made);
  }
  if (status != SLC_OK) return status;
  *state = new Held{held(o).bound, made, w, &held(o)};
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  ++k.counts.workers_started;
  return SLC_OK;
}
void worker_stop(void* s) noexcept {
  Held* h = &held(s);
  {
    Call call{h->bound, "worker_stop", Call::elsewhere, h->object};
    h->bound->life->worker_stop(h->original);
  }
  Book& k = book();
  std::unique_lock lock{k.mutex};
  ++k.counts.workers_stopped;
  size_t left = 0;
  for (const auto& [op, running] : k.operations) left += !op->owner && op->worker == h->worker && op->object == h->object;
  lock.unlock();
  if (left)
    note(Rule::timer, "worker_stop of " + name_of(h->bound, where_now()) + " leaves " + std::to_string(left) +
                          (left == 1 ? " timer or callout" : " timers or callouts") + " of its worker behind");
  delete h;
}

// The bytes go to the gateway and, a copy, into the book.
struct Export {
  slc_status (*write)(void*, slc_str) noexcept;
  void* to;
  std::string bytes;
};
slc_status take_copy(void* at, slc_str bytes) noexcept {
  auto* e = static_cast<Export*>(at);
  const slc_status s = e->write(e->to, bytes);
  if (s == SLC_OK && bytes.len) e->bytes.append(bytes.ptr, bytes.len);
  return s;
}
slc_status export_state(void* o, slc_status (*write)(void*, slc_str) noexcept, void* to) noexcept {
  const Held& h = held(o);
  Export e{write, to, {}};
  slc_status status;
  {
    Call call{h.bound, "export_state", Call::elsewhere, &h};
    status = h.bound->life->export_state(h.original, take_copy, &e);
  }
  if (status != SLC_OK) return status;
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  ++k.counts.exported;
  k.exports[h.bound] = std::move(e.bytes);
  return SLC_OK;
}
slc_status import_state(void* o, slc_str bytes) noexcept {
  const Held& h = held(o);
  slc_status status;
  {
    Call call{h.bound, "import_state", Call::elsewhere, &h};
    status = h.bound->life->import_state(h.original, bytes);
  }
  Book& k = book();
  std::unique_lock lock{k.mutex};
  const auto own = k.exports.find(h.bound);
  const bool known = own != k.exports.end() && own->second == std::string_view{bytes.len ? bytes.ptr : "", bytes.len};
  k.counts.imported += status == SLC_OK;
  lock.unlock();
  // What another version wrote, it may refuse.
  if (status != SLC_OK && known)
    note(Rule::state, "import_state of " + name_of(h.bound, where_now()) + " answered " + std::to_string(status) + " to the " + std::to_string(bytes.len) +
                          " bytes that its own export_state wrote: the state is lost at every reload");
  return status;
}

// ---- entry ----

slc_status load(const slc_host* host, slc_report* report) noexcept {
  bug(host);
  slc_status status = SLC_OK;
  if (original->load) {
    Call call{nullptr, "load", Call::elsewhere};
    status = original->load(host, report);
  }
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  ++k.counts.loaded;
  return status;
}
void unload() noexcept {
  if (original->unload) {
    Call call{nullptr, "unload", Call::elsewhere};
    original->unload();
  }
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  ++k.counts.unloaded;
}

const slc_binding* binding(const slc_entry& e, uint32_t i) {
  return reinterpret_cast<const slc_binding*>(reinterpret_cast<const char*>(e.bindings) + size_t{i} * e.binding_size);
}

// Late fields that an older table does not have stay NULL.
template <class T>
T& copy_of(Bound& b, T& own) {
  uint32_t size = 0;
  std::memcpy(&size, b.original, sizeof size);
  std::memset(&own, 0, sizeof own);
  std::memcpy(&own, b.original, std::min<size_t>(size, sizeof own));
  own.size = sizeof own;
  own.life = &b.own_life;
  return own;
}

const void* wrap(Bound& b, size_t index, const void* table_, std::string_view kind) {
  uint32_t size = 0;
  std::memcpy(&size, table_, sizeof size);
  b.original = table_;
  std::memcpy(&b.life, static_cast<const char*>(table_) + offsetof(slc_middleware, life), sizeof b.life);
  // A table that is too short, or half a life cycle, is the loader's to refuse: it gets the original.
  if (b.life && (b.life->size < offsetof(slc_lifecycle, export_state) || !b.life->worker_start != !b.life->worker_stop)) return table_;
  const auto [create_fn, expand_fn] = function_of(index, std::make_index_sequence<kBound>{});
  b.own_life = {};
  b.own_life.size = sizeof b.own_life;
  b.own_life.create = create_fn;
  b.own_life.destroy = destroy;
  if (b.life && b.life->worker_start) b.own_life.worker_start = worker_start, b.own_life.worker_stop = worker_stop;
  // One of the two alone is the loader's to refuse.
  if (b.life && SLC_HAS(b.life, slc_lifecycle, export_state)) b.own_life.export_state = export_state;
  if (b.life && SLC_HAS(b.life, slc_lifecycle, import_state)) b.own_life.import_state = import_state;
  if (kind == SLC_IFACE_MIDDLEWARE && size >= offsetof(slc_middleware, on_request_chunk)) {
    auto& t = copy_of(b, b.table.middleware);
    const slc_middleware o = t;
    if (!o.on_request && !o.on_raw_response && !o.on_response && !o.on_done && !o.on_request_chunk && !o.on_response_chunk) return table_;
    if (o.on_request) t.on_request = on_request;
    if (o.on_raw_response) t.on_raw_response = on_raw_response;
    if (o.on_response) t.on_response = on_response;
    if (o.on_request_chunk) t.on_request_chunk = on_request_chunk;
    if (o.on_response_chunk) t.on_response_chunk = on_response_chunk;
    t.on_done = middleware_done;
    return &t;
  }
  if (kind == SLC_IFACE_AROUND && size >= sizeof(slc_around) && table<slc_around>(&b).on_call) {
    auto& t = copy_of(b, b.table.around);
    t.on_call = on_call, t.on_done = around_done;
    return &t;
  }
  if (kind == SLC_IFACE_TRANSPORT && size >= offsetof(slc_transport, on_request_chunk) && table<slc_transport>(&b).send && table<slc_transport>(&b).cancel) {
    auto& t = copy_of(b, b.table.transport);
    t.send = send, t.cancel = cancel;
    if (t.on_request_chunk) t.on_request_chunk = transport_chunk;
    if (t.on_room) t.on_room = on_room;
    return &t;
  }
  if (kind == SLC_IFACE_DECODER && size >= sizeof(slc_decoder)) {
    auto& t = copy_of(b, b.table.decoder);
    if (t.decode) t.decode = decode;
    if (t.expand) t.expand = expand_fn;
    return &t;
  }
  if (kind == SLC_IFACE_ENCODER && size >= sizeof(slc_encoder)) {
    auto& t = copy_of(b, b.table.encoder);
    if (t.encode) t.encode = encode;
    return &t;
  }
  if (kind == SLC_IFACE_BALANCER && size >= sizeof(slc_balancer) && table<slc_balancer>(&b).pick) {
    auto& t = copy_of(b, b.table.balancer);
    t.pick = pick;
    return &t;
  }
  if (kind == SLC_IFACE_RESOLVER && size >= sizeof(slc_resolver) && table<slc_resolver>(&b).watch) {
    auto& t = copy_of(b, b.table.resolver);
    t.watch = watch_list, t.unwatch = unwatch_list;
    return &t;
  }
  if (kind == SLC_IFACE_LOG_SINK && size >= sizeof(slc_log_sink) && table<slc_log_sink>(&b).write) {
    auto& t = copy_of(b, b.table.log_sink);
    t.level = sink_level, t.write = sink_write, t.flush = sink_flush;
    return &t;
  }
  return table_;
}

const void* get_interface(const char* id, const char* name) noexcept {
  const void* found;
  {
    Call call{nullptr, "get_interface", Call::elsewhere};
    found = original->get_interface(id, name);
  }
  if (!found) return nullptr;
  for (uint32_t i = 0; i < original->binding_count && i < kBound; ++i) {
    const slc_binding* b = binding(*original, i);
    if (!b->name || !b->interface_id || std::strcmp(b->interface_id, id) != 0 || std::strcmp(b->name, name) != 0) continue;
    if (bounds[i].spec) return bounds[i].table.middleware.size ? static_cast<const void*>(&bounds[i].table) : found;
    bounds[i].spec = b;
    return wrap(bounds[i], i, found, id);
  }
  return found;
}

const slc_entry* interposed(const slc_entry* entry, std::string_view bytes) {
  if (original || bytes != watched_bytes) return entry;
  opening.emplace("what the gateway reads of its entry", std::string_view{}, std::string_view{});
  // What the loader will refuse anyway is left to it.
  if (entry->magic != SLC_ABI_MAGIC || entry->size < sizeof(slc_entry) || entry->abi_major != SLC_ABI_MAJOR || !entry->get_interface ||
      !entry->bindings || entry->binding_size < sizeof(slc_binding))
    return entry;
  original = entry;
  book().flags = entry->flags;
  std::memcpy(&wrapped, entry, sizeof wrapped);
  wrapped.size = sizeof wrapped;
  wrapped.load = load, wrapped.unload = unload, wrapped.get_interface = get_interface;
  return &wrapped;
}

}  // namespace

void watch(std::string bytes) {
  watched_bytes = std::move(bytes);
  plugin::marks_gone_nodes = true;
  plugin::interpose = interposed;
  opening.emplace("a static constructor, while the file was opened", std::string_view{}, std::string_view{});
}

void opened() { opening.reset(); }

const slc_entry* entry() { return original; }

}  // namespace sluice::app::check::spy

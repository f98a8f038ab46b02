// Part of sluice/plugin.hpp: turns classes into the C tables, and lists of classes into a plugin.
#ifndef SLUICE_DETAIL_BINDINGS_HPP
#define SLUICE_DETAIL_BINDINGS_HPP
#include "sluice/detail/exchange.hpp"
#include "sluice/detail/note.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

// What a resolver publishes its lists through. A copyable handle, valid from watch to the destruction of the watch. [any]
class Publisher {
 public:
  using Fn = slc_status (*)(slc_host_list*, const slc_address*, uint32_t) SLC_NOEXCEPT;
  Publisher(slc_host_list* l, Fn f) : list_{l}, fn_{f} {}
  Status publish(std::span<const slc_address> a) const { return {fn_(list_, a.data(), static_cast<uint32_t>(a.size()))}; }

 private:
  slc_host_list* list_;
  Fn fn_;
};

// One host of a published list: "scheme://name:port[/prefix]". The text is copied by publish.
inline slc_address address(std::string_view url, uint32_t weight = 1) { return {str(url), weight, 0, 0}; }

// What a log sink gets; valid during write.
struct LogRecord {
  Level level;
  int64_t unix_ns;
  std::string_view message, place;
};

namespace detail {

// A configured object with the tables it was made with. The C side's `object` points to one.
template <class T>
struct Instance {
  Services services;
  std::optional<T> object{};
  explicit Instance(const slc_host* h) : services{h} {}
};

// What the hooks get as `state` when the class keeps state per worker.
template <class T>
struct WorkerBox {
  Instance<T>* instance;
  typename T::PerWorker state;
};

template <class T>
concept HasPerWorker = requires { typename T::PerWorker; };

// Two members hand an object's state over to its successor at a reload, also to one of another build of the plugin:
//   std::string export_state() const;        while workers still run hooks of the object
//   bool import_state(std::string_view);     before they run hooks of the new one; false: of no use, it starts as new
template <class T>
concept HandsOver = requires(T& t, const T& c) {
  std::string{c.export_state()};
  { t.import_state(std::string_view{}) } -> std::same_as<bool>;
};

template <class T>
constexpr bool is_synchronous() {
  if constexpr (requires { T::synchronous; }) return T::synchronous;
  else return false;
}

template <class T>
struct Life {
  static slc_status create(const slc_host* host, slc_node config, slc_report* report, void** object) noexcept {
    *object = nullptr;
    std::unique_ptr<Instance<T>> i{new (std::nothrow) Instance<T>{host}};
    if (!i) return SLC_ENOMEM;
    document_table.store(i->services.document, std::memory_order_relaxed);
    return guarded(&i->services, nullptr, "create", static_cast<slc_status>(SLC_EINVAL), [&]() -> slc_status {
      Setup setup{i->services, config, report};
      if constexpr (std::is_constructible_v<T, Setup&>) i->object.emplace(setup);
      else i->object.emplace();
      if (!setup.ok()) return SLC_EINVAL;
      if (!setup.asks_for_nothing()) *object = i.release();
      return SLC_OK;
    });
  }
  static void destroy(void* object) noexcept { delete static_cast<Instance<T>*>(object); }

  static slc_status worker_start(void* object, slc_worker* worker, void** state) noexcept
    requires HasPerWorker<T>
  {
    auto* i = static_cast<Instance<T>*>(object);
    return guarded(&i->services, nullptr, "worker_start", static_cast<slc_status>(SLC_ENOMEM), [&]() -> slc_status {
      const Worker w{worker, &i->services};
      using P = typename T::PerWorker;
      if constexpr (std::is_constructible_v<P, const T&, const Worker&>) *state = new WorkerBox<T>{i, P(*i->object, w)};
      else *state = new WorkerBox<T>{i, P{}};
      return SLC_OK;
    });
  }
  static void worker_stop(void* state) noexcept
    requires HasPerWorker<T>
  {
    delete static_cast<WorkerBox<T>*>(state);
  }

  static slc_status export_state(void* object, slc_status (*write)(void*, slc_str) noexcept, void* to) noexcept
    requires HandsOver<T>
  {
    auto* i = static_cast<Instance<T>*>(object);
    return guarded(&i->services, nullptr, "export_state", static_cast<slc_status>(SLC_EINVAL), [&]() -> slc_status {
      const std::string bytes = std::as_const(*i->object).export_state();
      return write(to, str(bytes));
    });
  }
  static slc_status import_state(void* object, slc_str bytes) noexcept
    requires HandsOver<T>
  {
    auto* i = static_cast<Instance<T>*>(object);
    return guarded(&i->services, nullptr, "import_state", static_cast<slc_status>(SLC_EINVAL),
                   [&]() -> slc_status { return i->object->import_state(view(bytes)) ? SLC_OK : SLC_EINVAL; });
  }

  static constexpr slc_lifecycle make() {
    slc_lifecycle l{sizeof(slc_lifecycle), &create, &destroy, nullptr, nullptr, nullptr, nullptr};
    if constexpr (HandsOver<T>) {
      l.export_state = &export_state;
      l.import_state = &import_state;
    }
    if constexpr (HasPerWorker<T>) {
      l.worker_start = &worker_start;
      l.worker_stop = &worker_stop;
    }
    return l;
  }
  static constexpr slc_lifecycle table = make();

  static Instance<T>& instance(void* state) {
    if constexpr (HasPerWorker<T>) return *static_cast<WorkerBox<T>*>(state)->instance;
    else return *static_cast<Instance<T>*>(state);
  }
};

// Calls object.*method(args…) or, when the class wants it, object.*method(args…, PerWorker&).
#define SLUICE_DETAIL_CALL(name)                                                                          \
  template <class T, class... A>                                                                          \
  concept Has_##name = requires(T& t, A... a) { t.name(a...); };                                          \
  template <class T>                                                                                      \
  struct PerWorkerOf_##name {};                                                                           \
  template <class T, class... A>                                                                          \
  decltype(auto) call_##name(void* state, A... a) {                                                       \
    T& object = *Life<T>::instance(state).object;                                                         \
    if constexpr (HasPerWorker<T>) {                                                                      \
      if constexpr (requires { object.name(a..., static_cast<WorkerBox<T>*>(state)->state); })            \
        return object.name(a..., static_cast<WorkerBox<T>*>(state)->state);                               \
      else                                                                                                \
        return object.name(a...);                                                                         \
    } else {                                                                                              \
      return object.name(a...);                                                                           \
    }                                                                                                     \
  }                                                                                                       \
  template <class T, class... A>                                                                          \
  constexpr bool offers_##name() {                                                                        \
    if constexpr (Has_##name<T, A...>) return true;                                                       \
    else if constexpr (HasPerWorker<T>) return requires(T& t, A... a, typename T::PerWorker& w) { t.name(a..., w); }; \
    else return false;                                                                                    \
  }
SLUICE_DETAIL_CALL(on_request)
SLUICE_DETAIL_CALL(on_raw_response)
SLUICE_DETAIL_CALL(on_response)
SLUICE_DETAIL_CALL(on_done)
SLUICE_DETAIL_CALL(on_request_chunk)
SLUICE_DETAIL_CALL(on_response_chunk)
SLUICE_DETAIL_CALL(on_call)
SLUICE_DETAIL_CALL(pick)
SLUICE_DETAIL_CALL(send)
SLUICE_DETAIL_CALL(cancel)
SLUICE_DETAIL_CALL(encode)
#undef SLUICE_DETAIL_CALL

// An exception in a hook fails the exchange: the safe answer.
template <class T, class F>
slc_action hook(void* state, slc_exchange* x, void** slot, const char* what, F&& call) noexcept {
  const Services* s = &Life<T>::instance(state).services;
  const Action a = guarded(s, x, what, failed, [&]() -> Action { return call(Exchange{x, s, slot}); });
  if constexpr (!is_synchronous<T>()) {
    if (a != pending && *slot) {
      // The host takes the token back by itself; the callbacks are told here. Silence would be a riddle for the author.
      if (static_cast<Slot*>(*slot)->forget_wait() && a != failed) {
        guarded(s, x, what, false, [&] {
          write_log(*s, x, Level::warning, what, " began to wait with after, fetch or call_next, but its answer was another one: the callback is "
                    "dropped. Return what these functions return, or use call_later or fetch_later");
          return true;
        });
      }
    }
  }
  return a.value;
}

template <class T, class F>
slc_action chunk_hook(void* state, slc_exchange* x, void** slot, const slc_chunk* c, int32_t side, const char* what, F&& call) noexcept {
  const Services* s = &Life<T>::instance(state).services;
  return guarded(s, x, what, failed, [&]() -> Action { return call(Exchange{x, s, slot, side}, Chunk{c, x, s->stream, side}); }).value;
}

template <class T, class F>
void last_hook(void* state, slc_exchange* x, void** slot, F&& call) noexcept {
  const Services* s = &Life<T>::instance(state).services;
  guarded(s, x, "on_done", false, [&] { return call(Exchange{x, s, slot}), true; });
  if constexpr (!is_synchronous<T>()) {
    if (*slot) static_cast<Slot*>(*slot)->clean();
    *slot = nullptr;
  }
}

template <class T>
constexpr const char* schema_of() {
  if constexpr (requires { T::schema; }) return T::schema;
  else return nullptr;
}
template <class T>
constexpr uint32_t scopes_of() {
  if constexpr (requires { T::scopes; }) return T::scopes;
  else return 0;
}
template <class T>
constexpr int32_t stage_of() {
  if constexpr (requires { T::stage; }) return T::stage;
  else return 0;
}
template <class T>
constexpr uint32_t flags_of() {
  if constexpr (requires { T::flags; }) return T::flags;
  else return 0;
}

template <class T>
struct Aliases {
  static constexpr size_t count = std::size(T::aliases);
  struct List {
    const char* names[count + 1];
  };
  static constexpr List make() {
    List l{};
    size_t i = 0;
    for (const char* a : T::aliases) l.names[i++] = a;
    return l;
  }
  static constexpr List list = make();
};
template <class T>
constexpr const char* const* aliases_of() {
  if constexpr (requires { T::aliases; }) return Aliases<T>::list.names;
  else return nullptr;
}

template <class T>
constexpr slc_binding binding_of(const char* interface_id) {
  return {T::name, interface_id, scopes_of<T>(), stage_of<T>(), schema_of<T>(), aliases_of<T>(), flags_of<T>()};
}

}  // namespace detail

// ---- one template per interface kind; SLC_PLUGIN finds the kind itself when the class leaves no doubt ----

// Any of: on_request(Exchange), on_raw_response(Exchange), on_response(Exchange) → Action; on_done(Exchange);
// on_request_chunk(Exchange, Chunk), on_response_chunk(Exchange, Chunk) → Action. Each may take a PerWorker& at the end.
template <class T>
struct Middleware {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_MIDDLEWARE;
  static slc_action on_request(void* s, slc_exchange* x, void** slot) noexcept {
    return detail::hook<T>(s, x, slot, "on_request", [&](Exchange e) { return detail::call_on_request<T>(s, e); });
  }
  static slc_action on_raw_response(void* s, slc_exchange* x, void** slot) noexcept {
    return detail::hook<T>(s, x, slot, "on_raw_response", [&](Exchange e) { return detail::call_on_raw_response<T>(s, e); });
  }
  static slc_action on_response(void* s, slc_exchange* x, void** slot) noexcept {
    return detail::hook<T>(s, x, slot, "on_response", [&](Exchange e) { return detail::call_on_response<T>(s, e); });
  }
  static void on_done(void* s, slc_exchange* x, void** slot) noexcept {
    detail::last_hook<T>(s, x, slot, [&](Exchange e) {
      if constexpr (detail::offers_on_done<T, Exchange>()) detail::call_on_done<T>(s, e);
      else (void)e;
    });
  }
  static slc_action on_request_chunk(void* s, slc_exchange* x, void** slot, const slc_chunk* c) noexcept {
    return detail::chunk_hook<T>(s, x, slot, c, SLC_REQUEST, "on_request_chunk",
                                 [&](Exchange e, Chunk k) { return detail::call_on_request_chunk<T>(s, e, k); });
  }
  static slc_action on_response_chunk(void* s, slc_exchange* x, void** slot, const slc_chunk* c) noexcept {
    return detail::chunk_hook<T>(s, x, slot, c, SLC_RESPONSE, "on_response_chunk",
                                 [&](Exchange e, Chunk k) { return detail::call_on_response_chunk<T>(s, e, k); });
  }
  static constexpr slc_middleware make() {
    slc_middleware m{sizeof(slc_middleware), &detail::Life<T>::table, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    if constexpr (detail::offers_on_request<T, Exchange>()) m.on_request = &on_request;
    if constexpr (detail::offers_on_raw_response<T, Exchange>()) m.on_raw_response = &on_raw_response;
    if constexpr (detail::offers_on_response<T, Exchange>()) m.on_response = &on_response;
    if constexpr (detail::offers_on_done<T, Exchange>() || !detail::is_synchronous<T>()) m.on_done = &on_done;
    if constexpr (detail::offers_on_request_chunk<T, Exchange, Chunk>()) m.on_request_chunk = &on_request_chunk;
    if constexpr (detail::offers_on_response_chunk<T, Exchange, Chunk>()) m.on_response_chunk = &on_response_chunk;
    return m;
  }
  static constexpr slc_middleware table = make();
};

// on_call(Exchange) → Action: runs the inside with call_next, any number of times; optional on_done(Exchange).
template <class T>
struct Around {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_AROUND;
  static slc_action on_call(void* s, slc_exchange* x, void** slot) noexcept {
    return detail::hook<T>(s, x, slot, "on_call", [&](Exchange e) { return detail::call_on_call<T>(s, e); });
  }
  static void on_done(void* s, slc_exchange* x, void** slot) noexcept { Middleware<T>::on_done(s, x, slot); }
  static constexpr slc_around table{sizeof(slc_around), &detail::Life<T>::table, &on_call, &on_done};
};

// decode(chunks, flags, Builder, std::string_view& why) → Status, why being static text or text that lives as long as the
// exchange; expand(text, Builder) → Status, static. A class with `raw = true` passes bodies on undecoded.
template <class T>
struct Decoder {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_DECODER;
  static slc_status decode(void* s, const slc_str* chunks, uint32_t n, uint32_t flags, slc_builder* b, slc_str* why) noexcept {
    auto& i = detail::Life<T>::instance(s);
    std::string_view text;
    const Status out = detail::guarded(&i.services, nullptr, "decode", Status{SLC_EDECODE}, [&]() -> Status {
      return i.object->decode(std::span<const slc_str>{chunks, n}, flags, Builder{b, i.services.document}, text);
    });
    if (out.value != SLC_OK && why) *why = str(text);
    return out.value;
  }
  static slc_status expand(slc_str text, slc_builder* b) noexcept {
    return detail::guarded(nullptr, nullptr, "expand", Status{SLC_EDECODE}, [&]() -> Status {
             return T::expand(view(text), Builder{b, detail::document_table.load(std::memory_order_relaxed)});
           })
        .value;
  }
  static constexpr slc_decoder make() {
    slc_decoder d{sizeof(slc_decoder), &detail::Life<T>::table, {nullptr, 0}, nullptr, nullptr};
    if constexpr (requires { T::format; }) d.format = {T::format, std::char_traits<char>::length(T::format)};
    if constexpr (!requires { T::raw; }) d.decode = &decode;
    if constexpr (requires(Builder b) { T::expand(std::string_view{}, b); }) d.expand = &expand;
    return d;
  }
  static constexpr slc_decoder table = make();
};

// encode(Exchange, Value data) → Status: writes with append_body. `content_type` is the default one.
template <class T>
struct Encoder {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_ENCODER;
  static slc_status encode(void* s, slc_exchange* x, slc_node data) noexcept {
    auto& i = detail::Life<T>::instance(s);
    return detail::guarded(&i.services, x, "encode", Status{SLC_EINVAL}, [&]() -> Status {
             void* slot = nullptr;  // an encoder has none
             return detail::call_encode<T>(s, Exchange{x, &i.services, &slot}, Value{data, i.services.document});
           })
        .value;
  }
  static constexpr slc_encoder make() {
    slc_encoder e{sizeof(slc_encoder), &detail::Life<T>::table, {nullptr, 0}, nullptr};
    if constexpr (requires { T::content_type; }) e.content_type = {T::content_type, std::char_traits<char>::length(T::content_type)};
    if constexpr (!requires { T::raw; }) e.encode = &encode;
    return e;
  }
  static constexpr slc_encoder table = make();
};

// watch(const slc_resolver_query&, Publisher) returns nothing (the list never changes) or a std::unique_ptr to whatever keeps
// publishing; destroying that must stop it.
template <class T>
struct Resolver {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_RESOLVER;
  using Watch = decltype(std::declval<T&>().watch(std::declval<const slc_resolver_query&>(), std::declval<Publisher>()));
  static slc_status watch(void* object, const slc_resolver_query* q, slc_host_list* l, Publisher::Fn publish, void** w) noexcept {
    auto& i = *static_cast<detail::Instance<T>*>(object);
    *w = nullptr;
    return detail::guarded(&i.services, nullptr, "watch", static_cast<slc_status>(SLC_EINVAL), [&]() -> slc_status {
      if constexpr (std::is_void_v<Watch>) {
        i.object->watch(*q, Publisher{l, publish});
        return SLC_OK;
      } else {
        *w = i.object->watch(*q, Publisher{l, publish}).release();
        return *w ? SLC_OK : SLC_EINVAL;
      }
    });
  }
  static void unwatch(void*, void* w) noexcept {
    if constexpr (!std::is_void_v<Watch>) delete static_cast<typename Watch::pointer>(w);
    else (void)w;
  }
  static constexpr slc_resolver table{sizeof(slc_resolver), &detail::Life<T>::table, &watch, &unwatch};
};

// pick(Exchange, std::span<const slc_candidate>[, PerWorker&]) → index.
template <class T>
struct Balancer {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_BALANCER;
  static uint32_t pick(void* s, slc_exchange* x, const slc_candidate* c, uint32_t n) noexcept {
    auto& i = detail::Life<T>::instance(s);
    return detail::guarded(&i.services, x, "pick", 0u, [&]() -> uint32_t {
      void* slot = nullptr;  // a balancer has none
      return detail::call_pick<T>(s, Exchange{x, &i.services, &slot}, std::span<const slc_candidate>{c, n});
    });
  }
  static constexpr slc_balancer table{sizeof(slc_balancer), &detail::Life<T>::table, &pick};
};

// send(Exchange) → Action; optional cancel(Exchange). What the exchange keeps (callbacks, make) is destroyed when send or a
// callback answers, or on cancel: a transport that resumes a Suspension itself keeps nothing there.
template <class T>
struct Transport {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_TRANSPORT;
  static slc_action send(void* s, slc_exchange* x, void** slot) noexcept {
    const slc_action a = detail::hook<T>(s, x, slot, "send", [&](Exchange e) { return detail::call_send<T>(s, e); });
    if constexpr (!detail::is_synchronous<T>()) {
      if (auto* kept = static_cast<detail::Slot*>(*slot)) {
        if (a == SLC_PENDING) kept->transport = true;  // callbacks never run inside send, so this is in time
        else kept->clean();
      }
    }
    return a;
  }
  static void cancel(void* s, slc_exchange* x, void** slot) noexcept {
    detail::last_hook<T>(s, x, slot, [&](Exchange e) {
      if constexpr (detail::offers_cancel<T, Exchange>()) detail::call_cancel<T>(s, e);
      else (void)e;
    });
  }
  static constexpr slc_transport table{sizeof(slc_transport), &detail::Life<T>::table, &send, &cancel};
};

// level() → lowest level wanted (a Level; `silent` for none); write(const LogRecord&) and flush() on the logging thread.
template <class T>
struct LogSink {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_LOG_SINK;
  static int32_t level(void* object) noexcept { return static_cast<int32_t>(static_cast<detail::Instance<T>*>(object)->object->level()); }
  static void write(void* object, const slc_log_record* r) noexcept {
    auto& i = *static_cast<detail::Instance<T>*>(object);
    // Without services: a log line about a failing log sink would come back here.
    detail::guarded(nullptr, nullptr, "write", false, [&] {
      i.object->write(LogRecord{static_cast<Level>(r->level), r->unix_ns, view(r->message), view(r->place)});
      return true;
    });
  }
  static void flush(void* object) noexcept {
    auto& i = *static_cast<detail::Instance<T>*>(object);
    detail::guarded(nullptr, nullptr, "flush", false, [&] { return i.object->flush(), true; });
  }
  static constexpr slc_log_sink table{sizeof(slc_log_sink), &detail::Life<T>::table, &level, &write, &flush};
};
inline constexpr int32_t silent = SLC_CRITICAL + 1;

// What a selector chooses through. [load]
class Chooser {
 public:
  using Fn = slc_status (*)(slc_selection*, const slc_choice*) SLC_NOEXCEPT;
  Chooser(slc_selection* s, Fn f) : selection_{s}, fn_{f} {}
  // options: pointer of its block within the selector's; interface_id: what it must be, empty for middleware and around.
  Status choose(std::string_view name, std::string_view options = {}, std::string_view interface_id = {}, uint32_t flags = 0) const {
    const slc_choice c{sizeof c, flags, str(name), str(options), str(interface_id)};
    return {fn_(selection_, &c)};
  }

 private:
  slc_selection* selection_;
  Fn fn_;
};

// select(Chooser): chooses the bindings that the block stands for, outermost first.
template <class T>
struct Selector {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_SELECTOR;
  static slc_status select(void* object, slc_selection* s, Chooser::Fn choose) noexcept {
    auto& i = *static_cast<detail::Instance<T>*>(object);
    return detail::guarded(&i.services, nullptr, "select", static_cast<slc_status>(SLC_EINVAL), [&]() -> slc_status {
      i.object->select(Chooser{s, choose});
      return SLC_OK;
    });
  }
  static constexpr slc_selector table{sizeof(slc_selector), &detail::Life<T>::table, &select};
};

namespace detail {

template <class T>
concept IsKind = requires {
  typename T::Object;
  T::interface_id;
  T::table;
};

template <class T>
constexpr auto kind_of() {
  if constexpr (IsKind<T>) return std::type_identity<T>{};
  else if constexpr (offers_on_call<T, Exchange>()) return std::type_identity<Around<T>>{};
  else if constexpr (requires(T& t, std::string_view w, Builder b) { t.decode(std::span<const slc_str>{}, 0u, b, w); })
    return std::type_identity<Decoder<T>>{};
  else if constexpr (offers_encode<T, Exchange, Value>()) return std::type_identity<Encoder<T>>{};
  else if constexpr (requires(T& t, const slc_resolver_query& q, Publisher p) { t.watch(q, p); })
    return std::type_identity<Resolver<T>>{};
  else if constexpr (offers_pick<T, Exchange, std::span<const slc_candidate>>()) return std::type_identity<Balancer<T>>{};
  else if constexpr (offers_send<T, Exchange>()) return std::type_identity<Transport<T>>{};
  else if constexpr (requires(T& t, const LogRecord& r) { t.level(), t.write(r), t.flush(); })
    return std::type_identity<LogSink<T>>{};
  else if constexpr (requires(T& t, Chooser c) { t.select(c); })
    return std::type_identity<Selector<T>>{};
  else {
    static_assert(offers_on_request<T, Exchange>() || offers_on_raw_response<T, Exchange>() || offers_on_response<T, Exchange>() ||
                      offers_on_done<T, Exchange>() || offers_on_request_chunk<T, Exchange, Chunk>() ||
                      offers_on_response_chunk<T, Exchange, Chunk>(),
                  "no hook found: is it public, and does it take a sluice::Exchange? Else name the kind, as in sluice::Decoder<T>");
    return std::type_identity<Middleware<T>>{};
  }
}
template <class T>
using Kind = typename decltype(kind_of<T>())::type;

// A class without a binding name is not a binding but the plugin's own life: static load(Setup&) and unload().
template <class T>
concept PluginLife = !IsKind<T> && requires { &T::load; } && !requires { T::name; };

template <class... Ts>
struct Plugin {
  static constexpr size_t count = (size_t{0} + ... + (PluginLife<Ts> ? 0 : 1));
  struct Bindings {
    slc_binding list[count];
  };
  static constexpr Bindings make() {
    Bindings b{};
    size_t i = 0;
    const auto one = [&]<class T>(std::type_identity<T>) {
      if constexpr (!PluginLife<T>) b.list[i++] = binding_of<typename Kind<T>::Object>(Kind<T>::interface_id);
    };
    (one(std::type_identity<Ts>{}), ...);
    return b;
  }
  static constexpr Bindings bindings = make();
  static constexpr const char* services[] = {SLC_SVC_LOG,     SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG,
                                             SLC_SVC_METRICS, SLC_SVC_SHARED,   SLC_SVC_LOOP,     nullptr};

  static slc_status load(const slc_host* host, slc_report* report) noexcept {
    Services s{host};
    document_table.store(s.document, std::memory_order_relaxed);
    slc_status out = SLC_OK;
    const auto one = [&]<class T>(std::type_identity<T>) {
      if constexpr (PluginLife<T>) {
        Setup setup{s, slc_node{nullptr, 0}, report};
        if (!guarded(&s, nullptr, "load", false, [&] { return T::load(setup), setup.ok(); })) out = SLC_EINVAL;
      }
    };
    (one(std::type_identity<Ts>{}), ...);
    return out;
  }
  static void unload() noexcept {
    const auto one = []<class T>(std::type_identity<T>) {
      if constexpr (PluginLife<T>) guarded(nullptr, nullptr, "unload", false, [] { return T::unload(), true; });
    };
    (one(std::type_identity<Ts>{}), ...);
  }
  static const void* get_interface(const char* id, const char* binding) noexcept {
    const void* found = nullptr;
    const auto one = [&]<class T>(std::type_identity<T>) {
      if constexpr (!PluginLife<T>) {
        if (!found && std::strcmp(id, Kind<T>::interface_id) == 0 && std::strcmp(binding, Kind<T>::Object::name) == 0) {
          found = &Kind<T>::table;
        }
      }
    };
    (one(std::type_identity<Ts>{}), ...);
    return found;
  }
  static constexpr slc_entry entry(const char* id, const char* version, uint32_t flags) {
    return {SLC_ABI_MAGIC,  sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, flags | SLC_BUILD_FLAGS, id, version, "C++ " __VERSION__,
            services, bindings.list, static_cast<uint32_t>(count), sizeof(slc_binding), &load, &unload, &get_interface};
  }

  // The text of the note; from the classes, because with sanitizers the addresses in the entry are no constants to compare.
  static constexpr size_t write_note(const slc_entry& e, char* out) {
    NoteWriter w{out};
    w.head(e);
    const auto one = [&]<class T>(std::type_identity<T>) {
      if constexpr (!PluginLife<T>) {
        using Object = typename Kind<T>::Object;
        w.binding(Kind<T>::interface_id, scopes_of<Object>(), Object::name);
        if constexpr (requires { Object::aliases; })
          for (const char* a : Object::aliases) w.line("alias", a);
      }
    };
    (one(std::type_identity<Ts>{}), ...);
    return w.size;
  }
  static constexpr size_t note_room(const slc_entry& e) { return detail::note_room(write_note(e, nullptr)); }
  template <size_t N>
  static constexpr NoteBytes<N> note(const slc_entry& e) {
    NoteBytes<N> n;
    static_assert(sizeof n == 28 + N, "the layout of sluice/note.h");
    n.flags = e.flags;
    write_note(e, n.text);
    return n;
  }
};

}  // namespace detail
}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice

// SLC_PLUGIN("acme.key", "1.0.0", ApiKey, sluice::Decoder<Csv>, …): the file's one exported symbol, once per plugin. Plain
// classes find their kind by their hooks. The note (sluice/note.h) comes with it.
#define SLC_PLUGIN(id, version, ...) SLC_PLUGIN_WITH(id, version, 0, __VA_ARGS__)
// The same with entry flags: SLC_NEVER_UNLOAD, SLC_STARTS_THREADS.
#define SLC_PLUGIN_WITH(id, version, flags, ...) \
  extern "C" SLC_EXPORT constexpr slc_entry SLC_ENTRY_SYMBOL = ::sluice::detail::Plugin<__VA_ARGS__>::entry(id, version, flags); \
  SLC_NOTE_PLACE static constexpr auto SLC_NOTE_SYMBOL =                                                                          \
      ::sluice::detail::Plugin<__VA_ARGS__>::note<::sluice::detail::Plugin<__VA_ARGS__>::note_room(SLC_ENTRY_SYMBOL)>(SLC_ENTRY_SYMBOL);
#define SLC_MIDDLEWARE_PLUGIN(id, version, Class) SLC_PLUGIN(id, version, ::sluice::Middleware<Class>)
#endif

// Part of sluice/plugin.hpp: the life of a configured object behind the C tables, and how its members are called.
#ifndef SLUICE_DETAIL_LIFE_HPP
#define SLUICE_DETAIL_LIFE_HPP
#include "sluice/detail/exchange.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

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
      std::string why;
      const bool made = attempt(why, [&] {
        if constexpr (std::is_constructible_v<T, Setup&>) i->object.emplace(setup);
        else i->object.emplace();
      });
      if (!made) setup.error("", "the constructor threw: " + why);  // with the place of the block
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
SLUICE_DETAIL_CALL(on_room)
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

}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif

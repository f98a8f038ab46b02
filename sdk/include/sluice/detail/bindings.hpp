// Part of sluice/plugin.hpp: finds the kinds of classes, and turns lists of them into a plugin.
#ifndef SLUICE_DETAIL_BINDINGS_HPP
#define SLUICE_DETAIL_BINDINGS_HPP
#include "sluice/detail/kinds.hpp"
#include "sluice/detail/note.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

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
    return {SLC_ABI_MAGIC,  sizeof(slc_entry), SLC_ABI_MAJOR, SLC_NEEDED_MINOR, flags | SLC_BUILD_FLAGS, id, version, "C++ " __VERSION__,
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

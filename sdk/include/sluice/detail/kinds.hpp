// Part of sluice/plugin.hpp: one template per kind of interface, which makes a class's table.
#ifndef SLUICE_DETAIL_KINDS_HPP
#define SLUICE_DETAIL_KINDS_HPP
#include "sluice/detail/life.hpp"

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
// Two more hooks make a transport stream, in gateways of ABI 1.1 and later; older ones never call them, and there follow() is false:
//   on_request_chunk(Exchange, Chunk) → Action   the request's body in pieces; x.request_length() says whether some come
//   on_room(Exchange)                            after x.follow(), there is room for x.emit(SLC_RESPONSE, …) until x.finish()
// With one of them, what the exchange keeps lives until cancel, which comes last of all, for every call.
template <class T>
struct Transport {
  using Object = T;
  static constexpr const char* interface_id = SLC_IFACE_TRANSPORT;
  static constexpr bool streams() { return detail::offers_on_request_chunk<T, Exchange, Chunk>() || detail::offers_on_room<T, Exchange>(); }
  static slc_action send(void* s, slc_exchange* x, void** slot) noexcept {
    const slc_action a = detail::hook<T>(s, x, slot, "send", [&](Exchange e) { return detail::call_send<T>(s, e); });
    if constexpr (!detail::is_synchronous<T>()) {
      const bool cancel_comes = streams() && detail::can_stream(detail::Life<T>::instance(s).services);
      if (auto* kept = static_cast<detail::Slot*>(*slot); kept && !cancel_comes) {
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
  static slc_action on_request_chunk(void* s, slc_exchange* x, void** slot, const slc_chunk* c) noexcept {
    return detail::chunk_hook<T>(s, x, slot, c, SLC_REQUEST, "on_request_chunk",
                                 [&](Exchange e, Chunk k) { return detail::call_on_request_chunk<T>(s, e, k); });
  }
  static void on_room(void* s, slc_exchange* x, void** slot) noexcept {
    const detail::Services* services = &detail::Life<T>::instance(s).services;
    const Exchange e{x, services, slot};
    if (!detail::guarded(services, x, "on_room", false, [&] { return detail::call_on_room<T>(s, e), true; })) e.break_off("on_room threw");
  }
  static constexpr slc_transport make() {
    slc_transport t{sizeof(slc_transport), &detail::Life<T>::table, &send, &cancel, nullptr, nullptr};
    if constexpr (detail::offers_on_request_chunk<T, Exchange, Chunk>()) t.on_request_chunk = &on_request_chunk;
    if constexpr (detail::offers_on_room<T, Exchange>()) t.on_room = &on_room;
    return t;
  }
  static constexpr slc_transport table = make();
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

}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif

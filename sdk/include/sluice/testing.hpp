// sluice/testing.hpp -- tests plugins in milliseconds, without a gateway. Header only, no test framework.
//
//   sluice::testing::FakeHost host;
//   sluice::testing::Configured key{host, slc_plugin_entry, "example/api-key", R"({"key": "secret"})"};
//   ASSERT_TRUE(key.ok()) << host.problem_text();
//   sluice::testing::FakeExchange x{host};
//   x.add_header(SLC_REQUEST, "x-api-key", "secret");
//   EXPECT_EQ(key.on_request(x), SLC_NEXT);
//
// What is real: the plugin's C tables, exactly as the gateway calls them. What is fake: the clock (host.advance), timers,
// callouts (host.answer), attempts of around bindings (host.finish_attempt), jobs (host.run_jobs), lookups
// (host.answer_lookup), bodies in pieces (Configured::pass_body, of transports on_request_chunk and on_room), log, metrics, shared blocks, the store and
// limiters. The JSON Schema of a binding is not checked here. A FakeExchange runs on_done and cancels what it owns when it is destroyed or finish()ed, as the
// gateway does; Configured must outlive the exchanges it served, FakeHost everything. SLUICE_FUZZ_DECODER("name") and SLUICE_FUZZ_ENCODER("name") make a fuzzer
// of a file. The fakes for log, metrics, limiters, resume and post may be used from several threads; an exchange from one at a time.
#ifndef SLUICE_TESTING_HPP
#define SLUICE_TESTING_HPP
#include "sluice/detail/testing_host.hpp"

namespace sluice::testing {

// One configuration block, made into an object by the plugin, with its state on every worker of the host.
class Configured {
 public:
  Configured(FakeHost& host, const slc_entry& entry, std::string_view name, std::string_view json = {},
             int32_t scope = SLC_AT_ENDPOINT, const char* interface_id = nullptr) {
    make(host, entry, name, json, scope, interface_id);
  }
  ~Configured() {
    for (void* s : states_) {
      if (life_ && life_->worker_stop) life_->worker_stop(s);
    }
    if (object_) life_->destroy(object_);
  }
  Configured(const Configured&) = delete;
  Configured& operator=(const Configured&) = delete;

  bool ok() const { return ok_; }                            // created, no error reported
  bool asks_for_nothing() const { return ok_ && !object_; }  // no stage is made
  void* object() const { return object_; }
  void* state(uint32_t worker = 0) const { return states_.at(worker); }
  const slc_binding& binding() const { return *binding_; }
  template <class T>
  const T& table() const {
    return *static_cast<const T*>(table_);
  }

  // ---- middleware; a hook that the plugin does not have answers SLC_NEXT, as its absence does ----
  slc_action on_request(FakeExchange& x) { return hook(x, table<slc_middleware>().on_request); }
  slc_action on_raw_response(FakeExchange& x) { return hook(x, table<slc_middleware>().on_raw_response); }
  slc_action on_response(FakeExchange& x) { return hook(x, table<slc_middleware>().on_response); }
  slc_action on_request_chunk(FakeExchange& x, std::string_view bytes, bool last = false) { return chunk(x, SLC_REQUEST, bytes, flags_of(last)); }
  slc_action on_response_chunk(FakeExchange& x, std::string_view bytes, bool last = false) { return chunk(x, SLC_RESPONSE, bytes, flags_of(last)); }
  // A whole body in these pieces, as the gateway would let it pass; what comes out. Stops where a hook fails or waits:
  // last_action says which.
  std::string pass_body(FakeExchange& x, int32_t side, const std::vector<std::string>& pieces) {
    std::string out;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const uint32_t last = flags_of(i + 1 == pieces.size());
      last_action = chunk(x, side, pieces[i], last);
      for (; last_action == SLC_AGAIN; last_action = chunk(x, side, pieces[i], last | SLC_CHUNK_AGAIN)) {
        if (x.emitted[side].empty()) return out;  // it would go on like this for ever
        out += std::exchange(x.emitted[side], {});
      }
      if (last_action != SLC_NEXT && last_action != SLC_TAKE) return out;
      out += std::exchange(x.emitted[side], {});
      if (last_action == SLC_NEXT) out += pieces[i];
    }
    return out;
  }
  slc_action last_action = SLC_NEXT;
  // ---- what a reload hands over; nothing: the binding hands nothing over, or refused ----
  std::optional<std::string> export_state() {
    std::string out;
    if (!SLC_HAS(life_, slc_lifecycle, export_state)) return std::nullopt;
    const slc_status s = life_->export_state(
        object_, [](void* to, slc_str bytes) noexcept -> slc_status { return static_cast<std::string*>(to)->append(JsonService::view(bytes)), SLC_OK; }, &out);
    return s == SLC_OK ? std::optional{out} : std::nullopt;
  }
  bool import_state(std::string_view bytes) {
    return SLC_HAS(life_, slc_lifecycle, import_state) && life_->import_state(object_, JsonService::str(bytes)) == SLC_OK;
  }
  // ---- around, transport ----
  slc_action on_call(FakeExchange& x) { return hook(x, table<slc_around>().on_call); }
  slc_action send(FakeExchange& x) {
    const auto& t = table<slc_transport>();
    x.streaming_transport = SLC_HAS(&t, slc_transport, on_room);
    x.takes_pieces = SLC_HAS(&t, slc_transport, on_request_chunk);
    return hook(x, t.send);
  }
  // As the gateway ends a call: what the call was waiting for is withdrawn, and nothing comes afterwards.
  void cancel(FakeExchange& x) {
    table<slc_transport>().cancel(state(x.worker_index()), x.handle(), slot(x));
    x.streaming_transport = x.takes_pieces = false;
    x.owner().exchange_ends(x);
  }
  // There is room: what the transport emitted until now, which is taken out. A test calls it after send or a resume with
  // SLC_REPLY, and again when the transport ran into the bound. on_request_chunk(x, …) hands pieces to a transport, too.
  std::string on_room(FakeExchange& x) {
    std::string out = std::exchange(x.emitted[SLC_RESPONSE], {});
    const auto& t = table<slc_transport>();
    if (SLC_HAS(&t, slc_transport, on_room) && x.follows && !x.body_finished && !x.body_broken) t.on_room(state(x.worker_index()), x.handle(), slot(x));
    return out + std::exchange(x.emitted[SLC_RESPONSE], {});
  }
  // ---- balancer, encoder, decoder ----
  uint32_t pick(FakeExchange& x, const std::vector<slc_candidate>& c) {
    return table<slc_balancer>().pick(state(x.worker_index()), x.handle(), c.data(), static_cast<uint32_t>(c.size()));
  }
  slc_status encode(FakeExchange& x) {
    return table<slc_encoder>().encode(state(x.worker_index()), x.handle(), x.has_data ? JsonService::node(&x.data) : slc_node{nullptr, 0});
  }
  // The body in pieces of `piece` bytes (0: one piece).
  slc_status decode(std::string_view body, Json& out, size_t piece = 0, uint32_t flags = 0) {
    JsonBuilder b{&table<slc_decoder>()};
    std::vector<slc_str> chunks;
    for (size_t at = 0; at < body.size(); at += chunks.back().len) {
      chunks.push_back(JsonService::str(body.substr(at, piece == 0 ? body.size() : piece)));
    }
    slc_str why{nullptr, 0};
    const slc_status s = table<slc_decoder>().decode(state(), chunks.data(), static_cast<uint32_t>(chunks.size()), flags, b.handle(), &why);
    decode_error = JsonService::view(why);
    if (s == SLC_OK && !b.complete()) return SLC_EDECODE;
    out = b.root();
    return s;
  }
  std::string decode_error;

  // ---- resolver: what watch publishes at once ----
  struct Published {
    std::string url;
    uint32_t weight;
  };
  std::vector<Published> watch(const std::vector<std::string>& hosts, std::string_view scheme = "http", uint64_t refresh_ms = 0) {
    std::vector<slc_str> views;
    for (const auto& h : hosts) views.push_back(JsonService::str(h));
    const slc_resolver_query q{sizeof q, views.data(), static_cast<uint32_t>(views.size()), JsonService::str(scheme), refresh_ms};
    std::vector<Published> out;
    void* w = nullptr;
    const auto& t = table<slc_resolver>();
    watch_status = t.watch(object_, &q, reinterpret_cast<slc_host_list*>(&out), &published, &w);
    if (watch_status == SLC_OK && t.unwatch) t.unwatch(object_, w);
    return out;
  }
  slc_status watch_status = SLC_OK;

 private:
  void make(FakeHost& host, const slc_entry& entry, std::string_view name, std::string_view json, int32_t scope, const char* interface_id) {
    host.load(entry);
    for (uint32_t i = 0; i < entry.binding_count && !binding_; ++i) {
      const auto* b = reinterpret_cast<const slc_binding*>(reinterpret_cast<const char*>(entry.bindings) + size_t{i} * entry.binding_size);
      bool named = name == b->name;
      for (const char* const* a = b->aliases; a && *a; ++a) named = named || name == *a;
      if (named && (!interface_id || std::string_view{interface_id} == b->interface_id)) binding_ = b;
    }
    if (!binding_) return host.note_problem("", "the plugin has no binding \"" + std::string{name} + '"');
    table_ = entry.get_interface(binding_->interface_id, binding_->name);
    if (!table_) return host.note_problem("", "get_interface gave no table");
    // Every interface table begins with its size and its life cycle.
    struct Head {
      uint32_t size;
      const slc_lifecycle* life;
    };
    life_ = static_cast<const Head*>(table_)->life;
    if (!json.empty()) {
      std::string error;
      config_ = Json::parse(json, error);
      if (!error.empty()) return host.note_problem("", "the test's JSON: " + error);
    }
    FakeReport report{&host, scope, host.place, host.location};
    const size_t before = host.problems().size();
    if (!life_) {  // a decoder or encoder that is only functions
      ok_ = true;
      states_.assign(host.worker_count(), nullptr);
      return;
    }
    const slc_status s = life_->create(&host, json.empty() ? slc_node{nullptr, 0} : JsonService::node(&config_), report.handle(), &object_);
    ok_ = s == SLC_OK && host.problems().size() == before;
    if (s != SLC_OK && host.problems().size() == before) host.note_problem("", "create answered " + std::to_string(s));
    if (!ok_ || !object_) return;
    for (uint32_t i = 0; i < host.worker_count(); ++i) {
      void* state = object_;
      if (life_->worker_start && life_->worker_start(object_, host.worker(i), &state) != SLC_OK) {
        ok_ = false;
        return host.note_problem("", "worker_start failed");
      }
      states_.push_back(state);
    }
  }
  static slc_status published(slc_host_list* l, const slc_address* a, uint32_t n) noexcept {
    auto& out = *reinterpret_cast<std::vector<Published>*>(l);
    if (n == 0) return SLC_OK;  // keeps the last list
    out.clear();
    for (uint32_t i = 0; i < n; ++i) out.push_back({std::string{JsonService::view(a[i].url)}, a[i].weight});
    return SLC_OK;
  }
  void** slot(FakeExchange& x) {
    return x.slot(this, [](void* self, FakeExchange& e, void** s) {
      auto& me = *static_cast<Configured*>(self);
      const std::string_view kind = me.binding_->interface_id;
      void (*fn)(void*, slc_exchange*, void**) noexcept = nullptr;
      if (kind == SLC_IFACE_MIDDLEWARE) fn = me.table<slc_middleware>().on_done;
      if (kind == SLC_IFACE_AROUND) fn = me.table<slc_around>().on_done;
      if (kind == SLC_IFACE_TRANSPORT && (e.suspended() || e.streaming_transport || e.takes_pieces)) fn = me.table<slc_transport>().cancel;
      if (fn) fn(me.state(e.worker_index()), e.handle(), s);
    });
  }
  static uint32_t flags_of(bool last) { return last ? uint32_t{SLC_CHUNK_LAST} : 0u; }
  slc_action chunk(FakeExchange& x, int32_t side, std::string_view bytes, uint32_t flags) {
    slc_action (*fn)(void*, slc_exchange*, void**, const slc_chunk*) noexcept = nullptr;
    if (std::string_view{binding_->interface_id} == SLC_IFACE_TRANSPORT) {
      const auto& t = table<slc_transport>();
      if (side == SLC_REQUEST && SLC_HAS(&t, slc_transport, on_request_chunk)) fn = t.on_request_chunk;
    } else {
      fn = side == SLC_REQUEST ? table<slc_middleware>().on_request_chunk : table<slc_middleware>().on_response_chunk;
    }
    if (!fn) return SLC_NEXT;
    const slc_chunk c{sizeof c, flags, JsonService::str(bytes)};
    x.in_chunk = side;
    const slc_action a = fn(state(x.worker_index()), x.handle(), slot(x), &c);
    x.in_chunk = -1;
    return a;
  }
  slc_action hook(FakeExchange& x, slc_action (*fn)(void*, slc_exchange*, void**) noexcept) {
    void** s = slot(x);
    const slc_action a = fn ? fn(state(x.worker_index()), x.handle(), s) : static_cast<slc_action>(SLC_NEXT);
    x.hook_returned(a);
    return a;
  }

  const slc_binding* binding_ = nullptr;
  const void* table_ = nullptr;
  const slc_lifecycle* life_ = nullptr;
  Json config_;
  void* object_ = nullptr;
  std::vector<void*> states_;
  bool ok_ = false;
};

}  // namespace sluice::testing
#include "sluice/detail/testing_fuzz.hpp"
#endif

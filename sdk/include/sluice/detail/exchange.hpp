// Part of sluice/plugin.hpp: the exchange as hooks see it, and asynchronous work that belongs to one.
#ifndef SLUICE_DETAIL_EXCHANGE_HPP
#define SLUICE_DETAIL_EXCHANGE_HPP
#include "sluice/detail/exchange_parts.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

// One request/response pair at one scope, as a hook sees it. A small handle, passed by value. [worker]
class Exchange {
 public:
  // `stream`: in a chunk hook, the side of its body; what waits then is that body.
  Exchange(slc_exchange* x, const detail::Services* s, void** slot, int32_t stream = -1)
      : x_{x}, services_{s}, slot_{slot}, stream_{stream} {}

  // ---- request ----
  std::string_view method() const { return field(SLC_METHOD); }
  std::string_view path() const { return field(SLC_PATH); }
  std::string_view query() const { return field(SLC_QUERY); }
  std::string_view host() const { return field(SLC_HOST); }
  std::string_view client_ip() const { return field(SLC_CLIENT_IP); }
  std::string_view peer_ip() const { return field(SLC_PEER_IP); }
  std::string_view request_id() const { return field(SLC_REQUEST_ID); }
  std::string_view scheme() const { return field(SLC_SCHEME); }
  std::string_view route() const { return field(SLC_ROUTE); }
  std::string_view field(int32_t which) const { return view(api().field(x_, which)); }
  Status set_method(std::string_view v) const { return {api().set_field(x_, SLC_METHOD, str(v))}; }
  Status set_path(std::string_view v) const { return {api().set_field(x_, SLC_PATH, str(v))}; }
  Status set_query(std::string_view v) const { return {api().set_field(x_, SLC_QUERY, str(v))}; }
  std::string_view param(std::string_view name) const { return view(api().param(x_, str(name))); }
  Status set_param(std::string_view name, std::string_view v) const { return {api().set_param(x_, str(name), str(v))}; }

  Message request() const { return {x_, &api(), SLC_REQUEST}; }
  Message response() const { return {x_, &api(), SLC_RESPONSE}; }
  // Encoders only: what the client sent, before input_headers. Headers, to be read.
  Message client() const { return {x_, &api(), SLC_CLIENT}; }
  // Of the request, the side most plugins look at.
  std::string_view header(Header id) const { return request().header(id); }
  Status set_header(Header id, std::string_view v) const { return request().set_header(id, v); }
  std::string_view body() const { return request().body(); }

  // ---- response ----
  int status() const { return api().status(x_); }
  Status set_status(int s) const { return {api().set_status(x_, s)}; }
  // Adds to the response body; stable text (it lives as long as the exchange) is not copied.
  Status append_body(std::string_view b, bool stable = false) const { return {api().append_body(x_, str(b), stable ? 1 : 0)}; }
  Value data() const { return {api().data(x_), services_->document}; }
  Builder replace_data() const { return {api().replace_data(x_), services_->document}; }
  bool complete() const { return api().complete(x_) != 0; }
  Status set_complete(bool c) const { return {api().set_complete(x_, c ? 1 : 0)}; }

  // ---- answers: `return x.reply(…)` ----
  Action reply(int status_code) const {
    set_status(status_code);
    return done;
  }
  Action reply(int status_code, std::string_view text, std::string_view content_type = "application/json") const {
    set_status(status_code);
    api().set_body(x_, SLC_RESPONSE, str(text));
    if (!content_type.empty()) {
      api().set_header(x_, SLC_RESPONSE, api().intern(services_->host, {"content-type", 12}), str(content_type));
    }
    return done;
  }
  // The scope fails: `why` goes to the log; the client gets the status (0: 500) and the text, if any.
  Action fail(int http_status, std::string_view why, std::string_view text = {}, std::string_view content_type = {}) const {
    api().fail(x_, http_status, str(why), str(text), str(content_type));
    return failed;
  }

  // ---- how it went: in on_response and on_done ----
  slc_status outcome() const { return api().outcome(x_, nullptr); }
  std::string_view outcome_text() const {
    slc_str text{nullptr, 0};
    api().outcome(x_, &text);
    return view(text);
  }
  bool succeeded() const { return outcome() == SLC_OK; }

  uint32_t scope() const { return static_cast<uint32_t>(api().scope(x_)); }
  Worker worker() const { return {api().worker(x_), services_}; }
  // How long it is until the gateway ends this exchange by itself: zero when the time is over, nothing when there is no limit,
  // or when the gateway is older than ABI 1.1 and cannot tell.
  std::optional<std::chrono::milliseconds> remaining() const {
    const slc_loop_api* loop = services_->loop;
    const uint32_t ms = SLC_HAS(loop, slc_loop_api, remaining_ms) ? loop->remaining_ms(x_) : UINT32_MAX;
    return ms == UINT32_MAX ? std::nullopt : std::optional{std::chrono::milliseconds{ms}};
  }
  std::chrono::milliseconds now() const { return worker().now(); }  // the loop's idea of it, cheap
  uint64_t now_ns() const { return services_->shared->now_ns(); }   // monotonic, the same on all workers

  template <class... Parts>
  void log(Level level, const Parts&... parts) const {
    detail::write_log(*services_, x_, level, parts...);
  }

  // ---- memory that goes away with the exchange ----
  void* alloc(size_t size, size_t align = alignof(std::max_align_t)) const { return api().alloc(x_, size, align); }
  std::string_view copy(std::string_view s) const {
    char* text = static_cast<char*>(need(alloc(s.size() + 1, 1)));
    if (!s.empty()) std::memcpy(text, s.data(), s.size());
    return {text, s.size()};
  }
  // An object in the exchange's memory; its destructor runs when the exchange is done.
  template <class T, class... Args>
  T& make(Args&&... args) const {
    if constexpr (std::is_trivially_destructible_v<T>) {
      return *::new (need(alloc(sizeof(T), alignof(T)))) T{std::forward<Args>(args)...};
    } else {
      struct Box : detail::Kept {
        explicit Box(Args&&... a) : object{std::forward<Args>(a)...} {}
        T object;
      };
      Box* box = ::new (need(alloc(sizeof(Box), alignof(Box)))) Box{std::forward<Args>(args)...};
      box->destroy = [](detail::Kept* k) noexcept { static_cast<Box*>(k)->~Box(); };
      detail::Slot& s = slot();
      box->below = s.kept;
      s.kept = box;
      return box->object;
    }
  }
  // One object of the plugin per exchange, from one hook to the next.
  template <class T, class... Args>
  T& make_state(Args&&... args) const {
    T& object = make<T>(std::forward<Args>(args)...);
    detail::Slot& s = slot();
    s.state = &object;
    s.state_type = &detail::type_mark<T>;
    return object;
  }
  template <class T>
  T* state() const {  // nullptr: make_state<T> was not called
    const auto* s = static_cast<detail::Slot*>(*slot_);
    return s && s->state_type == &detail::type_mark<T> ? static_cast<T*>(s->state) : nullptr;
  }
  // For classes that declare `synchronous = true`: the binding's slot itself, nullptr at first.
  void*& raw_slot() const { return *slot_; }

  // ---- waiting. `return x.after(…)`, `return x.fetch(…)`: the callback's Action is the hook's answer. A callback may in
  // turn return x.after(…) or x.fetch(…). It is destroyed, never called, when the exchange ends first. ----
  template <class F>
  Action after(std::chrono::milliseconds ms, F callback) const {
    struct Op {
      Exchange self;
      F callback;
    };
    Op& op = waiting_op<Op>(std::move(callback));
    const slc_token t = services_->loop->timer(
        api().worker(x_), x_, static_cast<uint32_t>(ms.count()),
        [](void* user, slc_exchange*) noexcept {
          Op& o = *static_cast<Op*>(user);
          o.self.conclude([&] { return o.callback(o.self); });
        },
        &op);
    return wait_for(t, op.self);
  }
  template <class F>
  Action fetch(const Fetch& request_, F callback) const {
    struct Op {
      Exchange self;
      F callback;
    };
    Op& op = waiting_op<Op>(std::move(callback));
    return wait_for(start_http(
        request_,
        [](void* user, slc_exchange*, const slc_reply* r) noexcept {
          Op& o = *static_cast<Op*>(user);
          o.self.conclude([&] { return o.callback(o.self, Reply{r}); });
        },
        &op), op.self);
  }
  // work() runs on a thread that may block, and touches nothing of the exchange; then callback(Exchange, result) here, or
  // callback(Exchange) when work returns nothing. When the exchange ends first, work() still ends, and nobody is called.
  template <class W, class F>
  Action background(W work, F callback) const {
    if (!services_->work) return fail(0, "the gateway has no sluice.work/1");
    using Result = std::invoke_result_t<W&>;
    using Value_ = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;
    struct Op {  // in the exchange's memory, and gone with it
      Exchange self;
      F callback;
    };
    struct Work_ {  // on the heap: the thread may still use it then
      W work;
      const detail::Services* services;
      Op* op;
      std::optional<Value_> result{};
    };
    Op& op = waiting_op<Op>(std::move(callback));
    auto state = std::make_unique<Work_>(Work_{std::move(work), services_, &op});
    slc_job job{};
    job.size = sizeof job;
    job.run = [](void* user) noexcept {
      auto& w = *static_cast<Work_*>(user);
      detail::guarded(w.services, nullptr, "background work", false, [&] {
        if constexpr (std::is_void_v<Result>) w.work(), w.result.emplace();
        else w.result.emplace(w.work());
        return true;
      });
    };
    job.done = [](void* user, slc_exchange*) noexcept {
      const std::unique_ptr<Work_> w{static_cast<Work_*>(user)};
      Op& o = *w->op;
      o.self.conclude([&]() -> Action {
        if (!w->result) return o.self.fail(0, "background work failed");
        if constexpr (std::is_void_v<Result>) return o.callback(o.self);
        else return o.callback(o.self, std::move(*w->result));
      });
    };
    job.drop = [](void* user) noexcept { delete static_cast<Work_*>(user); };
    if (services_->work->submit(api().worker(x_), x_, &job, state.get(), nullptr) != SLC_OK)
      return fail(503, "the gateway has too much background work");
    state.release();
    return wait_for(1, op.self);
  }
  // Addresses or services of a name: callback(Exchange, Names).
  template <class F>
  Action lookup(const Lookup& what, F callback) const {
    if (!services_->dns) return fail(0, "the gateway has no sluice.dns/1");
    struct Op {
      Exchange self;
      F callback;
    };
    Op& op = waiting_op<Op>(std::move(callback));
    const slc_dns_query q = detail::query_of(what);
    slc_token token = 0;
    services_->dns->lookup(
        api().worker(x_), x_, &q,
        [](void* user, slc_exchange*, const slc_dns_reply* r) noexcept {
          Op& o = *static_cast<Op*>(user);
          o.self.conclude([&] { return o.callback(o.self, Names{r}); });
        },
        &op, &token);
    return wait_for(token, op.self);
  }
  // The same without waiting: the callback returns nothing and the hook goes on. False: the host refused.
  template <class F>
  bool call_later(std::chrono::milliseconds ms, F callback) const {
    struct Op {
      Exchange self;
      F callback;
    };
    Op& op = waiting_op<Op>(std::move(callback));
    return services_->loop->timer(
               api().worker(x_), x_, static_cast<uint32_t>(ms.count()),
               [](void* user, slc_exchange*) noexcept {
                 Op& o = *static_cast<Op*>(user);
                 detail::guarded(o.self.services_, o.self.x_, "a timer", false, [&] { return o.callback(o.self), true; });
               },
               &op) != 0;
  }
  template <class F>
  bool fetch_later(const Fetch& request_, F callback) const {
    struct Op {
      Exchange self;
      F callback;
    };
    Op& op = waiting_op<Op>(std::move(callback));
    return start_http(
               request_,
               [](void* user, slc_exchange*, const slc_reply* r) noexcept {
                 Op& o = *static_cast<Op*>(user);
                 detail::guarded(o.self.services_, o.self.x_, "a callout", false, [&] { return o.callback(o.self, Reply{r}), true; });
               },
               &op) != 0;
  }
  // For work elsewhere: keep the Suspension, return `pending`, and resume it from any thread.
  Suspension suspend() const { return {new_token(), services_->loop}; }

  // ---- bodies as they pass (chunk hooks), side: SLC_REQUEST, SLC_RESPONSE; emit and room are for transports, too ----
  // Before the body begins: how long it will be behind this class's chunk hook (length_kept, a number), or body_skipped.
  Status expect(int32_t side, int64_t length) const {
    return {services_->stream ? services_->stream->expect(x_, side, length) : static_cast<slc_status>(SLC_EINVAL)};
  }
  // From a timer or another callback: puts bytes between two chunks.
  Status emit(int32_t side, std::string_view bytes) const {
    return {services_->stream ? services_->stream->emit(x_, side, str(bytes)) : static_cast<slc_status>(SLC_EINVAL)};
  }
  // What emit() would take now; 0: no body of this side is on its way, or it waits.
  size_t room(int32_t side) const { return services_->stream ? services_->stream->room(x_, side) : 0; }

  // ---- transports that stream: those with on_room, on_request_chunk ----
  // In send or later, before `return x.reply(status)`: the body follows, by emit(SLC_RESPONSE, …) until finish(). length: its bytes.
  // False: the gateway is older than ABI 1.1, and wants the body as a whole.
  Status follow(int64_t length = length_unknown) const {
    return {detail::can_stream(*services_) ? services_->stream->follow(x_, length) : static_cast<slc_status>(SLC_EINVAL)};
  }
  Status finish() const { return end_body({nullptr, 0}); }
  // The rest never comes: the client must see that the body is not whole. `why` is for the log.
  Status break_off(std::string_view why) const { return end_body(why.data() ? str(why) : slc_str{"", 0}); }
  // How many bytes of the request's body come to on_request_chunk, or length_unknown. 0: none; what body() has is all there is,
  // as in gateways older than ABI 1.1.
  int64_t request_length() const { return detail::can_stream(*services_) ? services_->stream->request_length(x_) : 0; }

  // A value of the store, in the exchange's memory.
  std::optional<std::string_view> read(const Store& store, std::string_view key) const {
    slc_str v{nullptr, 0};
    return store.api()->read(store.host(), x_, str(key), &v) == SLC_OK ? std::optional{view(v)} : std::nullopt;
  }

  // ---- around bindings only ----
  // Runs the inside once and calls back with the attempt: callback(outer, attempt) returns an Action; `pending` means "I
  // wait for more". Call it any number of times, then return `pending` from on_call.
  template <class F>
  slc_token call_next(F callback) const {
    if (!services_->next) return 0;
    struct Op {
      Exchange self;
      F callback;
    };
    Op& op = waiting_op<Op>(std::move(callback));
    if (!suspend_once()) return 0;
    op.self.wait_ = waiting();
    return services_->next->call(
        x_,
        [](void* user, slc_exchange*, slc_exchange* attempt) noexcept {
          Op& o = *static_cast<Op*>(user);
          o.self.conclude([&] { return o.callback(o.self, Exchange{attempt, o.self.services_, o.self.slot_}); });
        },
        &op);
  }
  Status cancel_next(slc_token t) const {
    return {services_->next ? services_->next->cancel(x_, t) : static_cast<slc_status>(SLC_EINVAL)};
  }
  // The attempt's response, or its failure, becomes this exchange's: `return x.use(attempt)`.
  Action use(const Exchange& attempt) const {
    return services_->next && services_->next->use(x_, attempt.x_) == SLC_OK ? done : failed;
  }

  slc_exchange* handle() const { return x_; }
  const detail::Services& services() const { return *services_; }

 private:
  const slc_exchange_api& api() const { return *services_->exchange; }
  Status end_body(slc_str why) const {
    return {detail::can_stream(*services_) ? services_->stream->finish(x_, why) : static_cast<slc_status>(SLC_EINVAL)};
  }

  static void* need(void* p) {
    if (p) return p;
#if defined(__cpp_exceptions)
    throw std::bad_alloc{};  // stops at the border and fails the exchange
#else
    std::abort();
#endif
  }

  detail::Slot& slot() const {
    if (!*slot_) {
      auto* s = ::new (need(alloc(sizeof(detail::Slot), alignof(detail::Slot)))) detail::Slot{};
      s->self = s;
      *slot_ = s;
    }
    return *static_cast<detail::Slot*>(*slot_);
  }

  // The operation's own Exchange points at the Slot, which stays where it is, and not at the hook's argument.
  template <class Op, class F>
  Op& waiting_op(F&& callback) const {
    return make<Op>(Exchange{x_, services_, &slot().self, stream_}, std::forward<F>(callback));
  }
  slc_token new_token() const { return stream_ < 0 ? services_->loop->suspend(x_) : services_->stream->suspend(x_, stream_); }
  slc_token& waiting() const { return slot().waits[stream_ + 1]; }
  bool suspend_once() const {
    slc_token& t = waiting();
    if (t == 0) t = new_token();
    return t != 0;
  }
  Action wait_for(slc_token started, Exchange& waiting) const {
    if (started == 0) return fail(0, "the gateway could not start a timer or callout");
    if (!suspend_once()) return fail(0, "the gateway could not suspend the request");
    waiting.wait_ = this->waiting();
    return pending;
  }
  slc_token start_http(const Fetch& f, slc_reply_fn fn, void* user) const {
    std::vector<slc_str> lines;
    lines.reserve(f.headers.size() * 2);
    for (const auto& [name, v] : f.headers) lines.insert(lines.end(), {str(name), str(v)});
    slc_callout c{};
    c.size = sizeof c;
    c.method = str(f.method);
    c.url = str(f.url);
    c.body = str(f.body);
    c.headers = lines.data();
    c.header_count = static_cast<uint32_t>(f.headers.size());
    c.timeout_ms = static_cast<uint32_t>(f.timeout.count());
    c.max_body = f.max_body;
    return services_->loop->http(api().worker(x_), x_, &c, fn, user);
  }
  // Runs a callback and turns its answer into the hook's, unless it waits for something else. A callback that comes when its
  // hook has its answer already, the slower of two, is not run: it would speak for a later hook.
  template <class F>
  void conclude(F&& run) const noexcept {
    detail::Slot& s = *static_cast<detail::Slot*>(*slot_);
    slc_token& mine = s.waits[stream_ + 1];
    if (mine == 0 || mine != wait_) return;
    const Action a = detail::guarded(services_, x_, "a callback", failed, std::forward<F>(run));
    if (a == pending) return;
    const slc_token t = std::exchange(mine, 0);
    const slc_loop_api* loop = services_->loop;
    if (s.transport) s.clean();  // destroys the callback that just ran, and *this with it
    loop->resume(t, a.value);
  }

  slc_exchange* x_;
  const detail::Services* services_;
  void** slot_;
  int32_t stream_ = -1;
  slc_token wait_ = 0;  // of a callback's own Exchange: the suspension it may end
};

inline void Counter::add(const Exchange& x, int64_t n) const { add(x.worker(), n); }
inline void Histogram::observe(const Exchange& x, double v) const { observe(x.worker(), v); }

}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif

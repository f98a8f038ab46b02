// Part of sluice/plugin.hpp: what a constructor gets to read its configuration and to ask for resources.
#ifndef SLUICE_DETAIL_SETUP_HPP
#define SLUICE_DETAIL_SETUP_HPP
#include "sluice/detail/shared_work.hpp"
#include "sluice/detail/value.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

class Exchange;

// A bell that any thread may ring to have a function run on the worker that made it, soon, once for any number of rings.
class Doorbell {
 public:
  Doorbell() = default;
  Doorbell(slc_token t, const slc_loop_api* api) : token_{t}, api_{api} {}
  explicit operator bool() const { return token_ != 0; }
  // SLC_ESTALE: its worker state has ended; nothing happens. [any]
  Status ring() const { return {token_ ? api_->signal(token_) : static_cast<slc_status>(SLC_ESTALE)}; }
  slc_token token() const { return token_; }

 private:
  slc_token token_ = 0;
  const slc_loop_api* api_ = nullptr;
};

// A worker's handle, for state kept per worker. [worker]
class Worker {
 public:
  Worker(slc_worker* w, const detail::Services* s) : worker_{w}, services_{s} {}
  uint32_t index() const { return services_->loop->worker_index(worker_); }
  uint32_t count() const { return services_->loop->worker_count(worker_); }
  std::chrono::milliseconds now() const { return std::chrono::milliseconds{services_->loop->now_ms(worker_)}; }
  // Runs fn(user) on this worker's thread, later. [any]
  Status post(void (*fn)(void*) noexcept, void* user) const { return {services_->loop->post(worker_, fn, user)}; }
  // A timer of the worker itself, for housekeeping. Cancel it in the destructor of the worker state. [worker]
  slc_token timer(std::chrono::milliseconds ms, slc_timer_fn fn, void* user) const {
    return services_->loop->timer(worker_, nullptr, static_cast<uint32_t>(ms.count()), fn, user);
  }
  Status cancel(slc_token t) const { return {services_->loop->cancel(worker_, t)}; }
  // fn(user) runs on this worker when somebody rings. Ends with the object (on this worker). [worker]
  Doorbell doorbell(void (*fn)(void*) noexcept, void* user) const {
    return {SLC_HAS(services_->loop, slc_loop_api, event) ? services_->loop->event(worker_, fn, user) : 0, services_->loop};
  }
  slc_worker* handle() const { return worker_; }
  const detail::Services& services() const { return *services_; }

 private:
  slc_worker* worker_;
  const detail::Services* services_;
};

// Writes log lines from wherever there is no exchange: from threads of the plugin's own, from a resolver's watch. A copyable
// handle, valid as long as the object whose constructor asked for it. [any]
class Logger {
 public:
  explicit Logger(const detail::Services& s) : services_{s} {}
  template <class... Parts>
  void operator()(Level level, const Parts&... parts) const {
    detail::write_log(services_, nullptr, level, parts...);
  }

 private:
  detail::Services services_;
};

// Metrics: defined in the constructor, changed on a worker without lock or atomic read-modify-write.
class Counter {
 public:
  Counter() = default;
  explicit Counter(slc_metric_id id) : id_{id} {}
  inline void add(const Exchange&, int64_t n = 1) const;  // in exchange.hpp
  void add(const Worker& w, int64_t n = 1) const { w.services().metrics->add(w.handle(), id_, n); }
  slc_metric_id id() const { return id_; }

 private:
  slc_metric_id id_ = 0;
};
// Goes up and down; its value is the sum over all workers.
class Gauge : public Counter {
 public:
  using Counter::Counter;
};
// Counts observations by size.
class Histogram {
 public:
  Histogram() = default;
  explicit Histogram(slc_metric_id id) : id_{id} {}
  inline void observe(const Exchange&, double) const;
  void observe(const Worker& w, double v) const { w.services().metrics->observe(w.handle(), id_, v); }
  slc_metric_id id() const { return id_; }

 private:
  slc_metric_id id_ = 0;
};

// Token buckets of the process: one limit for all workers, which also survives reloads.
class Limiter {
 public:
  Limiter() = default;
  Limiter(slc_limiter* l, const slc_shared_api* api) : limiter_{l}, api_{api} {}
  explicit operator bool() const { return limiter_ != nullptr; }
  // True: there was a token and it is taken. An empty client name means the one bucket without client. [any]
  bool take(std::string_view client = {}) const { return api_->take(limiter_, str(client)) == 1; }

 private:
  slc_limiter* limiter_ = nullptr;
  const slc_shared_api* api_ = nullptr;
};

// One configuration block while its object is being made. [load] A getter without a default reports the missing option; all
// of them report a wrong type, each problem at its JSON pointer, and return the default so that the constructor can go on:
// the object of a block with errors is never used.
class Setup {
 public:
  Setup(const detail::Services& s, slc_node config, slc_report* report) : Setup{s, Value{config, s.document}, report, {}, nullptr} {}

  // A copy reports to the block it was copied from.
  Setup(const Setup& o)
      : services_{o.services_}, value_{o.value_}, report_{o.report_}, pointer_{o.pointer_}, root_{const_cast<Setup&>(o).root()} {}
  Setup& operator=(const Setup&) = delete;

  // ---- options ----
  Value value() const { return value_; }  // the whole block
  Value value(std::string_view key) const { return value_[key]; }
  bool has(std::string_view key) const { return value_[key].present() && !value_[key].is_null(); }

  std::string text(std::string_view key) { return get(key, "a string", std::string{}, true, &as_text); }
  std::string text(std::string_view key, std::string_view otherwise) {
    return get(key, "a string", std::string{otherwise}, false, &as_text);
  }
  int64_t integer(std::string_view key) { return get(key, "an integer", int64_t{0}, true, &as_integer); }
  int64_t integer(std::string_view key, int64_t otherwise) { return get(key, "an integer", otherwise, false, &as_integer); }
  // With bounds, both included.
  int64_t integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) {
    const int64_t n = integer(key, otherwise);
    if (n >= least && n <= most) return n;
    std::string message = "must be from ";
    detail::append_text(message, least);
    message += " to ";
    detail::append_text(message, most);
    error(key, message);
    return otherwise;
  }
  double number(std::string_view key) { return get(key, "a number", 0.0, true, &as_number); }
  double number(std::string_view key, double otherwise) { return get(key, "a number", otherwise, false, &as_number); }
  bool boolean(std::string_view key, bool otherwise) { return get(key, "true or false", otherwise, false, &as_boolean); }
  std::chrono::nanoseconds duration(std::string_view key) {
    return get(key, "a duration such as \"300ms\" or \"1h30m\"", std::chrono::nanoseconds{0}, true, &as_duration);
  }
  std::chrono::nanoseconds duration(std::string_view key, std::chrono::nanoseconds otherwise) {
    return get(key, "a duration such as \"300ms\" or \"1h30m\"", otherwise, false, &as_duration);
  }
  // A list of strings; absent: empty.
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> out;
    each(key, [&](Setup item) {
      if (item.value().is_string()) out.emplace_back(item.value().text());
      else item.error("", item.expected("a string", item.value()));
    });
    return out;
  }
  // The block inside a block, with its own pointers; absent options inside an absent object are just absent.
  Setup object(std::string_view key) {
    const Value v = value_[key];
    if (v.present() && !v.is_null() && !v.is_object()) error(key, expected("an object", v));
    return Setup{*services_, v.is_object() ? v : Value{}, report_, pointer(key), root()};
  }
  // f(Setup) for each element of a list, or f(key, Setup) for each member of an object.
  template <class F>
  void each(std::string_view key, F&& f) {
    const Value v = value_[key];
    constexpr bool members = std::is_invocable_v<F&, std::string_view, Setup>;
    if (!v.present() || v.is_null()) return;
    if (members ? !v.is_object() : !v.is_array()) return error(key, expected(members ? "an object" : "a list", v));
    const std::string base = pointer(key);
    const uint32_t n = v.size();
    for (uint32_t i = 0; i < n; ++i) {
      std::string_view name;
      const Value item = v.at(i, &name);
      std::string where = base + '/';
      if constexpr (members) {
        append_escaped(where, name);
        f(name, Setup{*services_, item, report_, std::move(where), root()});
      } else {
        detail::append_text(where, i);
        f(Setup{*services_, item, report_, std::move(where), root()});
      }
    }
  }

  // ---- problems ----
  // key "" means the block itself. Any error refuses the configuration; a warning does not.
  void error(std::string_view key, std::string_view message) {
    ++*errors();
    services_->config->error(report_, str(pointer(key)), str(message));
  }
  void warning(std::string_view key, std::string_view message) {
    services_->config->warning(report_, str(pointer(key)), str(message));
  }
  bool ok() const { return *const_cast<Setup*>(this)->errors() == 0; }
  // This block asks for nothing: the object is thrown away and no stage is made.
  void nothing() { root()->nothing_ = true; }
  bool asks_for_nothing() const { return const_cast<Setup*>(this)->root()->nothing_; }

  // ---- where the block stands ----
  std::string_view place() const { return report_ ? view(services_->config->place(report_)) : std::string_view{}; }
  std::string_view location() const { return report_ ? view(services_->config->location(report_)) : std::string_view{}; }
  uint32_t scope() const { return report_ ? static_cast<uint32_t>(services_->config->scope(report_)) : 0; }
  // A name of this block that stays the same when a reload moves its endpoint to another position of the file: for shared()
  // and limiter(). Methods, path and conditions of an endpoint are unique in a configuration, and so is what is below them.
  std::string unique_key() const {
    const std::string_view where = location();
    const Value endpoint = surrounding(SLC_AT_ENDPOINT);
    constexpr std::string_view list = "/endpoints/";
    if (!endpoint.is_object() || where.substr(0, list.size()) != list) return std::string{where};
    std::string out;
    const Value method = endpoint["method"];
    if (!method.is_array()) out.append(method.text());
    else
      for (uint32_t i = 0, n = method.size(); i < n; ++i) {
        if (!out.empty()) out += ',';
        out.append(method.at(i).text());
      }
    if (out.empty()) out = "GET";
    out += ' ';
    out.append(endpoint["endpoint"].text());
    if (const Value match = endpoint["match"]; match.is_object()) {
      out += ' ';
      append_value(out, match);
    }
    const size_t rest = where.find('/', list.size());
    if (rest != std::string_view::npos) out.append(where.substr(rest));
    return out;
  }
  Value surrounding(uint32_t at) const {
    return Value{services_->config->surrounding(report_, static_cast<int32_t>(at)), services_->document};
  }

  // ---- resources ----
  Header header(std::string_view name) { return services_->exchange->intern(services_->host, str(name)); }
  // The header that an option names.
  Header header_option(std::string_view key, std::string_view otherwise) {
    const std::string name = text(key, otherwise);
    const Header id = header(name);
    if (id == 0) error(key, "is not a header name");
    return id;
  }
  Counter counter(std::string_view name, std::string_view help) {
    return Counter{services_->metrics->counter(services_->host, str(name), str(help))};
  }
  Gauge gauge(std::string_view name, std::string_view help) {
    return Gauge{services_->metrics->gauge(services_->host, str(name), str(help))};
  }
  Histogram histogram(std::string_view name, std::string_view help, std::span<const double> bounds) {
    return Histogram{services_->metrics->histogram(services_->host, str(name), str(help), bounds.data(),
                                                   static_cast<uint32_t>(bounds.size()))};
  }
  // A block of memory that all workers, and the generations after this one, share under `key`; zeroed when new. T must make
  // sense as zeroes and hold no pointers. nullptr (and an error): the key is in use with another size.
  template <class T>
  T* shared(std::string_view key) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 64, "shared blocks are bytes of the host");
    T* block = static_cast<T*>(services_->shared->block(services_->host, str(key), sizeof(T)));
    if (!block) error("", "shared memory of this name is in use with another size");
    return block;
  }
  Limiter limiter(std::string_view key, double per_second, double capacity, std::chrono::milliseconds idle) {
    return Limiter{services_->shared->limiter(services_->host, str(key), per_second, capacity, static_cast<uint64_t>(idle.count())),
                   services_->shared};
  }
  // The plugin's store; `bytes` bounds its memory (0: as it is, 64 MiB at first).
  Store store(uint64_t bytes = 0) {
    if (!services_->store) return error("", "the gateway has no store (sluice.store/1)"), Store{};
    if (bytes != 0) services_->store->limit(services_->host, bytes);
    return {services_->host, services_->store};
  }
  Background background() { return Background{*services_}; }
  template <class... Parts>
  void log(Level level, const Parts&... parts) const {
    detail::write_log(*services_, nullptr, level, parts...);
  }
  Logger logger() const { return Logger{*services_}; }
  const detail::Services& services() const { return *services_; }

  // "expected a string, found a number"
  static std::string expected(std::string_view what, Value found) {
    constexpr const char* names[] = {"null", "true or false", "a number", "a string", "a list", "an object"};
    const int32_t kind = found.kind();
    std::string out = "expected ";
    out.append(what);
    out += ", found ";
    out += kind >= 0 && kind < 6 ? names[kind] : "something else";
    return out;
  }

 private:
  Setup(const detail::Services& s, Value v, slc_report* r, std::string pointer, Setup* root)
      : services_{&s}, value_{v}, report_{r}, pointer_{std::move(pointer)}, root_{root} {}

  Setup* root() { return root_ ? root_ : this; }
  int* errors() { return &root()->errors_; }

  static void append_escaped(std::string& out, std::string_view key) {  // RFC 6901 §3
    for (const char c : key) {
      if (c == '~') out += "~0";
      else if (c == '/') out += "~1";
      else out += c;
    }
  }
  // Texts, lists and objects of the configuration so that different ones read differently.
  static void append_value(std::string& out, Value v) {
    if (v.is_array() || v.is_object()) {
      out += v.is_array() ? '[' : '{';
      for (uint32_t i = 0, n = v.size(); i < n; ++i) {
        std::string_view name;
        const Value item = v.at(i, &name);
        if (i > 0) out += ',';
        if (v.is_object()) append_quoted(out, name), out += ':';
        append_value(out, item);
      }
      out += v.is_array() ? ']' : '}';
    } else {
      append_quoted(out, v.text());
    }
  }
  static void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  std::string pointer(std::string_view key) const {
    std::string out = pointer_;
    if (key.empty()) return out;
    out += '/';
    append_escaped(out, key);
    return out;
  }

  template <class T>
  T get(std::string_view key, std::string_view what, T otherwise, bool required, bool (*read)(Value, T&)) {
    const Value v = value_[key];
    if (!v.present() || v.is_null()) {
      if (required) error(key, std::string{what} + " is required");
      return otherwise;
    }
    T out{};
    if (read(v, out)) return out;
    if (std::is_same_v<T, std::chrono::nanoseconds> && v.is_string()) {
      error(key, '"' + std::string{v.text()} + "\" is not " + std::string{what});
    } else {
      error(key, expected(what, v));
    }
    return otherwise;
  }
  static bool as_text(Value v, std::string& out) {
    if (!v.is_string()) return false;
    out = v.text();
    return true;
  }
  static bool as_integer(Value v, int64_t& out) {
    const auto n = v.is_number() ? v.as_int() : std::nullopt;
    return n ? (out = *n, true) : false;
  }
  static bool as_number(Value v, double& out) {
    const auto n = v.is_number() ? v.as_double() : std::nullopt;
    return n ? (out = *n, true) : false;
  }
  static bool as_boolean(Value v, bool& out) {
    const auto n = v.is_bool() ? v.as_bool() : std::nullopt;
    return n ? (out = *n, true) : false;
  }
  static bool as_duration(Value v, std::chrono::nanoseconds& out) {
    return v.is_string() && detail::parse_duration(v.text(), out);
  }

  const detail::Services* services_;
  Value value_;
  slc_report* report_;
  std::string pointer_;
  Setup* root_;
  int errors_ = 0;
  bool nothing_ = false;
};

}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif

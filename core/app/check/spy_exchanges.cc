// Exchanges as the checked plugin sees them: it gets a stand-in for each, whose address is never used again, so that one that is kept
// for longer than the exchange lives is noticed instead of leading to whatever stands there by then. Every function that takes an
// exchange translates: here those of sluice.exchange/1 and sluice.log/1, the others where they are spied on.
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/app/check/spy_book.h"
#include "core/plugin/interpose.h"

namespace sluice::app::check::spy {
namespace {

const slc_exchange_api* exchange_service = nullptr;  // the gateway's own
const slc_log_api* log_service = nullptr;

// A function that is added to one of these tables is passed on as it is, with a stand-in if it takes an exchange: look there first.
template <class T>
constexpr size_t kFunctions = sizeof(T) / sizeof(void*) - 1;
static_assert(kFunctions<slc_exchange_api> == 24 && kFunctions<slc_log_api> == 2 && kFunctions<slc_loop_api> == 12 &&
              kFunctions<slc_stream_api> == 7 && kFunctions<slc_next_api> == 3 && kFunctions<slc_store_api> == 7 &&
              kFunctions<slc_work_api> == 3 && kFunctions<slc_dns_api> == 2);

// ---- stand-ins ----

// What the plugin's pointer leads to.
struct Shown {
  slc_exchange* real;
  const Bound* bound;              // that got it first
  std::atomic<bool> over{false};
};
struct Lent {
  Shown* shown = nullptr;
  std::vector<const Held*> to;  // whose end of it has not come yet
};
constexpr size_t kMost = size_t{1} << 20;  // later ones are handed out as they are, and not watched
struct Exchanges {
  std::mutex mutex;
  std::unordered_map<const slc_exchange*, Lent> now;
  Shown* all = nullptr;  // not of malloc, whose growth is looked at; stays
  size_t used = 0;
  Exchanges() {
    void* at = ::mmap(nullptr, kMost * sizeof(Shown), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at != MAP_FAILED) all = static_cast<Shown*>(at);
    else used = kMost;
  }
};
Exchanges& exchanges() {
  static auto* e = new Exchanges;
  return *e;
}

// nullptr: it is none, but nothing, or a pointer of the plugin's invention.
Shown* shown_of(slc_exchange* x) {
  Shown* all = exchanges().all;
  auto* s = reinterpret_cast<Shown*>(x);
  return all && !std::less<>{}(s, all) && std::less<>{}(s, all + kMost) ? s : nullptr;
}

// It has gone, whether or not anybody was told.
void gone_for_good(const slc_exchange* x) noexcept {
  Exchanges& e = exchanges();
  const std::lock_guard lock{e.mutex};
  const auto it = e.now.find(x);
  if (it == e.now.end()) return;
  it->second.shown->over.store(true, std::memory_order_release);
  e.now.erase(it);
}

// ---- functions that need nothing but the exchange itself in place of its stand-in ----

template <size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&t)[N]) { std::copy_n(t, N, text); }
};
// `gone`: what a function that answers a number answers of an exchange that is over; the others answer what is absent.
template <auto function, Name name, int32_t gone, class = decltype(function)>
struct Passed;
template <auto function, Name name, int32_t gone, class R, class... A>
struct Passed<function, name, gone, R (*slc_exchange_api::*)(slc_exchange*, A...) noexcept> {
  static R call(slc_exchange* x, A... a) noexcept {
    if (own(x, name.text)) return (exchange_service->*function)(x, a...);
    if constexpr (std::is_same_v<R, int32_t>) return gone;
    else if constexpr (!std::is_void_v<R>) return R{};
  }
};
template <auto function, Name name, int32_t gone = 0>
constexpr auto* passed = &Passed<function, name, gone>::call;

// ---- sluice.exchange/1 ----

slc_status set_header(slc_exchange* x, int32_t side, slc_header_id id, slc_str v) noexcept {
  on_worker("set_header");
  if (!own(x, "set_header")) return SLC_ESTALE;
  if (refused()) return SLC_ENOMEM;
  const slc_status s = exchange_service->set_header(x, side, id, v);
  if (s == SLC_EINVAL)
    note(Rule::header, std::string{inside.hook ? inside.hook : "a callback"} + " of " + name_of(inside.bound, where_now()) +
                           " set a header that is refused (no name, or line breaks in the value)");
  return s;
}
slc_status add_header(slc_exchange* x, int32_t side, slc_header_id id, slc_str v) noexcept {
  on_worker("add_header");
  if (!own(x, "add_header")) return SLC_ESTALE;
  return refused() ? slc_status{SLC_ENOMEM} : exchange_service->add_header(x, side, id, v);
}
slc_str header(slc_exchange* x, int32_t side, slc_header_id id, uint32_t nth) noexcept {
  on_worker("header");
  return own(x, "header") ? exchange_service->header(x, side, id, nth) : slc_str{nullptr, 0};
}
slc_status set_field(slc_exchange* x, int32_t which, slc_str v) noexcept {
  on_worker("set_field");
  if (!own(x, "set_field")) return SLC_ESTALE;
  return refused() ? slc_status{SLC_ENOMEM} : exchange_service->set_field(x, which, v);
}
slc_status set_param(slc_exchange* x, slc_str name, slc_str v) noexcept {
  on_worker("set_param");
  if (!own(x, "set_param")) return SLC_ESTALE;
  return refused() ? slc_status{SLC_ENOMEM} : exchange_service->set_param(x, name, v);
}
slc_status set_body(slc_exchange* x, int32_t side, slc_str v) noexcept {
  on_worker("set_body");
  if (!own(x, "set_body")) return SLC_ESTALE;
  return refused() ? slc_status{SLC_ENOMEM} : exchange_service->set_body(x, side, v);
}
slc_status append_body(slc_exchange* x, slc_str v, int32_t stable) noexcept {
  on_worker("append_body");
  if (!own(x, "append_body")) return SLC_ESTALE;
  return refused() ? slc_status{SLC_ENOMEM} : exchange_service->append_body(x, v, stable);
}
slc_node data(slc_exchange* x) noexcept {
  return own(x, "data") ? lend(exchange_service->data(x), x, inside.bound) : slc_node{nullptr, 0};
}
void* alloc(slc_exchange* x, size_t size, size_t align) noexcept {
  on_worker("alloc");
  if (!own(x, "alloc") || refused()) return nullptr;
  // Where the host's answer depends on the size itself, it gets that.
  if (!on_loop || size > kLargestGuarded) return exchange_service->alloc(x, size, align);
  void* at = exchange_service->alloc(x, size + kRedZone, align);
  if (at) guard(static_cast<unsigned char*>(at) + size);
  return at;
}

// ---- sluice.log/1 ----

void write(const slc_host* host, slc_exchange* x, int32_t level, slc_str text) noexcept {
  if (!own(x, "write (sluice.log/1)")) x = nullptr;
  log_service->write(host, x, level, text);
}

}  // namespace

slc_exchange* lend(slc_exchange* x, const Held* to) {
  if (!x) return x;
  Exchanges& e = exchanges();
  const std::lock_guard lock{e.mutex};
  auto it = e.now.find(x);
  if (it == e.now.end()) {
    if (e.used == kMost) return x;
    it = e.now.emplace(x, Lent{new (&e.all[e.used++]) Shown{x, to ? to->bound : nullptr}, {}}).first;
  }
  auto& all = it->second.to;
  if (std::find(all.begin(), all.end(), to) == all.end()) all.push_back(to);
  return reinterpret_cast<slc_exchange*>(it->second.shown);
}

bool own(slc_exchange*& x, const char* function) {
  const Shown* s = shown_of(x);
  if (!s) return true;
  if (!s->over.load(std::memory_order_acquire)) {
    x = s->real;
    return true;
  }
  const Bound* b = inside.bound ? inside.bound : s->bound;
  const std::string who = std::string{inside.hook ? inside.hook : "a thread"} + " of " + name_of(b, where_now());
  const char* service = std::strchr(function, '/') ? "" : " (sluice.exchange/1)";
  note(Rule::exchange, who + " gave " + function + service + " an exchange that was over", who);
  return false;
}

void exchange_done(const slc_exchange* x, const Held* of) {
  Exchanges& e = exchanges();
  const std::lock_guard lock{e.mutex};
  const auto it = e.now.find(x);
  if (it == e.now.end()) return;
  std::erase(it->second.to, of);
  if (!it->second.to.empty()) return;
  it->second.shown->over.store(true, std::memory_order_release);
  e.now.erase(it);
}

const void* log_table(const void* real) {
  static slc_log_api t;
  if (!log_service) {
    log_service = static_cast<const slc_log_api*>(real);
    std::memcpy(&t, real, sizeof t);
    t.write = write;
  }
  return &t;
}

const void* exchange_table(const void* real) {
  using Api = slc_exchange_api;
  static Api t;
  if (exchange_service) return &t;
  plugin::exchange_ended = gone_for_good;
  exchange_service = static_cast<const Api*>(real);
  std::memcpy(&t, real, sizeof t);
  t.set_header = set_header, t.add_header = add_header, t.header = header, t.set_field = set_field, t.set_param = set_param;
  t.set_body = set_body, t.append_body = append_body, t.data = data, t.alloc = alloc;
  t.header_at = passed<&Api::header_at, "header_at", SLC_ESTALE>;
  t.remove_header = passed<&Api::remove_header, "remove_header", SLC_ESTALE>;
  t.field = passed<&Api::field, "field">;
  t.param = passed<&Api::param, "param">;
  t.status = passed<&Api::status, "status">;
  t.set_status = passed<&Api::set_status, "set_status", SLC_ESTALE>;
  t.body = passed<&Api::body, "body">;
  t.replace_data = passed<&Api::replace_data, "replace_data">;
  t.complete = passed<&Api::complete, "complete">;
  t.set_complete = passed<&Api::set_complete, "set_complete", SLC_ESTALE>;
  t.fail = passed<&Api::fail, "fail">;
  t.outcome = passed<&Api::outcome, "outcome", SLC_ESTALE>;
  t.scope = passed<&Api::scope, "scope">;
  t.worker = passed<&Api::worker, "worker">;
  return &t;
}

}  // namespace sluice::app::check::spy

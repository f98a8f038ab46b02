#include "core/plugin/isolate/description.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/plugin/isolate/wire.h"
#include "core/plugin/module.h"

namespace sluice::plugin::isolate {
namespace {

// Fields of the tables behind `size` and `life`. What is added to one in sluice/plugin.h has to be entered here.
constexpr size_t kNone = 0;
struct Fields {
  std::string_view kind;
  size_t size;      // as this gateway knows it
  size_t constant;  // an slc_str; kNone: has none
  size_t functions[6];  // kNone: no more
  uint32_t count() const { return static_cast<uint32_t>(std::find(std::begin(functions), std::end(functions), kNone) - functions); }
};
const Fields kTables[] = {
    {SLC_IFACE_MIDDLEWARE, sizeof(slc_middleware), kNone,
     {offsetof(slc_middleware, on_request), offsetof(slc_middleware, on_raw_response), offsetof(slc_middleware, on_response),
      offsetof(slc_middleware, on_done), offsetof(slc_middleware, on_request_chunk), offsetof(slc_middleware, on_response_chunk)}},
    {SLC_IFACE_AROUND, sizeof(slc_around), kNone, {offsetof(slc_around, on_call), offsetof(slc_around, on_done)}},
    {SLC_IFACE_TRANSPORT, sizeof(slc_transport), kNone,
     {offsetof(slc_transport, send), offsetof(slc_transport, cancel), offsetof(slc_transport, on_request_chunk), offsetof(slc_transport, on_room)}},
    {SLC_IFACE_LOG_SINK, sizeof(slc_log_sink), kNone,
     {offsetof(slc_log_sink, level), offsetof(slc_log_sink, write), offsetof(slc_log_sink, flush)}},
    {SLC_IFACE_SELECTOR, sizeof(slc_selector), kNone, {offsetof(slc_selector, select)}},
    {SLC_IFACE_DECODER, sizeof(slc_decoder), offsetof(slc_decoder, format), {offsetof(slc_decoder, decode), offsetof(slc_decoder, expand)}},
    {SLC_IFACE_ENCODER, sizeof(slc_encoder), offsetof(slc_encoder, content_type), {offsetof(slc_encoder, encode)}},
    {SLC_IFACE_RESOLVER, sizeof(slc_resolver), kNone, {offsetof(slc_resolver, watch), offsetof(slc_resolver, unwatch)}},
    {SLC_IFACE_BALANCER, sizeof(slc_balancer), kNone, {offsetof(slc_balancer, pick)}},
};
const Fields kLife{"", sizeof(slc_lifecycle), kNone,
                   {offsetof(slc_lifecycle, create), offsetof(slc_lifecycle, destroy), offsetof(slc_lifecycle, worker_start),
                    offsetof(slc_lifecycle, worker_stop), offsetof(slc_lifecycle, export_state), offsetof(slc_lifecycle, import_state)}};
constexpr size_t kWord = sizeof(void*), kHead = 2 * kWord;
static_assert(sizeof(slc_middleware) == kHead + 6 * kWord && sizeof(slc_around) == kHead + 2 * kWord);
static_assert(sizeof(slc_transport) == kHead + 4 * kWord && sizeof(slc_log_sink) == kHead + 3 * kWord);
static_assert(sizeof(slc_selector) == kHead + kWord && sizeof(slc_resolver) == kHead + 2 * kWord);
static_assert(sizeof(slc_balancer) == kHead + kWord && sizeof(slc_decoder) == kHead + sizeof(slc_str) + 2 * kWord);
static_assert(sizeof(slc_encoder) == kHead + sizeof(slc_str) + kWord && sizeof(slc_lifecycle) == kWord + 6 * kWord);
static_assert(sizeof(slc_entry) == 88 && sizeof(slc_binding) == 48);

const Fields* fields_of(std::string_view kind) {
  if (kind == "sluice.selector/1.draft") kind = SLC_IFACE_SELECTOR;
  for (const Fields& f : kTables)
    if (f.kind == kind) return &f;
  return nullptr;
}

// In the place of every function of the file.
[[noreturn]] void not_here() noexcept {
  std::fputs("sluice: a function of an isolated plugin was called in the gateway\n", stderr);
  std::abort();
}
template <class F>
void mark(F** field) {
  void (*at)() noexcept = &not_here;
  static_assert(sizeof *field == sizeof at);
  std::memcpy(field, &at, sizeof at);
}

// ---- writing ----

void text_or_none(Writer& w, const char* text) {
  w.u8(text != nullptr);
  if (text) w.text(text);
}

void list(Writer& w, const char* const* texts) {
  uint32_t n = 0;
  for (const char* const* t = texts; t && *t; ++t) ++n;
  w.u8(texts != nullptr);
  w.u32(n);
  for (uint32_t i = 0; i < n; ++i) w.text(texts[i]);
}

// Size, functions and constant of a table or a life cycle, of which `size` bytes are there.
void table(Writer& w, const Fields& f, const void* at, size_t size) {
  auto* bytes = static_cast<const char*>(at);
  size = std::min(size, f.size);
  w.u32(static_cast<uint32_t>(size));
  uint32_t there = 0, bit = 1;
  for (uint32_t i = 0; i < f.count(); ++i) {
    const size_t offset = f.functions[i];
    void* function = nullptr;
    if (offset + kWord <= size) std::memcpy(&function, bytes + offset, kWord);
    if (function) there |= bit;
    bit <<= 1;
  }
  w.u32(there);
  if (f.constant == kNone) return;
  slc_str s;
  std::memcpy(&s, bytes + f.constant, sizeof s);
  w.u8(s.ptr != nullptr);
  if (s.ptr) w.text({s.ptr, s.len});
}

}  // namespace

std::string describe(const Module& m) {
  const slc_entry& e = m.entry();
  std::string out;
  Writer w{out};
  w.number(e.abi_major), w.number(e.abi_minor), w.u32(e.flags);
  w.text(e.id), w.text(e.version);
  text_or_none(w, e.built_with);
  list(w, e.required_services);
  w.u8(e.load != nullptr), w.u8(e.unload != nullptr);
  w.u32(static_cast<uint32_t>(m.offers().size()));
  for (const Module::Offer& o : m.offers()) {
    const slc_binding& b = *o.spec;
    w.text(b.name), w.text(b.interface_id);
    w.u32(b.scopes), w.i32(b.stage), w.u64(b.flags);
    text_or_none(w, b.schema);
    list(w, b.aliases);
    uint32_t size;
    std::memcpy(&size, o.table, sizeof size);
    table(w, *fields_of(b.interface_id), o.table, size);
    w.u8(o.life != nullptr);
    if (o.life) table(w, kLife, o.life, o.life->size);
  }
  return out;
}

// ---- reading ----

class DescriptionReader {
 public:
  DescriptionReader(std::string_view bytes, Description& d) : r_{bytes}, d_{d} {}
  bool read() {
    slc_entry& e = d_.entry_;
    e.magic = SLC_ABI_MAGIC, e.size = sizeof e;
    e.abi_major = r_.number<uint16_t>(), e.abi_minor = r_.number<uint16_t>(), e.flags = r_.u32();
    e.id = text(), e.version = text(), e.built_with = flag() ? text() : nullptr;
    e.required_services = list();
    if (flag()) mark(&e.load);
    if (flag()) mark(&e.unload);
    mark(&e.get_interface);
    const uint32_t n = r_.count(kLeastBinding);
    if (n > kMostBindings) return false;
    d_.bindings_.resize(n), d_.tables_.resize(n);
    for (uint32_t i = 0; i < n && r_.ok(); ++i) binding(d_.bindings_[i], d_.tables_[i].words);
    e.bindings = d_.bindings_.data(), e.binding_count = n, e.binding_size = sizeof(slc_binding);
    return r_.at_end();
  }

 private:
  static constexpr size_t kLeastBinding = 39;  // a binding without a name takes so many bytes
  static constexpr uint32_t kMostBindings = 4096;  // as the loader allows

  bool flag() {
    const uint8_t v = r_.u8();
    if (v > 1) r_.fail();
    return v == 1;
  }
  // Ends with a NUL, and holds none.
  const char* text() {
    std::string_view t = r_.text();
    if (t.find('\0') != t.npos) r_.fail();
    return d_.texts_.emplace_back(t).c_str();
  }
  const char* const* list() {
    const bool there = flag();
    const uint32_t n = r_.count(4);
    if (!there) {
      if (n) r_.fail();
      return nullptr;
    }
    auto& all = d_.lists_.emplace_back();
    for (uint32_t i = 0; i < n && r_.ok(); ++i) all.push_back(text());
    all.push_back(nullptr);
    return all.data();
  }
  void table(const Fields& f, char* at) {
    const uint32_t size = r_.u32(), there = r_.u32();
    if (size > f.size || there >> f.count()) return r_.fail();
    std::memcpy(at, &size, sizeof size);
    uint32_t bit = 1;
    for (uint32_t i = 0; i < f.count(); ++i) {
      const size_t offset = f.functions[i];
      if ((there & bit) && offset + kWord > size) return r_.fail();
      void (*function)() noexcept = nullptr;
      if (there & bit) mark(&function);
      std::memcpy(at + offset, &function, sizeof function);
      bit <<= 1;
    }
    if (f.constant == kNone || !flag()) return;
    std::string_view bytes = r_.text();
    const std::string& kept = d_.texts_.emplace_back(bytes);
    const slc_str s{kept.data(), kept.size()};
    std::memcpy(at + f.constant, &s, sizeof s);
  }
  void binding(slc_binding& b, char* words) {
    b.name = text(), b.interface_id = text();
    b.scopes = r_.u32(), b.stage = r_.i32(), b.flags = r_.u64();
    b.schema = flag() ? text() : nullptr;
    b.aliases = list();
    const Fields* f = fields_of(b.interface_id);
    if (!f) return r_.fail();
    table(*f, words);
    if (!flag()) return;
    slc_lifecycle& life = d_.lives_.emplace_back();
    table(kLife, reinterpret_cast<char*>(&life));
    const slc_lifecycle* at = &life;
    std::memcpy(words + offsetof(slc_middleware, life), &at, sizeof at);
  }

  Reader r_;
  Description& d_;
};

Result<std::shared_ptr<const Description>, Problem> Description::parse(std::string_view bytes) {
  static_assert(sizeof(slc_middleware) <= sizeof(Table::words) && sizeof(slc_decoder) <= sizeof(Table::words));
  if (bytes.size() > kMostDescription) return Problem{"its description is longer than " + std::to_string(kMostDescription >> 20) + " MiB"};
  auto d = std::make_shared<Description>();
  if (!DescriptionReader{bytes, *d}.read()) return Problem{"its description makes no sense"};
  return std::shared_ptr<const Description>{std::move(d)};
}

}  // namespace sluice::plugin::isolate

// A plugin that calls the host's services in any order, with any arguments: the input is a program of such calls on a few exchanges,
// their tokens and the nodes of their documents, beside a small model of what must hold. Nothing crashes; what has ended never calls
// back, and everything else at most once and never from inside a call; a token is good once; what is refused has no effect; views that
// are passed in are copied (they are freed behind the call, where a sanitizer sees who kept one).
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "tests/unit/plugin/fake.h"

namespace {

using namespace sluice;
using namespace sluice::plugin;
using testing::FakeExchange;
using testing::FakeWorker;
using testing::kTestHost;

void check(bool ok) {
  if (!ok) std::abort();
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_{reinterpret_cast<const char*>(data), size} {}
  bool more() const { return !rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto b = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return b;
  }
  uint64_t number() {
    uint64_t n = 0;
    for (int i = 0; i < 8; ++i) n = n << 8 | byte();
    return n;
  }
  std::string_view text() {
    const size_t length = byte() % 24;
    const std::string_view t = rest_.substr(0, length);
    rest_.remove_prefix(t.size());
    return t;
  }

 private:
  std::string_view rest_;
};

// An argument that is gone when the call has returned.
class Passing {
 public:
  explicit Passing(Input& in) {
    const std::string_view t = in.text();
    if (t == "\xff") {  // what nobody should pass: absent, with a length
      s = {nullptr, 7};
      return;
    }
    memory_ = std::make_unique<char[]>(t.size() + !t.size());
    if (!t.empty()) std::memcpy(memory_.get(), t.data(), t.size());
    s = {memory_.get(), t.size()};
  }
  slc_str s;

 private:
  std::unique_ptr<char[]> memory_;
};

constexpr int kExchanges = 4;
constexpr int32_t kScopes[] = {SLC_AT_SERVICE, SLC_AT_ENDPOINT, SLC_AT_PROXY, SLC_AT_BACKEND};

FakeWorker& worker() {
  static auto* w = new FakeWorker;
  return *w;
}

class Machine;
bool inside_call = false;  // a callback now would be one from inside the call

// A timer, event or posted function that was started.
struct Started {
  Machine* machine;
  int exchange;        // -1: without one
  uint64_t life = 0;   // of the exchange's slot
  slc_token token = 0;
  bool repeats = false;  // an event
  bool over = false;     // fired, cancelled, or ended with its owner
};

class Machine {
 public:
  explicit Machine(Input& in) : in_{in} {}
  ~Machine() {
    for (int i = 0; i < kExchanges; ++i) end(i);
    for (Started& s : started_)
      if (!s.over && s.token) check(kLoopService.cancel(worker().worker.get(), s.token) == SLC_OK), s.over = true;
    while (posted_) worker().turn();
    worker().turn();
  }

  void step() {
    const uint8_t op = in_.byte();
    const int i = in_.byte() % kExchanges;
    switch (op % 16) {
      case 0: return begin(i);
      case 1: return end(i);
      case 2: return worker().turn();
      case 3: return signal_or_cancel();
      case 4: return resume();
      case 5: return start(i);
      case 6: return store();
      default: break;
    }
    if (!slots_[i].x) begin(i);
    Slot& slot = slots_[i];
    slc_exchange& x = *slot.x->x;
    inside_call = true;
    switch (op % 16) {
      case 7: suspend(slot); break;
      case 8:
      case 9: headers(x); break;
      case 10: fields(x); break;
      case 11: bodies(x); break;
      case 12: memory(x); break;
      case 13: build(slot); break;
      case 14:
      case 15: read(slot); break;
      default: break;
    }
    inside_call = false;
    sound(x);
  }

  static void fired(void* user, slc_exchange* x) noexcept {
    auto* s = static_cast<Started*>(user);
    check(!inside_call && !s->over);
    const Slot* slot = s->exchange < 0 ? nullptr : &s->machine->slots_[s->exchange];
    check(x == (slot && slot->x && slot->life == s->life ? slot->x->x.get() : nullptr));
    s->over = !s->repeats;
  }
  static void rung(void* user) noexcept { fired(user, nullptr); }
  static void came(void* user) noexcept {
    auto* s = static_cast<Started*>(user);
    --s->machine->posted_;
    fired(user, nullptr);
  }

 private:
  struct Slot {
    std::unique_ptr<FakeExchange> x;
    uint64_t life = 0;
    slc_token token = 0;           // of the suspension; 0: none that is good
    slc_builder* builder = nullptr;
    std::vector<slc_node> nodes;
  };

  void begin(int i) {
    end(i);
    Slot& slot = slots_[i];
    ++slot.life;
    slot.x = std::make_unique<FakeExchange>(worker(), kScopes[in_.byte() % 4]);
    slc_exchange& x = *slot.x->x;
    x.request.method = "GET", x.request.path = "/p";
    slot.x->params.push({"id", "7"});
  }
  void end(int i) {
    Slot& slot = slots_[i];
    if (!slot.x) return;
    if (slot.builder) finish_building(*slot.x->x);
    slot.x.reset();
    for (Started& s : started_)
      if (s.exchange == i && s.life == slot.life) s.over = true;
    if (slot.token) stale_.push_back(slot.token);
    slot.token = 0, slot.builder = nullptr, slot.nodes.clear();
  }

  // ---- tokens ----

  void suspend(Slot& slot) {
    if (slot.token) stale_.push_back(slot.token);  // one at a time: the former is stale
    slot.token = kLoopService.suspend(*slot.x);
    check(slot.token != 0);
  }
  void resume() {
    static constexpr slc_action kActions[] = {SLC_NEXT, SLC_REPLY, SLC_FAIL, SLC_TAKE, SLC_AGAIN, SLC_PENDING, 4711};
    const slc_action action = kActions[in_.byte() % 7];
    const uint8_t which = in_.byte();
    if (Slot& slot = slots_[which % kExchanges]; which < 128 && slot.token) {
      const slc_token token = std::exchange(slot.token, 0);
      check(kLoopService.resume(token, action) == SLC_OK);
      stale_.push_back(token);
    } else {
      check(kLoopService.resume(stale(), action) == SLC_ESTALE);
    }
  }
  // One that was good once, or never.
  slc_token stale() {
    const uint8_t which = in_.byte();
    if (!stale_.empty() && which % 2) return stale_[which / 2 % stale_.size()];
    const slc_token invented = in_.number();
    for (const Slot& s : slots_)
      if (s.token == invented) return 0;
    for (const Started& s : started_)
      if (s.token == invented) return 0;
    return invented;
  }
  void start(int i) {
    if (started_.size() > 200) return;
    const uint8_t how = in_.byte();
    Slot& slot = slots_[i];
    Started& s = started_.emplace_back(Started{this, -1});
    slc_worker* w = worker().worker.get();
    inside_call = true;
    switch (how % 4) {
      case 0:
        if (slot.x) {
          s.exchange = i, s.life = slot.life;
          s.token = kLoopService.timer(how & 4 ? w : nullptr, *slot.x, how >> 4, fired, &s);
          break;
        }
        [[fallthrough]];
      case 1: s.token = kLoopService.timer(w, nullptr, how >> 4, fired, &s); break;
      case 2:
        s.repeats = true;
        s.token = kLoopService.event(w, rung, &s);
        break;
      case 3:
        ++posted_;
        check(kLoopService.post(w, came, &s) == SLC_OK);
        break;
    }
    inside_call = false;
    check(s.token != 0 || how % 4 == 3);
    check(kLoopService.timer(nullptr, nullptr, 1, fired, &s) == 0);
    check(kLoopService.event(w, nullptr, &s) == 0);
  }
  void signal_or_cancel() {
    const uint8_t how = in_.byte();
    slc_worker* w = worker().worker.get();
    inside_call = true;
    if (how % 4 == 3 || started_.empty()) {
      const slc_token token = stale();
      check(kLoopService.cancel(w, token) == SLC_ESTALE);
      check(kLoopService.signal(token) == SLC_ESTALE);
    } else {
      auto it = started_.begin();
      std::advance(it, in_.byte() % started_.size());
      if (how % 4 == 0) {
        check(kLoopService.signal(it->token) == (it->repeats && !it->over ? SLC_OK : SLC_ESTALE));
      } else {
        const bool good = it->token && !it->over;
        check(kLoopService.cancel(w, it->token) == (good ? SLC_OK : SLC_ESTALE));
        if (good) it->over = true;
      }
    }
    inside_call = false;
  }

  // ---- exchanges ----

  // One of the two, or what is none.
  int32_t side_of(uint8_t how) {
    if (how & 32) return static_cast<int8_t>(in_.byte());
    return how & 16 ? SLC_RESPONSE : SLC_REQUEST;
  }
  void headers(slc_exchange& x) {
    const uint8_t how = in_.byte();
    static const slc_header_id kKnown[] = {kExchangeService.intern(&kTestHost, {"X-A", 3}), kExchangeService.intern(&kTestHost, {"Content-Type", 12})};
    const slc_header_id id = how & 64 ? in_.byte() * 257u : kKnown[how >> 7];
    const int32_t side = side_of(how);
    const Passing value{in_};
    slc_str n, v;
    switch (how % 5) {
      case 0: kExchangeService.set_header(&x, side, id, value.s); break;
      case 1: kExchangeService.add_header(&x, side, id, value.s); break;
      case 2: kExchangeService.remove_header(&x, side, id); break;
      case 3: seen(kExchangeService.header(&x, side, id, in_.byte() % 8)); break;
      default:
        for (uint32_t i = 0; kExchangeService.header_at(&x, side, i, how & 16 ? &n : nullptr, &v) == SLC_OK; ++i) seen(v);
    }
  }
  void fields(slc_exchange& x) {
    const uint8_t how = in_.byte();
    const Passing value{in_}, name{in_};
    seen(kExchangeService.field(&x, how % 12 - 1));
    kExchangeService.set_field(&x, how % 12 - 1, value.s);
    if (how & 16) kExchangeService.set_param(&x, name.s, value.s);
    seen(kExchangeService.param(&x, name.s));
    if (how & 32) kExchangeService.set_status(&x, static_cast<int32_t>(in_.byte()) * 5);
    if (how & 64) kExchangeService.set_complete(&x, how);
    if (how & 128) kExchangeService.fail(&x, static_cast<int32_t>(in_.byte()) * 5, value.s, name.s, value.s);
    slc_str text;
    kExchangeService.outcome(&x, &text);
    check(kExchangeService.worker(&x) == worker().worker.get() && kExchangeService.scope(&x) == x.scope);
  }
  void bodies(slc_exchange& x) {
    const uint8_t how = in_.byte();
    const int32_t side = side_of(how);
    const Passing bytes{in_};
    switch (how % 3) {
      case 0: kExchangeService.set_body(&x, side, bytes.s); break;
      case 1: kExchangeService.append_body(&x, bytes.s, 0); break;
      default: kExchangeService.append_body(&x, {"stable", 6}, 1);
    }
    slc_str pieces[3];
    const uint32_t n = kExchangeService.body(&x, side, pieces, 3);
    for (uint32_t i = 0; i < n && i < 3; ++i) seen(pieces[i]);
    check(kStreamService.emit(&x, side, bytes.s) != SLC_OK && kStreamService.room(&x, side) == 0 && kStreamService.suspend(&x, side) == 0);
    check(kNextService.call(&x, [](void*, slc_exchange*, slc_exchange*) noexcept { std::abort(); }, nullptr) == 0);
  }
  void memory(slc_exchange& x) {
    static constexpr size_t kSizes[] = {0, 1, 24, 4096, 70'000, SIZE_MAX, SIZE_MAX / 2};
    const size_t size = kSizes[in_.byte() % 7], align = in_.byte();
    if (size < SIZE_MAX / 2 && (taken_ += size) > (8u << 20)) return;
    void* p = kExchangeService.alloc(&x, size, align);
    check(!p || size < SIZE_MAX / 2);
    if (!p) return;
    check(align == 0 || reinterpret_cast<uintptr_t>(p) % align == 0);
    std::memset(p, 0xa5, size);
  }

  // ---- documents ----

  void build(Slot& slot) {
    const slc_document_api& d = kDocumentService;
    if (!slot.builder) slot.builder = kExchangeService.replace_data(*slot.x);
    slc_builder* b = slot.builder;
    for (int calls = in_.byte() % 32; calls-- && in_.more();) {
      const uint8_t how = in_.byte();
      switch (how % 14) {
        case 0:
        case 1: d.begin(b, how & 16 ? SLC_OBJECT : SLC_ARRAY); break;
        case 2: d.end(b); break;
        case 3:
        case 4: d.key(b, Passing{in_}.s); break;
        case 5: d.string(b, Passing{in_}.s); break;
        case 6: d.string_stable(b, {"stable", 6}); break;
        case 7: d.number_text(b, Passing{in_}.s); break;
        case 8: d.integer(b, static_cast<int64_t>(in_.number())); break;
        case 9: {
          const uint64_t bits = in_.number();
          double number;
          std::memcpy(&number, &bits, sizeof number);
          d.number(b, number);
          break;
        }
        case 10: d.literal(b, static_cast<int8_t>(in_.byte()), how & 16); break;
        case 11:
          if (!slot.nodes.empty()) d.copy(b, slot.nodes[how / 14u % slot.nodes.size()]);
          else d.copy(b, {nullptr, 0});
          break;
        case 12: d.deferred(b, static_cast<int8_t>(in_.byte()), {"[1]", 3}); break;
        default: {
          const slc_member_range r{in_.byte(), in_.byte(), in_.byte(), in_.byte(), in_.byte(), SLC_STRING};
          d.deferred_members(b, {R"("a":"b","c":"d")", 15}, &r, 1);
          break;
        }
      }
    }
    // Half of the hooks return here, and the document is taken.
    if (in_.byte() % 2) {
      finish_building(*slot.x->x);
      slot.builder = nullptr, slot.nodes.clear();
    }
  }
  void read(Slot& slot) {
    const slc_document_api& d = kDocumentService;
    if (slot.nodes.empty() || slot.nodes.size() > 50) slot.nodes = {kExchangeService.data(*slot.x)};
    const uint8_t how = in_.byte();
    const slc_node n = slot.nodes[how / 8u % slot.nodes.size()];
    const Passing key{in_};
    int64_t whole;
    double number;
    int32_t truth;
    slc_str name;
    switch (how % 8) {
      case 0: keep(slot, d.find(n, key.s)); break;
      case 1: keep(slot, d.at(n, in_.byte(), &name)); break;
      case 2:
        for (uint32_t i = 0, count = d.count(n); i < count; ++i) check(d.at(n, i, nullptr).p != nullptr);
        check(d.at(n, d.count(n), nullptr).p == nullptr);
        break;
      case 3: seen(d.text(n)); break;
      case 4:
        check(d.as_int(n, &whole) != SLC_OK || d.kind(n) == SLC_NUMBER);
        check(d.as_double(n, &number) != SLC_OK || d.kind(n) == SLC_NUMBER);
        check(d.as_bool(n, &truth) != SLC_OK || d.kind(n) == SLC_BOOL);
        break;
      case 5: seen(d.source(n, {"json", 4})); break;
      case 6: {
        uint32_t members;
        seen(d.source_run(n, {"json", 4}, in_.byte(), &members));
        break;
      }
      default: {
        const uint32_t before = d.count(n);
        const bool there = d.find(n, key.s).p != nullptr, gone = d.erase(n, key.s) == SLC_OK;
        check(gone == there && d.count(n) == before - gone);
        if (gone) slot.nodes.clear();  // siblings are not where they were
      }
    }
  }
  static void keep(Slot& slot, slc_node n) {
    check(kDocumentService.kind(n) >= SLC_NULL && kDocumentService.kind(n) <= SLC_OBJECT);
    if (n.p) slot.nodes.push_back(n);
  }

  void store() {
    const uint8_t how = in_.byte();
    const Passing key{in_}, value{in_};
    const slc_store_api& s = kStoreService;
    char room[16];
    size_t length = 0;
    int64_t sum = 0;
    switch (how % 5) {
      case 0: s.set(&kTestHost, key.s, value.s, how >> 4); break;
      case 1: s.add(&kTestHost, key.s, value.s, how >> 4); break;
      case 2: s.erase(&kTestHost, key.s); break;
      case 3: s.increment(&kTestHost, key.s, static_cast<int64_t>(in_.number()), how >> 4, &sum); break;
      default: check(s.get(&kTestHost, key.s, room, how >> 4, &length) != SLC_OK || length <= (how >> 4u));
    }
  }

  // Every byte of a view that the host gives can be read.
  static void seen(slc_str s) {
    [[maybe_unused]] static volatile char last;
    check(s.ptr || s.len == 0);
    for (size_t i = 0; i < s.len; ++i) last = s.ptr[i];
  }
  // Whatever was asked for, what would go to the network is what may go there.
  static void sound(slc_exchange& x) {
    for (http::Headers* side : {&x.request.headers, &x.response.headers})
      for (const http::Header& h : *side) check(is_token(h.name) && is_field_value(h.value));
    check(is_token(x.request.method) && !x.request.path.empty() && x.request.path[0] == '/');
    for (const std::string_view text : {x.request.path, x.request.query})
      for (const char c : text) check(c != '\r' && c != '\n' && c != '\0');
    check(x.response.status == 0 || (x.response.status >= 200 && x.response.status <= 999));
  }

  Input& in_;
  Slot slots_[kExchanges];
  std::list<Started> started_;
  std::vector<slc_token> stale_;
  int posted_ = 0;
  size_t taken_ = 0;  // by alloc, in all
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in{data, size};
  Machine machine{in};
  while (in.more()) machine.step();
  return 0;
}

// What a helper process sends, which may be anything. The first byte says what the rest is: a reply to a hook, a call (which the
// helper reads with the same code), a conversation over the socket, or shared memory. Whatever it is: what is accepted could
// have been done by a plugin of the gateway's own, and nothing is read or written that is not there.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/plugin/isolate/control.h"
#include "core/plugin/isolate/message.h"
#include "core/plugin/isolate/mirror.h"

namespace {

using namespace sluice;
using namespace sluice::plugin;
using namespace sluice::plugin::isolate;

struct World {
  loop::Loop loop;
  http::Client client{loop, http::ClientOptions{}, 1};
  slc_worker worker{loop, client, 0, 1};
};
World& world() {
  static auto* w = new World;
  return *w;
}

struct Shown {
  Arena arena{world().loop.blocks()};
  ArenaVector<router::Param> params{arena};
  slc_exchange x{SLC_AT_BACKEND, world().worker, arena};
  Error inside;
  Shown() {
    x.params = &params;
    x.request.method = "GET", x.request.path = "/p";
    x.request.headers.add("X-A", "b");
    params.push({"id", "7"});
  }
};

void sound(slc_exchange& x) {
  for (http::Headers* side : {&x.request.headers, &x.response.headers})
    for (const http::Header& h : *side)
      if (!is_token(h.name) || !is_field_value(h.value)) std::abort();
  if (!is_token(x.request.method) || x.request.path.empty() || x.request.path[0] != '/') std::abort();
  for (std::string_view text : {x.request.path, x.request.query})
    for (char c : text)
      if (static_cast<uint8_t>(c) <= ' ') std::abort();
  if (x.response.status && (x.response.status < 200 || x.response.status > 999)) std::abort();
  // It can be shown again, and reads back.
  std::string again;
  if (!put_call(again, {}, x)) return;
  Shown copy;
  Reader r{std::string_view{again}.substr(4)};
  CallHead head;
  if (!take_head(r, &head) || !take_call(r, head, copy.x, copy.inside)) std::abort();
}

void reply(std::string_view bytes) {
  Shown s;
  Reply r;
  if (r.take(bytes, s.arena) && r.apply(s.x)) sound(s.x);
}

// The same reply to functions that answer at once.
void answer(std::string_view bytes) {
  for (HookKind kind : {HookKind::decode, HookKind::encode, HookKind::pick}) {
    Shown s;
    Reply r;
    RemoteCall asked{kind};
    if (!r.take(bytes, s.arena) || !r.answer(s.x, asked)) continue;
    s.x.response.has_data = kind == HookKind::decode && asked.status == SLC_OK;
    if (asked.why && std::string_view{asked.why, asked.why_size}.size() > bytes.size()) std::abort();
    sound(s.x);
  }
}

void call(std::string_view bytes) {
  Shown s;
  Reader r{bytes};
  CallHead head;
  Question q;
  if (!take_head(r, &head) || !take_call(r, head, s.x, s.inside, &q)) return;
  if (head.hook == Hook::pick) {
    HostLists lists;
    const slc_candidate* all = lists.settle(q, s.arena);
    for (uint32_t i = 0; i < q.count; ++i)
      if (view(all[i].url) != view(q.candidates[i].url)) std::abort();
  }
  Before before;
  before.take(s.x);
  std::string out;
  put_reply(out, head.id, SLC_NEXT, false, false, s.x, before);
  if (out.size() != 4 + 14) std::abort();  // nothing was changed
}

void conversation(std::string_view bytes) {
  ControlInput whole, single;
  std::vector<std::string> frames;
  whole.add(bytes);
  for (std::string_view f; whole.next(&f);) frames.emplace_back(f);
  size_t n = 0;
  for (char c : bytes) {
    single.add({&c, 1});
    for (std::string_view f; single.next(&f);)
      if (n >= frames.size() || frames[n++] != f) std::abort();
  }
  if (n != frames.size() || whole.broken() != single.broken()) std::abort();
}

// 16 bytes of positions, then what is in the ring.
void memory(std::string_view bytes) {
  constexpr size_t kCapacity = 64;
  if (bytes.size() < 16) return;
  auto state = std::make_unique<RingState>();
  uint64_t positions[2];
  std::memcpy(positions, bytes.data(), sizeof positions);
  state->head = positions[0];
  state->tail = positions[1];
  std::string ring{bytes.substr(16, kCapacity)};
  ring.resize(kCapacity);
  FrameReader reader{RingReader{state.get(), ring.data(), kCapacity, -1}};
  for (std::string_view f; reader.next(&f);)
    if (f.size() > kCapacity) std::abort();
  RingWriter writer{state.get(), ring.data(), kCapacity, -1};
  if (writer.write(bytes) > kCapacity) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 4) {
    case 0: reply(bytes), answer(bytes); break;
    case 1: call(bytes); break;
    case 2: conversation(bytes); break;
    case 3: memory(bytes); break;
  }
  return 0;
}

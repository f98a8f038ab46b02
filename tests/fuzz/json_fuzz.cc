// Bytes as a backend's JSON body: the decoders with and without simdjson must agree, whatever was decoded must survive a
// full expansion and a change, and what the encoder writes must decode to the same document.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/document/shape.h"
#include "plugins/json/decode.h"
#include "plugins/json/scan.h"
#include "tests/support/document_host.h"

namespace {

using namespace sluice;
using namespace document_host;

void check(bool ok) {
  if (!ok) std::abort();
}

struct Decoded {
  slc_status status;
  document::Node root;
  std::string why;
};

Decoded decode(Arena& arena, const DecoderFormat& format, json::Workspace* workspace, std::string_view body, json::Accept accept) {
  slc_builder builder{document::Builder{arena, &format}};
  slc_str chunk{body.data(), body.size()}, why{};
  Decoded d{json::decode(workspace, &chunk, 1, accept, &builder, &why), {}, std::string{view(why)}};
  check(d.status == SLC_OK ? builder.build.finish(&d.root) : !d.why.empty());
  return d;
}

std::string encode(Arena& arena, const Plugin& plugin, document::Node& root) {
  slc_exchange x{&arena, {}, {}};
  check(plugin.encoder("json")->encode(nullptr, &x, handle(&root, &arena)) == SLC_OK);
  return x.body();
}

// Did a key come twice somewhere? Of an expanded tree that nobody has changed.
bool has_key_twice(const document::Node& root) {
  std::vector<const document::Node*> left{&root};
  while (!left.empty()) {
    const document::Node& n = *left.back();
    left.pop_back();
    if (n.flags & document::Node::kChanged) return true;
    for (uint32_t i = 0; n.container() && i < n.count; ++i) left.push_back(n.kind == document::Kind::object ? &n.members[i].value : &n.elements[i]);
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Plugin plugin{SLC_ENTRY_SYMBOL};
  static DecoderFormat format{plugin.decoder("json")};
  static json::Workspace workspace;
  static const document::Shape shape{{.target = {}, .allow = {}, .deny = {"a", "b.c", "collection"}, .mapping = {{"x", "y"}}, .group = "g"}};
  std::string_view body{reinterpret_cast<const char*>(data), size};
  BlockPool pool;
  for (json::Accept accept : {json::Accept::object, json::Accept::collection, json::Accept::anything}) {
    Arena arena{pool};
    Decoded fast = decode(arena, format, &workspace, body, accept), slow = decode(arena, format, nullptr, body, accept);
    check(fast.status == slow.status && fast.why == slow.why);
    if (fast.status != SLC_OK) continue;

    // Untouched, the text is passed on; what comes out means what came in.
    std::string untouched = encode(arena, plugin, fast.root);
    std::string meaning = document::to_json(arena, fast.root);
    check(meaning == document::to_json(arena, slow.root));
    // Everything is expanded now. That makes no difference, but where a later member replaced one of its name.
    if (!has_key_twice(fast.root)) check(encode(arena, plugin, fast.root) == untouched);
    const std::string looked_into = encode(arena, plugin, fast.root);
    Decoded without = decode(arena, format, nullptr, looked_into, json::Accept::object);
    check(without.status == SLC_OK && document::to_json(arena, without.root) == meaning && !has_key_twice(without.root));
    Decoded again = decode(arena, format, &workspace, untouched, json::Accept::object);
    check(again.status == SLC_OK && document::to_json(arena, again.root) == meaning);

    // The core's JSON is JSON, and so is what a changed document becomes.
    Decoded own = decode(arena, format, &workspace, meaning, json::Accept::object);
    check(own.status == SLC_OK && document::to_json(arena, own.root) == meaning);
    document::Node shaped = again.root;
    shape.apply(arena, shaped);
    for (document::Node* n = document::find(&arena, shaped, "g"); n && n->kind >= document::Kind::array;) {
      std::string_view key;
      document::Node* below = document::at(&arena, *n, 0, &key);
      if (below && below->kind < document::Kind::array && n->kind == document::Kind::object) document::erase(arena, *n, key);
      n = below && below->kind >= document::Kind::array ? below : nullptr;
    }
    std::string changed = encode(arena, plugin, shaped);
    Decoded back = decode(arena, format, &workspace, changed, json::Accept::object);
    // One level deeper than the input: the limit may be hit.
    if (back.status == SLC_OK)
      check(document::to_json(arena, back.root) == document::to_json(arena, shaped));
    else
      check(back.why.find("nested too deep") != std::string::npos);
  }
  return 0;
}

// A host for decoders and encoders in tests: the real tree (core/document) behind slc_document_api, and an exchange that
// collects what append_body is given.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/document/builder.h"
#include "core/document/node.h"
#include "core/document/write.h"
#include "sluice/plugin.h"

struct slc_builder {
  sluice::document::Builder build;
};
struct slc_exchange {
  sluice::Arena* arena;
  std::vector<std::string_view> pieces;  // stable ones are views: what is read from them later must still be there
  std::deque<std::string> copies;
  std::string body() const {
    std::string all;
    for (auto p : pieces) all += p;
    return all;
  }
};

namespace document_host {

using namespace sluice;
using document::Kind;
using document::Node;

inline std::string_view view(slc_str s) { return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{}; }
inline slc_str str(std::string_view s) { return {s.data() ? s.data() : "", s.size()}; }
inline Arena* arena_of(slc_node n) { return reinterpret_cast<Arena*>(n.epoch); }
inline Node& node(slc_node n) { return *static_cast<Node*>(n.p); }
inline slc_node handle(Node* n, Arena* arena) { return n ? slc_node{n, reinterpret_cast<uint64_t>(arena)} : slc_node{nullptr, 0}; }
inline slc_status told(bool ok) { return ok ? SLC_OK : SLC_EINVAL; }

inline const slc_document_api kDocument = {
    .size = sizeof(slc_document_api),
    .kind = [](slc_node n) noexcept -> int32_t { return n.p ? static_cast<int32_t>(node(n).kind) : SLC_NULL; },
    .as_int = [](slc_node n, int64_t* out) noexcept -> slc_status {
      auto v = document::as_integer(arena_of(n), node(n));
      return v ? *out = *v, SLC_OK : SLC_EINVAL;
    },
    .as_double = [](slc_node n, double* out) noexcept -> slc_status {
      auto v = document::as_double(arena_of(n), node(n));
      return v ? *out = *v, SLC_OK : SLC_EINVAL;
    },
    .as_bool = [](slc_node n, int32_t* out) noexcept -> slc_status {
      return *out = document::boolean(arena_of(n), node(n)), told(node(n).kind == Kind::boolean);
    },
    .text = [](slc_node n) noexcept { return str(document::text(arena_of(n), node(n))); },
    .find = [](slc_node n, slc_str key) noexcept { return handle(document::find(arena_of(n), node(n), view(key)), arena_of(n)); },
    .at = [](slc_node n, uint32_t i, slc_str* key) noexcept {
      std::string_view name;
      Node* found = document::at(arena_of(n), node(n), i, &name);
      if (key) *key = str(name);
      return handle(found, arena_of(n));
    },
    .count = [](slc_node n) noexcept { return document::count(arena_of(n), node(n)); },
    .erase = [](slc_node n, slc_str key) noexcept -> slc_status {
      return document::erase(*arena_of(n), node(n), view(key)) ? SLC_OK : SLC_ENOTFOUND;
    },
    .source = [](slc_node n, slc_str format) noexcept {
      std::string_view s = document::source(arena_of(n), node(n), view(format));
      return s.empty() ? slc_str{nullptr, 0} : str(s);
    },
    .source_run = [](slc_node n, slc_str format, uint32_t i, uint32_t* members) noexcept {
      std::string_view s = document::source_run(arena_of(n), node(n), view(format), i, members);
      return s.empty() ? slc_str{nullptr, 0} : str(s);
    },
    .begin = [](slc_builder* b, int32_t kind) noexcept { return told(b->build.begin(static_cast<Kind>(kind))); },
    .end = [](slc_builder* b) noexcept { return told(b->build.end()); },
    .key = [](slc_builder* b, slc_str s) noexcept { return told(b->build.key(view(s))); },
    .string = [](slc_builder* b, slc_str s) noexcept { return told(b->build.string(view(s))); },
    .string_stable = [](slc_builder* b, slc_str s) noexcept { return told(b->build.string(view(s), true)); },
    .number_text = [](slc_builder* b, slc_str s) noexcept { return told(b->build.number_text(view(s))); },
    .integer = [](slc_builder* b, int64_t v) noexcept { return told(b->build.integer(v)); },
    .number = [](slc_builder* b, double v) noexcept { return told(b->build.number(v)); },
    .literal = [](slc_builder* b, int32_t kind, int32_t v) noexcept {
      return told(kind == SLC_BOOL ? b->build.boolean(v != 0) : b->build.null());
    },
    .copy = [](slc_builder* b, slc_node n) noexcept { return told(b->build.copy(node(n))); },
    .deferred = [](slc_builder* b, int32_t kind, slc_str s) noexcept { return told(b->build.deferred(static_cast<Kind>(kind), view(s))); },
    .deferred_member = [](slc_builder* b, slc_str key, slc_str member, int32_t kind, slc_str value) noexcept {
      return told(b->build.deferred_member(view(key), view(member), static_cast<Kind>(kind), view(value)));
    },
    .alloc = [](slc_builder* b, size_t size) noexcept { return b->build.arena().alloc(size ? size : 1, 1); },
    .deferred_members = [](slc_builder* b, slc_str text, const slc_member_range* ranges, uint32_t n) noexcept {
      bool ok = true;
      for (uint32_t i = 0; ok && i < n; ++i)
        ok = b->build.deferred_member(view(text), {ranges[i].begin, ranges[i].key, ranges[i].key_end, ranges[i].value, ranges[i].end,
                                                   static_cast<Kind>(ranges[i].kind)});
      return told(ok);
    },
    .whole = [](slc_builder* b) noexcept -> int32_t { return b->build.whole(); },
};

inline slc_exchange_api exchange_table() {
  slc_exchange_api x{};
  x.size = sizeof x;
  x.append_body = [](slc_exchange* e, slc_str s, int32_t stable) noexcept -> slc_status {
    std::string_view piece = view(s);
    if (!stable) piece = e->copies.emplace_back(piece);
    e->pieces.push_back(piece);
    return SLC_OK;
  };
  x.alloc = [](slc_exchange* e, size_t size, size_t align) noexcept { return e->arena->alloc(size, align); };
  return x;
}
inline const slc_exchange_api kExchange = exchange_table();

inline const slc_host kHost = {
    .size = sizeof(slc_host),
    .abi_major = SLC_ABI_MAJOR,
    .abi_minor = SLC_ABI_MINOR,
    .name = {"test", 4},
    .version = {"0", 1},
    .service = [](const slc_host*, const char* id) noexcept -> const void* {
      std::string_view name{id};
      return name == SLC_SVC_DOCUMENT ? static_cast<const void*>(&kDocument) : name == SLC_SVC_EXCHANGE ? &kExchange : nullptr;
    },
};

// A decoder or encoder by name, its plugin loaded and, for decoders, one worker's state made.
class Plugin {
 public:
  explicit Plugin(const slc_entry& entry) : entry_{&entry} {
    if (entry.load && entry.load(&kHost, nullptr) != SLC_OK) std::abort();
  }
  const slc_decoder* decoder(const char* name) const { return static_cast<const slc_decoder*>(entry_->get_interface(SLC_IFACE_DECODER, name)); }
  const slc_encoder* encoder(const char* name) const { return static_cast<const slc_encoder*>(entry_->get_interface(SLC_IFACE_ENCODER, name)); }

 private:
  const slc_entry* entry_;
};

// Expanding through a decoder's table, as the host does it.
struct DecoderFormat : document::Format {
  const slc_decoder* decoder;
  explicit DecoderFormat(const slc_decoder* d) : decoder{d} {
    name = view(d->format);
    context = this;
    expand = [](const document::Format* f, std::string_view text, document::Builder& into) noexcept {
      slc_builder level{document::Builder{into.arena(), f}};
      Node root;
      if (static_cast<DecoderFormat*>(f->context)->decoder->expand(str(text), &level) != SLC_OK) return false;
      if (!level.build.finish(&root)) return false;
      return into.copy(root);
    };
  }
};

}  // namespace document_host

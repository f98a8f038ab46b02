// sluice.document/1: reading trees and building them. A handle is a Node* and the arena that it expands into; a
// configuration's tree has none, is expanded already and is never changed.
#include <charconv>
#include <cmath>

#include "core/document/builder.h"
#include "core/document/node.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

using document::Kind;
using document::Node;

Node* node_of(slc_node n) { return static_cast<Node*>(n.p); }

// Never allocated from: only nodes of a configuration are read with it, and they have nothing deferred.
Arena& no_arena() {
  static thread_local BlockPool pool;
  static thread_local Arena arena{pool};
  return arena;
}
Arena& arena_of(slc_node n) { return n.epoch ? *reinterpret_cast<Arena*>(n.epoch) : no_arena(); }

bool is_container(const Node& n) { return n.kind == Kind::array || n.kind == Kind::object; }

// ---- reading ----

int32_t kind(slc_node n) noexcept { return n.p ? static_cast<int32_t>(node_of(n)->kind) : SLC_NULL; }

slc_status as_double(slc_node n, double* out) noexcept {
  Node* node = node_of(n);
  if (!node || !out || node->kind != Kind::number) return SLC_EINVAL;
  std::string_view t = document::text(arena_of(n), *node);
  auto [end, ec] = std::from_chars(t.data(), t.data() + t.size(), *out);
  return ec == std::errc{} && end == t.data() + t.size() ? SLC_OK : SLC_EINVAL;
}

slc_status as_int(slc_node n, int64_t* out) noexcept {
  Node* node = node_of(n);
  if (!node || !out || node->kind != Kind::number) return SLC_EINVAL;
  std::string_view t = document::text(arena_of(n), *node);
  auto [end, ec] = std::from_chars(t.data(), t.data() + t.size(), *out);
  if (ec == std::errc{} && end == t.data() + t.size()) return SLC_OK;
  // "1e3" and "5.0" are integers too, as long as the number is one exactly.
  double d = 0;
  if (as_double(n, &d) != SLC_OK || std::floor(d) != d || std::abs(d) > 9007199254740992.0) return SLC_EINVAL;
  *out = static_cast<int64_t>(d);
  return SLC_OK;
}

slc_status as_bool(slc_node n, int32_t* out) noexcept {
  Node* node = node_of(n);
  if (!node || !out || node->kind != Kind::boolean) return SLC_EINVAL;
  *out = node->boolean;
  return SLC_OK;
}

slc_str text(slc_node n) noexcept {
  Node* node = node_of(n);
  if (!node || (node->kind != Kind::string && node->kind != Kind::number)) return kAbsent;
  return str(document::text(arena_of(n), *node));
}

slc_node find(slc_node n, slc_str key) noexcept {
  Node* node = node_of(n);
  if (!node || node->kind != Kind::object || !sane(key)) return {nullptr, 0};
  Node* found = document::find(arena_of(n), *node, view(key));
  return found ? slc_node{found, n.epoch} : slc_node{nullptr, 0};
}

uint32_t count(slc_node n) noexcept {
  Node* node = node_of(n);
  return node && is_container(*node) ? document::count(arena_of(n), *node) : 0;
}

slc_node at(slc_node n, uint32_t i, slc_str* key) noexcept {
  if (key) *key = kAbsent;
  if (i >= count(n)) return {nullptr, 0};
  Node* node = node_of(n);
  if (node->kind == Kind::array) return {&node->elements[i], n.epoch};
  if (key) *key = str(node->members[i].key);
  return {&node->members[i].value, n.epoch};
}

slc_status erase(slc_node n, slc_str key) noexcept {
  Node* node = node_of(n);
  if (!node || node->kind != Kind::object || n.epoch == 0 || !sane(key)) return SLC_EINVAL;
  Arena& arena = arena_of(n);
  Node* value = document::find(arena, *node, view(key));
  if (!value) return SLC_ENOTFOUND;
  // Other nodes may share the members (node.h): they keep the old array.
  auto* kept = arena.array<document::Member>(node->count);
  uint32_t k = 0;
  for (uint32_t i = 0; i < node->count; ++i)
    if (&node->members[i].value != value) kept[k++] = node->members[i];
  node->members = kept, node->count = k;
  node->source = {};  // also the sign for the objects around it, see untouched()
  return SLC_OK;
}

// ---- source text ----

// A parent does not hear of an erase in a child, so a source text counts only while every container below that was looked
// into has its own one still. What was never expanded cannot have been changed: usually there is nothing to walk.
bool untouched(const Node& n) {
  if (!is_container(n) || n.deferred) return true;
  if (n.source.empty()) return false;
  for (uint32_t i = 0; i < n.count; ++i)
    if (!untouched(n.kind == Kind::array ? n.elements[i] : n.members[i].value)) return false;
  return true;
}

bool has_source(const Node& n, std::string_view format) {
  return n.format && n.format->name == format && !n.source.empty() && untouched(n);
}

slc_str source(slc_node n, slc_str format) noexcept {
  Node* node = node_of(n);
  return node && sane(format) && has_source(*node, view(format)) ? str(node->source) : kAbsent;
}

// Is `next` the member right behind `text`, with nothing but one comma and white space between?
bool adjoins(std::string_view text, std::string_view next) {
  const char* end = text.data() + text.size();
  if (next.data() <= end || next.data() - end > 64) return false;
  int commas = 0;
  for (const char* c = end; c < next.data(); ++c) {
    if (*c == ',')
      ++commas;
    else if (*c != ' ' && *c != '\t' && *c != '\n' && *c != '\r')
      return false;  // also before anything behind the object's end is read: its bracket stops the walk
  }
  return commas == 1;
}

slc_str source_run(slc_node n, slc_str format, uint32_t i, uint32_t* members) noexcept {
  if (members) *members = 0;
  Node* node = node_of(n);
  if (!node || node->kind != Kind::object || !sane(format) || i >= count(n)) return kAbsent;
  std::string_view run;
  uint32_t taken = 0;
  for (; i < node->count; ++i) {
    const document::Member& m = node->members[i];
    if (m.source.empty() || !m.value.format || m.value.format->name != view(format) || !untouched(m.value)) break;
    if (taken && !adjoins(run, m.source)) break;
    run = taken ? std::string_view{run.data(), static_cast<size_t>(m.source.data() + m.source.size() - run.data())} : m.source;
    ++taken;
  }
  if (members) *members = taken;
  return taken ? str(run) : kAbsent;
}

// ---- building ----

slc_status told(bool ok) { return ok ? SLC_OK : SLC_EINVAL; }

slc_status begin(slc_builder* b, int32_t k) noexcept {
  if (k != SLC_ARRAY && k != SLC_OBJECT) return SLC_EINVAL;
  return told(b->build.begin(static_cast<Kind>(k)));
}
slc_status end(slc_builder* b) noexcept { return told(b->build.end()); }
slc_status key(slc_builder* b, slc_str s) noexcept { return told(sane(s) && b->build.key(view(s))); }
slc_status string(slc_builder* b, slc_str s) noexcept { return told(sane(s) && b->build.string(view(s))); }
slc_status string_stable(slc_builder* b, slc_str s) noexcept { return told(sane(s) && b->build.string(view(s), true)); }
slc_status number_text(slc_builder* b, slc_str s) noexcept { return told(sane(s) && b->build.number_text(view(s))); }
slc_status integer(slc_builder* b, int64_t v) noexcept { return told(b->build.integer(v)); }
slc_status number(slc_builder* b, double v) noexcept { return told(b->build.number(v)); }
slc_status literal(slc_builder* b, int32_t k, int32_t v) noexcept {
  if (k == SLC_BOOL) return told(b->build.boolean(v != 0));
  return k == SLC_NULL ? told(b->build.null()) : SLC_EINVAL;
}
slc_status copy(slc_builder* b, slc_node n) noexcept {
  Node* node = node_of(n);
  return told(node ? b->build.copy(*node) : b->build.null());
}
bool is_kind(int32_t k) { return k >= SLC_NULL && k <= SLC_OBJECT; }
slc_status deferred(slc_builder* b, int32_t k, slc_str t) noexcept {
  return told(is_kind(k) && sane(t) && b->build.deferred(static_cast<Kind>(k), view(t)));
}
slc_status deferred_member(slc_builder* b, slc_str name, slc_str member, int32_t k, slc_str value) noexcept {
  return told(is_kind(k) && sane(name) && sane(member) && sane(value) &&
              b->build.deferred_member(view(name), view(member), static_cast<Kind>(k), view(value)));
}
void* alloc(slc_builder* b, size_t size) noexcept {
  constexpr size_t kMost = size_t{256} << 20;
  return size <= kMost ? b->build.arena().alloc(size ? size : 1, 1) : nullptr;
}

}  // namespace

const slc_document_api kDocumentService = {
    .size = sizeof(slc_document_api),
    .kind = kind,
    .as_int = as_int,
    .as_double = as_double,
    .as_bool = as_bool,
    .text = text,
    .find = find,
    .at = at,
    .count = count,
    .erase = erase,
    .source = source,
    .source_run = source_run,
    .begin = begin,
    .end = end,
    .key = key,
    .string = string,
    .string_stable = string_stable,
    .number_text = number_text,
    .integer = integer,
    .number = number,
    .literal = literal,
    .copy = copy,
    .deferred = deferred,
    .deferred_member = deferred_member,
    .alloc = alloc,
};

}  // namespace sluice::plugin

// sluice.document/1: reading trees and building them. A handle is a Node* and the arena that it expands into; a
// configuration's tree has none, is expanded already and is never changed.
#include "core/document/builder.h"
#include "core/document/node.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

using document::Kind;
using document::Node;

Node* node_of(slc_node n) { return static_cast<Node*>(n.p); }

Arena* arena_of(slc_node n) { return reinterpret_cast<Arena*>(n.epoch); }

// Reading expands what a decoder has put off, in the exchange's memory. Which worker's that is the handle does not tell.
#define SLC_CHECK_NODE(node, function) (!(node).epoch || SLC_CHECK_ANY_WORKER(function))

// The handle, absent where what it stands for has left the document (marks_gone_nodes). Release builds do not look.
#define SLC_PRESENT(node, function) present((node), (function " (sluice.document/1)"), __builtin_return_address(0))
slc_node present(slc_node n, const char* function, const void* caller) {
  if (!kChecksThreads || !n.p || !n.epoch || !(node_of(n)->flags & Node::kGone)) return n;
  tell_of_gone_node(function, caller);
  return {nullptr, 0};
}

// A handle for what was reached from a present one, so it is in the document: another tree that shared it may have marked it.
slc_node reached(Node* found, slc_node from) {
  if (!found) return {nullptr, 0};
  if (kChecksThreads && from.epoch && found->flags & Node::kGone) [[unlikely]]
    found->flags &= static_cast<uint8_t>(~Node::kGone);
  return {found, from.epoch};
}

// ---- reading ----

int32_t kind(slc_node n) noexcept {
  if (!SLC_CHECK_NODE(n, "kind (sluice.document/1)")) return SLC_NULL;
  n = SLC_PRESENT(n, "kind");
  return n.p ? static_cast<int32_t>(node_of(n)->kind) : SLC_NULL;
}

slc_status as_int(slc_node n, int64_t* out) noexcept {
  if (!SLC_CHECK_NODE(n, "as_int (sluice.document/1)")) return SLC_ETHREAD;
  n = SLC_PRESENT(n, "as_int");
  auto v = n.p && out ? document::as_integer(arena_of(n), *node_of(n)) : std::nullopt;
  if (!v) return SLC_EINVAL;
  *out = *v;
  return SLC_OK;
}

slc_status as_double(slc_node n, double* out) noexcept {
  if (!SLC_CHECK_NODE(n, "as_double (sluice.document/1)")) return SLC_ETHREAD;
  n = SLC_PRESENT(n, "as_double");
  auto v = n.p && out ? document::as_double(arena_of(n), *node_of(n)) : std::nullopt;
  if (!v) return SLC_EINVAL;
  *out = *v;
  return SLC_OK;
}

slc_status as_bool(slc_node n, int32_t* out) noexcept {
  if (!SLC_CHECK_NODE(n, "as_bool (sluice.document/1)")) return SLC_ETHREAD;
  n = SLC_PRESENT(n, "as_bool");
  if (!n.p || !out || node_of(n)->kind != Kind::boolean) return SLC_EINVAL;
  *out = document::boolean(arena_of(n), *node_of(n));
  return SLC_OK;
}

slc_str text(slc_node n) noexcept {
  if (!SLC_CHECK_NODE(n, "text (sluice.document/1)")) return kAbsent;
  n = SLC_PRESENT(n, "text");
  Node* node = node_of(n);
  if (!node || (node->kind != Kind::string && node->kind != Kind::number)) return kAbsent;
  return str(document::text(arena_of(n), *node));
}

slc_node find(slc_node n, slc_str key) noexcept {
  if (!SLC_CHECK_NODE(n, "find (sluice.document/1)")) return slc_node{nullptr, 0};
  n = SLC_PRESENT(n, "find");
  if (!n.p || !sane(key)) return {nullptr, 0};
  Node* found = document::find(arena_of(n), *node_of(n), view(key));
  return reached(found, n);
}

slc_node at(slc_node n, uint32_t i, slc_str* key) noexcept {
  if (key) *key = kAbsent;
  if (!n.p || !SLC_CHECK_NODE(n, "at (sluice.document/1)")) return {nullptr, 0};
  n = SLC_PRESENT(n, "at");
  if (!n.p) return {nullptr, 0};
  std::string_view name;
  Node* found = document::at(arena_of(n), *node_of(n), i, &name);
  if (!found) return {nullptr, 0};
  if (key && node_of(n)->kind == Kind::object) *key = str(name);
  return reached(found, n);
}

uint32_t count(slc_node n) noexcept {
  if (!SLC_CHECK_NODE(n, "count (sluice.document/1)")) return 0;
  n = SLC_PRESENT(n, "count");
  return n.p ? document::count(arena_of(n), *node_of(n)) : 0;
}

slc_status erase(slc_node n, slc_str key) noexcept {
  if (!SLC_CHECK_NODE(n, "erase (sluice.document/1)")) return SLC_ETHREAD;
  n = SLC_PRESENT(n, "erase");
  // A configuration is read by all workers and never changed.
  if (!n.p || !arena_of(n) || node_of(n)->kind != Kind::object || !sane(key)) return SLC_EINVAL;
  const auto erase = marks_gone_nodes ? document::erase_marking : document::erase;
  return erase(*arena_of(n), *node_of(n), view(key)) ? SLC_OK : SLC_ENOTFOUND;
}

slc_str source(slc_node n, slc_str format) noexcept {
  if (!SLC_CHECK_NODE(n, "source (sluice.document/1)")) return kAbsent;
  n = SLC_PRESENT(n, "source");
  if (!n.p || !sane(format)) return kAbsent;
  std::string_view text = document::source(arena_of(n), *node_of(n), view(format));
  return text.empty() ? kAbsent : str(text);
}

slc_str source_run(slc_node n, slc_str format, uint32_t i, uint32_t* members) noexcept {
  uint32_t taken = 0;
  std::string_view run;
  if (n.p && sane(format) && SLC_CHECK_NODE(n, "source_run (sluice.document/1)")) {
    n = SLC_PRESENT(n, "source_run");
    if (n.p) run = document::source_run(arena_of(n), *node_of(n), view(format), i, &taken);
  }
  if (members) *members = taken;
  return taken ? str(run) : kAbsent;
}

// ---- building ----

slc_status told(const slc_builder* b, bool ok) { return ok ? SLC_OK : b->build.too_deep() ? SLC_ELIMIT : SLC_EINVAL; }

slc_status begin(slc_builder* b, int32_t k) noexcept {
  if (k != SLC_ARRAY && k != SLC_OBJECT) return SLC_EINVAL;
  return told(b, b->build.begin(static_cast<Kind>(k)));
}
slc_status end(slc_builder* b) noexcept { return told(b, b->build.end()); }
slc_status key(slc_builder* b, slc_str s) noexcept { return told(b, sane(s) && b->build.key(view(s))); }
slc_status string(slc_builder* b, slc_str s) noexcept { return told(b, sane(s) && b->build.string(view(s))); }
slc_status string_stable(slc_builder* b, slc_str s) noexcept { return told(b, sane(s) && b->build.string(view(s), true)); }
slc_status number_text(slc_builder* b, slc_str s) noexcept { return told(b, sane(s) && b->build.number_text(view(s))); }
slc_status integer(slc_builder* b, int64_t v) noexcept { return told(b, b->build.integer(v)); }
slc_status number(slc_builder* b, double v) noexcept { return told(b, b->build.number(v)); }
slc_status literal(slc_builder* b, int32_t k, int32_t v) noexcept {
  if (k == SLC_BOOL) return told(b, b->build.boolean(v != 0));
  return k == SLC_NULL ? told(b, b->build.null()) : SLC_EINVAL;
}
slc_status copy(slc_builder* b, slc_node n) noexcept {
  Node* node = node_of(SLC_PRESENT(n, "copy"));
  return told(b, node ? b->build.copy(*node) : b->build.null());
}
bool is_kind(int32_t k) { return k >= SLC_NULL && k <= SLC_OBJECT; }
slc_status deferred(slc_builder* b, int32_t k, slc_str t) noexcept {
  return told(b, is_kind(k) && sane(t) && b->build.deferred(static_cast<Kind>(k), view(t)));
}
slc_status deferred_member(slc_builder* b, slc_str name, slc_str member, int32_t k, slc_str value) noexcept {
  return told(b, is_kind(k) && sane(name) && sane(member) && sane(value) &&
              b->build.deferred_member(view(name), view(member), static_cast<Kind>(k), view(value)));
}
slc_status deferred_members(slc_builder* b, slc_str text, const slc_member_range* ranges, uint32_t n) noexcept {
  bool ok = sane(text) && (ranges || !n);
  for (uint32_t i = 0; ok && i < n; ++i) {
    const slc_member_range& r = ranges[i];
    ok = is_kind(r.kind) &&
         b->build.deferred_member(view(text), {r.begin, r.key, r.key_end, r.value, r.end, static_cast<Kind>(r.kind)});
  }
  return told(b, ok);
}
int32_t whole(slc_builder* b) noexcept { return b->build.whole(); }
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
    .deferred_members = deferred_members,
    .whole = whole,
};

}  // namespace sluice::plugin

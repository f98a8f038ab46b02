// Documents as the checked plugin sees them: a handle that it gets of an exchange says for whom it was made, so that one which is kept
// for longer than the exchange lives is noticed instead of leading to whatever stands there by then. What leaves the document earlier
// is marked by the gateway (plugin::marks_gone_nodes), and looked for here. Handles of configurations are passed on as they are.
#include <cstring>
#include <utility>

#include "core/app/check/spy_book.h"
#include "core/document/node.h"

namespace sluice::app::check::spy {
namespace {

const slc_document_api* document_service = nullptr;  // the gateway's own

// What the odd epochs stand for; the gateway's are addresses, or 0.
struct Lease {
  uint64_t epoch = 0;  // the gateway's own
  bool over = false;
};
struct Leases {
  std::mutex mutex;
  std::pmr::unordered_map<uint64_t, Lease> all{&kept()};
  std::pmr::map<std::pair<const slc_exchange*, const Bound*>, uint64_t> current{&kept()};
  uint64_t last = 0;
};
Leases& leases() {
  static auto* l = new Leases;
  return *l;
}
constexpr size_t kMost = 100'000;  // the oldest are forgotten: a handle of one counts as over

// The gateway's own handle. Absent, and noted, when its time is over.
slc_node own(slc_node n, const char* function) {
  if (!(n.epoch & 1)) return n;
  uint64_t epoch = 0;
  {
    Leases& l = leases();
    const std::lock_guard lock{l.mutex};
    const auto it = l.all.find(n.epoch);
    if (it != l.all.end() && !it->second.over) epoch = it->second.epoch;
  }
  const bool gone = epoch && n.p && static_cast<document::Node*>(n.p)->flags & document::Node::kGone;
  if (epoch && !gone) return {n.p, epoch};
  const std::string who = std::string{inside.hook ? inside.hook : "a callback"} + " of " + name_of(inside.bound, where_now());
  if (gone)
    note(Rule::node, who + " gave " + function + " (sluice.document/1) a node that erase() or replace_data() had ended", who + " gone");
  else
    note(Rule::node, who + " gave " + function + " (sluice.document/1) a node of an exchange that was over: nodes are gone with it", who);
  return {nullptr, 0};
}
slc_node lent(slc_node found, slc_node from) {
  if (!found.p || !(from.epoch & 1)) return found;
  // Reached from a present one it is present, whatever another tree that shared it has marked.
  auto* node = static_cast<document::Node*>(found.p);
  if (node->flags & document::Node::kGone) node->flags &= static_cast<uint8_t>(~document::Node::kGone);
  return {found.p, from.epoch};
}

int32_t kind(slc_node n) noexcept { return document_service->kind(own(n, "kind")); }
slc_status as_int(slc_node n, int64_t* to) noexcept { return document_service->as_int(own(n, "as_int"), to); }
slc_status as_double(slc_node n, double* to) noexcept { return document_service->as_double(own(n, "as_double"), to); }
slc_status as_bool(slc_node n, int32_t* to) noexcept { return document_service->as_bool(own(n, "as_bool"), to); }
slc_str text(slc_node n) noexcept { return document_service->text(own(n, "text")); }
slc_node find(slc_node n, slc_str key) noexcept { return lent(document_service->find(own(n, "find"), key), n); }
slc_node at(slc_node n, uint32_t i, slc_str* key) noexcept { return lent(document_service->at(own(n, "at"), i, key), n); }
uint32_t count(slc_node n) noexcept { return document_service->count(own(n, "count")); }
slc_status erase(slc_node n, slc_str key) noexcept { return document_service->erase(own(n, "erase"), key); }
slc_str source(slc_node n, slc_str format) noexcept { return document_service->source(own(n, "source"), format); }
slc_str source_run(slc_node n, slc_str format, uint32_t i, uint32_t* members) noexcept {
  return document_service->source_run(own(n, "source_run"), format, i, members);
}
slc_status copy(slc_builder* b, slc_node n) noexcept { return document_service->copy(b, own(n, "copy")); }
void* alloc(slc_builder* b, size_t size) noexcept { return refused() ? nullptr : document_service->alloc(b, size); }

}  // namespace

slc_node lend(slc_node n, const slc_exchange* x, const Bound* to) {
  if (!n.p || !n.epoch) return n;
  Leases& l = leases();
  const std::lock_guard lock{l.mutex};
  uint64_t& lease = l.current[{x, to}];
  if (!lease || l.all[lease].epoch != n.epoch) {
    lease = l.last += 2;
    lease |= 1;
    l.all[lease] = {n.epoch, false};
    if (l.last / 2 > kMost) l.all.erase((l.last - 2 * kMost) | 1);
  }
  return {n.p, lease};
}

void nodes_over(const slc_exchange* x, const Bound* of) {
  Leases& l = leases();
  const std::lock_guard lock{l.mutex};
  const auto it = l.current.find({x, of});
  if (it == l.current.end()) return;
  if (const auto lease = l.all.find(it->second); lease != l.all.end()) lease->second.over = true;
  l.current.erase(it);
}

const void* document_table(const void* real) {
  static slc_document_api t;
  if (!document_service) {
    document_service = static_cast<const slc_document_api*>(real);
    std::memcpy(&t, real, sizeof t);
    t.kind = kind, t.as_int = as_int, t.as_double = as_double, t.as_bool = as_bool, t.text = text, t.find = find, t.at = at, t.count = count;
    t.erase = erase, t.source = source, t.source_run = source_run, t.copy = copy, t.alloc = alloc;
  }
  return &t;
}

}  // namespace sluice::app::check::spy

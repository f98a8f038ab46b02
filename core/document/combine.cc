#include "core/document/combine.h"

#include <algorithm>

namespace sluice::document {

namespace {
// Deeper than this the later value is taken as it is: documents may be 10,000 levels deep, the stack may not.
constexpr uint32_t kMaxDepth = 64;
}  // namespace

std::string_view to_string(Strategy s) {
  static constexpr std::string_view kNames[] = {"overwrite", "first", "deep", "concat", "zip", "error"};
  return kNames[static_cast<size_t>(s)];
}

MergeRules::MergeRules(Strategy fallback, std::string by) {
  root_.strategy = fallback;
  root_.by_hash = hash_key(by);
  root_.by = std::move(by);
}

const MergeRules::Rule* MergeRules::find(const std::vector<Rule>& rules, std::string_view key, uint32_t hash) {
  for (const Rule& r : rules)
    if (r.hash == hash && r.key == key) return &r;
  return nullptr;
}

const char* MergeRules::add(std::string_view dotted, Strategy strategy, std::string by) {
  if (dotted.empty()) return "expected a key";
  if (static_cast<size_t>(std::count(dotted.begin(), dotted.end(), '.')) >= kMaxSegments) return "a path has more than 32 segments";
  Rule* at = &root_;
  for (size_t from = 0;;) {
    size_t dot = dotted.find('.', from);
    std::string_view key = dotted.substr(from, dot == std::string_view::npos ? dot : dot - from);
    uint32_t hash = hash_key(key);
    auto there = std::find_if(at->below.begin(), at->below.end(), [&](const Rule& r) { return r.hash == hash && r.key == key; });
    if (there == at->below.end()) {
      Rule fresh;
      fresh.key = key, fresh.hash = hash;
      at->below.push_back(std::move(fresh));
      there = at->below.end() - 1;
    }
    at = &*there;
    if (dot == std::string_view::npos) break;
    from = dot + 1;
  }
  if (at->given) return "the key has a rule already";
  at->given = true;
  at->strategy = strategy;
  at->by_hash = hash_key(by);
  at->by = std::move(by);
  return nullptr;
}

class Combiner {
 public:
  using Rule = MergeRules::Rule;
  Combiner(Arena& arena, MergeConflict* conflict, MergeTrace* trace) : arena_{&arena}, conflict_{conflict}, trace_{trace}, path_{arena} {}

  bool run(std::span<Node> parts, const MergeRules& rules, Node* out) {
    const Rule& root = rules.root_;
    uint32_t total = 0, found = 0;
    Node* only = nullptr;
    for (Node& part : parts)
      if (part.kind == Kind::object) ++found, only = &part;
    if (found == 0 || (found == 1 && !trace_)) {
      *out = only ? *only : make_object();
      return true;
    }
    for (Node& part : parts)
      if (part.kind == Kind::object) open(*arena_, part), total += part.count;
    owners_.bind(*arena_);
    owners_.reserve(total);
    ObjectWriter result{*arena_};
    result.reserve(total);
    for (uint32_t i = 0; i < parts.size(); ++i) {
      if (parts[i].kind != Kind::object) continue;
      part_ = i;
      for (uint32_t k = 0; k < parts[i].count; ++k)
        if (!member(result, parts[i].members[k], root, root.strategy, 0)) return false;
    }
    *out = result.finish();
    return true;
  }

 private:
  struct Owner {
    uint32_t hash, part;
    std::string_view key;
  };

  // One member of a later object into what the earlier ones made.
  bool member(ObjectWriter& into, const Member& m, const Rule& around, Strategy fallback, uint32_t depth) {
    const Rule* rule = MergeRules::find(around.below, m.key, m.hash);
    const Strategy strategy = rule && rule->given ? rule->strategy : rule ? Strategy::deep : fallback;
    const Rule& inner = rule ? *rule : kNone;
    const std::string& by = rule && rule->given ? rule->by : around.by;
    Node* there = into.find(m.key, m.hash);
    if (!there) {
      into.append_unique(m);
      if (depth == 0 && strategy == Strategy::error) owners_.push({m.hash, part_, m.key});
      told(m.key, strategy, false);
      return true;
    }
    if (strategy == Strategy::error) {
      *conflict_ = {m.key, MergeConflict::kUnknown, part_};
      for (const Owner& o : owners_)
        if (o.hash == m.hash && o.key == m.key) conflict_->first = o.part;
      return false;
    }
    if (strategy == Strategy::first) return true;
    Node value = m.value;
    bool made = false;  // of both
    if (depth < kMaxDepth) {
      if (trace_) path_.push(m.key);
      bool fits = true;
      if (strategy == Strategy::deep) fits = deep(*there, m.value, inner, &value, &made, depth);
      if (strategy == Strategy::concat) made = concat(*there, m.value, &value);
      if (strategy == Strategy::zip) fits = zip(*there, m.value, inner, by, &value, &made, depth);
      if (trace_) path_.resize_down(path_.size() - 1);
      if (!fits) return false;
    }
    into.set(Member{m.key, m.hash, value, made ? std::string_view{} : m.source});
    told(m.key, strategy, made);
    return true;
  }

  // Members of `later` over those of `earlier`. Without two objects the later value stands.
  bool deep(Node& earlier, const Node& later, const Rule& rule, Node* value, bool* made, uint32_t depth) {
    if (earlier.kind != Kind::object || later.kind != Kind::object) return true;
    *made = true;
    return objects(earlier, later, rule, Strategy::deep, value, depth);
  }

  bool objects(const Node& earlier, const Node& later, const Rule& rule, Strategy fallback, Node* value, uint32_t depth) {
    Node a = earlier, b = later;
    open(*arena_, a);
    open(*arena_, b);
    ObjectWriter result{*arena_};
    const uint32_t before = a.kind == Kind::object ? a.count : 0;
    result.reserve(before + (b.kind == Kind::object ? b.count : 0));
    for (uint32_t i = 0; i < before; ++i) result.append_unique(a.members[i]);
    if (b.kind == Kind::object)
      for (uint32_t i = 0; i < b.count; ++i)
        if (!member(result, b.members[i], rule, fallback, depth + 1)) return false;
    *value = result.finish();
    return true;
  }

  bool concat(const Node& earlier, const Node& later, Node* value) {
    if (earlier.kind != Kind::array && later.kind != Kind::array) return false;
    Node a = earlier, b = later;
    auto count = [this](Node& n) {
      if (n.kind != Kind::array) return n.kind == Kind::null ? 0u : 1u;
      open(*arena_, n);
      return n.count;
    };
    auto put = [](Node* to, Node& n) {
      if (n.kind != Kind::array) {
        if (n.kind != Kind::null) new (to++) Node(n);
        return to;
      }
      for (uint32_t i = 0; i < n.count; ++i) new (to++) Node(n.elements[i]);
      return to;
    };
    Node list = array_of(count(a) + count(b));
    put(put(list.elements, a), b);
    *value = list;
    return true;
  }

  // The value of an element that says which ones belong together; nothing: none.
  struct Mark {
    Kind kind = Kind::null;
    std::string_view text{};
    uint32_t hash = 0;
    bool operator==(const Mark& o) const { return hash == o.hash && kind == o.kind && text == o.text; }
  };
  Mark mark(Node& element, std::string_view by) {
    if (element.kind != Kind::object) return {};
    Node* n = document::find(*arena_, element, by);
    if (!n || (n->kind != Kind::string && n->kind != Kind::number)) return {};
    std::string_view text = document::text(*arena_, *n);
    return {n->kind, text, hash_key(text)};
  }

  bool zip(const Node& earlier, const Node& later, const Rule& rule, const std::string& by, Node* value, bool* made, uint32_t depth) {
    if (earlier.kind != Kind::array || later.kind != Kind::array) return true;
    Node a = earlier, b = later;
    open(*arena_, a);
    open(*arena_, b);
    if (a.kind != Kind::array || b.kind != Kind::array) return true;
    *made = true;
    Node list = array_of(a.count + b.count);
    uint32_t size = 64;
    while (size < (a.count + b.count) * 2) size *= 2;
    auto* table = arena_->array<uint32_t>(size);  // open addressing, index + 1
    std::memset(table, 0, size * sizeof(uint32_t));
    auto* marks = arena_->array<Mark>(a.count + b.count + 1);
    auto slot = [&](const Mark& m) {
      uint32_t s = m.hash & (size - 1);
      while (table[s] && !(marks[table[s] - 1] == m)) s = (s + 1) & (size - 1);
      return s;
    };
    list.count = 0;
    auto append = [&](Node& element, const Mark& m) {
      new (list.elements + list.count) Node(element);
      new (marks + list.count) Mark(m);
      ++list.count;
      if (m.kind == Kind::null) return;
      uint32_t s = slot(m);
      if (!table[s]) table[s] = list.count;  // the first of equal ones is met by later ones
    };
    for (uint32_t i = 0; i < a.count; ++i) append(a.elements[i], mark(a.elements[i], by));
    for (uint32_t i = 0; i < b.count; ++i) {
      Mark m = mark(b.elements[i], by);
      uint32_t met = m.kind == Kind::null ? 0 : table[slot(m)];
      if (met == 0) {
        append(b.elements[i], m);
        continue;
      }
      Node both;
      if (!objects(list.elements[met - 1], b.elements[i], rule, Strategy::overwrite, &both, depth)) return false;
      list.elements[met - 1] = both;
    }
    *value = list;
    return true;
  }

  Node array_of(uint32_t n) {
    Node list;
    list.kind = Kind::array;
    list.count = n;
    list.elements = arena_->array<Node>(n ? n : 1);
    return list;
  }

  void told(std::string_view key, Strategy s, bool of_both) {
    if (!trace_) return;
    path_.push(key);
    trace_->member(path_.span(), part_, s, of_both);
    path_.resize_down(path_.size() - 1);
  }

  static const Rule kNone;
  Arena* arena_;
  MergeConflict* conflict_;
  MergeTrace* trace_;
  ArenaVector<std::string_view> path_;
  ArenaVector<Owner> owners_;  // of keys that only one part may have
  uint32_t part_ = 0;
};

const MergeRules::Rule Combiner::kNone{};

bool combine(Arena& arena, std::span<Node> parts, const MergeRules& rules, Node* out, MergeConflict* conflict, MergeTrace* trace) {
  return Combiner{arena, conflict, trace}.run(parts, rules, out);
}

}  // namespace sluice::document

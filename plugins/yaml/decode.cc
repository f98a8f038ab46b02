#include "decode.h"

#include <yaml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_set>
#include <vector>

#include "scalar.h"

namespace sluice::yaml {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kMaxDepth = 1'000;             // what libyaml itself allows when it builds documents
constexpr size_t kMaxBody = size_t{1} << 30;

struct Node {
  enum Kind : uint8_t { scalar, sequence, mapping, alias } kind = scalar;
  bool resolve = false;  // a scalar without quotes and without a tag that says string
  bool open = false;     // not ended yet: an alias to it would be a circle
  uint32_t text = 0, size = 0;           // of a scalar: a place in the pool
  uint32_t first = kNone, last = kNone, next = kNone, target = kNone;
};

// The first document as a tree. Aliases stay aliases: what they cost is counted when they are followed.
class Tree {
 public:
  // False: *why.
  bool read(std::string_view body, std::string* why) {
    if (body.empty()) return *why = "the body is empty", false;  // libyaml asserts that there is text
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return *why = "no memory for the document", false;
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(body.data()), body.size());
    bool ok = true;
    for (bool more = true; ok && more;) {
      yaml_event_t event;
      if (!yaml_parser_parse(&parser, &event)) {
        *why = "invalid YAML in line " + std::to_string(parser.problem_mark.line + 1) + ": " +
               (parser.problem ? parser.problem : "cannot be read");
        ok = false;
        break;
      }
      struct Free {
        yaml_event_t* event;
        ~Free() { yaml_event_delete(event); }
      } free{&event};
      more = event.type != YAML_DOCUMENT_END_EVENT && event.type != YAML_STREAM_END_EVENT;
      const char* wrong = take(event);
      if (wrong) {
        *why = "invalid YAML in line " + std::to_string(event.start_mark.line + 1) + ": " + wrong;
        ok = false;
      }
    }
    yaml_parser_delete(&parser);
    if (ok && nodes_.empty()) return *why = "the body is empty", false;
    return ok;
  }
  const Node& operator[](uint32_t i) const { return nodes_[i]; }
  std::string_view text(const Node& n) const { return {pool_.data() + n.text, n.size}; }
  uint32_t behind_aliases(uint32_t i) const { return nodes_[i].kind == Node::alias ? nodes_[i].target : i; }

 private:
  static std::string_view view(const yaml_char_t* s) { return s ? reinterpret_cast<const char*>(s) : std::string_view{}; }

  // Null, or what is wrong.
  const char* take(const yaml_event_t& e) {
    switch (e.type) {
      case YAML_SCALAR_EVENT: {
        std::string_view tag = view(e.data.scalar.tag);
        Node n;
        n.resolve = e.data.scalar.plain_implicit || (!tag.empty() && tag.starts_with("tag:yaml.org,2002:") && tag != "tag:yaml.org,2002:str" &&
                                                     tag != "tag:yaml.org,2002:binary");
        n.text = static_cast<uint32_t>(pool_.size()), n.size = static_cast<uint32_t>(e.data.scalar.length);
        pool_.append(reinterpret_cast<const char*>(e.data.scalar.value), e.data.scalar.length);
        add(n, view(e.data.scalar.anchor));
        return nullptr;
      }
      case YAML_ALIAS_EVENT: {
        auto found = anchors_.find(view(e.data.alias.anchor));
        if (found == anchors_.end()) return "an alias without an anchor";
        if (nodes_[found->second].open) return "an alias inside what it stands for";
        Node n;
        n.kind = Node::alias, n.target = found->second;
        add(n, {});
        return nullptr;
      }
      case YAML_SEQUENCE_START_EVENT: return begin(Node::sequence, view(e.data.sequence_start.anchor));
      case YAML_MAPPING_START_EVENT: return begin(Node::mapping, view(e.data.mapping_start.anchor));
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        nodes_[open_.back()].open = false;
        open_.pop_back();
        return nullptr;
      default: return nullptr;
    }
  }
  const char* begin(Node::Kind kind, std::string_view anchor) {
    if (open_.size() == kMaxDepth) return "nested too deep";
    Node n;
    n.kind = kind, n.open = true;
    open_.push_back(add(n, anchor));
    return nullptr;
  }
  uint32_t add(const Node& n, std::string_view anchor) {
    auto i = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back(n);
    if (!open_.empty()) {
      Node& p = nodes_[open_.back()];
      (p.first == kNone ? p.first : nodes_[p.last].next) = i;
      p.last = i;
    }
    if (!anchor.empty()) anchors_.insert_or_assign(std::string{anchor}, i);
    return i;
  }

  std::vector<Node> nodes_;
  std::vector<uint32_t> open_;
  std::map<std::string, uint32_t, std::less<>> anchors_;
  std::string pool_;
};

// Tokens of the tree. Aliases repeat what they stand for, so the result is bounded: by the body's size and some.
class Emission {
 public:
  Emission(const Tree& tree, Builder& out, size_t body) : tree_{tree}, out_{out}, budget_{body * 32 + (size_t{1} << 20)} {}

  const char* wrong() const { return wrong_; }

  void value(uint32_t i, size_t depth = 0) {
    const Node& n = tree_[tree_.behind_aliases(i)];
    // Each level is one of the tree's, or of an alias' target, which stands earlier: the recursion is bounded by this.
    if (depth > kMaxDepth) return fail("nested too deep");
    if (!spend(16 + n.size)) return;
    switch (n.kind) {
      case Node::scalar: return scalar(n);
      case Node::sequence:
        out_.begin_array();
        for (uint32_t c = n.first; c != kNone && !wrong_; c = tree_[c].next) value(c, depth + 1);
        out_.end();
        return;
      default:
        out_.begin_object();
        members(n, depth);
        out_.end();
    }
  }

 private:
  using Keys = std::unordered_set<std::string_view>;

  void fail(const char* why) { wrong_ = wrong_ ? wrong_ : why; }
  bool spend(size_t cost) {
    if (cost > budget_) fail("aliases make the document too big");
    budget_ -= std::min(budget_, cost);
    return !wrong_;
  }

  static bool is_merge(std::string_view key, const Node& n) { return n.resolve && key == "<<"; }
  // The key's text; false: it is none.
  bool key(uint32_t i, std::string_view* text) {
    const Node& n = tree_[tree_.behind_aliases(i)];
    if (n.kind != Node::scalar) return fail("a key is no scalar"), false;
    *text = tree_.text(n);
    return spend(n.size);
  }

  void members(const Node& n, size_t depth) {
    bool merges = false;
    std::string_view name;
    for (uint32_t k = n.first; k != kNone && !wrong_; k = tree_[tree_[k].next].next) {
      if (!key(k, &name)) return;
      if (is_merge(name, tree_[k])) {
        merges = true;
        continue;
      }
      out_.key(name);
      value(tree_[k].next, depth + 1);
    }
    if (!merges) return;
    // https://yaml.org/type/merge.html: what stands here wins, then earlier ones win over later ones.
    Keys seen;
    merge(n, seen, depth, true);
  }
  // `own`: the members of n are there already.
  void merge(const Node& n, Keys& seen, size_t depth, bool own) {
    if (depth > kMaxDepth) return fail("nested too deep");
    std::string_view name;
    for (uint32_t k = n.first; k != kNone && !wrong_; k = tree_[tree_[k].next].next) {
      if (!key(k, &name) || is_merge(name, tree_[k])) continue;
      if (!seen.insert(name).second || own) continue;
      out_.key(name);
      value(tree_[k].next, depth + 1);
    }
    for (uint32_t k = n.first; k != kNone && !wrong_; k = tree_[tree_[k].next].next) {
      if (!key(k, &name) || !is_merge(name, tree_[k])) continue;
      const Node& from = tree_[tree_.behind_aliases(tree_[k].next)];
      if (!spend(16)) return;
      if (from.kind == Node::mapping) {
        merge(from, seen, depth + 1, false);
      } else if (from.kind == Node::sequence) {
        for (uint32_t c = from.first; c != kNone && !wrong_; c = tree_[c].next) {
          const Node& one = tree_[tree_.behind_aliases(c)];
          if (one.kind != Node::mapping) return fail("a merge key stands for no mapping");
          merge(one, seen, depth + 1, false);
        }
      } else {
        return fail("a merge key stands for no mapping");
      }
    }
  }

  void scalar(const Node& n) {
    std::string_view s = tree_.text(n);
    switch (n.resolve ? classify(s) : Plain::text) {
      case Plain::null: out_.null(); return;
      case Plain::truth: out_.boolean(true); return;
      case Plain::lie: out_.boolean(false); return;
      case Plain::integer:
      case Plain::decimal: return number(s);
      default: out_.string(s);  // .inf and .nan too: JSON has no such numbers
    }
  }
  // Keeps the text where JSON would write it so, as JSON bodies do; other spellings are rewritten.
  void number(std::string_view s) {
    std::string plain;
    for (char c : s)
      if (c != '_') plain += c;
    bool negative = plain[0] == '-';
    if (negative || plain[0] == '+') plain.erase(0, 1);
    int base = plain.starts_with("0x") || plain.starts_with("0X")   ? 16
               : plain.starts_with("0o") || plain.starts_with("0O") ? 8
               : plain.starts_with("0b") || plain.starts_with("0B") ? 2
                                                                    : 10;
    if (base != 10) {
      uint64_t v = 0;
      auto [end, error] = std::from_chars(plain.data() + 2, plain.data() + plain.size(), v, base);
      if (error != std::errc{}) {  // more than 64 bits: a name rather than a number
        out_.string(s);
        return;
      }
      plain = std::to_string(v);
    }
    if (plain[0] == '.') plain.insert(0, 1, '0');
    size_t zeros = 0;
    while (zeros + 1 < plain.size() && plain[zeros] == '0' && plain[zeros + 1] >= '0' && plain[zeros + 1] <= '9') ++zeros;
    plain.erase(0, zeros);
    if (size_t dot = plain.find('.'); dot != plain.npos && (dot + 1 == plain.size() || plain[dot + 1] < '0' || plain[dot + 1] > '9'))
      plain.erase(dot, 1);
    if (negative) plain.insert(0, 1, '-');
    out_.number_text(plain);
  }

  const Tree& tree_;
  Builder& out_;
  size_t budget_;
  const char* wrong_ = nullptr;
};

}  // namespace

bool decode(std::string_view body, bool collection, Builder& out, std::string* why) {
  if (body.size() > kMaxBody) return *why = "the body is too big", false;
  Tree tree;
  if (!tree.read(body, why)) return false;
  const Node& root = tree[0];
  bool null = root.kind == Node::scalar && root.resolve && classify(tree.text(root)) == Plain::null;
  if (!null && root.kind != (collection ? Node::sequence : Node::mapping)) {
    *why = collection                      ? "the body is no YAML sequence, as \"is_collection\": true promises"
           : root.kind == Node::sequence ? "the body is a YAML sequence, not a mapping: the backend lacks \"is_collection\": true"
                                         : "the body is no YAML mapping";
    return false;
  }
  if (collection) out.begin_object().key("collection");
  Emission emission{tree, out, body.size()};
  emission.value(0);
  if (collection) out.end();
  if (!emission.wrong() && out.ok()) return true;
  *why = emission.wrong() ? emission.wrong() : "the document cannot be built";
  return false;
}

}  // namespace sluice::yaml

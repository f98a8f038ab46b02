#include "decode.h"

#include <algorithm>
#include <vector>

#include "sax.h"

namespace sluice::xml {

namespace {

constexpr uint32_t kNone = UINT32_MAX;

// An attribute, a text under "#text" (both leaves), or an element. Texts are places in one pool.
struct Node {
  uint32_t key = 0, key_size = 0, text = 0, text_size = 0;
  uint32_t first = kNone, last = kNone, next = kNone;
  uint32_t hash_text = kNone;  // the child "#text"
  bool has_text = false;
};

// The rules for an element's value, "Mixed-content rule exactly" of encodings.md §5.
class Tree : public Handler {
 public:
  bool start(std::string_view name, std::span<const Attribute> attributes) override {
    finish_run();
    std::string_view prefix, local;
    if (!local_name(name, &prefix, &local)) return false;
    uint32_t element = add(open_.empty() ? kNone : open_.back(), "", local);
    open_.push_back(element);
    for (const Attribute& a : attributes) {
      if (!local_name(a.name, &prefix, &local)) return false;
      set_text(add(element, "-", local), a.value);
    }
    return true;
  }
  bool end() override {
    finish_run();
    open_.pop_back();
    return true;
  }
  bool text(std::string_view s) override { return run_.append(s), true; }
  bool gap() override { return finish_run(), true; }
  const char* refusal() const override { return "a name with two colons"; }

  std::string_view key(const Node& n) const { return {pool_.data() + n.key, n.key_size}; }
  std::string_view text(const Node& n) const { return {pool_.data() + n.text, n.text_size}; }
  const Node& operator[](uint32_t i) const { return nodes_[i]; }

 private:
  uint32_t put(std::string_view s) {
    auto at = static_cast<uint32_t>(pool_.size());
    pool_ += s;
    return at;
  }
  uint32_t add(uint32_t parent, std::string_view sign, std::string_view name) {
    auto i = static_cast<uint32_t>(nodes_.size());
    Node n;
    n.key = put(sign), n.key_size = static_cast<uint32_t>(sign.size() + name.size());
    put(name);
    nodes_.push_back(n);
    if (parent != kNone) {
      Node& p = nodes_[parent];
      (p.first == kNone ? p.first : nodes_[p.last].next) = i;
      p.last = i;
    }
    return i;
  }
  void set_text(uint32_t node, std::string_view s) {
    nodes_[node].text = put(s), nodes_[node].text_size = static_cast<uint32_t>(s.size());
    nodes_[node].has_text = true;
  }
  // The text up to here is one run.
  void finish_run() {
    constexpr std::string_view kBlanks = "\t\r\b\n ";
    std::string_view s = run_;
    size_t begin = s.find_first_not_of(kBlanks);
    if (begin != s.npos && !open_.empty()) {
      s = s.substr(begin, s.find_last_not_of(kBlanks) - begin + 1);
      uint32_t element = open_.back();
      if (nodes_[element].first == kNone) {
        set_text(element, s);
      } else {
        if (nodes_[element].hash_text == kNone) {
          uint32_t leaf = add(element, "", "#text");
          nodes_[element].hash_text = leaf;
        }
        set_text(nodes_[element].hash_text, s);
      }
    }
    run_.clear();
  }

  std::vector<Node> nodes_;
  std::vector<uint32_t> open_;
  std::string pool_, run_;
};

// Tokens of the tree: members sorted, repeated names as arrays. No recursion, the tree may be deep.
class Emission {
 public:
  Emission(const Tree& tree, Builder& out) : tree_{tree}, out_{out} {}

  void run(uint32_t root) {
    value(root);
    while (!open_.empty() && out_.ok()) {
      Frame& f = open_.back();
      if (f.at == f.end) {
        out_.end();
        order_.resize(f.base);
        open_.pop_back();
      } else if (f.array) {
        value(order_[f.at++]);
      } else {
        member(f);
      }
    }
  }

 private:
  struct Frame {
    size_t base, at, end;  // places in order_; base: its size before
    bool array;
  };
  void member(Frame& f) {
    size_t begin = f.at, end = begin + 1;
    std::string_view key = tree_.key(tree_[order_[begin]]);
    while (end < f.end && tree_.key(tree_[order_[end]]) == key) ++end;
    f.at = end;
    out_.key(key);
    // Attributes that differ by their prefix only: the last one wins.
    if (end - begin == 1 || key.starts_with('-')) return value(order_[end - 1]);
    out_.begin_array();
    open_.push_back({order_.size(), begin, end, true});
  }
  void value(uint32_t i) {
    const Node& n = tree_[i];
    if (n.has_text || n.first == kNone) {
      out_.string(n.has_text ? tree_.text(n) : std::string_view{""});
      return;
    }
    size_t base = order_.size();
    for (uint32_t c = n.first; c != kNone; c = tree_[c].next) order_.push_back(c);
    std::stable_sort(order_.begin() + static_cast<std::ptrdiff_t>(base), order_.end(),
                     [&](uint32_t a, uint32_t b) { return tree_.key(tree_[a]) < tree_.key(tree_[b]); });
    out_.begin_object();
    open_.push_back({base, base, order_.size(), false});
  }

  const Tree& tree_;
  Builder& out_;
  std::vector<uint32_t> order_;
  std::vector<Frame> open_;
};

}  // namespace

bool decode(std::string_view body, bool collection, Builder& out, std::string* why) {
  Tree tree;
  if (!parse(body, Entities::strict, tree, why)) return false;
  if (collection) out.begin_object().key("collection");
  out.begin_object().key(tree.key(tree[0]));
  Emission{tree, out}.run(0);
  out.end();
  if (collection) out.end();
  if (out.ok()) return true;
  *why = out.status().value == SLC_ELIMIT ? "nested too deep" : "the document cannot be built";
  return false;
}

}  // namespace sluice::xml

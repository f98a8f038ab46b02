#include "core/document/node.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <random>
#include <vector>

#include "core/document/builder.h"

namespace sluice::document {

namespace {

uint64_t random_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// Gives a node of a shared array its own copy of it, so that what find() and at() hand out may be changed.
void unshare(Arena* arena, Node& n) {
  if (!(n.flags & Node::kShared) || !arena) return;
  n.flags &= static_cast<uint8_t>(~Node::kShared);
  if (!n.count) return;
  if (n.kind == Kind::object) {
    auto* own = arena->array<Member>(n.count);
    std::memcpy(static_cast<void*>(own), n.members, n.count * sizeof(Member));
    for (uint32_t i = 0; i < n.count; ++i) own[i].value = share(own[i].value);
    n.members = own;
  } else if (n.kind == Kind::array) {
    auto* own = arena->array<Node>(n.count);
    for (uint32_t i = 0; i < n.count; ++i) new (own + i) Node(share(n.elements[i]));
    n.elements = own;
  }
}

Node& child(Node& n, uint32_t i) { return n.kind == Kind::object ? n.members[i].value : n.elements[i]; }

bool walkable(const Node& n) { return n.container() && !n.deferred && n.count; }

// Did anything inside change since it was expanded? Marks every ancestor of a change on the way, so that a writer that
// walks down afterwards looks at each node at most twice. Iterates: a tree may be 10,000 levels deep.
bool changed(Arena* arena, Node& root) {
  if (root.flags & Node::kChanged) return true;
  if (!walkable(root) || !arena) return false;
  struct Frame {
    Node* node;
    uint32_t next;
  };
  constexpr uint32_t kInline = 32;
  Frame first[kInline];
  Frame* stack = first;
  uint32_t size = 0, capacity = kInline;
  stack[size++] = {&root, 0};
  while (size) {
    Frame& top = stack[size - 1];
    if (top.next == top.node->count) {
      --size;
      continue;
    }
    Node& n = child(*top.node, top.next++);
    if (n.flags & Node::kChanged) {
      for (uint32_t i = size; i-- && !(stack[i].node->flags & Node::kChanged);) stack[i].node->flags |= Node::kChanged;
    } else if (walkable(n)) {
      if (size == capacity) {
        auto* bigger = arena->array<Frame>(capacity * 2);
        std::memcpy(static_cast<void*>(bigger), stack, size * sizeof(Frame));
        stack = bigger, capacity *= 2;
      }
      stack[size++] = {&n, 0};
    }
  }
  return root.flags & Node::kChanged;
}

bool blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Does `next` stand right behind `before`, with blanks and one comma between? Never reads past the object that `before`
// stands in: a member is followed by blanks and then by a comma or the object's end, and a comma by another member.
bool adjacent(std::string_view before, std::string_view next) {
  const char *p = before.data() + before.size(), *to = next.data();
  if (p >= to) return false;
  while (p < to && blank(*p)) ++p;
  if (p == to || *p != ',') return false;
  ++p;
  while (p < to && blank(*p)) ++p;
  return p == to;
}

// Of a JSON number that no double holds: is it beyond the largest one (else it is too close to zero)?
bool too_big(std::string_view s) {
  size_t e = s.find_first_of("eE");
  std::string_view mantissa = s.substr(0, e);
  size_t point = std::min(mantissa.find('.'), mantissa.size()), digit = mantissa.find_first_of("123456789");
  if (digit == std::string_view::npos) return false;
  if (e == std::string_view::npos) return digit < point;
  std::string_view power = s.substr(e + 1);
  bool negative = power[0] == '-';
  if (negative || power[0] == '+') power.remove_prefix(1);
  int64_t exponent = 0, weight = static_cast<int64_t>(point) - static_cast<int64_t>(digit);
  if (std::from_chars(power.data(), power.data() + power.size(), exponent).ec != std::errc{}) return !negative;
  return weight + (negative ? -exponent : exponent) > 0;
}

}  // namespace

const uint64_t kHashSeed = random_seed();

void expand(Arena* arena, Node& n) {
  if (!n.deferred || !arena) return;
  Builder builder{*arena, n.format};
  Node fresh;
  if (n.format && n.format->expand(n.format, n.text, builder) && builder.finish(&fresh) && fresh.kind == n.kind && !fresh.deferred) {
    fresh.source = n.source;
    fresh.format = n.format;
    // A format that builds apart and hands the result over with copy() shares it with nobody. What stays is that a key came
    // twice: what allow and deny look into must not be written with the member that they never saw.
    fresh.flags &= Node::kChanged;
    n = fresh;
  } else {
    n = Node{};
  }
}

void open(Arena& arena, Node& n) {
  expand(&arena, n);
  unshare(&arena, n);
}

Node* find(Arena* arena, Node& object, std::string_view key) {
  if (object.kind != Kind::object) return nullptr;
  expand(arena, object);
  if (object.kind != Kind::object || object.deferred) return nullptr;
  unshare(arena, object);
  uint32_t hash = hash_key(key);
  for (Member *m = object.members, *end = m + object.count; m != end; ++m)
    if (m->hash == hash && m->key == key) return &m->value;
  return nullptr;
}

Node* at(Arena* arena, Node& container, uint32_t i, std::string_view* key) {
  if (key) *key = {};
  expand(arena, container);
  if (!container.container() || container.deferred || i >= container.count) return nullptr;
  unshare(arena, container);
  if (container.kind == Kind::array) return &container.elements[i];
  if (key) *key = container.members[i].key;
  return &container.members[i].value;
}

uint32_t count(Arena* arena, Node& container) {
  if (!container.container()) return 0;
  expand(arena, container);
  return container.deferred ? 0 : container.count;
}

std::string_view text(Arena* arena, Node& scalar) {
  if (scalar.kind != Kind::string && scalar.kind != Kind::number) return {};
  expand(arena, scalar);
  return scalar.deferred ? std::string_view{} : scalar.text;
}

bool boolean(Arena* arena, Node& n) {
  if (n.kind != Kind::boolean) return false;
  expand(arena, n);
  return !n.deferred && n.kind == Kind::boolean && n.boolean;
}

std::optional<int64_t> as_integer(Arena* arena, Node& n) {
  if (n.kind != Kind::number) return std::nullopt;
  std::string_view s = text(arena, n);
  int64_t v = 0;
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (error == std::errc{} && end == s.data() + s.size()) return v;
  std::optional<double> d = as_double(arena, n);
  // Beyond 2^53 a double no longer tells one integer from the next.
  if (!d || std::trunc(*d) != *d || std::fabs(*d) > 9007199254740992.0) return std::nullopt;
  if (s.find_first_of(".eE") == std::string_view::npos) return std::nullopt;
  return static_cast<int64_t>(*d);
}

std::optional<double> as_double(Arena* arena, Node& n) {
  if (n.kind != Kind::number) return std::nullopt;
  std::string_view s = text(arena, n);
  double v = 0;
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (end != s.data() + s.size() || s.empty()) return std::nullopt;
  if (error == std::errc{}) return v;
  if (error != std::errc::result_out_of_range || too_big(s)) return std::nullopt;
  return s[0] == '-' ? -0.0 : 0.0;
}

bool is_empty_object(Arena* arena, Node& n) { return n.kind == Kind::object && count(arena, n) == 0 && n.kind == Kind::object; }

std::string_view source(Arena* arena, Node& n, std::string_view format) {
  if (n.source.empty() || !n.format || n.format->name != format || changed(arena, n)) return {};
  return n.source;
}

std::string_view source_run(Arena* arena, Node& object, std::string_view format, uint32_t i, uint32_t* members) {
  *members = 0;
  if (object.kind != Kind::object) return {};
  expand(arena, object);
  if (object.kind != Kind::object || object.deferred || i >= object.count) return {};
  const Format* known = nullptr;
  auto usable = [&](Member& m) {
    if (m.source.empty() || !m.value.format) return false;
    if (m.value.format != known) {
      if (m.value.format->name != format) return false;
      known = m.value.format;
    }
    return !changed(arena, m.value);
  };
  Member* m = object.members + i;
  Member* end = object.members + object.count;
  if (!usable(*m)) return {};
  const char* begin = m->source.data();
  uint32_t n = 1;
  while (m + 1 != end && !m[1].source.empty() && adjacent(m->source, m[1].source) && usable(m[1])) ++m, ++n;
  *members = n;
  return {begin, static_cast<size_t>(m->source.data() + m->source.size() - begin)};
}

namespace {

uint32_t place_of(const Node& object, const Node* value) {
  uint32_t i = 0;
  while (&object.members[i].value != value) ++i;
  return i;
}

// Member i goes. `copied`: into an array of its own, whoever has one already.
void erase_at(Arena& arena, Node& object, uint32_t i, bool copied) {
  if (copied || !(object.flags & Node::kOwnArray)) {
    auto* own = arena.array<Member>(object.count);
    std::memcpy(static_cast<void*>(own), object.members, object.count * sizeof(Member));
    object.members = own;
    object.flags |= Node::kOwnArray;
  }
  std::memmove(static_cast<void*>(object.members + i), object.members + i + 1, (object.count - i - 1) * sizeof(Member));
  --object.count;
  object.source = {};
  object.flags |= Node::kChanged;
}

}  // namespace

bool erase(Arena& arena, Node& object, std::string_view key) {
  Node* hit = find(&arena, object, key);  // expands, unshares
  if (!hit) return false;
  erase_at(arena, object, place_of(object, hit), false);
  return true;
}

bool erase_marking(Arena& arena, Node& object, std::string_view key) {
  Node* hit = find(&arena, object, key);
  if (!hit) return false;
  mark_inside(*hit);
  Member* before = object.members;
  const uint32_t count = object.count;
  erase_at(arena, object, place_of(object, hit), count <= kMostCopied);
  if (object.members != before)
    for (uint32_t i = 0; i < count; ++i) before[i].value.flags |= Node::kGone;
  return true;
}

void mark_inside(Node& root) {
  std::vector<Node*> left{&root};
  while (!left.empty()) {
    Node& n = *left.back();
    left.pop_back();
    if (!walkable(n) || n.flags & Node::kShared) continue;
    for (uint32_t i = 0; i < n.count; ++i) {
      child(n, i).flags |= Node::kGone;
      left.push_back(&child(n, i));
    }
  }
}

Member* ObjectWriter::lookup(std::string_view key, uint32_t hash) {
  if (!may_have(hash)) return nullptr;
  if (members_.size() <= 16) {
    for (Member& m : members_)
      if (m.hash == hash && m.key == key) return &m;
    return nullptr;
  }
  index();
  for (uint32_t slot = hash & mask_; table_[slot]; slot = (slot + 1) & mask_) {
    Member& m = members_[table_[slot] - 1];
    if (m.hash == hash && m.key == key) return &m;
  }
  return nullptr;
}

void ObjectWriter::index() {
  if (indexed_ == members_.size()) return;
  if (!table_ || members_.size() * 2 > mask_) {
    uint32_t size = 64;
    while (size < members_.size() * 4) size *= 2;
    table_ = arena_->array<uint32_t>(size);
    std::memset(table_, 0, size * sizeof(uint32_t));
    mask_ = size - 1, indexed_ = 0;
  }
  for (; indexed_ < members_.size(); ++indexed_) {
    uint32_t slot = members_[indexed_].hash & mask_;
    while (table_[slot]) slot = (slot + 1) & mask_;
    table_[slot] = indexed_ + 1;
  }
}

void ObjectWriter::set(const Member& m) {
  if (Member* old = lookup(m.key, m.hash)) {
    old->value = m.value;
    old->source = m.source;
    replaced_ = true;
  } else {
    append_unique(m);
  }
}

Node* ObjectWriter::find(std::string_view key, uint32_t hash) {
  Member* m = lookup(key, hash);
  return m ? &m->value : nullptr;
}

Node ObjectWriter::finish() {
  Node n;
  n.kind = Kind::object;
  n.count = members_.size();
  n.members = members_.finish();
  if (replaced_) n.flags = Node::kChanged;
  return n;
}

Node make_string(std::string_view stable) {
  Node n;
  n.kind = Kind::string, n.text = stable;
  return n;
}

Node make_number(std::string_view stable_text) {
  Node n;
  n.kind = Kind::number, n.text = stable_text;
  return n;
}

Node make_bool(bool v) {
  Node n;
  n.kind = Kind::boolean, n.boolean = v;
  return n;
}

Node make_null() { return {}; }

Node make_object() {
  Node n;
  n.kind = Kind::object, n.members = nullptr;
  return n;
}

}  // namespace sluice::document

// The response tree. Small flat nodes in an arena; a tree never owns memory and never outlives its arena.
//
// A node may be *deferred*: text in the decoder's format that has been validated but not yet looked into. Reading its
// children expands it by one level; writing it in the same format copies the text (architecture page, "never parse what
// nobody asked for"). Objects keep document order; a duplicate key: the last one wins, in the place of the first.
// One thread, except configuration trees, which are expanded when built and read by anybody.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/base/arena.h"
#include "core/document/tail_vector.h"

namespace sluice::document {

enum class Kind : uint8_t { null, boolean, number, string, array, object };  // order of SLC_NULL…SLC_OBJECT

struct Node;
class Builder;

// Who can expand deferred text. One per decoder plugin and generation; outlives the exchanges that use it.
struct Format {
  std::string_view name;  // "json"
  // Feeds the value in `text` into the builder, children deferred where the decoder likes. False: cannot be (the text was
  // validated before, so this is a decoder's bug; the node reads as null).
  bool (*expand)(const Format*, std::string_view text, Builder&) noexcept = nullptr;
  void* context = nullptr;
};

struct Member;

// 56 bytes. Value semantics: copying a node copies the reference to its children, so a copied container shares them
// (children are never changed in place once another node refers to them: shaping builds new member arrays, erase() copies
// the array first). Expanding a deferred child in place is no change.
struct Node {
  static constexpr uint8_t kChanged = 1;   // something inside differs from `source`
  static constexpr uint8_t kShared = 2;    // the children's array belongs to another tree, maybe of another thread
  static constexpr uint8_t kOwnArray = 4;  // the children's array was made by erase() for this node alone
  static constexpr uint8_t kGone = 8;      // taken out of its tree by erase_marking() or mark_inside(): only stale handles lead here

  Kind kind = Kind::null;
  bool deferred = false;    // children not read yet (array, object), or scalar still in source form
  bool boolean = false;
  uint8_t flags = 0;
  uint32_t count = 0;       // children, when !deferred
  std::string_view text{};  // string: decoded characters; number: its text; deferred: decoded on demand
  union {
    Node* elements = nullptr;  // array
    Member* members;           // object
  };
  std::string_view source{};        // source text in `format`, or empty; read it through source(), which knows of changes
  const Format* format = nullptr;

  bool container() const { return kind >= Kind::array; }
};

struct Member {
  std::string_view key;     // decoded characters
  uint32_t hash = 0;        // hash_key(key)
  Node value;
  // The whole member, key included, as it stands in its object's text (so in memory blanks and a comma, or the end of the
  // object, follow it); or empty. Read it through source_run().
  std::string_view source;
};

// Random for the process: keys come from backends, and a chosen set of colliding keys must not make objects quadratic.
extern const uint64_t kHashSeed;

// Equal characters give equal numbers, within this process only.
inline uint32_t hash_key(std::string_view s) {
  __extension__ using Wide = unsigned __int128;
  auto mix = [](uint64_t a, uint64_t b) {
    Wide w = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(w) ^ static_cast<uint64_t>(w >> 64);
  };
  auto load8 = [](const char* p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
  };
  auto load4 = [](const char* p) {
    uint32_t v;
    std::memcpy(&v, p, 4);
    return uint64_t{v};
  };
  constexpr uint64_t kOdd1 = 0x9e3779b97f4a7c15u, kOdd2 = 0xd1342543de82ef95u;
  const char* p = s.data();
  size_t n = s.size();
  uint64_t h = kHashSeed ^ (n * kOdd1), tail = 0;
  if (n >= 8) {
    for (size_t left = n; left > 8; left -= 8, p += 8) h = mix(h ^ load8(p), kOdd1);
    tail = load8(s.data() + n - 8);
  } else if (n >= 4) {
    tail = load4(p) << 32 | load4(p + n - 4);
  } else if (n) {
    tail = static_cast<uint64_t>(static_cast<uint8_t>(p[0])) << 16 | static_cast<uint64_t>(static_cast<uint8_t>(p[n / 2])) << 8 |
           static_cast<uint8_t>(p[n - 1]);
  }
  h = mix(h ^ tail, kOdd2);
  return static_cast<uint32_t>(h ^ (h >> 32));
}

// A tree with the arena that its expansion allocates from.
struct Document {
  Arena* arena = nullptr;
  Node root;
};

// ---- reading ----
// `arena` is where a deferred node expands to; the node itself is changed from deferred to expanded. With arena == nullptr
// (configuration trees: everything is expanded, many threads read) nothing is written to the tree, and a node that is
// deferred after all reads as empty.

void expand(Arena*, Node&);  // no effect when nothing is deferred
// expand(), and a children's array of another tree is copied: its nodes may be changed or moved into another object then.
void open(Arena&, Node&);
// Member by key, nullptr when absent or no object.
Node* find(Arena*, Node& object, std::string_view key);
// Member or element i in document order, nullptr past the end; *key (may be null) is empty for elements.
Node* at(Arena*, Node& container, uint32_t i, std::string_view* key);
uint32_t count(Arena*, Node& container);
// Characters of a string or text of a number, expanding the scalar; empty for other kinds.
std::string_view text(Arena*, Node& scalar);
bool boolean(Arena*, Node&);  // false for other kinds
// nullopt: no number, or none that fits. 1.0 and 1e3 are integers.
std::optional<int64_t> as_integer(Arena*, Node&);
std::optional<double> as_double(Arena*, Node&);
bool is_empty_object(Arena*, Node&);

inline void expand(Arena& arena, Node& n) { expand(&arena, n); }
inline Node* find(Arena& arena, Node& object, std::string_view key) { return find(&arena, object, key); }
inline uint32_t count(Arena& arena, Node& container) { return count(&arena, container); }
inline std::string_view text(Arena& arena, Node& scalar) { return text(&arena, scalar); }
inline bool is_empty_object(Arena& arena, Node& n) { return is_empty_object(&arena, n); }

// ---- source text ----

// What the decoder of `format` handed over for this value, if nobody changed anything inside; else empty.
std::string_view source(Arena*, Node&, std::string_view format);
// The longest run of members beginning with the i-th whose source text is one piece of memory: key:value,key:value, with
// nothing but blanks and one comma between neighbours. *members says how many; 0 and empty: member i has no source text.
std::string_view source_run(Arena*, Node& object, std::string_view format, uint32_t i, uint32_t* members);

// ---- changing ----

// False when absent. Pointers to the object's other members become invalid.
bool erase(Arena&, Node& object, std::string_view key);
// The same, for whoever wants to know of handles that are used although they are invalid: the places that the members had are
// left, marked kGone, as is everything inside of the one that was erased. Costs a copy of the members each time; of objects with
// more than kMostCopied members the first time only, afterwards they move in place and just what was erased is marked.
constexpr uint32_t kMostCopied = 512;
bool erase_marking(Arena&, Node& object, std::string_view key);
// Marks everything inside of `root` that no other tree uses; not the root itself.
void mark_inside(Node& root);
// A copy to be put into another tree: reading through it never hands out a node of the original tree.
inline Node share(const Node& n) {
  Node copy = n;
  copy.flags = static_cast<uint8_t>(n.flags & ~Node::kGone);
  if (n.container() && !n.deferred && n.count)
    copy.flags = static_cast<uint8_t>((copy.flags & ~Node::kOwnArray) | Node::kShared);
  return copy;
}

// A growable object under construction with last-wins semantics. Looks keys up by hash; builds an index past 16 members.
class ObjectWriter {
 public:
  explicit ObjectWriter(Arena& arena) : arena_{&arena}, members_{arena} {}
  void reserve(uint32_t n) { members_.reserve(n); }
  // Overwrites in place when the key is there already.
  void set(const Member&);
  void set(std::string_view key, const Node& value) { set(Member{key, hash_key(key), value, {}}); }
  // Caller knows that the key is new.
  void append_unique(const Member& m) {
    note(m.hash);
    members_.push(m);
  }
  // The place of this key's value, for writing it without a copy: all fields of the member's value and source are unset.
  Member& place(std::string_view key, uint32_t hash) {
    if (may_have(hash)) [[unlikely]]
      if (Member* old = lookup(key, hash)) return replaced_ = true, *old;
    note(hash);
    Member& m = members_.push_raw();
    m.key = key, m.hash = hash;
    return m;
  }
  Node* find(std::string_view key, uint32_t hash);
  uint32_t size() const { return members_.size(); }
  // The object, kChanged if a key came twice: the text it was read from has what is no longer in it. The writer must not be used
  // afterwards.
  Node finish();

 private:
  // A small Bloom filter: most keys of most objects are new, and this says so without looking at the others.
  bool may_have(uint32_t hash) const { return seen_[hash >> 30] >> (hash >> 24 & 63) & 1; }
  void note(uint32_t hash) { seen_[hash >> 30] |= uint64_t{1} << (hash >> 24 & 63); }
  Member* lookup(std::string_view key, uint32_t hash);
  void index();
  uint64_t seen_[4]{};
  Arena* arena_;
  TailVector<Member> members_;
  uint32_t* table_ = nullptr;  // open addressing, index + 1
  uint32_t mask_ = 0, indexed_ = 0;
  bool replaced_ = false;
};

Node make_string(std::string_view stable);
Node make_number(std::string_view stable_text);
Node make_bool(bool);
Node make_null();
Node make_object();  // empty

}  // namespace sluice::document

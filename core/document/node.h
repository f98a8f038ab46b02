// The response tree. Small flat nodes in an arena; a tree never owns memory and never outlives its arena.
//
// A node may be *deferred*: text in the decoder's format that has been validated but not yet looked into. Reading its
// children expands it by one level; writing it in the same format copies the text (architecture page, "never parse what
// nobody asked for"). Objects keep document order; a duplicate key: the last one wins, in the place of the first.
// One thread, except configuration trees, which are expanded when built and read by anybody.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/base/arena.h"

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

// 40 bytes. Value semantics: copying a node copies the reference to its children, so a copied container shares them
// (children are never changed in place once another node refers to them: shaping builds new member arrays).
struct Node {
  Kind kind = Kind::null;
  bool deferred = false;    // children not read yet (array, object), or scalar still in source form
  bool boolean = false;
  uint32_t count = 0;       // children, when !deferred
  std::string_view text{};  // string: decoded characters; number: its text; deferred: decoded on demand
  union {
    Node* elements = nullptr;  // array
    Member* members;           // object
  };
  std::string_view source{};        // untouched source text in `format`, or empty
  const Format* format = nullptr;
};

struct Member {
  std::string_view key;     // decoded characters
  uint32_t hash = 0;        // hash_key(key)
  Node value;
  std::string_view source;  // the whole member, key included, untouched; or empty
};

inline uint32_t hash_key(std::string_view s) {  // FNV-1a over length and at most 16 bytes of either end
  uint32_t h = 2166136261u ^ static_cast<uint32_t>(s.size());
  size_t n = s.size();
  for (size_t i = 0; i < n; ++i) {
    if (i == 16 && n > 32) i = n - 16;
    h = (h ^ static_cast<uint8_t>(s[i])) * 16777619u;
  }
  return h;
}

// A tree with the arena that its expansion allocates from.
struct Document {
  Arena* arena = nullptr;
  Node root;
};

// ---- reading; `arena` is where a deferred node expands to. The node itself is changed from deferred to expanded ----

void expand(Arena&, Node&);  // no effect when nothing is deferred
// Member by key, nullptr when absent or no object.
Node* find(Arena&, Node& object, std::string_view key);
uint32_t count(Arena&, Node& container);
// Characters of a string or text of a number, expanding the scalar.
std::string_view text(Arena&, Node& scalar);
bool is_empty_object(Arena&, Node&);

// ---- writing members ----

// A growable object under construction with last-wins semantics. Looks keys up by hash; builds an index past 16 members.
class ObjectWriter {
 public:
  explicit ObjectWriter(Arena& arena) : arena_{&arena}, members_{arena} {}
  void reserve(uint32_t n) { members_.reserve(n); }
  // Overwrites in place when the key is there already.
  void set(const Member&);
  void set(std::string_view key, const Node& value) { set(Member{key, hash_key(key), value, {}}); }
  // Caller knows that the key is new.
  void append_unique(const Member& m) { members_.push(m); }
  Node* find(std::string_view key, uint32_t hash);
  uint32_t size() const { return members_.size(); }
  // The object. The writer must not be used afterwards.
  Node finish();

 private:
  void index();
  Arena* arena_;
  ArenaVector<Member> members_;
  uint32_t* table_ = nullptr;  // open addressing, index + 1
  uint32_t mask_ = 0, indexed_ = 0;
};

Node make_string(std::string_view stable);
Node make_number(std::string_view stable_text);
Node make_bool(bool);
Node make_null();
Node make_object();  // empty

}  // namespace sluice::document

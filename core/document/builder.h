// Receives a document token by token: the host side of slc_builder. Decoders, plugins and the configuration feed it.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/document/node.h"

namespace sluice::document {

// RFC 8259 §6, the whole text.
bool is_json_number(std::string_view);
// Shortest text that reads back as the same double, in the reference's form (pipeline.md §8.1): plain notation for
// 1e-6 <= |x| < 1e21, else an exponent with sign and without leading zeros. `out` has room for 32 bytes. Finite numbers only.
size_t format_number(double, char* out);

class Builder {
 public:
  static constexpr uint32_t kMaxDepth = 10'000;  // encodings.md §2
  // `format`: who expands the deferred text handed over; may be null when there is none.
  Builder(Arena& arena, const Format* format) : arena_{&arena}, format_{format} {}

  // Members of the root object that nobody will look at need not be kept: only these names are wanted (deferred_member).
  // The list outlives the builder.
  void want_only(const std::vector<std::string>* names) { wanted_ = names; }

  // Nobody will look into the root: it may come as one deferred piece.
  void want_whole(bool whole) { whole_ = whole; }
  bool whole() const { return whole_ && format_; }

  // Each answers false when the token does not fit (a value without key in an object, one end too many, a second root,
  // too deep); the builder is spoilt then and finish() fails.
  bool begin(Kind array_or_object);
  bool end();
  bool key(std::string_view decoded, bool stable = false);
  bool string(std::string_view decoded, bool stable = false);
  bool number_text(std::string_view, bool stable = false);  // refuses what is no JSON number (RFC 8259 §6)
  bool integer(int64_t);
  bool number(double);  // shortest form; NaN and infinities are refused
  bool boolean(bool);
  bool null();
  bool copy(const Node&);
  // The text is stable. Refused without a format.
  bool deferred(Kind, std::string_view text);
  // `key` and `member` are stable; `value` lies inside `member`, which stands in its object's text: behind it, in the same
  // memory, come blanks and then a comma or the object's end (source_run() relies on it).
  bool deferred_member(std::string_view key, std::string_view member, Kind, std::string_view value);
  // deferred_member() for members of one text, as offsets into it; the keys stand there as they are.
  struct Range {
    uint32_t begin, key, key_end, value, end;
    Kind kind;
  };
  bool deferred_member(std::string_view text, const Range& r) {
    if (!(r.begin <= r.key && r.key <= r.key_end && r.key_end <= r.value && r.value <= r.end && r.end <= text.size())) return fail();
    const char* t = text.data();
    return deferred_member({t + r.key, r.key_end - r.key}, {t + r.begin, r.end - r.begin}, r.kind, {t + r.value, r.end - r.value});
  }

  // True and *out set when exactly one whole value has come.
  bool finish(Node* out);
  bool failed() const { return failed_; }
  // Why it failed: true when begin() was refused for depth.
  bool too_deep() const { return too_deep_; }
  Arena& arena() { return *arena_; }

 private:
  struct Level;
  bool wants(std::string_view key) const {
    for (const std::string& name : *wanted_)
      if (name.size() == key.size() && std::memcmp(name.data(), key.data(), key.size()) == 0) return true;
    return false;
  }
  bool value(const Node&, std::string_view member_source = {});
  bool fail() { return failed_ = true, false; }
  Arena* arena_;
  const Format* format_;
  const std::vector<std::string>* wanted_ = nullptr;
  Level* top_ = nullptr;
  Level* spare_ = nullptr;
  uint32_t depth_ = 0;
  Node root_;
  bool done_ = false, failed_ = false, too_deep_ = false, whole_ = false;
};

}  // namespace sluice::document

// JSON text in one pass over the bytes: the grammar of RFC 8259 with the reference's limits (encodings.md §2), the ranges of
// the top-level members, and what expanding a value later needs. The walk over a structural index (walk.h) gives the same
// verdict and ranges faster; this one takes what the index refuses, explains what is wrong, and is the walk's oracle in
// tests. Pure functions, any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::json {

constexpr uint32_t kMaxDepth = 10'000;          // encodings.md §2
constexpr size_t kMaxText = 0xffff0000u;        // offsets have 32 bits

// Offsets of one member of the top-level object. The key's quotes stand at key - 1 and key_end.
struct MemberRange {
  uint32_t key, key_end, value, value_end;
  bool operator==(const MemberRange&) const = default;
};
using Members = std::vector<MemberRange>;

struct Scan {
  size_t begin = 0, end = 0;   // the first value; what follows it is not looked at
  size_t wrong_at = 0;
  const char* wrong = nullptr;  // why it was refused; static
};

constexpr bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Validates the first value in `text` (UTF-8 excepted) and lists its members if it is an object. False: scan->wrong.
bool scan(std::string_view text, Members& members, Scan*);

// Are all escapes in this text ones that RFC 8259 §7 knows? For text whose grammar is checked otherwise. *any: it has some.
bool escapes_ok(std::string_view text, bool* any);

// Length of the valid UTF-8 sequence at p (RFC 3629 §4), 0: a bad byte.
size_t utf8_sequence(const char* p, const char* end);
// Number of bytes that belong to no valid sequence.
size_t bad_utf8_bytes(std::string_view);
// Writes U+FFFD for each bad byte; out has room for text.size() + 2 * bad_utf8_bytes(text).
size_t repair_utf8(std::string_view text, char* out);

// ---- on text that was validated before: no checks but bounds ----

// Behind the value that begins at p. *deepest becomes the number of levels in it, a scalar has none.
const char* skip_value(const char* p, const char* end, uint32_t* deepest);
// Those containers of the value that `text` is which take more than half of it. They stand one in the other, so there is one
// list of them, outermost (the value itself) first. Writes the offsets of their opening brackets to `open`, which has room
// for one per level, and answers how many there are.
uint32_t heavy_path(std::string_view text, uint32_t* open);
const char* skip_blanks(const char* p, const char* end);
// Behind the closing quote; p stands behind the opening one.
const char* skip_string(const char* p, const char* end);
// Decodes the characters between the quotes; `out` has room for as many bytes. Lone surrogates become U+FFFD.
size_t decode_string(std::string_view inner, char* out);

}  // namespace sluice::json

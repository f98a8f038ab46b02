#include "walk.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::json {

// What is used here is no public interface of simdjson: other releases have to be looked at first.
static_assert(simdjson::SIMDJSON_VERSION_MAJOR == 3 && simdjson::SIMDJSON_VERSION_MINOR == 0);

struct Index::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  size_t capacity = 0;
};

Index::Index() : impl_{std::make_unique<Impl>()} {}
Index::~Index() = default;

bool Index::build(std::string_view text) {
  if (text.size() > impl_->capacity) {
    size_t capacity = std::max<size_t>(16 * 1024, std::max(text.size(), impl_->capacity * 2));
    impl_->capacity = 0;
    // The depth is for simdjson's second stage, which never runs.
    simdjson::error_code error =
        impl_->parser ? impl_->parser->set_capacity(capacity)
                      : simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, impl_->parser);
    if (error) {
      impl_->parser.reset();
      return false;
    }
    impl_->capacity = capacity;
  }
  return impl_->parser->stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(), simdjson::stage1_mode::regular) ==
         simdjson::SUCCESS;
}

const uint32_t* Index::places() const { return impl_->parser->structural_indexes.get(); }
uint32_t Index::count() const { return impl_->parser->n_structural_indexes; }

void Index::shrink() {
  constexpr size_t kKeep = 4 << 20;  // its index takes four bytes per byte of text
  if (impl_->capacity <= kKeep) return;
  impl_->parser.reset();
  impl_->capacity = 0;
}

namespace {

bool digit(char c) { return static_cast<unsigned>(c - '0') < 10; }
bool ends_scalar(char c) {
  // One bit for each of the seven characters that may follow: 9, 10, 13, 32, 44 below 64, and 93, 125 above.
  constexpr uint64_t kLow = uint64_t{1} << '\t' | uint64_t{1} << '\n' | uint64_t{1} << '\r' | uint64_t{1} << ' ' | uint64_t{1} << ',';
  constexpr uint64_t kHigh = uint64_t{1} << (']' - 64) | uint64_t{1} << ('}' - 64);
  auto u = static_cast<uint8_t>(c);
  return u < 128 && ((u < 64 ? kLow : kHigh) >> (u % 64) & 1);
}

// Need no bounds: a later place exists, and between two places there is a blank, a bracket or a comma at the latest, at which
// all of them stop.
bool number(const char* p) {
  if (*p == '-') ++p;
  if (*p == '0')
    ++p;
  else {
    if (!digit(*p)) return false;
    do ++p;
    while (digit(*p));
  }
  if (*p == '.') {
    if (!digit(*++p)) return false;
    do ++p;
    while (digit(*p));
  }
  if ((*p | 0x20) == 'e') {
    ++p;
    if (*p == '+' || *p == '-') ++p;
    if (!digit(*p)) return false;
    do ++p;
    while (digit(*p));
  }
  return ends_scalar(*p);
}

// The same for what most numbers are, an integer or a plain decimal fraction of fewer than 16 characters, without a jump that
// depends on the digits: their lengths are as good as random, and a mispredicted jump costs more than all of this. False:
// number() knows. Reads 16 bytes.
bool short_number([[maybe_unused]] const char* p) {
#if defined(__SSE2__)
  auto mask = [](__m128i v) { return static_cast<uint32_t>(_mm_movemask_epi8(v)); };
  __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  __m128i from_zero = _mm_sub_epi8(v, _mm_set1_epi8('0'));
  uint32_t digits = mask(_mm_cmpeq_epi8(_mm_min_epu8(from_zero, _mm_set1_epi8(9)), from_zero));
  uint32_t dots = mask(_mm_cmpeq_epi8(v, _mm_set1_epi8('.')));
  uint32_t sign = *p == '-';
  uint32_t size = static_cast<uint32_t>(std::countr_one(digits | dots | sign));
  uint32_t inside = (1u << (size & 31)) - 1, whole = digits >> sign;
  dots &= inside;
  // One dot at most, with a digit on both sides; a digit first; and no digit behind a zero that is first.
  uint32_t wrong = (dots & (dots - 1)) | (dots & ~(digits << 1)) | (dots & ~(digits >> 1)) | (~whole & 1) |
                   ((p[sign] == '0') & (whole >> 1));
  return !wrong && size < 16 && ends_scalar(p[size]);
#else
  return false;
#endif
}
bool is_true(const char* p) { return p[1] == 'r' && p[2] == 'u' && p[3] == 'e' && ends_scalar(p[4]); }
bool is_false(const char* p) { return p[1] == 'a' && p[2] == 'l' && p[3] == 's' && p[4] == 'e' && ends_scalar(p[5]); }
bool is_null(const char* p) { return p[1] == 'u' && p[2] == 'l' && p[3] == 'l' && ends_scalar(p[4]); }

}  // namespace

bool walk(std::string_view text, const Index& index, Members* wanted, size_t* begin, size_t* end, bool* escapes) {
  const char* const t = text.data();
  const uint32_t* at = index.places();
  const uint32_t* const stop = at + index.count();
  uint64_t objects[kMaxDepth / 64 + 1];  // one bit per level, written before it is read
  uint32_t depth = 0;
  bool object = false;
  MemberRange member{};
  if (wanted) wanted->clear();
  if (at == stop) return false;
  *begin = *at;

value:
  if (stop - at < 2) return false;  // inside a container something always follows
  switch (t[*at]) {
    case '"':
      break;
    case '{':
    case '[': {
      if (depth == kMaxDepth) return false;
      object = t[*at] == '{';
      uint64_t bit = uint64_t{1} << (depth % 64), &word = objects[depth / 64];
      word = object ? word | bit : word & ~bit;
      ++depth, ++at;
      if (t[*at] == (object ? '}' : ']')) goto close;
      if (object) goto key;
      goto value;
    }
    case 't':
      if (!is_true(t + *at)) return false;
      break;
    case 'f':
      if (!is_false(t + *at)) return false;
      break;
    case 'n':
      if (!is_null(t + *at)) return false;
      break;
    default:
      if (!(text.size() - *at >= 16 && short_number(t + *at)) && !number(t + *at)) return false;
  }
  ++at;
  if (!depth) return false;  // a scalar alone is scan()'s
after:
  if (at == stop) return false;
  if (depth == 1 && object && wanted) {
    uint32_t last = *at;
    while (is_blank(t[last - 1])) --last;
    member.value_end = last;
    wanted->push_back(member);
  }
  if (t[*at] == ',') {
    ++at;
    if (object) goto key;
    goto value;
  }
  if (t[*at] != (object ? '}' : ']')) return false;
close:
  ++at;
  if (--depth) {
    object = objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1;
    goto after;
  }
  *end = at[-1] + size_t{1};
  return escapes_ok(text.substr(*begin, *end - *begin), escapes);
key:
  if (stop - at < 3 || t[*at] != '"' || t[at[1]] != ':') return false;
  if (depth == 1) {
    uint32_t last = at[1];
    while (is_blank(t[last - 1])) --last;
    member = {*at + 1, last - 1, at[2], 0};
  }
  at += 2;
  goto value;
}

}  // namespace sluice::json

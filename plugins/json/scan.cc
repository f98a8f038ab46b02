#include "scan.h"

#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::json {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char l = static_cast<char>(c | 0x20);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// Four hex digits at p, or -1.
int hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int v = 0;
  for (int i = 0; i < 4; ++i) {
    int d = hex(p[i]);
    if (d < 0) return -1;
    v = v << 4 | d;
  }
  return v;
}

// Behind the escape whose backslash stands at p, or null when there is no such escape.
const char* escape(const char* p, const char* end) {
  if (end - p < 2) return nullptr;
  switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return p + 2;
    case 'u': return hex4(p + 2, end) < 0 ? nullptr : p + 6;
    default: return nullptr;
  }
}

// First quote, backslash or control character at or behind p.
const char* find_special(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x1f);
  for (; end - p >= 16; p += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, space), v);
    __m128i hit = _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
    if (int mask = _mm_movemask_epi8(hit)) return p + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (p != end && *p != '"' && *p != '\\' && static_cast<uint8_t>(*p) >= 0x20) ++p;
  return p;
}

// First quote or bracket at or behind p.
const char* find_structure(const char* p, const char* end) {
#if defined(__SSE2__)
  // '[' and '{', ']' and '}' differ in one bit only.
  const __m128i quote = _mm_set1_epi8('"'), bit = _mm_set1_epi8(0x20), open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');
  for (; end - p >= 16; p += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), folded = _mm_or_si128(v, bit);
    __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close)));
    if (int mask = _mm_movemask_epi8(hit)) return p + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (p != end && *p != '"' && (*p | 0x20) != '{' && (*p | 0x20) != '}') ++p;
  return p;
}

class Scanner {
 public:
  Scanner(std::string_view text, Members& members, Scan* out)
      : begin_{text.data()}, p_{text.data()}, end_{text.data() + text.size()}, members_{members}, out_{out} {}

  bool run() {
    MemberRange member{};
    uint32_t depth = 0;
    bool object = false;
    blanks();
    out_->begin = offset(p_);
    if (p_ == end_) return fail("nothing there");
  value:
    if (p_ == end_) return fail("ends early");
    switch (*p_) {
      case '{':
      case '[':
        if (depth == kMaxDepth) return fail("nested too deep");
        object = *p_++ == '{';
        push(depth++, object);
        blanks();
        if (p_ != end_ && *p_ == (object ? '}' : ']')) goto close;
        if (object) goto key;
        goto value;
      case '"':
        ++p_;
        if (!string()) return false;
        break;
      case 't':
        if (!literal("true")) return false;
        break;
      case 'f':
        if (!literal("false")) return false;
        break;
      case 'n':
        if (!literal("null")) return false;
        break;
      default:
        if (!number()) return false;
    }
  after:
    if (!depth) {
      out_->end = offset(p_);
      return true;
    }
    if (depth == 1 && object) {
      member.value_end = offset(p_);
      members_.push_back(member);
    }
    blanks();
    if (p_ == end_) return fail("ends early");
    if (*p_ == ',') {
      ++p_;
      blanks();
      if (object) goto key;
      goto value;
    }
    if (*p_ != (object ? '}' : ']')) return fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
  close:
    ++p_;
    if (--depth) object = top(depth - 1);
    goto after;
  key:
    if (p_ == end_) return fail("ends early");
    if (*p_ != '"') return fail("expected a key");
    member.key = depth == 1 ? offset(++p_) : (++p_, member.key);
    if (!string()) return false;
    if (depth == 1) member.key_end = offset(p_) - 1;
    blanks();
    if (p_ == end_) return fail("ends early");
    if (*p_ != ':') return fail("expected ':'");
    ++p_;
    blanks();
    if (depth == 1) member.value = offset(p_);
    goto value;
  }

 private:
  uint32_t offset(const char* p) const { return static_cast<uint32_t>(p - begin_); }
  bool fail(const char* why) {
    out_->wrong = why;
    out_->wrong_at = offset(p_);
    return false;
  }
  void blanks() {
    while (p_ != end_ && is_blank(*p_)) ++p_;
  }
  bool literal(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || std::memcmp(p_, word.data(), word.size()) != 0) return fail("no JSON value");
    p_ += word.size();
    return true;
  }
  bool digits() {
    const char* from = p_;
    while (p_ != end_ && *p_ >= '0' && *p_ <= '9') ++p_;
    return p_ != from || fail(p_ == end_ ? "ends early" : "malformed number");
  }
  bool number() {
    if (*p_ != '-' && (*p_ < '0' || *p_ > '9')) return fail("no JSON value");
    if (*p_ == '-') ++p_;
    if (p_ != end_ && *p_ == '0')
      ++p_;
    else if (!digits())
      return false;
    if (p_ != end_ && *p_ == '.') {
      ++p_;
      if (!digits()) return false;
    }
    if (p_ != end_ && (*p_ | 0x20) == 'e') {
      ++p_;
      if (p_ != end_ && (*p_ == '+' || *p_ == '-')) ++p_;
      if (!digits()) return false;
    }
    return true;
  }
  // Behind the opening quote → behind the closing one.
  bool string() {
    for (;;) {
      p_ = find_special(p_, end_);
      if (p_ == end_) return fail("unclosed string");
      if (*p_ == '"') {
        ++p_;
        return true;
      }
      if (*p_ != '\\') return fail("control character in a string");
      const char* next = escape(p_, end_);
      if (!next) return fail("malformed escape");
      p_ = next;
    }
  }
  void push(uint32_t at, bool object) {
    uint64_t bit = uint64_t{1} << (at % 64);
    objects_[at / 64] = object ? objects_[at / 64] | bit : objects_[at / 64] & ~bit;
  }
  bool top(uint32_t at) const { return objects_[at / 64] >> (at % 64) & 1; }

  const char *begin_, *p_, *end_;
  Members& members_;
  Scan* out_;
  uint64_t objects_[kMaxDepth / 64 + 1];  // one bit per level, written before it is read
};

size_t put_utf8(uint32_t c, char* out) {
  auto byte = [](uint32_t v) { return static_cast<char>(v); };
  if (c < 0x80) return out[0] = byte(c), 1;
  if (c < 0x800) return out[0] = byte(0xc0 | c >> 6), out[1] = byte(0x80 | (c & 0x3f)), 2;
  if (c < 0x10000)
    return out[0] = byte(0xe0 | c >> 12), out[1] = byte(0x80 | (c >> 6 & 0x3f)), out[2] = byte(0x80 | (c & 0x3f)), 3;
  out[0] = byte(0xf0 | c >> 18), out[1] = byte(0x80 | (c >> 12 & 0x3f)), out[2] = byte(0x80 | (c >> 6 & 0x3f));
  return out[3] = byte(0x80 | (c & 0x3f)), 4;
}

}  // namespace

bool scan(std::string_view text, Members& members, Scan* out) {
  *out = Scan{};
  members.clear();
  return Scanner{text, members, out}.run();
}

bool escapes_ok(std::string_view text, bool* any) {
  const char *p = text.data(), *end = p + text.size();
  *any = false;
  while ((p = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p))))) {
    *any = true;
    if (!(p = escape(p, end))) return false;
  }
  return true;
}

size_t utf8_sequence(const char* p, const char* end) {
  auto at = [&](int i) { return end - p > i ? static_cast<uint8_t>(p[i]) : uint8_t{0}; };
  auto tail = [&](int i) { return (at(i) & 0xc0) == 0x80; };
  uint8_t c = at(0), d = at(1);
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) return tail(1) ? 2 : 0;
  if (c >= 0xe0 && c <= 0xef) {
    if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (c < 0xf0 || c > 0xf4 || (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f)) return 0;
  return tail(1) && tail(2) && tail(3) ? 4 : 0;
}

size_t bad_utf8_bytes(std::string_view text) {
  const char *p = text.data(), *end = p + text.size();
  size_t bad = 0;
  while (p != end) {
    size_t n = utf8_sequence(p, end);
    bad += !n;
    p += n ? n : 1;
  }
  return bad;
}

size_t repair_utf8(std::string_view text, char* out) {
  const char *p = text.data(), *end = p + text.size();
  char* at = out;
  while (p != end) {
    size_t n = utf8_sequence(p, end);
    if (n) {
      std::memcpy(at, p, n);
      at += n, p += n;
    } else {
      at += put_utf8(0xfffd, at), ++p;
    }
  }
  return static_cast<size_t>(at - out);
}

const char* skip_blanks(const char* p, const char* end) {
  while (p != end && is_blank(*p)) ++p;
  return p;
}

const char* skip_string(const char* p, const char* end) {
  for (;;) {
    p = find_special(p, end);
    if (p == end) return end;
    if (*p == '"') return p + 1;
    if (*p++ == '\\' && p != end) ++p;
  }
}

const char* skip_value(const char* p, const char* end, uint32_t* deepest) {
  *deepest = 0;
  if (p == end) return end;
  if (*p == '"') return skip_string(p + 1, end);
  if (*p != '{' && *p != '[') {
    while (p != end && !is_blank(*p) && *p != ',' && *p != '}' && *p != ']') ++p;
    return p;
  }
  uint32_t most = 0;
  for (uint32_t depth = 0;;) {
    p = find_structure(p, end);
    if (p == end) break;
    char c = *p++;
    if (c == '"') {
      p = skip_string(p, end);
    } else if ((c | 0x20) == '{') {
      if (++depth > most) most = depth;
    } else if (--depth == 0) {
      break;
    }
  }
  *deepest = most;
  return p;
}

uint32_t heavy_path(std::string_view text, uint32_t* open) {
  const char *begin = text.data(), *end = begin + text.size(), *p = begin;
  for (uint32_t depth = 0;;) {
    p = find_structure(p, end);
    if (p == end) return 0;
    char c = *p++;
    if (c == '"') {
      p = skip_string(p, end);
    } else if ((c | 0x20) == '{') {
      open[depth++] = static_cast<uint32_t>(p - 1 - begin);
    } else if (static_cast<size_t>(p - begin) - open[depth - 1] > text.size() / 2) {
      return depth;  // the first to close is the innermost, and what is open around it is the rest
    } else if (--depth == 0) {
      return 0;
    }
  }
}

size_t decode_string(std::string_view inner, char* out) {
  const char *p = inner.data(), *end = p + inner.size();
  char* at = out;
  while (p != end) {
    auto* slash = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
    size_t plain = static_cast<size_t>((slash ? slash : end) - p);
    std::memcpy(at, p, plain);
    at += plain;
    if (!slash || end - slash < 2) break;
    p = slash + 2;
    switch (slash[1]) {
      case 'b': *at++ = '\b'; break;
      case 'f': *at++ = '\f'; break;
      case 'n': *at++ = '\n'; break;
      case 'r': *at++ = '\r'; break;
      case 't': *at++ = '\t'; break;
      case 'u': {
        int high = hex4(p, end);
        if (high < 0) return static_cast<size_t>(at - out);
        p += 4;
        auto c = static_cast<uint32_t>(high);
        if (c >= 0xd800 && c < 0xe000) {
          int low = c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
          if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
            p += 6;
          } else {
            c = 0xfffd;
          }
        }
        at += put_utf8(c, at);
        break;
      }
      default: *at++ = slash[1];
    }
  }
  return static_cast<size_t>(at - out);
}

}  // namespace sluice::json

#include "encode.h"

#include <algorithm>
#include <cstring>

#include "scan.h"

namespace sluice::json {

namespace {

// Collects what is written in arena memory, so that the body has few pieces; text of some size goes in as its own piece,
// without a copy. (Copying short ones beats a longer vectored write: hot-path.md, "Writing a merge".)
class Output {
 public:
  explicit Output(slc_exchange* x) : exchange_{x} {}

  void put(std::string_view s) {
    if (s.size() > room_ && !grow(s.size())) return;
    std::memcpy(at_, s.data(), s.size());
    at_ += s.size(), room_ -= s.size();
  }
  void put(char c) {
    if (!room_ && !grow(1)) return;
    *at_++ = c, --room_;
  }
  // Text that lives as long as the exchange.
  void put_stable(std::string_view s) {
    if (s.size() < kOwnPiece) return put(s);
    flush();
    append(s);
  }
  slc_status finish() {
    flush();
    return status_;
  }

 private:
  // The first buffer takes any single short piece with its braces.
  static constexpr size_t kOwnPiece = 1024, kFirst = 1536, kMost = 64 * 1024;

  void append(std::string_view s) {
    if (status_ == SLC_OK) status_ = exchange().append_body(exchange_, str(s), 1);
  }
  void flush() {
    if (at_ != from_) append({from_, static_cast<size_t>(at_ - from_)});
    from_ = at_;
  }
  bool grow(size_t need) {
    flush();
    size_t size = std::max(need, next_);
    next_ = std::min(next_ * 4, kMost);
    from_ = at_ = status_ == SLC_OK ? static_cast<char*>(exchange().alloc(exchange_, size, 1)) : nullptr;
    room_ = at_ ? size : 0;
    if (!at_ && status_ == SLC_OK) status_ = SLC_ENOMEM;
    return at_ != nullptr;
  }

  slc_exchange* exchange_;
  char *from_ = nullptr, *at_ = nullptr;
  size_t room_ = 0, next_ = kFirst;
  slc_status status_ = SLC_OK;
};

// Which bytes of a string need a look: quote, backslash, controls, what HTML gives a meaning, and all that is not ASCII.
struct Attention {
  bool of[256]{};
  constexpr Attention() {
    for (int c = 0; c < 256; ++c) of[c] = c < 0x20 || c >= 0x80 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
  }
};
constexpr Attention kAttention;

// A string that was built here or by a plugin, in the reference's spelling.
void put_string(Output& out, std::string_view s) {
  static constexpr char kHex[] = "0123456789abcdef";
  const char *p = s.data(), *end = p + s.size();
  out.put('"');
  while (p != end) {
    const char* plain = p;
    while (p != end && !kAttention.of[static_cast<uint8_t>(*p)]) ++p;
    // Valid UTF-8 belongs to the plain run, but for U+2028 and U+2029.
    while (p != end && static_cast<uint8_t>(*p) >= 0x80) {
      size_t n = utf8_sequence(p, end);
      if (!n || (n == 3 && p[0] == '\xe2' && p[1] == '\x80' && (p[2] == '\xa8' || p[2] == '\xa9'))) break;
      p += n;
      while (p != end && !kAttention.of[static_cast<uint8_t>(*p)]) ++p;
    }
    if (p != plain) out.put({plain, static_cast<size_t>(p - plain)});
    if (p == end) break;
    auto c = static_cast<uint8_t>(*p);
    if (c >= 0x80) {
      if (utf8_sequence(p, end)) {
        out.put(p[2] == '\xa8' ? "\\u2028" : "\\u2029");
        p += 3;
      } else {
        out.put("\xef\xbf\xbd");
        ++p;
      }
      continue;
    }
    ++p;
    switch (c) {
      case '"': out.put("\\\""); break;
      case '\\': out.put("\\\\"); break;
      case '\b': out.put("\\b"); break;
      case '\f': out.put("\\f"); break;
      case '\n': out.put("\\n"); break;
      case '\r': out.put("\\r"); break;
      case '\t': out.put("\\t"); break;
      default: {
        char text[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
        out.put({text, sizeof text});
      }
    }
  }
  out.put('"');
}

struct Level {
  slc_node node;
  uint32_t next, count;
  bool object;
};

// Containers being written. A document may be 10,000 levels deep: no recursion.
class Levels {
 public:
  explicit Levels(slc_exchange* x) : exchange_{x} {}
  bool push(const Level& level) {
    if (size_ == capacity_) {
      auto* bigger = static_cast<Level*>(exchange().alloc(exchange_, capacity_ * 2 * sizeof(Level), alignof(Level)));
      if (!bigger) return false;
      std::memcpy(static_cast<void*>(bigger), levels_, size_ * sizeof(Level));
      levels_ = bigger, capacity_ *= 2;
    }
    levels_[size_++] = level;
    return true;
  }
  void pop() { --size_; }
  bool empty() const { return size_ == 0; }
  Level& top() { return levels_[size_ - 1]; }

 private:
  slc_exchange* exchange_;
  Level first_[24];
  Level* levels_ = first_;
  size_t size_ = 0, capacity_ = 24;
};

class Writer {
 public:
  explicit Writer(slc_exchange* x) : out_{x}, levels_{x} {}

  slc_status run(slc_node root) {
    bool ok = value(root);
    while (ok && !levels_.empty()) {
      Level& level = levels_.top();
      if (level.next == level.count) {
        out_.put(level.object ? '}' : ']');
        levels_.pop();
      } else {
        if (level.next) out_.put(',');
        ok = level.object ? member(level) : value(doc_.at(level.node, level.next++, nullptr));
      }
    }
    slc_status status = out_.finish();
    return ok ? status : SLC_ENOMEM;
  }

 private:
  bool member(Level& level) {
    uint32_t members = 0;
    slc_str run = doc_.source_run(level.node, kFormat, level.next, &members);
    if (members) {
      level.next = std::min(level.next + members, level.count);
      out_.put_stable(view(run));
      return true;
    }
    slc_str key{};
    slc_node n = doc_.at(level.node, level.next++, &key);
    put_string(out_, view(key));
    out_.put(':');
    return value(n);  // may move `level`
  }

  bool value(slc_node n) {
    if (!n.p) return out_.put("null"), true;
    slc_str source = doc_.source(n, kFormat);
    if (source.ptr && source.len) return out_.put_stable(view(source)), true;
    switch (int32_t kind = doc_.kind(n)) {
      case SLC_ARRAY:
      case SLC_OBJECT:
        out_.put(kind == SLC_OBJECT ? '{' : '[');
        return levels_.push({n, 0, doc_.count(n), kind == SLC_OBJECT});
      case SLC_STRING: put_string(out_, view(doc_.text(n))); break;
      case SLC_NUMBER: out_.put_stable(view(doc_.text(n))); break;
      case SLC_BOOL: {
        int32_t v = 0;
        doc_.as_bool(n, &v);
        out_.put(v ? "true" : "false");
        break;
      }
      default: out_.put("null");
    }
    return true;
  }

  const slc_document_api& doc_ = document();
  Output out_;
  Levels levels_;
};

}  // namespace

slc_status encode(slc_exchange* x, slc_node data) { return Writer{x}.run(data); }

}  // namespace sluice::json

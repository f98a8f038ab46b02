#include "core/document/write.h"

#include "core/base/text.h"

namespace sluice::document {

namespace {

// Length of the valid UTF-8 sequence that begins at s[i] (RFC 3629 §4), 0 when there is none.
size_t sequence(std::string_view s, size_t i) {
  auto byte = [&](size_t k) { return k < s.size() ? static_cast<uint8_t>(s[k]) : 0; };
  auto tail = [&](size_t k) { return (byte(k) & 0xc0) == 0x80; };
  uint8_t c = byte(i), d = byte(i + 1);
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) return tail(i + 1) ? 2 : 0;
  if (c >= 0xe0 && c <= 0xef) {
    if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f)) return 0;
    return tail(i + 1) && tail(i + 2) ? 3 : 0;
  }
  if (c >= 0xf0 && c <= 0xf4) {
    if ((c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f)) return 0;
    return tail(i + 1) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view s) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (size_t i = 0; i < s.size();) {
    auto c = static_cast<uint8_t>(s[i]);
    if (c >= 0x80) {
      size_t n = sequence(s, i);
      if (n)
        out.append(s, i, n);
      else
        out += "\xef\xbf\xbd";
      i += n ? n : 1;
      continue;
    }
    ++i;
    if (const std::string_view escape = json_escape(static_cast<char>(c)); !escape.empty())
      out += escape;
    else if (c < 0x20)
      out += "\\u00", out += kHex[c >> 4], out += kHex[c & 15];
    else
      out += static_cast<char>(c);
  }
  out += '"';
}

std::string to_json(Arena& arena, Node& root) {
  struct Frame {
    Node* node;
    uint32_t next;
  };
  std::string out;
  ArenaVector<Frame> stack{arena};  // a tree may be 10,000 levels deep: no recursion
  auto put = [&](Node& n) {
    expand(arena, n);
    switch (n.kind) {
      case Kind::null: out += "null"; break;
      case Kind::boolean: out += n.boolean ? "true" : "false"; break;
      case Kind::number: out += n.text; break;
      case Kind::string: append_json_string(out, n.text); break;
      case Kind::array:
      case Kind::object:
        out += n.kind == Kind::array ? '[' : '{';
        stack.push({&n, 0});
    }
  };
  put(root);
  while (!stack.empty()) {
    Frame& top = stack.back();
    Node& n = *top.node;
    if (top.next == n.count) {
      out += n.kind == Kind::array ? ']' : '}';
      stack.resize_down(stack.size() - 1);
      continue;
    }
    uint32_t i = top.next++;
    if (i) out += ',';
    if (n.kind == Kind::array) {
      put(n.elements[i]);
    } else {
      append_json_string(out, n.members[i].key);
      out += ':';
      put(n.members[i].value);
    }
  }
  return out;
}

}  // namespace sluice::document

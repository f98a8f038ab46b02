// A deferred format for tests, so small that it can be seen to be right: a value is `(key=value,key=value)`, `[value,value]`
// or a bare word (`~` null, `+` and `-` booleans, digits a number, else a string). Counts how often it expands.
#pragma once
#include <string>
#include <string_view>

#include "core/document/builder.h"
#include "core/document/node.h"
#include "core/document/write.h"

namespace sluice::document {

class TestFormat : public Format {
 public:
  explicit TestFormat(std::string_view format_name = "test") {
    name = format_name;
    context = this;
    expand = [](const Format* f, std::string_view text, Builder& b) noexcept {
      ++static_cast<TestFormat*>(f->context)->expansions;
      return level(text, b);
    };
  }
  // The document in this text, its members deferred, as a decoder would hand it over.
  Node decode(Arena& arena, std::string_view text) {
    Builder b{arena, this};
    Node root;
    return level(text, b) && b.finish(&root) ? root : make_string("decoding failed");
  }
  int expansions = 0;

 private:
  static size_t value_end(std::string_view s, size_t at) {
    for (int depth = 0; at < s.size(); ++at) {
      if (s[at] == '(' || s[at] == '[') ++depth;
      if (s[at] == ')' || s[at] == ']') {
        if (depth == 0) return at;
        --depth;
      }
      if (depth == 0 && (s[at] == ',' || s[at] == ' ')) return at;
    }
    return at;
  }
  static Kind kind(char c) {
    return c == '('               ? Kind::object
           : c == '['             ? Kind::array
           : c == '~'             ? Kind::null
           : c == '+' || c == '-' ? Kind::boolean
           : c >= '0' && c <= '9' ? Kind::number
                                  : Kind::string;
  }
  static bool level(std::string_view s, Builder& b) {
    if (s.empty()) return b.string("");
    Kind k = kind(s[0]);
    switch (k) {
      case Kind::null: return b.null();
      case Kind::boolean: return b.boolean(s[0] == '+');
      case Kind::number: return b.number_text(s, true);
      case Kind::string: return b.string(s, true);
      default: break;
    }
    if (!b.begin(k)) return false;
    for (size_t at = 1; s[at] != ')' && s[at] != ']';) {
      size_t from = at, value = at;
      if (k == Kind::object) value = s.find('=', at) + 1;
      size_t end = value_end(s, value);
      std::string_view text = s.substr(value, end - value);
      Kind child = text.empty() ? Kind::string : kind(text[0]);
      bool ok = k == Kind::object ? b.deferred_member(s.substr(from, value - 1 - from), s.substr(from, end - from), child, text) : b.deferred(child, text);
      if (!ok) return false;
      while (s[end] == ' ') ++end;
      if (s[end] == ',') ++end;
      while (s[end] == ' ') ++end;
      at = end;
    }
    return b.end();
  }
};

}  // namespace sluice::document

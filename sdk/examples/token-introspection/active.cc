#include "active.h"

#include <algorithm>

namespace example {
namespace {

// Walks over JSON without building anything. Every function answers false when the text is not what it says, and never reads
// past its end. Depth is bounded, so that an answer cannot exhaust the stack.
class Walker {
 public:
  explicit Walker(std::string_view text) : rest_{text} {}

  bool literal(std::string_view word) {
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool at_end() {
    space();
    return rest_.empty();
  }
  // `raw`: what stands between the quotes, escapes as they are written.
  bool string(std::string_view& raw) {
    if (!take('"')) return false;
    for (size_t i = 0; i < rest_.size(); ++i) {
      const auto c = static_cast<unsigned char>(rest_[i]);
      if (c < 0x20) return false;
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        raw = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }
  bool number() {
    const size_t n = std::min(rest_.find_first_not_of("+-.0123456789eE"), rest_.size());
    rest_.remove_prefix(n);
    return n > 0;
  }
  bool skip_value(int depth) {
    space();
    if (rest_.empty() || depth > 32) return false;
    std::string_view ignored;
    switch (rest_.front()) {
      case '"': return string(ignored);
      case '{': return members([&](std::string_view) { return skip_value(depth + 1); });
      case '[': return elements(depth);
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: return number();
    }
  }
  // value(key) has to read the member's value.
  template <class F>
  bool members(F&& value) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      std::string_view key;
      space();
      if (!string(key) || !take(':')) return false;
      space();
      if (!value(key)) return false;
    } while (take(','));
    return take('}');
  }

 private:
  bool elements(int depth) {
    if (!take('[')) return false;
    if (take(']')) return true;
    do {
      if (!skip_value(depth + 1)) return false;
    } while (take(','));
    return take(']');
  }
  void space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool take(char c) {
    space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view rest_;
};

}  // namespace

std::optional<bool> active_of(std::string_view json) {
  Walker walk{json};
  std::optional<bool> active;
  const bool well = walk.members([&](std::string_view key) {
    if (key.find('\\') != key.npos) return false;  // "\u0061ctive" is "active" to others: we do not pretend to know
    if (key != "active") return walk.skip_value(1);
    if (active) return false;
    if (walk.literal("true")) return active.emplace(true), true;
    if (walk.literal("false")) return active.emplace(false), true;
    return false;
  });
  return well && walk.at_end() ? active : std::nullopt;
}

}  // namespace example

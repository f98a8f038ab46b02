#include "core/document/builder.h"

#include <charconv>
#include <cmath>

namespace sluice::document {

struct Builder::Level {
  Level* below;
  Kind kind;
  bool has_key = false;
  std::string_view key{};
  ObjectWriter object;
  TailVector<Node> elements;
  Level(Level* below_, Kind kind_, Arena& arena) : below{below_}, kind{kind_}, object{arena}, elements{arena} {}
};

bool is_json_number(std::string_view s) {
  size_t i = 0, n = s.size();
  auto digits = [&] {
    size_t from = i;
    while (i < n && s[i] >= '0' && s[i] <= '9') ++i;
    return i != from;
  };
  if (i < n && s[i] == '-') ++i;
  if (i < n && s[i] == '0')
    ++i;
  else if (!digits())
    return false;
  if (i < n && s[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < n && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    if (i < n && (s[i] == '+' || s[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == n && n;
}

size_t format_number(double v, char* out) {
  // "-d.ddde-XXX" has at most 24 characters; take it apart and lay it out again.
  char shortest[32];
  auto [end, error] = std::to_chars(shortest, shortest + sizeof shortest, v, std::chars_format::scientific);
  std::string_view s{shortest, static_cast<size_t>(end - shortest)};
  char* at = out;
  if (s[0] == '-') *at++ = '-', s.remove_prefix(1);
  size_t e = s.find('e');
  char digits[24];
  int count = 0, exponent = 0;
  for (char c : s.substr(0, e))
    if (c != '.') digits[count++] = c;
  std::string_view power = s.substr(e + 1);
  if (power[0] == '+') power.remove_prefix(1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  double size = std::fabs(v);
  auto put = [&](int from, int to) {
    for (int i = from; i < to; ++i) *at++ = i < count ? digits[i] : '0';
  };
  if (v == 0 || (size >= 1e-6 && size < 1e21)) {
    if (exponent >= 0) {
      put(0, exponent + 1);
      if (count > exponent + 1) *at++ = '.', put(exponent + 1, count);
    } else {
      *at++ = '0', *at++ = '.';
      for (int i = -1; i > exponent; --i) *at++ = '0';
      put(0, count);
    }
  } else {
    put(0, 1);
    if (count > 1) *at++ = '.', put(1, count);
    *at++ = 'e';
    if (exponent > 0) *at++ = '+';
    at = std::to_chars(at, out + 32, exponent).ptr;
  }
  return static_cast<size_t>(at - out);
}

bool Builder::value(const Node& n, std::string_view member_source) {
  if (failed_) return false;
  if (!top_) {
    if (done_) return fail();
    root_ = n, done_ = true;
    return true;
  }
  if (top_->kind == Kind::array) {
    top_->elements.push(n);
    return true;
  }
  if (!top_->has_key) return fail();
  top_->has_key = false;
  top_->object.set(Member{top_->key, hash_key(top_->key), n, member_source});
  return true;
}

bool Builder::begin(Kind kind) {
  if (failed_) return false;
  if (kind != Kind::array && kind != Kind::object) return fail();
  if (top_ ? top_->kind == Kind::object && !top_->has_key : done_) return fail();
  if (depth_ == kMaxDepth) return too_deep_ = true, fail();
  Level* level = spare_;
  if (level)
    spare_ = level->below;
  else
    level = static_cast<Level*>(arena_->alloc(sizeof(Level), alignof(Level)));
  top_ = new (level) Level(top_, kind, *arena_);
  ++depth_;
  return true;
}

bool Builder::end() {
  if (failed_) return false;
  if (!top_ || top_->has_key) return fail();
  Node n;
  if (top_->kind == Kind::object) {
    n = top_->object.finish();
  } else {
    n.kind = Kind::array;
    n.count = top_->elements.size();
    n.elements = top_->elements.finish();
  }
  Level* level = top_;
  top_ = level->below;
  level->below = spare_, spare_ = level;
  --depth_;
  return value(n);
}

bool Builder::key(std::string_view decoded, bool stable) {
  if (failed_) return false;
  if (!top_ || top_->kind != Kind::object || top_->has_key) return fail();
  top_->key = stable ? decoded : arena_->copy(decoded);
  top_->has_key = true;
  return true;
}

bool Builder::string(std::string_view decoded, bool stable) {
  return !failed_ && value(make_string(stable ? decoded : arena_->copy(decoded)));
}

bool Builder::number_text(std::string_view s, bool stable) {
  if (failed_) return false;
  if (!is_json_number(s)) return fail();
  return value(make_number(stable ? s : arena_->copy(s)));
}

bool Builder::integer(int64_t v) {
  if (failed_) return false;
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof digits, v).ptr;
  return value(make_number(arena_->copy({digits, static_cast<size_t>(end - digits)})));
}

bool Builder::number(double v) {
  if (failed_) return false;
  if (!std::isfinite(v)) return fail();
  char digits[32];
  return value(make_number(arena_->copy({digits, format_number(v, digits)})));
}

bool Builder::boolean(bool v) { return value(make_bool(v)); }
bool Builder::null() { return value(make_null()); }
bool Builder::copy(const Node& n) { return value(share(n)); }

bool Builder::deferred(Kind kind, std::string_view text) {
  if (failed_) return false;
  if (!format_ || kind > Kind::object) return fail();
  Node n;
  n.kind = kind, n.deferred = true;
  n.text = n.source = text;
  n.format = format_;
  return value(n);
}

bool Builder::deferred_member(std::string_view key, std::string_view member, Kind kind, std::string_view text) {
  if (failed_) return false;
  if (!format_ || kind > Kind::object || !top_ || top_->kind != Kind::object || top_->has_key) return fail();
  if (wanted_ && depth_ == 1 && !wants(key)) return true;
  Member& m = top_->object.place(key, hash_key(key));
  m.source = member;
  Node& v = m.value;
  v.kind = kind, v.deferred = true, v.boolean = false, v.flags = 0, v.count = 0;
  v.text = v.source = text;
  v.elements = nullptr;
  v.format = format_;
  return true;
}

bool Builder::finish(Node* out) {
  if (failed_ || top_ || !done_) return false;
  *out = root_;
  return true;
}

}  // namespace sluice::document

#include "core/pipeline/expression.h"

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "core/document/builder.h"

namespace sluice::pipeline {

using document::Kind;

class Expression::Parser {
 public:
  Parser(std::string_view text, const ReferenceNames& names, std::vector<Step>& steps) : text_{text}, names_{names}, steps_{steps} {}

  bool run(std::string* why) {
    uint32_t root = 0;
    bool ok = text_.size() <= kMaxLength ? either(&root) : fail("a condition of at most " + std::to_string(kMaxLength) + " characters");
    skip();
    if (ok && at_ < text_.size()) ok = fail("an operator such as && or ==, or the end");
    if (!ok) *why = why_;
    return ok;
  }

 private:
  static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  void skip() {
    while (at_ < text_.size() && blank(text_[at_])) ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool fail(const std::string& expected) {
    if (!why_.empty()) return false;
    skip();
    std::string_view rest = text_.substr(std::min(at_, text_.size()), 20);
    why_ = "expected " + expected + " at character " + std::to_string(at_ + 1) + ", found " + (rest.empty() ? "the end" : "\"" + std::string{rest} + "\"");
    return false;
  }
  uint32_t add(Step s) {
    steps_.push_back(std::move(s));
    return static_cast<uint32_t>(steps_.size() - 1);
  }
  uint32_t add(Op op, uint32_t left, uint32_t right = 0) {
    Step s;
    s.op = op, s.left = left, s.right = right;
    return add(std::move(s));
  }

  bool either(uint32_t* out) {
    if (!both(out)) return false;
    while (take("||")) {
      uint32_t right = 0;
      if (!both(&right)) return false;
      *out = add(Op::either, *out, right);
    }
    return true;
  }
  bool both(uint32_t* out) {
    if (!negated(out)) return false;
    while (take("&&")) {
      uint32_t right = 0;
      if (!negated(&right)) return false;
      *out = add(Op::both, *out, right);
    }
    return true;
  }
  bool negated(uint32_t* out) {
    if (depth_ == kMaxDepth) return fail("fewer than 32 levels");
    ++depth_;
    bool ok = true;
    skip();
    if (text_.substr(at_).starts_with("!") && !text_.substr(at_).starts_with("!=")) {
      ++at_;
      ok = negated(out);
      if (ok) *out = add(Op::negate, *out);
    } else {
      ok = comparison(out);
    }
    --depth_;
    return ok;
  }
  bool comparison(uint32_t* out) {
    if (!operand(out)) return false;
    struct {
      std::string_view token;
      Op op;
    } static constexpr kOps[] = {{"==", Op::equal},   {"!=", Op::unequal},       {"<=", Op::less_equal},
                                 {"<", Op::less},     {">=", Op::greater_equal}, {">", Op::greater}};
    for (const auto& o : kOps) {
      if (!take(o.token)) continue;
      uint32_t right = 0;
      if (!operand(&right)) return false;
      *out = add(o.op, *out, right);
      return true;
    }
    return true;
  }
  bool operand(uint32_t* out) {
    skip();
    if (at_ == text_.size()) return fail("a value");
    Step s;
    char c = text_[at_];
    if (take("(")) {
      if (!either(out)) return false;
      return take(")") || fail("\")\"");
    }
    if (c == '{') {
      std::string_view name = braced_name(text_.substr(at_));
      if (name.empty()) return fail("a name in braces such as {resp0_id}");
      s.reference = parse_reference(name, names_, &why_);
      if (!s.reference) return false;
      at_ += name.size() + 2;
    } else if (c == '\'' || c == '"') {
      size_t i = at_ + 1;
      for (; i < text_.size() && text_[i] != c; ++i) {
        if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
        s.text += text_[i];
      }
      if (i == text_.size()) return fail("a text that ends with " + std::string(1, c));
      s.literal.kind = Kind::string;
      at_ = i + 1;
    } else {
      size_t end = at_;
      auto in_word = [](char x) { return (lower(x) >= 'a' && lower(x) <= 'z') || (x >= '0' && x <= '9') || x == '.' || x == '-' || x == '+' || x == '_'; };
      while (end < text_.size() && in_word(text_[end])) ++end;
      s.text = text_.substr(at_, end - at_);
      if (s.text == "true" || s.text == "false") s.literal = document::make_bool(s.text == "true");
      else if (document::is_json_number(s.text)) s.literal.kind = Kind::number;
      else if (s.text != "null") return fail("a value: {name}, 'text', a number, true, false or null");
      at_ = end;
    }
    *out = add(std::move(s));
    return true;
  }

  std::string_view text_;
  const ReferenceNames& names_;
  std::vector<Step>& steps_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  std::string why_;
};

std::optional<Expression> Expression::parse(std::string_view text, const ReferenceNames& names, std::string* why) {
  Expression e;
  if (!Parser{text, names, e.steps_}.run(why)) return std::nullopt;
  return e;
}

Expression::Value Expression::value(uint32_t i, ReferenceValues& values) const {
  const Step& s = steps_[i];
  Value v;
  if (s.op != Op::value) {
    bool truth = false;
    switch (s.op) {
      case Op::negate: truth = !value(s.left, values).truth; break;
      case Op::both: truth = value(s.left, values).truth && value(s.right, values).truth; break;
      case Op::either: truth = value(s.left, values).truth || value(s.right, values).truth; break;
      default: truth = compare(s, values);
    }
    return {Kind::boolean, truth, {}};
  }
  if (!s.reference) {
    v.kind = s.literal.kind;
    v.text = s.text;
    v.truth = s.literal.boolean;
  } else if (document::Node* n = values.find(*s.reference)) {
    v.kind = n->kind;
    if (n->kind == Kind::string || n->kind == Kind::number) v.text = document::text(values.memory(), *n);
    if (n->kind == Kind::boolean) v.truth = document::boolean(&values.memory(), *n);
    if (n->container()) v.truth = document::count(values.memory(), *n) > 0;
  }
  if (v.kind == Kind::string) v.truth = !v.text.empty();
  if (v.kind == Kind::number) {
    document::Node n = document::make_number(v.text);
    v.truth = document::as_double(nullptr, n).value_or(1) != 0;
  }
  return v;
}

bool Expression::compare(const Step& s, ReferenceValues& values) const {
  const Value a = value(s.left, values), b = value(s.right, values);
  // -1, 0, 1; 2: neither equal nor comparable
  int order = 2;
  auto numbers = [&] {
    for (const Value& v : {a, b})
      if (v.kind != Kind::number && !(v.kind == Kind::string && document::is_json_number(v.text))) return;
    document::Node left = document::make_number(a.text), right = document::make_number(b.text);
    // Whole numbers beyond 2^53 must not become equal by rounding.
    if (auto x = document::as_integer(nullptr, left), y = document::as_integer(nullptr, right); x && y) {
      order = *x < *y ? -1 : *x > *y;
      return;
    }
    auto x = document::as_double(nullptr, left), y = document::as_double(nullptr, right);
    if (x && y) order = *x < *y ? -1 : *x > *y;
  };
  if (a.kind == Kind::number || b.kind == Kind::number) {
    numbers();
  } else if (a.kind == Kind::string && b.kind == Kind::string) {
    int c = a.text.compare(b.text);
    order = c < 0 ? -1 : c > 0;
  } else if (a.kind == b.kind && (a.kind == Kind::null || (a.kind == Kind::boolean && a.truth == b.truth))) {
    order = 0;
  }
  const bool ordered = order != 2 && a.kind >= Kind::number && b.kind >= Kind::number;
  switch (s.op) {
    case Op::equal: return order == 0;
    case Op::unequal: return order != 0;
    case Op::less: return ordered && order < 0;
    case Op::less_equal: return ordered && order <= 0;
    case Op::greater: return ordered && order > 0;
    default: return ordered && order >= 0;
  }
}

bool Expression::holds(ReferenceValues& values) const { return value(static_cast<uint32_t>(steps_.size()) - 1, values).truth; }

}  // namespace sluice::pipeline

#include "core/config/template/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/text.h"
#include "core/config/template/format.h"
#include "core/config/template/lexer.h"

namespace sluice::config::tmpl {
namespace {

using T = Token::Kind;

bool blank(std::string_view s) { return s.find_first_not_of(" \t\r\n") == s.npos; }

// Nothing in it but white space and definitions, which are not nodes.
bool empty(const Tree& t) {
  return std::all_of(t.nodes.begin(), t.nodes.end(), [&](const Node& n) {
    return n.kind == Node::Kind::text && blank(std::string_view{t.file->text}.substr(n.at, n.end - n.at));
  });
}

// What stands between the quotes of "…" or '…'; nullopt: an escape that Go does not know.
std::optional<std::string> unquote(std::string_view s) {
  std::string out;
  char mark = s[0];
  s = s.substr(1, s.size() - 2);
  auto hex = [&](size_t digits) -> std::optional<uint32_t> {
    if (s.size() < digits) return std::nullopt;
    uint32_t v = 0;
    for (size_t i = 0; i < digits; ++i) {
      int d = hex_digit(s[i]);
      if (d < 0) return std::nullopt;
      v = v * 16 + static_cast<uint32_t>(d);
    }
    s.remove_prefix(digits);
    return v;
  };
  while (!s.empty()) {
    char c = s[0];
    s.remove_prefix(1);
    if (c != '\\') {
      out += c;
      continue;
    }
    if (s.empty()) return std::nullopt;
    char e = s[0];
    s.remove_prefix(1);
    constexpr std::string_view kNames = "abtnvfr";
    if (size_t i = kNames.find(e); i != kNames.npos) {
      out += static_cast<char>(7 + i);
    } else if (e == '\\' || e == mark) {
      out += e;
    } else if (e == 'x') {
      auto v = hex(2);
      if (!v) return std::nullopt;
      out += static_cast<char>(*v);
    } else if (e == 'u' || e == 'U') {
      auto v = hex(e == 'u' ? 4 : 8);
      if (!v || *v > 0x10ffff || (*v >= 0xd800 && *v < 0xe000)) return std::nullopt;
      append_rune(out, *v);
    } else if (e >= '0' && e <= '7' && s.size() >= 2 && s[0] >= '0' && s[0] <= '7' && s[1] >= '0' && s[1] <= '7') {
      int v = (e - '0') * 64 + (s[0] - '0') * 8 + (s[1] - '0');
      if (v > 255) return std::nullopt;
      out += static_cast<char>(v);
      s.remove_prefix(2);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// Go's numbers: decimal, 0x, 0o, 0b and old octal whole numbers, floats also in hexadecimal, underscores between digits.
bool read_number(std::string_view text, Arg& out) {
  std::string s;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      s += text[i];
    } else if (i == 0 || i + 1 == text.size() || hex_digit(text[i + 1]) < 0) {
      return false;
    }
  }
  bool negative = s[0] == '-';
  std::string_view digits{s};
  if (s[0] == '-' || s[0] == '+') digits.remove_prefix(1);
  if (digits.empty()) return false;
  int base = 10;
  std::string_view whole = digits;
  char kind = digits.size() > 1 && digits[0] == '0' ? lower(digits[1]) : '\0';
  if (kind == 'x') base = 16, whole.remove_prefix(2);
  else if (kind == 'o') base = 8, whole.remove_prefix(2);
  else if (kind == 'b') base = 2, whole.remove_prefix(2);
  else if (kind && digits.find_first_not_of("01234567") == digits.npos) base = 8;
  uint64_t magnitude = 0;
  auto [end, ec] = std::from_chars(whole.data(), whole.data() + whole.size(), magnitude, base);
  bool all = !whole.empty() && end == whole.data() + whole.size();
  const uint64_t limit = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (all && ec == std::errc{} && magnitude <= limit) {
    out.integer = negative ? static_cast<int64_t>(0 - magnitude) : static_cast<int64_t>(magnitude);
    out.real = static_cast<double>(*out.integer);
    return true;
  }
  if (all || kind == 'o' || kind == 'b') return false;  // too large
  bool hex = kind == 'x';
  std::string_view mantissa = hex ? whole : digits;
  if (hex && mantissa.find_first_of("pP") == mantissa.npos) return false;
  double d = 0;
  auto [stop, wrong] = std::from_chars(mantissa.data(), mantissa.data() + mantissa.size(), d, hex ? std::chars_format::hex : std::chars_format::general);
  if (wrong != std::errc{} || stop != mantissa.data() + mantissa.size() || !std::isfinite(d)) return false;
  out.real = negative ? -d : d;
  out.is_real = true;
  if (d == std::trunc(d) && std::fabs(d) < 9e18) out.integer = static_cast<int64_t>(out.real);
  return true;
}

class Parser {
 public:
  Parser(const File& file, const std::vector<Token>& tokens, const FunctionCheck& unknown, Trees& defined, Fault& fault)
      : file_{file}, text_{file.text}, tokens_{tokens}, unknown_{unknown}, defined_{defined}, fault_{fault} {}

  bool whole(std::vector<Node>& out) {
    while (peek().kind != T::end) {
      if (peek().kind == T::open && word(1) == "define") {
        if (!definition()) return false;
        continue;
      }
      End end;
      if (!node(out, end)) return false;
      if (end.kind != End::none)
        return fail(end.at, "{{" + std::string{end.kind == End::end ? "end" : "else"} + "}} without a block that it belongs to");
    }
    return true;
  }

 private:
  struct End {
    enum Kind { none, end, otherwise } kind = none;
    size_t at = 0;
  };

  const Token& peek(size_t n = 0) const { return tokens_[std::min(next_ + n, tokens_.size() - 1)]; }
  std::string_view word(size_t n = 0) const { return peek(n).kind == T::word ? peek(n).of(text_) : std::string_view{}; }
  bool fail(size_t at, std::string message) {
    fault_ = {&file_, at, std::move(message)};
    return false;
  }
  std::string found() const {
    const Token& t = peek();
    if (t.kind == T::end) return "the end of the file";
    std::string text{t.of(text_).substr(0, 40)};
    return "\"" + text + "\"";
  }
  bool close(std::string_view what) {
    if (peek().kind != T::close) return fail(peek().at, "expected }} behind " + std::string{what} + ", found " + found());
    ++next_;
    return true;
  }

  // Nodes up to {{end}} or {{else …}}, whose {{ and keyword are read then.
  bool list(std::vector<Node>& out, std::string_view what, size_t opened, End& end) {
    if (++depth_ > kMaxBlocks) return fail(opened, "blocks are nested deeper than " + std::to_string(kMaxBlocks));
    while (true) {
      if (peek().kind == T::end)
        return fail(opened, "the {{" + std::string{what} + "}} that begins here is not closed with {{end}}");
      if (peek().kind == T::open && word(1) == "define")
        return fail(peek(1).at, "{{define}} stands outside of all other blocks");
      if (!node(out, end)) return false;
      if (end.kind == End::none) continue;
      --depth_;
      return true;
    }
  }

  // {{end}} only.
  bool body(std::vector<Node>& out, std::string_view what, size_t opened) {
    End end;
    if (!list(out, what, opened, end)) return false;
    if (end.kind == End::otherwise) return fail(end.at, "{{" + std::string{what} + "}} takes no {{else}}");
    return close("end");
  }

  bool definition() {
    size_t opened = peek(1).at;
    next_ += 2;
    std::string name;
    if (!name_of_template("define", name) || !close("the name")) return false;
    Tree tree{&file_, {}};
    Scope scope{*this};
    if (!body(tree.nodes, "define", opened)) return false;
    return define(std::move(name), std::move(tree), opened);
  }

  bool define(std::string name, Tree tree, size_t at) {
    auto there = defined_.find(name);
    if (there == defined_.end()) {
      defined_.emplace(std::move(name), std::move(tree));
    } else if (empty(there->second)) {
      there->second = std::move(tree);
    } else if (!empty(tree)) {
      return fail(at, "the template " + go_quote(name) + " is defined twice in this file");
    }
    return true;
  }

  bool name_of_template(std::string_view what, std::string& name) {
    const Token& t = peek();
    if (t.kind != T::quoted && t.kind != T::raw)
      return fail(t.at, "expected the name of a template in double quotes behind \"" + std::string{what} + "\", found " + found());
    if (!text(t, name)) return false;
    ++next_;
    return true;
  }

  bool text(const Token& t, std::string& out) {
    std::string_view s = t.of(text_);
    if (t.kind == T::raw) {
      out = s.substr(1, s.size() - 2);
      return true;
    }
    auto plain = unquote(s);
    if (!plain) return fail(t.at, "the text " + std::string{s.substr(0, 60)} + " has an escape that is not known; for a plain backslash write \\\\ or use `…`");
    out = std::move(*plain);
    return true;
  }

  // Variables end with the block that declares them; a template begins with $ only.
  struct Scope {
    explicit Scope(Parser& p) : parser{p}, before{std::exchange(p.variables_, {"$"})}, loops{std::exchange(p.loops_, 0)} {}
    ~Scope() { parser.variables_ = std::move(before), parser.loops_ = loops; }
    Parser& parser;
    std::vector<std::string> before;
    size_t loops;
  };

  bool node(std::vector<Node>& out, End& end) {
    const Token& t = peek();
    if (t.kind == T::text) {
      Node n;
      n.at = t.at, n.end = t.at + t.size;
      out.push_back(std::move(n));
      ++next_;
      return true;
    }
    ++next_;  // {{
    size_t at = peek().at;
    std::string_view name = word();
    if (name == "end" || name == "else") {
      ++next_;
      end = {name == "end" ? End::end : End::otherwise, at};
      return true;
    }
    if (name == "if" || name == "with" || name == "range") {
      ++next_;
      Node n;
      n.at = at;
      n.kind = name == "if" ? Node::Kind::branch_if : name == "with" ? Node::Kind::branch_with : Node::Kind::range;
      if (!branch(n, name)) return false;
      out.push_back(std::move(n));
      return true;
    }
    if (name == "template" || name == "block") return call(out, at, name == "block");
    if ((name == "break" || name == "continue") && peek(1).kind == T::close) {
      if (!loops_) return fail(at, "{{" + std::string{name} + "}} outside of a {{range}}");
      Node n;
      n.at = at;
      n.kind = name == "break" ? Node::Kind::leave : Node::Kind::next;
      out.push_back(std::move(n));
      ++next_;
      return close(name);
    }
    if (name == "define") return fail(at, "{{define}} stands outside of all other blocks");
    Node n;
    n.at = at, n.kind = Node::Kind::action;
    if (!pipeline(n.pipe, "an action", T::close, false)) return false;
    ++next_;
    out.push_back(std::move(n));
    return true;
  }

  bool branch(Node& n, std::string_view what) {
    size_t variables = variables_.size();
    if (!pipeline(n.pipe, what, T::close, n.kind == Node::Kind::range)) return false;
    ++next_;
    bool loop = n.kind == Node::Kind::range;
    loops_ += loop;
    End end;
    if (!list(n.body, what, n.at, end)) return false;
    loops_ -= loop;
    if (end.kind == End::otherwise) {
      n.has_otherwise = true;
      // {{else if x}} is {{else}}{{if x}} with one {{end}} for both; {{else with x}} alike.
      std::string_view inner = word();
      bool same = (inner == "if" && n.kind == Node::Kind::branch_if) || (inner == "with" && n.kind == Node::Kind::branch_with);
      if (same) {
        Node chained;
        chained.at = peek().at, chained.kind = n.kind;
        ++next_;
        if (++depth_ > kMaxBlocks) return fail(chained.at, "blocks are nested deeper than " + std::to_string(kMaxBlocks));
        if (!branch(chained, inner)) return false;
        --depth_;
        n.otherwise.push_back(std::move(chained));
        variables_.resize(variables);
        return true;
      }
      if (!close("else")) return false;
      end = {};
      if (!list(n.otherwise, what, n.at, end)) return false;
      if (end.kind == End::otherwise) return fail(end.at, "a second {{else}} of one {{" + std::string{what} + "}}");
    }
    variables_.resize(variables);
    return close("end");
  }

  bool call(std::vector<Node>& out, size_t at, bool is_block) {
    ++next_;
    Node n;
    n.at = at, n.kind = Node::Kind::call;
    std::string_view what = is_block ? "block" : "template";
    if (!name_of_template(what, n.name)) return false;
    if (is_block || peek().kind != T::close)
      if (!pipeline(n.pipe, what, T::close, false)) return false;
    ++next_;
    if (is_block) {
      Tree tree{&file_, {}};
      {
        Scope scope{*this};
        if (!body(tree.nodes, what, at)) return false;
      }
      if (!define(n.name, std::move(tree), at)) return false;
    }
    out.push_back(std::move(n));
    return true;
  }

  // Up to `end`, which is not read.
  bool pipeline(Pipe& out, std::string_view what, T end, bool two_variables) {
    out.at = peek().at;
    if (!declaration(out, two_variables)) return false;
    while (true) {
      Command command;
      command.at = peek().at;
      if (!operands(command, end)) return false;
      if (command.args.empty()) {
        if (peek().kind == end && out.commands.empty()) return fail(peek().at, "expected a value in " + std::string{what} + ", found none");
        return fail(peek().at, "expected a value, found " + found());
      }
      if (!out.commands.empty() && !callable(command.args[0]))
        return fail(command.at, "what stands behind \"|\" must be a function that takes the value: " + literal(command.args[0]) + " is none");
      out.commands.push_back(std::move(command));
      if (peek().kind == end) break;
      ++next_;  // |
      if (peek().kind == end) break;  // "{{.x |}}" is taken by the reference, too
    }
    // Behind the pipeline: it does not see them.
    if (!out.assigns)
      for (const std::string& v : out.variables) variables_.push_back(v);
    return true;
  }

  static bool callable(const Arg& a) {
    using K = Arg::Kind;
    return a.kind == K::function || a.kind == K::variable || a.kind == K::pipe || (a.kind == K::dot && !a.fields.empty());
  }
  std::string literal(const Arg& a) const {
    size_t end = a.at;
    while (end < text_.size() && end < a.at + 20 && std::string_view{" \t\r\n|}"}.find(text_[end]) == std::string_view::npos) ++end;
    return "\"" + std::string{text_.substr(a.at, end - a.at)} + "\"";
  }

  // "$x :=", "$x =", "$i, $x :=" of a range.
  bool declaration(Pipe& out, bool two_variables) {
    if (peek().kind != T::variable) return true;
    size_t n = 1;
    if (two_variables && peek(1).kind == T::comma) {
      if (peek(2).kind != T::variable) return fail(peek(2).at, "expected a variable behind \",\"");
      n = 3;
    }
    T sign = peek(n).kind;
    if (sign != T::assign && sign != T::declare) {
      if (n == 3) return fail(peek(n).at, "expected \":=\" behind the two variables of a range");
      if (peek(1).kind == T::comma) return fail(peek(1).at, "only a range has two variables");
      return true;
    }
    out.assigns = sign == T::assign;
    for (size_t i = 0; i < n; i += 2) {
      std::string_view name = peek(i).of(text_);
      if (out.assigns && !known(name)) return unknown_variable(peek(i));
      out.variables.emplace_back(name);
    }
    next_ += n + 1;
    return true;
  }

  bool known(std::string_view variable) const { return std::find(variables_.begin(), variables_.end(), variable) != variables_.end(); }
  bool unknown_variable(const Token& t) {
    std::string_view name = t.of(text_), near = nearest(name, variables_);
    std::string message = "no variable " + std::string{name} + " here";
    if (!near.empty() && near != "$") message += " (did you mean " + std::string{near} + "?)";
    return fail(t.at, message + "; one is made with {{" + std::string{name} + " := …}} and lives until the {{end}} of its block");
  }

  // Arguments of one command, up to "|" or the end of the pipeline.
  bool operands(Command& out, T end) {
    while (peek().kind != T::pipe && peek().kind != end) {
      const Token& t = peek();
      if (!out.args.empty() && !t.spaced)
        return fail(t.at, "expected a blank before " + found());
      Arg a;
      if (!operand(a)) return false;
      out.args.push_back(std::move(a));
    }
    return true;
  }

  bool operand(Arg& a) {
    const Token& t = peek();
    a.at = t.at;
    bool fields = true;
    switch (t.kind) {
      case T::dot: fields = false; break;
      case T::field: a.fields.emplace_back(t.of(text_).substr(1)); break;
      case T::variable:
        a.kind = Arg::Kind::variable, a.text = t.of(text_);
        if (!known(a.text)) return unknown_variable(t);
        break;
      case T::number:
        a.kind = Arg::Kind::number, fields = false;
        if (!read_number(t.of(text_), a)) return fail(t.at, "\"" + std::string{t.of(text_).substr(0, 40)} + "\" is no number, or too large");
        break;
      case T::character: {
        a.kind = Arg::Kind::number, fields = false;
        auto plain = unquote(t.of(text_));
        if (!plain || plain->empty() || rune_at(*plain).size != plain->size())
          return fail(t.at, "expected one character between single quotes; texts stand in double quotes");
        a.integer = static_cast<int64_t>(rune_at(*plain).code), a.real = static_cast<double>(*a.integer);
        break;
      }
      case T::quoted:
      case T::raw:
        a.kind = Arg::Kind::text, fields = false;
        if (!text(t, a.text)) return false;
        break;
      case T::left: {
        a.kind = Arg::Kind::pipe;
        if (++depth_ > kMaxBlocks) return fail(t.at, "parentheses are nested deeper than " + std::to_string(kMaxBlocks));
        ++next_;
        a.pipe = std::make_unique<Pipe>();
        size_t variables = variables_.size();
        if (!pipeline(*a.pipe, "parentheses", T::right, false)) return false;
        variables_.resize(variables);
        --depth_;
        break;
      }
      case T::word:
        if (!name(t, a, fields)) return false;
        break;
      default: return fail(t.at, "expected a value, found " + found());
    }
    ++next_;
    while (peek().kind == T::field && !peek().spaced) {
      if (!fields) return fail(peek().at, "a field of " + literal(a) + ": it has none");
      a.fields.emplace_back(peek().of(text_).substr(1));
      ++next_;
    }
    return true;
  }

  bool name(const Token& t, Arg& a, bool& fields) {
    std::string_view s = t.of(text_);
    fields = false;
    if (s == "true" || s == "false") {
      a.kind = Arg::Kind::boolean, a.boolean = s == "true";
    } else if (s == "nil") {
      a.kind = Arg::Kind::nil;
    } else {
      for (std::string_view keyword : {"if", "else", "end", "range", "with", "template", "define", "block"})
        if (s == keyword) return fail(t.at, "the word \"" + std::string{s} + "\" stands at the beginning of an action only");
      if (auto why = unknown_(s)) return fail(t.at, "no function " + go_quote(s) + *why);
      a.kind = Arg::Kind::function, a.text = s, fields = true;
    }
    return true;
  }

  const File& file_;
  std::string_view text_;
  const std::vector<Token>& tokens_;
  const FunctionCheck& unknown_;
  Trees& defined_;
  Fault& fault_;
  size_t next_ = 0, depth_ = 0, loops_ = 0;
  std::vector<std::string> variables_{"$"};
};

}  // namespace

bool parse(const File& file, const std::string& name, const FunctionCheck& unknown, Trees& trees, Fault& fault) {
  std::vector<Token> tokens;
  if (!lex(file, tokens, fault)) return false;
  Trees defined;
  Tree main{&file, {}};
  if (!Parser{file, tokens, unknown, defined, fault}.whole(main.nodes)) return false;
  auto add = [&](const std::string& as, Tree tree) {
    auto there = trees.find(as);
    if (there == trees.end()) trees.emplace(as, std::move(tree));
    else if (!empty(tree)) there->second = std::move(tree);
  };
  for (auto& [as, tree] : defined) add(as, std::move(tree));
  add(name, std::move(main));
  return true;
}

}  // namespace sluice::config::tmpl

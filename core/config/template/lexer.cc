#include "core/config/template/lexer.h"

#include "core/config/template/format.h"

namespace sluice::config::tmpl {
namespace {

bool space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool word_char(char c) { return c == '_' || digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<uint8_t>(c) >= 0x80; }

class Lexer {
 public:
  Lexer(const File& file, std::vector<Token>& out, Fault& fault) : file_{file}, text_{file.text}, out_{out}, fault_{fault} {}

  bool run() {
    bool trimmed = false;  // the action before ended with -}}
    while (true) {
      size_t open = text_.find("{{", at_);
      size_t end = open == text_.npos ? text_.size() : open;
      bool trim = open != text_.npos && open + 3 < text_.size() && text_[open + 2] == '-' && space(text_[open + 3]);
      size_t begin = at_;
      if (trimmed)
        while (begin < end && space(text_[begin])) ++begin;
      if (trim)
        while (end > begin && space(text_[end - 1])) --end;
      if (end > begin) put(Token::Kind::text, begin, end - begin);
      if (open == text_.npos) break;
      size_t inside = open + 2 + (trim ? 2 : 0);
      if (text_.substr(inside).starts_with("/*")) {
        if (!comment(inside, trimmed)) return false;
        continue;
      }
      put(Token::Kind::open, open, 2);
      opened_ = open;
      at_ = open + 2 + (trim ? 1 : 0);
      if (!action(trimmed)) return false;
    }
    put(Token::Kind::end, text_.size(), 0);
    return true;
  }

 private:
  void put(Token::Kind kind, size_t at, size_t size, bool spaced = false) { out_.push_back({kind, at, size, spaced}); }
  bool fail(size_t at, std::string message) {
    fault_ = {&file_, at, std::move(message)};
    return false;
  }
  char ahead(size_t n = 0) const { return at_ + n < text_.size() ? text_[at_ + n] : '\0'; }

  // An action whose only content is a comment.
  bool comment(size_t from, bool& trimmed) {
    size_t end = text_.find("*/", from + 2);
    if (end == text_.npos) return fail(from, "the comment that begins here is not closed with */");
    end += 2;
    if (text_.substr(end).starts_with("}}")) {
      at_ = end + 2, trimmed = false;
      return true;
    }
    size_t at = end;
    while (at < text_.size() && space(text_[at])) ++at;
    if (at > end && text_.substr(at).starts_with("-}}")) {
      at_ = at + 3, trimmed = true;
      return true;
    }
    return fail(from, "a comment must end right before its }}, or before \" -}}\", and have an action of its own");
  }

  // Up to and with }}.
  bool action(bool& trimmed) {
    size_t depth = 0;
    while (true) {
      bool spaced = false;
      while (at_ < text_.size() && space(text_[at_])) ++at_, spaced = true;
      if (at_ >= text_.size()) return fail(opened_, "the action that begins here is not closed with }}");
      bool trims = spaced && text_.substr(at_).starts_with("-}}");
      if (trims || text_.substr(at_).starts_with("}}")) {
        if (depth) return fail(at_, "a \"(\" of this action is not closed");
        put(Token::Kind::close, at_, trims ? 3 : 2, spaced);
        at_ += trims ? 3 : 2;
        trimmed = trims;
        return true;
      }
      if (!token(spaced, depth)) return false;
    }
  }

  bool token(bool spaced, size_t& depth) {
    size_t from = at_;
    char c = text_[at_];
    auto one = [&](Token::Kind kind, size_t size) {
      put(kind, from, size, spaced);
      at_ = from + size;
      return true;
    };
    switch (c) {
      case '=': return one(Token::Kind::assign, 1);
      case ':': return ahead(1) == '=' ? one(Token::Kind::declare, 2) : fail(at_, "expected \":=\", found ':'");
      case '|': return one(Token::Kind::pipe, 1);
      case ',': return one(Token::Kind::comma, 1);
      case '(': ++depth; return one(Token::Kind::left, 1);
      case ')':
        if (depth == 0) return fail(at_, "a \")\" without its \"(\"");
        --depth;
        return one(Token::Kind::right, 1);
      case '"': return quoted('"', Token::Kind::quoted, spaced, "text");
      case '\'': return quoted('\'', Token::Kind::character, spaced, "character");
      case '`': {
        size_t end = text_.find('`', at_ + 1);
        if (end == text_.npos) return fail(at_, "the text that begins with ` is not closed");
        return one(Token::Kind::raw, end + 1 - from);
      }
      default: break;
    }
    if (c == '$' || (c == '.' && !digit(ahead(1)))) {
      size_t end = at_ + 1;
      while (end < text_.size() && word_char(text_[end])) ++end;
      size_t size = end - from;
      if (c == '.' && size == 1) return one(Token::Kind::dot, 1);
      return one(c == '$' ? Token::Kind::variable : Token::Kind::field, size);
    }
    if (digit(c) || c == '.' || ((c == '+' || c == '-') && (digit(ahead(1)) || ahead(1) == '.'))) {
      size_t end = at_ + 1;
      bool hex = c == '0' && (ahead(1) | 32) == 'x';
      for (; end < text_.size(); ++end) {
        char d = text_[end];
        if (word_char(d) || d == '.') continue;
        char before = static_cast<char>(text_[end - 1] | 32);
        if ((d == '+' || d == '-') && (before == 'p' || (before == 'e' && !hex))) continue;
        break;
      }
      return one(Token::Kind::number, end - from);
    }
    if (word_char(c)) {
      size_t end = at_ + 1;
      while (end < text_.size() && word_char(text_[end])) ++end;
      return one(Token::Kind::word, end - from);
    }
    if (text_.substr(at_).starts_with("/*"))
      return fail(at_, "a comment stands alone in its action: {{/* … */}}");
    if (c == '-' && text_.substr(at_).starts_with("-}}"))
      return fail(at_, "\"-}}\" needs a blank before it to trim what follows");
    if (text_.substr(at_).starts_with("{{")) return fail(at_, "\"{{\" inside an action: the one before is not closed with }}");
    return fail(at_, "unexpected character " + go_quote(text_.substr(at_, rune_at(text_.substr(at_)).size)) + " in an action");
  }

  bool quoted(char mark, Token::Kind kind, bool spaced, std::string_view what) {
    size_t from = at_;
    for (size_t i = at_ + 1; i < text_.size() && text_[i] != '\n'; ++i) {
      if (text_[i] == '\\') {
        ++i;
        if (i < text_.size() && text_[i] == '\n') break;
      } else if (text_[i] == mark) {
        put(kind, from, i + 1 - from, spaced);
        at_ = i + 1;
        return true;
      }
    }
    return fail(from, "the " + std::string{what} + " that begins here is not closed on its line");
  }

  const File& file_;
  std::string_view text_;
  std::vector<Token>& out_;
  Fault& fault_;
  size_t at_ = 0, opened_ = 0;
};

}  // namespace

bool lex(const File& file, std::vector<Token>& out, Fault& fault) { return Lexer{file, out, fault}.run(); }

}  // namespace sluice::config::tmpl

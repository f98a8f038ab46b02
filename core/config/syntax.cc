#include "core/config/syntax.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "core/base/text.h"

namespace sluice::config {
namespace {

namespace json = boost::json;
using boost::system::error_code;

// Builds the value; differs from boost::json::parse only in how numbers are read.
struct Handler {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  json::value_stack stack;
  std::string number;

  // The text in front of the end of the number, with what came in earlier parts.
  std::string_view whole(json::string_view s) {
    number.append(s.data(), s.size());
    return number;
  }
  void done() { number.clear(); }

  bool on_document_begin(error_code&) {
    stack.reset({});
    return true;
  }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t n, error_code&) {
    stack.push_array(n);
    return true;
  }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t n, error_code&) {
    stack.push_object(n);
    return true;
  }
  bool on_string_part(json::string_view s, std::size_t, error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_string(json::string_view s, std::size_t, error_code&) {
    stack.push_string(s);
    return true;
  }
  bool on_key_part(json::string_view s, std::size_t, error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_key(json::string_view s, std::size_t, error_code&) {
    stack.push_key(s);
    return true;
  }
  bool on_number_part(json::string_view s, error_code&) {
    number.append(s.data(), s.size());
    return true;
  }
  bool on_int64(int64_t i, json::string_view s, error_code&) {
    if (i == 0 && whole(s).starts_with('-')) stack.push_double(-0.0);
    else stack.push_int64(i);
    done();
    return true;
  }
  bool on_uint64(uint64_t u, json::string_view, error_code&) {
    stack.push_uint64(u);
    done();
    return true;
  }
  bool on_double(double, json::string_view s, error_code& ec) {
    double d = 0;
    std::string_view text = whole(s);
    auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), d);
    if (err == std::errc::result_out_of_range)
      d = std::strtod(number.c_str(), nullptr);  // tells too small from too large
    done();
    if (std::isinf(d)) {
      ec = json::error::exponent_overflow;
      return false;
    }
    stack.push_double(d);
    return true;
  }
  bool on_bool(bool b, error_code&) {
    stack.push_bool(b);
    return true;
  }
  bool on_null(error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

// Bytes of the well-formed UTF-8 sequence in front of `s` (Unicode table 3-7); 0: none.
size_t utf8_length(std::string_view s) {
  auto byte = [&](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : 0; };
  auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  uint8_t b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return tail(1) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    if ((b == 0xe0 && byte(1) < 0xa0) || (b == 0xed && byte(1) > 0x9f)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    if ((b == 0xf0 && byte(1) < 0x90) || (b == 0xf4 && byte(1) > 0x8f)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// Reads a refused text once more, slowly, to say what a person should look at.
class Diagnosis {
 public:
  explicit Diagnosis(std::string_view text) : text_{text} {}

  // False: this reader finds nothing wrong.
  bool run(SyntaxFault& fault) {
    fault_ = &fault;
    if (text_.starts_with("\xef\xbb\xbf")) return fail(0, "the file begins with a byte-order mark; JSON allows none");
    blanks();
    if (!more()) return fail(at_, "expected a value, found the end of the file");
    while (true) {
      if (!value()) return true;
      // Behind a value: close what ends here.
      while (true) {
        blanks();
        if (open_.empty()) return more() ? fail(at_, "expected the end of the file, found " + found()) : false;
        bool object = text_[open_.back()] == '{';
        if (take(',')) {
          blanks();
          if (more() && (text_[at_] == '}' || text_[at_] == ']'))
            return fail(at_, std::string{"expected "} + (object ? "a key" : "a value") + ", found " + found() +
                                 "; JSON allows no comma before it");
          if (object && !key()) return true;
          break;
        }
        if (!take(object ? '}' : ']'))
          return fail(at_,
                      std::string{"expected ',' or '"} + (object ? '}' : ']') + "', found " + found() + unclosed());
        open_.pop_back();
      }
    }
  }

 private:
  bool more() const { return at_ < text_.size(); }
  bool fail(size_t at, std::string message) {
    fault_->offset = at;
    fault_->message = std::move(message);
    return true;
  }
  bool refuse(size_t at, std::string message) { return !fail(at, std::move(message)); }
  bool take(char c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (more() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  std::string line_of(size_t at) const {
    return std::to_string(1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at), '\n'));
  }
  std::string unclosed() const {
    if (more() || open_.empty()) return {};
    return std::string{"; the '"} + text_[open_.back()] + "' of line " + line_of(open_.back()) + " is not closed";
  }
  std::string found() const {
    if (!more()) return "the end of the file";
    std::string_view rest = text_.substr(at_);
    if (rest.starts_with("//") || rest.starts_with("/*") || rest[0] == '#') return "a comment; JSON allows none";
    if (rest[0] == '\'') return "a single quote; JSON texts stand in double quotes";
    if (rest[0] == '"') return "a text; is a comma missing before it?";
    size_t n = 0;
    while (n < rest.size() && n < 20 && (is_word(rest[n]) || rest[n] == '.' || rest[n] == '-')) ++n;
    if (n == 0) n = utf8_length(rest);
    if (n == 0 || (n == 1 && static_cast<uint8_t>(rest[0]) < 0x20))
      return "the byte " + std::to_string(static_cast<uint8_t>(rest[0]));
    return "'" + std::string{rest.substr(0, n)} + "'";
  }
  bool blank_between(size_t from, size_t to) const {
    return text_.substr(from, to - from).find_first_not_of(" \t\r\n") == text_.npos;
  }
  static bool is_word(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

  bool key() {
    blanks();
    if (!more() || text_[at_] != '"')
      return refuse(at_, "expected a key in double quotes, found " + found() + unclosed());
    if (!string()) return false;
    blanks();
    if (!take(':')) return refuse(at_, "expected ':' behind the key, found " + found() + unclosed());
    return true;
  }
  // A value up to its end, or up to the first value inside it.
  bool value() {
    while (true) {
      blanks();
      if (!more()) return refuse(at_, "expected a value, found the end of the file" + unclosed());
      char c = text_[at_];
      if (c == '{' || c == '[') {
        if (open_.size() == kMaxDepth)
          return refuse(at_, "objects and lists are nested deeper than " + std::to_string(kMaxDepth));
        open_.push_back(at_++);
        blanks();
        if (take(c == '{' ? '}' : ']')) {
          open_.pop_back();
          return true;
        }
        if (c == '{' && !key()) return false;
        continue;
      }
      if (c == '"') return string();
      if (c == '-' || (c >= '0' && c <= '9')) return number();
      for (std::string_view word : {"true", "false", "null"}) {
        if (!text_.substr(at_).starts_with(word)) continue;
        size_t end = at_ + word.size();
        if (end < text_.size() && is_word(text_[end])) break;
        at_ = end;
        return true;
      }
      bool in_new_list = !open_.empty() && text_[open_.back()] == '[' && blank_between(open_.back() + 1, at_);
      return refuse(at_, std::string{"expected a value"} + (in_new_list ? " or ']'" : "") + ", found " + found());
    }
  }
  bool digits() {
    size_t from = at_;
    while (more() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > from;
  }
  bool number() {
    size_t from = at_;
    take('-');
    bool zero = more() && text_[at_] == '0';
    size_t first = at_;
    if (!digits()) return refuse(from, "expected digits behind '-'");
    if (zero && at_ > first + 1) return refuse(from, "a number has no leading zeros");
    if (take('.') && !digits()) return refuse(from, "expected digits behind the number's '.'");
    if (more() && lower(text_[at_]) == 'e') {
      ++at_;
      if (!take('+')) take('-');
      if (!digits()) return refuse(from, "expected digits in the number's exponent");
    }
    if (more() && is_word(text_[at_]))
      return refuse(from, "expected a number, found '" +
                              std::string{text_.substr(from, std::min<size_t>(at_ + 1 - from, 30))} + "'");
    std::string text{text_.substr(from, at_ - from)};
    if (std::isinf(std::strtod(text.c_str(), nullptr))) return refuse(from, "the number is too large");
    return true;
  }
  bool string() {
    size_t from = at_++;
    while (more()) {
      auto c = static_cast<uint8_t>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\n' || c == '\r') return refuse(from, "the text that begins here is not closed on its line");
      if (c < 0x20)
        return refuse(at_, "a text holds the control character " + std::to_string(c) + "; write it as an escape");
      if (c != '\\') {
        size_t n = utf8_length(text_.substr(at_));
        if (n == 0) return refuse(at_, "the byte " + std::to_string(c) + " is no UTF-8");
        at_ += n;
        continue;
      }
      char kind = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      if (kind == 'u') {
        uint32_t code = 0;
        if (!unicode(code)) return refuse(at_, "expected four hexadecimal digits behind \\u");
        size_t begin = at_;
        at_ += 6;
        if (code >= 0xdc00 && code < 0xe000)
          return refuse(begin, "a low surrogate escape without a high one before it");
        if (code >= 0xd800 && code < 0xdc00) {
          if (!unicode(code) || code < 0xdc00 || code > 0xdfff)
            return refuse(begin, "a high surrogate escape without a low one behind it");
          at_ += 6;
        }
        continue;
      }
      if (kind == '\0' || std::string_view{"\"\\/bfnrt"}.find(kind) == std::string_view::npos)
        return refuse(at_, "unknown escape in a text");
      at_ += 2;
    }
    return refuse(from, "the text that begins here is not closed");
  }
  bool unicode(uint32_t& code) const {
    if (at_ + 6 > text_.size() || text_[at_] != '\\' || text_[at_ + 1] != 'u') return false;
    code = 0;
    for (size_t i = at_ + 2; i < at_ + 6; ++i) {
      int d = hex_digit(text_[i]);
      if (d < 0) return false;
      code = code * 16 + static_cast<uint32_t>(d);
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<size_t> open_;
  SyntaxFault* fault_ = nullptr;
};

}  // namespace

std::optional<json::value> parse_json(std::string_view text, SyntaxFault& fault) {
  if (text.size() > kMaxText) {
    fault = {0, "the file is larger than " + std::to_string(kMaxText >> 20) + " MiB"};
    return std::nullopt;
  }
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::basic_parser<Handler> parser{options};
  error_code ec;
  size_t n = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && n < text.size()) ec = json::error::extra_data;
  if (!ec) return parser.handler().stack.release();
  if (!Diagnosis{text}.run(fault)) fault = {std::min(n, text.size()), ec.message()};
  return std::nullopt;
}

}  // namespace sluice::config

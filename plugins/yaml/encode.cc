#include "encode.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "../shared/utf8.h"
#include "scalar.h"

namespace sluice::yaml {

namespace {

constexpr size_t kIndent = 4;
constexpr size_t kLongKey = 128;  // longer ones need "? " (YAML 1.2 §8.2.2 has 1024; the reference has this)

// What stands in a text, as far as it decides how it can be written (YAML 1.2 §7.3).
struct Look {
  bool breaks = false, edges = false, unprintable = false, tabs = false, space_before_break = false, break_before_space = false;
  bool indicators = false;
};

bool is_break(char32_t c) { return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029; }
// The reference writes what lies beyond the basic plane with escapes.
bool printable(char32_t c) {
  return c == '\n' || (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd && c != 0xfeff);
}

Look look_at(std::string_view s) {
  constexpr std::string_view kFirst = "#,[]{}&*!|>'\"%@`";
  Look l;
  l.indicators = s.starts_with("---") || s.starts_with("...");
  bool previous_space = false, previous_break = false, previous_blank = true;
  for (size_t i = 0, n = 0; i < s.size(); i += n) {
    char32_t c = 0;
    n = std::max<size_t>(utf8::decode(s.substr(i), &c), 1);
    size_t next = i + n;
    bool blank_follows = next >= s.size() || s[next] == ' ' || s[next] == '\t' || s[next] == '\n' || s[next] == '\r';
    if (i == 0 && c < 0x80 && kFirst.find(static_cast<char>(c)) != kFirst.npos) l.indicators = true;
    if (i == 0 && (c == '?' || c == '-') && blank_follows) l.indicators = true;
    if (c == ':' && blank_follows) l.indicators = true;
    if (c == '#' && previous_blank) l.indicators = true;
    if (c == '\t') l.tabs = true;
    else if (!printable(c)) l.unprintable = true;
    bool space = c == ' ', line = is_break(c);
    if ((space || line) && (i == 0 || next == s.size())) l.edges = true;
    l.break_before_space = l.break_before_space || (space && previous_break);
    l.space_before_break = l.space_before_break || (line && previous_space);
    l.breaks = l.breaks || line;
    previous_space = space, previous_break = line, previous_blank = space || line || c == '\t';
  }
  return l;
}

void put_quoted(std::string& out, std::string_view s) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  out += '"';
  for (size_t n; !s.empty(); s.remove_prefix(n)) {
    char32_t c = 0;
    n = std::max<size_t>(utf8::decode(s, &c), 1);
    if (printable(c) && !is_break(c) && c != '"' && c != '\\') {
      out += s.substr(0, n);
      continue;
    }
    out += '\\';
    switch (c) {
      case 0: out += '0'; break;
      case '\a': out += 'a'; break;
      case '\b': out += 'b'; break;
      case '\t': out += 't'; break;
      case '\n': out += 'n'; break;
      case '\v': out += 'v'; break;
      case '\f': out += 'f'; break;
      case '\r': out += 'r'; break;
      case 0x1b: out += 'e'; break;
      case '"': out += '"'; break;
      case '\\': out += '\\'; break;
      case 0x85: out += 'N'; break;
      case 0x2028: out += 'L'; break;
      case 0x2029: out += 'P'; break;
      default: {
        int digits = c <= 0xff ? 2 : c <= 0xffff ? 4 : 8;
        out += digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
        for (int d = digits - 1; d >= 0; --d) out += kHex[c >> (4 * d) & 15];
      }
    }
  }
  out += '"';
}

void put_single(std::string& out, std::string_view s) {
  out += '\'';
  for (char c : s) {
    if (c == '\'') out += '\'';
    out += c;
  }
  out += '\'';
}

// Lines as they are, behind a bar that says how the last one ends (YAML 1.2 §8.1.2).
void put_literal(std::string& out, std::string_view s, size_t indent) {
  out += '|';
  bool ends = s.ends_with('\n'), more = s.size() > 1 ? s.ends_with("\n\n") : ends;
  if (!ends) out += '-';
  if (more) out += '+';
  while (!s.empty()) {
    size_t line = s.find('\n');
    out += '\n';
    if (line != 0) out.append(indent, ' ');
    out += s.substr(0, line);
    if (line == s.npos) return;
    s.remove_prefix(line + 1);
  }
}

// Bytes that are no text (https://yaml.org/type/binary.html).
void put_binary(std::string& out, std::string_view s) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out += "!!binary ";
  for (size_t i = 0; i < s.size(); i += 3) {
    auto byte = [&](size_t k) { return i + k < s.size() ? uint32_t{static_cast<uint8_t>(s[i + k])} : 0u; };
    uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += kDigits[bits >> 18];
    out += kDigits[bits >> 12 & 63];
    out += i + 1 < s.size() ? kDigits[bits >> 6 & 63] : '=';
    out += i + 2 < s.size() ? kDigits[bits & 63] : '=';
  }
}

// `indent`: of the lines of a text that has several. Keys stand in one line.
void put_string(std::string& out, std::string_view s, size_t indent, bool key) {
  if (!utf8::valid(s)) return put_binary(out, s);
  Look l = look_at(s);
  bool lines = s.find('\n') != s.npos;
  if (lines && !key && !l.unprintable && !l.space_before_break && s[0] != ' ' && s[0] != '\n' && !s.ends_with(' '))
    return put_literal(out, s, indent);
  if (lines || means_something(s) || l.unprintable || l.tabs || l.breaks || l.space_before_break || l.break_before_space)
    return put_quoted(out, s);
  if (l.indicators || l.edges) return put_single(out, s);
  out += s;
}

// A document may be 10,000 levels deep: no recursion.
class Writer {
 public:
  explicit Writer(std::string& out) : out_{out} {}

  void run(Value data) {
    if (data.is_null()) {
      out_ += "{}\n";
      return;
    }
    value(data, 0, Place::line);
    while (!open_.empty()) {
      Frame& f = open_.back();
      if (f.at == f.end) {
        members_.resize(f.base);
        open_.pop_back();
        continue;
      }
      // The first entry may stand behind the "- " of the sequence around it.
      if (!std::exchange(f.inline_first, false)) out_.append(f.indent, ' ');
      if (f.array) {
        out_ += '-';
        value(f.list.at(static_cast<uint32_t>(f.at++)), f.indent + 2, Place::dash);
      } else {
        auto [key, v] = members_[f.at++];
        size_t indent = f.indent, deeper = kIndent * ((f.indent + kIndent) / kIndent);
        put_key(key, indent);
        value(v, deeper, Place::colon);
      }
    }
  }

 private:
  using Member = std::pair<std::string_view, Value>;
  enum class Place { line, dash, colon };  // what the value stands behind
  struct Frame {
    Value list;
    size_t base, at, end, indent;
    bool array, inline_first;
  };

  void put_key(std::string_view key, size_t indent) {
    size_t begin = out_.size();
    put_string(out_, key, indent, true);
    if (out_.size() - begin > kLongKey) {
      out_.insert(begin, "? ");
      out_ += '\n';
      out_.append(indent, ' ');
    }
    out_ += ':';
  }
  void value(Value v, size_t deeper, Place place) {
    bool empty = (v.is_object() || v.is_array()) && v.size() == 0;
    if ((v.is_object() || v.is_array()) && !empty) return begin(v, deeper, place);
    if (place != Place::line) out_ += ' ';
    switch (v.kind()) {
      case SLC_OBJECT: out_ += "{}"; break;
      case SLC_ARRAY: out_ += "[]"; break;
      case SLC_STRING: put_string(out_, v.text(), deeper, false); break;
      case SLC_BOOL: out_ += *v.as_bool() ? "true" : "false"; break;
      case SLC_NUMBER:
        // What a JSON backend wrote is kept as text there, and written as such.
        if (v.source("json").empty()) out_ += v.text();
        else put_quoted(out_, v.text());
        break;
      default: out_ += "null";
    }
    out_ += '\n';
  }
  void begin(Value v, size_t indent, Place place) {
    if (place == Place::colon) out_ += '\n';
    if (place == Place::dash) out_ += ' ';
    size_t base = members_.size();
    bool array = v.is_array();
    if (!array) {
      v.each([&](std::string_view key, Value m) { members_.emplace_back(key, m); });
      auto from = members_.begin() + static_cast<std::ptrdiff_t>(base);
      std::stable_sort(from, members_.end(), [](const Member& a, const Member& b) { return a.first < b.first; });
      // Of members with one name the last one wins.
      size_t kept = base;
      for (size_t i = base; i < members_.size(); ++i)
        if (i + 1 == members_.size() || members_[i + 1].first != members_[i].first) members_[kept++] = members_[i];
      members_.resize(kept);
    }
    open_.push_back({v, base, array ? 0 : base, array ? v.size() : members_.size(), indent, array, place == Place::dash});
  }

  std::string& out_;
  std::vector<Member> members_;
  std::vector<Frame> open_;
};

}  // namespace

void render(Value data, std::string* out) {
  out->clear();
  Writer{*out}.run(data);
}

}  // namespace sluice::yaml

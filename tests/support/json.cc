#include "tests/support/json.h"

#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "tests/support/text.h"
#include "tests/support/wire.h"

namespace sluice::test {
namespace {

constexpr int kMaxDepth = 2'000;  // the parser recurses; no judged document is deeper

class Parser {
 public:
  explicit Parser(std::string_view s) : s_(s) {}
  std::optional<Json> run(bool& duplicates) {
    Json out;
    blanks();
    if (!value(out, 0)) return std::nullopt;
    blanks();
    duplicates = duplicates_;
    if (at_ != s_.size()) return std::nullopt;
    return out;
  }

 private:
  char peek() const { return at_ < s_.size() ? s_[at_] : '\0'; }
  void blanks() {
    while (at_ < s_.size() && std::string_view(" \t\r\n").find(s_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(std::string_view word) {
    if (!s_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool digits() {
    size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > begin;
  }

  bool value(Json& out, int depth) {
    if (depth > kMaxDepth) return false;
    switch (peek()) {
      case '{': return object(out, depth);
      case '[': return array(out, depth);
      case '"': {
        std::string text;
        if (!string(text)) return false;
        out = Json::text(std::move(text));
        return true;
      }
      case 't': out = Json(true); return take("true");
      case 'f': out = Json(false); return take("false");
      case 'n': out = Json(); return take("null");
      default: return number(out);
    }
  }

  bool number(Json& out) {
    size_t begin = at_;
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
    } else if (!digits()) {
      return false;
    }
    if (peek() == '.' && (++at_, !digits())) return false;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return false;
    }
    out = Json::number(std::string(s_.substr(begin, at_ - begin)));
    return true;
  }

  bool hex4(uint32_t& out) {
    if (at_ + 4 > s_.size()) return false;
    out = 0;
    for (int i = 0; i < 4; ++i) {
      char c = s_[at_++];
      int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (d < 0) return false;
      out = out * 16 + static_cast<uint32_t>(d);
    }
    return true;
  }

  bool string(std::string& out) {
    ++at_;
    for (;;) {
      if (at_ >= s_.size()) return false;
      char c = s_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out += c;
        continue;
      }
      char e = peek();
      ++at_;
      static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
      if (size_t i = kFrom.find(e); i != std::string_view::npos && e != '\0') {
        out += kTo[i];
        continue;
      }
      uint32_t unit, low;
      if (e != 'u' || !hex4(unit)) return false;
      size_t before = at_;
      if (unit >= 0xd800 && unit < 0xdc00 && take("\\u") && hex4(low) && low >= 0xdc00 && low < 0xe000) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      } else if (unit >= 0xd800 && unit < 0xdc00) {
        at_ = before;  // a lone surrogate; what follows stands for itself
      }
      append_utf8(out, unit);
    }
  }

  bool array(Json& out, int depth) {
    out = Json::array();
    ++at_;
    blanks();
    if (take("]")) return true;
    for (;;) {
      blanks();
      out.items().emplace_back();
      if (!value(out.items().back(), depth + 1)) return false;
      blanks();
      if (take("]")) return true;
      if (!take(",")) return false;
    }
  }

  bool object(Json& out, int depth) {
    out = Json::object();
    ++at_;
    blanks();
    if (take("}")) return true;
    std::unordered_map<std::string, size_t> seen;
    for (;;) {
      blanks();
      std::string key;
      if (peek() != '"' || !string(key)) return false;
      blanks();
      if (!take(":")) return false;
      blanks();
      Json member;
      if (!value(member, depth + 1)) return false;
      auto [it, fresh] = seen.try_emplace(key, out.members().size());
      if (fresh) {
        out.members().emplace_back(std::move(key), std::move(member));
      } else {
        duplicates_ = true;
        out.members()[it->second].second = std::move(member);
      }
      blanks();
      if (take("}")) return true;
      if (!take(",")) return false;
    }
  }

  std::string_view s_;
  size_t at_ = 0;
  bool duplicates_ = false;
};

void escape_unit(std::string& out, uint32_t unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 15];
}

void dump_string(std::string& out, const std::string& s, bool ascii) {
  out += '"';
  for (size_t i = 0; i < s.size(); ++i) {
    auto c = static_cast<unsigned char>(s[i]);
    static constexpr std::string_view kFrom = "\"\\\b\f\n\r\t", kTo = "\"\\bfnrt";
    if (size_t k = kFrom.find(s[i]); k != std::string_view::npos) {
      out += '\\';
      out += kTo[k];
    } else if (c < 0x20 || (ascii && c == 0x7f)) {
      escape_unit(out, c);
    } else if (c < 0x80 || !ascii) {
      out += s[i];
    } else {
      int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
      uint32_t code = c & (0x3f >> more);
      for (; more > 0 && i + 1 < s.size(); --more) code = code << 6 | (static_cast<unsigned char>(s[++i]) & 0x3f);
      if (code >= 0x10000) {
        escape_unit(out, 0xd800 + ((code - 0x10000) >> 10));
        escape_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
      } else {
        escape_unit(out, code);
      }
    }
  }
  out += '"';
}

}  // namespace

std::optional<Json> Json::parse(std::string_view text, bool* duplicates) {
  bool found = false;
  auto out = Parser(text).run(found);
  if (duplicates != nullptr) *duplicates = found;
  return out;
}

Json Json::parse_or_throw(std::string_view text, std::string_view what) {
  auto out = parse(text);
  if (!out) throw Failure(std::string(what) + " is not JSON: " + std::string(text.substr(0, 200)));
  return std::move(*out);
}

bool Json::truth() const {
  switch (kind_) {
    case Kind::null: return false;
    case Kind::boolean: return flag_;
    case Kind::number: return real() != 0;
    case Kind::string: return !text_.empty();
    default: return size() > 0;
  }
}

long long Json::whole(long long otherwise) const { return kind_ == Kind::number ? std::atoll(text_.c_str()) : otherwise; }
double Json::real() const { return std::strtod(text_.c_str(), nullptr); }

const Json* Json::find(std::string_view key) const {
  for (const auto& [k, v] : members_) {
    if (k == key) return &v;
  }
  return nullptr;
}

Json* Json::find(std::string_view key) { return const_cast<Json*>(std::as_const(*this).find(key)); }

const Json& Json::at(std::string_view key) const {
  static const Json kNull;
  const Json* found = find(key);
  return found != nullptr ? *found : kNull;
}

void Json::set(std::string key, Json value) {
  if (Json* old = find(key)) {
    *old = std::move(value);
  } else {
    members_.emplace_back(std::move(key), std::move(value));
  }
}

void Json::erase(std::string_view key) {
  std::erase_if(members_, [&](const auto& m) { return m.first == key; });
}

bool operator==(const Json& a, const Json& b) {
  if (a.kind_ != b.kind_ || a.flag_ != b.flag_ || a.text_ != b.text_ || a.items_ != b.items_) return false;
  if (a.members_.size() != b.members_.size()) return false;
  std::unordered_map<std::string_view, const Json*> of_b;
  for (const auto& [k, v] : b.members_) of_b.emplace(k, &v);
  return std::all_of(a.members_.begin(), a.members_.end(), [&](const auto& m) {
    auto it = of_b.find(m.first);
    return it != of_b.end() && m.second == *it->second;
  });
}

std::string Json::dump(Style style) const {
  std::string out;
  dump_to(out, style);
  return out;
}

void Json::dump_to(std::string& out, Style style) const {
  const char* comma = style.spaces ? ", " : ",";
  bool first = true;
  switch (kind_) {
    case Kind::null: out += "null"; break;
    case Kind::boolean: out += flag_ ? "true" : "false"; break;
    case Kind::number: out += text_; break;
    case Kind::string: dump_string(out, text_, style.ascii); break;
    case Kind::array:
      out += '[';
      for (const Json& item : items_) {
        if (!std::exchange(first, false)) out += comma;
        item.dump_to(out, style);
      }
      out += ']';
      break;
    case Kind::object: {
      std::vector<const std::pair<std::string, Json>*> order;
      for (const auto& m : members_) order.push_back(&m);
      if (style.sorted) std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->first < b->first; });
      out += '{';
      for (const auto* m : order) {
        if (!std::exchange(first, false)) out += comma;
        dump_string(out, m->first, style.ascii);
        out += style.spaces ? ": " : ":";
        m->second.dump_to(out, style);
      }
      out += '}';
    }
  }
}

}  // namespace sluice::test

// Part of sluice/testing.hpp: a small JSON value, reader and writer, and the document service on top of them.
#ifndef SLUICE_DETAIL_TESTING_JSON_HPP
#define SLUICE_DETAIL_TESTING_JSON_HPP
#include <charconv>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/plugin.h"

namespace sluice::testing {

// A JSON value for tests. Numbers keep their text. Members keep their order; a duplicate key replaces the earlier one.
struct Json {
  int32_t kind = SLC_NULL;
  bool truth = false;
  std::string text;  // of a string or number
  std::vector<std::string> keys;  // of an object; keys[i] names elements[i]
  std::vector<Json> elements;     // of an array or object
  std::string source, source_format;  // deferred text, as a decoder handed it over

  bool is(int32_t k) const { return kind == k; }
  const Json* find(std::string_view key) const {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == key) return &elements[i];
    }
    return nullptr;
  }
  Json& put(const std::string& key, Json v) {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == key) return elements[i] = std::move(v);
    }
    keys.push_back(key);
    return elements.emplace_back(std::move(v));
  }
  bool erase(std::string_view key) {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != key) continue;
      keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(i));
      elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  }

  // Empty `error`: well-formed. Depth is limited to 100.
  static Json parse(std::string_view s, std::string& error) {
    Reader r{s};
    Json out = r.value(0);
    r.space();
    if (r.error.empty() && !r.rest.empty()) r.error = "text after the value";
    error = r.error;
    if (!error.empty()) error += " at offset " + std::to_string(s.size() - r.rest.size());
    return out;
  }
  std::string write() const {
    std::string out;
    write(out);
    return out;
  }
  void write(std::string& out) const {
    const char* separator = "";
    switch (kind) {
      case SLC_BOOL: out += truth ? "true" : "false"; break;
      case SLC_NUMBER: out += text; break;
      case SLC_STRING: quote(out, text); break;
      case SLC_ARRAY:
        out += '[';
        for (const Json& e : elements) out += separator, e.write(out), separator = ",";
        out += ']';
        break;
      case SLC_OBJECT:
        out += '{';
        for (size_t i = 0; i < keys.size(); ++i) {
          out += separator, quote(out, keys[i]), out += ':', elements[i].write(out), separator = ",";
        }
        out += '}';
        break;
      default: out += "null";
    }
  }
  static void quote(std::string& out, std::string_view s) {
    out += '"';
    for (const char c : s) {
      const auto u = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') out += '\\', out += c;
      else if (u < 0x20) out += "\\u00", out += "0123456789abcdef"[u >> 4], out += "0123456789abcdef"[u & 15];
      else out += c;
    }
    out += '"';
  }
  // The number grammar of RFC 8259 §6.
  static bool is_number(std::string_view s) {
    size_t i = 0;
    const auto digits = [&] {
      const size_t from = i;
      while (i < s.size() && s[i] >= '0' && s[i] <= '9') ++i;
      return i - from;
    };
    if (i < s.size() && s[i] == '-') ++i;
    const bool zero = i < s.size() && s[i] == '0';
    const size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (i < s.size() && s[i] == '.') {
      ++i;
      if (digits() == 0) return false;
    }
    if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
      ++i;
      if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
      if (digits() == 0) return false;
    }
    return i == s.size();
  }

 private:
  struct Reader {
    std::string_view rest;
    std::string error{};

    void space() {
      while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' || rest[0] == '\r')) rest.remove_prefix(1);
    }
    bool eat(char c) {
      space();
      if (rest.empty() || rest[0] != c) return false;
      rest.remove_prefix(1);
      return true;
    }
    bool word(std::string_view w) {
      if (rest.substr(0, w.size()) != w) return false;
      rest.remove_prefix(w.size());
      return true;
    }
    void fail(const char* why) {
      if (error.empty()) error = why;
    }
    Json value(int depth) {
      Json out;
      space();
      if (depth > 100) return fail("too deep"), out;
      if (rest.empty()) return fail("a value is missing"), out;
      if (eat('{')) {
        out.kind = SLC_OBJECT;
        if (eat('}')) return out;
        do {
          space();
          if (rest.empty() || rest[0] != '"') return fail("a key is missing"), out;
          const std::string key = string();
          if (!eat(':')) return fail("':' is missing"), out;
          out.put(key, value(depth + 1));
        } while (error.empty() && eat(','));
        if (error.empty() && !eat('}')) fail("'}' is missing");
      } else if (eat('[')) {
        out.kind = SLC_ARRAY;
        if (eat(']')) return out;
        do out.elements.push_back(value(depth + 1));
        while (error.empty() && eat(','));
        if (error.empty() && !eat(']')) fail("']' is missing");
      } else if (rest[0] == '"') {
        out.kind = SLC_STRING;
        out.text = string();
      } else if (word("true")) {
        out.kind = SLC_BOOL;
        out.truth = true;
      } else if (word("false")) {
        out.kind = SLC_BOOL;
      } else if (!word("null")) {
        size_t n = 0;
        while (n < rest.size() && std::string_view{"+-.eE0123456789"}.find(rest[n]) != std::string_view::npos) ++n;
        if (!is_number(rest.substr(0, n))) return fail("no JSON value"), out;
        out.kind = SLC_NUMBER;
        out.text = rest.substr(0, n);
        rest.remove_prefix(n);
      }
      return out;
    }
    unsigned hex4() {
      unsigned n = 0;
      for (int i = 0; i < 4; ++i) {
        const size_t d = rest.empty() ? std::string_view::npos : std::string_view{"0123456789abcdef"}.find(static_cast<char>(rest[0] | 0x20));
        if (d == std::string_view::npos) return fail("a bad \\u escape"), 0u;
        n = n * 16 + static_cast<unsigned>(d);
        rest.remove_prefix(1);
      }
      return n;
    }
    std::string string() {
      std::string out;
      rest.remove_prefix(1);
      while (error.empty()) {
        if (rest.empty()) return fail("a string does not end"), out;
        const char c = rest[0];
        rest.remove_prefix(1);
        if (c == '"') return out;
        if (static_cast<unsigned char>(c) < 0x20) return fail("a control character in a string"), out;
        if (c != '\\') {
          out += c;
          continue;
        }
        if (rest.empty()) return fail("a string does not end"), out;
        const char e = rest[0];
        rest.remove_prefix(1);
        const size_t simple = std::string_view{"\"\\/bfnrt"}.find(e);
        if (simple != std::string_view::npos) out += "\"\\/\b\f\n\r\t"[simple];
        else if (e == 'u') unicode(out);
        else fail("an unknown escape");
      }
      return out;
    }
    void unicode(std::string& out) {
      unsigned c = hex4();
      if (c >= 0xD800 && c < 0xDC00 && word("\\u")) {
        const unsigned low = hex4();
        c = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
      } else if (c >= 0xD800 && c < 0xE000) {
        c = 0xFFFD;
      }
      const auto byte = [&](unsigned b) { out += static_cast<char>(b); };
      if (c < 0x80) byte(c);
      else if (c < 0x800) byte(0xC0 | c >> 6), byte(0x80 | (c & 63));
      else if (c < 0x10000) byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63));
      else byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63));
    }
  };
};

// The receiving side of a document being built.
class JsonBuilder {
 public:
  // With a decoder, its deferred text is expanded at once, but can still be asked for with source().
  explicit JsonBuilder(const slc_decoder* decoder = nullptr) : decoder_{decoder} {}

  slc_builder* handle() { return reinterpret_cast<slc_builder*>(this); }
  static JsonBuilder& of(slc_builder* b) { return *reinterpret_cast<JsonBuilder*>(b); }
  bool complete() const { return !spoiled_ && open_.empty() && has_root_; }
  bool spoiled() const { return spoiled_; }
  const Json& root() const { return root_; }
  Json& root() { return root_; }

  slc_status begin(int32_t kind) {
    if (kind != SLC_ARRAY && kind != SLC_OBJECT) return spoil(SLC_EINVAL);
    if (open_.size() >= 100) return spoil(SLC_ELIMIT);
    Json v;
    v.kind = kind;
    Json* at = nullptr;
    if (const slc_status s = place(std::move(v), &at); s != SLC_OK) return s;
    open_.push_back(at);
    return SLC_OK;
  }
  slc_status end() {
    if (open_.empty() || has_key_) return spoil(SLC_EINVAL);
    open_.pop_back();
    return SLC_OK;
  }
  slc_status key(std::string_view k) {
    if (open_.empty() || !open_.back()->is(SLC_OBJECT) || has_key_) return spoil(SLC_EINVAL);
    key_ = k;
    has_key_ = true;
    return SLC_OK;
  }
  slc_status value(Json v) { return place(std::move(v), nullptr); }
  slc_status deferred(int32_t kind, std::string_view text) {
    Json v;
    if (decoder_ && decoder_->expand) {
      JsonBuilder inner{decoder_};
      if (decoder_->expand({text.data(), text.size()}, inner.handle()) != SLC_OK || !inner.complete()) return spoil(SLC_EDECODE);
      v = std::move(inner.root_);
    }
    v.kind = kind;
    v.source = text;
    if (decoder_ && decoder_->format.ptr) v.source_format.assign(decoder_->format.ptr, decoder_->format.len);
    return value(std::move(v));
  }
  slc_status spoil(slc_status s) {
    spoiled_ = true;
    return s;
  }
  void* alloc(size_t size) { return memory_.emplace_back(size + 1, '\0').data(); }

 private:
  slc_status place(Json v, Json** at) {
    if (spoiled_) return SLC_EINVAL;
    Json* put = &root_;
    if (open_.empty()) {
      if (has_root_) return spoil(SLC_EINVAL);
      has_root_ = true;
      root_ = std::move(v);
    } else if (open_.back()->is(SLC_ARRAY)) {
      put = &open_.back()->elements.emplace_back(std::move(v));
    } else {
      if (!has_key_) return spoil(SLC_EINVAL);
      has_key_ = false;
      put = &open_.back()->put(key_, std::move(v));
    }
    if (at) *at = put;
    return SLC_OK;
  }

  const slc_decoder* decoder_;
  Json root_;
  std::vector<Json*> open_;  // stable: only the innermost open value grows
  std::string key_;
  bool has_key_ = false, has_root_ = false, spoiled_ = false;
  std::deque<std::string> memory_;
};

// The document service on Json and JsonBuilder.
struct JsonService {
  static Json* of(slc_node n) { return static_cast<Json*>(n.p); }
  static slc_node node(const Json* j) { return {const_cast<Json*>(j), 0}; }
  static slc_str str(std::string_view s) { return {s.data() ? s.data() : "", s.size()}; }
  static std::string_view view(slc_str s) { return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{}; }
  static Json scalar(int32_t kind, std::string_view text) {
    Json v;
    v.kind = kind;
    v.text = text;
    return v;
  }
  static const slc_document_api* table() {
    static const slc_document_api t = make();
    return &t;
  }

 private:
  static slc_document_api make() {
    slc_document_api t{};
    t.size = sizeof t;
    t.kind = [](slc_node n) noexcept -> int32_t { return n.p ? of(n)->kind : static_cast<int32_t>(SLC_NULL); };
    t.as_int = [](slc_node n, int64_t* out) noexcept -> slc_status {
      if (!n.p || !of(n)->is(SLC_NUMBER)) return SLC_EINVAL;
      const std::string& s = of(n)->text;
      const auto r = std::from_chars(s.data(), s.data() + s.size(), *out);
      if (r.ec == std::errc{} && r.ptr == s.data() + s.size()) return SLC_OK;
      const double d = std::strtod(s.c_str(), nullptr);  // 2.0 and 1e3 are integers too
      if (!(d >= -9.2e18 && d <= 9.2e18) || d != static_cast<double>(static_cast<int64_t>(d))) return SLC_EINVAL;
      *out = static_cast<int64_t>(d);
      return SLC_OK;
    };
    t.as_double = [](slc_node n, double* out) noexcept -> slc_status {
      if (!n.p || !of(n)->is(SLC_NUMBER)) return SLC_EINVAL;
      *out = std::strtod(of(n)->text.c_str(), nullptr);
      return SLC_OK;
    };
    t.as_bool = [](slc_node n, int32_t* out) noexcept -> slc_status {
      if (!n.p || !of(n)->is(SLC_BOOL)) return SLC_EINVAL;
      *out = of(n)->truth ? 1 : 0;
      return SLC_OK;
    };
    t.text = [](slc_node n) noexcept -> slc_str {
      if (!n.p || (!of(n)->is(SLC_STRING) && !of(n)->is(SLC_NUMBER))) return {nullptr, 0};
      return str(of(n)->text);
    };
    t.find = [](slc_node n, slc_str key) noexcept -> slc_node { return node(n.p ? of(n)->find(view(key)) : nullptr); };
    t.at = [](slc_node n, uint32_t i, slc_str* key) noexcept -> slc_node {
      if (!n.p) return {nullptr, 0};
      Json& j = *of(n);
      if (i >= j.elements.size()) return {nullptr, 0};
      if (key && j.is(SLC_OBJECT)) *key = str(j.keys[i]);
      return node(&j.elements[i]);
    };
    t.count = [](slc_node n) noexcept -> uint32_t {
      return n.p ? static_cast<uint32_t>(of(n)->elements.size()) : 0;
    };
    t.erase = [](slc_node n, slc_str key) noexcept -> slc_status {
      if (!n.p || !of(n)->is(SLC_OBJECT)) return SLC_EINVAL;
      return of(n)->erase(view(key)) ? SLC_OK : SLC_ENOTFOUND;
    };
    t.source = [](slc_node n, slc_str format) noexcept -> slc_str {
      if (!n.p || of(n)->source_format.empty() || of(n)->source_format != view(format)) return {nullptr, 0};
      return str(of(n)->source);
    };
    t.source_run = [](slc_node, slc_str, uint32_t, uint32_t* members) noexcept -> slc_str {
      if (members) *members = 0;
      return {nullptr, 0};
    };
    using B = slc_builder;
    t.begin = [](B* b, int32_t kind) noexcept { return JsonBuilder::of(b).begin(kind); };
    t.end = [](B* b) noexcept { return JsonBuilder::of(b).end(); };
    t.key = [](B* b, slc_str k) noexcept { return JsonBuilder::of(b).key(view(k)); };
    t.string = [](B* b, slc_str s) noexcept { return JsonBuilder::of(b).value(scalar(SLC_STRING, view(s))); };
    t.string_stable = t.string;
    t.number_text = [](B* b, slc_str s) noexcept -> slc_status {
      if (!Json::is_number(view(s))) return JsonBuilder::of(b).spoil(SLC_EINVAL);
      return JsonBuilder::of(b).value(scalar(SLC_NUMBER, view(s)));
    };
    t.integer = [](B* b, int64_t n) noexcept { return JsonBuilder::of(b).value(scalar(SLC_NUMBER, std::to_string(n))); };
    t.number = [](B* b, double d) noexcept {
      char text[40];
      const auto end = std::to_chars(text, text + sizeof text, d).ptr;
      return JsonBuilder::of(b).value(scalar(SLC_NUMBER, {text, static_cast<size_t>(end - text)}));
    };
    t.literal = [](B* b, int32_t kind, int32_t v) noexcept {
      Json j;
      j.kind = kind == SLC_BOOL ? SLC_BOOL : SLC_NULL;
      j.truth = kind == SLC_BOOL && v != 0;
      return JsonBuilder::of(b).value(std::move(j));
    };
    t.copy = [](B* b, slc_node n) noexcept { return JsonBuilder::of(b).value(n.p ? *of(n) : Json{}); };
    t.deferred = [](B* b, int32_t kind, slc_str text) noexcept { return JsonBuilder::of(b).deferred(kind, view(text)); };
    t.deferred_member = [](B* b, slc_str key, slc_str, int32_t kind, slc_str v) noexcept {
      const slc_status s = JsonBuilder::of(b).key(view(key));
      return s != SLC_OK ? s : JsonBuilder::of(b).deferred(kind, view(v));
    };
    t.alloc = [](B* b, size_t size) noexcept { return JsonBuilder::of(b).alloc(size); };
    t.deferred_members = [](B* b, slc_str text, const slc_member_range* ranges, uint32_t n) noexcept {
      slc_status s = SLC_OK;
      for (uint32_t i = 0; s == SLC_OK && i < n; ++i) {
        const slc_member_range& r = ranges[i];
        if (!(r.begin <= r.key && r.key <= r.key_end && r.key_end <= r.value && r.value <= r.end && r.end <= text.len))
          return JsonBuilder::of(b).spoil(SLC_EINVAL);
        s = JsonBuilder::of(b).key(view(text).substr(r.key, r.key_end - r.key));
        if (s == SLC_OK) s = JsonBuilder::of(b).deferred(r.kind, view(text).substr(r.value, r.end - r.value));
      }
      return s;
    };
    t.whole = [](B*) noexcept -> int32_t { return 0; };
    return t;
  }
};

}  // namespace sluice::testing
#endif

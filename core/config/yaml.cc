#include <yaml.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>

#include "core/config/formats.h"
#include "core/config/report.h"

namespace sluice::config {
namespace {

namespace json = boost::json;

// What the text and its aliases may grow to: values, and bytes of texts.
constexpr size_t kMostCost = size_t{128} << 20, kCost = 64;

struct Event {
  yaml_event_t event{};
  bool there = false;
  ~Event() { drop(); }
  void drop() {
    if (there) yaml_event_delete(&event);
    there = false;
  }
  yaml_event_t* operator->() { return &event; }
};

std::string_view view(const yaml_char_t* s) { return s ? reinterpret_cast<const char*>(s) : std::string_view{}; }
bool digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  Reader(std::string_view text, SyntaxFault& fault, Positions* positions) : lines_{text}, size_{text.size()}, fault_{fault}, positions_{positions} {
    ready_ = yaml_parser_initialize(&parser_);
    if (!ready_) return;
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~Reader() {
    if (ready_) yaml_parser_delete(&parser_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::optional<json::value> run() {
    if (!ready_) return fail(0, "there is no memory to read it"), std::nullopt;
    json::value root;
    size_t cost = 0;
    Event e;
    if (!next(e) || !next(e)) return std::nullopt;
    if (e->type == YAML_STREAM_END_EVENT) return root;  // nothing: null
    if (!next(e) || !value(e, root, "", 0, cost)) return std::nullopt;
    if (!next(e) || !next(e)) return std::nullopt;
    if (e->type != YAML_STREAM_END_EVENT) return fail(at(e), "a second document (\"---\") begins here; a configuration is one"), std::nullopt;
    return root;
  }

 private:
  struct Anchor {
    json::value value;
    size_t cost = 0;
  };

  bool fail(size_t offset, std::string message) {
    fault_ = {std::min(offset, size_), std::move(message)};
    return false;
  }
  size_t at(Event& e) const { return lines_.offset(e->start_mark.line, e->start_mark.column); }

  bool next(Event& e) {
    e.drop();
    e.there = yaml_parser_parse(&parser_, &e.event);
    if (e.there) return true;
    std::string message = parser_.problem ? parser_.problem : "this is no YAML";
    if (parser_.context) message += std::string{" "} + parser_.context;
    yaml_mark_t mark = parser_.problem_mark;
    size_t offset = parser_.error == YAML_READER_ERROR ? parser_.problem_offset : lines_.offset(mark.line, mark.column);
    return fail(offset, message);
  }

  bool spend(Event& e, size_t cost, size_t& sum) {
    sum += cost, cost_ += cost;
    return cost_ <= kMostCost || fail(at(e), "aliases make the configuration larger than " + std::to_string(kMostCost >> 20) + " MiB");
  }

  bool value(Event& e, json::value& out, const std::string& pointer, size_t depth, size_t& sum) {
    if (depth > kMaxDepth) return fail(at(e), "objects and lists are nested deeper than " + std::to_string(kMaxDepth));
    size_t cost = 0;
    std::string anchor;
    switch (e->type) {
      case YAML_ALIAS_EVENT: {
        auto it = anchors_.find(view(e->data.alias.anchor));
        if (it == anchors_.end())
          return fail(at(e), "there is no anchor &" + std::string{view(e->data.alias.anchor)} + " before this alias, or it is inside of it");
        if (!spend(e, it->second.cost, sum)) return false;
        out = it->second.value;
        return true;
      }
      case YAML_SCALAR_EVENT:
        anchor = view(e->data.scalar.anchor);
        if (!spend(e, kCost + e->data.scalar.length, cost) || !scalar(e, out)) return false;
        break;
      case YAML_SEQUENCE_START_EVENT:
        anchor = view(e->data.sequence_start.anchor);
        if (!spend(e, kCost, cost) || !sequence(e, out, pointer, depth, cost)) return false;
        break;
      case YAML_MAPPING_START_EVENT:
        anchor = view(e->data.mapping_start.anchor);
        if (!spend(e, kCost, cost) || !mapping(e, out, pointer, depth, cost)) return false;
        break;
      default: return fail(at(e), "expected a value");
    }
    sum += cost;
    if (anchor.empty()) return true;
    if (!spend(e, cost, sum)) return false;
    anchors_[anchor] = {out, cost};
    return true;
  }

  bool sequence(Event& e, json::value& out, const std::string& pointer, size_t depth, size_t& cost) {
    json::array& list = out.emplace_array();
    while (true) {
      if (!next(e)) return false;
      if (e->type == YAML_SEQUENCE_END_EVENT) return true;
      std::string here = positions_ ? join(pointer, list.size()) : std::string{};
      if (positions_) positions_->insert_or_assign(here, at(e));
      json::value item;
      if (!value(e, item, here, depth + 1, cost)) return false;
      list.push_back(std::move(item));
    }
  }

  bool mapping(Event& e, json::value& out, const std::string& pointer, size_t depth, size_t& cost) {
    json::object& object = out.emplace_object();
    std::vector<json::value> merges;
    while (true) {
      if (!next(e)) return false;
      if (e->type == YAML_MAPPING_END_EVENT) break;
      size_t place = at(e);
      std::string key;
      if (e->type == YAML_SCALAR_EVENT) {
        key.assign(reinterpret_cast<const char*>(e->data.scalar.value), e->data.scalar.length);
      } else if (e->type == YAML_ALIAS_EVENT && anchors_.contains(view(e->data.alias.anchor))) {
        const json::value& stands_for = anchors_.find(view(e->data.alias.anchor))->second.value;
        if (!stands_for.is_string()) return fail(place, "a key is a text, and this alias stands for none");
        key = stands_for.get_string();
      } else {
        return fail(place, "a key is a text; this is a list, an object, or an alias without an anchor");
      }
      bool merge = e->type == YAML_SCALAR_EVENT && e->data.scalar.plain_implicit && key == "<<";
      std::string here = positions_ && !merge ? join(pointer, key) : pointer;
      if (!merge && object.contains(key)) return fail(place, "the key \"" + key.substr(0, 60) + "\" is there already");
      if (!spend(e, kCost + key.size(), cost) || !next(e)) return false;
      if (positions_ && !merge) positions_->insert_or_assign(here, place);
      json::value item;
      if (!value(e, item, here, depth + 1, cost)) return false;
      if (!merge) {
        object.emplace(key, std::move(item));
        continue;
      }
      if (item.is_array()) {
        for (json::value& one : item.get_array()) merges.push_back(std::move(one));
      } else {
        merges.push_back(std::move(item));
      }
      for (const json::value& one : merges)
        if (!one.is_object()) return fail(place, "\"<<\" merges an object, or a list of objects");
    }
    // https://yaml.org/type/merge.html: what stands here wins, then earlier ones win over later ones.
    for (json::value& one : merges)
      for (auto& member : one.get_object())
        if (!object.contains(member.key())) object.emplace(member.key(), std::move(member.value()));
    return true;
  }

  bool scalar(Event& e, json::value& out) {
    std::string_view s{reinterpret_cast<const char*>(e->data.scalar.value), e->data.scalar.length};
    std::string_view tag = view(e->data.scalar.tag);
    bool typed = tag.starts_with("tag:yaml.org,2002:") && tag != "tag:yaml.org,2002:str" && tag != "tag:yaml.org,2002:binary";
    if (!e->data.scalar.plain_implicit && !typed) {
      out = json::string{s};
      return true;
    }
    for (std::string_view word : {"", "~", "null", "Null", "NULL"})
      if (s == word) return out = nullptr, true;
    for (std::string_view word : {"true", "True", "TRUE"})
      if (s == word) return out = true, true;
    for (std::string_view word : {"false", "False", "FALSE"})
      if (s == word) return out = false, true;
    std::string_view unsigned_text = s.starts_with('-') || s.starts_with('+') ? s.substr(1) : s;
    for (std::string_view word : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})
      if (unsigned_text == word) return fail(at(e), "\"" + std::string{s} + "\": a configuration has no such number; put it in quotes if it is a text");
    if (!number(s, out)) out = json::string{s};
    return true;
  }

  // Whole numbers in four bases, and decimals (YAML 1.2 §10.3.2, with 0b and underscores as readers of YAML 1.1 take them).
  static bool number(std::string_view s, json::value& out) {
    bool negative = s.starts_with('-');
    std::string_view digits = negative || s.starts_with('+') ? s.substr(1) : s;
    if (digits.empty() || !(digit(digits[0]) || (digits[0] == '.' && digits.size() > 1 && digit(digits[1])))) return false;
    std::string plain;
    for (char c : digits)
      if (c != '_') plain += c;
    if (digits.ends_with('_')) return false;
    int base = plain.starts_with("0x") || plain.starts_with("0X") ? 16 : plain.starts_with("0o") ? 8 : plain.starts_with("0b") ? 2 : 10;
    std::string_view whole = plain;
    if (base != 10) whole.remove_prefix(2);
    uint64_t n = 0;
    auto [end, ec] = std::from_chars(whole.data(), whole.data() + whole.size(), n, base);
    if (!whole.empty() && end == whole.data() + whole.size() && ec == std::errc{}) {
      if (!negative && n > static_cast<uint64_t>(INT64_MAX)) out = n;
      else if (n <= static_cast<uint64_t>(INT64_MAX)) out = negative ? -static_cast<int64_t>(n) : static_cast<int64_t>(n);
      else out = -static_cast<double>(n);
      return true;
    }
    if (base != 10) return false;
    double d = 0;
    auto [stop, wrong] = std::from_chars(plain.data(), plain.data() + plain.size(), d);
    if (wrong != std::errc{} || stop != plain.data() + plain.size() || !std::isfinite(d)) return false;
    out = negative ? -d : d;
    return true;
  }

  LineStarts lines_;
  size_t size_;
  SyntaxFault& fault_;
  Positions* positions_;
  yaml_parser_t parser_{};
  bool ready_ = false;
  size_t cost_ = 0;
  std::map<std::string, Anchor, std::less<>> anchors_;
};

}  // namespace

std::optional<json::value> parse_yaml(std::string_view text, SyntaxFault& fault, Positions* positions) {
  if (text.empty()) return json::value{};  // libyaml wants some
  return Reader{text, fault, positions}.run();
}

}  // namespace sluice::config

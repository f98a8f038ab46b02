#include "core/app/check/blocks.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "core/base/text.h"
#include "core/config/report.h"

namespace sluice::app::check {

namespace json = boost::json;

namespace {

constexpr int kDeepest = 12;
constexpr size_t kMost = 40;

bool has_text(const std::string& key, std::initializer_list<const char*> words) {
  const std::string k = to_lower(key);
  return std::any_of(words.begin(), words.end(), [&](const char* w) { return k.find(w) != k.npos; });
}

class Maker {
 public:
  Maker(const json::value& root, const std::string& url) : root_{root}, url_{url} {}

  // A value that `schema` should allow; `full`: with the optional members too. `key`: the member's name, for a guess at texts.
  json::value make(const json::value& schema, const std::string& key, bool full, int depth = 0) const {
    if (!schema.is_object() || depth > kDeepest) return json::object{};
    const json::object& s = schema.get_object();
    if (const json::value* ref = s.if_contains("$ref")) return make(at(*ref), key, full, depth + 1);
    if (const json::value* v = s.if_contains("const")) return *v;
    if (const json::value* v = s.if_contains("default")) return *v;
    if (const json::array* v = list(s, "examples"); v && !v->empty()) return (*v)[0];
    if (const json::array* v = list(s, "enum"); v && !v->empty()) return (*v)[0];
    json::value out = by_type(s, key, full, depth);
    for (const char* all : {"allOf", "anyOf", "oneOf"})
      if (const json::array* parts = list(s, all))
        for (const json::value& part : *parts) {
          const json::value more = make(part, key, full, depth + 1);
          if (!s.contains("type") && !s.contains("properties") && !more.is_object()) out = more;
          else if (out.is_object() && more.is_object())
            for (const auto& m : more.get_object()) out.get_object().insert(m);
          if (std::string_view{all} != "allOf") break;  // one of them is enough
        }
    return out;
  }

 private:
  static const json::array* list(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    return v ? v->if_array() : nullptr;
  }
  static double number(const json::object& o, std::string_view key, double otherwise) {
    const json::value* v = o.if_contains(key);
    return v && v->is_number() ? v->to_number<double>() : otherwise;
  }
  json::value at(const json::value& ref) const {
    if (!ref.is_string() || !ref.get_string().starts_with("#")) return {};
    json::error_code ec;
    const json::value* found = root_.find_pointer(std::string_view{ref.get_string()}.substr(1), ec);
    return found ? *found : json::value{};
  }

  json::value by_type(const json::object& s, const std::string& key, bool full, int depth) const {
    std::string type;
    if (const json::value* t = s.if_contains("type")) {
      if (t->is_string()) type = t->get_string();
      else if (t->is_array() && !t->get_array().empty() && t->get_array()[0].is_string()) type = t->get_array()[0].get_string();
    }
    if (type.empty()) type = s.contains("items") ? "array" : s.contains("pattern") || s.contains("minLength") ? "string" : "object";
    if (type == "boolean") return true;
    if (type == "null") return nullptr;
    if (type == "integer" || type == "number") return number_of(s, type == "integer");
    if (type == "string") return text_of(s, key);
    if (type == "array") {
      json::array a;
      const auto n = static_cast<size_t>(std::clamp(number(s, "minItems", full ? 1 : 0), 0.0, 8.0));
      const json::value* items = s.if_contains("items");
      for (size_t i = 0; i < n; ++i) {
        const json::value* item = items && items->is_array() ? (i < items->get_array().size() ? &items->get_array()[i] : nullptr) : items;
        a.push_back(item ? make(*item, key, full, depth + 1) : json::value("check"));
      }
      return a;
    }
    json::object o;
    if (const json::value* properties = s.if_contains("properties"); properties && properties->is_object()) {
      const json::array* required = list(s, "required");
      for (const auto& m : properties->get_object()) {
        const bool needed = required && std::any_of(required->begin(), required->end(), [&](const json::value& r) {
                              return r.is_string() && std::string_view{r.get_string()} == std::string_view{m.key()};
                            });
        if (needed || full) o[m.key()] = make(m.value(), std::string{m.key()}, full, depth + 1);
      }
    }
    if (const json::array* required = list(s, "required"))
      for (const json::value& r : *required)
        if (r.is_string() && !o.contains(r.get_string())) o[r.get_string()] = "check";
    return o;
  }

  static json::value number_of(const json::object& s, bool whole) {
    double low = number(s, "minimum", -INFINITY), high = number(s, "maximum", INFINITY);
    if (const double e = number(s, "exclusiveMinimum", -INFINITY); e >= low) low = whole ? std::floor(e) + 1 : e + std::max(1e-3, std::abs(e) * 1e-6);
    if (const double e = number(s, "exclusiveMaximum", INFINITY); e <= high) high = whole ? std::ceil(e) - 1 : e - std::max(1e-3, std::abs(e) * 1e-6);
    double n = std::clamp(1.0, low, std::max(low, high));
    if (const double step = number(s, "multipleOf", 0); step > 0) n = std::ceil(n / step) * step;
    if (whole && std::abs(n) < 9e15) return static_cast<int64_t>(std::ceil(n));
    return n;
  }

  json::value text_of(const json::object& s, const std::string& key) const {
    std::string text = "check";
    const json::value* format = s.if_contains("format");
    if ((format && format->is_string() && format->get_string().starts_with("uri")) || has_text(key, {"url", "uri", "endpoint", "address"})) text = url_;
    else if (has_text(key, {"timeout", "ttl", "interval", "delay", "duration", "latency", "period"})) text = "1s";
    else if (has_text(key, {"header"})) text = "X-Check";
    else if (has_text(key, {"path", "file"})) text = "/dev/null";
    const auto least = static_cast<size_t>(std::clamp(number(s, "minLength", 0), 0.0, 4096.0));
    const auto most = static_cast<size_t>(std::clamp(number(s, "maxLength", 4096), 0.0, 4096.0));
    while (text.size() < least) text += 'x';
    if (text.size() > most) text.resize(most);
    return json::value(text);
  }

  const json::value& root_;
  const std::string& url_;
};

std::vector<json::value> other_types() {
  return {json::value("text"), json::value(7), json::value(2.5), json::value(true), json::value(nullptr), json::array{1, "a"},
          json::object{{"unexpected", 1}}};
}

json::object without(const json::object& o, std::string_view key) {
  json::object out;
  for (const auto& m : o)
    if (std::string_view{m.key()} != key) out[m.key()] = m.value();
  return out;
}

}  // namespace

Blocks blocks_of(const plugin::Schema& schema, const std::string& url) {
  Blocks out;
  const json::value& root = schema.document();
  const Maker maker{root, url};
  auto allowed = [&](const json::value& v) { return schema.check(v, "").empty(); };
  auto offer = [&](json::value v) {
    if (out.valid.size() < kMost && std::find(out.valid.begin(), out.valid.end(), v) == out.valid.end() && allowed(v)) out.valid.push_back(std::move(v));
  };
  auto forbid = [&](json::value v, std::string what) {
    if (out.invalid.size() < kMost && !allowed(v)) out.invalid.push_back({std::move(v), std::move(what)});
  };

  const json::value least = maker.make(root, "", false), whole = maker.make(root, "", true);
  offer(least);
  offer(json::object{});
  offer(whole);
  for (json::value& v : other_types()) forbid(std::move(v), "the block is of another type");
  if (least.is_object())
    for (const auto& m : least.get_object()) forbid(without(least.get_object(), m.key()), config::join("", m.key()) + " is missing");
  const json::value* properties = root.is_object() ? root.get_object().if_contains("properties") : nullptr;
  if (!properties || !properties->is_object() || !least.is_object()) return out;
  for (const auto& p : properties->get_object()) {
    auto with = [&](json::value v) {
      json::object o = least.get_object();
      o[p.key()] = std::move(v);
      return o;
    };
    const std::string at = config::join("", p.key());
    offer(with(maker.make(p.value(), std::string{p.key()}, true)));
    for (json::value& v : other_types()) forbid(with(std::move(v)), at + " is of another type");
    const json::object* s = p.value().if_object();
    if (!s) continue;
    if (const json::value* choices = s->if_contains("enum"); choices && choices->is_array()) {
      for (const json::value& c : choices->get_array()) offer(with(c));
      forbid(with("none of the choices"), at + " is none of the choices");
    }
    for (const char* bound : {"minimum", "maximum"})
      if (const json::value* n = s->if_contains(bound); n && n->is_number()) {
        const double d = n->to_number<double>();
        offer(with(*n));
        forbid(with(bound[1] == 'i' ? d - 1 : d + 1), at + " is out of bounds");
      }
    if (const json::value* t = s->if_contains("type"); t && t->is_string() && t->get_string() == "boolean") offer(with(false));
    forbid(with(""), at + " is empty");
  }
  json::object more = least.get_object();
  more["surely-unknown-option"] = 1;
  forbid(more, "an option is unknown");
  return out;
}

std::vector<Blocks::Wrong> odd_blocks() {
  std::vector<Blocks::Wrong> out;
  for (json::value& v : other_types()) out.push_back({v, "the block " + json::serialize(v)});
  json::value deep = 1;
  for (int i = 0; i < 200; ++i) deep = json::object{{"a", json::array{deep}}};
  out.push_back({deep, "a deeply nested block"});
  out.push_back({json::object{{std::string(5'000, 'k'), std::string(100'000, 'v')}, {"", ""}}, "long and empty texts"});
  return out;
}

SchemaFaults faults_of(const json::value& root) {
  SchemaFaults out;
  enum Kind { any, text, number, count, flag, texts, schema, schemas, schema_map, type_name, list, schema_or_list, dependencies };
  static const std::pair<const char*, Kind> kKeywords[] = {
      {"$schema", text}, {"$id", text}, {"$ref", text}, {"$comment", text}, {"title", text}, {"description", text}, {"default", any},
      {"examples", list}, {"readOnly", flag}, {"writeOnly", flag}, {"multipleOf", number}, {"maximum", number}, {"exclusiveMaximum", number},
      {"minimum", number}, {"exclusiveMinimum", number}, {"maxLength", count}, {"minLength", count}, {"pattern", text},
      {"additionalItems", schema}, {"items", schema_or_list}, {"maxItems", count}, {"minItems", count}, {"uniqueItems", flag},
      {"contains", schema}, {"maxProperties", count}, {"minProperties", count}, {"required", texts}, {"additionalProperties", schema},
      {"definitions", schema_map}, {"properties", schema_map}, {"patternProperties", schema_map}, {"dependencies", dependencies},
      {"propertyNames", schema}, {"const", any}, {"enum", list}, {"type", type_name}, {"format", text}, {"contentMediaType", text},
      {"contentEncoding", text}, {"if", schema}, {"then", schema}, {"else", schema}, {"allOf", schemas}, {"anyOf", schemas},
      {"oneOf", schemas}, {"not", schema}};
  auto is_type = [](const json::value& v) {
    static constexpr const char* kTypes[] = {"array", "boolean", "integer", "null", "number", "object", "string"};
    return v.is_string() && std::any_of(std::begin(kTypes), std::end(kTypes), [&](const char* t) { return v.get_string() == t; });
  };
  auto walk = [&](auto&& self, const json::value& s, const std::string& at, int depth) -> void {
    if (s.is_bool() || depth > 64 || out.errors.size() >= 20) return;
    if (!s.is_object()) return out.errors.push_back((at.empty() ? "/" : at) + ": a schema must be an object, true or false");
    for (const auto& m : s.get_object()) {
      const std::string here = config::join(at, m.key());
      const json::value& v = m.value();
      const auto* known = std::find_if(std::begin(kKeywords), std::end(kKeywords), [&](const auto& k) { return m.key() == k.first; });
      if (known == std::end(kKeywords)) {
        std::vector<std::string> names;
        for (const auto& k : kKeywords) names.emplace_back(k.first);
        const std::string_view near = nearest(std::string_view{m.key()}, names);
        out.hints.push_back(here + ": no keyword of draft 7" + (near.empty() ? "" : ", did you mean \"" + std::string{near} + "\"?"));
        continue;
      }
      auto wrong = [&](const char* wanted) { out.errors.push_back(here + ": must be " + wanted); };
      auto each = [&](const json::value& container) {
        if (container.is_array())
          for (size_t i = 0; i < container.get_array().size(); ++i) self(self, container.get_array()[i], config::join(here, i), depth + 1);
        else
          for (const auto& member : container.get_object()) self(self, member.value(), config::join(here, member.key()), depth + 1);
      };
      auto all_texts = [&] {
        return v.is_array() && std::all_of(v.get_array().begin(), v.get_array().end(), [](const json::value& e) { return e.is_string(); });
      };
      switch (known->second) {
        case any: break;
        case text: v.is_string() ? void() : wrong("a text"); break;
        case number: v.is_number() ? void() : wrong("a number"); break;
        case count: (v.is_int64() && v.get_int64() >= 0) || v.is_uint64() ? void() : wrong("a whole number, 0 or more"); break;
        case flag: v.is_bool() ? void() : wrong("true or false"); break;
        case texts: all_texts() ? void() : wrong("a list of texts"); break;
        case list: v.is_array() ? void() : wrong("a list"); break;
        case schema: self(self, v, here, depth + 1); break;
        case schemas: v.is_array() && !v.get_array().empty() ? each(v) : wrong("a list of schemas, not empty"); break;
        case schema_map: v.is_object() ? each(v) : wrong("an object of schemas"); break;
        case schema_or_list: v.is_array() ? each(v) : self(self, v, here, depth + 1); break;
        case dependencies: v.is_object() ? void() : wrong("an object"); break;
        case type_name:
          if (!is_type(v) && !(v.is_array() && !v.get_array().empty() && std::all_of(v.get_array().begin(), v.get_array().end(), is_type)))
            wrong("a type of JSON Schema (array, boolean, integer, null, number, object, string) or a list of them");
          break;
      }
      if (m.key() == "$ref" && v.is_string() && v.get_string().starts_with("#")) {
        json::error_code ec;
        if (!root.find_pointer(std::string_view{v.get_string()}.substr(1), ec))
          out.errors.push_back(here + ": \"" + std::string{v.get_string()} + "\" leads nowhere");
      }
    }
  };
  walk(walk, root, "", 0);
  return out;
}

}  // namespace sluice::app::check

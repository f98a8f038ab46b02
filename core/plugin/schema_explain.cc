#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <regex>

#include "core/base/text.h"
#include "core/config/report.h"
#include "core/plugin/schema.h"

namespace sluice::plugin {
namespace {

namespace json = boost::json;

constexpr int kDeepest = 64;         // also ends a $ref that refers to itself
constexpr size_t kMostListed = 20;

std::string_view type_name(const json::value& v) {
  switch (v.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return "a number";
    case json::kind::string: return "a string";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
  }
  return "something";
}

std::string with_article(std::string_view type) {
  if (type == "null") return "null";
  return (type == "array" || type == "integer" || type == "object" ? "an " : "a ") + std::string{type};
}

bool is_integer(const json::value& v) {
  return v.is_int64() || v.is_uint64() || (v.is_double() && std::floor(v.get_double()) == v.get_double());
}

bool is_type(const json::value& v, std::string_view type) {
  if (type == "integer") return is_integer(v);
  if (type == "number") return v.is_number();
  if (type == "string") return v.is_string();
  if (type == "boolean") return v.is_bool();
  if (type == "object") return v.is_object();
  if (type == "array") return v.is_array();
  return type == "null" && v.is_null();
}

std::string number_text(double d) {
  char text[32];
  auto [end, ec] = std::to_chars(text, text + sizeof text, d);
  return {text, end};
}

// A value as a person writes it, cut short.
std::string show(const json::value& v) {
  std::string s = v.is_number() ? number_text(v.to_number<double>()) : json::serialize(v);
  return s.size() > 80 ? s.substr(0, 77) + "..." : s;
}

// "S, T, U": strings without quotes, as in "RS256, ES256".
std::string list(const json::array& values) {
  std::string s;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i == kMostListed) return s + ", …";
    if (i) s += ", ";
    s += values[i].is_string() ? std::string{values[i].get_string()} : show(values[i]);
  }
  return s;
}

// 'a string', 'a string or an array', from the schema's "type"; empty: any.
std::string wanted_type(const json::value& schema) {
  const json::object* o = schema.if_object();
  const json::value* type = o ? o->if_contains("type") : nullptr;
  if (!type) return {};
  if (auto* s = type->if_string()) return with_article(*s);
  std::string all;
  if (auto* a = type->if_array())
    for (const json::value& t : *a)
      if (auto* s = t.if_string()) all += (all.empty() ? "" : " or ") + with_article(*s);
  return all;
}

size_t characters(std::string_view utf8) {
  size_t n = 0;
  for (char c : utf8) n += (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  return n;
}

class Walk {
 public:
  Walk(const json::value& root, std::vector<Violation>& out, int depth) : root_{root}, out_{out}, depth_{depth} {}

  void value(const json::object& s, const json::value& v, const std::string& at) {
    if (std::string wanted = wanted_type(s); !wanted.empty() && !has_type(s, v)) {
      if (wanted == "an integer" && v.is_number())
        say(at, "an integer is required, found " + show(v));
      else
        say(at, wanted + " is required, found " + std::string{type_name(v)});
      return;  // nothing else makes sense about a value of the wrong type
    }
    if (const json::value* e = s.if_contains("enum"); e && e->is_array() && !one_of(e->get_array(), v))
      say(at, show(v) + " is not one of " + list(e->get_array()) + suggestion(e->get_array(), v));
    if (const json::value* c = s.if_contains("const"); c && *c != v) say(at, "must be " + show(*c) + ", found " + show(v));
    if (v.is_number()) number(s, v, at);
    if (v.is_string()) string(s, v.get_string(), at);
    if (v.is_array()) array(s, v.get_array(), at);
    if (v.is_object()) object(s, v.get_object(), at);
    combined(s, v, at);
  }

 private:
  void say(const std::string& at, std::string message) { out_.push_back({at, std::move(message)}); }
  void inner(const json::value& schema, const json::value& v, const std::string& at) {
    explain(root_, schema, v, at, out_, depth_ + 1);
  }
  std::vector<Violation> quietly(const json::value& schema, const json::value& v, const std::string& at) {
    std::vector<Violation> found;
    explain(root_, schema, v, at, found, depth_ + 1);
    return found;
  }

  static bool has_type(const json::object& s, const json::value& v) {
    const json::value& type = s.at("type");
    if (auto* t = type.if_string()) return is_type(v, *t);
    for (const json::value& t : type.get_array())
      if (t.is_string() && is_type(v, t.get_string())) return true;
    return false;
  }
  static bool one_of(const json::array& values, const json::value& v) {
    for (const json::value& each : values)
      if (each == v) return true;
    return false;
  }
  static std::string suggestion(const json::array& values, const json::value& v) {
    if (!v.is_string() || values.size() <= 3) return {};  // a short list is read anyway
    std::vector<std::string> names;
    for (const json::value& each : values)
      if (each.is_string()) names.emplace_back(each.get_string());
    std::string_view near = nearest(std::string_view{v.get_string()}, names);
    return near.empty() ? std::string{} : "; did you mean \"" + std::string{near} + "\"?";
  }

  // The number under `key`, if there is one.
  static const json::value* bound(const json::object& s, const char* key) {
    const json::value* b = s.if_contains(key);
    return b && b->is_number() ? b : nullptr;
  }

  void number(const json::object& s, const json::value& v, const std::string& at) {
    double n = v.to_number<double>();
    if (auto* b = bound(s, "minimum"); b && n < b->to_number<double>()) say(at, show(v) + " is less than the minimum " + show(*b));
    if (auto* b = bound(s, "maximum"); b && n > b->to_number<double>()) say(at, show(v) + " is more than the maximum " + show(*b));
    if (auto* b = bound(s, "exclusiveMinimum"); b && n <= b->to_number<double>()) say(at, show(v) + " must be more than " + show(*b));
    if (auto* b = bound(s, "exclusiveMaximum"); b && n >= b->to_number<double>()) say(at, show(v) + " must be less than " + show(*b));
  }

  void string(const json::object& s, const json::string& text, const std::string& at) {
    auto length = static_cast<double>(characters(text));
    if (auto* b = bound(s, "minLength"); b && length < b->to_number<double>())
      say(at, text.empty() ? "must not be empty" : "needs at least " + show(*b) + " characters, has " + number_text(length));
    if (auto* b = bound(s, "maxLength"); b && length > b->to_number<double>())
      say(at, "may have at most " + show(*b) + " characters, has " + number_text(length));
    if (const json::value* p = s.if_contains("pattern"); p && p->is_string() && !matches(p->get_string(), text))
      say(at, show(text) + " does not match the pattern " + std::string{p->get_string()});
  }
  static bool matches(const json::string& pattern, std::string_view text) {
    std::regex expression{pattern.c_str(), std::regex::ECMAScript};  // a broken one throws; Schema::check catches
    return std::regex_search(text.begin(), text.end(), expression);
  }

  void array(const json::object& s, const json::array& a, const std::string& at) {
    auto n = static_cast<double>(a.size());
    if (auto* b = bound(s, "minItems"); b && n < b->to_number<double>())
      say(at, "needs at least " + show(*b) + " elements, has " + number_text(n));
    if (auto* b = bound(s, "maxItems"); b && n > b->to_number<double>())
      say(at, "may have at most " + show(*b) + " elements, has " + number_text(n));
    const json::value* items = s.if_contains("items");
    for (size_t i = 0; items && i < a.size(); ++i) {
      const json::value* each = items;
      if (items->is_array()) {
        if (i >= items->get_array().size()) break;
        each = &items->get_array()[i];
      }
      inner(*each, a[i], config::join(at, i));
    }
    if (const json::value* u = s.if_contains("uniqueItems"); u && u->is_bool() && u->get_bool())
      for (size_t i = 0; i < a.size(); ++i)
        for (size_t k = 0; k < i; ++k)
          if (a[i] == a[k]) {
            say(config::join(at, i), show(a[i]) + " stands here twice");
            break;
          }
  }

  void object(const json::object& s, const json::object& o, const std::string& at) {
    const json::value* properties = s.if_contains("properties");
    const json::object* known = properties ? properties->if_object() : nullptr;
    if (const json::value* required = s.if_contains("required"); required && required->is_array())
      for (const json::value& key : required->get_array()) {
        if (!key.is_string() || o.contains(key.get_string())) continue;
        const json::value* p = known ? known->if_contains(key.get_string()) : nullptr;
        std::string type = p && resolve(root_, *p) ? wanted_type(*resolve(root_, *p)) : std::string{};
        say(config::join(at, std::string_view{key.get_string()}), (type.empty() ? "a value" : type) + " is required");
      }
    auto n = static_cast<double>(o.size());
    if (auto* b = bound(s, "minProperties"); b && n < b->to_number<double>())
      say(at, "needs at least " + show(*b) + " properties, has " + number_text(n));
    if (auto* b = bound(s, "maxProperties"); b && n > b->to_number<double>())
      say(at, "may have at most " + show(*b) + " properties, has " + number_text(n));
    const json::value* patterns = s.if_contains("patternProperties");
    const json::value* others = s.if_contains("additionalProperties");
    for (const auto& member : o) {
      std::string_view key = member.key();
      std::string place = config::join(at, key);
      bool covered = false;
      if (const json::value* p = known ? known->if_contains(key) : nullptr) covered = true, inner(*p, member.value(), place);
      if (patterns && patterns->is_object())
        for (const auto& p : patterns->get_object())
          if (matches(json::string{p.key()}, key)) covered = true, inner(p.value(), member.value(), place);
      if (covered || !others) continue;
      if (others->is_bool() && !others->get_bool())
        say(place, unknown(key, known));
      else
        inner(*others, member.value(), place);
    }
  }
  static std::string unknown(std::string_view key, const json::object* known) {
    std::vector<std::string> names;
    if (known)
      for (const auto& p : *known) names.emplace_back(p.key());
    if (std::string_view near = nearest(key, names); !near.empty())
      return "unknown property; did you mean \"" + std::string{near} + "\"?";
    std::string all;
    for (size_t i = 0; i < names.size() && i < kMostListed; ++i) all += (i ? ", " : "") + names[i];
    return names.empty() ? "unknown property; none is allowed here" : "unknown property; known are " + all;
  }

  void combined(const json::object& s, const json::value& v, const std::string& at) {
    if (const json::value* all = s.if_contains("allOf"); all && all->is_array())
      for (const json::value& each : all->get_array()) inner(each, v, at);
    for (const char* keyword : {"anyOf", "oneOf"})
      if (const json::value* any = s.if_contains(keyword); any && any->is_array()) alternatives(any->get_array(), v, at);
    if (const json::value* condition = s.if_contains("if")) {
      const json::value* branch = s.if_contains(quietly(*condition, v, at).empty() ? "then" : "else");
      if (branch) inner(*branch, v, at);
    }
    if (const json::value* no = s.if_contains("not"); no && quietly(*no, v, at).empty()) say(at, "is what must not be here");
  }

  // Explains the alternative that was most likely meant: the one with the fewest violations that are not about the type.
  void alternatives(const json::array& any, const json::value& v, const std::string& at) {
    std::vector<Violation> best;
    std::string types;
    for (const json::value& each : any) {
      auto found = quietly(each, v, at);
      if (found.empty()) return;
      const json::value* s = resolve(root_, each);
      std::string type = s ? wanted_type(*s) : std::string{};
      bool wrong_type = found.size() == 1 && found[0].pointer == at && !type.empty() && found[0].message.starts_with(type + " is required");
      if (wrong_type)
        types += (types.empty() ? "" : " or ") + type;
      else if (best.empty() || found.size() < best.size())
        best = std::move(found);
    }
    if (!best.empty())
      out_.insert(out_.end(), best.begin(), best.end());
    else if (!types.empty())
      say(at, types + " is required, found " + std::string{type_name(v)});
    else
      say(at, show(v) + " is none of the alternatives allowed here");
  }

  const json::value& root_;
  std::vector<Violation>& out_;
  int depth_;
};

}  // namespace

const json::value* resolve(const json::value& root, const json::value& schema) {
  const json::value* s = &schema;
  for (int i = 0; i < 16; ++i) {
    const json::object* o = s->if_object();
    const json::value* ref = o ? o->if_contains("$ref") : nullptr;
    const json::string* text = ref ? ref->if_string() : nullptr;
    if (!text) return s;
    std::string_view to = *text;
    if (to.empty() || to[0] != '#') return nullptr;
    json::error_code ec;
    s = root.find_pointer(to.substr(1), ec);
    if (!s) return nullptr;
  }
  return nullptr;
}

void explain(const json::value& root, const json::value& schema, const json::value& v, const std::string& pointer,
             std::vector<Violation>& out, int depth) {
  if (depth > kDeepest || out.size() >= 100) return;
  const json::value* s = resolve(root, schema);
  if (!s) return;
  if (s->is_bool() && !s->get_bool()) out.push_back({pointer, "nothing is allowed here"});
  if (s->is_object()) Walk{root, out, depth}.value(s->get_object(), v, pointer);
}

}  // namespace sluice::plugin

// The functions of text/template itself, those of flexible configuration, and sprig's defaults and types.
#include <algorithm>

#include "core/base/text.h"
#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;

// Go compares values of one basic kind; the two integer types are one.
enum class Basic : uint8_t { none, boolean, whole, real, text, other };
Basic basic(const Value& v) {
  switch (v.kind) {
    case K::none: return Basic::none;
    case K::boolean: return Basic::boolean;
    case K::integer:
    case K::integer64:
    case K::duration: return Basic::whole;
    case K::real: return Basic::real;
    case K::text: return Basic::text;
    default: return Basic::other;
  }
}

bool comparable(Call& c, const Value& a, const Value& b) {
  Basic x = basic(a), y = basic(b);
  if (x == y) return true;
  bool numbers = a.number() && b.number();
  c.fail("cannot compare " + described(a) + " with " + described(b) +
         (numbers ? ": numbers of the settings are floats; write 1.0 instead of 1, or (int …)" : ""));
  return false;
}

std::optional<bool> equal(Call& c, const Value& a, const Value& b) {
  if (a.none() || b.none()) return a.none() == b.none();
  if (basic(a) == Basic::other || basic(b) == Basic::other) {
    if (a.is(K::time) && b.is(K::time)) return a.integer == b.integer;
    c.fail("lists and objects are not compared; use deepEqual");
    return std::nullopt;
  }
  if (!comparable(c, a, b)) return std::nullopt;
  return deep_equal(a.is(K::integer64) ? integer(a.integer) : a, b.is(K::integer64) ? integer(b.integer) : b);
}

// a < b
std::optional<bool> less(Call& c, const Value& a, const Value& b) {
  for (const Value* v : {&a, &b})
    if (basic(*v) == Basic::none || basic(*v) == Basic::other || basic(*v) == Basic::boolean) {
      c.fail("only numbers and texts have an order, found " + described(*v));
      return std::nullopt;
    }
  if (!comparable(c, a, b)) return std::nullopt;
  if (a.is(K::text)) return a.text < b.text;
  if (a.is(K::real)) return a.real < b.real;
  return a.integer < b.integer;
}

Value ordered(Call& c, bool swap, bool negate) {
  auto b = swap ? less(c, c.args[1], c.args[0]) : less(c, c.args[0], c.args[1]);
  return b ? boolean(*b != negate) : Value{};
}

Value eq(Call& c) {
  if (c.args.size() < 2) return c.fail("needs something to compare with");
  for (size_t i = 1; i < c.args.size(); ++i) {
    auto same = equal(c, c.args[0], c.args[i]);
    if (!same) return {};
    if (*same) return boolean(true);
  }
  return boolean(false);
}

Value index_of(Call& c) {
  Value v = c.args[0];
  for (size_t i = 1; i < c.args.size(); ++i) {
    const Value& key = c.args[i];
    if (v.is(K::map)) {
      if (!key.is(K::text)) return c.fail("an object's key is a text, found " + described(key));
      auto it = v.map->members.find(key.text);
      v = it == v.map->members.end() ? Value{} : it->second;
    } else if (v.is(K::list) || v.is(K::text)) {
      if (!key.whole()) return c.fail("a list's index is a whole number, found " + described(key) + (key.is(K::real) ? "; (int …) makes one of a float" : ""));
      size_t size = v.is(K::list) ? v.list->items.size() : v.text.size();
      if (key.integer < 0 || static_cast<uint64_t>(key.integer) >= size)
        return c.fail("index " + std::to_string(key.integer) + " is outside of " + (v.is(K::list) ? "a list of " : "a text of ") + std::to_string(size));
      auto n = static_cast<size_t>(key.integer);
      v = v.is(K::list) ? v.list->items[n] : integer(static_cast<uint8_t>(v.text[n]));
    } else {
      return c.fail("there is no element of " + described(v));
    }
  }
  return v;
}

// One text is taken as it is, anything else as print shows it.
std::string shown(Call& c) { return c.args.size() == 1 ? to_text(c.args[0]) : print(c.args); }

std::string html(std::string_view s) {
  std::string out;
  for (char ch : s) {
    switch (ch) {
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\0': out += "\xef\xbf\xbd"; break;
      default: out += ch;
    }
  }
  return out;
}

std::string js(std::string_view s) {
  std::string out;
  for (char ch : s) {
    switch (ch) {
      case '\\': out += "\\\\"; break;
      case '\'': out += "\\'"; break;
      case '"': out += "\\\""; break;
      case '<': out += "\\u003C"; break;
      case '>': out += "\\u003E"; break;
      case '&': out += "\\u0026"; break;
      case '=': out += "\\u003D"; break;
      default:
        if (static_cast<uint8_t>(ch) < 0x20) {
          constexpr char kHex[] = "0123456789ABCDEF";
          out += "\\u00", out += kHex[static_cast<uint8_t>(ch) >> 4], out += kHex[ch & 15];
        } else {
          out += ch;
        }
    }
  }
  return out;
}

std::string query(std::string_view s) {
  std::string out;
  for (char ch : s) {
    if (ch == ' ') out += '+';
    else out += percent_encode({&ch, 1});
  }
  return out;
}

Value variable(Call& c, std::string_view name) {
  auto it = c.services.environment->find(std::string{name});
  Value v = c.text(it == c.services.environment->end() ? "" : it->second);
  v.origin = c.heap.origin(Origin::Kind::environment, "", c.heap.keep(std::string{name}));
  c.reads.push_back(v.origin);
  return v;
}

// os.ExpandEnv: $name and ${name}.
Value expandenv(Call& c) {
  std::string out;
  std::string_view s = c.s(0);
  auto word = [](char ch) { return ch == '_' || (ch >= '0' && ch <= '9') || (lower(ch) >= 'a' && lower(ch) <= 'z'); };
  while (!s.empty()) {
    size_t dollar = s.find('$');
    out += s.substr(0, dollar);
    if (dollar == s.npos) break;
    s.remove_prefix(dollar + 1);
    size_t size = 0;
    std::string_view name;
    if (s.starts_with('{') && s.find('}') != s.npos) {
      size = s.find('}') + 1;
      name = s.substr(1, size - 2);
    } else if (!s.empty() && s[0] >= '0' && s[0] <= '9') {
      size = 1;
      name = s.substr(0, 1);
    } else {
      while (size < s.size() && word(s[size])) ++size;
      name = s.substr(0, size);
      if (size == 0) {
        out += '$';
        continue;
      }
    }
    s.remove_prefix(size);
    if (!c.room(out.size() + (size_t{1} << 16))) return {};
    out += variable(c, name).text;
  }
  return c.text(std::move(out));
}

Value include(Call& c) {
  std::string name{c.s(0)}, why;
  const File* file = c.services.partial(name, &why);
  if (!file) return c.fail(why);
  Value v = view(file->text);
  v.origin = c.heap.origin(Origin::Kind::partial, file->name, "");
  c.reads.push_back(v.origin);
  return v;
}

Value marshal(Call& c) {
  auto text = json_text(c.args[0], true);
  return text ? c.text(std::move(*text)) : c.fail("the value cannot be written as JSON: it is endless, too large, or holds no-number");
}

Value default_of(Call& c) {
  const Value& given = c.args.size() > 1 ? c.args[1] : Value{};
  return is_empty(given) ? c.args[0] : given;
}

constexpr Function kTable[] = {
    {"not", "v", [](Call& c) { return boolean(!truth(c.args[0])); }, true},
    {"eq", "vv*", eq, true},
    {"ne", "vv", [](Call& c) {
       auto same = equal(c, c.args[0], c.args[1]);
       return same ? boolean(!*same) : Value{};
     }, true},
    {"lt", "vv", [](Call& c) { return ordered(c, false, false); }},
    {"le", "vv", [](Call& c) { return ordered(c, true, true); }},
    {"gt", "vv", [](Call& c) { return ordered(c, true, false); }},
    {"ge", "vv", [](Call& c) { return ordered(c, false, true); }},
    {"len", "v", [](Call& c) {
       const Value& v = c.args[0];
       if (v.is(K::text)) return integer(static_cast<int64_t>(v.text.size()));
       if (v.is(K::list)) return integer(static_cast<int64_t>(v.list->items.size()));
       if (v.is(K::map)) return integer(static_cast<int64_t>(v.map->members.size()));
       return c.fail("texts, lists and objects have a length; this is " + described(v));
     }},
    {"index", "vv*", index_of},
    {"print", "v*", [](Call& c) { return c.text(print(c.args)); }},
    {"println", "v*", [](Call& c) { return c.text(println(c.args)); }},
    {"printf", "sv*", [](Call& c) { return c.text(printf(c.s(0), c.args.subspan(1))); }},
    {"html", "v*", [](Call& c) { return c.text(html(shown(c))); }},
    {"js", "v*", [](Call& c) { return c.text(js(shown(c))); }},
    {"urlquery", "v*", [](Call& c) { return c.text(query(shown(c))); }},

    {"marshal", "v", marshal},
    {"include", "s", include},
    {"env", "s", [](Call& c) { return variable(c, c.s(0)); }},
    {"expandenv", "s", expandenv},

    {"default", "vv*", default_of, true},
    {"empty", "v", [](Call& c) { return boolean(is_empty(c.args[0])); }, true},
    {"coalesce", "v*", [](Call& c) {
       for (const Value& v : c.args)
         if (!is_empty(v)) return v;
       return Value{};
     }, true},
    {"all", "v*", [](Call& c) { return boolean(std::none_of(c.args.begin(), c.args.end(), is_empty)); }, true},
    {"any", "v*", [](Call& c) { return boolean(!std::all_of(c.args.begin(), c.args.end(), is_empty)); }, true},
    {"ternary", "vvb", [](Call& c) { return c.args[2].boolean ? c.args[0] : c.args[1]; }, true},
    {"fail", "s", [](Call& c) { return c.fail(std::string{c.s(0)}); }},
    {"typeOf", "v", [](Call& c) { return view(type_of(c.args[0])); }, true},
    {"typeIs", "sv", [](Call& c) { return boolean(c.s(0) == type_of(c.args[1])); }, true},
    {"typeIsLike", "sv", [](Call& c) {
       std::string type{type_of(c.args[1])};
       return boolean(c.s(0) == type || "*" + std::string{c.s(0)} == type);
     }, true},
    {"kindOf", "v", [](Call& c) { return view(kind_of(c.args[0])); }, true},
    {"kindIs", "sv", [](Call& c) { return boolean(c.s(0) == kind_of(c.args[1])); }, true},
    {"deepEqual", "vv", [](Call& c) { return boolean(deep_equal(c.args[0], c.args[1])); }, true},
    {"hello", "", [](Call&) { return view("Hello!"); }},
};

}  // namespace

std::span<const Function> builtin_functions() { return kTable; }

}  // namespace sluice::config::tmpl

#include "core/config/template/value.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "core/config/report.h"
#include "core/config/template/format.h"

namespace sluice::config::tmpl {

std::string_view Heap::keep(std::string text) {
  charge(text.size() + sizeof(std::string));
  return texts_.emplace_back(std::move(text));
}

Value Heap::text(std::string s) { return view(keep(std::move(s))); }

List* Heap::list(size_t room) {
  charge(sizeof(List) + room * sizeof(Value));
  return &lists_.emplace_back();
}

Map* Heap::map() {
  charge(sizeof(Map));
  return &maps_.emplace_back();
}

const Origin* Heap::origin(Origin::Kind kind, std::string_view file, std::string_view pointer, std::string_view near) {
  charge(sizeof(Origin));
  return &origins_.emplace_back(Origin{kind, file, pointer, near});
}

Value Heap::from_json(const boost::json::value& v, std::string_view file, const std::string& pointer) {
  Value out;
  switch (v.kind()) {
    case boost::json::kind::null: break;
    case boost::json::kind::bool_: out = boolean(v.get_bool()); break;
    case boost::json::kind::int64: out = real(static_cast<double>(v.get_int64())); break;
    case boost::json::kind::uint64: out = real(static_cast<double>(v.get_uint64())); break;
    case boost::json::kind::double_: out = real(v.get_double()); break;
    case boost::json::kind::string: out = text(std::string{v.get_string()}); break;
    case boost::json::kind::array: {
      List* l = list(v.get_array().size());
      for (const auto& item : v.get_array())
        l->items.push_back(from_json(item, file, file.empty() ? pointer : join(pointer, l->items.size())));
      out = of(l);
      break;
    }
    case boost::json::kind::object: {
      Map* m = map();
      m->settings = file;
      if (!file.empty()) m->pointer = keep(pointer);
      for (const auto& member : v.get_object()) {
        charge(member.key().size() + 2 * sizeof(Value));
        m->members.insert_or_assign(std::string{member.key()},
                                    from_json(member.value(), file, file.empty() ? pointer : join(pointer, member.key())));
      }
      out = of(m);
      break;
    }
  }
  if (!file.empty()) out.origin = origin(Origin::Kind::setting, file, keep(pointer));
  return out;
}

Value boolean(bool b) {
  Value v;
  v.kind = Value::Kind::boolean, v.boolean = b;
  return v;
}
Value integer(int64_t i) {
  Value v;
  v.kind = Value::Kind::integer, v.integer = i;
  return v;
}
Value integer64(int64_t i) {
  Value v;
  v.kind = Value::Kind::integer64, v.integer = i;
  return v;
}
Value real(double d) {
  Value v;
  v.kind = Value::Kind::real, v.real = d;
  return v;
}
Value view(std::string_view s) {
  Value v;
  v.kind = Value::Kind::text, v.text = s;
  return v;
}
Value of(List* l) {
  Value v;
  v.kind = Value::Kind::list, v.list = l;
  return v;
}
Value of(Map* m) {
  Value v;
  v.kind = Value::Kind::map, v.map = m;
  return v;
}

bool truth(const Value& v) {
  switch (v.kind) {
    case Value::Kind::none: return false;
    case Value::Kind::boolean: return v.boolean;
    case Value::Kind::integer:
    case Value::Kind::integer64:
    case Value::Kind::duration: return v.integer != 0;
    case Value::Kind::real: return v.real != 0;
    case Value::Kind::text: return !v.text.empty();
    case Value::Kind::list: return !v.list->items.empty();
    case Value::Kind::map: return !v.map->members.empty();
    case Value::Kind::time: return true;
  }
  return false;
}

std::string_view type_of(const Value& v) {
  switch (v.kind) {
    case Value::Kind::none: return "<nil>";
    case Value::Kind::boolean: return "bool";
    case Value::Kind::integer: return "int";
    case Value::Kind::integer64: return "int64";
    case Value::Kind::real: return "float64";
    case Value::Kind::text: return "string";
    case Value::Kind::list: return v.list->type;
    case Value::Kind::map: return v.map->type;
    case Value::Kind::time: return "time.Time";
    case Value::Kind::duration: return "time.Duration";
  }
  return "";
}

std::string_view kind_of(const Value& v) {
  switch (v.kind) {
    case Value::Kind::none: return "invalid";
    case Value::Kind::list: return "slice";
    case Value::Kind::map: return "map";
    case Value::Kind::time: return "struct";
    case Value::Kind::duration: return "int64";
    default: return type_of(v);
  }
}

std::string described(const Value& v) {
  switch (v.kind) {
    case Value::Kind::none: return "nothing";
    case Value::Kind::text: {
      std::string text{v.text.substr(0, 60)};
      return "the text " + go_quote(text) + (v.text.size() > 60 ? "…" : "");
    }
    case Value::Kind::list: return v.list->items.empty() ? "an empty list" : "a list";
    case Value::Kind::map: return v.map->members.empty() ? "an empty object" : "an object";
    case Value::Kind::boolean: return v.boolean ? "true" : "false";
    case Value::Kind::time: return "a time";
    case Value::Kind::duration: return "a duration";
    default: return "the number " + to_text(v) + " (" + std::string{type_of(v)} + ")";
  }
}

namespace {

// Parts may be shared, so a small object can take very many comparisons.
struct Comparison {
  size_t left = 1'000'000;
  bool equal(const Value& a, const Value& b, size_t depth) {
    if (a.kind != b.kind || depth > kMaxNesting || left == 0) return false;
    --left;
    switch (a.kind) {
      case Value::Kind::none: return true;
      case Value::Kind::boolean: return a.boolean == b.boolean;
      case Value::Kind::real: return a.real == b.real;
      case Value::Kind::text: return a.text == b.text;
      case Value::Kind::list:
        if (a.list == b.list) return true;
        if (a.list->type != b.list->type || a.list->items.size() != b.list->items.size()) return false;
        for (size_t i = 0; i < a.list->items.size(); ++i)
          if (!equal(a.list->items[i], b.list->items[i], depth + 1)) return false;
        return true;
      case Value::Kind::map: {
        if (a.map == b.map) return true;
        if (a.map->type != b.map->type || a.map->members.size() != b.map->members.size()) return false;
        for (auto x = a.map->members.begin(), y = b.map->members.begin(); x != a.map->members.end(); ++x, ++y)
          if (x->first != y->first || !equal(x->second, y->second, depth + 1)) return false;
        return true;
      }
      default: return a.integer == b.integer;
    }
  }
};

}  // namespace

bool deep_equal(const Value& a, const Value& b) { return Comparison{}.equal(a, b, 0); }

}  // namespace sluice::config::tmpl

// sprig: objects ("dicts"). `set`, `unset` and the merges change the object that they are given, as there; keys are in order.
#include <algorithm>

#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;

void put(Call& c, Map& m, std::string key, const Value& v) {
  c.heap.charge(key.size() + 96);
  m.members.insert_or_assign(std::move(key), v);
}

Value dict(Call& c) {
  Map* m = c.heap.map();
  for (size_t i = 0; i < c.args.size(); i += 2) put(c, *m, to_text(c.args[i]), i + 1 < c.args.size() ? c.args[i + 1] : view(""));
  return of(m);
}

Value get(Call& c) {
  const auto& members = c.args[0].map->members;
  auto it = members.find(c.s(1));
  return it == members.end() ? view("") : it->second;
}

Value set(Call& c) {
  put(c, *c.args[0].map, std::string{c.s(1)}, c.args[2]);
  return c.args[0];
}

Value unset(Call& c) {
  auto& members = c.args[0].map->members;
  if (auto it = members.find(c.s(1)); it != members.end()) members.erase(it);
  return c.args[0];
}

Value keys(Call& c) {
  std::vector<std::string> out;
  for (const Value& m : c.args)
    for (const auto& [key, value] : m.map->members) out.push_back(key);
  return list_of_texts(c, out);
}

Value values(Call& c) {
  std::vector<Value> out;
  for (const auto& [key, value] : c.args[0].map->members) out.push_back(value);
  return list_of(c, std::move(out));
}

bool named(Call& c, std::string_view key) {
  return std::any_of(c.args.begin() + 1, c.args.end(), [&](const Value& v) { return v.text == key; });
}

Value chosen(Call& c, bool wanted) {
  Map* m = c.heap.map();
  for (const auto& [key, value] : c.args[0].map->members)
    if (named(c, key) == wanted) put(c, *m, key, value);
  return of(m);
}

Value pluck(Call& c) {
  std::vector<Value> out;
  for (const Value& v : c.args.subspan(1)) {
    if (!v.is(K::map)) return c.fail("objects are wanted behind the key, found " + described(v));
    auto it = v.map->members.find(c.s(0));
    if (it != v.map->members.end()) out.push_back(it->second);
  }
  return list_of(c, std::move(out));
}

// dig "a" "b" DEFAULT OBJECT
Value dig(Call& c) {
  if (c.args.size() < 3) return c.fail("takes one key at least, a default and an object");
  const Value& otherwise = c.args[c.args.size() - 2];
  Value v = c.args.back();
  for (const Value& key : c.args.first(c.args.size() - 2)) {
    if (!key.is(K::text)) return c.fail("keys are texts, found " + described(key));
    if (!v.is(K::map)) return c.fail("there is no key " + go_quote(key.text) + " in " + described(v));
    auto it = v.map->members.find(key.text);
    if (it == v.map->members.end()) return otherwise;
    v = it->second;
  }
  return v;
}

Value copied(Call& c, const Value& v, size_t depth) {
  if (depth > kMaxNesting) return c.fail("the value is endless, or nested too deep");
  Value out = v;
  if (v.is(K::list)) {
    if (!c.room(v.list->items.size() * sizeof(Value))) return {};
    List* l = c.heap.list(v.list->items.size());
    l->type = v.list->type;
    for (const Value& item : v.list->items) {
      l->items.push_back(copied(c, item, depth + 1));
      if (c.error) return {};
    }
    out.list = l;
  } else if (v.is(K::map)) {
    if (!c.room(v.map->members.size() * 96)) return {};
    Map* m = c.heap.map();
    m->type = v.map->type, m->settings = v.map->settings, m->pointer = v.map->pointer, m->root = v.map->root;
    for (const auto& [key, member] : v.map->members) {
      put(c, *m, key, copied(c, member, depth + 1));
      if (c.error) return {};
    }
    out.map = m;
  }
  return out;
}

// mergo: what the destination lacks (or has empty) comes from the source; `overwrite`: what the source has and is not empty wins.
void merge_into(Call& c, Map& to, const Map& from, bool overwrite, size_t depth) {
  if (depth > kMaxNesting) {
    c.fail("the objects are endless, or nested too deep");
    return;
  }
  if (&to == &from) return;
  for (const auto& [key, value] : from.members) {
    if (!c.room(96)) return;
    auto there = to.members.find(key);
    if (there == to.members.end()) {
      put(c, to, key, value);
    } else if (there->second.is(K::map) && value.is(K::map)) {
      merge_into(c, *there->second.map, *value.map, overwrite, depth + 1);
      if (c.error) return;
    } else if (overwrite ? !is_empty(value) : is_empty(there->second)) {
      there->second = value;
    }
  }
}

Value merged(Call& c, bool overwrite) {
  for (const Value& source : c.args.subspan(1)) {
    merge_into(c, *c.args[0].map, *source.map, overwrite, 0);
    if (c.error) return {};
  }
  return c.args[0];
}

Value merge(Call& c) { return merged(c, false); }
Value merge_overwrite(Call& c) { return merged(c, true); }
Value deep_copy(Call& c) { return copied(c, c.args[0], 0); }

constexpr Function kTable[] = {
    {"dict", "v*", dict, true},
    {"get", "ms", get},
    {"set", "msv", set},
    {"unset", "ms", unset},
    {"hasKey", "ms", [](Call& c) { return boolean(c.args[0].map->members.contains(c.s(1))); }},
    {"keys", "m*", keys},
    {"values", "m", values},
    {"pick", "ms*", [](Call& c) { return chosen(c, true); }},
    {"omit", "ms*", [](Call& c) { return chosen(c, false); }},
    {"pluck", "sv*", pluck},
    {"dig", "v*", dig},
    {"merge", "mm*", merge},
    {"mustMerge", "mm*", merge},
    {"mergeOverwrite", "mm*", merge_overwrite},
    {"mustMergeOverwrite", "mm*", merge_overwrite},
    {"deepCopy", "v", deep_copy},
    {"mustDeepCopy", "v", deep_copy},
};

}  // namespace

std::span<const Function> map_functions() { return kTable; }

}  // namespace sluice::config::tmpl

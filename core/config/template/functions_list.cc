// sprig: lists. A list never changes: functions that add or remove give another one.
#include <algorithm>

#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;
using Items = std::vector<Value>;

const Items& items(const Value& v) { return v.list->items; }

Value added(Call& c, bool front) {
  if (!c.room((items(c.args[0]).size() + 1) * sizeof(Value))) return {};
  Items out = items(c.args[0]);
  out.insert(front ? out.begin() : out.end(), c.args[1]);
  return list_of(c, std::move(out));
}

Value concat(Call& c) {
  Items out;
  for (const Value& l : c.args) {
    if (!c.room((out.size() + items(l).size()) * sizeof(Value))) return {};
    out.insert(out.end(), items(l).begin(), items(l).end());
  }
  return list_of(c, std::move(out));
}

bool among(const Items& list, const Value& v) {
  return std::any_of(list.begin(), list.end(), [&](const Value& i) { return deep_equal(i, v); });
}

Value uniq(Call& c) {
  constexpr size_t kMost = 20'000;  // each is compared with all
  if (items(c.args[0]).size() > kMost) return c.fail("a list of more than " + std::to_string(kMost) + " is too long for this");
  Items out;
  for (const Value& v : items(c.args[0]))
    if (!among(out, v)) out.push_back(v);
  return list_of(c, std::move(out));
}

Value without(Call& c) {
  Items out, unwanted(c.args.begin() + 1, c.args.end());
  for (const Value& v : items(c.args[0]))
    if (!among(unwanted, v)) out.push_back(v);
  return list_of(c, std::move(out));
}

Value has(Call& c) {
  if (c.args[1].none()) return boolean(false);
  if (!c.args[1].is(K::list)) return c.fail("a list is wanted, found " + described(c.args[1]));
  return boolean(among(items(c.args[1]), c.args[0]));
}

Value slice(Call& c) {
  const Items& list = items(c.args[0]);
  int64_t size = static_cast<int64_t>(list.size()), from = 0, to = size;
  if (size == 0) return {};
  if (c.args.size() > 1) from = to_int64(c.args[1]);
  if (c.args.size() > 2) to = to_int64(c.args[2]);
  if (from < 0 || to > size || from > to)
    return c.fail("a list of " + std::to_string(size) + " has no part from " + std::to_string(from) + " to " + std::to_string(to));
  return list_of(c, Items(list.begin() + from, list.begin() + to));
}

Value sorted(Call& c) {
  if (!c.args[0].is(K::list)) return list_of_texts(c, to_texts(c.args[0]));
  auto texts = to_texts(c.args[0]);
  std::sort(texts.begin(), texts.end());
  return list_of_texts(c, texts);
}

Value chunk(Call& c) {
  if (c.i(0) < 1) return c.fail("the size of a part is at least 1");
  const Items& list = items(c.args[1]);
  auto size = static_cast<size_t>(std::min<int64_t>(c.i(0), static_cast<int64_t>(list.size()) + 1));
  Items out;
  for (size_t at = 0; at < list.size(); at += size)
    out.push_back(list_of(c, Items(list.begin() + static_cast<std::ptrdiff_t>(at),
                                   list.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, list.size())))));
  return list_of(c, std::move(out));
}

Value list(Call& c) { return list_of(c, Items(c.args.begin(), c.args.end())); }
Value first(Call& c) { return items(c.args[0]).empty() ? Value{} : items(c.args[0]).front(); }
Value last(Call& c) { return items(c.args[0]).empty() ? Value{} : items(c.args[0]).back(); }
Value rest(Call& c) { return items(c.args[0]).empty() ? list_of(c, {}) : list_of(c, Items(items(c.args[0]).begin() + 1, items(c.args[0]).end())); }
Value initial(Call& c) { return items(c.args[0]).empty() ? list_of(c, {}) : list_of(c, Items(items(c.args[0]).begin(), items(c.args[0]).end() - 1)); }
Value reverse(Call& c) { return list_of(c, Items(items(c.args[0]).rbegin(), items(c.args[0]).rend())); }
Value append(Call& c) { return added(c, false); }
Value prepend(Call& c) { return added(c, true); }
Value compact(Call& c) {
  Items out;
  for (const Value& v : items(c.args[0]))
    if (!is_empty(v)) out.push_back(v);
  return list_of(c, std::move(out));
}

// The forms with must differ in how they fail, and here everything fails with a message.
constexpr Function kTable[] = {
    {"list", "v*", list, true},
    {"tuple", "v*", list, true},
    {"first", "l", first},
    {"mustFirst", "l", first},
    {"last", "l", last},
    {"mustLast", "l", last},
    {"rest", "l", rest},
    {"mustRest", "l", rest},
    {"initial", "l", initial},
    {"mustInitial", "l", initial},
    {"append", "lv", append},
    {"mustAppend", "lv", append},
    {"push", "lv", append},
    {"mustPush", "lv", append},
    {"prepend", "lv", prepend},
    {"mustPrepend", "lv", prepend},
    {"concat", "l*", concat},
    {"reverse", "l", reverse},
    {"mustReverse", "l", reverse},
    {"uniq", "l", uniq},
    {"mustUniq", "l", uniq},
    {"without", "lv*", without},
    {"mustWithout", "lv*", without},
    {"has", "vv", has},
    {"mustHas", "vv", has},
    {"compact", "l", compact},
    {"mustCompact", "l", compact},
    {"slice", "lv*", slice},
    {"mustSlice", "lv*", slice},
    {"sortAlpha", "v", sorted},
    {"chunk", "il", chunk},
    {"mustChunk", "il", chunk},
};

}  // namespace

std::span<const Function> list_functions() { return kTable; }

}  // namespace sluice::config::tmpl

// sprig: texts cut, joined, searched and quoted.
#include <algorithm>

#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

template <class F>
std::string each_rune(std::string_view s, F&& f) {
  std::string out;
  while (!s.empty()) {
    Rune r = rune_at(s);
    append_rune(out, f(r.code));
    s.remove_prefix(r.size);
  }
  return out;
}

std::string_view trim_space(std::string_view s) {
  while (!s.empty()) {
    Rune r = rune_at(s);
    if (!rune_space(r.code)) break;
    s.remove_prefix(r.size);
  }
  while (!s.empty()) {
    size_t n = s.size() - 1;
    while (n > 0 && (static_cast<uint8_t>(s[n]) & 0xc0) == 0x80) --n;
    if (!rune_space(rune_at(s.substr(n)).code)) break;
    s = s.substr(0, n);
  }
  return s;
}

// strings.Trim: the characters of `set` off both ends.
std::string_view trim_set(std::string_view s, std::string_view set) {
  auto has = [&](std::string_view one) { return set.find(one) != set.npos; };
  while (!s.empty() && has(s.substr(0, rune_at(s).size))) s.remove_prefix(rune_at(s).size);
  while (!s.empty()) {
    size_t n = s.size() - 1;
    while (n > 0 && (static_cast<uint8_t>(s[n]) & 0xc0) == 0x80) --n;
    if (!has(s.substr(n))) break;
    s = s.substr(0, n);
  }
  return s;
}

std::vector<std::string> split(std::string_view s, std::string_view by, size_t most = SIZE_MAX) {
  std::vector<std::string> out;
  if (most == 0) return out;
  if (by.empty()) {
    while (!s.empty() && out.size() + 1 < most) {
      size_t n = rune_at(s).size;
      out.emplace_back(s.substr(0, n));
      s.remove_prefix(n);
    }
    if (!s.empty()) out.emplace_back(s);
    return out;
  }
  while (out.size() + 1 < most) {
    size_t at = s.find(by);
    if (at == s.npos) break;
    out.emplace_back(s.substr(0, at));
    s.remove_prefix(at + by.size());
  }
  out.emplace_back(s);
  return out;
}

// {"_0": …, "_1": …}
Value numbered(Call& c, const std::vector<std::string>& parts) {
  Map* m = c.heap.map();
  m->type = "map[string]string";
  for (size_t i = 0; i < parts.size(); ++i) {
    c.heap.charge(96);
    m->members["_" + std::to_string(i)] = c.text(parts[i]);
  }
  return of(m);
}

Value replace(Call& c) {
  std::string_view from = c.s(0), to = c.s(1), in = c.s(2);
  std::string out;
  if (from.empty()) {  // Go puts it before each character and at the end
    if (!c.room((in.size() + 1) * (to.size() + 1))) return {};
    out += to;
    while (!in.empty()) {
      size_t n = rune_at(in).size;
      out += in.substr(0, n);
      out += to;
      in.remove_prefix(n);
    }
    return c.text(std::move(out));
  }
  for (size_t at; (at = in.find(from)) != in.npos; in.remove_prefix(at + from.size())) {
    if (!c.room(out.size() + at + to.size())) return {};
    out += in.substr(0, at);
    out += to;
  }
  out += in;
  return c.text(std::move(out));
}

Value repeat(Call& c) {
  if (c.i(0) < 0) return c.fail("a text cannot be repeated " + std::to_string(c.i(0)) + " times");
  auto times = static_cast<size_t>(c.i(0));
  if (c.s(1).empty() || times == 0) return view("");
  if (times > Heap::kMost || !c.room(times * c.s(1).size())) return c.fail("the result would be too large");
  std::string out;
  out.reserve(times * c.s(1).size());
  for (size_t i = 0; i < times; ++i) out += c.s(1);
  return c.text(std::move(out));
}

std::optional<std::string> indented(Call& c) {
  if (c.i(0) < 0) return c.fail("the indentation cannot be negative"), std::nullopt;
  auto lines = static_cast<size_t>(std::count(c.s(1).begin(), c.s(1).end(), '\n')) + 1;
  if (static_cast<uint64_t>(c.i(0)) > Heap::kMost / lines || !c.room(static_cast<size_t>(c.i(0)) * lines + c.s(1).size()))
    return c.fail("the result would be too large"), std::nullopt;
  std::string pad(static_cast<size_t>(c.i(0)), ' '), out = pad;
  for (char ch : c.s(1)) {
    out += ch;
    if (ch == '\n') out += pad;
  }
  return out;
}

Value substr(Call& c) {
  int64_t start = c.i(0), end = c.i(1);
  std::string_view s = c.s(2);
  auto size = static_cast<int64_t>(s.size());
  if (start < 0) start = 0;
  else if (end < 0 || end > size) end = size;
  if (end < 0 || end > size || start > end)
    return c.fail("a text of " + std::to_string(size) + " bytes has no part from " + std::to_string(c.i(0)) + " to " + std::to_string(c.i(1)));
  return view(s.substr(static_cast<size_t>(start), static_cast<size_t>(end - start)));
}

Value trunc(Call& c) {
  std::string_view s = c.s(1);
  auto size = static_cast<int64_t>(s.size());
  if (c.i(0) < 0 && size + c.i(0) > 0) return view(s.substr(static_cast<size_t>(size + c.i(0))));
  if (c.i(0) >= 0 && size > c.i(0)) return view(s.substr(0, static_cast<size_t>(c.i(0))));
  return view(s);
}

Value quote(Call& c) {
  std::string out;
  for (const Value& v : c.args)
    if (!v.none()) out += (out.empty() ? "" : " ") + go_quote(to_text(v));
  return c.text(std::move(out));
}

Value squote(Call& c) {
  std::string out;
  for (const Value& v : c.args)
    if (!v.none()) out += (out.empty() ? "'" : " '") + to_text(v) + "'";
  return c.text(std::move(out));
}

Value cat(Call& c) {
  std::string out;
  bool first = true;
  for (const Value& v : c.args) {
    if (v.none()) continue;
    if (!first) out += ' ';
    first = false;
    append_text(out, v);
  }
  return c.text(std::move(out));
}

Value join(Call& c) {
  std::string out;
  bool first = true;
  for (const std::string& s : to_texts(c.args[1])) {
    if (!first) out += c.s(0);
    first = false;
    if (!c.room(out.size() + s.size())) return {};
    out += s;
  }
  return c.text(std::move(out));
}

Value trim_prefix(Call& c) { return view(c.s(1).starts_with(c.s(0)) ? c.s(1).substr(c.s(0).size()) : c.s(1)); }
Value trim_suffix(Call& c) { return view(c.s(1).ends_with(c.s(0)) ? c.s(1).substr(0, c.s(1).size() - c.s(0).size()) : c.s(1)); }

constexpr Function kTable[] = {
    {"upper", "s", [](Call& c) { return c.text(each_rune(c.s(0), rune_upper)); }},
    {"lower", "s", [](Call& c) { return c.text(each_rune(c.s(0), rune_lower)); }},
    {"trim", "s", [](Call& c) { return view(trim_space(c.s(0))); }},
    {"trimAll", "ss", [](Call& c) { return view(trim_set(c.s(1), c.s(0))); }},
    {"trimall", "ss", [](Call& c) { return view(trim_set(c.s(1), c.s(0))); }},
    {"trimPrefix", "ss", trim_prefix},
    {"trimSuffix", "ss", trim_suffix},
    {"contains", "ss", [](Call& c) { return boolean(c.s(1).find(c.s(0)) != std::string_view::npos); }},
    {"hasPrefix", "ss", [](Call& c) { return boolean(c.s(1).starts_with(c.s(0))); }},
    {"hasSuffix", "ss", [](Call& c) { return boolean(c.s(1).ends_with(c.s(0))); }},
    {"replace", "sss", replace},
    {"repeat", "is", repeat},
    {"indent", "is", [](Call& c) {
       auto text = indented(c);
       return text ? c.text(std::move(*text)) : Value{};
     }},
    {"nindent", "is", [](Call& c) {
       auto text = indented(c);
       return text ? c.text("\n" + *text) : Value{};
     }},
    {"substr", "iis", substr},
    {"trunc", "is", trunc},
    {"quote", "v*", quote},
    {"squote", "v*", squote},
    {"cat", "v*", cat},
    {"join", "sv", join},
    {"split", "ss", [](Call& c) { return numbered(c, split(c.s(1), c.s(0))); }},
    {"splitn", "sis", [](Call& c) { return numbered(c, split(c.s(2), c.s(0), c.i(1) < 0 ? SIZE_MAX : static_cast<size_t>(c.i(1)))); }},
    {"splitList", "ss", [](Call& c) { return list_of_texts(c, split(c.s(1), c.s(0))); }},
    {"plural", "ssi", [](Call& c) { return view(c.i(2) == 1 ? c.s(0) : c.s(1)); }},
    {"toString", "v", [](Call& c) { return c.text(to_text(c.args[0])); }},
    {"toStrings", "v", [](Call& c) { return list_of_texts(c, to_texts(c.args[0])); }},
    {"nospace", "s", [](Call& c) {
       std::string out;
       for (std::string_view s = c.s(0); !s.empty();) {
         Rune r = rune_at(s);
         if (!rune_space(r.code)) out += s.substr(0, r.size);
         s.remove_prefix(r.size);
       }
       return c.text(std::move(out));
     }},
};

}  // namespace

std::span<const Function> text_functions() { return kTable; }

}  // namespace sluice::config::tmpl

// sprig: regular expressions, in RE2's syntax, which is Go's.
#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

std::unique_ptr<RE2> compile(Call& c, std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(int64_t{8} << 20);
  auto re = std::make_unique<RE2>(re2::StringPiece{pattern.data(), pattern.size()}, options);
  if (re->ok()) return re;
  c.fail("the expression " + go_quote(pattern) + " is refused: " + re->error());
  return nullptr;
}

using Groups = std::vector<re2::StringPiece>;

// Matches from left to right, as Go finds them: an empty one right behind a match is none. `f` returns false to stop.
template <class F>
void each_match(const RE2& re, std::string_view s, F&& f) {
  const re2::StringPiece text{s.data(), s.size()};
  Groups groups(static_cast<size_t>(re.NumberOfCapturingGroups()) + 1);
  size_t at = 0, before = std::string_view::npos;  // end of the match before
  while (at <= s.size()) {
    if (!re.Match(text, at, s.size(), RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()))) return;
    size_t begin = static_cast<size_t>(groups[0].data() - s.data()), end = begin + groups[0].size();
    bool empty = begin == end;
    if (!(empty && begin == before) && !f(begin, end, groups)) return;
    before = end;
    at = empty ? end + (end < s.size() ? rune_at(s.substr(end)).size : 1) : end;
  }
}

bool word(char c) { return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// $1, ${1}, $name, ${name} and $$; a group that is not there is empty.
void expand(const RE2& re, std::string_view with, const Groups& groups, std::string& out) {
  while (!with.empty()) {
    size_t dollar = with.find('$');
    out += with.substr(0, dollar);
    if (dollar == with.npos) return;
    with.remove_prefix(dollar + 1);
    if (with.starts_with('$')) {
      out += '$';
      with.remove_prefix(1);
      continue;
    }
    bool braces = with.starts_with('{');
    size_t from = braces ? 1 : 0, to = from;
    while (to < with.size() && word(with[to])) ++to;
    if (to == from || (braces && (to >= with.size() || with[to] != '}'))) {
      out += '$';
      continue;
    }
    std::string name{with.substr(from, to - from)};
    with.remove_prefix(to + (braces ? 1 : 0));
    size_t n = groups.size();
    if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      if (name.size() < 6) n = static_cast<size_t>(std::stoul(name));
    } else {
      auto it = re.NamedCapturingGroups().find(name);
      if (it != re.NamedCapturingGroups().end()) n = static_cast<size_t>(it->second);
    }
    if (n < groups.size() && groups[n].data()) out.append(groups[n].data(), groups[n].size());
  }
}

Value match(Call& c) {
  auto re = compile(c, c.s(0));
  return re ? boolean(RE2::PartialMatch(re2::StringPiece{c.s(1).data(), c.s(1).size()}, *re)) : Value{};
}

Value find(Call& c) {
  auto re = compile(c, c.s(0));
  Value out = view("");
  if (re)
    each_match(*re, c.s(1), [&](size_t begin, size_t end, const Groups&) {
      out = view(c.s(1).substr(begin, end - begin));
      return false;
    });
  return out;
}

Value find_all(Call& c) {
  auto re = compile(c, c.s(0));
  if (!re) return {};
  std::vector<std::string> out;
  if (c.i(2) != 0)
    each_match(*re, c.s(1), [&](size_t begin, size_t end, const Groups&) {
      out.emplace_back(c.s(1).substr(begin, end - begin));
      return c.i(2) < 0 || out.size() < static_cast<uint64_t>(c.i(2));
    });
  return list_of_texts(c, out);
}

Value replaced(Call& c, bool literal) {
  auto re = compile(c, c.s(0));
  if (!re) return {};
  std::string out;
  size_t at = 0;
  each_match(*re, c.s(1), [&](size_t begin, size_t end, const Groups& groups) {
    out += c.s(1).substr(at, begin - at);
    if (literal) out += c.s(2);
    else expand(*re, c.s(2), groups, out);
    at = end;
    return c.room(out.size());
  });
  if (c.error) return {};
  out += c.s(1).substr(at);
  return c.text(std::move(out));
}

Value split(Call& c) {
  auto re = compile(c, c.s(0));
  if (!re) return {};
  std::string_view s = c.s(1);
  int64_t most = c.i(2);
  std::vector<std::string> out;
  if (most == 0) return list_of_texts(c, out);
  size_t at = 0, last = 0;
  if (!(s.empty() && !c.s(0).empty()))
    each_match(*re, s, [&](size_t begin, size_t end, const Groups&) {
      if (most > 0 && out.size() + 1 == static_cast<uint64_t>(most)) return false;
      last = begin;
      if (end == 0) return true;
      out.emplace_back(s.substr(at, begin - at));
      at = end;
      return true;
    });
  if (last != s.size() || s.empty()) out.emplace_back(s.substr(at));
  return list_of_texts(c, out);
}

Value replace(Call& c) { return replaced(c, false); }
Value replace_literal(Call& c) { return replaced(c, true); }

constexpr Function kTable[] = {
    {"regexMatch", "ss", match},
    {"mustRegexMatch", "ss", match},
    {"regexFind", "ss", find},
    {"mustRegexFind", "ss", find},
    {"regexFindAll", "ssi", find_all},
    {"mustRegexFindAll", "ssi", find_all},
    {"regexReplaceAll", "sss", replace},
    {"mustRegexReplaceAll", "sss", replace},
    {"regexReplaceAllLiteral", "sss", replace_literal},
    {"mustRegexReplaceAllLiteral", "sss", replace_literal},
    {"regexSplit", "ssi", split},
    {"mustRegexSplit", "ssi", split},
    {"regexQuoteMeta", "s", [](Call& c) {
       std::string out;
       for (char ch : c.s(0)) {
         if (std::string_view{R"(\.+*?()|[]{}^$)"}.find(ch) != std::string_view::npos) out += '\\';
         out += ch;
       }
       return c.text(std::move(out));
     }},
};

}  // namespace

std::span<const Function> regex_functions() { return kTable; }

}  // namespace sluice::config::tmpl

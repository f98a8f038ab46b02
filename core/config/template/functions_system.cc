// sprig: paths, random values, versions.
#include <algorithm>
#include <charconv>
#include <random>

#include "core/base/text.h"
#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

// path.Clean
std::string clean(std::string_view s) {
  bool rooted = s.starts_with('/');
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= s.size();) {
    size_t end = std::min(s.find('/', at), s.size());
    std::string_view part = s.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") parts.push_back(part);
    else if (!parts.empty() && parts.back() != "..") parts.pop_back();
    else if (!rooted) parts.push_back(part);
  }
  std::string out = rooted ? "/" : "";
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i) out += '/';
    out += parts[i];
  }
  return out.empty() ? "." : out;
}

std::string base(std::string_view s) {
  if (s.empty()) return ".";
  while (s.size() > 1 && s.ends_with('/')) s.remove_suffix(1);
  if (s == "/") return "/";
  return std::string{s.substr(s.rfind('/') + 1)};
}

std::string ext(std::string_view s) {
  size_t dot = s.rfind('.'), slash = s.rfind('/');
  return dot == s.npos || (slash != s.npos && dot < slash) ? "" : std::string{s.substr(dot)};
}

Value base_of(Call& c) { return c.text(base(c.s(0))); }
Value dir_of(Call& c) { return c.text(clean(c.s(0).substr(0, c.s(0).rfind('/') + 1))); }
Value ext_of(Call& c) { return c.text(ext(c.s(0))); }
Value clean_of(Call& c) { return c.text(clean(c.s(0))); }
Value is_abs(Call& c) { return boolean(c.s(0).starts_with('/')); }

Value random_text(Call& c, std::string_view of) {
  if (c.i(0) < 0 || static_cast<uint64_t>(c.i(0)) > (1u << 20)) return c.fail("a length from 0 to 1048576 is wanted");
  std::random_device source;
  std::uniform_int_distribution<size_t> pick{0, of.size() - 1};
  std::string out;
  for (int64_t i = 0; i < c.i(0); ++i) out += of[pick(source)];
  return c.text(std::move(out));
}

constexpr std::string_view kAlphaNum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Value rand_ascii(Call& c) {
  std::string printable;
  for (char ch = ' '; ch <= '~'; ++ch) printable += ch;
  return random_text(c, printable);
}

// Random bytes in base 64.
Value rand_bytes(Call& c) {
  if (c.i(0) < 0 || c.i(0) > (1 << 20)) return c.fail("a length from 0 to 1048576 is wanted");
  size_t count = static_cast<size_t>(c.i(0)), characters = (count * 8 + 5) / 6;
  std::random_device source;
  std::string out;
  for (size_t i = 0; i < characters; ++i) {
    uint32_t bits = source() & 63;
    if (i + 1 == characters) bits &= count % 3 == 1 ? 0x30u : count % 3 == 2 ? 0x3cu : 63u;
    out += kBase64[bits];
  }
  while (out.size() % 4) out += '=';
  return c.text(std::move(out));
}

Value rand_int(Call& c) {
  if (c.i(1) <= c.i(0)) return c.fail("the second number must be greater than the first");
  std::random_device source;
  return integer(std::uniform_int_distribution<int64_t>{c.i(0), c.i(1) - 1}(source));
}

Value uuid(Call& c) {
  constexpr char kHex[] = "0123456789abcdef";
  std::random_device source;
  std::string out = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";  // RFC 9562 §5.4
  for (char& ch : out) {
    if (ch == 'x') ch = kHex[source() & 15];
    else if (ch == 'y') ch = kHex[8 + (source() & 3)];
  }
  return c.text(std::move(out));
}

Value shuffle(Call& c) {
  std::vector<std::string> parts;
  for (std::string_view s = c.s(0); !s.empty();) {
    size_t n = rune_at(s).size;
    parts.emplace_back(s.substr(0, n));
    s.remove_prefix(n);
  }
  std::random_device source;
  std::shuffle(parts.begin(), parts.end(), source);
  std::string out;
  for (const std::string& p : parts) out += p;
  return c.text(std::move(out));
}

// ---- versions (semver.org 2.0.0) ----

struct Version {
  uint64_t number[3] = {0, 0, 0};
  int parts = 0;  // that were given; wildcards and missing ones are not
  std::string pre, build;
};

bool identifiers(std::string_view s) {
  return !s.empty() &&
         std::all_of(s.begin(), s.end(), [](char c) { return c == '-' || c == '.' || (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'); });
}

std::optional<Version> version_of(std::string_view s, bool wildcards) {
  Version v;
  if (s.starts_with('v')) s.remove_prefix(1);
  if (size_t plus = s.find('+'); plus != s.npos) {
    v.build = s.substr(plus + 1), s = s.substr(0, plus);
    if (!identifiers(v.build)) return std::nullopt;
  }
  if (size_t hyphen = s.find('-'); hyphen != s.npos) {
    v.pre = s.substr(hyphen + 1), s = s.substr(0, hyphen);
    if (!identifiers(v.pre)) return std::nullopt;
  }
  bool wild = false;
  for (int i = 0;; ++i) {
    std::string_view part = s.substr(0, s.find('.'));
    if (i == 3) return std::nullopt;
    if (wildcards && (part == "x" || part == "X" || part == "*")) {
      wild = true;
    } else {
      auto n = parse_decimal<uint64_t>(part);
      if (!n) return std::nullopt;
      v.number[i] = wild ? 0 : *n;
      if (!wild) v.parts = i + 1;
    }
    if (part.size() == s.size()) break;
    s.remove_prefix(part.size() + 1);
  }
  return v;
}

int compare_pre(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a == b ? 0 : a.empty() ? 1 : -1;
  while (true) {
    std::string_view x = a.substr(0, a.find('.')), y = b.substr(0, b.find('.'));
    auto n = parse_decimal<uint64_t>(x), m = parse_decimal<uint64_t>(y);
    if (n && m && *n != *m) return *n < *m ? -1 : 1;
    if (n.has_value() != m.has_value()) return n ? -1 : 1;
    if (!n && x != y) return x < y ? -1 : 1;
    bool a_ends = x.size() == a.size(), b_ends = y.size() == b.size();
    if (a_ends || b_ends) return a_ends && b_ends ? 0 : a_ends ? -1 : 1;
    a.remove_prefix(x.size() + 1), b.remove_prefix(y.size() + 1);
  }
}

int compare(const Version& a, const Version& b) {
  for (int i = 0; i < 3; ++i)
    if (a.number[i] != b.number[i]) return a.number[i] < b.number[i] ? -1 : 1;
  return compare_pre(a.pre, b.pre);
}

// One comparison, such as ">=1.2", "~1.2.3", "^2" or "1.x". nullopt: not understood.
std::optional<bool> satisfies(const Version& v, std::string_view rule) {
  size_t size = rule.find_first_not_of("=!<>~^");
  if (size == rule.npos) return std::nullopt;
  std::string_view op = rule.substr(0, size);
  auto w = version_of(trim(rule.substr(size)), true);
  if (!w) return std::nullopt;
  bool any = w->parts == 0;
  // A version before a release is meant only where one is named.
  if (!v.pre.empty() && w->pre.empty()) return false;
  auto same = [&](int parts) { return std::equal(v.number, v.number + parts, w->number); };
  int order = compare(v, *w);
  bool whole = w->parts == 3;
  if (op.empty() || op == "=" || op == "==") return any || (whole ? order == 0 : same(w->parts));
  if (op == "!=") return !any && (whole ? order != 0 : !same(w->parts));
  if (op == ">") return !any && (whole ? order > 0 : order > 0 && !same(w->parts));
  if (op == "<") return order < 0;
  if (op == ">=" || op == "=>") return order >= 0;
  if (op == "<=" || op == "=<") return any || order <= 0 || (!whole && same(w->parts));
  if (op == "~" || op == "~>") return any || (order >= 0 && same(std::min(w->parts, 2)));
  if (op == "^") {
    if (any) return true;
    int keep = w->number[0] || w->parts < 2 ? 1 : w->number[1] || w->parts < 3 ? 2 : 3;
    return order >= 0 && same(keep);
  }
  return std::nullopt;
}

Value semver_compare(Call& c) {
  auto v = version_of(c.s(1), false);
  if (!v) return c.fail(described(c.args[1]) + " is no version such as 1.2.3");
  auto refuse = [&] { return c.fail(described(c.args[0]) + " is no rule for versions such as \">=1.2, <2\" or \"^1.2 || ~2.1\""); };
  bool one_fits = false;
  for (std::string_view rest = c.s(0);;) {
    size_t or_at = rest.find("||");
    std::string_view group = trim(rest.substr(0, or_at));
    if (group.empty()) return refuse();
    bool all = true;
    if (size_t dash = group.find(" - "); dash != group.npos) {
      auto from = satisfies(*v, ">=" + std::string{trim(group.substr(0, dash))}), to = satisfies(*v, "<=" + std::string{trim(group.substr(dash + 3))});
      if (!from || !to) return refuse();
      all = *from && *to;
    } else {
      // Rules stand beside each other with commas or blanks; a blank may also stand behind the operator.
      std::string packed;
      for (char ch : group) {
        if (ch == ' ' && (packed.empty() || std::string_view{"=!<>~^, "}.find(packed.back()) != std::string_view::npos)) continue;
        packed += ch == ',' ? ' ' : ch;
      }
      for (std::string_view rules = packed; !rules.empty();) {
        std::string_view rule = rules.substr(0, rules.find(' '));
        rules.remove_prefix(std::min(rules.size(), rule.size() + 1));
        if (rule.empty()) continue;
        auto fits = satisfies(*v, rule);
        if (!fits) return refuse();
        all = all && *fits;
      }
    }
    one_fits = one_fits || all;
    if (or_at == rest.npos) return boolean(one_fits);
    rest.remove_prefix(or_at + 2);
  }
}

Value semver(Call& c) {
  auto v = version_of(c.s(0), false);
  if (!v) return c.fail(described(c.args[0]) + " is no version such as 1.2.3");
  Map* m = c.heap.map();
  const char* names[] = {"Major", "Minor", "Patch"};
  for (int i = 0; i < 3; ++i) m->members[names[i]] = integer64(static_cast<int64_t>(v->number[i]));
  m->members["Prerelease"] = c.text(v->pre);
  m->members["Metadata"] = c.text(v->build);
  m->members["Original"] = c.args[0];
  return of(m);
}

constexpr Function kTable[] = {
    {"base", "s", base_of},
    {"osBase", "s", base_of},
    {"dir", "s", dir_of},
    {"osDir", "s", dir_of},
    {"ext", "s", ext_of},
    {"osExt", "s", ext_of},
    {"clean", "s", clean_of},
    {"osClean", "s", clean_of},
    {"isAbs", "s", is_abs},
    {"osIsAbs", "s", is_abs},
    {"randAlphaNum", "i", [](Call& c) { return random_text(c, kAlphaNum); }},
    {"randAlpha", "i", [](Call& c) { return random_text(c, kAlphaNum.substr(10)); }},
    {"randNumeric", "i", [](Call& c) { return random_text(c, kAlphaNum.substr(0, 10)); }},
    {"randAscii", "i", rand_ascii},
    {"randBytes", "i", rand_bytes},
    {"randInt", "ii", rand_int},
    {"uuidv4", "", uuid},
    {"shuffle", "s", shuffle},
    {"semver", "s", semver},
    {"semverCompare", "ss", semver_compare},
};

}  // namespace

std::span<const Function> system_functions() { return kTable; }

}  // namespace sluice::config::tmpl

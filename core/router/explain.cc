#include "core/router/explain.h"

#include <algorithm>

#include "core/base/text.h"

namespace sluice::router {
namespace {

constexpr std::string_view kKinds[] = {"literal text", "text with parameters", "a parameter", "a wildcard"};

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  for (size_t at = 1;;) {
    size_t end = path.find('/', at);
    out.push_back(path.substr(at, end == path.npos ? path.npos : end - at));
    if (end == path.npos) return out;
    at = end + 1;
  }
}

std::string in_quotes(std::string_view s) { return '"' + std::string{s.substr(0, 80)} + (s.size() > 80 ? "…\"" : "\""); }

// Only this segment, asked of the router itself, so that there is one idea of what fits.
bool fits(const Pattern& pattern, size_t i, std::string_view segment, bool last) {
  const Segment& s = pattern.segments[i];
  if (s.kind == Segment::Kind::rest) return true;
  if (s.kind == Segment::Kind::parameter) return !segment.empty() || !last;
  if (s.kind == Segment::Kind::literal) return s.texts[0] == segment;
  Router one;
  if (!one.add("GET", "/" + segment_text(pattern, i), 0, nullptr)) return false;
  BlockPool pool;
  Arena arena{pool};
  Match match;
  std::string_view location, allow;
  return one.find("GET", arena.concat("/", segment), {false, false, false}, arena, &match, &location, &allow) == Router::Found::yes;
}

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& n : names) out += (out.empty() ? "" : ", ") + n;
  return out;
}

}  // namespace

std::string segment_text(const Pattern& pattern, size_t segment) {
  size_t name = 0;
  for (size_t i = 0; i < segment; ++i) name += pattern.segments[i].texts.empty() ? 1 : pattern.segments[i].texts.size() - 1;
  const Segment& s = pattern.segments[segment];
  if (s.kind == Segment::Kind::rest) return pattern.names[name] == "*" ? "*" : "{" + pattern.names[name] + "...}";
  std::string out = literal(s.texts[0]);
  for (size_t i = 1; i < s.texts.size(); ++i) out += "{" + pattern.names[name++] + "}" + literal(s.texts[i]);
  return out;
}

Verdict judge(const Pattern& pattern, const std::vector<std::string>& methods, const Condition& condition,
              std::string_view method, std::string_view path, const Facts& facts) {
  Verdict v;
  if (!path.starts_with('/')) {
    v.why = "the path does not begin with '/'";
    return v;
  }
  auto segments = split(path);
  const bool rest = pattern.segments.back().kind == Segment::Kind::rest;
  for (size_t i = 0; i < pattern.segments.size(); ++i) {
    const std::string wanted = segment_text(pattern, i);
    if (i >= segments.size()) {
      v.why = "goes on with /" + wanted + " where the request's path ends";
      return v;
    }
    if (!fits(pattern, i, segments[i], i + 1 == segments.size())) {
      const bool text = pattern.segments[i].kind == Segment::Kind::literal;
      v.why = "segment " + std::to_string(i + 1) + " is " + in_quotes(segments[i]) +
              (text ? ", not " + in_quotes(pattern.segments[i].texts[0]) : ", which " + wanted + " does not fit");
      v.spelling = text && iequals(segments[i], pattern.segments[i].texts[0]);
      if (v.spelling) v.why += ": upper and lower case differ";
      return v;
    }
    v.segments = i + 1;
  }
  if (!rest && segments.size() > pattern.segments.size()) {
    v.why = "ends where the request's path goes on with /" + std::string{segments[pattern.segments.size()].substr(0, 80)};
    return v;
  }
  if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
    v.fate = Verdict::Fate::method;
    v.why = "takes " + list(methods) + ", not " + std::string{method};
    return v;
  }
  if (!host_fits(condition.host, facts.host())) {
    v.fate = Verdict::Fate::host;
    v.why = "wants the host " + (condition.host[0] == '.' ? "*" + condition.host : condition.host) + ", found " +
            (facts.host().empty() ? std::string{"none"} : in_quotes(facts.host()));
    return v;
  }
  for (const auto& [name, value] : condition.headers) {
    if (facts.has(name, value)) continue;
    v.fate = Verdict::Fate::header;
    v.why = "wants the header " + name + ": " + value + (facts.has(name, "*") ? ", found another value" : ", found none");
    return v;
  }
  v.fate = Verdict::Fate::fits;
  return v;
}

std::string why_first(const Pattern& winner, const Condition& its, const Pattern& other, const Condition& others) {
  size_t n = std::min(winner.segments.size(), other.segments.size());
  for (size_t i = 0; i < n; ++i) {
    const Segment &a = winner.segments[i], &b = other.segments[i];
    std::string at = "segment " + std::to_string(i + 1) + ": ";
    std::string x = segment_text(winner, i), y = segment_text(other, i);
    if (a.kind != b.kind)
      return at + std::string{kKinds[static_cast<size_t>(a.kind)]} + " (" + x + ") goes before " +
             std::string{kKinds[static_cast<size_t>(b.kind)]} + " (" + y + ")";
    if (a.kind != Segment::Kind::mixed || a.texts == b.texts) continue;
    auto length = [](const Segment& s) {
      size_t sum = 0;
      for (const std::string& t : s.texts) sum += t.size();
      return sum;
    };
    if (length(a) != length(b)) return at + "more literal text (" + x + ") goes before less (" + y + ")";
    if (a.texts.size() != b.texts.size()) return at + "fewer parameters (" + x + ") go before more (" + y + ")";
    return at + "equal otherwise, the alphabet puts " + x + " before " + y;
  }
  if (its.host != others.host) {
    if (others.host.empty()) return "a route for the host goes before one for any host";
    if (its.host[0] != '.') return "an exact host goes before " + ("*" + others.host);
    return "the longer domain *" + its.host + " goes before *" + others.host;
  }
  if (its.headers.size() != others.headers.size())
    return "asks for more headers (" + std::to_string(its.headers.size()) + " instead of " + std::to_string(others.headers.size()) + ")";
  if (its.headers != others.headers) return "its header values say more";
  return "names the method, the other one takes any";
}

}  // namespace sluice::router

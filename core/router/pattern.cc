#include "core/router/pattern.h"

#include <algorithm>
#include <optional>

#include "core/router/router.h"

namespace sluice::router {
namespace {

bool name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == ':';
}

// The text between braces at the front of `s`, if it is a parameter.
std::optional<std::string_view> parameter_at(std::string_view s) {
  size_t close = s.find('}');
  if (s.empty() || s[0] != '{' || close == s.npos) return std::nullopt;
  std::string_view name = s.substr(1, close - 1);
  if (name.empty() || name == "..." || !std::all_of(name.begin(), name.end(), name_char)) return std::nullopt;
  return name;
}

Problem problem(std::string_view pattern, std::string_view what) {
  return {"the path '" + std::string{pattern} + "' " + std::string{what}};
}

}  // namespace

Result<Pattern, Problem> parse_pattern(std::string_view pattern) {
  if (pattern.empty() || pattern[0] != '/') return problem(pattern.substr(0, 200), "does not begin with '/'");
  if (pattern.size() > kMaxPattern)
    return problem(std::string{pattern.substr(0, 60)} + "…",
                   "is longer than " + std::to_string(kMaxPattern) + " bytes");
  Pattern out;
  size_t at = 1;
  for (bool last = false; !last;) {
    size_t end = std::min(pattern.find('/', at), pattern.size());
    last = end == pattern.size();
    std::string_view text = pattern.substr(at, end - at);
    at = end + 1;
    if (text.empty() && !last) return problem(pattern, "has an empty segment");
    if (text == "." || text == "..") return problem(pattern, "has a '.' or '..' segment");

    Segment& segment = out.segments.emplace_back();
    if (last && text == "*") {
      segment.kind = Segment::Kind::rest;
      out.names.emplace_back("*");
      continue;
    }
    segment.texts.emplace_back();
    bool rest = false;
    for (size_t i = 0; i < text.size();) {
      std::string& literal_text = segment.texts.back();
      if (text.substr(i, 3) == "{{}") {
        literal_text += '{';
        i += 3;
      } else if (auto name = parameter_at(text.substr(i))) {
        i += name->size() + 2;
        if (name->ends_with("...")) {
          name->remove_suffix(3);
          rest = true;
        }
        // Without text between them nobody could say where the first one ends.
        if (segment.texts.size() > 1 && literal_text.empty())
          return problem(pattern, "has two parameters without text between them");
        out.names.emplace_back(*name);
        segment.texts.emplace_back();
      } else {
        literal_text += text[i++];
      }
    }
    if (rest && !(last && segment.texts.size() == 2 && segment.texts[0].empty() && segment.texts[1].empty()))
      return problem(pattern, "has a '{name...}' that is not the whole last segment");
    if (rest) segment.kind = Segment::Kind::rest;
    else if (segment.texts.size() == 2 && segment.texts[0].empty() && segment.texts[1].empty())
      segment.kind = Segment::Kind::parameter;
    else if (segment.texts.size() > 1) segment.kind = Segment::Kind::mixed;
  }
  if (out.segments.size() > kMaxSegments)
    return problem(pattern, "has more than " + std::to_string(kMaxSegments) + " segments");
  if (out.names.size() > kMaxParameters)
    return problem(pattern, "has more than " + std::to_string(kMaxParameters) + " parameters");
  return out;
}

std::string clean_path(std::string_view path) {
  std::string out;
  out.reserve(path.size() + 1);
  size_t at = 0;
  while (at < path.size()) {
    size_t end = std::min(path.find('/', at), path.size());
    std::string_view segment = path.substr(at, end - at);
    at = end + 1;
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
      continue;
    }
    out += '/';
    out += segment;
  }
  if (out.empty() || path.back() == '/') out += '/';
  return out;
}

std::string shape(std::string_view pattern) {
  auto parsed = parse_pattern(pattern);
  if (!parsed) return std::string{pattern};
  std::string out;
  for (const Segment& s : parsed->segments) {
    out += '/';
    if (s.kind == Segment::Kind::rest) out += '*';
    for (size_t i = 0; i < s.texts.size(); ++i) {
      if (s.kind == Segment::Kind::rest) break;
      if (i) out += "{}";
      out += literal(s.texts[i]);
    }
  }
  return out;
}

std::string readable(std::string_view pattern) {
  std::string out{pattern};
  for (size_t at = 0; (at = out.find("{{}", at)) != out.npos; ++at) out.replace(at, 3, "{");
  return out;
}

std::string literal(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '{') out += "{{}";
    else out += c;
  }
  return out;
}

}  // namespace sluice::router

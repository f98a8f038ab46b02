#include "core/config/placeholders.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/config/fields.h"
#include "core/router/router.h"

namespace sluice::config {
namespace {

bool word(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_'; }
bool strict_name_char(char c) { return word(c) || c == '-'; }
bool loose_name_char(char c) { return strict_name_char(c) || c == '.' || c == ':'; }
bool url_name_char(char c) { return loose_name_char(c) || c == '/'; }

template <class Allowed>
bool all(std::string_view s, Allowed allowed) {
  return !s.empty() && std::all_of(s.begin(), s.end(), allowed);
}

// The text between the braces at `at`; empty: there are none.
std::string_view braced(std::string_view s, size_t at) {
  size_t close = s.find('}', at);
  return close == s.npos ? std::string_view{} : s.substr(at + 1, close - at - 1);
}

std::string with_one_slash(std::string_view s) {
  if (s.starts_with('/')) s.remove_prefix(1);
  return "/" + std::string{s};
}

// V5: "/__health" and the like, at the end of a path or of one of its parents.
std::string_view reserved_name(std::string_view path) {
  for (std::string_view name : {"/__debug", "/__echo", "/__health"})
    for (size_t at = path.find(name); at != path.npos; at = path.find(name, at + 1))
      if (at + name.size() == path.size() || path[at + name.size()] == '/') return name;
  return {};
}

// respN_path → N and path. Nine digits are enough for any step, and fit.
bool sequential(std::string_view name, uint32_t& step, std::string_view& path) {
  if (!name.starts_with("resp")) return false;
  size_t end = 4;
  while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
  if (end == 4 || end + 1 >= name.size() || name[end] != '_') return false;
  step = UINT32_MAX;
  if (end - 4 <= 9) step = parse_decimal<uint32_t>(name.substr(4, end - 4)).value_or(UINT32_MAX);
  path = name.substr(end + 1);
  return true;
}

}  // namespace

EndpointPath read_endpoint_path(std::string_view written, bool anywhere) {
  EndpointPath out;
  std::string raw = with_one_slash(written);
  if (std::string_view name = reserved_name(raw); !name.empty())
    out.errors.push_back("the path holds " + std::string{name} + ", which is reserved for the gateway's own endpoints");
  std::string path = router::clean_path(raw);
  for (size_t at = path.find('*'); at != path.npos; at = path.find('*', at + 1)) {
    if (at + 1 < path.size() || path[at - 1] != '/') {
      out.errors.push_back("a '*' must be the whole last segment of the path");
      break;
    }
  }
  if (path.find('?') != path.npos)
    out.warnings.push_back(
        "a '?' in an endpoint's path never matches: the query is no part of it (input_query_strings lets it pass)");

  bool parameter = false, told = false;  // in this segment
  for (size_t i = 0; i < path.size();) {
    if (path[i] == '/') parameter = told = false;
    // The reference's router takes ":name" for a parameter, wherever in the segment it stands. Behind a parameter it refuses it,
    // so there it is ours: "/{name}:rename".
    if (path[i] == ':' && i + 1 < path.size() && word(path[i + 1]) && !parameter && !told) {
      told = true;
      out.warnings.push_back("':' is literal text here; a parameter is written {name}");
    }
    if (path[i] != '{') {
      if (path[i] == '*' && i + 1 == path.size()) out.params.emplace_back("*");
      out.pattern += path[i++];
      continue;
    }
    std::string_view name = braced(path, i), stem = name;
    if (stem.ends_with("...")) stem.remove_suffix(3);
    if (anywhere ? all(stem, loose_name_char) : all(stem, strict_name_char)) {
      parameter = true;
      out.params.emplace_back(stem);
      out.pattern += '{';
      out.pattern += name;
      out.pattern += '}';
      i += name.size() + 2;
    } else {
      out.pattern += router::literal("{");
      ++i;
    }
  }
  return out;
}

UrlPattern read_url_pattern(std::string_view written, const std::vector<std::string>& declared) {
  UrlPattern out;
  out.pattern = with_one_slash(written);
  bool in_query = false, in_fragment = false;
  UrlPart text;
  auto flush = [&] {
    if (!text.text.empty()) out.parts.push_back(std::move(text));
    text = {};
    text.in_query = in_query;
  };
  for (size_t i = 0; i < out.pattern.size();) {
    char c = out.pattern[i];
    std::string_view name = c == '{' ? braced(out.pattern, i) : std::string_view{};
    // "*" is a name only where the endpoint has that wildcard; elsewhere "{*}" is text, as in the reference.
    const bool wildcard = name == "*" && std::find(declared.begin(), declared.end(), name) != declared.end();
    if (!wildcard && !all(name, url_name_char)) {
      if (c == '#') in_fragment = true;
      if (c == '?' && !in_query && !in_fragment) {
        flush();
        in_query = text.in_query = true;
      }
      out.log_pattern += c;
      if (!in_fragment) text.text += c;
      ++i;
      continue;
    }
    i += name.size() + 2;
    std::string shown{name};
    shown[0] = upper(shown[0]);
    shown = "{{." + shown + "}}";
    out.log_pattern += shown;

    UrlPart part;
    part.in_query = in_query;
    std::string_view path;
    if (std::find(declared.begin(), declared.end(), name) != declared.end() ||
        (name.starts_with("JWT.") && name.size() > 4)) {
      part.kind = UrlPart::Kind::parameter;
      part.text = name;
    } else if (sequential(name, part.step, path)) {
      part.kind = UrlPart::Kind::response;
      part.text = path;
      if (part.step == UINT32_MAX) part = {UrlPart::Kind::text, shown, 0, in_query};  // no such step can exist
    } else {
      if (std::find(out.undefined.begin(), out.undefined.end(), name) == out.undefined.end())
        out.undefined.emplace_back(name);
      continue;
    }
    if (in_fragment) continue;
    flush();
    out.parts.push_back(std::move(part));
  }
  flush();
  return out;
}

}  // namespace sluice::config

#include "core/pipeline/reference.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/pipeline/sequence.h"

namespace sluice::pipeline {
namespace {

using document::Kind;

bool name_char(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == ':';
}

std::vector<std::string> split(std::string_view dotted) {
  std::vector<std::string> parts;
  for (size_t from = 0;;) {
    size_t dot = std::min(dotted.find('.', from), dotted.size());
    parts.emplace_back(dotted.substr(from, dot - from));
    if (dot == dotted.size()) return parts;
    from = dot + 1;
  }
}

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return iequals(n, name); });
}

// Headers that every request to a backend has, whatever the client sent (pipeline.md §3.2).
bool always_there(std::string_view name) {
  return iequals(name, "X-Forwarded-For") || iequals(name, "X-Forwarded-Host") || iequals(name, "User-Agent");
}

// "resp<digits>…": the rest behind the number, or nullopt.
std::optional<std::string_view> step_of(std::string_view s, uint32_t* step) {
  if (!s.starts_with("resp")) return std::nullopt;
  size_t end = std::min(s.find_first_not_of("0123456789", 4), s.size());
  if (end == 4) return std::nullopt;
  std::string_view rest = s.substr(end);
  if (!rest.empty() && rest[0] != '_' && rest[0] != '.') return std::nullopt;
  *step = parse_decimal<uint32_t>(s.substr(4, end - 4)).value_or(UINT32_MAX);
  return rest;
}

}  // namespace

std::string Reference::text() const {
  switch (of) {
    case Of::parameter: return "{" + name + "}";
    case Of::header: return "{header." + name + "}";
    case Of::query: return "{query." + name + "}";
    case Of::status: return "{resp" + std::to_string(step) + ".status}";
    case Of::data: break;
  }
  std::string out = "{resp" + std::to_string(step);
  for (size_t i = 0; i < path.size(); ++i) out += (i ? "." : "_") + path[i];
  return out + "}";
}

std::string_view braced_name(std::string_view s) {
  if (s.empty() || s[0] != '{') return {};
  size_t end = 1;
  while (end < s.size() && name_char(s[end])) ++end;
  return end > 1 && end < s.size() && s[end] == '}' ? s.substr(1, end - 1) : std::string_view{};
}

std::optional<Reference> parse_reference(std::string_view inside, const ReferenceNames& names, std::string* why) {
  Reference r;
  const std::string shown = "{" + std::string{inside} + "}";
  auto declared = [&](std::string_view n) { return std::find(names.parameters.begin(), names.parameters.end(), n) != names.parameters.end(); };
  if (declared(inside) || (inside.starts_with("JWT.") && inside.size() > 4)) {
    r.name = inside;
    return r;
  }
  if (auto rest = step_of(inside, &r.step)) {
    if (names.steps == 0) {
      *why = shown + " names another backend's answer: that needs \"chain\": true in the block \"sluice\" of the endpoint";
      return std::nullopt;
    }
    if (r.step >= names.steps) {
      *why = shown + ": the endpoint has " + std::to_string(names.steps) + (names.steps == 1 ? " backend" : " backends") + " that answer, counted from 0";
      return std::nullopt;
    }
    if (*rest == ".status") {
      r.of = Reference::Of::status;
      return r;
    }
    if (rest->empty() || ((*rest)[0] == '_' && rest->size() > 1)) {
      r.of = Reference::Of::data;
      if (!rest->empty()) r.path = split(rest->substr(1));
      return r;
    }
    *why = shown + ": expected a path such as {resp0_user.id}, or {resp0.status}";
    return std::nullopt;
  }
  for (bool header : {true, false}) {
    std::string_view kind = header ? "header." : "query.";
    if (!inside.starts_with(kind) || inside.size() == kind.size()) continue;
    r.of = header ? Reference::Of::header : Reference::Of::query;
    r.name = inside.substr(kind.size());
    const bool known = header ? names.any_header || listed(names.headers, r.name) || always_there(r.name)
                              : names.any_query || std::find(names.queries.begin(), names.queries.end(), r.name) != names.queries.end();
    if (known) return r;
    *why = shown + " is not let in: add \"" + r.name + "\" to the endpoint's " + (header ? "input_headers" : "input_query_strings");
    return std::nullopt;
  }
  *why = "undefined name " + shown;
  if (std::string_view near = nearest(inside, names.parameters); !near.empty()) *why += " (did you mean {" + std::string{near} + "}?)";
  *why += "; known are the endpoint's parameters, {respN_path}, {respN.status}, {header.Name} and {query.name}";
  return std::nullopt;
}

namespace {
document::Node* below(Arena& arena, document::Node& at, std::string_view label) {
  if (at.kind == Kind::object) return document::find(arena, at, label);
  auto i = at.kind == Kind::array ? parse_decimal<uint32_t>(label) : std::nullopt;
  return i ? document::at(&arena, at, *i, nullptr) : nullptr;
}
}  // namespace

document::Node* walk(Arena& arena, document::Node& from, const std::vector<std::string>& path) {
  document::Node* at = &from;
  for (const std::string& label : path)
    if (at = below(arena, *at, label); !at) break;
  return at;
}

document::Node* walk(Arena& arena, document::Node& from, std::string_view dotted) {
  document::Node* at = &from;
  for (size_t begin = 0; at;) {
    size_t dot = dotted.find('.', begin);
    at = below(arena, *at, dotted.substr(begin, dot == dotted.npos ? dot : dot - begin));
    if (dot == dotted.npos) break;
    begin = dot + 1;
  }
  return at;
}

std::optional<Template> Template::parse(std::string_view text, const ReferenceNames& names, std::string* why) {
  Template t;
  std::string literal;
  auto flush = [&] {
    if (!literal.empty()) t.pieces_.push_back({std::exchange(literal, {}), std::nullopt});
  };
  for (size_t i = 0; i < text.size();) {
    std::string_view name = braced_name(text.substr(i));
    if (name.empty()) {
      literal += text[i++];
      continue;
    }
    auto reference = parse_reference(name, names, why);
    if (!reference) return std::nullopt;
    flush();
    t.pieces_.push_back({{}, std::move(reference)});
    i += name.size() + 2;
  }
  flush();
  return t;
}

bool Template::render(ReferenceValues& values, std::string_view* out, const Reference** missing) const {
  Arena& arena = values.memory();
  if (pieces_.size() == 1 && !pieces_[0].reference) {
    *out = pieces_[0].text;  // lives as long as the generation, which the request holds
    return true;
  }
  ArenaVector<std::string_view> found{arena};
  size_t size = 0;
  for (const Piece& p : pieces_) {
    std::string_view s = p.text;
    if (p.reference) {
      document::Node* n = values.find(*p.reference);
      if (!n || n->kind == Kind::null || !placeholder_text(arena, *n, &s)) {
        *missing = &*p.reference;
        return false;
      }
    }
    found.push(s);
    size += s.size();
  }
  char *begin = static_cast<char*>(arena.alloc(size + 1, 1)), *at = begin;
  for (std::string_view s : found) at = std::copy(s.begin(), s.end(), at);
  *out = {begin, size};
  return true;
}

}  // namespace sluice::pipeline

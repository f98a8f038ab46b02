#include "core/pipeline/url.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/http/server_octets.h"

namespace sluice::pipeline {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

enum : uint8_t { kUnreserved = 1, kPathPlain = 2, kPathValid = 4, kQueryPlain = 8 };
constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> t{};
  auto mark = [&t](char c, int bits) { t[static_cast<uint8_t>(c)] = static_cast<uint8_t>(t[static_cast<uint8_t>(c)] | bits); };
  for (char c = '0'; c <= '9'; ++c) mark(c, 15);
  for (char c = 'a'; c <= 'z'; ++c) mark(c, 15);
  for (char c = 'A'; c <= 'Z'; ++c) mark(c, 15);
  for (char c : {'-', '_', '.', '~'}) mark(c, 15);
  for (char c : {'$', '&', '+', ',', '/', ':', ';', '=', '@'}) mark(c, kPathPlain | kPathValid);
  for (char c : {'!', '\'', '(', ')', '*', '[', ']', '%'}) mark(c, kPathValid);
  for (int c = 0x21; c < 0x7f; ++c) t[static_cast<size_t>(c)] |= kQueryPlain;
  return t;
}
constexpr auto kClass = make_classes();
bool is(char c, uint8_t bits) { return kClass[static_cast<uint8_t>(c)] & bits; }

char* put_escaped(char* out, char c) {
  *out++ = '%';
  *out++ = kHex[static_cast<uint8_t>(c) >> 4];
  *out++ = kHex[static_cast<uint8_t>(c) & 15];
  return out;
}

template <class Pass>
std::string_view escape(Arena& arena, std::string_view s, Pass pass) {
  char* out = static_cast<char*>(arena.alloc(s.size() * 3 + 1, 1));
  char* at = out;
  for (char c : s)
    if (pass(c))
      *at++ = c;
    else
      at = put_escaped(at, c);
  arena.trim(at);
  return {out, static_cast<size_t>(at - out)};
}

// "." and ".." segments, also written with %2e.
size_t dot_segments(std::string_view path) {
  size_t n = 0;
  while (!path.empty()) {
    path.remove_prefix(1);
    std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    size_t dots = 0, at = 0;
    while (at < segment.size()) {
      if (segment[at] == '.')
        ++at;
      else if (at + 2 < segment.size() && segment[at] == '%' && segment[at + 1] == '2' && lower(segment[at + 2]) == 'e')
        at += 3;
      else
        break;
      ++dots;
    }
    n += at == segment.size() && (dots == 1 || dots == 2);
  }
  return n;
}

// Form decoding of a query component; false: malformed.
bool decode_component(Arena& arena, std::string_view s, std::string_view* out) {
  if (s.find('%') == s.npos && s.find('+') == s.npos) {
    *out = s;
    return true;
  }
  char *begin = static_cast<char*>(arena.alloc(s.size() + 1, 1)), *at = begin;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%') {
      if (i + 2 >= s.size()) return false;
      int hi = hex_digit(s[i + 1]), lo = hex_digit(s[i + 2]);
      if (hi < 0 || lo < 0) return false;
      *at++ = static_cast<char>(hi * 16 + lo);
      i += 2;
    } else {
      *at++ = s[i] == '+' ? ' ' : s[i];
    }
  }
  *out = {begin, static_cast<size_t>(at - begin)};
  return true;
}

}  // namespace

const router::Param* find_param(const ArenaVector<router::Param>& params, std::string_view name) {
  for (uint32_t i = params.size(); i-- > 0;) {
    std::string_view n = params[i].name;
    if (n.size() == name.size() && !n.empty() && upper(n[0]) == upper(name[0]) && n.substr(1) == name.substr(1)) return &params[i];
  }
  return nullptr;
}

std::string_view escape_path(Arena& arena, std::string_view path) {
  bool valid = true, plain = true, percent = false;
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      percent = true;
      if (i + 2 >= path.size() || hex_digit(path[i + 1]) < 0 || hex_digit(path[i + 2]) < 0) return {};
    }
    valid = valid && is(c, kPathValid | kPathPlain);
    plain = plain && is(c, kPathPlain);
  }
  if (plain || valid) return path;
  std::string_view decoded = path;
  if (percent) {
    char *begin = static_cast<char*>(arena.alloc(path.size(), 1)), *at = begin;
    for (size_t i = 0; i < path.size(); ++i) {
      if (path[i] == '%') {
        *at++ = static_cast<char>(hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]));
        i += 2;
      } else {
        *at++ = path[i];
      }
    }
    decoded = {begin, static_cast<size_t>(at - begin)};
  }
  return escape(arena, decoded, [](char c) { return is(c, kPathPlain); });
}

std::string_view escape_target(Arena& arena, std::string_view target) {
  if (http::has_control(target) || target.find('\t') != target.npos) return {};
  const size_t mark = std::min(target.find('?'), target.size());
  const std::string_view path = escape_path(arena, target.substr(0, mark)), query = target.substr(mark);
  if (path.empty() || query.empty()) return path;
  return arena.concat(path, escape(arena, query, [](char c) { return is(c, kQueryPlain); }));
}

Target build_target(Arena& arena, std::string_view prefix, const std::vector<config::UrlPart>& parts,
                    const ArenaVector<router::Param>& params, const ResponseLookup* lookup) {
  ArenaVector<std::string_view> pieces{arena};
  pieces.push(prefix);
  bool query = false, parameters = false;
  size_t path_pieces = 1;
  Target out;
  for (const config::UrlPart& part : parts) {
    if (part.in_query && !query) query = true, path_pieces = pieces.size();
    std::string_view value;
    if (part.kind == config::UrlPart::Kind::text) {
      value = part.text;
      if (part.in_query) value = escape(arena, value, [](char c) { return is(c, kQueryPlain); });
    } else {
      bool found = false;
      if (part.kind == config::UrlPart::Kind::parameter) {
        if (const router::Param* p = find_param(params, part.text)) found = true, value = p->value;
      } else if (lookup) {
        found = lookup->find(lookup->context, part.step, part.text, &value);
      }
      if (!found) {
        if (part.kind == config::UrlPart::Kind::response) {
          value = arena.concat("{{.Resp", std::to_string(part.step), "_", part.text, "}}");
        } else {
          char first = part.text.empty() ? ' ' : upper(part.text[0]);
          value = arena.concat("{{.", std::string_view{&first, 1}, std::string_view{part.text}.substr(1), "}}");
        }
      }
      if (!part.in_query) parameters = true;
      if (part.in_query) value = escape(arena, value, [](char c) { return is(c, kUnreserved); });
    }
    pieces.push(value);
  }
  if (!query) path_pieces = pieces.size();

  auto joined = [&](size_t from, size_t to) {
    size_t n = 0;
    for (size_t i = from; i < to; ++i) n += pieces[i].size();
    char *begin = static_cast<char*>(arena.alloc(n + 1, 1)), *at = begin;
    for (size_t i = from; i < to; ++i) {
      if (!pieces[i].empty()) std::memcpy(at, pieces[i].data(), pieces[i].size());
      at += pieces[i].size();
    }
    return std::string_view{begin, n};
  };
  std::string_view path = joined(0, path_pieces);
  std::string_view tail = query ? joined(path_pieces, pieces.size()) : std::string_view{};  // begins with '?'
  // Only with disable_path_decoding can a value carry these: they mean what they mean in a URL (pipeline.md §2.4).
  if (size_t hash = path.find('#'); hash != path.npos) path = path.substr(0, hash), tail = {};
  std::string_view extra;
  if (size_t mark = path.find('?'); mark != path.npos) {
    extra = escape(arena, path.substr(mark), [](char c) { return is(c, kQueryPlain); });
    path = path.substr(0, mark);
  }
  if (path.empty()) path = "/";
  if (parameters && path[0] == '/') {
    // What the pattern itself says may stand; a value must not climb (deviation 6).
    size_t own = 0;
    for (const config::UrlPart& part : parts)
      if (part.kind == config::UrlPart::Kind::text && !part.in_query && !part.text.empty() && part.text[0] == '/')
        own += dot_segments(part.text);
    out.traversal = dot_segments(path) > own + (prefix.empty() || prefix[0] != '/' ? 0 : dot_segments(prefix));
  }
  std::string_view escaped = escape_path(arena, path);
  if (escaped.empty()) {
    out.problem = "the URL has an invalid escape";
    return out;
  }
  if (size_t hash = tail.find('#'); hash != tail.npos) tail = tail.substr(0, hash);
  out.text = extra.empty() && tail.empty() ? escaped : arena.concat(escaped, extra, tail);
  return out;
}

std::string_view forwarded_prefix(Arena& arena, std::string_view header) {
  if (header.empty()) return {};
  char *begin = static_cast<char*>(arena.alloc(header.size() + 1, 1)), *at = begin;
  *at++ = '/';
  for (const char c : header) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
    // Two slashes at the beginning would name another host.
    if (alphanumeric || c == '-' || (c == '/' && at[-1] != '/')) *at++ = c;
  }
  if (at[-1] == '/') --at;
  return {begin, static_cast<size_t>(at - begin)};
}

std::string_view filter_query(Arena& arena, std::string_view raw, bool any, const std::vector<std::string>& allowed,
                              const std::vector<std::string>* narrower) {
  struct Pair {
    std::string_view name, value;
  };
  if (raw.empty() || (!any && allowed.empty())) return {};
  ArenaVector<Pair> pairs{arena};
  while (!raw.empty()) {
    size_t amp = raw.find('&');
    std::string_view one = raw.substr(0, amp);
    raw = amp == raw.npos ? std::string_view{} : raw.substr(amp + 1);
    if (one.empty() || one.find(';') != one.npos) continue;
    size_t eq = one.find('=');
    Pair p;
    if (!decode_component(arena, one.substr(0, eq), &p.name)) continue;
    if (eq != one.npos && !decode_component(arena, one.substr(eq + 1), &p.value)) continue;
    if (!any && std::find(allowed.begin(), allowed.end(), p.name) == allowed.end()) continue;
    if (narrower && std::find(narrower->begin(), narrower->end(), p.name) == narrower->end()) continue;
    pairs.push(p);
  }
  if (pairs.empty()) return {};
  // Insertion sort: stable, no allocation; bounded by the size of a request line.
  if (pairs.size() > 64)
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.name < b.name; });
  else
    for (uint32_t i = 1; i < pairs.size(); ++i)
      for (uint32_t j = i; j > 0 && pairs[j].name < pairs[j - 1].name; --j) std::swap(pairs[j], pairs[j - 1]);
  size_t room = 0;
  for (const Pair& p : pairs) room += (p.name.size() + p.value.size()) * 3 + 2;
  char *begin = static_cast<char*>(arena.alloc(room + 1, 1)), *at = begin;
  auto put = [&at](std::string_view s) {
    for (char c : s) {
      if (is(c, kUnreserved))
        *at++ = c;
      else if (c == ' ')
        *at++ = '+';
      else
        at = put_escaped(at, c);
    }
  };
  for (const Pair& p : pairs) {
    if (at != begin) *at++ = '&';
    put(p.name);
    *at++ = '=';
    put(p.value);
  }
  arena.trim(at);
  return {begin, static_cast<size_t>(at - begin)};
}

NamedByConnection::NamedByConnection(const http::Headers& headers) : headers_{headers} {
  for (const http::Header& h : headers)
    if (h.name.size() == 10 && iequals(h.name, "Connection")) any_ = any_ || !(iequals(h.value, "keep-alive") || iequals(h.value, "close"));
}

bool NamedByConnection::look(std::string_view name) const {
  for (const http::Header& h : headers_)
    if (h.name.size() == 10 && iequals(h.name, "Connection") && list_contains(h.value, name)) return true;
  return false;
}

std::string resolve_location(std::string_view base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  size_t scheme_end = base.find("://");
  if (scheme_end == base.npos) return {};
  size_t path_at = base.find_first_of("/?", scheme_end + 3);
  std::string_view authority = base.substr(0, path_at);
  std::string_view path = path_at == base.npos ? std::string_view{"/"} : base.substr(path_at);
  std::string_view query;
  if (size_t q = path.find('?'); q != path.npos) query = path.substr(q), path = path.substr(0, q);
  if (location.find("://") != location.npos && location.find("://") < location.find_first_of("/?")) return std::string{location};
  if (location.starts_with("//")) return std::string{base.substr(0, scheme_end + 1)} + std::string{location};
  std::string merged;
  std::string_view tail;
  if (size_t q = location.find('?'); q != location.npos) tail = location.substr(q), location = location.substr(0, q);
  if (location.empty()) {
    merged = path;
    if (tail.empty()) tail = query;
  } else if (location.front() == '/') {
    merged = location;
  } else {
    merged = std::string{path.substr(0, path.rfind('/') + 1)} + std::string{location};
  }
  // RFC 3986 §5.2.4: remove dot segments.
  std::vector<std::string_view> out;
  std::string_view rest = merged;
  bool directory = false;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    size_t slash = rest.find('/');
    std::string_view segment = rest.substr(0, slash);
    rest = slash == rest.npos ? std::string_view{} : rest.substr(slash);
    directory = segment == "." || segment == "..";
    if (segment == "..") {
      if (!out.empty()) out.pop_back();
    } else if (segment != ".") {
      out.push_back(segment);
    }
  }
  std::string result{authority};
  for (std::string_view s : out) result.append("/").append(s);
  if (directory || out.empty()) result += '/';
  return result + std::string{tail};
}

}  // namespace sluice::pipeline

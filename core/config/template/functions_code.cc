// sprig: JSON, base 64 and 32, hashes, URLs.
#include <openssl/sha.h>
#include <zlib.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/config/syntax.h"
#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// RFC 4648, with padding: `bits` a character, groups of `group` characters.
std::string encode(std::string_view s, std::string_view alphabet, unsigned bits, size_t group) {
  std::string out;
  unsigned have = 0;
  uint32_t value = 0;
  for (char c : s) {
    value = value << 8 | static_cast<uint8_t>(c);
    for (have += 8; have >= bits;) have -= bits, out += alphabet[value >> have & ((1u << bits) - 1)];
    value &= (1u << have) - 1;
  }
  if (have) out += alphabet[value << (bits - have) & ((1u << bits) - 1)];
  while (out.size() % group) out += '=';
  return out;
}

std::optional<std::string> decode(std::string_view s, std::string_view alphabet, unsigned bits, size_t group) {
  std::string in, out;
  for (char c : s)
    if (c != '\n' && c != '\r') in += c;
  if (in.size() % group) return std::nullopt;
  size_t padding = 0;
  while (in.ends_with('=')) in.pop_back(), ++padding;
  if (padding >= group) return std::nullopt;
  unsigned have = 0;
  uint32_t value = 0;
  for (char c : in) {
    size_t v = alphabet.find(c);
    if (v == alphabet.npos) return std::nullopt;
    value = value << bits | static_cast<uint32_t>(v);
    have += bits;
    if (have >= 8) have -= 8, out += static_cast<char>(value >> have & 255), value &= (1u << have) - 1;
  }
  if (have >= bits) return std::nullopt;
  return out;
}

Value decoded(Call& c, std::string_view alphabet, unsigned bits, size_t group) {
  auto text = decode(c.s(0), alphabet, bits, group);
  return text ? c.text(std::move(*text)) : c.fail(described(c.args[0]) + " is no base " + std::to_string(1u << bits));
}

std::string hex(const unsigned char* bytes, size_t size) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < size; ++i) out += kHex[bytes[i] >> 4], out += kHex[bytes[i] & 15];
  return out;
}

const unsigned char* bytes_of(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }

Value sha256(Call& c) {
  unsigned char out[SHA256_DIGEST_LENGTH];
  ::SHA256(bytes_of(c.s(0)), c.s(0).size(), out);
  return c.text(hex(out, sizeof out));
}
Value sha1(Call& c) {
  unsigned char out[SHA_DIGEST_LENGTH];
  ::SHA1(bytes_of(c.s(0)), c.s(0).size(), out);
  return c.text(hex(out, sizeof out));
}
Value adler32(Call& c) {
  return c.text(std::to_string(::adler32_z(::adler32_z(0, nullptr, 0), bytes_of(c.s(0)), c.s(0).size())));
}

Value written(Call& c, bool escape, std::string_view indent) {
  auto text = json_text(c.args[0], escape, indent);
  return text ? c.text(std::move(*text)) : c.fail("the value cannot be written as JSON: it is endless, too large, or holds no-number");
}
Value to_json(Call& c) { return written(c, true, ""); }
Value to_raw_json(Call& c) { return written(c, false, ""); }
Value to_pretty_json(Call& c) { return written(c, true, "  "); }
Value from_json(Call& c) {
  SyntaxFault fault;
  auto tree = parse_json(c.s(0), fault);
  if (!tree) {
    LineColumn at = line_column(c.s(0), fault.offset);
    return c.fail("line " + std::to_string(at.line) + ", column " + std::to_string(at.column) + " of the text: " + fault.message);
  }
  return c.heap.from_json(*tree);
}

Value url_parse(Call& c) {
  std::string_view s = c.s(0);
  std::map<std::string, std::string> parts;
  auto cut = [&](char mark, const char* name) {
    size_t at = s.find(mark);
    parts[name] = at == s.npos ? "" : std::string{s.substr(at + 1)};
    s = s.substr(0, at);
  };
  cut('#', "fragment");
  cut('?', "query");
  size_t colon = s.find(':'), slash = s.find('/');
  if (colon != s.npos && colon > 0 && (slash == s.npos || colon < slash)) {
    parts["scheme"] = to_lower(s.substr(0, colon));
    s.remove_prefix(colon + 1);
    if (!s.starts_with('/')) parts["opaque"] = s, s = {};
  }
  if (s.starts_with("//")) {
    s.remove_prefix(2);
    std::string_view authority = s.substr(0, s.find('/'));
    s.remove_prefix(authority.size());
    size_t at = authority.rfind('@');
    if (at != authority.npos) parts["userinfo"] = authority.substr(0, at), authority.remove_prefix(at + 1);
    parts["host"] = authority;
    size_t port = authority.rfind(':');
    std::string_view name = port == authority.npos || authority.ends_with(']') ? authority : authority.substr(0, port);
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    parts["hostname"] = name;
  }
  auto path = percent_decode(s);
  if (!path) return c.fail(described(c.args[0]) + " is no URL: a % without two hexadecimal digits");
  parts["path"] = *path;
  Map* m = c.heap.map();
  for (const char* name : {"scheme", "host", "hostname", "path", "query", "opaque", "fragment", "userinfo"}) m->members[name] = c.text(parts[name]);
  return of(m);
}

Value url_join(Call& c) {
  auto part = [&](std::string_view name) {
    auto it = c.args[0].map->members.find(name);
    return it == c.args[0].map->members.end() || it->second.none() ? std::string{} : to_text(it->second);
  };
  std::string out, path;
  for (char ch : part("path")) {
    if (std::string_view{"/-_.~!$&'()*+,;=:@"}.find(ch) != std::string_view::npos) path += ch;
    else path += percent_encode({&ch, 1});
  }
  if (std::string s = part("scheme"); !s.empty()) out += s + ":";
  if (std::string opaque = part("opaque"); !opaque.empty()) {
    out += opaque;
  } else {
    std::string host = part("host"), user = part("userinfo");
    if (!host.empty() || !user.empty() || part("scheme") == "file") out += "//";
    if (!user.empty()) out += user + "@";
    out += host;
    if (!path.empty() && path[0] != '/' && !host.empty()) out += '/';
    out += path;
  }
  if (std::string q = part("query"); !q.empty()) out += "?" + q;
  if (std::string f = part("fragment"); !f.empty()) out += "#" + f;
  return c.text(std::move(out));
}

constexpr Function kTable[] = {
    {"toJson", "v", to_json},
    {"mustToJson", "v", to_json},
    {"toRawJson", "v", to_raw_json},
    {"mustToRawJson", "v", to_raw_json},
    {"toPrettyJson", "v", to_pretty_json},
    {"mustToPrettyJson", "v", to_pretty_json},
    {"fromJson", "s", from_json},
    {"mustFromJson", "s", from_json},
    {"b64enc", "s", [](Call& c) { return c.text(encode(c.s(0), kBase64, 6, 4)); }},
    {"b64dec", "s", [](Call& c) { return decoded(c, kBase64, 6, 4); }},
    {"b32enc", "s", [](Call& c) { return c.text(encode(c.s(0), kBase32, 5, 8)); }},
    {"b32dec", "s", [](Call& c) { return decoded(c, kBase32, 5, 8); }},
    {"sha256sum", "s", sha256},
    {"sha1sum", "s", sha1},
    {"adler32sum", "s", adler32},
    {"urlParse", "s", url_parse},
    {"urlJoin", "m", url_join},
};

}  // namespace

std::span<const Function> code_functions() { return kTable; }

}  // namespace sluice::config::tmpl

// extra_config.router (config.md §6.5, deviation 16).
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/text.h"
#include "core/config/sections.h"

namespace sluice::config {
namespace {

namespace json = boost::json;

// An address, or an address with the length of a prefix.
bool is_network(std::string_view s) {
  size_t slash = s.find('/');
  std::string address{s.substr(0, slash)};
  unsigned char bytes[16];
  bool v4 = inet_pton(AF_INET, address.c_str(), bytes) == 1;
  if (!v4 && inet_pton(AF_INET6, address.c_str(), bytes) != 1) return false;
  if (slash == s.npos) return true;
  auto length = parse_decimal<uint32_t>(s.substr(slash + 1));
  return length && *length <= (v4 ? 32u : 128u);
}

// error_body is written as the reference writes it (pipeline.md §8.1): sorted keys, numbers as doubles, HTML-safe
// texts.
void write_number(std::string& out, double d) {
  char buffer[40];
  double size = std::fabs(d);
  bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
  auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  std::string_view text{buffer, static_cast<size_t>(end - buffer)};
  size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  std::string_view mantissa = text.substr(0, e);
  if (!plain) {
    out += mantissa;
    out += exponent < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent));
    return;
  }
  if (mantissa.starts_with('-')) {
    out += '-';
    mantissa.remove_prefix(1);
  }
  std::string digits{mantissa.substr(0, 1)};
  if (mantissa.size() > 2) digits += mantissa.substr(2);
  if (exponent < 0) {
    out += "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
    return;
  }
  size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() < whole) digits.append(whole - digits.size(), '0');
  out += digits.substr(0, whole);
  if (digits.size() > whole) out += '.' + digits.substr(whole);
}

void write_text(std::string& out, std::string_view s) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (size_t i = 0; i < s.size(); ++i) {
    char c = s[i];
    auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\b') {
      out += "\\b";
    } else if (c == '\f') {
      out += "\\f";
    } else if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else if (s.substr(i, 3) == "\xe2\x80\xa8" || s.substr(i, 3) == "\xe2\x80\xa9") {
      out += s[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  out += '"';
}

// Recursion is bounded by the depth limit of the file.
void write_value(std::string& out, const json::value& v) {
  switch (v.kind()) {
    case json::kind::null: out += "null"; break;
    case json::kind::bool_: out += v.get_bool() ? "true" : "false"; break;
    case json::kind::int64: write_number(out, static_cast<double>(v.get_int64())); break;
    case json::kind::uint64: write_number(out, static_cast<double>(v.get_uint64())); break;
    case json::kind::double_: write_number(out, v.get_double()); break;
    case json::kind::string: write_text(out, v.get_string()); break;
    case json::kind::array: {
      out += '[';
      for (const json::value& e : v.get_array()) {
        if (out.back() != '[') out += ',';
        write_value(out, e);
      }
      out += ']';
      break;
    }
    case json::kind::object: {
      std::vector<std::pair<std::string_view, const json::value*>> members;
      for (const auto& m : v.get_object()) members.emplace_back(m.key(), &m.value());
      std::sort(members.begin(), members.end());
      out += '{';
      for (size_t i = 0; i < members.size(); ++i) {
        if (i) out += ',';
        write_text(out, members[i].first);
        out += ':';
        write_value(out, *members[i].second);
      }
      out += '}';
      break;
    }
  }
}

}  // namespace

RouterOptions read_router(Reading& reading, const Block* block) {
  RouterOptions out;
  Options options{reading, block, kRouterBlock, true};
  out.redirect_trailing_slash = !options.flag("disable_redirect_trailing_slash");
  out.redirect_fixed_path = !options.flag("disable_redirect_fixed_path");
  out.method_not_allowed = !options.flag("disable_handle_method_not_allowed");
  out.remove_extra_slash = options.flag("remove_extra_slash");
  out.auto_options = options.flag("auto_options");
  out.return_error_msg = options.flag("return_error_msg");
  out.disable_health = options.flag("disable_health");
  if (auto path = options.text("health_path"); path && !path->empty()) {
    if (path->starts_with('/')) out.health_path = std::move(*path);
    else
      reading.error(options.pointer_of("health_path"), "expected a path that begins with '/', found " + quote(*path));
  }
  out.disable_access_log = options.flag("disable_access_log");
  out.logger_skip_paths = options.texts("logger_skip_paths");
  out.disable_path_decoding = options.flag("disable_path_decoding");
  out.hide_version_header = options.flag("hide_version_header");
  out.forwarded_by_client_ip = options.flag("forwarded_by_client_ip", true);
  if (auto headers = options.texts("remote_ip_headers"); !headers.empty()) {
    for (std::string& name : headers) name = canonical_header(name);
    out.remote_ip_headers = std::move(headers);
  }
  if (auto proxies = options.texts("trusted_proxies"); !proxies.empty()) {
    out.trusted_proxies = std::move(proxies);
    for (size_t i = 0; i < out.trusted_proxies.size(); ++i) {
      if (is_network(out.trusted_proxies[i])) continue;
      // Kept from the reference: believing nobody is the safe reading of a list that cannot be read.
      reading.warning(join(options.pointer_of("trusted_proxies"), i),
                      "expected an address or a network such as \"10.0.0.0/8\", found " +
                          quote(out.trusted_proxies[i]) + "; no proxy is trusted");
      out.trusted_proxies.clear();
    }
  }
  out.app_engine = options.flag("app_engine");
  if (const json::value* n = options.find("max_multipart_memory"); n && !n->is_number())
    reading.mismatch(options.pointer_of("max_multipart_memory"), "a number", *n);
  out.use_h2c = options.flag("use_h2c");
  if (const json::value* body = options.object("error_body")) {
    for (auto [key, place] : {std::pair{"404", &out.error_body_404}, std::pair{"405", &out.error_body_405}})
      if (const json::value* v = body->get_object().if_contains(key)) write_value(place->emplace(), *v);
  }
  options.without_effect("max_payload", kNoMaxPayload);
  options.without_effect("decompress_gzip", kNoDecompression);
  options.finish();
  return out;
}

}  // namespace sluice::config

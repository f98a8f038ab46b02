#include "redirect.h"

namespace http_security {
namespace {

bool unreserved(char c) {  // RFC 3986 §2.3
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

void append_escaped(std::string& out, std::string_view text, std::string_view also) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (unreserved(c) || also.find(c) != also.npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

}  // namespace

std::string https_url(std::string_view host, std::string_view path, std::string_view query) {
  std::string out = "https://";
  // Neither "/" nor "?", "#" nor "@": a header of the client must not lead to somebody else's path, or name a user.
  append_escaped(out, host, ":[]!$&'()*+,;=");
  append_escaped(out, path, "/:@$&+,;=");
  if (!query.empty()) {
    out += '?';
    append_escaped(out, query, "%/:@?!$&'()*+,;=[]|^`{}\\\"<>");
  }
  return out;
}

std::string moved_page(std::string_view url) {
  std::string out = "<a href=\"";
  for (const char c : url) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  return out + "\">Moved Permanently</a>.\n\n";
}

}  // namespace http_security

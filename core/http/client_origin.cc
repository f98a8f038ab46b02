// The place a request goes to, from its text.
#include <atomic>

#include "core/base/text.h"
#include "core/http/client.h"
#include "core/http/dns.h"

namespace sluice::http {
namespace {

// RFC 3986 §3.2.2 reg-name without percent-encoding, plus what names of hosts really contain.
bool valid_name(std::string_view host) {
  if (host.empty() || host.size() > 255) return false;
  for (char c : host) {
    bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!ok) return false;
  }
  return true;
}

}  // namespace

Result<Origin, Problem> make_origin(std::string_view url, std::shared_ptr<TlsClientContext> context, Http2Mode http2) {
  static std::atomic<uint64_t> count{0};
  auto problem = [url](std::string_view what) {
    return Problem{"\"" + std::string{url} + "\": " + std::string{what}};
  };
  Origin o;
  size_t scheme = url.find("://");
  if (scheme == url.npos) return problem("expected http://name[:port] or https://name[:port]");
  if (iequals(url.substr(0, scheme), "https"))
    o.tls = true;
  else if (!iequals(url.substr(0, scheme), "http"))
    return problem("unknown scheme, expected http or https");
  std::string_view rest = url.substr(scheme + 3);
  if (rest.find_first_of("/?#") != rest.npos) return problem("nothing may follow the port");
  if (rest.find('@') != rest.npos) return problem("user information is not supported");

  std::string_view host, port;
  bool has_port = false;
  if (rest.starts_with('[')) {
    size_t end = rest.find(']');
    if (end == rest.npos) return problem("']' is missing");
    host = rest.substr(1, end - 1);
    Address literal;
    if (host.find(':') == host.npos || !parse_address(host, literal)) return problem("invalid IPv6 address");
    rest.remove_prefix(end + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return problem("expected a port after ']'");
    if (has_port) port = rest.substr(1);
  } else {
    size_t colon = rest.find(':');
    has_port = colon != rest.npos;
    host = rest.substr(0, colon);
    if (has_port) port = rest.substr(colon + 1);
    if (!valid_name(host)) return problem("invalid host name");
  }
  uint16_t standard = o.tls ? 443 : 80;
  o.port = standard;
  if (has_port) {
    auto number = parse_decimal<uint16_t>(port);
    if (!number || *number == 0) return problem("invalid port");
    o.port = *number;
  }
  if (o.tls && !context) return problem("https needs TLS settings");
  if (o.tls && !context->native()) return problem("OpenSSL makes no TLS context");
  bool v6 = host.find(':') != host.npos;
  o.host = to_lower(host);
  std::string bracketed = v6 ? "[" + o.host + "]" : o.host;
  o.authority = o.port == standard ? bracketed : bracketed + ":" + std::to_string(o.port);
  o.key = (o.tls ? "https://" : "http://") + bracketed + ":" + std::to_string(o.port);
  if (o.tls) {
    o.key += "#" + std::to_string(context->serial());
    o.context = std::move(context);
  }
  o.proxy = ProxyRules::of_process().find(o.tls, o.host, o.port);
  o.http2 = o.tls || http2 == Http2Mode::always ? http2 : Http2Mode::never;
  if (o.proxy && !o.tls && o.http2 == Http2Mode::always) return problem("HTTP/2 without TLS cannot pass the proxy of the environment");
  if (o.http2 != Http2Mode::never) o.key += o.http2 == Http2Mode::always ? "#h2" : "#h2?";
  o.serial = ++count;
  return o;
}

}  // namespace sluice::http

#include "core/pipeline/client_ip.h"

#include <arpa/inet.h>

#include <cstring>

#include "core/base/text.h"

namespace sluice::pipeline {

bool parse_address(std::string_view text, Address* out) {
  char buffer[64];
  if (text.empty() || text.size() >= sizeof buffer) return false;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = 0;
  *out = {};
  if (inet_pton(AF_INET, buffer, out->bytes.data() + 12) == 1) {
    out->bytes[10] = out->bytes[11] = 0xff;
    out->v4 = true;
    return true;
  }
  if (inet_pton(AF_INET6, buffer, out->bytes.data()) != 1) return false;
  out->v4 = std::memcmp(out->bytes.data(), "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;  // ::ffff:1.2.3.4 (RFC 4291 §2.5.5.2)
  return true;
}

ClientIpRule::ClientIpRule(const config::RouterOptions& o) : enabled_{o.forwarded_by_client_ip}, headers_{o.remote_ip_headers} {
  trust_all_ = false;
  bool all4 = false, all6 = false;
  for (const std::string& entry : o.trusted_proxies) {
    size_t slash = entry.find('/');
    Network n;
    auto bits = slash == entry.npos ? std::optional<int>{} : parse_decimal<int>(std::string_view{entry}.substr(slash + 1));
    if (!parse_address(std::string_view{entry}.substr(0, slash), &n.base) || (slash != entry.npos && !bits)) {
      networks_.clear();
      all4 = all6 = false;
      break;
    }
    const bool dotted = entry.find(':') == entry.npos;
    const int width = dotted ? 32 : 128;
    int prefix = bits.value_or(width);
    if (prefix > width) {
      networks_.clear();
      all4 = all6 = false;
      break;
    }
    n.bits = dotted ? prefix + 96 : prefix;
    if (n.bits < 96) n.base.v4 = false;
    if (prefix == 0) (dotted ? all4 : all6) = true;
    networks_.push_back(n);
  }
  trust_all_ = all4 && all6;
  if (o.app_engine) headers_.insert(headers_.begin(), "X-Appengine-Remote-Addr");
}

bool ClientIpRule::trusted(std::string_view text) const {
  Address a;
  if (!parse_address(text, &a)) return false;
  if (trust_all_) return true;
  for (const Network& n : networks_) {
    if (n.base.v4 != a.v4) continue;
    int whole = n.bits / 8, rest = n.bits % 8;
    if (std::memcmp(a.bytes.data(), n.base.bytes.data(), static_cast<size_t>(whole)) != 0) continue;
    if (rest && ((a.bytes[static_cast<size_t>(whole)] ^ n.base.bytes[static_cast<size_t>(whole)]) >> (8 - rest)) != 0) continue;
    return true;
  }
  return false;
}

std::string_view ClientIpRule::from_list(std::string_view list) const {
  // From the right: the first untrusted address, or the leftmost; anything that is no address spoils the header.
  while (true) {
    size_t comma = list.rfind(',');
    std::string_view one = trim(comma == list.npos ? list : list.substr(comma + 1));
    Address a;
    if (!parse_address(one, &a)) return {};
    if (comma == list.npos || !trusted(one)) return one;
    list = list.substr(0, comma);
  }
}

std::string_view ClientIpRule::find(const http::Headers& headers, std::string_view peer) const {
  if (!enabled_ || (!trust_all_ && !trusted(peer))) return peer;
  for (const std::string& name : headers_) {
    // Several lines are one list (RFC 9110 §5.2), and what the last proxy has added is at its end: taking the first line alone, as
    // the reference does, would let the client choose its address.
    std::string_view ip;
    for (uint32_t i = headers.size(); i-- > 0;) {
      const http::Header& h = headers[i];
      if (!iequals(h.name, name) || trim(h.value).empty()) continue;
      ip = from_list(h.value);
      if (ip.empty() || !trusted(ip)) break;
    }
    if (!ip.empty()) return ip;
  }
  return peer;
}

}  // namespace sluice::pipeline

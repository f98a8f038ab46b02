#include "core/http/proxy.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <cstring>

#include "core/base/text.h"

namespace sluice::http {
namespace {

// IPv4 as ::ffff:a.b.c.d, so that one comparison serves both. `offset`: how many bits a prefix of the written form is short.
bool to_bytes(std::string_view text, unsigned char (&bytes)[16], unsigned* offset) {
  std::string address{text};
  in_addr v4;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    std::memset(bytes, 0, 10);
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, &v4, 4);
    *offset = 96;
    return true;
  }
  *offset = 0;
  return inet_pton(AF_INET6, address.c_str(), bytes) == 1;
}

bool same_network(const unsigned char* a, const unsigned char* b, unsigned bits) {
  if (std::memcmp(a, b, bits / 8) != 0) return false;
  return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)) == 0;
}

bool is_this_machine(std::string_view host) {
  if (host == "localhost") return true;
  unsigned char bytes[16];
  unsigned offset;
  if (!to_bytes(host, bytes, &offset)) return false;
  static constexpr unsigned char kLoopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return offset ? bytes[12] == 127 : std::memcmp(bytes, kLoopback6, 16) == 0;
}

std::string basic(std::string_view user_and_password) {
  std::string out(4 * ((user_and_password.size() + 2) / 3) + 1, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(user_and_password.data()),
                          static_cast<int>(user_and_password.size()));
  out.resize(static_cast<size_t>(n));
  return "Basic " + out;
}

// "name", "name:1", "[::1]:1", "::1" → name and port (0: none). False: the port is none.
bool split_port(std::string_view text, std::string_view& host, uint16_t& port) {
  port = 0;
  std::string_view rest;
  if (text.starts_with('[')) {
    size_t close = text.find(']');
    if (close == text.npos) return false;
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    size_t colon = text.find(':');
    if (colon != text.npos && text.find(':', colon + 1) != text.npos) colon = text.npos;  // an IPv6 literal without brackets
    host = text.substr(0, colon);
    rest = colon == text.npos ? std::string_view{} : text.substr(colon);
  }
  if (rest.empty()) return true;
  auto number = rest[0] == ':' ? parse_decimal<uint16_t>(rest.substr(1)) : std::nullopt;
  if (!number || !*number) return false;
  port = *number;
  return true;
}

}  // namespace

std::string Proxy::name() const {
  return (host.find(':') == host.npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

ProxyRules::ProxyRules(const std::function<const char*(const char*)>& variable) {
  auto either = [&](const char* upper_case, const char* lower_case, const char** name) -> const char* {
    for (const char* n : {upper_case, lower_case})
      if (const char* value = variable(n); value && *value) return *name = n, value;
    return nullptr;
  };
  const char* name = "";
  if (const char* value = either("HTTP_PROXY", "http_proxy", &name)) read_proxy(name, value, plain_);
  if (const char* value = either("HTTPS_PROXY", "https_proxy", &name)) read_proxy(name, value, encrypted_);
  if (const char* value = either("NO_PROXY", "no_proxy", &name)) read_exceptions(value);
}

const ProxyRules& ProxyRules::of_process() {
  static const ProxyRules kRules{[](const char* name) -> const char* { return std::getenv(name); }};
  return kRules;
}

void ProxyRules::read_proxy(const char* name, const char* value, std::shared_ptr<const Proxy>& into) {
  // The value may hold a password: it is never shown.
  auto refuse = [&](const char* why) { problems_.push_back("the environment variable " + std::string{name} + " cannot be used: " + why); };
  std::string_view rest = trim(value);
  if (size_t scheme = rest.find("://"); scheme != rest.npos) {
    if (!iequals(rest.substr(0, scheme), "http")) return refuse("only proxies spoken to with plain HTTP are possible, such as \"http://proxy:3128\"");
    rest.remove_prefix(scheme + 3);
  }
  if (size_t end = rest.find_first_of("/?#"); end != rest.npos) {
    if (rest.substr(end) != "/") return refuse("nothing may follow the port");
    rest = rest.substr(0, end);
  }
  auto proxy = std::make_shared<Proxy>();
  if (size_t at = rest.rfind('@'); at != rest.npos) {
    std::string_view user = rest.substr(0, at);
    size_t colon = user.find(':');
    auto first = percent_decode(user.substr(0, colon)), second = percent_decode(colon == user.npos ? std::string_view{} : user.substr(colon + 1));
    if (!first || !second) return refuse("user or password have a '%' without two hexadecimal digits");
    proxy->authorization = basic(*first + ":" + *second);
    rest.remove_prefix(at + 1);
  }
  std::string_view host;
  if (!split_port(rest, host, proxy->port) || host.empty() || host.find_first_of(" \t\r\n%") != host.npos)
    return refuse("a host and a port are wanted, such as \"http://proxy:3128\"");
  proxy->host = to_lower(host);
  if (!proxy->port) proxy->port = 80;
  into = std::move(proxy);
}

// A list with commas: "*", networks, addresses, names with all below them, ".names" without themselves; each with or without port.
void ProxyRules::read_exceptions(std::string_view list) {
  while (!list.empty()) {
    size_t comma = list.find(',');
    std::string entry = to_lower(trim(list.substr(0, comma)));
    list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
    if (entry.empty()) continue;
    Exception e;
    unsigned offset = 0;
    if (entry == "*") {
      e.kind = Exception::Kind::everything;
      exceptions_.push_back(std::move(e));
      continue;
    }
    if (size_t slash = entry.find('/'); slash != entry.npos) {
      auto bits = parse_decimal<uint32_t>(std::string_view{entry}.substr(slash + 1));
      if (!bits || !to_bytes(entry.substr(0, slash), e.bytes, &offset) || *bits + offset > 128) continue;  // as everybody does: no exception
      e.kind = Exception::Kind::network;
      e.prefix = *bits + offset;
      exceptions_.push_back(std::move(e));
      continue;
    }
    std::string_view host;
    if (!split_port(entry, host, e.port) || host.empty()) continue;
    if (to_bytes(host, e.bytes, &offset)) {
      e.kind = Exception::Kind::network;
      e.prefix = 128;
    } else {
      if (host.starts_with("*.")) host.remove_prefix(1);
      e.itself = host[0] != '.';
      e.domain = e.itself ? "." + std::string{host} : std::string{host};
    }
    exceptions_.push_back(std::move(e));
  }
}

bool ProxyRules::excepted(std::string_view host, uint16_t port) const {
  unsigned char bytes[16];
  unsigned offset;
  const bool address = to_bytes(host, bytes, &offset);
  for (const Exception& e : exceptions_) {
    if (e.port && e.port != port) continue;
    switch (e.kind) {
      case Exception::Kind::everything: return true;
      case Exception::Kind::network:
        if (address && same_network(bytes, e.bytes, e.prefix)) return true;
        break;
      case Exception::Kind::name:
        if (host.ends_with(e.domain) || (e.itself && host == std::string_view{e.domain}.substr(1))) return true;
        break;
    }
  }
  return false;
}

std::shared_ptr<const Proxy> ProxyRules::find(bool tls, std::string_view host, uint16_t port) const {
  const auto& proxy = tls ? encrypted_ : plain_;
  if (!proxy || is_this_machine(host) || excepted(host, port)) return nullptr;
  return proxy;
}

}  // namespace sluice::http

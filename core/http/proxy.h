// Proxies that the environment names: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or the same in lower case (config.md §3.4). Read
// once, then immutable; asked when an origin is made.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/dns.h"

namespace sluice::http {

struct Proxy {
  std::string host;           // name or address literal without brackets
  uint16_t port = 80;
  std::string authorization;  // value of Proxy-Authorization; "": none
  std::string name() const;   // host:port, for messages: never the credentials
};

class ProxyRules {
 public:
  // `variable` gives an environment variable's value, or nullptr.
  explicit ProxyRules(const std::function<const char*(const char*)>& variable);
  static const ProxyRules& of_process();

  // nullptr: directly. `host` in lower case. The machine itself (localhost, 127.0.0.0/8, ::1) is always called directly.
  std::shared_ptr<const Proxy> find(bool tls, std::string_view host, uint16_t port) const;
  // Values that cannot be used, with the variable's name and the reason. Going on without them would call directly what should
  // go through a proxy.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Exception {
    enum class Kind : uint8_t { everything, network, name } kind = Kind::name;
    std::string domain;       // name: ".example.com"
    bool itself = false;      // example.com too
    unsigned char bytes[16];  // network: an IPv4 address in its IPv6 form
    unsigned prefix = 0;
    uint16_t port = 0;        // 0: any
  };
  void read_proxy(const char* name, const char* value, std::shared_ptr<const Proxy>& into);
  void read_exceptions(std::string_view list);
  bool excepted(std::string_view host, uint16_t port) const;

  std::shared_ptr<const Proxy> plain_, encrypted_;
  std::vector<Exception> exceptions_;
  std::vector<std::string> problems_;
};

}  // namespace sluice::http

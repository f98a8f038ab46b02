// The client's address (pipeline.md §3.2, config.md §6.5): the peer's, or what trusted proxies say in headers.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/model.h"
#include "core/http/message.h"

namespace sluice::pipeline {

struct Address {
  std::array<uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
  bool v4 = false;
};
bool parse_address(std::string_view, Address*);

class ClientIpRule {
 public:
  ClientIpRule() = default;
  // An unusable entry of trusted_proxies: nobody is trusted; the reader has reported it.
  explicit ClientIpRule(const config::RouterOptions&);
  // A view into `headers` or `peer`. No allocation.
  std::string_view find(const http::Headers& headers, std::string_view peer) const;

 private:
  struct Network {
    Address base;
    int bits;  // of 128
  };
  bool trusted(std::string_view text) const;
  std::string_view from_list(std::string_view list) const;
  bool enabled_ = true, trust_all_ = true;
  std::vector<std::string> headers_{"X-Forwarded-For", "X-Real-IP"};
  std::vector<Network> networks_;
};

}  // namespace sluice::pipeline

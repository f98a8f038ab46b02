// From SRV records to hosts with weights: which records count, how often each host is called. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dns {

struct Service {
  std::string target;
  uint16_t port = 0, priority = 0, weight = 0;
};
struct Host {
  std::string url;
  uint32_t weight = 1;
  bool operator==(const Host&) const = default;
};

// The hosts of the best (lowest) priority, heaviest first, with their weights in lowest terms. Others are never used, as in the
// reference (service-discovery.md, "dns"). Records with weight 0 are left out as long as any other has weight. What is no host name, or has
// no port, is left out: *unusable counts it. scheme empty: http.
std::vector<Host> choose(std::vector<Service> records, std::string_view scheme, uint32_t* unusable);

}  // namespace dns

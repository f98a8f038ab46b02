// Service discovery "static": the hosts of a backend are what its "host" list says, each with weight 1. A host listed twice
// is two hosts and so gets twice the calls, as in the reference.
#include <sluice/plugin.hpp>

namespace {

class StaticHosts {
 public:
  static constexpr auto name = "static";
  static constexpr uint32_t flags = SLC_BIND_DEFAULT;  // a backend without "sd"

  void watch(const slc_resolver_query& query, sluice::Publisher publisher) const {
    std::vector<slc_address> list;
    list.reserve(query.host_count);
    for (uint32_t i = 0; i < query.host_count; ++i) list.push_back(sluice::address(sluice::view(query.hosts[i])));
    publisher.publish(list);
  }
};

}  // namespace

SLC_PLUGIN("sluice.static", "1.0.0", StaticHosts)

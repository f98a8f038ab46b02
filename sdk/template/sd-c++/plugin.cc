// The service discovery "@NAME@": a host may name a range of ports. In the configuration of a backend:
//
//   "sd": "@NAME@", "host": ["127.0.0.1:9001-9003"]
#include <sluice/plugin.hpp>

namespace {

// Digits only, at most 65535; 0: no port.
uint32_t port_of(std::string_view text) {
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port <= 65535 ? port : 0;
}

class Plugin {
 public:
  static constexpr auto name = "@NAME@";

  // Publishes now, and never again. A discovery that goes on returns a std::unique_ptr to what keeps publishing, a thread or a
  // timer; destroying that must stop it. Requests never wait for a discovery.
  void watch(const slc_resolver_query& query, sluice::Publisher publisher) const {
    std::vector<std::string> urls;
    const std::string_view scheme = sluice::view(query.scheme);
    for (uint32_t i = 0; i < query.host_count; ++i) {
      const std::string_view host = sluice::view(query.hosts[i]);
      const std::string_view bare = host.substr(host.find("://") == std::string_view::npos ? 0 : host.find("://") + 3);
      const size_t colon = bare.rfind(':'), dash = bare.rfind('-');
      const uint32_t first = colon == bare.npos || dash == bare.npos || dash < colon ? 0 : port_of(bare.substr(colon + 1, dash - colon - 1));
      const uint32_t last = first == 0 ? 0 : port_of(bare.substr(dash + 1));
      const std::string start = std::string{scheme.empty() ? "http" : scheme} + "://";
      if (first == 0 || last < first || last - first >= 1000) {  // no range: as it stands
        urls.push_back(start + std::string{bare});
        continue;
      }
      for (uint32_t port = first; port <= last; ++port) urls.push_back(start + std::string{bare.substr(0, colon)} + ':' + std::to_string(port));
    }
    std::vector<slc_address> list;
    for (const std::string& url : urls) list.push_back(sluice::address(url));  // copied by publish
    publisher.publish(list);
  }
};

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)

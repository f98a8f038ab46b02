#include "core/pipeline/hosts.h"

namespace sluice::pipeline {
namespace {

Host parse_host(std::string url, uint32_t weight, const std::shared_ptr<http::TlsClientContext>& tls, http::Http2Mode http2) {
  Host h;
  h.weight = weight ? weight : 1;
  h.url = url;
  size_t scheme = url.find("://");
  if (scheme == url.npos) {
    h.problem = "host \"" + url + "\" has no scheme";
    return h;
  }
  size_t path = url.find('/', scheme + 3);
  if (path != url.npos) {
    h.prefix = url.substr(path);
    url.resize(path);
  }
  auto origin = http::make_origin(url, tls, http2);
  if (origin)
    h.origin = std::move(*origin);
  else
    h.problem = origin.error().message;
  return h;
}

}  // namespace
}  // namespace sluice::pipeline

slc_status slc_host_list::publish(const slc_address* addresses, uint32_t n) {
  if (n == 0) return SLC_OK;
  auto list = std::make_shared<sluice::pipeline::HostList>();
  list->hosts.reserve(n);
  for (uint32_t i = 0; i < n; ++i)
    list->hosts.push_back(
        sluice::pipeline::parse_host(std::string{addresses[i].url.ptr, addresses[i].url.len}, addresses[i].weight, tls_, http2_));
  std::lock_guard lock{mutex_};
  list_ = std::move(list);
  version_.fetch_add(1, std::memory_order_release);
  return SLC_OK;
}

void slc_host_list::take_over(const slc_host_list& from) {
  auto known = from.current();
  if (known->hosts.empty()) return;
  auto list = std::make_shared<sluice::pipeline::HostList>();
  list->hosts.reserve(known->hosts.size());
  // Not copied: an origin belongs to a TLS context, which may be a new one, and HTTP/2 may be wanted or not.
  for (const sluice::pipeline::Host& h : known->hosts) list->hosts.push_back(sluice::pipeline::parse_host(h.url, h.weight, tls_, http2_));
  std::lock_guard lock{mutex_};
  if (published()) return;
  list_ = std::move(list);
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const sluice::pipeline::HostList> slc_host_list::current() const {
  std::lock_guard lock{mutex_};
  return list_;
}

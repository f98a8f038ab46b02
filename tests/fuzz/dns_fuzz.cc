// Bytes as a name server's answer with SRV records: reading it stays within its bounds, and what hosts come out of it can stand in a
// request line and a Host header.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/http/dns.h"
#include "plugins/dns/services.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

bool harmless(const std::string& url) {
  return std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 127 && c != '@' && c != '?' && c != '#' && c != '\\'; }) &&
         std::count(url.begin(), url.end(), '/') == 2;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view message{reinterpret_cast<const char*>(bytes), size};
  std::vector<sluice::http::Service> found;
  uint32_t ttl = 0;
  if (!sluice::http::parse_services(message, found, &ttl)) return 0;
  check(found.size() * 11 <= size);  // a record has a name, ten bytes and its data
  for (size_t i = 1; i < found.size(); ++i) check(found[i - 1].priority <= found[i].priority);

  std::vector<dns::Service> records;
  for (const auto& s : found) records.push_back({s.target, s.port, s.priority, s.weight});
  uint32_t unusable = 0;
  const std::vector<dns::Host> hosts = dns::choose(records, "http", &unusable);
  check(hosts.size() + unusable <= found.size());
  check(!hosts.empty() || unusable == found.size());
  uint64_t sum = 0;
  for (const dns::Host& h : hosts) {
    check(h.weight > 0 && harmless(h.url));
    sum += h.weight;
  }
  check(sum <= std::max<uint64_t>(100, found.size()));
  return 0;
}

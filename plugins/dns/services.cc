#include "services.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace dns {
namespace {

// What may stand in a URL and a Host header. A record is somebody else's text: a blank or a line break in it would end the
// header, an '@' or '/' would lead elsewhere.
bool is_host_name(std::string_view s) {
  if (s.empty() || s.size() > 255 || s.front() == '.') return false;
  return std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// The reference scales large weights down to a sum of 100 (or one per record), rounding down, and divides by what they have in
// common.
void normalise(std::vector<Host>& hosts) {
  uint64_t sum = 0;
  for (const Host& h : hosts) sum += h.weight;
  if (sum == 0) {  // nobody is preferred (RFC 2782); the reference would use no host at all
    for (Host& h : hosts) h.weight = 1;
    return;
  }
  const uint64_t most = std::max<uint64_t>(100, hosts.size());
  if (sum > most) {
    for (Host& h : hosts) h.weight = static_cast<uint32_t>(h.weight * most / sum);
  }
  std::erase_if(hosts, [](const Host& h) { return h.weight == 0; });
  uint32_t common = 0;
  for (const Host& h : hosts) common = std::gcd(common, h.weight);
  for (Host& h : hosts) h.weight /= common;
}

}  // namespace

std::vector<Host> choose(std::vector<Service> records, std::string_view scheme, uint32_t* unusable) {
  for (Service& s : records) {
    if (s.target.size() > 1 && s.target.back() == '.') s.target.pop_back();  // the root; certificates are not made out to it
  }
  *unusable = static_cast<uint32_t>(std::erase_if(records, [](const Service& s) { return s.port == 0 || !is_host_name(s.target); }));
  if (records.empty()) return {};
  std::sort(records.begin(), records.end(), [](const Service& a, const Service& b) {
    return std::tie(a.priority, b.weight, a.target, a.port) < std::tie(b.priority, a.weight, b.target, b.port);
  });
  std::vector<Host> out;
  for (const Service& s : records) {
    if (s.priority != records.front().priority) break;
    out.push_back({std::string{scheme.empty() ? "http" : scheme} + "://" + s.target + ":" + std::to_string(s.port), s.weight});
  }
  normalise(out);
  return out;
}

}  // namespace dns

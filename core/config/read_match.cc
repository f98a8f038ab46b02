// `match` of an endpoint: the hosts and headers it takes (docs/routing.md).
#include <algorithm>

#include "core/base/text.h"
#include "core/config/sections.h"

namespace sluice::config {
namespace {

bool is_host(std::string_view s) {
  if (s.starts_with('[')) return s.size() > 2 && s.ends_with(']') && s.find_first_not_of("0123456789abcdef:.", 1) == s.size() - 1;
  return !s.empty() && s.size() <= 253 && s.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == s.npos &&
         !s.starts_with('.') && s.find("..") == s.npos;
}

// As router::Condition has it; empty: `why` says what is wrong.
std::string read_host(std::string_view written, std::string& why) {
  std::string host = to_lower(written);
  if (host.ends_with('.')) host.pop_back();
  const bool below = host.starts_with("*.");
  std::string_view name = below ? std::string_view{host}.substr(2) : host;
  if (is_host(name)) return below ? host.substr(1) : host;
  if (host.find("://") != host.npos || host.find('/') != host.npos) why = "it is a name without scheme and path";
  else if (name.find('*') != name.npos) why = "a '*' may only stand for what is before the first dot, as in \"*.example.com\"";
  else if (size_t colon = name.rfind(':'); colon != name.npos && is_host(name.substr(0, colon)))
    why = "ports are not looked at; write the name alone";
  else why = "a name such as \"api.example.com\" or \"*.example.com\" is wanted";
  return {};
}

std::vector<std::string> read_hosts(Fields& match) {
  std::vector<std::string> hosts;
  auto found = match.find("host");
  std::vector<std::string> written = match.texts("host");
  for (size_t i = 0; i < written.size(); ++i) {
    std::string pointer = found.value->is_array() ? join(found.pointer, i) : found.pointer, why;
    std::string host = read_host(written[i], why);
    if (host.empty()) match.reading().error(pointer, "invalid host " + quote(written[i]) + ": " + why);
    else if (std::find(hosts.begin(), hosts.end(), host) != hosts.end())
      match.reading().error(pointer, quote(written[i]) + " is in the list twice");
    else hosts.push_back(std::move(host));
  }
  if (hosts.size() > router::kMaxHosts)
    match.reading().error(found.pointer, "has " + std::to_string(hosts.size()) + " hosts; at most " + std::to_string(router::kMaxHosts) + " are possible");
  return hosts;
}

std::vector<std::pair<std::string, std::string>> read_headers(Fields& match) {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string place = match.pointer_of("headers");
  for (auto& [written, value] : match.pairs("headers")) {
    std::string name = to_lower(written), pointer = join(place, written);
    auto stars = static_cast<size_t>(std::count(value.begin(), value.end(), '*'));
    if (!is_token(name)) match.reading().error(pointer, quote(written) + " is no name of a header");
    else if (name == "host") match.reading().error(pointer, "hosts are matched by \"host\", beside \"headers\"");
    else if (trim(value) != value || !is_field_value(value))
      match.reading().error(pointer, "no header has the value " + quote(value) + ": blanks at its ends and control characters are no part of it");
    else if (value.size() > router::kMaxValuePattern || stars > router::kMaxStars)
      match.reading().error(pointer, "the value is longer than " + std::to_string(router::kMaxValuePattern) + " bytes or has more than " +
                                         std::to_string(router::kMaxStars) + " '*'");
    else if (std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; }))
      match.reading().error(pointer, "the header " + quote(name) + " is there twice, in different letter case");
    else headers.emplace_back(std::move(name), std::move(value));
  }
  if (headers.size() > router::kMaxHeaderConditions)
    match.reading().error(place,
                          "has " + std::to_string(headers.size()) + " headers; at most " + std::to_string(router::kMaxHeaderConditions) + " are possible");
  std::sort(headers.begin(), headers.end());
  return headers;
}

}  // namespace

void read_match(Fields& fields, Endpoint& endpoint) {
  endpoint.conditions.assign(1, {});
  if (auto match = fields.object("match")) {
    std::vector<std::string> hosts = read_hosts(*match);
    endpoint.conditions[0].headers = read_headers(*match);
    match->finish();
    if (!hosts.empty()) endpoint.conditions.resize(hosts.size(), endpoint.conditions[0]);
    for (size_t i = 0; i < hosts.size(); ++i) endpoint.conditions[i].host = std::move(hosts[i]);
  }
  for (router::Condition& c : endpoint.conditions) c.fallback = endpoint.any_method;
}

std::string Endpoint::condition_text() const {
  std::string hosts;
  for (const router::Condition& c : conditions)
    if (!c.host.empty()) hosts += (hosts.empty() ? "host " : " or ") + (c.host[0] == '.' ? "*" + c.host : c.host);
  router::Condition others = conditions[0];
  others.host.clear();
  std::string headers = router::to_text(others);
  std::string text = hosts + (hosts.empty() || headers.empty() ? "" : ", ") + headers;
  return text.empty() ? text : " (" + text + ")";
}

}  // namespace sluice::config

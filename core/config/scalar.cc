// Durations and hosts: texts with a grammar of their own.
#include <cmath>
#include <limits>

#include "core/base/text.h"
#include "core/config/reader.h"

namespace sluice::config {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};
constexpr Unit kUnits[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000},  // micro sign
    {"\xce\xbcs", 1000},  // Greek mu
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", int64_t{60} * 1000000000},
    {"h", int64_t{3600} * 1000000000},
};

bool digit(char c) { return c >= '0' && c <= '9'; }
bool host_char(char c) { return digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '_' || c == '-'; }

}  // namespace

std::optional<Duration> parse_duration(std::string_view s) {
  bool negative = !s.empty() && s[0] == '-';
  if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
  if (s == "0") return Duration{0};
  if (s.empty()) return std::nullopt;
  // The magnitude may reach 2^63 when negative: the smallest int64.
  const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  uint64_t total = 0;
  while (!s.empty()) {
    uint64_t whole = 0;
    size_t digits = 0;
    for (; !s.empty() && digit(s[0]); s.remove_prefix(1), ++digits) {
      if (whole > (limit - static_cast<uint64_t>(s[0] - '0')) / 10) return std::nullopt;
      whole = whole * 10 + static_cast<uint64_t>(s[0] - '0');
    }
    uint64_t fraction = 0, scale = 1;
    if (!s.empty() && s[0] == '.') {
      s.remove_prefix(1);
      for (; !s.empty() && digit(s[0]); s.remove_prefix(1), ++digits) {
        if (scale >= 1000000000000000u) continue;  // further digits are below a nanosecond of any unit
        fraction = fraction * 10 + static_cast<uint64_t>(s[0] - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return std::nullopt;
    size_t length = 0;
    while (length < s.size() && s[length] != '.' && !digit(s[length])) ++length;
    const Unit* unit = nullptr;
    for (const Unit& u : kUnits)
      if (s.substr(0, length) == u.name) unit = &u;
    if (!unit) return std::nullopt;
    s.remove_prefix(length);
    auto size = static_cast<uint64_t>(unit->nanoseconds);
    if (whole > limit / size) return std::nullopt;
    uint64_t part = whole * size;
    part += static_cast<uint64_t>(static_cast<long double>(fraction) * static_cast<long double>(size) /
                                  static_cast<long double>(scale));
    if (part > limit || total > limit - part) return std::nullopt;
    total += part;
  }
  return Duration{negative ? static_cast<int64_t>(0 - total) : static_cast<int64_t>(total)};
}

// The reference searches for scheme, name and port anywhere in the text and wants exactly one hit; so do we, except
// that a hit must not have lost its scheme to characters that no name has ("http://é").
std::optional<std::string> clean_host(std::string_view host, std::string* why) {
  auto refuse = [&](std::string_view reason) -> std::optional<std::string> {
    if (why) *why = reason;
    return std::nullopt;
  };
  std::string_view scheme, name, port;
  size_t hits = 0;
  for (size_t i = 0; i < host.size();) {
    std::string_view rest = host.substr(i);
    std::string_view found_scheme;
    for (std::string_view s : {"http://", "https://"})
      if (rest.starts_with(s) && rest.size() > s.size() && host_char(rest[s.size()])) found_scheme = s;
    size_t at = found_scheme.size();
    size_t end = at;
    while (end < rest.size() && host_char(rest[end])) ++end;
    if (end == at) {
      if (static_cast<uint8_t>(host[i]) >= 0x80 || static_cast<uint8_t>(host[i]) < 0x20)
        return refuse("it holds characters that no host name has");
      ++i;
      continue;
    }
    ++hits;
    scheme = found_scheme;
    name = rest.substr(at, end - at);
    port = {};
    if (end + 1 < rest.size() && rest[end] == ':' && digit(rest[end + 1])) {
      size_t stop = end + 1;
      while (stop < rest.size() && stop - end <= 6 && digit(rest[stop])) ++stop;
      port = rest.substr(end, stop - end);
      end = stop;
    }
    if (end < rest.size() && rest[end] == '/') ++end;
    i += end;
  }
  bool known_scheme = host.starts_with("http://") || host.starts_with("https://");
  bool other_scheme = !known_scheme && host.find("://") != host.npos;
  if (other_scheme) return refuse("only http:// and https:// are known (disable_host_sanitize takes a host as it is)");
  if (hits == 0 || (hits == 1 && known_scheme && scheme.empty())) return refuse("it names no host");
  if (hits > 1)
    return refuse(
        "expected [http://]name[:port] without a path, a query or user information (disable_host_sanitize takes a host "
        "as it is)");
  if (!port.empty() && parse_decimal<uint32_t>(port.substr(1)).value_or(65536) > 65535)
    return refuse("its port is above 65535");
  std::string out{scheme.empty() ? std::string_view{"http://"} : scheme};
  out += name;
  out += port;
  return out;
}

}  // namespace sluice::config

#include "core/router/condition.h"

#include <algorithm>

#include "core/base/text.h"

namespace sluice::router {
namespace {

enum Rank { exact_host, domain, no_host };

Rank rank(const Condition& c) { return c.host.empty() ? no_host : c.host[0] == '.' ? domain : exact_host; }

bool exact(std::string_view pattern) { return pattern.find('*') == pattern.npos; }

struct Weight {
  size_t exact_values = 0, text = 0;
  bool operator==(const Weight&) const = default;
};

Weight weigh(const Condition& c) {
  Weight w;
  for (const auto& [name, pattern] : c.headers) {
    w.exact_values += exact(pattern);
    w.text += pattern.size() - static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '*'));
  }
  return w;
}

bool same_names(const Condition& a, const Condition& b) {
  return std::equal(a.headers.begin(), a.headers.end(), b.headers.begin(), b.headers.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first; });
}

// No value fits both.
bool disjoint(std::string_view a, std::string_view b) {
  if (exact(a)) return !value_fits(b, a);
  if (exact(b)) return !value_fits(a, b);
  std::string_view begin_a = a.substr(0, a.find('*')), begin_b = b.substr(0, b.find('*'));
  if (!begin_a.starts_with(begin_b) && !begin_b.starts_with(begin_a)) return true;
  std::string_view end_a = a.substr(a.rfind('*') + 1), end_b = b.substr(b.rfind('*') + 1);
  return !end_a.ends_with(end_b) && !end_b.ends_with(end_a);
}

bool disjoint(const Condition& a, const Condition& b) {
  for (const auto& [name, pattern] : a.headers)
    for (const auto& [other, its] : b.headers)
      if (name == other && disjoint(pattern, its)) return true;
  return false;
}

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

bool value_fits(std::string_view pattern, std::string_view value) {
  size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == value;
  if (!value.starts_with(pattern.substr(0, star))) return false;
  value.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  // Each text between two stars takes its leftmost place: if any places fit, these do.
  for (;;) {
    star = pattern.find('*');
    if (star == pattern.npos) return value.ends_with(pattern);
    size_t at = value.find(pattern.substr(0, star));
    if (at == value.npos) return false;
    value.remove_prefix(at + star);
    pattern.remove_prefix(star + 1);
  }
}

bool host_fits(std::string_view condition, std::string_view host) {
  if (condition.empty()) return true;
  if (condition[0] != '.') return condition == host;
  return host.size() > condition.size() && host.ends_with(condition);
}

bool meets(const Condition& c, const Facts& facts) {
  if (!host_fits(c.host, facts.host())) return false;
  for (const auto& [name, pattern] : c.headers)
    if (!facts.has(name, pattern)) return false;
  return true;
}

std::string_view host_name(std::string_view authority, char* buffer) {
  std::string_view name = authority;
  if (name.starts_with('[')) {
    size_t close = name.find(']');
    if (close != name.npos) name = name.substr(0, close + 1);
  } else {
    name = name.substr(0, name.find(':'));
  }
  if (name.ends_with('.')) name.remove_suffix(1);
  if (std::none_of(name.begin(), name.end(), [](char c) { return c != lower(c); })) return name;
  std::transform(name.begin(), name.end(), buffer, lower);
  return {buffer, name.size()};
}

std::string host_name(std::string_view authority) {
  std::string buffer(authority.size(), '\0');
  return std::string{host_name(authority, buffer.data())};
}

int precedence(const Condition& a, const Condition& b) {
  if (int c = order(rank(a), rank(b))) return c;
  // Names below a domain: the longest domain is the closest one. Exact hosts are in the alphabet's order, to be searched.
  if (rank(a) == domain && a.host.size() != b.host.size()) return a.host.size() > b.host.size() ? -1 : 1;
  if (int c = order(a.host, b.host)) return c;
  if (a.headers.size() != b.headers.size()) return a.headers.size() > b.headers.size() ? -1 : 1;
  Weight x = weigh(a), y = weigh(b);
  if (x.exact_values != y.exact_values) return x.exact_values > y.exact_values ? -1 : 1;
  if (x.text != y.text) return x.text > y.text ? -1 : 1;
  return order(a.headers, b.headers);
}

bool ambiguous(const Condition& a, const Condition& b) {
  if (a.host != b.host || a.headers.size() != b.headers.size() || a.headers == b.headers) return false;
  if (disjoint(a, b)) return false;
  // With the same headers the more exact values lead; between different headers that would be an accident.
  return !same_names(a, b) || weigh(a) == weigh(b);
}

bool settles(const Condition& c, const Condition& a, const Condition& b) {
  if (c.host != a.host && !c.host.empty()) return false;
  return std::all_of(c.headers.begin(), c.headers.end(), [&](const auto& h) {
    return std::find(a.headers.begin(), a.headers.end(), h) != a.headers.end() ||
           std::find(b.headers.begin(), b.headers.end(), h) != b.headers.end();
  });
}

std::string to_text(const Condition& c) {
  std::string out;
  if (!c.host.empty()) out = "host " + (c.host[0] == '.' ? "*" + c.host : c.host);
  for (const auto& [name, pattern] : c.headers)
    out += (out.empty() ? "" : ", ") + std::string{"header "} + name + ": " + pattern;
  return out;
}

}  // namespace sluice::router

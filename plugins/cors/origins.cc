#include "origins.h"

#include <algorithm>

namespace cors {
namespace {
char low(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; }
}  // namespace

std::string lower(std::string_view s) {
  std::string out{s};
  for (char& c : out) c = low(c);
  return out;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return low(x) == y; });
}

void Origins::add(std::string_view entry) {
  if (entry == "*") {
    any_ = true;
    return;
  }
  std::string text = lower(entry);
  const size_t star = text.find('*');
  if (star == std::string::npos)
    exact_.push_back(std::move(text));
  else
    patterns_.push_back({text.substr(0, star), text.substr(star + 1)});
}

bool Origins::allow(std::string_view origin) const {
  if (any_) return true;
  for (const std::string& e : exact_)
    if (same(origin, e)) return true;
  for (const Pattern& p : patterns_) {
    // Prefix and suffix may touch but not overlap.
    if (origin.size() < p.prefix.size() + p.suffix.size()) continue;
    if (same(origin.substr(0, p.prefix.size()), p.prefix) && same(origin.substr(origin.size() - p.suffix.size()), p.suffix)) return true;
  }
  return false;
}

}  // namespace cors

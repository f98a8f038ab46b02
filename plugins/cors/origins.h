// Lists of what CORS allows, compiled once.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace cors {

std::string lower(std::string_view);
// Without regard to letter case; `b` is lower-case already.
bool same(std::string_view a, std::string_view b);
// f(item) for each item of a comma-separated list, white space and empty items taken away; stops and answers false when f does.
template <class F>
bool every_item(std::string_view list, F f) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (!item.empty() && !f(item)) return false;
  }
  return true;
}

// Origins, compared without regard to letter case; an entry may have one `*`, which stands for any text.
class Origins {
 public:
  void add(std::string_view entry);
  bool any() const { return any_; }
  bool empty() const { return !any_ && exact_.empty() && patterns_.empty(); }
  bool allow(std::string_view origin) const;

 private:
  struct Pattern {
    std::string prefix, suffix;
  };
  bool any_ = false;
  std::vector<std::string> exact_;
  std::vector<Pattern> patterns_;
};

}  // namespace cors

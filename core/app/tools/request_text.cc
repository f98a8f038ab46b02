#include "core/app/tools/request_text.h"

#include <algorithm>
#include <string_view>

#include "core/base/text.h"

namespace sluice::app {

std::string read_request(const std::string& text, const std::vector<std::string>& headers, RequestText& r) {
  std::string_view rest = trim(text);
  if (size_t blank = rest.find(' '); blank != rest.npos && is_token(rest.substr(0, blank))) {
    r.method = rest.substr(0, blank);
    rest = trim(rest.substr(blank));
  }
  if (size_t scheme = rest.find("://"); scheme != rest.npos && scheme < rest.find('/')) {
    rest.remove_prefix(scheme + 3);
    size_t slash = std::min(rest.find_first_of("/?"), rest.size());
    r.authority = rest.substr(0, slash);
    rest.remove_prefix(slash);
    if (rest.empty()) rest = "/";
  }
  if (!rest.starts_with('/')) return "\"" + text + "\" is no request: \"GET /path\" is wanted";
  r.target = rest;
  auto path = percent_decode(rest.substr(0, rest.find_first_of("?#")));
  if (!path) return "the path of \"" + text + "\" has a '%' without two hexadecimal digits: clients get 400 for it";
  r.path = std::move(*path);
  for (const std::string& line : headers) {
    size_t colon = line.find(':');
    std::string_view name = std::string_view{line}.substr(0, colon);
    if (colon == line.npos || !is_token(name)) return "\"" + line + "\" is no header: \"Name: value\" is wanted";
    std::string_view value = trim(std::string_view{line}.substr(colon + 1));
    if (iequals(name, "Host")) r.authority = value;
    else r.headers.emplace_back(name, value);
  }
  return {};
}

}  // namespace sluice::app

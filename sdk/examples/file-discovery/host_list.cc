#include "host_list.h"

#include <algorithm>
#include <charconv>

namespace example {
namespace {

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

bool is_host(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (url.size() > scheme.size() && url.substr(0, scheme.size()) == scheme && url[scheme.size()] != '/') return true;
  }
  return false;
}

}  // namespace

bool parse_host_list(std::string_view text, std::vector<HostLine>& out, std::string& why) {
  out.clear();
  const auto refuse = [&](size_t line, std::string_view what) {
    why = "line " + std::to_string(line) + ": " + std::string{what};
    return false;
  };
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::string_view url = next_word(line), weight = next_word(line);
    if (url.empty()) continue;
    if (!is_host(url)) return refuse(number, "expected a host such as http://10.0.0.11:8080, found " + std::string{url});
    HostLine host{std::string{url}};
    if (!weight.empty()) {
      const auto [rest, error] = std::from_chars(weight.data(), weight.data() + weight.size(), host.weight);
      if (error != std::errc{} || rest != weight.data() + weight.size() || host.weight == 0 || host.weight > 1000) {
        return refuse(number, "expected a weight from 1 to 1000 after the host, found " + std::string{weight});
      }
    }
    if (!next_word(line).empty()) return refuse(number, "expected a host and perhaps a weight, found more");
    if (out.size() == kMostHosts) return refuse(number, "more than 10000 hosts");
    out.push_back(std::move(host));
  }
  if (!out.empty()) return true;
  why = "the file names no host";
  return false;
}

}  // namespace example

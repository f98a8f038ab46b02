// The file that the discovery reads: one host a line, optionally with a weight, and comments.
//
//   # the orders service
//   http://10.0.0.11:8080      3
//   http://10.0.0.12:8080
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace example {

struct HostLine {
  std::string url;
  uint32_t weight = 1;
  friend bool operator==(const HostLine&, const HostLine&) = default;
};

inline constexpr size_t kMostHosts = 10'000;
inline constexpr size_t kLongestFile = 1 << 20;

// False, and `why` names the line and what is wrong with it: half a list is worse than the last good one, so a file with a
// mistake is refused as a whole. An empty list is a mistake, too: whoever truncates a file before writing it does not mean it.
bool parse_host_list(std::string_view text, std::vector<HostLine>& out, std::string& why);

}  // namespace example

// A request as people write it on a command line: "GET /v1/users/7", "/v1/users/7" (GET), "GET https://api.example.com/v1/users/7".
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace sluice::app {

struct RequestText {
  std::string method = "GET", target, path, authority;  // target: path and query as sent; path: decoded; authority: "" or the host
  std::vector<std::pair<std::string, std::string>> headers;  // without Host, which is the authority
};

// `headers`: "Name: value". Empty: understood; else what is wrong, for the user.
std::string read_request(const std::string& text, const std::vector<std::string>& headers, RequestText&);

}  // namespace sluice::app

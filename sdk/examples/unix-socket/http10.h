// HTTP/1.0 (RFC 1945) as this client speaks it: one request, one answer, the end of the connection is the end of the answer.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

using HeaderLines = std::vector<std::pair<std::string_view, std::string_view>>;

bool same_name(std::string_view a, std::string_view b);  // ASCII, any letter case

// Headers that speak of one connection and not of the message: they end here, in both directions.
bool is_of_the_connection(std::string_view name);

std::string write_request(std::string_view method, std::string_view target, std::string_view host, const HeaderLines& headers, std::string_view body);

// An answer; its views point into the text it was read from.
struct Answer {
  int status = 0;
  HeaderLines headers;
  std::string_view body;
};

// `text` is everything that came before the connection ended. nullopt, and `why`, when that is no answer or only a part of one.
std::optional<Answer> read_answer(std::string_view text, std::string& why);

}  // namespace example

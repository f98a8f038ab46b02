// What a step saw, in the words of a case file, and its comparison with what the case expects. No sockets, no processes.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/http.h"
#include "tests/support/json.h"

namespace sluice::test {

struct Answer {
  std::string error;  // "timeout" or "connection error"; the rest is unset then
  Response response;
  Json status() const { return error.empty() ? Json::integer(response.status) : Json::text(error); }
};

using Unfill = std::function<std::string(std::string)>;  // real addresses -> placeholders
using Seen = std::map<std::string, std::vector<Json>>;   // backend -> its requests

Json describe(const Json& step, const std::vector<Answer>& answers, const Seen& seen, const Unfill& unfill);
// The body as "json_text", "json_shape", "text", "base64", or "length" and "sha256".
Json describe_body(const std::string& body, bool exact, bool shape, const Unfill& unfill);
Json shape_of(const Json& value);

// One line for each difference; empty: the step is as expected.
std::vector<std::string> compare(const Json& step, const Json& expected, const Json& got, const std::vector<Answer>& answers);

std::string shortened(const std::string& text, size_t limit = 200);

}  // namespace sluice::test

// Requests to a gateway and what must be answered: cases.json of a plugin's folder.
//
//   {"cases": [{"name": "…", "request": {"method": "GET", "path": "/try", "headers": {…}, "body": "text, or any JSON"},
//               "expect": {"status": 200, "headers": {"X-Here": "value", "X-Not-Here": null}, "body": {…}, "text": "…",
//                          "contains": "…"}}],
//    "log": ["text that the gateway must have logged"]}
//
// "body" is compared as JSON: what is expected must be there, more may be; "text" is the whole body, "contains" a part of it.
#pragma once
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "core/app/check/peer.h"
#include "core/base/result.h"

namespace sluice::app::check {

struct Case {
  std::string name, method = "GET", path, headers, body;  // headers: as they go on the wire
  boost::json::object expect;
};
struct Cases {
  std::vector<Case> list;
  std::vector<std::string> log;
};
// Problem: what is wrong with the file, with its JSON pointer.
Result<Cases, Problem> read_cases(const std::string& text);

// One line for each difference, "body /name: wanted "Ada", got "Bob""; empty: as expected.
std::vector<std::string> differences(const Case&, const Answer&);

}  // namespace sluice::app::check

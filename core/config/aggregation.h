// What the block `sluice` of an endpoint and its backends says about putting answers together: merge rules, failures, status,
// headers, chains. As written, checked for types and choices; what it means together is the generation's to find out
// (core/pipeline/compile_aggregation.h). Immutable.
#pragma once
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::config {

// A text that is looked into later, and where it stands.
struct Located {
  std::string text, pointer;
};

// Of an endpoint.
struct Aggregation {
  std::string pointer;
  Located merge;                                     // a strategy; "": none was given
  std::vector<std::pair<std::string, Located>> merge_keys;  // dotted path → strategy
  Located status;                                    // "worst", "first", "resp1"; "": the reference's rule
  struct StatusCase {
    Located when;
    uint16_t status = 0;
  };
  std::vector<StatusCase> status_when;
  bool parts_in_header = false, parts_in_body = false;
  std::string parts_key = "_parts";
  std::vector<std::pair<std::string, std::string>> header_rules;  // canonical name → "overwrite", "first", "append"
  bool chain = false;
};

// sluice.http2 of a backend: whether HTTP/2 is spoken to it. The root's is what backends have that do not say.
enum class Http2 : uint8_t { never, negotiate, always };

// Of a backend.
struct StepOptions {
  std::string pointer;
  std::string name;
  bool required = false, optional = false, hidden = false;
  std::vector<std::string> output_headers;           // canonical; "*" among them: all
  Located when;
  std::vector<Located> after;                        // "resp0"
  std::vector<std::pair<std::string, Located>> headers, query;
  const boost::json::value* body = nullptr;          // owned by Config::tree
};

}  // namespace sluice::config

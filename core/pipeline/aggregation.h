// The block `sluice` of an endpoint, compiled: how its backends' answers become one. An endpoint without the block has none of
// this, and none of it is looked at. Immutable; shared by the workers.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/document/combine.h"
#include "core/pipeline/expression.h"
#include "core/pipeline/reference.h"

namespace sluice::pipeline {

// A JSON value with references in its texts. A text that is one reference becomes that value, of whatever kind.
struct BodyValue {
  enum class Kind : uint8_t { constant, text, list, object };
  Kind kind = Kind::constant;
  document::Node constant{};                                  // expanded, in the generation's arena
  Template text;
  std::string name;                                           // below an object
  std::vector<BodyValue> children;
};

// A backend as a step towards the answer. Index: BackendPlan::index.
struct PartPlan {
  std::string label;  // in the list of parts
  bool required = false, optional = false, hidden = false;
  std::optional<Expression> when;
  std::vector<uint32_t> followers;  // steps that wait for this one
  uint32_t inputs = 0;              // steps that this one waits for
  struct Need {
    Reference reference;
    bool null_is_a_value = false;
  };
  std::vector<Need> needs;          // what its request is made of: without one of them it cannot be sent
  // Answers that the step's plugins see as request parameters: RespN_path.
  struct Parameter {
    Reference reference;
    std::string path, name;
  };
  std::vector<Parameter> parameters;
  std::vector<std::pair<std::string, Template>> headers, query;
  std::optional<Template> text_body;
  std::optional<BodyValue> json_body;
  std::vector<std::string> output_headers;
  bool all_headers = false;
  bool writes_request() const { return !headers.empty() || !query.empty() || text_body || json_body; }
};

struct Aggregation {
  std::vector<PartPlan> steps;
  std::optional<document::MergeRules> merge;  // none: the later one's keys
  enum class Status : uint8_t { reference, worst, first, of_step };
  Status status = Status::reference;
  uint32_t status_step = 0;
  std::vector<std::pair<Expression, uint16_t>> status_when;
  bool parts_in_header = false, parts_in_body = false;
  std::string parts_key;
  enum class HeaderRule : uint8_t { overwrite, first, append };
  std::vector<std::pair<std::string, HeaderRule>> header_rules;
  bool chain = false;
};

}  // namespace sluice::pipeline

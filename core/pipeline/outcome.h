// What became of each backend of an endpoint with the block `sluice`, and what that makes of the answer: its data, status,
// headers and the list of parts. Lives in the exchange's arena, on one worker.
//
// This is the one place that knows of every top-level field which backend it came from and by which rule (assemble() gives the
// parts to document::combine(), whose MergeTrace is told), and of every part why it is there or not.
#pragma once
#include <span>

#include "core/pipeline/aggregation.h"
#include "core/pipeline/backend.h"

namespace sluice::pipeline {

enum class Fate : uint8_t {
  waiting,     // for other steps
  running,
  ok,
  incomplete,  // an answer that is none: error details in place of data, or null
  failed,
  timeout,
  skipped,     // its condition did not hold, or that of a step whose data it takes
  missed,      // something that its request is made of is not there
  cancelled,   // a required backend failed before it was over
};
std::string_view to_string(Fate);

struct Part {
  const BackendPlan* backend = nullptr;
  const PartPlan* step = nullptr;
  BackendScope* call = nullptr;  // nullptr: never called, or cut off before one of several calls was chosen
  Fate fate = Fate::waiting;
  Error error{};
  uint16_t status = 0;           // that of the answer, or what a client gets told for its failure; 0: never called
  bool failed() const { return fate >= Fate::failed && fate != Fate::skipped; }
};

// Sets fate, error and status of a part whose call is over.
void judge(Part&);
// The status that a client gets for this failure of a backend: that of the backend's answer if it is an error, else 502 or 504.
uint16_t status_of(const Error&, int answered);

struct Outcome {
  const Aggregation* plan = nullptr;
  std::span<const Part> parts;
  uint16_t status = 0;    // of an answer with data; 0: as without the block
  bool final = false;     // the failure is the answer: static data does not repair it
  const Part* required = nullptr;  // whose failure that is
  http::Headers headers;  // of backends, for the client
  bool private_answer = false;  // with cookies, or with a backend's own word on caching: no Cache-Control of ours
};

// Values of one request, for templates and conditions.
class PartValues final : public ReferenceValues {
 public:
  PartValues(Exchange&, std::span<const Part>);
  document::Node* find(const Reference&) override;

 private:
  Exchange& x_;
  std::span<const Part> parts_;
};

// When every part has its fate: leaves data, complete and the error in `result`, log lines in the log.
const Outcome* assemble(Exchange&, const EndpointPlan&, std::span<const Part>, Scope& result);

// For X-Sluice-Parts: a list of RFC 9651.
std::string_view parts_text(Arena&, const Outcome&);
// The same as a list of objects.
document::Node parts_node(Arena&, const Outcome&);

}  // namespace sluice::pipeline

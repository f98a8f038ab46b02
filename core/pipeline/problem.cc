#include "core/pipeline/problem.h"

#include "core/document/write.h"
#include "core/http/message.h"
#include "core/pipeline/outcome.h"

namespace sluice::pipeline {

std::string_view problem_body(Arena& arena, int status, std::string_view detail, const Outcome* outcome) {
  std::string out = R"({"type":"about:blank","title":)";
  document::append_json_string(out, http::reason_phrase(status));
  out += ",\"status\":" + std::to_string(status);
  if (!detail.empty()) {
    out += ",\"detail\":";
    document::append_json_string(out, detail);
  }
  if (outcome && outcome->plan->parts_in_body) {
    document::Node list = parts_node(arena, *outcome);
    out += ",\"parts\":" + document::to_json(arena, list);
  }
  return arena.copy(out + "}");
}

std::string_view problem_detail(Arena& arena, const Error& error, const Outcome* outcome) {
  std::string out;
  if (outcome) {
    for (const Part& p : outcome->parts) {
      // Beside a required one's failure others count for nothing: it is chance whether they are known.
      if (outcome->required ? &p != outcome->required : !p.failed() || p.fate == Fate::cancelled) continue;
      out += (out.empty() ? "" : "; ") + p.step->label;
      if (p.fate == Fate::timeout) out += " did not answer in time";
      else if (p.fate == Fate::missed) out += " could not be called";
      else if (!p.error || p.error.code == Errc::status) out += " answered with status " + std::to_string(p.call ? p.call->response.status : p.status);
      else out += ": " + std::string{to_string(p.error.code)};
    }
  }
  if (!out.empty()) return arena.copy(out);
  if (error.code == Errc::status) return "a backend did not answer as it should";  // its own text names a path
  return !error.public_message.empty() ? error.public_message : to_string(error.code);
}

}  // namespace sluice::pipeline

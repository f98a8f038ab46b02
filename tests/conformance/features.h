// features.json: which cases, endpoints and expectations of the recorded suite do not (yet) apply, and why.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tests/support/json.h"

namespace sluice::test {

class Features {
 public:
  explicit Features(const Json& file);
  // The feature that a case waits for; nullopt: it is played.
  std::optional<std::string> missing(const std::string& case_name) const;
  // Takes away the endpoints (with their steps) that need a missing feature and applies the deliberate deviations.
  // Throws Failure for an entry that does not fit the case, so that the file cannot rot.
  void adapt(const std::string& case_name, Json& test_case) const;
  // Every name and pattern must fit one of the cases.
  std::vector<std::string> dead_entries(const std::vector<std::string>& case_names) const;

 private:
  Json file_;
};

}  // namespace sluice::test

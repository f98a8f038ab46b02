#include "tests/conformance/features.h"

#include <algorithm>
#include <set>

#include "tests/support/text.h"
#include "tests/support/wire.h"

namespace sluice::test {

Features::Features(const Json& file) : file_(file) {}

std::optional<std::string> Features::missing(const std::string& name) const {
  for (const Json& entry : file_.at("skip").items()) {
    for (const Json& pattern : entry.at("cases").items()) {
      if (glob_match(pattern.str(), name)) return entry.at("feature").str();
    }
  }
  return std::nullopt;
}

void Features::adapt(const std::string& name, Json& test_case) const {
  // Deviations first: steps are counted as in the case's file.
  for (const Json& entry : file_.at("deviations").items()) {
    if (entry.at("case").str() != name) continue;
    auto step = static_cast<size_t>(entry.at("step").whole());
    auto& steps = test_case.find("steps")->items();
    if (step < 1 || step > steps.size()) throw Failure("features.json: " + name + " has no step " + std::to_string(step));
    Json* expected = steps[step - 1].find("expect");
    for (const auto& [key, value] : entry.at("expect").members()) {
      if (value.is(Json::Kind::null)) {
        if (!expected->has(key)) throw Failure("features.json: " + name + " expects no " + key);
        expected->erase(key);
      } else {
        expected->set(key, value);
      }
    }
  }
  for (const Json& entry : file_.at("without").items()) {
    if (entry.at("case").str() != name) continue;
    std::set<std::string> gone;
    for (const Json& path : entry.at("endpoints").items()) gone.insert(path.str());
    auto& endpoints = test_case.find("config")->find("endpoints")->items();
    size_t removed = std::erase_if(endpoints, [&](const Json& e) { return gone.contains(e.at("endpoint").str()); });
    if (removed != gone.size()) throw Failure("features.json: " + name + " lacks one of the endpoints to leave out");
    std::erase_if(test_case.find("steps")->items(), [&](const Json& s) {
      const std::string& path = s.at("send").at("path").str();
      return gone.contains(path.substr(0, path.find('?')));
    });
  }
}

std::vector<std::string> Features::dead_entries(const std::vector<std::string>& names) const {
  std::vector<std::string> out;
  auto fits_one = [&](const std::string& pattern) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return glob_match(pattern, n); });
  };
  for (const Json& entry : file_.at("skip").items()) {
    for (const Json& pattern : entry.at("cases").items()) {
      if (!fits_one(pattern.str())) out.push_back(pattern.str());
    }
  }
  for (const char* list : {"without", "deviations"}) {
    for (const Json& entry : file_.at(list).items()) {
      if (!fits_one(entry.at("case").str())) out.push_back(entry.at("case").str());
    }
  }
  return out;
}

}  // namespace sluice::test

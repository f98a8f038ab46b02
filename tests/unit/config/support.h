// Reading small configurations in tests.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/config/reader.h"

namespace sluice::config {

using Environment = std::map<std::string, std::string>;

inline ReadResult read(std::string text, Environment environment = {}) {
  ReadOptions options;
  options.environment = std::move(environment);
  return read_text("c.json", std::move(text), options);
}
// The report as text.
inline std::string problems(std::string text, Environment environment = {}) {
  return read(std::move(text), std::move(environment)).report.format();
}

// A configuration that must be fine and silent.
inline std::shared_ptr<const Config> good(std::string text, Environment environment = {}) {
  ReadResult r = read(std::move(text), std::move(environment));
  EXPECT_EQ(r.report.format(), "");
  if (!r.config) return std::make_shared<Config>();
  return r.config;
}
// {"version":3, …}
inline std::string root(const std::string& members) {
  return "{\"version\":3" + (members.empty() ? "" : "," + members) + "}";
}
// One endpoint with these members.
inline std::string endpoint(const std::string& members) { return root("\"endpoints\":[{" + members + "}]"); }
// An endpoint at `path` with one backend of these members.
inline std::string backend(const std::string& members, const std::string& path = "/x") {
  return endpoint("\"endpoint\":\"" + path + "\",\"backend\":[{" + members + "}]");
}
inline Endpoint good_endpoint(const std::string& members) {
  auto c = good(endpoint("\"backend\":[{}]," + members));
  if (c->endpoints.empty()) return {};
  Endpoint e = c->endpoints[0];
  return e;
}
inline Backend good_backend(const std::string& members, const std::string& path = "/x") {
  auto c = good(backend(members, path));
  return c->endpoints.empty() ? Backend{} : c->endpoints[0].backends[0];
}

#define EXPECT_HAS(text, part) EXPECT_NE(std::string{text}.find(part), std::string::npos) << "got: " << (text)

}  // namespace sluice::config

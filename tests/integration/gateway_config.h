// Configurations of the integration tests, written as JSON text.
#pragma once
#include <string>

#include "tests/support/fake_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/test_client.h"

namespace sluice::test {

// No access log: nothing but the request itself is on the way. Time-outs are long unless a test is about them.
inline std::string config_of(const std::string& endpoints, const std::string& root = "") {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true}}, )" + root +
         R"("endpoints": [)" + endpoints + "]}";
}

inline std::string backend_of(const std::string& host, const std::string& pattern, const std::string& more = "") {
  return R"({"host": [")" + host + R"("], "url_pattern": ")" + pattern + "\"" + (more.empty() ? "" : ", " + more) + "}";
}

// An endpoint that passes everything through.
inline std::string no_op_endpoint(const std::string& path, const std::string& backend, const std::string& more = "") {
  return R"({"endpoint": ")" + path + R"(", "output_encoding": "no-op", )" + more + R"("backend": [)" + backend + "]}";
}

inline std::string endpoint_of(const std::string& path, const std::string& backends, const std::string& more = "") {
  return R"({"endpoint": ")" + path + "\", " + more + R"("backend": [)" + backends + "]}";
}

inline GatewayOptions options_of(std::string config, int workers = 1) {
  GatewayOptions o;
  o.config = std::move(config);
  o.workers = workers;
  return o;
}

}  // namespace sluice::test

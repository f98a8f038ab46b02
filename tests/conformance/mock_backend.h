// The backends of a conformance case: HTTP/1.1 servers that answer the routes of the case and remember what they were asked.
#pragma once
#include <set>
#include <vector>

#include "tests/support/http.h"
#include "tests/support/json.h"
#include "tests/support/server.h"

namespace sluice::test {

inline constexpr size_t kBigBody = 8192;  // longer bodies are judged by length and SHA-256

// Request headers that are not recorded, unless a step names them.
const std::set<std::string>& noise_headers();

// A text, or a list of texts and of {"text", "times"}.
std::string expand(const Json& text);

class MockBackend {
 public:
  // `hidden`: lower-case names of request headers left out of records and echoes. `tls`: [certificate file, key file] or null.
  MockBackend(const Json& spec, std::set<std::string> hidden, const Json& tls);
  ~MockBackend();

  uint16_t port() const { return server_->port(); }
  void set_routes(const Json& routes);
  std::vector<Json> take();  // the requests since the last call: method, path, query, headers, body, target
  size_t count() const;

 private:
  struct Route {
    Json spec;
    long long served = 0;
  };
  void serve(ConnectionServer::Connection& connection);
  Json match(const std::string& method, const std::string& path, const Json& query);
  // False: the connection ends after it.
  bool reply(Wire& wire, const std::string& method, const Json& route, const Json& record);

  std::set<std::string> hidden_;
  mutable std::mutex mutex_;
  std::condition_variable ending_signal_;
  bool ending_ = false;
  std::vector<Route> routes_;
  std::vector<Json> seen_;
  std::unique_ptr<TlsServerContext> tls_;
  std::unique_ptr<ConnectionServer> server_;
};

}  // namespace sluice::test

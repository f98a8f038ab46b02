// backend/graphql in the running gateway.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

std::string backend(const FakeUpstream& up, const std::string& block) {
  return backend_of(up.url(), "/graphql", R"("extra_config": {"backend/graphql": )" + block + "}");
}

TEST(GraphQlGatewayTest, AMutationOfARawEndpointHasTheWholeBody) {
  FakeUpstream up;
  up.on("/graphql", [](const FakeUpstream::Request& r) { return Reply{200, {}, r.method + " " + r.headers.get("Content-Length") + " " + r.body}; });
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/m", backend(up, R"({"type": "mutation", "query": "m"})"), R"("method": "PUT", )"))));
  TestClient client(gateway.port());
  client.send("PUT /m HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n");
  client.send("2\r\n1}\r\n0\r\n\r\n");
  EXPECT_EQ(client.read().body, R"(POST 33 {"query":"m","variables":{"a":1}})");
}

TEST(GraphQlGatewayTest, GetReachesTheServiceWithItsParameters) {
  FakeUpstream up;
  up.on("/graphql", [](const FakeUpstream::Request& r) { return Reply::json(R"({"target":")" + r.target + "\"}"); });
  GatewayProcess gateway(options_of(config_of(endpoint_of(
      "/u/{id}", backend(up, R"({"type": "query", "method": "GET", "query": "{ a }", "variables": {"id": "{id}"}})"), R"("input_query_strings": ["q"], )"))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/u/7?q=1").body, R"({"target":"/graphql?q=1&query=%7B%20a%20%7D&variables=%7B%22id%22%3A%227%22%7D"})");
}

TEST(GraphQlGatewayTest, EarlierAnswersAreVariables) {
  FakeUpstream up;
  up.on("/first", Reply::json(R"({"id":42})"));
  up.on("/graphql/42", [](const FakeUpstream::Request& r) { return Reply::json(r.body); });
  const std::string second =
      backend_of(up.url(), "/graphql/{resp0_id}", R"("extra_config": {"backend/graphql": {"type": "query", "query": "q", "variables": {"id": "{resp0_id}"}}})");
  GatewayProcess gateway(
      options_of(config_of(endpoint_of("/s", backend_of(up.url(), "/first") + "," + second, R"("extra_config": {"proxy": {"sequential": true}}, )"))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/s").body, R"({"id":42,"query":"q","variables":{"id":"42"}})");
}

TEST(GraphQlGatewayTest, AVariableOfAChainWaitsForTheAnswerThatItTakes) {
  FakeUpstream up;
  up.manual("/first");
  up.on("/graphql", [](const FakeUpstream::Request& r) { return Reply::json(r.body); });
  const std::string query = backend(up, R"({"type": "query", "query": "q", "variables": {"id": "{resp1_user.id}", "n": 3}})");
  GatewayProcess gateway(
      options_of(config_of(endpoint_of("/s", query + "," + backend_of(up.url(), "/first"), R"("extra_config": {"sluice": {"chain": true}}, )"))));
  TestClient client(gateway.port());
  client.send_request("GET", "/s");
  up.wait_for_request("/first").answer(Reply::json(R"({"user":{"id":42}})"));
  Json body = Json::parse_or_throw(client.read().body, "the answer");
  EXPECT_EQ(body.at("variables"), Json::parse(R"({"id":"42","n":3})"));
}

TEST(GraphQlGatewayTest, AnUnreadableDocumentRefusesTheConfiguration) {
  FakeUpstream up;
  try {
    GatewayProcess gateway(options_of(config_of(endpoint_of("/m", backend(up, R"({"type": "query", "query_path": "none.graphql"})")))));
    ADD_FAILURE() << "it started";
  } catch (const Failure& e) {
    EXPECT_NE(std::string{e.what()}.find("open none.graphql: No such file or directory"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace sluice::test

// Backends one after the other (pipeline.md §5.3) and shadow backends (§11).
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

std::string chain(const std::string& path, const std::string& backends, const std::string& proxy = "", const std::string& more = "") {
  return endpoint_of(path, backends, R"("extra_config": {"proxy": {"sequential": true)" + proxy + "}}, " + more);
}

TEST(SequenceTest, ALaterBackendIsCalledWithWhatAnEarlierOneAnswered) {
  FakeUpstream up;
  up.manual("/a");
  up.on("*", [](const FakeUpstream::Request& r) { return Reply::json(R"({"target":")" + r.target + "\"}"); });
  GatewayProcess gateway(
      options_of(config_of(chain("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b/{resp0_o.id}/{resp0_l}/{resp0_t}?q={resp0_q}")))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m");
  auto a = up.wait_for_request("/a");
  EXPECT_EQ(up.count(), 1);
  a.answer(Reply::json(R"({"o":{"id":1.50},"l":[1,null,["x","y"],{"b":2,"a":"v"}],"t":true,"q":"a&b=c"})"));
  Json body = Json::parse_or_throw(client.read().body, "the answer");
  EXPECT_EQ(body.at("target").str(), "/b/1.50/1,%3Cnil%3E,%5Bx%20y%5D,map%5Ba:v%20b:2%5D/true?q=a%26b%3Dc");
}

TEST(SequenceTest, TheFirstAnswerIsSeenWithTheKeysOfLaterOnes) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"k":"first","a":1})"));
  up.on("/b", Reply::json(R"({"k":"second","b":2})"));
  up.on("/c/second/2/1/%7B%7B.Resp1_a%7D%7D", Reply::json(R"({"c":3})"));
  GatewayProcess gateway(options_of(config_of(chain(
      "/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b") + "," + backend_of(up.url(), "/c/{resp0_k}/{resp0_b}/{resp0_a}/{resp1_a}")))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"k":"second","a":1,"b":2,"c":3})"));
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
}

TEST(SequenceTest, AFailureOfTheFirstStepIsTheEndpointsAndOfALaterOneLeavesWhatIsThere) {
  FakeUpstream up;
  up.on("/good", Reply::json(R"({"a":1})"));
  up.on("/bad", Reply::json("{}", 404));
  std::string code = R"("extra_config": {"backend/http": {"return_error_code": true}})";
  GatewayProcess gateway(options_of(config_of(
      chain("/first", backend_of(up.url(), "/bad", code) + "," + backend_of(up.url(), "/never")) + "," +
      chain("/second", backend_of(up.url(), "/good") + "," + backend_of(up.url(), "/bad", code) + "," + backend_of(up.url(), "/never")))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/first").status, 404);
  Response r = client.get("/second");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"a":1})");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  EXPECT_EQ(up.count("/never"), 0);
}

TEST(SequenceTest, ADotSegmentOfAnAnswerDoesNotClimb) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"id":".."})"));
  GatewayProcess gateway(options_of(config_of(chain("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/x/{resp0_id}/secret")))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/m").header("X-Krakend-Completed"), "false");
  EXPECT_EQ(up.count(), 1);
}

TEST(SequenceTest, ARedirectOfOneStepLeavesTheHeadersOfTheNextAlone) {
  FakeUpstream up;
  up.on("/a", Reply{302, {{"Location", "/moved"}}, ""});
  up.on("/moved", Reply::json(R"({"a":1})"));
  up.on("/b", Reply::json(R"({"b":1})"));
  GatewayProcess gateway(options_of(config_of(chain("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b"), "",
                                                    R"("input_headers": ["Content-Type", "X-A", "X-B"], )"))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m", {{"Content-Type", "text/x"}, {"X-A", "1"}, {"X-B", "2"}});
  EXPECT_EQ(client.read().body, R"({"a":1,"b":1})");
  for (const FakeUpstream::Request& r : up.requests()) {
    if (r.path != "/b") continue;
    std::string seen;
    for (const auto& [name, value] : r.headers)
      if (name == "Content-Type" || name == "X-A" || name == "X-B" || name == "Referer") seen += name + "=" + value + ";";
    EXPECT_EQ(seen, "Content-Type=text/x;X-A=1;X-B=2;");
  }
}

TEST(SequenceTest, AClientThatLeavesEndsTheSequence) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"a":1})"));
  up.manual("/b");
  GatewayProcess gateway(options_of(config_of(chain("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b") + "," + backend_of(up.url(), "/c")))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m");
  auto b = up.wait_for_request("/b");
  client.reset();
  b.wait_for_disconnect();
  EXPECT_EQ(up.count("/c"), 0);
}

TEST(SequenceTest, PropagatedValuesAreParametersOfLaterSteps) {
  FakeUpstream up;
  up.on("/a", Reply{203, {}, "some bytes"});
  up.on("/b", Reply::json(R"({"id":5,"o":{"id":6}})"));
  std::string stub =
      R"({"url_pattern": "/c", "host": ["http://stub"], "extra_config": {"backend/stub": {"body": {"bytes": "{Resp0}", "id": "{Resp1_o.id}", "no": "{Resp1_no}"}}}})";
  GatewayProcess gateway(options_of(config_of(chain("/m", backend_of(up.url(), "/a", R"("encoding": "no-op")") + "," + backend_of(up.url(), "/b") + "," + stub,
                                                    R"(, "sequential_propagated_params": ["resp0", "Resp1_o.id", "resp1_no", "resp1", "resp7_x"])"))));
  TestClient client(gateway.port());
  EXPECT_EQ(Json::parse(client.get("/m").body), Json::parse(R"({"id":"6","o":{"id":6},"bytes":"some bytes","no":"{Resp1_no}"})"));
}

// A backend with a condition, or whatever else the block says.
std::string step(const std::string& host, const std::string& pattern, const std::string& options, const std::string& more = "") {
  return backend_of(host, pattern, R"("extra_config": {"sluice": {)" + options + "}}" + more);
}

std::string told_chain(const std::string& path, const std::string& backends, const std::string& options = R"("parts": "header")") {
  return endpoint_of(
      path, backends,
      R"("input_query_strings": ["b"], "input_headers": ["X-B"], "extra_config": {"proxy": {"sequential": true}, "sluice": {)" + options + "}}, ");
}

TEST(SequenceTest, AConditionLeavesAStepOutAndTheSequenceGoesOn) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"id":1,"kind":"a"})"));
  up.on("/b/1", Reply::json(R"({"g":"x"})"));
  up.on("/c/x", Reply::json(R"({"c":1})"));
  up.on("/d/1", Reply::json(R"({"d":1})"));
  GatewayProcess gateway(options_of(config_of(told_chain(
      "/m/{x}", step(up.url(), "/a", R"("name": "first")") + "," + step(up.url(), "/b/{resp0_id}", R"("when": "{query.b} == 'yes'")") + "," +
                    backend_of(up.url(), "/c/{resp1_g}") + "," +
                    step(up.url(), "/d/{resp0_id}", R"("when": "{resp0_kind} == 'a' && {resp0.status} == 200 && {x} == 'd' && {resp1.status} != 404")")))));
  TestClient client(gateway.port());
  Response r = client.get("/m/d?b=yes");
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"id":1,"kind":"a","g":"x","c":1,"d":1})"));
  EXPECT_EQ(r.header("X-Sluice-Parts"), "first;fate=ok;status=200, resp1;fate=ok;status=200, resp2;fate=ok;status=200, resp3;fate=ok;status=200");
  r = client.get("/m/d?b=no");
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"id":1,"kind":"a","d":1})"));
  EXPECT_EQ(r.header("X-Sluice-Parts"), "first;fate=ok;status=200, resp1;fate=skipped, resp2;fate=skipped, resp3;fate=ok;status=200");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true") << "what was not wanted is not missing";
  r = client.get("/m/other");
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"id":1,"kind":"a"})"));
  EXPECT_EQ(r.header("X-Sluice-Parts"), "first;fate=ok;status=200, resp1;fate=skipped, resp2;fate=skipped, resp3;fate=skipped");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
}

TEST(SequenceTest, TheFirstStepThatIsCalledDecidesWhenThoseBeforeAreSkipped) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"a":1})"));
  up.on("/b", Reply::json(R"({"b":1})"));
  up.on("/bad", Reply::json("{}", 404));
  const std::string skipped = step(up.url(), "/a", R"("when": "{header.X-B}")");
  const std::string code = R"("extra_config": {"backend/http": {"return_error_code": true}})";
  GatewayProcess gateway(options_of(
      config_of(told_chain("/none", skipped + "," + skipped) + "," +
                told_chain("/fails", skipped + "," + backend_of(up.url(), "/bad", code) + "," + backend_of(up.url(), "/b")) + "," +
                told_chain("/stops", skipped + "," + backend_of(up.url(), "/b") + "," + backend_of(up.url(), "/bad", code) + "," + backend_of(up.url(), "/a")) +
                "," + told_chain("/required", backend_of(up.url(), "/b") + "," + step(up.url(), "/a", R"("when": "{header.X-B}", "required": true)")))));
  TestClient client(gateway.port());
  Response r = client.get("/none");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, "{}");
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=skipped, resp1;fate=skipped");
  EXPECT_EQ(client.get("/none", {{"X-B", "1"}}).body, R"({"a":1})");
  r = client.get("/fails");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=skipped, resp1;fate=failed;status=404, resp2;fate=missed");
  r = client.get("/stops");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"b":1})");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=skipped, resp1;fate=ok;status=200, resp2;fate=failed;status=404, resp3;fate=missed");
  EXPECT_EQ(client.get("/required").body, R"({"b":1})");
}

TEST(SequenceTest, ABackendThatIsSkippedGivesNoParameters) {
  FakeUpstream up;
  up.on("/a", Reply{200, {}, "bytes"});
  up.on("/b", Reply::json(R"({"id":5})"));
  const std::string stub =
      R"({"url_pattern": "/c", "host": ["http://stub"], "extra_config": {"backend/stub": {"body": {"bytes": "{Resp0}", "id": "{Resp1_id}"}}}})";
  GatewayProcess gateway(options_of(config_of(endpoint_of(
      "/m",
      step(up.url(), "/a", R"("when": "{header.X-B}")", R"(, "encoding": "no-op")") + "," + step(up.url(), "/b", R"("when": "{header.X-B}")") + "," + stub,
      R"("input_headers": ["X-B"], "extra_config": {"proxy": {"sequential": true, "sequential_propagated_params": ["resp0", "resp1_id"]}}, )"))));
  TestClient client(gateway.port());
  EXPECT_EQ(Json::parse(client.get("/m").body), Json::parse(R"({"bytes":"{Resp0}","id":"{Resp1_id}"})"));
  EXPECT_EQ(Json::parse(client.get("/m", {{"X-B", "1"}}).body), Json::parse(R"({"bytes":"bytes","id":"5"})"));
}

std::string shadow_of(const std::string& host, const std::string& pattern, const std::string& proxy = "", const std::string& more = "") {
  return backend_of(host, pattern, R"("extra_config": {"proxy": {"shadow": true)" + proxy + "}}" + more);
}

TEST(ShadowTest, AShadowOutlivesTheClientsRequest) {
  FakeUpstream up;
  up.on("/real", Reply::json(R"({"real":1})"));
  up.manual("/copy");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/real") + "," + shadow_of(up.url(), "/copy", "", R"(, "method": "POST")"),
                                                          R"("method": "POST", "input_headers": ["X-A"], )"))));
  {
    TestClient client(gateway.port());
    client.send_request("POST", "/m", {{"X-A", "1"}}, "the body");
    EXPECT_EQ(client.read().body, R"({"real":1})");
  }
  auto copy = up.wait_for_request("/copy");
  EXPECT_EQ(copy.request().body, "the body");
  TestClient(gateway.port()).get("/__health");
  copy.answer(Reply::json(R"({"shadow":1})"));
  up.wait_for_count("/copy", 1);
}

TEST(ShadowTest, ShadowsHaveADeadlineOfTheirOwn) {
  FakeUpstream up;
  up.on("/real", Reply::json(R"({"real":1})"));
  up.manual("/copy");
  GatewayProcess gateway(
      options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/real") + "," + shadow_of(up.url(), "/copy", R"(, "shadow_timeout": "200ms")")))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/m").body, R"({"real":1})");
  up.wait_for_request("/copy").wait_for_disconnect();
}

TEST(ShadowTest, ShadowsThatRunAreEndedWithTheGateway) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.on("/real", Reply::json(R"({"real":1})"));
  up.manual("/copy");
  up.manual("/other");
  GatewayProcess gateway(
      options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/real") + "," + shadow_of(up.url(), "/copy") + "," + shadow_of(up.url(), "/other")))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/m").header("X-Krakend-Completed"), "true");
  auto copy = up.wait_for_request("/copy");
  auto other = up.wait_for_request("/other");
  client.wire().shutdown_both();
  gateway.terminate();
  copy.wait_for_disconnect();
  other.wait_for_disconnect();
}

TEST(ShadowTest, WhatIsTooMuchIsLeftOut) {
  FakeUpstream up;
  up.on("/real", Reply::json(R"({"real":1})"));
  up.tolerate_disconnects();
  up.manual("/copy");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/real") + "," + shadow_of(up.url(), "/copy")))));
  TestClient client(gateway.port());
  for (int i = 0; i < 520; ++i) ASSERT_EQ(client.get("/m").body, R"({"real":1})");
  for (int i = 0; i < 512; ++i) up.wait_for_request("/copy").answer(Reply::json("{}"));
  EXPECT_EQ(up.count("/copy"), 512);
  EXPECT_NE(gateway.log().find("too many shadow calls"), std::string::npos);
}

TEST(SequenceTest, TheExampleOfTheDocumentationWorks) {
  FakeUpstream up;
  up.on("/orders/7", Reply::json(R"({"customer":{"id":"c9"},"country":"no","total":12.50,"lines":[{"sku":"x","internal":1},{"sku":"y"}]})"));
  up.on("/customers/c9", Reply::json(R"({"name":"Ann","password":"p","notes":["a"],"extra_notes":["b"]})"));
  up.on("/v2/orders/7", Reply::json("{}"));
  std::ifstream file(SLC_SOURCE_FOLDER "/config/orders.json");
  std::stringstream text;
  text << file.rdbuf();
  std::string config = text.str();
  for (std::string host = "http://127.0.0.1:8081"; config.find(host) != config.npos;) config.replace(config.find(host), host.size(), up.url());
  GatewayProcess gateway(options_of(config));
  TestClient client(gateway.port());
  Response r = client.get("/v1/orders/7");
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"order":{"customer":{"id":"c9"},"country":"no","lines":[{"sku":"x"},{"sku":"y"}]},
    "customer":{"name":"Ann","notes":["a","b"]},"total":12.50})"));
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
  up.wait_for_count("/v2/orders/7", 1);
}

}  // namespace
}  // namespace sluice::test

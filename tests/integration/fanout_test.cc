// Several backends behind one endpoint: parallel calls, partial answers, cancellation.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

TEST(FanOutTest, BackendsAreCalledInParallel) {
  FakeUpstream up;
  up.manual("/a");
  up.manual("/b");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b")))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m");
  auto a = up.wait_for_request("/a");
  auto b = up.wait_for_request("/b");  // there although /a has no answer
  a.answer(Reply::json(R"({"a":1})"));
  b.answer(Reply::json(R"({"b":2})"));
  Response r = client.read();
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"a":1,"b":2})"));
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
}

TEST(FanOutTest, TheLaterDeclaredBackendWinsWhicheverAnswersFirst) {
  FakeUpstream up;
  up.manual("/a");
  up.manual("/b");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b")))));
  TestClient client(gateway.port());
  for (bool a_first : {true, false}) {
    client.send_request("GET", "/m");
    auto a = up.wait_for_request("/a");
    auto b = up.wait_for_request("/b");
    (a_first ? a : b).answer(Reply::json(a_first ? R"({"k":"a","a":1})" : R"({"k":"b","b":1})"));
    (a_first ? b : a).answer(Reply::json(a_first ? R"({"k":"b","b":1})" : R"({"k":"a","a":1})"));
    EXPECT_EQ(Json::parse(client.read().body), Json::parse(R"({"k":"b","a":1,"b":1})")) << "a first: " << a_first;
  }
}

TEST(FanOutTest, PartialAnswerWhenOneBackendTimesOut) {
  FakeUpstream up;
  up.on("/fast", Reply::json(R"({"fast":1})"));
  up.manual("/slow");
  GatewayProcess gateway(options_of(config_of(
      endpoint_of("/m", backend_of(up.url(), "/fast") + "," + backend_of(up.url(), "/slow"), R"("timeout": "400ms", )"))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"fast":1})"));
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  up.wait_for_request("/slow").wait_for_disconnect();  // the call was cancelled, not forgotten
}

TEST(FanOutTest, ClientThatLeavesCancelsItsBackends) {
  FakeUpstream up;
  up.manual("/a");
  up.manual("/b");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b")))));
  for (bool hard : {false, true}) {
    TestClient client(gateway.port());
    client.send_request("GET", "/m");
    auto a = up.wait_for_request("/a");
    auto b = up.wait_for_request("/b");
    if (hard) {
      client.reset();
    } else {
      client.wire().shutdown_both();
    }
    a.wait_for_disconnect();
    b.wait_for_disconnect();
  }
}

TEST(FanOutTest, AHeldRequestDoesNotHoldOthers) {
  FakeUpstream up;
  up.manual("/held");
  up.on("/free", Reply::json(R"({"free":1})"));
  GatewayProcess gateway(options_of(
      config_of(endpoint_of("/held", backend_of(up.url(), "/held")) + "," + endpoint_of("/free", backend_of(up.url(), "/free")))));
  TestClient held(gateway.port()), free(gateway.port());
  held.send_request("GET", "/held");
  auto call = up.wait_for_request("/held");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(free.get("/free").status, 200);
  call.answer(Reply::json("{}"));
  EXPECT_EQ(held.read().status, 200);
}

TEST(FanOutTest, PipelinedRequestsAreAnsweredInOrderThoughTheBackendsAreNot) {
  FakeUpstream up;
  up.manual("/slow");
  up.on("/fast", Reply::json(R"({"n":2})"));
  GatewayProcess gateway(options_of(
      config_of(endpoint_of("/slow", backend_of(up.url(), "/slow")) + "," + endpoint_of("/fast", backend_of(up.url(), "/fast")))));
  TestClient client(gateway.port());
  client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\n\r\n");
  up.wait_for_request("/slow").answer(Reply::json(R"({"n":1})"));
  EXPECT_EQ(client.read().body, R"({"n":1})");
  EXPECT_EQ(client.read().body, R"({"n":2})");
}

}  // namespace
}  // namespace sluice::test

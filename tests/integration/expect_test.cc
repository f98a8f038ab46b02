// expect_continue_timeout: the client's expectation goes on to the backend, and the body waits for its word.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

struct ExpectTest : ::testing::Test {
  FakeUpstream up;
  std::unique_ptr<GatewayProcess> gateway;
  void start(const std::string& root) {
    up.manual("/u", FakeUpstream::Body::left);
    gateway = std::make_unique<GatewayProcess>(
        options_of(config_of(no_op_endpoint("/u", backend_of(up.url(), "/u"), R"("method": "POST", "input_headers": ["*"], )"), root)));
  }
  static constexpr std::string_view kHead = "POST /u HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
};

std::string body_of(FakeUpstream::Call& call, size_t size) {
  std::string body;
  while (body.size() < size) body += call.read_body_some();
  return body;
}

TEST_F(ExpectTest, TheBodyIsAskedForWhenTheBackendWantsIt) {
  start(R"("expect_continue_timeout": "20s", )");
  TestClient client{gateway->port()};
  client.send(kHead);
  FakeUpstream::Call call = up.wait_for_request("/u");
  EXPECT_EQ(call.request().headers.get("Expect"), "100-continue");
  call.send_raw("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.raw_line(), "HTTP/1.1 100 Continue");
  EXPECT_EQ(client.raw_line(), "");
  client.send("body");
  EXPECT_EQ(body_of(call, 4), "body");
  call.answer({200, {}, "done"});
  EXPECT_EQ(client.read("POST").body, "done");
}

TEST_F(ExpectTest, ARefusalComesBeforeAnybodyHasSentABody) {
  start(R"("expect_continue_timeout": "20s", )");
  up.tolerate_disconnects();  // the announced body never comes
  TestClient client{gateway->port()};
  client.send(kHead);
  FakeUpstream::Call call = up.wait_for_request("/u");
  call.answer({413, {}, "too large"});
  // The first thing the client hears: no 100 before it.
  EXPECT_EQ(client.raw_line(), "HTTP/1.1 413 Request Entity Too Large");
}

TEST_F(ExpectTest, ABackendThatSaysNothingGetsTheBodyWhenTheTimeIsOver) {
  start(R"("expect_continue_timeout": "20ms", )");
  TestClient client{gateway->port()};
  client.send(kHead);
  FakeUpstream::Call call = up.wait_for_request("/u");
  EXPECT_EQ(client.raw_line(), "HTTP/1.1 100 Continue");
  EXPECT_EQ(client.raw_line(), "");
  client.send("body");
  EXPECT_EQ(body_of(call, 4), "body");
  call.answer({200, {}, "done"});
  EXPECT_EQ(client.read("POST").body, "done");
}

TEST_F(ExpectTest, WithoutATimeoutTheGatewaySaysItItself) {
  start("");
  TestClient client{gateway->port()};
  client.send(kHead);
  EXPECT_EQ(client.raw_line(), "HTTP/1.1 100 Continue");
  EXPECT_EQ(client.raw_line(), "");
  client.send("body");
  FakeUpstream::Call call = up.wait_for_request("/u");
  EXPECT_FALSE(call.request().headers.has("Expect"));
  EXPECT_EQ(body_of(call, 4), "body");
  call.answer({200, {}, "done"});
  EXPECT_EQ(client.read("POST").body, "done");
}

}  // namespace
}  // namespace sluice::test

// Time-outs at the ends of what a configuration can say, and what the logs tell of a request that got no answer in time.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

std::string logged(const std::string& endpoints) {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"return_error_msg": true}}, "endpoints": [)" + endpoints + "]}";
}

TEST(TimeoutsTest, ANumberWithoutAUnitCountsNanosecondsWhichAreOverAtOnce) {
  FakeUpstream up;
  up.on("*", Reply::json(R"({"a":1})"));
  GatewayProcess gateway{options_of(config_of(endpoint_of("/number", backend_of(up.url(), "/a"), R"("timeout": 2000, )") + "," +
                                              endpoint_of("/text", backend_of(up.url(), "/a"), R"("timeout": "2000ms", )")))};
  TestClient client{gateway.port()};
  EXPECT_EQ(client.get("/number").status, 500);
  EXPECT_EQ(client.get("/text").body, R"({"a":1})");
  gateway.process().wait_for_output("/endpoints/0/timeout: a number without a unit counts nanoseconds");
  gateway.process().wait_for_output("did you mean \"2000ms\"?");
}

TEST(TimeoutsTest, YearsAreTimeEnough) {
  FakeUpstream up;
  up.tolerate_disconnects();  // of two calls at once the one that is too late
  up.on("*", Reply::json(R"({"a":1})"));
  const std::string years = R"("timeout": "2500000h", )";
  GatewayProcess gateway{options_of(config_of(endpoint_of("/two", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b"), years) + "," +
                                              endpoint_of("/twice", backend_of(up.url(), "/a"), years + R"("concurrent_calls": 2, )")))};
  TestClient client{gateway.port()};
  for (const char* path : {"/two", "/twice"}) EXPECT_EQ(client.get(path).body, R"({"a":1})") << path;
}

TEST(TimeoutsTest, WhatKeepsARequestFromItsBackendsIsInBothLogs) {
  FakeUpstream up;
  GatewayProcess gateway{options_of(logged(endpoint_of("/over", backend_of(up.url(), "/a"), R"("timeout": "-1s", )") + "," +
                                           endpoint_of("/body", backend_of(up.url(), "/a"), R"("method": "POST", )")))};
  EXPECT_EQ(get_once(gateway.port(), "/over").status, 500);
  gateway.process().wait_for_output("[ENDPOINT: /over] context deadline exceeded");
  gateway.process().wait_for_output("Error #01: context deadline exceeded");
  TestClient broken{gateway.port()};
  broken.send("POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(broken.raw_line(), "HTTP/1.1 100 Continue") << "the body is waited for";
  EXPECT_EQ(broken.raw_line(), "");
  broken.send("zz\r\n");
  EXPECT_EQ(broken.read("POST").status, 400);
  gateway.process().wait_for_output("[ENDPOINT: /body] ");
  EXPECT_EQ(up.count(), 0);
}

TEST(TimeoutsTest, LinesOfTheLogShowAPathAsItIsWritten) {
  FakeUpstream up;
  up.on("/500", Reply::json("{}", 500));
  GatewayProcess gateway{options_of(logged(endpoint_of("/a{b/c", backend_of(up.url(), "/500"))))};
  EXPECT_EQ(get_once(gateway.port(), "/a%7Bb/c").status, 500);
  gateway.process().wait_for_output("[ENDPOINT: /a{b/c] ");
}

}  // namespace
}  // namespace sluice::test

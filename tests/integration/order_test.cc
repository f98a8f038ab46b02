// plugin.order: what a request and its answer meet is what the scripts of the test plugin note on their way.
#include <gtest/gtest.h>

#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

std::string noting(const std::string& name, const std::string& id) {
  return "\"" + name + R"(": {"id": ")" + id + R"(", "on_request": [["note"]], "on_response": [["note"]]})";
}

class OrderTest : public ::testing::Test {
 protected:
  OrderTest() {
    up_.on("/d", [](const FakeUpstream::Request& r) { return Reply::json(R"({"seen":")" + r.headers.get("X-Trace") + "\"}"); });
  }
  std::string config(const std::string& order) {
    const std::string backend = R"("extra_config": {)" + noting("test/backend-outer", "b1") + ", " + noting("test/backend-inner", "b2") + "}";
    const std::string endpoint = R"("input_headers": ["X-Trace"], "extra_config": {)" + noting("test/endpoint-outer", "e1") + ", " +
                                 noting("test/endpoint-inner", "e2") + "}, ";
    return R"({"version": 3, "timeout": "20s", "plugin": {"order": )" + order +
           R"(}, "extra_config": {"router": {"disable_access_log": true}}, "endpoints": [)" +
           endpoint_of("/x", backend_of(up_.url(), "/d", backend), endpoint) + "]}";
  }
  FakeUpstream up_;
};

TEST_F(OrderTest, WithoutAListTheStagesDecide) {
  PluggedGateway gateway({"script"}, config("[]"));
  TestClient client(gateway.port());
  const Response r = client.get("/x");
  EXPECT_EQ(r.body, R"({"seen":"e1 e2 b1 b2"})");
}

TEST_F(OrderTest, ThoseOfOneChainRunAsTheListSaysAndAnswersPassThemBackwards) {
  PluggedGateway gateway({"script"}, config(R"(["test/backend-inner", "test/endpoint-inner", "test/backend-outer", "test/endpoint-outer"])"));
  TestClient client(gateway.port());
  const Response r = client.get("/x");
  EXPECT_EQ(r.body, R"({"seen":"e2 e1 b2 b1"})");
  EXPECT_TRUE(r.header("X-Trace").ends_with("e1 e2")) << r.header("X-Trace");
}

TEST_F(OrderTest, OneNameAloneMovesNothing) {
  PluggedGateway gateway({"script"}, config(R"(["test/endpoint-inner", "test/backend-inner"])"));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/x").body, R"({"seen":"e1 e2 b1 b2"})");
}

TEST_F(OrderTest, ALimitInFrontOfTheBotDetectorCountsBotsToo) {
  const std::string blocks =
      R"("extra_config": {"security/bot-detector": {"deny": ["EvilBot"]}, "qos/ratelimit/router": {"max_rate": 0.0001, "capacity": 1}}, )";
  const std::string endpoints = R"("endpoints": [)" + endpoint_of("/x", backend_of(up_.url(), "/d"), blocks) + "]}";
  for (const bool first : {false, true}) {
    const std::string order = first ? R"("plugin": {"order": ["qos/ratelimit/router", "security/bot-detector"]}, )" : "";
    PluggedGateway gateway({}, R"({"version": 3, )" + order + endpoints);
    TestClient client(gateway.port());
    EXPECT_EQ(client.get("/x", {{"User-Agent", "EvilBot"}}).status, 403);
    EXPECT_EQ(client.get("/x").status, first ? 503 : 200);
  }
}

TEST_F(OrderTest, NamesThatOrderNothingAreTold) {
  PluggedGateway gateway({"script"}, config(R"(["test/endpoint-iner", "sd/static", "github_com/devopsfaith/krakend-botdetector"])"));
  const std::string log = gateway.log_to_the_end();
  EXPECT_NE(log.find(R"(no plugin provides "test/endpoint-iner"; did you mean "test/endpoint-inner"?)"), std::string::npos) << log;
  EXPECT_NE(log.find("/plugin/order/0"), std::string::npos) << log;
  EXPECT_NE(log.find(R"(is another name of "security/bot-detector": the order needs that one)"), std::string::npos) << log;
}

TEST_F(OrderTest, ANameTwiceIsRefused) {
  const Ran r = run_plugged({"script"}, "check", config(R"(["test/endpoint-inner", "test/endpoint-inner"])"));
  EXPECT_NE(r.code, 0);
  EXPECT_NE(r.output.find("\"test/endpoint-inner\" is in the list twice"), std::string::npos) << r.output;
}

}  // namespace
}  // namespace sluice::test

// Redirects of backends that sluice follows (pipeline.md §7).
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/wire.h"

namespace sluice::test {
namespace {

TEST(RedirectTest, ACarriedOutRequestIsNotSentToAnotherHostWhenTheRedirectLeadsNowhere) {
  FakeUpstream first, second;
  ReservedPort nowhere;  // nobody listens there
  for (FakeUpstream* up : {&first, &second}) up->on("/create", Reply{303, {{"Location", "http://127.0.0.1:" + std::to_string(nowhere.number()) + "/done"}}, ""});
  GatewayProcess gateway{options_of(config_of(
      endpoint_of("/x", backend_of(first.url() + R"(", ")" + second.url(), "/create", R"("method": "POST")"), R"("method": "POST", )")))};
  TestClient client{gateway.port()};
  EXPECT_EQ(client.request("POST", "/x", {{"Content-Type", "application/json"}}, R"({"order":1})").status, 500);
  ASSERT_EQ(first.count() + second.count(), 1);
  const auto seen = first.count() ? first.requests() : second.requests();
  EXPECT_EQ(seen[0].body, R"({"order":1})");
}

TEST(RedirectTest, TheNextPlaceLearnsWhereItCameFromUnlessTheClientSaidSo) {
  FakeUpstream up;
  up.on("/a", Reply{302, {{"Location", "/b"}}, ""});
  up.on("/b", Reply::json(R"({"b":1})"));
  GatewayProcess gateway{options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/a?q=1"), R"("input_headers": ["Referer"], )")))};
  TestClient client{gateway.port()};
  EXPECT_EQ(client.get("/x").body, R"({"b":1})");
  EXPECT_EQ(client.request("GET", "/x", {{"Referer", "http://shop/"}}).body, R"({"b":1})");
  std::vector<std::string> referers;
  for (const auto& r : up.requests())
    if (r.path == "/b") referers.push_back(r.headers.get("Referer"));
  EXPECT_EQ(referers, (std::vector<std::string>{up.url() + "/a?q=1", "http://shop/"}));
}

}  // namespace
}  // namespace sluice::test

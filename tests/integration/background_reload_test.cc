// Reloads while background work of the configuration before does not come to its end.
#include <gtest/gtest.h>

#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

std::string config(const std::string& timeout) {
  return config_of(endpoint_of("/x", backend_of("http://127.0.0.1:1", "/d"),
                               extra({{"test/services", ""}}) + R"(, "input_headers": ["*"], "timeout": ")" + timeout + "\", "));
}
Response ask(const PluggedGateway& gateway, const std::string& what) { return get_once(gateway.port(), "/x", {{"X-Do", what}}); }

TEST(BackgroundReloadTest, WorkThatDoesNotEndHoldsUpNoReloadAndIsNamed) {
  PluggedGateway gateway({"services"}, config("300ms"));
  EXPECT_EQ(ask(gateway, "work-stuck").status, 500) << "nobody waits for it longer than the time-out";
  for (const char* timeout : {"310ms", "320ms", "330ms"}) {
    gateway->configure(config(timeout));
    const Ran ran = sluice_reload(*gateway.operator->());
    EXPECT_EQ(ran.code, 0) << ran.output;
  }
  EXPECT_EQ(ask(gateway, "work").body, "elsewhere") << "the new one has threads";
  std::string named;
  for (int i = 0; i < 300 && named.empty(); ++i) {
    const Json status = status_of(*gateway.operator->());
    EXPECT_GE(status.at("generations").size(), 2u);
    if (status.has("background_work")) named = status.at("background_work").items().front().at("work").str();
  }
  EXPECT_NE(named.find("work of plugin test.services"), std::string::npos) << named;
  while (ask(gateway, "release").body != "1") {
  }
  EXPECT_TRUE(wait_for_generations(*gateway.operator->(), 1));
}

}  // namespace
}  // namespace sluice::test

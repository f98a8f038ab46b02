// sluice.work/1, dns/1, store/1 and the events of sluice.loop/1 in the running gateway.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/plugins/plugin_folder.h"
#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

std::string config(const std::string& more = "") {
  return config_of(endpoint_of("/x", backend_of("http://127.0.0.1:1", "/d"), extra({{"test/services", ""}}) + R"(, "input_headers": ["*"], )" + more));
}
Response ask(uint16_t port, const std::string& what) { return get_once(port, "/x", {{"X-Do", what}}); }

TEST(HostServicesTest, AJobRunsOnAnotherThreadAndItsResultIsTheAnswer) {
  PluggedGateway gateway({"services"}, config());
  EXPECT_EQ(ask(gateway.port(), "work").body, "elsewhere");
  EXPECT_EQ(ask(gateway.port(), "work-fails").status, 500);
  EXPECT_NE(gateway.log_to_the_end().find("background work threw: out of order"), std::string::npos);
}

TEST(HostServicesTest, JobsAreInTheAccountThoughTheyRunOnNoEventLoop) {
  PluggedGateway gateway({"services"}, config());
  const auto jobs = [&]() -> long long {
    const Json status = status_of(*gateway.operator->());
    for (const Json& p : status.at("cost").at("plugins").items())
      if (p.at("plugin").str() == "test.services")
        for (const Json& place : p.at("places").items())
          if (place.at("hooks").has("work")) return place.at("hooks").at("work").at("calls").whole();
    return 0;
  };
  // Those of requests, and the plugin's task in the background. One is counted a moment after its answer.
  for (int asked = 0; asked < 3 || (asked < 300 && jobs() < 3); ++asked) EXPECT_EQ(ask(gateway.port(), "work").body, "elsewhere");
  EXPECT_GE(jobs(), 3);
}

TEST(HostServicesTest, BlockedJobsHoldUpTheirOwnRequestsOnlyAndTimeOutsLeaveThemBehind) {
  PluggedGateway gateway({"services"}, config(R"("timeout": "300ms", )"));
  std::vector<std::unique_ptr<TestClient>> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(std::make_unique<TestClient>(gateway.port()));
    stuck.back()->send_request("GET", "/x", {{"X-Do", "work-stuck"}});
  }
  EXPECT_EQ(ask(gateway.port(), "count a").body, "1") << "the worker itself is free";
  EXPECT_EQ(ask(gateway.port(), "work").body, "elsewhere");
  for (auto& c : stuck) EXPECT_EQ(c->read().status, 500) << "nobody waits for them longer than the time-out";
  // They still run; what they hold is freed when they end, before the plugin goes.
  int released = 0;
  while (released < 4) released += std::stoi(ask(gateway.port(), "release").body);
}

TEST(HostServicesTest, NamesAreResolved) {
  PluggedGateway gateway({"services"}, config());
  EXPECT_NE(ask(gateway.port(), "dns localhost").body.find("127.0.0.1"), std::string::npos);
  EXPECT_EQ(ask(gateway.port(), "dns 192.0.2.7").body, "192.0.2.7");
  EXPECT_EQ(ask(gateway.port(), "dns 2001:db8::1").body, "2001:db8::1");
  EXPECT_EQ(ask(gateway.port(), std::string{"dns "} + std::string(300, 'a')).status, 500) << "no name at all is refused at once";
}

TEST(HostServicesTest, AllWorkersShareOneStore) {
  PluggedGateway gateway({"services"}, config(), 4);
  for (int i = 1; i <= 40; ++i) EXPECT_EQ(ask(gateway.port(), "count visits").body, std::to_string(i));
  EXPECT_EQ(ask(gateway.port(), "put k one").body, "0");
  EXPECT_EQ(ask(gateway.port(), "get k").body, "one");
  EXPECT_EQ(ask(gateway.port(), "add k two").body, "-13") << "SLC_EEXIST";
  EXPECT_EQ(ask(gateway.port(), "count k").body, "-1") << "no counter";
  EXPECT_EQ(ask(gateway.port(), "erase k").body, "0");
  EXPECT_EQ(ask(gateway.port(), "erase k").body, "-2");
  EXPECT_EQ(ask(gateway.port(), "get k").body, "nothing");
  EXPECT_EQ(ask(gateway.port(), "add k two").body, "0");
  EXPECT_EQ(ask(gateway.port(), "get k").body, "two");
}

TEST(HostServicesTest, ABellOfAnotherThreadIsHeardOnceForTwoRings) {
  PluggedGateway gateway({"services"}, config());
  TestClient client(gateway.port());
  for (int i = 1; i <= 5; ++i) {
    const int heard = std::stoi(client.request("GET", "/x", {{"X-Do", "bell"}}).body);
    EXPECT_GE(heard, i);
    EXPECT_LE(heard, 2 * i) << "rung twice each time; both rings are heard only when the loop was quicker";
  }
}

TEST(HostServicesTest, ATaskOfTheBackgroundRunsAgainAndEndsWithItsObject) {
  PluggedGateway gateway({"services"}, config());
  while (std::stoi(ask(gateway.port(), "background").body) < 3) {
  }
  gateway.log_to_the_end();
}

}  // namespace
}  // namespace sluice::test

// A plugin's code is swapped while it runs, tried on a share of the requests, and sent back when it fails.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/reloading.h"
#include "tests/integration/stamp_gateway.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

class Swapping : public StampGateway {
 public:
  // `root`: further members of the configuration.
  explicit Swapping(FakeUpstream& up, const std::string& root = "", int workers = 2, const std::vector<std::string>& arguments = {}) : StampGateway{{}} {
    start(config(up, root), workers, arguments);
  }
  static std::string config(FakeUpstream& up, const std::string& root) {
    return config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"test/stamp", ""}}) + ", "), root);
  }
};

TEST(SwapTest, AChangedFileIsTakenUpAndRunningRequestsEndInTheOldCode) {
  FakeUpstream up;
  up.manual("/d");
  Swapping gateway(up);
  TestClient busy(gateway->port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  gateway.put("b");
  Ran ran = sluice_reload(*gateway);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_TRUE(has(ran.output, "plugin test.stamp altered: another build of 1.0.0")) << ran.output;
  TestClient other(gateway->port());
  other.send_request("GET", "/x");
  auto second = up.wait_for_request("/d");
  call.answer(Reply::json("{}")), second.answer(Reply::json("{}"));
  EXPECT_EQ(busy.read().header("X-Build-Out"), "a");
  Response r = other.read();
  EXPECT_EQ(r.header("X-Build-Out"), "b");
  EXPECT_EQ(r.header("X-Count"), "2") << "shared blocks go over to the new code";
  EXPECT_EQ(r.header("X-Own-Count"), "2") << "and so does the state that the object exports";
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
}

TEST(SwapTest, ABrokenOrMissingFileLeavesTheOldCodeAtWork) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up);
  { std::ofstream{gateway.file() + ".new"} << "no plugin at all"; }
  fs::rename(gateway.file() + ".new", gateway.file());
  Ran broken = sluice_reload(*gateway);
  EXPECT_EQ(broken.code, 1) << broken.output;
  EXPECT_TRUE(has(broken.output, "stamp.so")) << broken.output;
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  fs::remove(gateway.file());
  Ran missing = sluice_reload(*gateway);
  EXPECT_EQ(missing.code, 1) << missing.output;
  EXPECT_TRUE(has(missing.output, "test/stamp") && has(missing.output, "did until now")) << missing.output;
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  gateway.put("b");
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
}

TEST(SwapTest, PluginsThatComeAndGoAreSaid) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up);
  const std::string file = gateway.folder() + "/counting.so";
  fs::copy_file(SLC_TEST_PLUGINS_FOLDER "/counting.so", file);
  Ran came = sluice_reload(*gateway);
  EXPECT_EQ(came.code, 0) << came.output;
  EXPECT_TRUE(has(came.output, "plugin test.counting 1.0.0 added (" + file + ")")) << came.output;
  EXPECT_FALSE(has(came.output, "test.stamp")) << "what is the same is not told: " << came.output;
  gateway->process().wait_for_output("Reload: plugin test.counting 1.0.0 added");
  fs::remove(file);
  Ran went = sluice_reload(*gateway);
  EXPECT_EQ(went.code, 0) << went.output;
  EXPECT_TRUE(has(went.output, "plugin test.counting 1.0.0 removed")) << went.output;
  gateway->process().wait_for_output("Reload: plugin test.counting 1.0.0 removed");
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
}

TEST(SwapTest, AWatchedFolderSwapsCodeByItself) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up, "", 2, {"--watch"});
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  gateway.put("b");
  gateway->process().wait_for_output("Reload: plugin test.stamp altered: another build of 1.0.0");
  EXPECT_TRUE(has(gateway->log(), "Reload (watch): generation ")) << gateway->log();
  const Response r = gateway.get();
  EXPECT_EQ(r.header("X-Build-Out"), "b");
  EXPECT_EQ(r.header("X-Count"), "2");
}

TEST(SwapTest, BackAndForthUnderLoadNothingIsLostAndNothingGrows) {
  FakeUpstream up;
  up.tolerate_disconnects();  // calls for clients that leave are given up
  up.on("/d", Reply::json(R"({"a":1})"));
  Swapping gateway(up);
  Load load(gateway->port(), 6, "/x", [](const Response& r) {
    return r.status == 200 && r.body == R"({"a":1})" && (r.header("X-Build-Out") == "a" || r.header("X-Build-Out") == "b");
  });
  size_t mapped = 0;
  for (int i = 1; i <= 20; ++i) {
    gateway.put(i % 2 ? "b" : "a");
    Ran ran = sluice_reload(*gateway);
    ASSERT_EQ(ran.code, 0) << ran.output;
    load.wait_for(10);
    TestClient{gateway->port()}.send_request("GET", "/x");  // and leaves
    const size_t now = static_cast<size_t>(occurrences(read_file("/proc/" + std::to_string(gateway->pid()) + "/maps"), "stamp.so"));
    if (i == 1) mapped = now;
    EXPECT_EQ(now, mapped) << "both builds are mapped once, however often they come";
  }
  load.end();
  EXPECT_EQ(load.bad(), 0);
  EXPECT_EQ(load.lost(), 0);
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  expect_each_request_done(*gateway, "/x");
}

Ran sluice_plugins(const GatewayProcess& g, const std::vector<std::string>& more = {}) {
  std::vector<std::string> argv{gateway_binary(), "plugins", "--admin", g.admin()};
  argv.insert(argv.end(), more.begin(), more.end());
  return run_program(argv);
}

TEST(SwapTest, TheListOfPluginsHasTheOldCodeForAsLongAsARequestRunsInIt) {
  FakeUpstream up;
  up.manual("/d");
  Swapping gateway(up);
  TestClient busy(gateway->port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  gateway.put("b");
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  const Ran both = sluice_plugins(*gateway);
  EXPECT_EQ(both.code, 0) << both.output;
  EXPECT_TRUE(has(both.output, ", generation 2):\n")) << both.output;
  EXPECT_EQ(occurrences(both.output, "test.stamp 1.0.0  " + gateway.file() + "\n"), 2) << both.output;
  EXPECT_EQ(occurrences(both.output, "\n  of generation 1, which ends its last requests\n"), 1)
      << "only the plugin that is not the other's, too: " << both.output;
  EXPECT_EQ(occurrences(both.output, "  used 1 time: [ENDPOINT: /x] test/stamp\n"), 2) << both.output;
  call.answer(Reply::json("{}"));
  EXPECT_EQ(busy.read().header("X-Build-Out"), "a");
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  const Ran one = sluice_plugins(*gateway);
  EXPECT_EQ(occurrences(one.output, "test.stamp 1.0.0  "), 1) << one.output;
  EXPECT_FALSE(has(one.output, "of generation")) << one.output;
}

std::string trial(const std::string& settings) { return R"("plugin": {"trial": {"test.stamp": {)" + settings + "}}}, "; }

TEST(TrialTest, AShareOfTheRequestsGoesThroughTheNewBuildUntilItIsPromoted) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up, trial(R"("share": 25)"), 1);
  gateway.put("b");
  Ran ran = sluice_reload(*gateway);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_TRUE(has(ran.output, "on trial with 25 % of the requests")) << ran.output;
  int fresh = 0;
  for (int i = 0; i < 40; ++i) fresh += gateway.get().header("X-Build-Out") == "b";
  EXPECT_EQ(fresh, 10);
  Json status = status_of(*gateway).at("trial");
  EXPECT_EQ(status.at("new").at("requests").whole(), 10);
  EXPECT_EQ(status.at("old").at("requests").whole(), 30);
  ran = sluice_reload(*gateway);
  EXPECT_TRUE(has(ran.output, "stays on trial")) << ran.output;
  EXPECT_EQ(status_of(*gateway).at("trial").at("new").at("requests").whole(), 10) << "the same trial goes on";
  ran = sluice_reload(*gateway, {"--promote"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  EXPECT_EQ(sluice_reload(*gateway, {"--promote"}).code, 1) << "there is no trial any more";
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
}

TEST(TrialTest, TheListOfPluginsHasBothBuilds) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up, trial(R"("share": 25)"), 1);
  gateway.put("b");
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  const Ran ran = sluice_plugins(*gateway, {"--json"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  const Json list = Json::parse_or_throw(ran.output, "the list");
  std::map<std::string, std::string> builds;  // by role
  for (const Json& p : list.at("plugins").items()) {
    if (p.at("id").str() == "test.stamp") builds[p.at("role").str()] = p.at("sha256").str();
    else EXPECT_EQ(p.at("role").str(), "current") << p.dump();
  }
  EXPECT_EQ(builds.size(), 2u) << ran.output;
  EXPECT_NE(builds["current"], builds["trial"]);
  EXPECT_TRUE(has(sluice_plugins(*gateway).output, ", which is on trial\n"));
}

TEST(TrialTest, TheDocumentedBlockIsAccepted) {
  const std::string page = read_file(SLC_SOURCE_FOLDER "/docs/operating.md");
  const size_t from = page.find(R"({"plugin": {"trial")");
  ASSERT_NE(from, std::string::npos);
  const std::string config = R"({"version": 3, "endpoints": [], )" + page.substr(from + 1, page.find('\n', from) - from - 1);
  Ran ran = run_plugged({"build-a/stamp"}, "check", std::string{config}.replace(config.find("acme.stamp"), 10, "test.stamp"));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_FALSE(has(ran.output, "warning")) << ran.output;
}

TEST(TrialTest, OfAPluginThatNobodyHasIsRefusedBecauseTheBuildWouldGoUntried) {
  Ran ran = run_plugged({"build-a/stamp"}, "check", R"({"version": 3, "plugin": {"trial": {"test.stmp": {"share": 5}}}, "endpoints": []})");
  EXPECT_EQ(ran.code, 1) << ran.output;
  EXPECT_TRUE(has(ran.output, "/plugin/trial/test.stmp: no plugin has the id or file name \"test.stmp\"; did you mean \"test.stamp\"?")) << ran.output;
}

TEST(TrialTest, ABuildThatFailsIsSentBackByItself) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up, trial(R"("share": 50, "max_error_rate": 10, "min_requests": 5)"), 1);
  gateway.put("bad");
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  int failed = 0;
  for (int i = 0; i < 10; ++i) failed += gateway.get().status != 200;
  EXPECT_EQ(failed, 5) << "each second one, until there were enough to judge";
  gateway->process().wait_for_output("was sent back");
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  EXPECT_TRUE(has(status_of(*gateway).at("trial").at("last").str(), "was sent back"));
  Ran again = sluice_reload(*gateway);
  EXPECT_EQ(again.code, 0) << again.output;
  EXPECT_TRUE(has(again.output, "this build was sent back")) << again.output;
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a") << "the same build is not tried again";
  gateway.put("b");
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  int fresh = 0;
  for (int i = 0; i < 4; ++i) fresh += gateway.get().header("X-Build-Out") == "b";
  EXPECT_EQ(fresh, 2) << "another build is";
}

TEST(TrialTest, ItIsJudgedWhenThereAreEnoughRequestsThoughTheLastOnesWereGood) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up, trial(R"("share": 50, "max_error_rate": 10, "min_requests": 10)"), 1);
  gateway.put("flaky");
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  int failed = 0;
  for (int i = 0; i < 20; ++i) failed += gateway.get().status != 200;
  EXPECT_EQ(failed, 6) << "of the ten that it had";
  gateway->process().wait_for_output("was sent back");
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
}

TEST(TrialTest, WhenItsTimeIsOverABuildThatDidWellHasAllRequests) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up, trial(R"("share": 50, "min_requests": 5, "duration": "1ms")"), 1);
  gateway.put("b");
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  for (int i = 0; i < 4; ++i) gateway.get();
  Json status = status_of(*gateway).at("trial");
  EXPECT_EQ(status.at("builds").size(), 1u) << "its time is over, but two requests are too few to judge by";
  EXPECT_EQ(status.at("new").at("requests").whole(), 2);
  for (int i = 0; i < 6; ++i) gateway.get();
  gateway->process().wait_for_output("has all requests now, its time is over");
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
  status = status_of(*gateway).at("trial");
  EXPECT_EQ(status.at("builds").size(), 0u);
  EXPECT_TRUE(has(status.at("last").str(), "its time is over")) << status.dump();
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b") << "it is the build in use now, not one on trial";
}

TEST(TrialTest, WhenItsTimeIsOverABuildThatDidWorseIsSentBackThoughNoRequestOfItFailsAnyMore) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}", 500));
  const std::string settings = R"("share": 10, "max_error_rate": 25, "min_requests": 1)";
  Swapping gateway(up, trial(settings), 1);
  gateway.put("bad");
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(gateway.get().status, 500);
  EXPECT_EQ(up.count("/d"), 9) << "the tenth was the new build's, which fails before it asks, but no more often than the other side";
  up.on("/d", Reply::json("{}"));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  const Json status = status_of(*gateway).at("trial");
  EXPECT_EQ(status.at("builds").size(), 1u) << "it is worse by far now, and nobody has looked";
  EXPECT_EQ(status.at("new").at("requests").whole(), 1);
  EXPECT_EQ(status.at("old").at("requests").whole(), 18);
  // The same trial, which gets an end: it is over already.
  gateway->configure(Swapping::config(up, trial(settings + R"(, "duration": "1ms")")));
  Ran ran = sluice_reload(*gateway);
  EXPECT_TRUE(has(ran.output, "stays on trial")) << ran.output;
  gateway->process().wait_for_output("was sent back");
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  EXPECT_TRUE(has(status_of(*gateway).at("trial").at("last").str(), "was sent back"));
}

TEST(TrialTest, APersonMayTakeWhatWasSentBack) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Swapping gateway(up, trial(R"("share": 100, "min_requests": 1)"), 1);
  gateway.put("bad");
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().status, 500);
  gateway->process().wait_for_output("was sent back");
  EXPECT_EQ(gateway.get().status, 200);
  EXPECT_EQ(sluice_reload(*gateway, {"--promote"}).code, 0);
  EXPECT_EQ(gateway.get().status, 500);
}

}  // namespace
}  // namespace sluice::test

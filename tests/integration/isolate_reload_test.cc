// Plugins in processes of their own while the configuration and their code change: helpers of what stays the same stay, and with
// them what the plugin counts there; requests end where they began; what is wrong changes nothing.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/integration/reloading.h"
#include "tests/integration/stamp_gateway.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

struct Helper {
  long long pid, deaths;
  std::string state;
  bool operator==(const Helper&) const = default;
};
void PrintTo(const Helper& h, std::ostream* out) { *out << h.pid << ' ' << h.state << ", deaths " << h.deaths; }

// As the status has them, and as the system has them: the gateway starts no other processes.
std::vector<Helper> helpers_of(const GatewayProcess& g) {
  std::vector<Helper> out;
  const Json status = status_of(g);
  for (const Json& plugin : status.at("isolated").items())
    for (const Json& h : plugin.at("helpers").items())
      out.push_back({h.at("pid").whole(), h.at("deaths").whole(), h.at("state").str()});
  return out;
}
std::set<long long> children_of(pid_t parent) {
  std::set<long long> out;
  for (const auto& thread : fs::directory_iterator{"/proc/" + std::to_string(parent) + "/task"}) {
    std::ifstream in{thread.path() / "children"};
    for (long long pid; in >> pid;) out.insert(pid);
  }
  return out;
}
std::set<long long> pids(const std::vector<Helper>& helpers) {
  std::set<long long> out;
  for (const Helper& h : helpers) out.insert(h.pid);
  return out;
}

// The plugin is isolated by this rule.
class Isolating : public StampGateway {
 public:
  explicit Isolating(FakeUpstream& up, const std::string& rule = "true", int workers = 2) : StampGateway{{"poison", "counting"}}, up_{up} {
    start(config(rule), workers);
  }
  std::string config(const std::string& rule, const std::string& more = "") const {
    return config_of(endpoint_of("/x", backend_of(up_.url(), "/d"), extra({{"test/stamp", ""}}) + ", ") + more,
                     R"("plugin": {"isolate": {"test.stamp": )" + rule + "}}, ");
  }
  void reload() {
    Ran ran = sluice_reload(**this);
    ASSERT_EQ(ran.code, 0) << ran.output;
  }

 private:
  FakeUpstream& up_;
};

TEST(IsolateReloadTest, ARequestInFlightEndsInTheOldHelperAndNewOnesBeginInTheNew) {
  FakeUpstream up;
  up.manual("/d");
  Isolating gateway(up);
  const auto before = helpers_of(*gateway);
  TestClient busy(gateway->port()), other(gateway->port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  gateway.put("b");
  gateway.reload();
  EXPECT_EQ(children_of(gateway->pid()).size(), 2u) << "the old helper has a request";
  other.send_request("GET", "/x");
  auto second = up.wait_for_request("/d");
  call.answer(Reply::json("{}")), second.answer(Reply::json("{}"));
  EXPECT_EQ(busy.read().header("X-Build-Out"), "a");
  Response r = other.read();
  EXPECT_EQ(r.header("X-Build-Out"), "b");
  EXPECT_EQ(r.header("X-Own-Count"), "2") << "the state that the object exports went from one process to the other";
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  const auto after = helpers_of(*gateway);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_NE(after[0].pid, before.at(0).pid);
  EXPECT_EQ(children_of(gateway->pid()), pids(after)) << "the old one is gone";
}

TEST(IsolateReloadTest, APluginThatStaysTheSameKeepsItsHelperAndWhatItCountsThere) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Isolating gateway(up, R"({"timeout": "30s"})");
  const auto before = helpers_of(*gateway);
  ASSERT_EQ(before.size(), 1u);
  int count = 0;
  for (int i = 0; i < 5; ++i) {
    Response r = gateway.get();
    EXPECT_EQ(r.header("X-Count"), std::to_string(++count)) << "the shared block";
    EXPECT_EQ(r.header("X-Own-Count"), std::to_string(count)) << "the exported state";
    // Something else changes, and the plugin gets a further place.
    gateway->configure(
        gateway.config(R"({"timeout": "30s"})", "," + endpoint_of("/" + std::to_string(i), backend_of(up.url(), "/d"), extra({{"test/stamp", ""}}) + ", ")));
    gateway.reload();
    EXPECT_TRUE(wait_for_generations(*gateway, 1));
  }
  EXPECT_EQ(helpers_of(*gateway), before);
  EXPECT_EQ(children_of(gateway->pid()), pids(before)) << "and there is no process besides";
}

TEST(IsolateReloadTest, ARequestInFlightEndsInItsObjectWhereBothAreInOneHelper) {
  FakeUpstream up;
  up.manual("/d");
  Isolating gateway(up);
  TestClient busy(gateway->port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  gateway.reload();
  EXPECT_EQ(status_of(*gateway).at("generations").size(), 2u);
  TestClient other(gateway->port());
  other.send_request("GET", "/x");
  up.wait_for_request("/d").answer(Reply::json("{}"));
  EXPECT_EQ(other.read().header("X-Own-Count"), "2");
  call.answer(Reply::json("{}"));
  Response r = busy.read();
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Own-Count"), "1") << "of the object that it began in";
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
}

TEST(IsolateReloadTest, ALimitHoldsAcrossReloads) {
  FakeUpstream up;
  const auto config = [&](const std::string& more) {
    return config_of(endpoint_of("/x", backend_of("http://127.0.0.1:1", "/d"), extra({{"test/count", R"("tokens": 6)"}}) + ", ") + more,
                     R"("plugin": {"isolate": ["counting"]}, )");
  };
  PluggedGateway gateway({"counting"}, config(""), 2);
  int good = 0;
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 3; ++k) good += get_once(gateway.port(), "/x").status == 200;
    gateway->configure(config("," + endpoint_of("/" + std::to_string(i), backend_of("http://127.0.0.1:1", "/d"))));
    ASSERT_EQ(sluice_reload(*gateway.operator->()).code, 0);
  }
  EXPECT_EQ(good, 6);
}

TEST(IsolateReloadTest, StatesOfSeveralHelpersGoToTheirSuccessors) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Isolating gateway(up, R"({"helpers": 3})", 1);
  EXPECT_EQ(gateway.get().header("X-Own-Count"), "1");
  for (int i = 2; i < 6; ++i) {
    gateway.put(i % 2 ? "a" : "b");
    gateway.reload();
    EXPECT_EQ(gateway.get().header("X-Own-Count"), std::to_string(i));
  }
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  EXPECT_EQ(children_of(gateway->pid()).size(), 3u);
}

TEST(IsolateReloadTest, NothingIsLostUnderLoadAndAsManyProcessesAreLeft) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  for (bool swaps : {false, true}) {
    SCOPED_TRACE(swaps ? "the code changes" : "the code stays");
    Isolating gateway(up, R"({"timeout": "60s", "helpers": 2})");
    Load load(gateway->port(), 4, "/x", [](const Response& r) {
      return r.status == 200 && r.body == R"({"a":1})" && (r.header("X-Build-Out") == "a" || r.header("X-Build-Out") == "b");
    });
    for (int i = 1; i <= 10; ++i) {
      if (swaps) gateway.put(i % 2 ? "b" : "a");
      gateway.reload();
      load.wait_for(5);
    }
    load.end();
    EXPECT_EQ(load.bad(), 0);
    EXPECT_EQ(load.lost(), 0);
    EXPECT_TRUE(wait_for_generations(*gateway, 1));
    EXPECT_EQ(helpers_of(*gateway).size(), 2u);
    EXPECT_EQ(children_of(gateway->pid()).size(), 2u);
    EXPECT_EQ(occurrences(gateway->log(), " died: "), 0) << gateway->log();
  }
}

TEST(IsolateReloadTest, ABadReloadLeavesTheHelpersAsTheyAre) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  const auto config = [&](const std::string& block) {
    return config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"test/poison", block}}) + ", "),
                     R"("plugin": {"isolate": {"poison": {"timeout": "30s"}}}, )");
  };
  PluggedGateway gateway({"poison"}, config(""));
  GatewayProcess& g = *gateway.operator->();
  const auto before = helpers_of(g);
  for (auto [block, said] : {std::pair{R"("in": "create", "do": "segv")", "died in create(): SIGSEGV"},
                             std::pair{R"("in": "create", "do": "exit")", "exit code 3"}, std::pair{R"("in": "wrong", "do": "x")", "the deed is wrong"}}) {
    gateway->configure(config(block));
    Ran ran = sluice_reload(g);
    EXPECT_EQ(ran.code, 1) << ran.output;
    EXPECT_TRUE(contains(ran.output, "/endpoints/0/extra_config/test~1poison") && contains(ran.output, said)) << ran.output;
    EXPECT_EQ(occurrences(ran.output, said), 1) << "told once\n" << ran.output;
    EXPECT_EQ(get_once(gateway.port(), "/x").header("X-Seen"), "yes");
    EXPECT_EQ(helpers_of(g), before);
    EXPECT_EQ(children_of(gateway->pid()), pids(before)) << "the process that it was tried in is gone";
  }
  { std::ofstream{g.config_file()} << "{"; }
  EXPECT_EQ(sluice_reload(g).code, 1);
  EXPECT_EQ(helpers_of(g), before);
  gateway->configure(config(R"("in": "doubtful", "do": "x")"));
  Ran ran = sluice_reload(g);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(occurrences(ran.output, "the deed is doubtful"), 1) << ran.output;
  EXPECT_EQ(helpers_of(g), before);
  EXPECT_EQ(get_once(gateway.port(), "/x").header("X-Seen"), "yes");
}

TEST(IsolateReloadTest, ABrokenOrMissingFileLeavesTheOldHelperAtWork) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Isolating gateway(up);
  const auto before = helpers_of(*gateway);
  { std::ofstream{gateway.file() + ".new"} << "no plugin at all"; }
  fs::rename(gateway.file() + ".new", gateway.file());
  EXPECT_EQ(sluice_reload(*gateway).code, 1);
  fs::remove(gateway.file());
  EXPECT_EQ(sluice_reload(*gateway).code, 1);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  EXPECT_EQ(helpers_of(*gateway), before);
  gateway.put("b");
  gateway.reload();
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
}

TEST(IsolateReloadTest, OtherLimitsAreOtherProcessesAndOutOfTheListIsInTheGateway) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  Isolating gateway(up);
  const auto first = helpers_of(*gateway);
  gateway.get();
  gateway->configure(gateway.config(R"({"timeout": "7s"})"));
  gateway.reload();
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  const auto second = helpers_of(*gateway);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].pid, first.at(0).pid);
  EXPECT_EQ(children_of(gateway->pid()), pids(second));
  EXPECT_EQ(gateway.get().header("X-Own-Count"), "2") << "exported state goes along";
  gateway->configure(gateway.config("false"));
  gateway.reload();
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  EXPECT_EQ(children_of(gateway->pid()).size(), 0u);
  EXPECT_EQ(gateway.get().header("X-Own-Count"), "3") << "also into the gateway";
  gateway->configure(gateway.config("true"));
  gateway.reload();
  EXPECT_EQ(gateway.get().header("X-Own-Count"), "4") << "and back";
}

TEST(IsolateReloadTest, ADeathInExportStateIsNamedAndCostsTheStateOnly) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  const auto config = [&](const std::string& timeout) {
    return config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"misbehaving/crashes", R"("in": "export_state")"}}) + ", "),
                     R"("plugin": {"isolate": {"misbehaving.crashes": {"timeout": ")" + timeout + R"("}}}, )");
  };
  PluggedGateway gateway({"misbehaving/crashes"}, config("30s"), 1, crashing_as_the_product());
  gateway->configure(config("31s"));  // other helpers
  const Ran ran = sluice_reload(*gateway.operator->());
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  gateway->process().wait_for_output("died: SIGSEGV (Segmentation fault) in export_state");
  gateway->process().wait_for_output("[misbehaving/crashes] the object before it did not hand its state over; it starts as new");
}

TEST(IsolateReloadTest, AHelperThatDiesAgainAndAgainIsNotKept) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  PluggedGateway gateway({"poison"},
                         config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"test/poison", ""}}) + R"(, "input_headers": ["X-Poison"], )"),
                                   R"("plugin": {"isolate": ["poison"]}, )"));
  GatewayProcess& g = *gateway.operator->();
  for (int i = 0; i < 8; ++i) get_once(gateway.port(), "/x", {{"X-Poison", "on_request:abort"}});
  Ran ran = sluice_reload(g);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(get_once(gateway.port(), "/x").header("X-Seen"), "yes");
  EXPECT_TRUE(wait_for_generations(g, 1));
  EXPECT_EQ(children_of(gateway->pid()).size(), 1u);
}

TEST(IsolateReloadTest, AfterADeathTheObjectsOfAllGenerationsAreMadeAgain) {
  FakeUpstream up;
  up.manual("/slow");
  up.on("/d", Reply::json("{}"));
  const auto config = [&](const std::string& more) {
    return config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"test/poison", ""}}) + R"(, "input_headers": ["X-Poison"], )") + "," +
                         endpoint_of("/slow", backend_of(up.url(), "/slow"), extra({{"test/poison", R"("in": "root")"}}) + ", ") + more,
                     R"("plugin": {"isolate": ["poison"]}, )");
  };
  PluggedGateway gateway({"poison"}, config(""));
  TestClient old(gateway.port());
  old.send_request("GET", "/slow");
  auto call = up.wait_for_request("/slow");
  gateway->configure(config("," + endpoint_of("/y", backend_of(up.url(), "/d"))));
  ASSERT_EQ(sluice_reload(*gateway.operator->()).code, 0);
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Poison", "on_request:segv"}}).status, 500);
  EXPECT_EQ(get_once(gateway.port(), "/x").header("X-Seen"), "yes") << "of the new generation";
  call.answer(Reply::json("{}"));
  Response r = old.read();
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Seen"), "yes") << "of the old one, which still has a hook to come";
}

}  // namespace
}  // namespace sluice::test

// Plugins that are the end of a process before they have served anything: a reload tries them in another process and is refused, the
// tools name them and end with a code that says so, and a gateway that a plugin ends by exit() does not look as if it had wanted to.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

// A gateway that serves /x with a plugin of its own, in a folder where others are put and taken away, with a temporary folder of its own.
class Rehearsing {
 public:
  explicit Rehearsing(FakeUpstream& up, const std::vector<std::string>& more = {}, std::map<std::string, std::string> environment = {},
                      const std::string& root = "")
      : up_{up}, folder_{with_stamp(more)} {
    up.on("/d", Reply::json("{}"));
    GatewayOptions o = options_of(config("", root), 2);
    o.binary = gateway_binary();
    o.arguments = {"--plugins", folder_.path()};
    o.environment = std::move(environment);
    o.environment["TMPDIR"] = temporary_.path();
    gateway_ = std::make_unique<GatewayProcess>(std::move(o));
  }
  // `bad`: the block of /bad, which then is there.
  std::string config(const std::string& bad, const std::string& root = "") const {
    const std::string stamp = extra({{"test/stamp", ""}}) + ", ";
    std::string endpoints = endpoint_of("/x", backend_of(up_.url(), "/d"), stamp);
    if (!bad.empty()) endpoints += ",\n" + endpoint_of("/bad", backend_of(up_.url(), "/d"), "\n" + bad + ", ");
    return config_of(endpoints, root);
  }
  void put(const std::string& fixture) { fs::create_symlink(SLC_MISBEHAVING_FOLDER "/" + fixture + ".so", folder_.path() + "/" + fixture + ".so"); }
  void take_away(const std::string& fixture) { fs::remove(folder_.path() + "/" + fixture + ".so"); }
  // Private copies of plugins that are there.
  size_t copies() const {
    size_t n = 0;
    for (const auto& e : fs::directory_iterator{temporary_.path()}) n += e.path().filename().string().starts_with("sluice-plugins-");
    return n;
  }
  int rehearsals() { return occurrences(gateway_->log(), "code of plugins that is new was rehearsed in "); }
  GatewayProcess& operator*() { return *gateway_; }
  GatewayProcess* operator->() { return gateway_.get(); }

 private:
  static std::vector<std::string> with_stamp(std::vector<std::string> more) {
    more.push_back("build-a/stamp");
    return more;
  }
  FakeUpstream& up_;
  PluginFolder folder_;
  TempFolder temporary_;
  std::unique_ptr<GatewayProcess> gateway_;
};

std::string block_of(const std::string& fixture) { return extra({{"misbehaving/" + replace_all(fixture, "_", "-"), ""}}); }
std::string poison(const std::string& inside) { return extra({{"test/poison", inside}}); }

struct Bad {
  const char *fixture, *text;
  bool has_place = false;  // the block's
};
void PrintTo(const Bad& b, std::ostream* out) { *out << b.fixture; }

class RehearsalOfTest : public testing::TestWithParam<Bad> {};

TEST_P(RehearsalOfTest, ABadPluginIsRefusedByNameAndTheOldGenerationServesOn) {
  const Bad& bad = GetParam();
  FakeUpstream up;
  Rehearsing gateway(up);
  Load load{gateway->port(), 2, "/x", [](const Response& r) { return r.status == 200 && r.header("X-Build-Out") == "a"; }};
  load.wait_for(5);
  gateway.put(bad.fixture);
  const std::string limit = std::string_view{bad.fixture} == "hangs_in_create" ? R"("plugin": {"rehearsal_ms": 3000}, )" : "";
  gateway->configure(gateway.config(block_of(bad.fixture), limit));
  const Ran ran = sluice_reload(*gateway);
  EXPECT_EQ(ran.code, 1) << ran.output;
  EXPECT_TRUE(contains(ran.output, "Refused. Generation 1 serves on.")) << ran.output;
  EXPECT_TRUE(contains(ran.output, bad.text)) << ran.output;
  EXPECT_TRUE(contains(ran.output, std::string{"/"} + bad.fixture + ".so")) << ran.output;
  EXPECT_EQ(occurrences(ran.output, "error: "), 1) << "one error, and nothing about what was not asked: " << ran.output;
  if (bad.has_place) {
    EXPECT_TRUE(contains(ran.output, "krakend.json:1:")) << ran.output;
    EXPECT_TRUE(contains(ran.output, "/endpoints/1/extra_config/misbehaving~1" + replace_all(bad.fixture, "_", "-") + ": ")) << ran.output;
  }
  const Json status = status_of(*gateway);
  EXPECT_EQ(status.at("reload").at("refused").whole(), 1);
  EXPECT_TRUE(contains(status.at("reload").at("last").at("error").str(), bad.text)) << "the status keeps it";
  gateway->process().wait_for_output("Reload (admin) refused, generation 1 serves on:");
  gateway->process().wait_for_output(bad.text);
  load.wait_for(5);

  gateway.take_away(bad.fixture);
  gateway->configure(gateway.config(extra({{"test/stamp", R"("any": 1)"}})));
  const Ran good = sluice_reload(*gateway);
  EXPECT_EQ(good.code, 0) << good.output;
  EXPECT_EQ(get_once(gateway->port(), "/bad").status, 200);
  load.wait_for(5);
  load.end();
  EXPECT_EQ(load.bad(), 0);
  EXPECT_EQ(load.lost(), 0);
  gateway->process().wait_for_output("Reload (admin): generation 2 serves");
  EXPECT_EQ(gateway.rehearsals(), 2) << gateway->log();
  EXPECT_EQ(gateway.copies(), 1u) << "the gateway's own; those of the rehearsals are gone";
}

INSTANTIATE_TEST_SUITE_P(
    Rehearsal, RehearsalOfTest,
    testing::Values(Bad{"crashes_in_constructor", "crashes_in_constructor.so: its static constructors died of SIGSEGV (invalid memory access)"},
                    Bad{"exits_in_load", "load() ended the process: it called exit(0)"},
                    Bad{"exits_quietly", R"(create() of "misbehaving/exits-quietly" at [ENDPOINT: /bad] ended the process: it called _exit(0))", true},
                    Bad{"hangs_in_create", R"(create() of "misbehaving/hangs-in-create" at [ENDPOINT: /bad] did not return for 3 s)", true},
                    Bad{"crashes_in_worker_start", R"(worker_start() of "misbehaving/crashes-in-worker-start" at [ENDPOINT: /bad] died of SIGSEGV)"}),
    [](const auto& p) { return std::string{p.param.fixture}; });

TEST(RehearsalTest, AnAlteredBlockOfAPluginThatServesIsTriedElsewhereToo) {
  FakeUpstream up;
  Rehearsing gateway(up, {"poison"});
  gateway->configure(gateway.config(poison(R"("a": 1)")));
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  for (const auto& [deed, said] :
       {std::pair{"segv", "died of SIGSEGV"}, std::pair{"abort", "died of SIGABRT"}, std::pair{"exit", "ended the process: it called _exit(3)"}}) {
    gateway->configure(gateway.config(poison(std::string{R"("in": "create", "do": ")"} + deed + '"')));
    const Ran ran = sluice_reload(*gateway);
    EXPECT_EQ(ran.code, 1) << ran.output;
    EXPECT_TRUE(contains(ran.output, std::string{R"(create() of "test/poison" at [ENDPOINT: /bad] )"} + said)) << ran.output;
    EXPECT_TRUE(contains(ran.output, "plugin test.poison 1.0.0 (")) << ran.output;
    EXPECT_EQ(get_once(gateway->port(), "/bad").header("X-Seen"), "yes");
  }
  gateway->configure(gateway.config(poison(R"("in": "wrong")")));
  const Ran wrong = sluice_reload(*gateway);
  EXPECT_EQ(wrong.code, 1) << wrong.output;
  EXPECT_TRUE(contains(wrong.output, "/endpoints/1/extra_config/test~1poison/do: the deed is wrong"))
      << "what create() reports comes from the gateway's own: " << wrong.output;
  EXPECT_FALSE(contains(wrong.output, "rehearsal")) << wrong.output;
  gateway->configure(gateway.config(poison(R"("a": 2)")));
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
}

TEST(RehearsalTest, WhatHasRunBeforeNeedsNone) {
  FakeUpstream up;
  Rehearsing gateway(up, {"poison"});
  gateway->configure(gateway.config("", R"("cache_ttl": "1s", )"));
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.rehearsals(), 0) << "no plugin's block has changed";
  gateway->configure(gateway.config(poison(R"("a": 1)")));
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  gateway->process().wait_for_output("code of plugins that is new was rehearsed in ");
  for (const char* block : {"", "now and then"}) {
    gateway->configure(gateway.config(*block ? poison(R"("a": 1)") : ""));
    EXPECT_EQ(sluice_reload(*gateway).code, 0);
  }
  gateway->process().wait_for_output("generation 6 serves");
  EXPECT_EQ(gateway.rehearsals(), 1) << gateway->log();
}

TEST(RehearsalTest, AnIsolatedPluginIsNotStartedForIt) {
  FakeUpstream up;
  TempFolder place;
  const std::string loaded = place.path() + "/loaded", isolated = R"("plugin": {"isolate": ["test.poison"]}, )";
  Rehearsing gateway(up, {"poison"}, {{"SLUICE_POISON_LOADED", loaded}}, isolated);
  auto loads = [&] { return occurrences(read_file(loaded), "\n"); };
  EXPECT_EQ(loads(), 1);
  gateway->configure(gateway.config(extra({{"test/stamp", R"("any": 1)"}, {"test/poison", ""}}), isolated));
  EXPECT_EQ(sluice_reload(*gateway).code, 0);
  gateway->process().wait_for_output("code of plugins that is new was rehearsed in ");
  EXPECT_EQ(loads(), 2) << "its own process to try blocks in, and no other";
  EXPECT_EQ(get_once(gateway->port(), "/bad").header("X-Seen"), "yes");
}

TEST(RehearsalTest, ItLeavesACrashReportThatSaysWhatItWas) {
  FakeUpstream up;
  TempFolder reports;
  Rehearsing gateway(up, {"poison"}, crashing_as_the_product({{"SLUICE_CRASH_REPORT", "1"}, {"LOGS_DIRECTORY", reports.path()}}));
  gateway->configure(gateway.config(poison(R"("in": "create", "do": "fault")")));
  EXPECT_EQ(sluice_reload(*gateway).code, 1);
  std::string report;
  for (const auto& e : fs::directory_iterator{reports.path()}) report += read_file(e.path().string());
  EXPECT_TRUE(contains(report, "It was the process in which a reload is rehearsed; the gateway serves on.")) << report;
  EXPECT_TRUE(contains(report, R"(Plugin test.poison 1.0.0 was running: hook create of "test/poison" at [ENDPOINT: /bad].)")) << report;
  EXPECT_EQ(get_once(gateway->port(), "/x").status, 200);
}

// It has loaded the plugin once more, and is in create() then or soon.
void wait_for_loads(const std::string& file, int wanted, uint16_t port) {
  for (int i = 0; i < 20'000 && occurrences(fs::exists(file) ? read_file(file) : "", "\n") < wanted; ++i) get_once(port, "/x");
}

TEST(RehearsalTest, WhileItRunsTheStatusSaysWhoseCallItIsIn) {
  FakeUpstream up;
  Rehearsing gateway(up, {"poison"});
  gateway->configure(gateway.config(poison(R"("in": "create", "do": "loop")")));
  ::kill(gateway->pid(), SIGHUP);
  std::string runs;
  for (int i = 0; i < 300 && runs.find("create()") == runs.npos; ++i) {
    const Json status = status_of(*gateway);
    if (const Json reload = status.at("reload"); reload.has("running") && reload.at("running").has("runs")) runs = reload.at("running").at("runs").str();
  }
  EXPECT_NE(runs.find("create() of \"test/poison\" at [ENDPOINT: /bad], in the rehearsal"), std::string::npos) << runs;
}

TEST(RehearsalTest, AGatewayThatStopsDoesNotWaitForIt) {
  FakeUpstream up;
  TempFolder place;
  const std::string loaded = place.path() + "/loaded";
  Rehearsing gateway(up, {"poison"}, {{"SLUICE_POISON_LOADED", loaded}}, R"("plugin": {"rehearsal_ms": 3600000}, )");
  gateway->configure(gateway.config(poison(R"("in": "create", "do": "loop")"), R"("plugin": {"rehearsal_ms": 3600000}, )"));
  ASSERT_EQ(::kill(gateway->pid(), SIGHUP), 0);
  wait_for_loads(loaded, 2, gateway->port());
  gateway->terminate();
  EXPECT_EQ(gateway->wait_for_exit(), 0) << gateway->log();
  EXPECT_TRUE(contains(gateway->log(), "Reload: the gateway is stopping") || contains(gateway->log(), "error: the gateway is stopping")) << gateway->log();
}

TEST(RehearsalTest, SwitchedOffAPluginEndsTheGatewayAndTheReloadSaysSo) {
  FakeUpstream up;
  Rehearsing gateway(up, {"poison"});
  gateway->configure(gateway.config(poison(R"("in": "create", "do": "exit")"), R"("plugin": {"rehearsal_ms": 0}, )"));
  const Ran ran = sluice_reload(*gateway);
  EXPECT_EQ(ran.code, 1) << ran.output;
  EXPECT_TRUE(contains(ran.output, ": the gateway ended during the reload; its log, and a crash report")) << ran.output;
  EXPECT_EQ(gateway->wait_for_exit(), 3) << gateway->log();
}

TEST(RehearsalTest, NobodyElseStartsIt) {
  const Ran ran = run_program({gateway_binary(), "rehearse-reload", "1"});
  EXPECT_EQ(ran.code, 64);
  EXPECT_TRUE(contains(ran.output, "is started by the gateway, and by nobody else")) << ran.output;
}

// ---- tools ----

std::string one_endpoint(const std::string& fixture) {
  return "{\"version\": 3, \"endpoints\": [\n" + endpoint_of("/bad", backend_of("http://127.0.0.1:1", "/d"), block_of(fixture) + ", ") + "]}\n";
}

TEST(LostPluginTest, CheckNamesItsPlaceAndDoesNotEndWellBehindAPlugin) {
  for (const auto& [fixture, text] :
       {std::pair{"crashes_in_constructor", "crashes_in_constructor.so: its static constructors died of SIGSEGV"},
        std::pair{"exits_in_load", "/plugin: plugin misbehaving.exits-in-load 1.0.0 ("},
        std::pair{"exits_in_load", "exits_in_load.so): load() ended the process: it called exit(0)"},
        std::pair{"exits_quietly", R"(exits_quietly.so): create() of "misbehaving/exits-quietly" at [ENDPOINT: /bad] ended the process: it called _exit(0))"},
        std::pair{"exits_quietly", "krakend.json:2:"}, std::pair{"exits_quietly", "error: /endpoints/0/extra_config/misbehaving~1exits-quietly: plugin "}}) {
    const Ran ran = run_plugged({std::string{"misbehaving/"} + fixture}, "check", one_endpoint(fixture));
    EXPECT_EQ(ran.code, 1) << ran.output;
    EXPECT_TRUE(contains(ran.output, text)) << ran.output;
    EXPECT_TRUE(contains(ran.output, "ERROR a plugin could not be tried:")) << ran.output;
    EXPECT_FALSE(contains(ran.output, "Syntax OK!")) << ran.output;
  }
  std::string hangs = one_endpoint("hangs_in_create");
  hangs.replace(0, 1, R"({"plugin": {"rehearsal_ms": 3000}, )");
  const Ran ran = run_plugged({"misbehaving/hangs_in_create"}, "check", hangs);
  EXPECT_EQ(ran.code, 1) << ran.output;
  EXPECT_TRUE(contains(ran.output, R"(create() of "misbehaving/hangs-in-create" at [ENDPOINT: /bad] did not return for 3 s)")) << ran.output;
}

TEST(LostPluginTest, ListAndSchemaNameItToo) {
  for (const auto& [fixture, text] : {std::pair{"crashes_in_constructor", "its static constructors died of SIGSEGV"},
                                      std::pair{"exits_in_load", "load() ended the process: it called exit(0)"}}) {
    const std::string plugin = std::string{"misbehaving/"} + fixture;
    for (const char* command : {"plugins", "schema"}) {
      const Ran ran = run_plugged({plugin}, command, one_endpoint(fixture));
      EXPECT_EQ(ran.code, 1) << command << ran.output;
      EXPECT_TRUE(contains(ran.output, text)) << command << ran.output;
    }
  }
  const Ran created = run_plugged({"misbehaving/exits_quietly"}, "plugins", one_endpoint("exits_quietly"));
  EXPECT_EQ(created.code, 1) << created.output;
  EXPECT_TRUE(contains(created.output, R"(create() of "misbehaving/exits-quietly")")) << created.output;
}

TEST(LostPluginTest, ACrashReportOfCheckNamesPluginAndHook) {
  PluginFolder folder{{"poison"}};
  TempFolder place;
  const std::string config = "{\"version\": 3, \"endpoints\": [" +
                             endpoint_of("/bad", backend_of("http://127.0.0.1:1", "/d"), poison(R"("in": "create", "do": "fault")") + ", ") + "]}\n";
  const Ran ran = run_program({gateway_binary(), "check", "-c", place.write("krakend.json", config), "--plugins", folder.path()}, kLimit,
                              crashing_as_the_product({{"SLUICE_CRASH_REPORT", "1"}}));
  EXPECT_EQ(ran.code, 1) << ran.output;
  EXPECT_TRUE(contains(ran.output, R"(Plugin test.poison 1.0.0 was running: hook create of "test/poison" at [ENDPOINT: /bad].)")) << ran.output;
  EXPECT_TRUE(contains(ran.output, R"(create() of "test/poison" at [ENDPOINT: /bad] died of SIGSEGV)")) << ran.output;
}

// ---- exit() where a gateway runs ----

TEST(LostPluginTest, ExitAtTheStartIsNamedAndIsNoCleanEnd) {
  const Ran ran = run_plugged({"misbehaving/exits_in_load"}, "run", one_endpoint("exits_in_load"));
  EXPECT_EQ(ran.code, 70) << ran.output;
  EXPECT_TRUE(contains(ran.output, "was ended by exit(0), which nobody but itself may call")) << ran.output;
  EXPECT_TRUE(contains(ran.output, "Plugin misbehaving.exits-in-load 1.0.0 was running: hook load")) << ran.output;
}

TEST(LostPluginTest, ExitInAHookIsNamedWithItsPlaceAndIsNoCleanEnd) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  TempFolder reports;
  PluggedGateway gateway({"misbehaving/crashes"}, config_of(endpoint_of("/bad", backend_of(up.url(), "/d"), extra({{"misbehaving/crashes", ""}}) + ", ")), 2,
                         crashing_as_the_product({{"LOGS_DIRECTORY", reports.path()}, {"SLUICE_CRASH_REPORT", "1"}}));
  TestClient client(gateway.port());
  client.send_request("GET", "/bad", {{"X-Crash", "exit"}});
  EXPECT_EQ(gateway->wait_for_exit(), 70) << gateway->log();
  for (const std::string& text : {gateway->log(), read_file(reports.path() + "/sluice-crash-" + std::to_string(gateway->pid()) + ".txt")}) {
    EXPECT_TRUE(contains(text, "was ended by exit(0), which nobody but itself may call")) << text;
    EXPECT_TRUE(contains(text, R"(Plugin misbehaving.crashes 1.0.0 was running: hook on_request of "misbehaving/crashes" at [ENDPOINT: /bad].)")) << text;
  }
}

}  // namespace
}  // namespace sluice::test

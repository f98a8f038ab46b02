// What the gateway says about its plugins when they hold the loop or crash it.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/integration/plugins/plugin_folder.h"
#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

std::string one_endpoint(const FakeUpstream& up, const std::string& name, const std::string& root = "") {
  const std::string block = extra({{"misbehaving/" + name, ""}});
  std::string config = config_of(endpoint_of("/bad", backend_of(up.url(), "/d"), block + ", ") + "," +
                                 endpoint_of("/behind", backend_of(up.url(), "/d", block), R"("input_headers": ["X-Crash"], )"));
  return root.empty() ? config : "{" + root + ", " + config.substr(1);
}

class PluginCostTest : public testing::Test {
 protected:
  PluginCostTest() { up.on("/d", Reply::json(R"({"a":1})")); }
  FakeUpstream up;
};

// Sends the request that kills the gateway; what it said, and how it ended.
class Crash {
 public:
  Crash(const FakeUpstream& up, const std::string& path, const std::string& way) {
    PluggedGateway gateway({"misbehaving/crashes"}, one_endpoint(up, "crashes"), 1,
                           crashing_as_the_product({{"SLUICE_CRASH_REPORT", "1"}, {"LOGS_DIRECTORY", folder_.path() + ":/nowhere"}}));
    EXPECT_EQ(get_once(gateway.port(), "/bad").status, 200);
    TestClient client(gateway.port());
    client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nX-Crash: " + way + "\r\n\r\n");
    code = gateway->wait_for_exit();
    report = gateway->log();
    for (const auto& file : std::filesystem::directory_iterator{folder_.path()}) {
      std::ifstream in{file.path()};
      copy += (std::stringstream{} << in.rdbuf()).str();
    }
  }
  int code = 0;
  std::string report, copy;

 private:
  TempFolder folder_;
};

void expect_report(const Crash& crash, int signal, const std::string& first, const std::string& hook, const std::string& place) {
  for (const std::string& text : {first, "Plugin misbehaving.crashes 1.0.0 was running: hook " + hook + " of \"misbehaving/crashes\" at " + place + ".\n",
                                  std::string{"Thread: worker 0\n"}, std::string{"Backtrace"}, std::string{"crashes.so 0x"}}) {
    EXPECT_NE(crash.report.find(text), std::string::npos) << text << "\n" << crash.report;
    EXPECT_NE(crash.copy.find(text), std::string::npos) << text << "\n" << crash.copy;
  }
  EXPECT_NE(crash.report.find("This report is also in "), std::string::npos) << crash.report;
  EXPECT_EQ(crash.code, -signal) << crash.report;
}

TEST_F(PluginCostTest, ACrashNamesPluginHookAndPlace) {
  Crash crash{up, "/bad", "pointer"};
  expect_report(crash, SIGSEGV, "died of SIGSEGV (nothing is mapped there), address 0x10\n", "on_request", "[ENDPOINT: /bad]");
  EXPECT_NE(crash.report.find("crashes.so\nBacktrace"), std::string::npos) << "the fault itself is in the plugin\n" << crash.report;
}

TEST_F(PluginCostTest, ACrashOnTheWayBackNamesThatHook) {
  expect_report(Crash{up, "/bad", "response"}, SIGSEGV, "died of SIGSEGV", "on_response", "[ENDPOINT: /bad]");
}
TEST_F(PluginCostTest, ACrashAtABackendNamesItsEndpointToo) {
  expect_report(Crash{up, "/behind", "pointer"}, SIGSEGV, "died of SIGSEGV", "on_request", "[ENDPOINT: /behind] [BACKEND: /d]");
}

TEST_F(PluginCostTest, AnAbortIsReportedAndEndsAsBefore) {
  expect_report(Crash{up, "/bad", "abort"}, SIGABRT, "died of SIGABRT (abort())\n", "on_request", "[ENDPOINT: /bad]");
}

TEST_F(PluginCostTest, AnIllegalInstructionIsReported) {
  expect_report(Crash{up, "/bad", "trap"}, SIGILL, "died of SIGILL", "on_request", "[ENDPOINT: /bad]");
}

// Outside of requests: at a reload, on the main thread.
class CrashAtReload {
 public:
  CrashAtReload(const std::vector<std::string>& plugins, const std::string& before, const std::string& after) {
    PluggedGateway gateway(plugins, before, 1, crashing_as_the_product({{"SLUICE_CRASH_REPORT", "1"}}));
    gateway->configure(after);
    kill(gateway->pid(), SIGHUP);
    code = gateway->wait_for_exit();
    report = gateway->log();
  }
  int code = 0;
  std::string report;
};

TEST_F(PluginCostTest, ACrashWhileStateIsHandedOverNamesTheFunctionAndTheObject) {
  const auto config = [&](const std::string& in) {
    return config_of(endpoint_of("/bad", backend_of(up.url(), "/d"), extra({{"misbehaving/crashes", in.empty() ? "" : R"("in": ")" + in + '"'}}) + ", "));
  };
  for (const auto& [before, after] : {std::pair{"export_state", ""}, std::pair{"", "import_state"}}) {
    const CrashAtReload crash{{"misbehaving/crashes"}, config(before), config(after)};
    EXPECT_TRUE(contains(crash.report, std::string{"Plugin misbehaving.crashes 1.0.0 was running: hook "} + before + after +
                                           " of \"misbehaving/crashes\" at [ENDPOINT: /bad].\n")) << crash.report;
    EXPECT_EQ(crash.code, -SIGSEGV) << crash.report;
  }
}

std::string with_sink(const FakeUpstream& up, const TempFolder& folder, const std::string& more = "") {
  return R"({"version": 3, )" + extra({{"test/sink", R"("file": ")" + folder.path() + "/log\"" + more}}) + R"(, "endpoints": [)" +
         endpoint_of("/x", backend_of(up.url(), "/d")) + "]}";
}

TEST_F(PluginCostTest, ACrashOfALogSinkThatIsAskedForItsLevelNamesIt) {
  TempFolder folder;
  const CrashAtReload crash{{"sink"}, with_sink(up, folder), with_sink(up, folder, R"(, "dies": true)")};
  EXPECT_TRUE(contains(crash.report, "Plugin test.sink 1.0.0 was running: hook log_level of \"test/sink\"")) << crash.report;
  EXPECT_EQ(crash.code, -SIGABRT) << crash.report;
}

// ---- threads that are no worker ----

// By hook; of the plugin's only place.
Json hooks_of(GatewayProcess& gateway, const std::string& plugin) {
  const Json status = status_of(gateway);
  for (const Json& p : status.at("cost").at("plugins").items())
    if (p.at("plugin").str() == plugin) return p.at("places").items().at(0).at("hooks");
  return Json{};
}

TEST_F(PluginCostTest, ALogSinkHasItsLinesInTheAccountAndItsLevel) {
  TempFolder folder;
  PluggedGateway gateway({"sink"}, with_sink(up, folder));
  long long lines = 0;
  for (int i = 0; i < 300 && !lines; ++i) {  // the log's thread writes them when it comes to it
    EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
    const Json hooks = hooks_of(*gateway.operator->(), "test.sink");
    EXPECT_EQ(hooks.at("log_level").at("calls").whole(), 1);
    if (hooks.has("log_write")) lines = hooks.at("log_write").at("calls").whole();
    EXPECT_FALSE(hooks.has("create"));
  }
  EXPECT_GT(lines, 0);
}

TEST_F(PluginCostTest, WhatAReloadHandsOverIsCountedAndWhetherItFailed) {
  const std::string config = config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"misbehaving/state-not-taken", ""}}) + ", "));
  PluggedGateway gateway({"misbehaving/state_not_taken"}, config);
  ASSERT_EQ(sluice_reload(*gateway.operator->()).code, 0);
  const Json hooks = hooks_of(*gateway.operator->(), "misbehaving.state-not-taken");
  EXPECT_EQ(hooks.at("export_state").at("calls").whole(), 1);
  EXPECT_EQ(hooks.at("export_state").at("errors").whole(), 0);
  EXPECT_EQ(hooks.at("import_state").at("calls").whole(), 1);
  EXPECT_EQ(hooks.at("import_state").at("errors").whole(), 1);
}

TEST_F(PluginCostTest, AJumpToNowhereIsReported) {
  Crash crash{up, "/bad", "jump"};
  EXPECT_NE(crash.report.find("hook on_request of \"misbehaving/crashes\""), std::string::npos) << crash.report;
  EXPECT_EQ(crash.code, -SIGSEGV);
}

TEST_F(PluginCostTest, AStackThatIsUsedUpIsReported) {
  Crash crash{up, "/bad", "stack"};
  EXPECT_NE(crash.report.find("died of SIGSEGV"), std::string::npos) << crash.report;
  EXPECT_NE(crash.report.find("hook on_request of \"misbehaving/crashes\" at [ENDPOINT: /bad]"), std::string::npos) << crash.report;
}

TEST_F(PluginCostTest, AFolderForReportsThatCannotBeUsedIsAWarning) {
  PluggedGateway gateway({"misbehaving/crashes"}, one_endpoint(up, "crashes"), 1,
                         {{"SLUICE_CRASH_REPORT", "1"}, {"LOGS_DIRECTORY", "/nowhere/at/all"}});
  EXPECT_EQ(get_once(gateway.port(), "/bad").status, 200);
  EXPECT_NE(gateway.log_to_the_end().find("crash reports: /nowhere/at/all: No such file or directory; reports go to stderr only"), std::string::npos);
}

TEST_F(PluginCostTest, AHookThatSleepsIsNamedThoughItComputesNothing) {
  PluggedGateway gateway({"misbehaving/sleeps_in_hook"}, one_endpoint(up, "sleeps-in-hook"));
  EXPECT_EQ(get_once(gateway.port(), "/bad").status, 200);
  gateway->process().wait_for_output("[ENDPOINT: /bad][misbehaving/sleeps-in-hook] held its event loop for about ");
  gateway->process().wait_for_output("in on_request (plugin misbehaving.sleeps-in-hook 1.0.0): every request of the worker waited");
}

TEST_F(PluginCostTest, AHookThatDoesNotComeBackIsNamedWhileItIsInside) {
  TempFolder folder;
  const std::string release = folder.path() + "/release";
  PluggedGateway gateway({"misbehaving/never_returns"}, one_endpoint(up, "never-returns", R"("plugin": {"watchdog_ms": 20})"), 1,
                         {{"SLUICE_TEST_RELEASE", release}});
  TestClient client(gateway.port());
  client.send_request("GET", "/bad");
  gateway->process().wait_for_output("worker 0 serves nobody: for ");
  gateway->process().wait_for_output("it has been inside [ENDPOINT: /bad][misbehaving/never-returns] on_request of plugin misbehaving.never-returns 1.0.0");
  folder.write("release", "");
  EXPECT_EQ(client.read().status, 200);
  gateway->process().wait_for_output("held its event loop for about ");
}

// `stop_again`: a second signal, else the time for finishing is over by itself.
void ends_although_a_hook_does_not(FakeUpstream& up, bool stop_again) {
  TempFolder folder;
  PluggedGateway gateway(
      {"misbehaving/never_returns"},
      one_endpoint(up, "never-returns", std::string{R"("plugin": {"watchdog_ms": 20}, "max_shutdown_wait_time": )"} + (stop_again ? R"("1h")" : R"("1ms")")), 1,
      {{"SLUICE_TEST_RELEASE", folder.path() + "/release"}});
  TestClient client(gateway.port());
  client.send_request("GET", "/bad");
  gateway->process().wait_for_output("worker 0 serves nobody: for ");
  gateway->terminate();
  gateway->process().wait_for_output("Signal intercepted");
  if (stop_again) gateway->terminate();
  EXPECT_EQ(gateway->wait_for_exit(), 1) << gateway->log();
  EXPECT_TRUE(contains(gateway->log(),
                       "Worker 0 cannot end: [ENDPOINT: /bad][misbehaving/never-returns] on_request of plugin misbehaving.never-returns 1.0.0 does not return"))
      << gateway->log();
  EXPECT_TRUE(contains(gateway->log(), "Ending by force")) << gateway->log();
}

TEST_F(PluginCostTest, AHookThatDoesNotComeBackDoesNotKeepASecondSignalFromEndingTheGateway) { ends_although_a_hook_does_not(up, true); }
TEST_F(PluginCostTest, AHookThatDoesNotComeBackDoesNotKeepTheTimeForFinishingFromBeingOver) { ends_although_a_hook_does_not(up, false); }

TEST_F(PluginCostTest, TheStatusNamesWhoHoldsAWorker) {
  TempFolder folder;
  PluggedGateway gateway({"misbehaving/never_returns"}, one_endpoint(up, "never-returns", R"("plugin": {"watchdog_ms": 20})"), 1,
                         {{"SLUICE_TEST_RELEASE", folder.path() + "/release"}});
  TestClient client(gateway.port());
  client.send_request("GET", "/bad");
  gateway->process().wait_for_output("worker 0 serves nobody: for ");
  const Ran status = run_program({gateway_binary(), "status", "--admin", gateway->admin()});
  EXPECT_TRUE(contains(status.output, "worker 0 is held by [ENDPOINT: /bad][misbehaving/never-returns] on_request of plugin misbehaving.never-returns"))
      << status.output;
  folder.write("release", "");
  EXPECT_EQ(client.read().status, 200);
}

TEST(StartTest, ASignalEndsAGatewayWhosePluginDoesNotReturnFromCreate) {
  TempFolder folder;
  PluginFolder plugins{{"poison"}};
  const std::string file = folder.write(
      "krakend.json",
      R"({"version": 3, "listen_ip": "127.0.0.1", "port": 1, "endpoints": [{"endpoint": "/x", "extra_config": {"test/poison": {"in": "create", "do": "loop"}},
    "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/d"}]}]})");
  Process process({gateway_binary(), "run", "-c", file, "--plugins", plugins.path(), "--pid-file", folder.path() + "/pid", "--admin", "off"}, {},
                  folder.path());
  process.wait_for_output("the deed begins");
  process.signal(SIGTERM);
  process.wait_for_output("Signal intercepted");
  EXPECT_EQ(process.wait(), 1);
  EXPECT_TRUE(contains(process.output(), "create of plugin test.poison")) << process.output();
  EXPECT_NE(::access((folder.path() + "/pid").c_str(), F_OK), 0) << "the file is gone";
}

TEST_F(PluginCostTest, TheExampleOfTheOperatingPageIsAConfiguration) {
  std::ifstream in{SLC_SOURCE_FOLDER "/docs/operating.md"};
  const std::string page = (std::stringstream{} << in.rdbuf()).str();
  const std::string mark = "<!-- file: watchdog.json -->\n```json\n";
  const size_t begin = page.find(mark);
  ASSERT_NE(begin, std::string::npos);
  const std::string config = page.substr(begin + mark.size(), page.find("```", begin + mark.size()) - begin - mark.size());
  const Ran ran = run_plugged({}, "check", config, {"--strict"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("Syntax OK!"), std::string::npos) << ran.output;
}

TEST_F(PluginCostTest, AWatchdogOfZeroIsSilent) {
  PluggedGateway gateway({"misbehaving/blocks_loop"}, one_endpoint(up, "blocks-loop", R"("plugin": {"watchdog_ms": 0})"));
  EXPECT_EQ(get_once(gateway.port(), "/bad").status, 200);
  EXPECT_EQ(occurrences(gateway.log_to_the_end(), "held its event loop"), 0);
}

// The value of the one sample that begins so; nothing when there is none.
std::optional<double> value_in(const std::string& text, const std::string& name_and_labels) {
  const size_t at = ("\n" + text).find("\n" + name_and_labels + " ");
  if (at == std::string::npos) return std::nullopt;
  return std::stod(text.substr(at + name_and_labels.size() + 1));
}

TEST_F(PluginCostTest, WhatAPluginCountsAndWhatItsHooksCostIsForPrometheus) {
  PluggedGateway gateway({"counting"}, config_of(endpoint_of("/x", backend_of("http://127.0.0.1:1", "/d"), extra({{"test/count", ""}}) + ", ")), 2);
  const auto metrics = [&] {
    const Ran ran = run_program({gateway_binary(), "metrics", "--admin", gateway->admin()});
    EXPECT_EQ(ran.code, 0) << ran.output;
    return ran.output;
  };
  const std::string own = R"({plugin="test.counting"})";
  const std::string hook = R"({plugin="test.counting",version="1.0.0",binding="test/count",place="[ENDPOINT: /x]",hook="on_request"})";
  EXPECT_EQ(value_in(metrics(), "test_requests_total" + own), 0);
  double seconds = 0;
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
    const std::string text = metrics();
    const double n = 3 * round;
    EXPECT_EQ(value_in(text, "test_requests_total" + own), n) << text;
    EXPECT_EQ(value_in(text, R"(test_sizes_bucket{plugin="test.counting",le="1"})"), 0) << text;
    EXPECT_EQ(value_in(text, R"(test_sizes_bucket{plugin="test.counting",le="10"})"), n) << text;
    EXPECT_EQ(value_in(text, R"(test_sizes_bucket{plugin="test.counting",le="+Inf"})"), n) << text;
    EXPECT_EQ(value_in(text, "test_sizes_count" + own), n) << text;
    EXPECT_EQ(value_in(text, "test_sizes_sum" + own), 2 * n) << "the paths have two characters\n" << text;
    EXPECT_EQ(value_in(text, "sluice_plugin_hook_calls_total" + hook), n) << text;
    const double now = value_in(text, "sluice_plugin_hook_seconds_total" + hook).value_or(-1);
    EXPECT_GT(now, seconds) << text;
    EXPECT_LT(now, 1e6) << "seconds, not nanoseconds";
    seconds = now;
    EXPECT_GT(value_in(text, "sluice_plugin_hook_longest_seconds" + hook).value_or(0), 0.0) << text;
    for (const char* figure : {"errors_total", "waits_total", "waiting_seconds_total", "timed_out_total", "arena_bytes_total", "stalls_total"})
      EXPECT_TRUE(value_in(text, std::string{"sluice_plugin_hook_"} + figure + hook)) << figure;
    EXPECT_EQ(value_in(text, R"(sluice_requests_total{worker="0"})").value_or(0) + value_in(text, R"(sluice_requests_total{worker="1"})").value_or(0), n)
        << text;
  }
}

}  // namespace
}  // namespace sluice::test

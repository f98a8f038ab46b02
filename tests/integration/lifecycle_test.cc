// Start, stop, refusal to start.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

// Runs `sluice COMMAND -c FILE` on this configuration to its end.
Ran run_on(const std::string& command, const std::string& config, const std::vector<std::string>& more = {}) {
  TempFolder folder;
  std::vector<std::string> argv{gateway_binary(), command, "-c", folder.write("krakend.json", config), "--plugins", plugins_folder()};
  argv.insert(argv.end(), more.begin(), more.end());
  return run_program(argv, kLimit, {}, folder.path());
}

TEST(LifecycleTest, SigtermLetsRunningRequestsFinish) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d"))), 2));
  TestClient busy(gateway.port()), idle(gateway.port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  EXPECT_EQ(idle.get("/__health").status, 200);
  gateway.terminate();
  EXPECT_TRUE(idle.closed()) << "an idle connection is closed at once";
  call.answer(Reply::json(R"({"a":1})"));
  Response r = busy.read();
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"a":1})");
  EXPECT_TRUE(busy.closed());
  EXPECT_EQ(gateway.wait_for_exit(), 0);
}

TEST(LifecycleTest, WhileDrainingNobodyNewIsServed) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d"))), 2));
  TestClient busy(gateway.port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  gateway.terminate();
  bool refused = false;
  for (int i = 0; i < 10'000 && !refused; ++i) {  // each turn waits for the gateway, which closes its listeners one by one
    try {
      get_once(gateway.port(), "/__health");
    } catch (const ConnectionLost&) {
      refused = true;
    }
  }
  EXPECT_TRUE(refused);
  call.answer(Reply::json("{}"));
  EXPECT_EQ(busy.read().status, 200);
  EXPECT_EQ(gateway.wait_for_exit(), 0);
}

TEST(LifecycleTest, ASecondSigtermEndsAtOnce) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  TestClient busy(gateway.port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  gateway.terminate();
  gateway.process().wait_for_output("Signal intercepted");
  gateway.terminate();
  EXPECT_GE(gateway.wait_for_exit(), 0) << "it ends itself, although the backend has not answered";
  EXPECT_TRUE(busy.closed());
  call.wait_for_disconnect();
}

TEST(LifecycleTest, SighupDoesNotEndTheGateway) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  gateway.process().signal(SIGHUP);
  gateway.process().wait_for_output("eload");
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
}

TEST(LifecycleTest, ABusyPortIsAnErrorThatNamesThePort) {
  ReservedPort port;
  Fd taken = listen_on(port.number());
  Ran ran = run_on("run", R"({"version": 3, "listen_ip": "127.0.0.1", "port": )" + std::to_string(port.number()) + "}");
  EXPECT_GT(ran.code, 0);
  EXPECT_NE(ran.output.find(std::to_string(port.number())), std::string::npos) << ran.output;
}

TEST(LifecycleTest, TwoGatewaysDoNotShareAPort) {
  GatewayProcess first(options_of(config_of(""), 2));
  Ran ran = run_on("run", R"({"version": 3, "listen_ip": "127.0.0.1", "port": )" + std::to_string(first.port()) + "}");
  EXPECT_GT(ran.code, 0) << "SO_REUSEPORT must not let a second process steal connections";
}

TEST(LifecycleTest, EveryErrorOfAConfigurationIsLocated) {
  Ran ran = run_on("check", "{\n \"version\": 3,\n \"timeout\": \"soon\",\n \"endpoints\": [\n  {\"endpoint\": \"no-slash/{\"},\n"
                            "  {\"endpoint\": \"/x\", \"backend\": []}\n ]\n}\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("krakend.json:3:"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("krakend.json:6:"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("/timeout"), std::string::npos) << ran.output;
}

TEST(LifecycleTest, AMisspeltOptionOfALimitIsRefusedWithItsPlace) {
  auto limited = [](const std::string& options) {
    return config_of("\n" + endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d"), "\"extra_config\": {\"qos/ratelimit/router\": " + options + "}, "));
  };
  Ran ran = run_on("check", limited(R"({"max_rte": 100})"));
  EXPECT_EQ(ran.code, 1) << "the limit would be off";
  EXPECT_NE(ran.output.find("krakend.json:2:"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("error: /endpoints/0/extra_config/qos~1ratelimit~1router/max_rte: unknown key (did you mean \"max_rate\"?)"), std::string::npos)
      << ran.output;
  ran = run_on("check", limited(R"({"max_rate": 100, "elsewhere": 1, "@comment": "", "//": "", "_max_rate": 5})"));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("warning: /endpoints/0/extra_config/qos~1ratelimit~1router/elsewhere: unknown key, ignored (plugin "), std::string::npos)
      << ran.output;
  for (const char* remark : {"comment:", "/~1~1:", "_max_rate:"}) EXPECT_EQ(ran.output.find(remark), std::string::npos) << ran.output;
}

TEST(LifecycleTest, ABackendWithoutAnyHostIsWarnedOf) {
  const std::string hostless = R"({"url_pattern": "/d"})", text = "warning: /endpoints/0/backend/0: no \"host\"";
  Ran ran = run_on("check", config_of(endpoint_of("/x", hostless)));
  EXPECT_EQ(ran.code, 0) << "the reference starts";
  EXPECT_NE(ran.output.find(text), std::string::npos) << ran.output;
  ran = run_on("check", R"({"version": 3, "host": ["http://127.0.0.1:8000"], "endpoints": [)" + endpoint_of("/x", hostless) + "]}");
  EXPECT_EQ(ran.output.find(text), std::string::npos) << ran.output;
  ran = run_on("check", config_of(endpoint_of("/x", R"({"url_pattern": "/d", "extra_config": {"backend/stub": {"body": {}}}})")));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(ran.output.find(text), std::string::npos) << ran.output;
}

TEST(LifecycleTest, CheckAcceptsAGoodConfiguration) {
  Ran ran = run_on("check", config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d"))));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("Syntax OK!"), std::string::npos) << ran.output;
}

TEST(LifecycleTest, LintFindsKeysThatARunDoesNotMind) {
  const std::string config = "{\n \"version\": 3,\n \"endpoints\": [],\n \"timout\": \"2s\"\n}";
  EXPECT_EQ(run_on("check", config).code, 0);
  for (const char* flag : {"-n", "--lint"}) {
    Ran ran = run_on("check", config, {flag});
    EXPECT_EQ(ran.code, 1) << flag;
    EXPECT_NE(ran.output.find("krakend.json:4:"), std::string::npos) << ran.output;
    EXPECT_NE(ran.output.find("timout"), std::string::npos) << ran.output;
  }
  EXPECT_EQ(run_on("check", config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d"))), {"-n"}).code, 0);
}

TEST(LifecycleTest, LintTakesASchemaOfOnesOwnAndNoneFromTheNetwork) {
  TempFolder folder;
  folder.write("mine.json", R"({"type": "object", "required": ["name"], "properties": {"port": {"maximum": 10}}})");
  Ran ran = run_on("check", R"({"version": 3, "endpoints": [], "port": 8081})", {"-s", folder.path() + "/mine.json"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("name"), std::string::npos) << ran.output;  // all violations, not the first
  EXPECT_NE(ran.output.find("/port"), std::string::npos) << ran.output;
  Ran remote = run_on("check", R"({"version": 3, "endpoints": []})", {"-s", "https://127.0.0.1/schema.json"});
  EXPECT_EQ(remote.code, 1);
  EXPECT_NE(remote.output.find("fetch it first"), std::string::npos) << remote.output;
}

TEST(LifecycleTest, TheDumpShowsHowTheFileWasUnderstood) {
  const std::string config =
      R"({"version": 3, "host": ["http://127.0.0.1:8000"], "timeout": "3s", "disable_rest": true, "extra_config": {"router": {"auto_options": true}},
    "endpoints": [{"endpoint": "/a/{id}/b", "extra_config": {"proxy": {"sequential": true}}, "backend": [{"url_pattern": "/d/{id}"}]}]})";
  Ran one = run_on("check", config, {"-d"});
  EXPECT_EQ(one.code, 0);
  for (const char* part : {"Default hosts: [\"http://127.0.0.1:8000\"]", "- GET /a/:id/b", "router", "proxy"})
    EXPECT_NE(one.output.find(part), std::string::npos) << part << "\n" << one.output;
  Ran three = run_on("check", config, {"-ddd"});
  for (const char* part : {"Default timeout: 3s", "REST rules: off", "Client timeouts", "{\"sequential\":true}"})
    EXPECT_NE(three.output.find(part), std::string::npos) << part << "\n" << three.output;
}

// logging.md §2: nothing below the level, and every line in the format asked for, from the first one on.
TEST(LifecycleTest, TheConfiguredLogIsInForceFromTheFirstLineOn) {
  GatewayProcess gateway{options_of(R"({"version": 3, "endpoints": [], "extra_config": {"router": {"disable_access_log": true},
    "telemetry/logging": {"level": "INFO", "stdout": true, "format": "logstash"}}})")};
  gateway.terminate();
  EXPECT_EQ(gateway.wait_for_exit(), 0);
  size_t lines = 0;
  const std::string log = gateway.log();
  for (size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    const std::string line = log.substr(at, log.find('\n', at) - at);
    if (line.find("Signal intercepted") != std::string::npos) continue;  // on stderr whatever the log does (cli.md §7.4)
    EXPECT_EQ(line.find("{\"@timestamp\""), 0u) << line;
    EXPECT_EQ(line.find("\"DEBUG\""), std::string::npos) << line;
    ++lines;
    if (log.find('\n', at) == std::string::npos) break;
  }
  EXPECT_GT(lines, 3u) << log;
}

TEST(LifecycleTest, AStartThatFailsIsToldInTheConfiguredLogToo) {
  FakeUpstream holds_the_port;
  const std::string config = R"({"version": 3, "port": )" + std::to_string(holds_the_port.port()) + R"(, "endpoints": [],
    "extra_config": {"telemetry/logging": {"level": "ERROR", "stdout": true, "format": "logstash"}}})";
  const Ran ran = run_on("run", config);
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("{\"@timestamp\""), std::string::npos) << ran.output;
  for (const char* below : {"DEBUG", "INFO"}) EXPECT_EQ(ran.output.find(below), std::string::npos) << ran.output;
}

// logging.md §1: what dashboards look for.
TEST(LifecycleTest, ALogThatCannotBeMadeIsToldInTheFirstLineOfTheBuiltInOne) {
  GatewayProcess gateway{options_of(R"({"version": 3, "endpoints": [], "extra_config": {"telemetry/logging": {"level": "LOUD", "stdout": true}}})")};
  gateway.terminate();
  EXPECT_EQ(gateway.wait_for_exit(), 0);
  const std::string log = gateway.log();
  EXPECT_NE(log.substr(0, log.find('\n')).find(" SLUICE ERROR: [SERVICE: Logging] Unable to create the logger: logger: invalid log level"), std::string::npos)
      << log;
}

// logging.md §2: what is said at start, in this order, and at the end.
TEST(LifecycleTest, TheLinesOfStartAndEndHaveTheirPlaces) {
  GatewayProcess gateway{options_of(R"({"version": 3, "endpoints": [], "extra_config": {"telemetry/logging": {"level": "DEBUG", "stdout": true}}})")};
  gateway.terminate();
  EXPECT_EQ(gateway.wait_for_exit(), 0);
  const std::string log = gateway.log();
  size_t at = 0;
  for (const char* line : {"[SERVICE: telemetry/logging] Improved logging started.\n", "Starting sluice v", "Working directory is /",
                           "Starting the sluice instance\n", "[SERVICE: Gin] Listening on port: ", "[SERVICE: Gin] Router execution ended\n"}) {
    const size_t found = log.find(line, at);
    ASSERT_NE(found, std::string::npos) << line << "\n" << log;
    at = found;
  }
}

TEST(LifecycleTest, AProtectionThatNobodyServesRefusesToStart) {
  for (const char* name : {"auth/validatr", "security/nothing", "validation/nothing", "qos/nothing", "modifier/nothing"}) {
    std::string config = config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d"),
                                               std::string(R"("extra_config": {")") + name + R"(": {}}, )"));
    Ran ran = run_on("run", config);
    EXPECT_GT(ran.code, 0) << name;
    EXPECT_NE(ran.output.find(name), std::string::npos) << ran.output;
  }
}

TEST(LifecycleTest, OtherUnservedNamesWarnUnlessStrict) {
  std::string config = config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d"), R"("extra_config": {"telemetry/nothing": {}}, )"));
  Ran lax = run_on("check", config);
  EXPECT_EQ(lax.code, 0) << lax.output;
  EXPECT_NE(lax.output.find("telemetry/nothing"), std::string::npos) << lax.output;
  EXPECT_GT(run_on("check", config, {"--strict"}).code, 0);
}

TEST(LifecycleTest, ABrokenProtectionRefusesToStartWithItsPlace) {
  std::string config = config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d"),
                                             R"("extra_config": {"qos/ratelimit/router": {"max_rate": "many"}}, )"));
  Ran ran = run_on("check", config);
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("max_rate"), std::string::npos) << ran.output;
}

TEST(LifecycleTest, AnUnknownEncodingIsRefusedWithTheNearestName) {
  Ran ran = run_on("check", config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d", R"("encoding": "jsn")"))));
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("json"), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace sluice::test

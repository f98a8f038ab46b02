// Plugins in processes of their own, in the running gateway: whatever a plugin does there, only the requests that were inside it
// fail, and everybody is told who did it. The plugin does what a header says: tests/integration/plugins/poison.c.
#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

const std::string kForward = R"("input_headers": ["X-Poison", "X-Keep"], )";

// /x has the plugin at the endpoint, /b at the backend, /good has nothing of it.
std::string with_poison(const FakeUpstream& up, const std::string& limits = R"("timeout": "30s")", const std::string& timeout = "20s") {
  const std::string block = extra({{"test/poison", ""}}), t = R"("timeout": ")" + timeout + R"(", )" + kForward;
  return config_of(endpoint_of("/x", backend_of(up.url(), "/d"), t + block + ", ") + "," + endpoint_of("/b", backend_of(up.url(), "/d", block), t) + "," +
                       no_op_endpoint("/raw", backend_of(up.url(), "/echo", block), t + R"("method": "POST", )") + "," +
                       endpoint_of("/both", backend_of(up.url(), "/d", block + R"(, "group": "p")") + "," + backend_of(up.url(), "/d", R"("group": "q")"), t) +
                       "," + endpoint_of("/wait", backend_of(up.url(), "/slow"), t + block + ", ") + "," + endpoint_of("/good", backend_of(up.url(), "/d")),
                   R"("plugin": {"isolate": [{"plugin": "test.poison", )" + limits + "}]}, ");
}

std::vector<pid_t> processes(const std::string& log) {
  std::vector<pid_t> out;
  const std::string_view text = "poison runs in process ";
  for (size_t at = log.find(text); at != log.npos; at = log.find(text, at + 1)) out.push_back(std::atoi(log.c_str() + at + text.size()));
  return out;
}

class IsolateTest : public testing::Test {
 protected:
  IsolateTest() {
    up.on("/d", Reply::json(R"({"a":1})"));
    up.on("/echo", [](const FakeUpstream::Request& r) { return Reply{200, {{"Content-Type", "text/plain"}}, r.body}; });
  }
  void expect_served(uint16_t port, const char* path = "/x") {
    Response r = get_once(port, path);
    EXPECT_EQ(r.status, 200) << path;
    EXPECT_EQ(r.header("X-Seen"), "yes") << path;
  }
  FakeUpstream up;
};

TEST_F(IsolateTest, HooksRunInAnotherProcessThatHasNothingOfTheGateway) {
  PluggedGateway gateway({"poison"}, with_poison(up), 2);
  for (const char* path : {"/x", "/x"}) expect_served(gateway.port(), path);
  EXPECT_EQ(get_once(gateway.port(), "/b").body, R"({"a":1})");
  const auto pids = processes(gateway->log());
  ASSERT_EQ(pids.size(), 1u) << gateway->log();
  EXPECT_NE(pids[0], gateway->pid());
  // One socket, to the gateway: no listener, no client, no backend.
  int sockets = 0;
  const std::string folder = "/proc/" + std::to_string(pids[0]) + "/fd";
  for (const auto& fd : std::filesystem::directory_iterator{folder}) {
    std::error_code ec;
    const std::string to = std::filesystem::read_symlink(fd.path(), ec).string();
    sockets += to.starts_with("socket:") && fd.path().filename() != "1" && fd.path().filename() != "2";
  }
  EXPECT_EQ(sockets, 1);
  gateway.log_to_the_end();
  EXPECT_NE(kill(pids[0], 0), 0) << "the helper ends with its gateway";
}

struct Deed {
  const char *name, *cause;
};
void PrintTo(const Deed& d, std::ostream* out) { *out << d.name; }
class IsolateDeathTest : public IsolateTest, public testing::WithParamInterface<Deed> {};

TEST_P(IsolateDeathTest, OnlyTheRequestInsideFailsWhateverHookItIs) {
  PluggedGateway gateway({"poison"}, with_poison(up, R"("timeout": "900ms")"));
  const Deed deed = GetParam();
  for (auto [path, hook, place] : {std::tuple{"/x", "on_request", "[ENDPOINT: /x]"}, std::tuple{"/b", "on_raw_response", "[BACKEND: /d]"},
                                   std::tuple{"/x", "on_response", "[ENDPOINT: /x]"}}) {
    Response r = get_once(gateway.port(), path, {{"X-Poison", std::string{hook} + ":" + deed.name}});
    EXPECT_EQ(r.status, 500) << hook;
    gateway->process().wait_for_output(std::string{place} + "[test/poison] plugin test.poison: its helper process ");
    gateway->process().wait_for_output(std::string{deed.cause} + hook);
    gateway->process().wait_for_output("isolated plugin test.poison (test/poison): its helper process died: " + std::string{deed.cause} + hook);
    EXPECT_EQ(get_once(gateway.port(), "/good").body, R"({"a":1})");
    expect_served(gateway.port());
  }
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(processes(log).size(), 4u) << log;
  EXPECT_EQ(occurrences(log, "It is started again at once"), 3) << log;
}

INSTANTIATE_TEST_SUITE_P(Deeds, IsolateDeathTest,
                         testing::Values(Deed{"segv", "SIGSEGV (Segmentation fault) in "}, Deed{"abort", "SIGABRT (Aborted) in "},
                                         Deed{"exit", "it ended by itself with exit code 3 in "},
                                         Deed{"loop", "it gave no sign for 900 ms and was killed, in "}),
                         [](const auto& p) { return std::string{p.param.name}; });

TEST_F(IsolateTest, ACrashIsReportedAsTheGatewaysOwnWouldBe) {
  TempFolder folder;
  PluggedGateway gateway({"poison"}, with_poison(up), 1,
                         crashing_as_the_product({{"SLUICE_CRASH_REPORT", "1"}, {"LOGS_DIRECTORY", folder.path()}}));
  EXPECT_EQ(get_once(gateway.port(), "/b", {{"X-Poison", "on_request:fault"}}).status, 500);
  gateway->process().wait_for_output("died: SIGSEGV (Segmentation fault) in on_request");
  expect_served(gateway.port());
  std::string copy;
  for (const auto& file : std::filesystem::directory_iterator{folder.path()}) copy += read_file(file.path());
  const std::string report = gateway.log_to_the_end();
  const auto helper = std::to_string(processes(report).at(0));
  for (const std::string& text :
       {std::string{"died of SIGSEGV (nothing is mapped there), address 0x10\n"}, std::string{"It was the helper process of the isolated plugin "},
        std::string{"Plugin test.poison 1.0.0 was running: hook on_request of \"test/poison\" at [ENDPOINT: /b] [BACKEND: /d].\n"}, "Process: " + helper,
        std::string{"poison.so 0x"}}) {
    EXPECT_TRUE(contains(report, text)) << text << '\n' << report;
    EXPECT_TRUE(contains(copy, text)) << text << '\n' << copy;
  }
  EXPECT_TRUE(contains(report, "This report is also in " + folder.path() + "/sluice-crash-" + helper + ".txt")) << report;
}

TEST_F(IsolateTest, WhatItCostsOverThereIsInTheAccount) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  const auto hook = [&](const char* name) {
    const Json status = status_of(*gateway.operator->());
    for (const Json& p : status.at("cost").at("plugins").items()) {
      if (p.at("plugin").str() != "test.poison") continue;
      for (const Json& place : p.at("places").items())
        if (place.at("place").str() == "[ENDPOINT: /x]") return place.at("hooks").at(name);
    }
    throw Failure("no such place");
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Poison", "on_request:alloc"}}).status, 200);
  const Json cost = hook("on_request");
  EXPECT_EQ(cost.at("calls").whole(), 3) << "each once, and not once more for the helper";
  EXPECT_GE(cost.at("arena_bytes").whole(), 300'000);
  EXPECT_EQ(hook("on_response").at("calls").whole(), 3);
  EXPECT_LT(hook("on_response").at("arena_bytes").whole(), 100'000);
}

TEST_F(IsolateTest, ADeathInOnDoneFailsNobody) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Poison", "on_done:segv"}}).status, 200);
  gateway->process().wait_for_output("SIGSEGV (Segmentation fault) in on_done");
  expect_served(gateway.port());
}

TEST_F(IsolateTest, ADeathBetweenHooksIsNoticedToo) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Poison", "on_request:timer"}}).status, 500);
  gateway->process().wait_for_output("plugin test.poison: its helper process");
  expect_served(gateway.port());
}

TEST_F(IsolateTest, OfTwoBackendsOnlyTheOneWithTheDeadPluginIsMissing) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  Response r = get_once(gateway.port(), "/both", {{"X-Poison", "on_request:abort"}});
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  EXPECT_EQ(r.body, R"({"q":{"a":1}})");
}

TEST_F(IsolateTest, OneOfSixtyFourKillsTheHelperAndTheOthersAreServed) {
  PluggedGateway gateway({"poison"}, with_poison(up), 2);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 64; ++i) clients.push_back(std::make_unique<TestClient>(gateway.port()));
  for (int i = 0; i < 64; ++i)
    clients[i]->send_request("GET", "/x", i == 31 ? Headers{{"X-Poison", "on_request:segv"}} : Headers{});
  for (int i = 0; i < 64; ++i) {
    Response r = clients[i]->read();
    EXPECT_EQ(r.status, i == 31 ? 500 : 200) << i;
    if (i != 31) {
      EXPECT_EQ(r.body, R"({"a":1})") << i;
    }
  }
}

TEST_F(IsolateTest, WhatThePluginKnewOfARequestIsLostAndWhatItDidNotIsNot) {
  up.manual("/slow");
  PluggedGateway gateway({"poison"}, with_poison(up));
  TestClient with(gateway.port()), without(gateway.port()), inside(gateway.port());
  with.send_request("GET", "/wait", {{"X-Keep", "yes"}});
  auto first = up.wait_for_request("/slow");
  without.send_request("GET", "/wait");
  auto second = up.wait_for_request("/slow");
  inside.send_request("GET", "/x", {{"X-Poison", "on_request:never"}});
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Poison", "on_request:segv"}}).status, 500);
  EXPECT_EQ(inside.read().status, 500) << "it was suspended in there";
  first.answer(Reply::json(R"({"a":1})"));
  second.answer(Reply::json(R"({"a":1})"));
  EXPECT_EQ(with.read().status, 500);
  Response r = without.read();
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Seen"), "yes");
  EXPECT_TRUE(contains(gateway.log_to_the_end(), "its helper process died and took what the plugin knew of this request with it"));
}

TEST_F(IsolateTest, AHelperThatDiesAgainAndAgainIsStartedAfterAPause) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Poison", "on_request:abort"}}).status, 500) << i;
  }
  gateway->process().wait_for_output("It is started again in 100 ms; until then requests that need it fail");
  EXPECT_EQ(get_once(gateway.port(), "/good").status, 200);
  Response r = get_once(gateway.port(), "/x");
  if (r.status != 200) {
    EXPECT_EQ(r.status, 500);
    gateway->process().wait_for_output("isolated plugin test.poison (test/poison): its helper process is not running: SIGABRT (Aborted) in on_request");
  }
  while (occurrences(gateway->log(), "its helper process runs again") < 4) gateway->process().wait_for_output("its helper process runs again");
  expect_served(gateway.port());
}

TEST_F(IsolateTest, TheStatusHasEveryHelperItsProcessAndItsDeaths) {
  PluggedGateway gateway({"poison"}, with_poison(up, R"("timeout": "30s", "helpers": 2)"), 2);
  expect_served(gateway.port());
  auto plugins = [&] { return status_of(*gateway.operator->()).at("isolated"); };
  Json before = plugins();
  ASSERT_EQ(before.size(), 1u) << before.dump();
  EXPECT_EQ(before.items()[0].at("plugin").str(), "test.poison");
  EXPECT_EQ(before.items()[0].at("timeout_ms").whole(), 30'000);
  auto helpers = before.items()[0].at("helpers").items();
  ASSERT_EQ(helpers.size(), 2u) << before.dump();
  for (const Json& h : helpers) {
    EXPECT_EQ(h.at("state").str(), "up");
    EXPECT_EQ(h.at("deaths").whole(), 0);
    EXPECT_EQ(kill(static_cast<pid_t>(h.at("pid").whole()), 0), 0) << "there is such a process";
  }
  EXPECT_EQ(kill(static_cast<pid_t>(helpers[1].at("pid").whole()), SIGKILL), 0);
  gateway->process().wait_for_output("its helper process runs again");
  const Json after = plugins();
  const auto now = after.items()[0].at("helpers").items();
  EXPECT_EQ(now[0].dump().find("last_death"), std::string::npos) << "the other one lives";
  EXPECT_EQ(now[1].at("state").str(), "up");
  EXPECT_EQ(now[1].at("deaths").whole(), 1);
  EXPECT_EQ(now[1].at("restarts").whole(), 1);
  EXPECT_EQ(now[1].at("last_death").str(), "SIGKILL (Killed)");
  EXPECT_NE(now[1].at("pid").whole(), helpers[1].at("pid").whole());
  const Ran table = run_program({gateway_binary(), "status", "--admin", gateway->admin()});
  EXPECT_TRUE(contains(table.output, "Plugins in processes of their own")) << table.output;
  EXPECT_TRUE(contains(table.output, "SIGKILL (Killed)")) << table.output;
}

TEST_F(IsolateTest, WhoeverKillsTheHelperItComesBack) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  expect_served(gateway.port());
  const auto pids = processes(gateway->log());
  ASSERT_EQ(pids.size(), 1u);
  kill(pids[0], SIGTERM);  // as a service manager does to the whole group: the gateway decides when it is over
  expect_served(gateway.port());
  kill(pids[0], SIGKILL);
  gateway->process().wait_for_output("died: SIGKILL (Killed)");
  gateway->process().wait_for_output("its helper process runs again");
  expect_served(gateway.port());
}

TEST_F(IsolateTest, SpoiltMessagesEndTheHelperAndNotTheGateway) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  get_once(gateway.port(), "/x", {{"X-Poison", "on_request:control"}});
  gateway->process().wait_for_output("died: it sent no valid message");
  gateway->process().wait_for_output("its helper process runs again");
  expect_served(gateway.port());
  get_once(gateway.port(), "/x", {{"X-Poison", "on_request:scribble"}});
  EXPECT_EQ(get_once(gateway.port(), "/good").body, R"({"a":1})");
}

TEST_F(IsolateTest, ARequestThatIsNotWaitedForAnyMoreLeavesTheHelperAlone) {
  PluggedGateway gateway({"poison"}, with_poison(up, R"("timeout": "30s")", "150ms"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get_once(gateway.port(), "/b", {{"X-Poison", "on_request:never"}}).status, 500);
  {
    TestClient gone(gateway.port());
    gone.send_request("GET", "/x", {{"X-Poison", "on_request:never"}});
  }
  expect_served(gateway.port());
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(processes(log).size(), 1u) << log;
}

TEST_F(IsolateTest, BodiesLargerThanTheSharedMemoryPassInPieces) {
  PluggedGateway gateway({"poison"}, with_poison(up));
  std::string body(size_t{3} << 20, 'x');
  for (size_t i = 0; i < body.size(); i += 97) body[i] = static_cast<char>('a' + i % 23);
  TestClient client(gateway.port());
  for (int i = 0; i < 2; ++i) {
    Response r = client.post("/raw", body, {{"Content-Type", "text/plain"}});
    EXPECT_EQ(r.status, 200);
    EXPECT_TRUE(r.body == body);
    EXPECT_EQ(r.header("X-Seen"), "yes");
  }
}

TEST_F(IsolateTest, SeveralHelpersShareTheWorkersAndDieAlone) {
  PluggedGateway gateway({"poison"}, with_poison(up, R"("helpers": 2)"), 2);
  for (int i = 0; i < 8; ++i) expect_served(gateway.port());
  EXPECT_EQ(processes(gateway->log()).size(), 2u);
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Poison", "on_request:segv"}}).status, 500);
  gateway->process().wait_for_output("its helper process runs again");
  for (int i = 0; i < 8; ++i) expect_served(gateway.port());
  EXPECT_EQ(processes(gateway.log_to_the_end()).size(), 3u);
}

// Tools read the same configuration: what is isolated because it crashes does so there, too.
class IsolateToolsTest : public IsolateTest {
 protected:
  static Ran tool(const std::vector<std::string>& command, const std::string& config, const std::map<std::string, std::string>& environment) {
    PluginFolder folder{{"poison"}};
    TempFolder place;
    std::vector<std::string> argv{gateway_binary()};
    argv.insert(argv.end(), command.begin(), command.end());
    for (const std::string& a : {std::string{"-c"}, place.write("krakend.json", config), std::string{"--plugins"}, folder.path()}) argv.push_back(a);
    return run_program(argv, kLimit, environment, place.path());
  }
  // In create() with one block, in load() with the environment.
  static std::string config(const std::string& block) {
    return R"({"version": 3, "plugin": {"isolate": {"test.poison": {"timeout": "30s"}}}, "endpoints": [)" +
           endpoint_of("/x", backend_of("http://127.0.0.1:1", "/d"), extra({{"test/poison", block}}) + ", ") + "]}";
  }
};

TEST_F(IsolateToolsTest, PluginsTellsOfACrashInLoadOrCreateAndListsAllTheSame) {
  const std::string crash = R"("in": "create", "do": "segv")";
  const Ran good = tool({"plugins"}, config(""), {});
  EXPECT_EQ(good.code, 0) << good.output;
  EXPECT_TRUE(contains(good.output, "used 1 time: [ENDPOINT: /x] test/poison")) << good.output;
  const Ran in_create = tool({"plugins"}, config(crash), {});
  EXPECT_EQ(in_create.code, 1);
  for (const char* text : {"sluice.json ", "test.poison 1.0.0", "/endpoints/0/extra_config/test~1poison", "died in create(): SIGSEGV"})
    EXPECT_TRUE(contains(in_create.output, text)) << text << '\n' << in_create.output;
  const Ran in_load = tool({"plugins"}, config(""), {{"SLUICE_POISON_LOAD", "segv"}});
  EXPECT_EQ(in_load.code, 1);
  for (const char* text : {"sluice.json ", "REFUSED", "cannot be isolated: its helper process ended while it was loading: SIGSEGV", "/plugin/isolate"})
    EXPECT_TRUE(contains(in_load.output, text)) << text << '\n' << in_load.output;
}

TEST_F(IsolateToolsTest, SchemaRunsNothingOfIsolatedPlugins) {
  TempFolder folder;
  const std::string loads = folder.path() + "/loads";
  const Ran schema = tool({"schema"}, config(R"("in": "create", "do": "segv")"), {{"SLUICE_POISON_LOAD", "segv"}, {"SLUICE_POISON_LOADED", loads}});
  EXPECT_EQ(schema.code, 0) << schema.output.substr(0, 2000);
  EXPECT_TRUE(contains(schema.output, "\"test/poison\"")) << "its names are in it";
  EXPECT_FALSE(std::filesystem::exists(loads));
  std::string wrong = config("");
  wrong.replace(wrong.find("test.poison"), 11, "test.poisom");
  const Ran ran = tool({"schema"}, wrong, {});
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(contains(ran.output, "no plugin has the id or file name \"test.poisom\"; did you mean \"test.poison\"?"));
}

TEST_F(IsolateToolsTest, LintLeavesItToTheHelperToo) {
  TempFolder folder;
  const std::string loads = folder.path() + "/loads";
  const Ran good = tool({"check", "--lint"}, config(""), {{"SLUICE_POISON_LOADED", loads}});
  EXPECT_EQ(good.code, 0) << good.output;
  EXPECT_EQ(occurrences(read_file(loads), "\n"), 1) << "in the helper, and not a second time for the schema";
  const Ran in_load = tool({"check", "--lint"}, config(""), {{"SLUICE_POISON_LOAD", "segv"}});
  EXPECT_EQ(in_load.code, 1) << in_load.output;
  EXPECT_TRUE(contains(in_load.output, "its helper process ended while it was loading: SIGSEGV")) << in_load.output;
}

TEST_F(IsolateTest, TheHelperDoesNotOutliveAGatewayThatIsKilled) {
  PluginFolder folder{{"poison"}};
  TempFolder place;
  ReservedPort port;
  std::string config = with_poison(up);
  config.replace(config.find('{'), 1, R"({"listen_ip": "127.0.0.1", "port": )" + std::to_string(port.number()) + ", ");
  const std::string file = place.write("krakend.json", config);
  Process gateway({gateway_binary(), "run", "-c", file, "--plugins", folder.path()}, clean_environment({}), place.path());
  gateway.wait_for_output("poison runs in process ");
  gateway.wait_for_output("Listening on port");
  const auto pids = processes(gateway.output());
  ASSERT_EQ(pids.size(), 1u);
  pollfd helper{static_cast<int>(syscall(SYS_pidfd_open, pids[0], 0)), POLLIN, 0};
  ASSERT_GE(helper.fd, 0);
  gateway.signal(SIGKILL);
  EXPECT_EQ(poll(&helper, 1, static_cast<int>(kLimit.count())), 1);
  close(helper.fd);
}

}  // namespace
}  // namespace sluice::test

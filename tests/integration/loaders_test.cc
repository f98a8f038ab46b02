// The blocks of the reference gateway's plugin kinds choose ours, in its order, at its places. What a request meets is what the
// scripts of the test plugin note on their way.
#include <gtest/gtest.h>

#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

std::string quiet(const std::string& endpoints, const std::string& root_block = "") {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true, "return_error_msg": true})" +
         (root_block.empty() ? "" : ", " + root_block) + R"(}, "endpoints": [)" + endpoints + "]}";
}
// A script that notes `id` on requests, answers, or both.
std::string noting(const std::string& id, bool requests, bool answers) {
  return R"("id": ")" + id + '"' + (requests ? R"(, "on_request": [["note"]])" : "") + (answers ? R"(, "on_response": [["note"]])" : "");
}
std::string choice(const std::string& names, const std::vector<std::pair<std::string, std::string>>& options) {
  std::string out = R"("name": )" + names;
  for (const auto& [name, block] : options) out += ", \"" + name + "\": {" + block + "}";
  return out;
}

class LoadersTest : public ::testing::Test {
 protected:
  LoadersTest() {
    up_.on("/d", [](const FakeUpstream::Request& r) { return Reply::json(R"({"seen":")" + r.headers.get("X-Trace") + "\"}"); });
  }
  FakeUpstream up_;
};

TEST_F(LoadersTest, TheLastServerPluginSeesARequestFirst) {
  const std::string block = choice(R"(["test/service-outer", "test/service-inner"])",
                                   {{"test/service-outer", noting("one", true, true)}, {"test/service-inner", noting("two", true, true)}});
  PluggedGateway gateway({"script"}, quiet(endpoint_of("/x", backend_of(up_.url(), "/d"), R"("input_headers": ["X-Trace"], )"),
                                           "\"plugin/http-server\": {" + block + "}"));
  TestClient client(gateway.port());
  Response r = client.get("/x");
  EXPECT_EQ(r.body, R"({"seen":"two one"})");
  EXPECT_EQ(r.header("X-Trace"), "one two");
  EXPECT_EQ(client.get("/nowhere").header("X-Trace"), "one two") << "around the router, unknown paths included";
  EXPECT_EQ(client.get("/__health").header("X-Trace"), "one two") << "stage 910 of its own does not count: the block is at 200";
}

TEST_F(LoadersTest, WhatAServerPluginAnswersHasCorsHeadersAndNothingOfTheRouter) {
  const std::string block =
      choice(R"("test/service-outer")", {{"test/service-outer", R"("id": "one", "on_request": [["when", "X-Stop"], ["reply", 403, "stopped"]])"}});
  PluggedGateway gateway({"script"}, R"({"version": 3, "extra_config": {"security/cors": {"allow_origins": ["https://a.example"]}, "plugin/http-server": {)" +
                                         block + "}}, \"endpoints\": [" + endpoint_of("/x", backend_of(up_.url(), "/d")) + "]}");
  TestClient client(gateway.port());
  const Response stopped = client.get("/x", {{"Origin", "https://a.example"}, {"X-Stop", "1"}});
  EXPECT_EQ(stopped.status, 403);
  EXPECT_EQ(stopped.body, "stopped");
  EXPECT_EQ(stopped.header("Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(stopped.header("X-Krakend"), "");
  EXPECT_EQ(up_.count(), 0);
  const Response served = client.get("/x", {{"Origin", "https://a.example"}});
  EXPECT_EQ(served.status, 200);
  EXPECT_NE(served.header("X-Krakend"), "");
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "GET      \"/x\""), 1) << "only what the router answered has a line\n" << log;
}

TEST_F(LoadersTest, AnEmptyPatternTakesPluginsOnly) {
  TempFolder folder;
  folder.write("notes.txt", "no plugin");
  std::filesystem::copy_file(SLC_TEST_PLUGINS_FOLDER "/script.so", folder.path() + "/script.so");
  const std::string block = choice(R"("test/service-outer")", {{"test/service-outer", noting("one", true, true)}});
  const std::string file =
      folder.write("config/krakend.json", R"({"version": 3, "plugin": {"folder": ")" + folder.path() + R"(", "pattern": ""}, "extra_config": {
    "plugin/http-server": {)" + block + "}}, \"endpoints\": []}");
  const Ran ran = run_program({gateway_binary(), "check", "--strict", "-c", file});  // --plugins would take the folder's place
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(ran.output.find("notes.txt"), std::string::npos) << ran.output;
}

TEST_F(LoadersTest, ModifiersOfAnswersKeepTheOrderOfTheList) {
  for (const bool backend : {false, true}) {
    SCOPED_TRACE(backend ? "backend" : "endpoint");
    const std::string outer = backend ? "test/answer-one-backend" : "test/answer-one", inner = backend ? "test/answer-two-backend" : "test/answer-two";
    const std::string block =
        extra({{"plugin/req-resp-modifier", choice("[\"" + outer + "\", \"" + inner + "\"]", {{outer, R"("id": "one")"}, {inner, R"("id": "two")"}})}});
    PluggedGateway gateway({"modifiers"}, quiet(endpoint_of("/x", backend_of(up_.url(), "/d", backend ? block : ""), backend ? "" : block + ", ")));
    EXPECT_EQ(get_once(gateway.port(), "/x").header("X-Trace"), "one two");
  }
}

TEST_F(LoadersTest, ModifiersOfRequestsRunInTheOrderOfTheList) {
  for (const bool backend : {false, true}) {
    SCOPED_TRACE(backend ? "backend" : "endpoint");
    const std::string a = backend ? "test/backend-inner" : "test/proxy-inner", b = backend ? "test/backend-outer" : "test/proxy-outer";
    const std::string block =
        extra({{"plugin/req-resp-modifier", choice("[\"" + a + "\", \"" + b + "\"]", {{a, noting("one", true, false)}, {b, noting("two", true, false)}})}});
    PluggedGateway gateway({"script"}, quiet(endpoint_of("/x", backend_of(up_.url(), "/d", backend ? block : ""), backend ? "" : block + ", ")));
    EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"seen":"one two"})");
  }
}

TEST_F(LoadersTest, ModifiersOfBothKeepTheOrderOfTheListBothWays) {
  for (const bool backend : {false, true}) {
    SCOPED_TRACE(backend ? "backend" : "endpoint");
    const std::string a = backend ? "test/backend-outer" : "test/proxy-outer", b = backend ? "test/backend-inner" : "test/proxy-inner";
    const std::string only = backend ? "test/answer-one-backend" : "test/answer-one";
    const auto both = [&](const std::string& id) {
      return R"("id": ")" + id + R"(", "on_request": [["note"]], "on_raw_response": [["note"]], "on_response": [["note"]])";
    };
    const auto config = [&](const std::string& names, const std::string& second) {
      const std::string block = extra({{"plugin/req-resp-modifier", choice(names, {{a, both("one")}, {b, second}, {only, R"("id": "only")"}})}});
      return quiet(endpoint_of("/x", backend_of(up_.url(), "/d", backend ? block : ""), backend ? "" : block + ", "));
    };
    {
      PluggedGateway gateway({"script", "modifiers"}, config("[\"" + a + "\", \"" + only + "\", \"" + b + "\"]", both("two")));
      const Response r = get_once(gateway.port(), "/x");
      EXPECT_EQ(r.body, R"({"seen":"one two"})");
      EXPECT_EQ(r.header("X-Trace"), "one only two");
    }
    {
      // The list turned round turns both ways round.
      PluggedGateway gateway({"script", "modifiers"}, config("[\"" + b + "\", \"" + a + "\"]", both("two")));
      const Response r = get_once(gateway.port(), "/x");
      EXPECT_EQ(r.body, R"({"seen":"two one"})");
      EXPECT_EQ(r.header("X-Trace"), "two one");
    }
    {
      // Who replies does not see its own answer; those in front of it do, and those that look at answers only.
      PluggedGateway gateway({"script", "modifiers"}, config("[\"" + a + "\", \"" + b + "\", \"" + only + "\"]",
          R"("id": "two", "on_request": [["data", {"from": "two"}], ["complete", true], ["status", 200], ["replied"]], "on_response": [["note"]])"));
      const Response r = get_once(gateway.port(), "/x");
      EXPECT_EQ(r.body, R"({"from":"two"})");
      EXPECT_EQ(r.header("X-Trace"), "one only");
    }
  }
}

TEST_F(LoadersTest, AClientPluginTakesThePlaceOfTheHttpClient) {
  const std::string block = extra({{"plugin/http-client", choice(R"("test/echo-transport")", {{"test/echo-transport", R"("status": 201)"}})}});
  PluggedGateway gateway({"sending"}, quiet(endpoint_of("/x", backend_of(up_.url(), "/d", block))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_NE(r.body.find(R"("path":"/d")"), std::string::npos) << r.body;
  EXPECT_EQ(up_.count(), 0);
}

TEST_F(LoadersTest, MiddlewareCallsTheInsideAsOftenAsItLikes) {
  FakeUpstream busy;
  std::atomic<int> n{0};
  busy.on("/d", [&](const FakeUpstream::Request&) { return ++n % 3 == 0 ? Reply::json(R"({"a":1})") : Reply{500, {}, "busy"}; });
  const std::string block = extra({{"plugin/middleware", choice(R"("test/retry")", {{"test/retry", R"("attempts": 5)"}})}});
  PluggedGateway gateway({"around"}, quiet(endpoint_of("/x", backend_of(busy.url(), "/d", block))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.body, R"({"a":1})");
  EXPECT_EQ(r.header("X-Attempts"), "3");
}

TEST_F(LoadersTest, WhatCannotBeChosenIsLeftOutAndTold) {
  const std::string server = choice(R"(["geoip", "test/proxy-outer", "test/service-outer"])", {{"test/service-outer", noting("here", true, true)}});
  const std::string client = extra({{"plugin/http-client", choice(R"("test/backend-outer")", {})}});
  const std::string config = quiet(endpoint_of("/x", backend_of(up_.url(), "/d", client)), "\"plugin/http-server\": {" + server + "}");
  PluggedGateway gateway({"script"}, config);
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Trace"), "here");
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, R"(no plugin provides "geoip")"), 1) << log;
  EXPECT_EQ(occurrences(log, R"("test/proxy-outer" is left out: plugin test.script serves it at endpoints)"), 1) << log;
  EXPECT_EQ(occurrences(log, R"("test/backend-outer" is left out: plugin test.script serves it as sluice.middleware/1)"), 1) << log;
  const Ran strict = run_plugged({"script"}, "check", config, {"--strict"});
  EXPECT_NE(strict.code, 0);
  EXPECT_EQ(occurrences(strict.output, "error: "), 3) << strict.output;
}

TEST_F(LoadersTest, ProblemsOfAChosenPluginAreToldAtItsPartOfTheBlock) {
  const auto check = [&](const std::string& options) {
    return run_plugged(
        {"around"}, "check",
        quiet(endpoint_of("/x", backend_of(up_.url(), "/d", extra({{"plugin/middleware", choice(R"("test/retry")", {{"test/retry", options}})}})))));
  };
  const Ran wrong = check(R"("attempts": 99)");
  EXPECT_NE(wrong.code, 0);
  EXPECT_NE(wrong.output.find("/endpoints/0/backend/0/extra_config/plugin~1middleware/test~1retry/attempts: must be from 1 to 10"), std::string::npos)
      << wrong.output;
  EXPECT_EQ(check(R"("attempts": 2)").code, 0);
  // The schema of the plugin holds for its part, and for the empty one when it has none.
  const Ran none =
      run_plugged({"around"}, "check", quiet(endpoint_of("/x", backend_of(up_.url(), "/d", extra({{"plugin/middleware", R"("name": "test/answer")"}})))));
  EXPECT_NE(none.code, 0);
  EXPECT_NE(none.output.find("plugin~1middleware/how: a string is required"), std::string::npos) << none.output;
}

}  // namespace
}  // namespace sluice::test

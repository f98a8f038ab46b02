// plugin.isolate when a configuration is read: what is refused, where, and that a plugin's own findings come back from its
// process with their place.
#include <gtest/gtest.h>

#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

std::string config_with(const std::string& isolate, const std::string& block, const std::string& more = "") {
  return R"({"version": 3, "name": "the name of the root",
 "plugin": {"isolate": )" + isolate + R"(},
 "endpoints": [{"endpoint": "/x", "extra_config": {"test/poison": )" + block + R"(}, "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/d"}]})" +
         more + "]}";
}

Ran check(const std::string& isolate, const std::string& block, const std::vector<std::string>& plugins = {"poison"}) {
  return run_plugged(plugins, "check", config_with(isolate, block));
}

TEST(IsolateLoadTest, APluginIsNamedByIdOrByFileAndMadeInItsOwnProcess) {
  for (const char* name : {"test.poison", "poison", "poison.so"}) {
    Ran r = check(std::string{"[\""} + name + "\"]", "{}");
    EXPECT_EQ(r.code, 0) << name << '\n' << r.output;
  }
}

TEST(IsolateLoadTest, AnErrorOfCreateComesBackWithItsPlace) {
  Ran r = check(R"(["test.poison"])", R"({"in": "wrong", "do": "x"})");
  EXPECT_EQ(r.code, 1);
  EXPECT_TRUE(contains(r.output, "krakend.json:3:")) << r.output;
  EXPECT_TRUE(contains(r.output, "error: /endpoints/0/extra_config/test~1poison/do: the deed is wrong (plugin test.poison 1.0.0)")) << r.output;
}

TEST(IsolateLoadTest, AWarningOfCreateDoesNotRefuse) {
  Ran r = check(R"(["test.poison"])", R"({"in": "doubtful", "do": "x"})");
  EXPECT_EQ(r.code, 0) << r.output;
  EXPECT_TRUE(contains(r.output, "warning: /endpoints/0/extra_config/test~1poison/do: the deed is doubtful")) << r.output;
}

TEST(IsolateLoadTest, ADeathInCreateRefusesTheBlockAndSaysOfWhat) {
  for (auto [deed, cause] : {std::pair{"segv", "SIGSEGV"}, std::pair{"abort", "SIGABRT"}, std::pair{"exit", "exit code 3"}}) {
    Ran r = check(R"(["test.poison"])", std::string{R"({"in": "create", "do": ")"} + deed + "\"}");
    EXPECT_EQ(r.code, 1) << deed;
    EXPECT_TRUE(contains(r.output, "/endpoints/0/extra_config/test~1poison: the helper process of the isolated plugin died in create(): ")) << r.output;
    EXPECT_TRUE(contains(r.output, cause)) << r.output;
  }
}

TEST(IsolateLoadTest, TheConfigurationAroundABlockIsReadable) {
  FakeUpstream up;
  PluggedGateway gateway({"poison"}, config_with(R"(["poison"])", R"({"in": "root"})"));
  EXPECT_TRUE(contains(gateway.log_to_the_end(), "[ENDPOINT: /x][test/poison] the name of the root"));
}

TEST(IsolateLoadTest, ADeathInLoadIsRefusedAtTheListsEntry) {
  PluginFolder folder{{"poison"}};
  TempFolder place;
  const std::string file = place.write("krakend.json", config_with(R"(["poison"])", "{}"));
  Ran r = run_program({gateway_binary(), "check", "-c", file, "--plugins", folder.path()}, kLimit, {{"SLUICE_POISON_LOAD", "segv"}}, place.path());
  EXPECT_EQ(r.code, 1);
  EXPECT_TRUE(contains(r.output, "error: /plugin/isolate/0: ")) << r.output;
  EXPECT_TRUE(contains(r.output, "poison.so (test.poison 1.0.0): cannot be isolated: its helper process ended while it was loading: SIGSEGV")) << r.output;
}

TEST(IsolateLoadTest, ANameThatNobodyHasIsRefusedWithTheNearest) {
  Ran r = check(R"(["test.poisson"])", "{}");
  EXPECT_EQ(r.code, 1);
  EXPECT_TRUE(contains(r.output, "error: /plugin/isolate/0: no plugin has the id or file name \"test.poisson\"; did you mean \"test.poison\"?")) << r.output;
}

TEST(IsolateLoadTest, KindsThatBelongToTheGatewayAreRefused) {
  Ran r = check(R"(["poison", "loaders", "streams", "kv_codec", "balancing", "around"])", "{}", {"poison", "kv_codec", "around", "streams"});
  EXPECT_EQ(r.code, 1);
  for (const char* pointer : {"/plugin/isolate/1: ", "/plugin/isolate/2: "}) EXPECT_TRUE(contains(r.output, std::string{"error: "} + pointer)) << r.output;
  EXPECT_EQ(occurrences(r.output, " cannot be isolated: "), 2) << r.output;
  EXPECT_EQ(occurrences(r.output, " has hooks for bodies that pass in pieces"), 1) << r.output;
}

TEST(IsolateLoadTest, TheBindingThatCannotBeIsolatedIsNamed) {
  Ran r = check(R"({"loaders": true, "streams": true})", "{}", {"poison", "streams"});
  EXPECT_EQ(r.code, 1);
  EXPECT_TRUE(contains(r.output, "krakend.json:2:")) << r.output;
  EXPECT_TRUE(contains(r.output, "error: /plugin/isolate/loaders: ") && contains(r.output, "it serves \"plugin/http-server\" through sluice.selector/1"))
      << r.output;
  EXPECT_TRUE(contains(r.output, "error: /plugin/isolate/streams: ")) << r.output;
}

TEST(IsolateLoadTest, AnObjectByNameSaysTheSameAsTheList) {
  for (const char* object : {R"({"test.poison": true})", R"({"poison": {}})", R"({"poison.so": {"timeout": "1s", "helpers": 2, "memory_mb": 512}})"}) {
    Ran r = check(object, R"({"in": "create", "do": "exit"})");
    EXPECT_EQ(r.code, 1) << object;
    EXPECT_TRUE(contains(r.output, "the helper process of the isolated plugin died in create(): it ended by itself with exit code 3")) << r.output;
  }
  EXPECT_EQ(check(R"({"test.poison": false, "nobody": false})", "{}").code, 0);
  EXPECT_EQ(check("{}", "{}").code, 0);
}

TEST(IsolateLoadTest, ABadObjectIsLocated) {
  for (auto [object, message] : {
           std::pair{R"({"poison": "1s"})", "/plugin/isolate/poison: expected true, false or "},
           std::pair{R"({"": true})", "/plugin/isolate/: names no plugin"},
           std::pair{R"({"poison": {"plugin": "poison"}})", "/plugin/isolate/poison/plugin: the plugin is named in front"},
           std::pair{R"({"poison": {"helpers": 0}})", "/plugin/isolate/poison/helpers: "},
           std::pair{R"({"test.poisson": true})",
                     "/plugin/isolate/test.poisson: no plugin has the id or file name \"test.poisson\"; did you mean \"test.poison\"?"},
           std::pair{R"({"test.poison": true, "poison": true})", "/plugin/isolate/poison: is the plugin of /plugin/isolate/test.poison, by another name"},
       }) {
    Ran r = check(object, "{}");
    EXPECT_EQ(r.code, 1) << object;
    EXPECT_TRUE(contains(r.output, message)) << r.output;
  }
}

TEST(IsolateLoadTest, ABadListIsLocated) {
  for (auto [list, message] : {
           std::pair{R"("poison")", "/plugin/isolate: expected a list of plugins"},
           std::pair{R"([7])", "/plugin/isolate/0: expected the id or file name of a plugin"},
           std::pair{R"([{"timeout": "1s"}])", "/plugin/isolate/0: names no plugin"},
           std::pair{R"(["poison", {"plugin": "poison"}])", "/plugin/isolate/1: \"poison\" is in the list twice"},
           std::pair{R"([{"plugin": "poison", "helpers": 65}])", "/plugin/isolate/0/helpers: "},
           std::pair{R"([{"plugin": "poison", "timeout": "-1s"}])", "/plugin/isolate/0/timeout: the time limit of a hook must be positive"},
       }) {
    Ran r = check(list, "{}");
    EXPECT_EQ(r.code, 1) << list;
    EXPECT_TRUE(contains(r.output, message)) << r.output;
  }
}

}  // namespace
}  // namespace sluice::test

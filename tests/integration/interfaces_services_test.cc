// What the host offers plugins: suspension and threads (a plugin in C), state of the process and of a worker, metrics, limits,
// located configuration errors.
#include <gtest/gtest.h>

#include <bit>

#include "sdk/include/sluice/plugin.h"
#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

std::string plain_config(const FakeUpstream& up, const std::string& via, bool backend) {
  const std::string block = extra({{backend ? "test/plain-backend" : "test/plain", R"("greeting": "hello from C", "via": ")" + via + '"'}});
  return config_of(endpoint_of("/x", backend_of(up.url(), "/d", backend ? block : ""),
                               R"("input_headers": ["X-Greeting"], )" + (backend ? "" : block + ", ")));
}

TEST(PlainCTest, AHookGoesOnAfterADetourOverThreadPostOrTimer) {
  for (bool backend : {false, true}) {
    for (const char* via : {"now", "thread", "post", "timer"}) {
      SCOPED_TRACE(std::string{backend ? "backend " : "endpoint "} + via);
      FakeUpstream up;
      up.on("/d", Reply::json(R"({"a":1})"));
      PluggedGateway gateway({"plain"}, plain_config(up, via, backend));
      TestClient client(gateway.port());
      for (int i = 0; i < 5; ++i) {
        Response r = client.get("/x");
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.body, R"({"a":1})");
        EXPECT_EQ(r.header("X-Greeting"), "hello from C");
        EXPECT_FALSE(r.headers.has("X-Evil"));
        EXPECT_EQ(r.header("X-Second-Resume"), std::string_view{via} == "post" ? "stale" : "");
      }
      for (const auto& r : up.requests()) EXPECT_EQ(r.headers.get("X-Greeting"), "hello from C");
      EXPECT_EQ(occurrences(gateway.log_to_the_end(), "done plain"), 5);
    }
  }
}

TEST(PlainCTest, ManyRequestsOfSeveralWorkersAreResumedByOneThread) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  PluggedGateway gateway({"plain"}, plain_config(up, "thread", false), 4);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 16; ++i) clients.push_back(std::make_unique<TestClient>(gateway.port()));
  for (int round = 0; round < 10; ++round) {
    for (auto& c : clients) c->send_request("GET", "/x");
    for (auto& c : clients) EXPECT_EQ(c->read().status, 200);
  }
  EXPECT_EQ(up.count("/d"), 160);
  EXPECT_EQ(occurrences(gateway.log_to_the_end(), "done plain"), 160);
}

TEST(PlainCTest, AFailureHasItsStatus) {
  FakeUpstream up;
  PluggedGateway gateway({"plain"}, plain_config(up, "teleport", false));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 501);
  EXPECT_EQ(r.body, "no such way");
}

// ---- sluice.shared/1, sluice.metrics/1 ----

std::string counting_config(const std::string& block) {
  return config_of(endpoint_of("/x", backend_of("http://127.0.0.1:1", "/d"), extra({{"test/count", block}}) + R"(, "input_headers": ["X-Client"], )"));
}

// Over all workers of the gateway. Isolated, over all helpers' of the plugin: a helper has one worker, and there is one helper.
#ifdef SLC_ISOLATED
constexpr long long kCountingWorkers = 1;
#else
constexpr long long kCountingWorkers = 4;
#endif

// A thread of a plugin ends with its object, and that after the workers.
TEST(PostTest, ToAWorkerThatHasEndedIsRefusedUntilTheObjectIsGone) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}"));
  PluggedGateway gateway({"posts_late"}, config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"test/posts-late", ""}}) + ", ")));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  const std::string log = gateway.log_to_the_end();
  EXPECT_NE(log.find("posts-late: answered " + std::to_string(SLC_ESTALE)), std::string::npos) << log;
  EXPECT_EQ(log.find("posts-late: it ran"), std::string::npos) << log;
}

TEST(SharedTest, WorkersCountTogetherAndEachForItself) {
  PluggedGateway gateway({"counting"}, counting_config(""), 4);
  std::map<long long, long long> mine;  // worker → its own count
  for (long long i = 1; i <= 40; ++i) {
    const Json r = Json::parse_or_throw(get_once(gateway.port(), "/x").body, "the counts");
    EXPECT_EQ(r.at("shared").whole(), i);
    EXPECT_EQ(r.at("of").whole(), kCountingWorkers);
    EXPECT_EQ(r.at("counter").whole(), i) << "the sum over all workers";
    EXPECT_EQ(r.at("histogram").whole(), i);
    EXPECT_EQ(r.at("mine").whole(), ++mine[r.at("worker").whole()]);
    EXPECT_EQ(std::popcount(static_cast<unsigned>(r.at("workers").whole())), static_cast<int>(mine.size()));
  }
  if (kCountingWorkers > 1) {
    EXPECT_GT(mine.size(), 1u) << "forty connections reach more than one of four workers";
  } else {
    EXPECT_EQ(mine.size(), 1u) << "whichever worker of the gateway has the request";
  }
}

TEST(SharedTest, AGaugeGoesDownAgain) {
  PluggedGateway gateway({"counting"}, counting_config(""));
  TestClient client(gateway.port());
  for (int i = 0; i < 5; ++i) {
    const Json r = Json::parse_or_throw(client.get("/x").body, "the counts");
    EXPECT_EQ(r.at("gauge").whole(), 1) << "this request is inside, and no other";
  }
}

TEST(SharedTest, OneLimitForAllWorkers) {
  PluggedGateway gateway({"counting"}, counting_config(R"("tokens": 10)"), 4);
  int good = 0, refused = 0;
  for (int i = 0; i < 40; ++i) {
    const int status = get_once(gateway.port(), "/x").status;
    good += status == 200;
    refused += status == 429;
  }
  EXPECT_EQ(good, 10);
  EXPECT_EQ(refused, 30);
}

TEST(SharedTest, EachClientOfALimiterHasABucketOfItsOwn) {
  PluggedGateway gateway({"counting"}, counting_config(R"("tokens": 3)"), 4);
  std::map<std::string, int> good;
  for (int i = 0; i < 30; ++i) {
    const std::string client = std::string(1, static_cast<char>('a' + i % 3));
    good[client] += get_once(gateway.port(), "/x", {{"X-Client", client}}).status == 200;
  }
  EXPECT_EQ(good, (std::map<std::string, int>{{"a", 3}, {"b", 3}, {"c", 3}}));
}

// ---- sluice.config/1 ----

// A member is pointed at by its key, an element by itself. "line:column" of the n-th occurrence of `text`.
std::string position(const std::string& config, std::string_view text, int nth = 1) {
  size_t at = config.find(text);
  while (--nth > 0) at = config.find(text, at + 1);
  const size_t line_start = config.rfind('\n', at) + 1;
  return std::to_string(std::count(config.begin(), config.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1) + ":" + std::to_string(at - line_start + 1);
}

TEST(ConfigErrorTest, EveryProblemOfEveryBlockIsReportedAtItsPlace) {
  const std::string config = R"({
  "version": 3,
  "endpoints": [
    {
      "endpoint": "/x",
      "backend": [{"host": ["http://127.0.0.1:8000"], "url_pattern": "/d",
        "extra_config": {"test/backend-outer": {"id": 17}}}],
      "extra_config": {
        "test/plain": {
          "via": 5,
          "greeting": "much, much longer than any greeting that this plugin has room for",
          "numbers": [1, "two", 2.5, 4]
        },
        "test/retry": {"attempts": 99},
        "test/endpoint-outer": {
          "id": "",
          "on_request": [["note"], "oops"],
          "surprise": 1
        }
      }
    }
  ]
}
)";
  const Ran ran = run_plugged({"plain", "script", "around"}, "check", config);
  EXPECT_EQ(ran.code, 1);
  const auto expect = [&](const std::string& where, std::string_view pointer, std::string_view message) {
    const size_t at = ran.output.find("krakend.json:" + where + ":");
    ASSERT_NE(at, std::string::npos) << where << ' ' << pointer << '\n' << ran.output;
    const std::string line = ran.output.substr(at, ran.output.find('\n', at) - at);
    EXPECT_NE(line.find(pointer), std::string::npos) << line;
    EXPECT_NE(line.find(message), std::string::npos) << line;
  };
  expect(position(config, "\"via\""), "/endpoints/0/extra_config/test~1plain/via", "must be a text (plugin test.plain 1.0.0)");
  expect(position(config, "\"greeting\""), "/greeting", "is too long (plugin test.plain 1.0.0)");
  expect(position(config, "\"two\""), "/numbers/1", "must be an integer");
  expect(position(config, "2.5"), "/numbers/2", "must be an integer");
  expect(position(config, "\"attempts\""), "/endpoints/0/extra_config/test~1retry/attempts", "must be from 1 to 10 (plugin test.around 1.0.0)");
  expect(position(config, "\"id\"", 2), "test~1endpoint-outer/id", "(plugin test.script 1.0.0)");
  expect(position(config, "\"oops\""), "/on_request/1", "(plugin test.script 1.0.0)");
  expect(position(config, "\"id\""), "/endpoints/0/backend/0/extra_config/test~1backend-outer/id", "(plugin test.script 1.0.0)");
  expect(position(config, "\"surprise\""), "test~1endpoint-outer/surprise", "unknown property");
  EXPECT_EQ(occurrences(ran.output, "krakend.json:"), 9) << ran.output;
}

TEST(ConfigErrorTest, ABlockAtAPlaceThatItsPluginDoesNotServeIsNotIgnored) {
  const std::string config = config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d", extra({{"test/endpoint-outer", R"("id": "a")"}}))));
  const Ran ran = run_plugged({"script"}, "check", config);
  EXPECT_NE(ran.output.find("test/endpoint-outer"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("endpoints"), std::string::npos) << "where it belongs\n" << ran.output;
  const Ran twice = run_plugged({"sending"}, "check", config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d",
      extra({{"test/echo-transport", ""}, {"test/never-transport", ""}})))));
  EXPECT_EQ(twice.code, 1);
  EXPECT_NE(twice.output.find("a backend has one transport"), std::string::npos) << twice.output;
}

TEST(ConfigErrorTest, OfBalancersAndLogSinksThereIsOneAndTheSecondIsNoSilentWinner) {
  const auto check = [](const std::string& config) { return run_plugged({"choosing", "sink"}, "check", config); };
  const std::string two = extra({{"balancing/round-robin", ""}, {"test/pick", ""}});
  const std::string at_backend = config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d", two)));
  Ran ran = check(at_backend);
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("/endpoints/0/backend/0/extra_config/test~1pick: "), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find(R"(a backend has one balancer; "balancing/round-robin" is configured beside "test/pick")"), std::string::npos) << ran.output;
  ran = check(R"({"version": 3, )" + two + R"(, "endpoints": []})");
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find(R"(all backends have one balancer; "balancing/round-robin" is configured beside "test/pick")"), std::string::npos) << ran.output;
  ran = check(R"({"version": 3, )" + extra({{"balancing/round-robin", ""}}) + R"(, "endpoints": [)" +
              endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d", extra({{"test/pick", ""}}))) + "]}");
  EXPECT_EQ(ran.code, 0) << "a backend's own goes before that of all\n" << ran.output;
  ran = check(R"({"version": 3, )" + extra({{"telemetry/logging", R"("level": "INFO")"}, {"test/sink", R"("file": "/dev/null", "level": 1)"}}) +
              R"(, "endpoints": []})");
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find(R"(a gateway has one log sink; "telemetry/logging" is configured beside "test/sink")"), std::string::npos) << ran.output;
}

TEST(ConfigErrorTest, TheNameOfTheEncodingThatPassesBytesOnIsExact) {
  const auto refused = [](const std::string& config, const std::string& pointer, const std::string& found) {
    const Ran ran = run_plugged({}, "check", config);
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.output.find(pointer + ": "), std::string::npos) << ran.output;
    EXPECT_NE(ran.output.find("found \"" + found + R"(" (did you mean "no-op"?))"), std::string::npos) << ran.output;
  };
  const std::string host = "http://127.0.0.1:8000";
  refused(config_of(endpoint_of("/x", backend_of(host, "/d", R"("encoding": "NO-OP")"))), "/endpoints/0/backend/0/encoding", "NO-OP");
  refused(config_of(endpoint_of("/x", backend_of(host, "/d"), R"("encoding": "No-Op", )")), "/endpoints/0/encoding", "No-Op");
  refused(config_of(endpoint_of("/x", backend_of(host, "/d"), R"("output_encoding": "no-OP", )")), "/endpoints/0/output_encoding", "no-OP");
  const Ran ran = run_plugged({}, "check", config_of(endpoint_of("/x", backend_of(host, "/d", R"("encoding": "SafeJSON")"))));
  EXPECT_EQ(ran.code, 0) << "other names are read in any letter case\n" << ran.output;
}

TEST(ConfigErrorTest, AResolverThatRefusesItsHostsRefusesTheConfiguration) {
  const Ran ran = run_plugged({"directory"}, "check", config_of(endpoint_of("/x", backend_of("http://127.0.0.1:8000", "/d", R"("sd": "test-directory")"))));
  EXPECT_EQ(ran.code, 1) << "without $TEST_DIRECTORY";
  EXPECT_NE(ran.output.find("test-directory"), std::string::npos) << ran.output;
}

TEST(ConfigErrorTest, AnAroundStageBelongsToProxyOrBackend) {
  const Ran ran = run_plugged({"around"}, "check", R"({"version": 3, "extra_config": {"test/retry": {}}, "endpoints": []})");
  EXPECT_NE(ran.output.find("test/retry"), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace sluice::test

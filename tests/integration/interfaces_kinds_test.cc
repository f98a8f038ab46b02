// The other kinds of interfaces through the real gateway: around, decoder and encoder, resolver, balancer, transport, log sink.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <set>

#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

std::string quiet(const std::string& endpoints, const std::string& root_block = "") {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true, "return_error_msg": true})" +
         (root_block.empty() ? "" : ", " + root_block) + R"(}, "endpoints": [)" + endpoints + "]}";
}

// ---- sluice.around/1 ----

std::string around(const FakeUpstream& up, bool proxy, const std::string& name, const std::string& block, const std::string& more = "") {
  const std::string e = extra({{name, block}});
  return quiet(endpoint_of("/x", backend_of(up.url(), "/d", proxy ? "" : e), more + (proxy ? e + ", " : "")));
}

TEST(AroundTest, RetriesUntilTheInsideSucceeds) {
  for (bool proxy : {false, true}) {
    SCOPED_TRACE(proxy ? "proxy" : "backend");
    FakeUpstream up;
    std::atomic<int> n{0};
    up.on("/d", [&](const FakeUpstream::Request&) { return ++n % 3 == 0 ? Reply::json(R"({"a":1})") : Reply{500, {}, "busy"}; });
    PluggedGateway gateway({"around"}, around(up, proxy, "test/retry", R"("attempts": 5)"));
    TestClient client(gateway.port());
    for (int i = 1; i <= 3; ++i) {
      Response r = client.get("/x");
      EXPECT_EQ(r.status, 200);
      EXPECT_EQ(r.body, R"({"a":1})");
      EXPECT_EQ(r.header("X-Attempts"), "3");
      EXPECT_EQ(up.count("/d"), 3 * i);
    }
    EXPECT_EQ(occurrences(gateway.log_to_the_end(), "done retry 0"), 3);
  }
}

TEST(AroundTest, TheLastFailureIsTheAnswerWhenAttemptsRunOut) {
  for (bool proxy : {false, true}) {
    SCOPED_TRACE(proxy ? "proxy" : "backend");
    FakeUpstream up;
    up.on("/d", Reply{503, {}, "busy"});
    PluggedGateway gateway({"around"}, around(up, proxy, "test/retry", R"("attempts": 4)"));
    EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);
    EXPECT_EQ(up.count("/d"), 4);
    const std::string log = gateway.log_to_the_end();
    EXPECT_EQ(occurrences(log, "invalid status code 503"), 1) << log;
    EXPECT_EQ(occurrences(log, "done retry -12"), 1) << log;
  }
}

TEST(AroundTest, EachAttemptIsAnExchangeOfItsOwnForTheStagesInside) {
  FakeUpstream up;
  std::atomic<int> n{0};
  up.on("/d", [&](const FakeUpstream::Request&) { return ++n == 3 ? Reply::json(R"({"a":1})") : Reply{500, {}, ""}; });
  PluggedGateway gateway(
      {"around", "script"},
      quiet(endpoint_of("/x", backend_of(up.url(), "/d",
                                         extra({{"test/retry", R"("attempts": 3)"},
                                                {"test/backend-outer", R"("id": "out", "on_response": [["note"]])"},
                                                {"test/backend-inner",
                                                 R"("id": "in", "on_request": [["note"], ["after", 1]], "on_response": [["after", 1], ["note"]])"}})))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Trace"), "in out");
  for (const auto& seen : up.requests()) EXPECT_EQ(seen.headers.get("X-Trace"), "in") << "attempts begin with the same request";
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "done in -12"), 2) << log;
  EXPECT_EQ(occurrences(log, "done in 0"), 1) << log;
  EXPECT_EQ(occurrences(log, "done out 0"), 1) << log;
}

TEST(AroundTest, TheFirstOfTwoAttemptsWinsAndTheOtherIsCancelledAtOnce) {
  for (bool proxy : {false, true}) {
    for (const char* winner : {"first", "second"}) {
      SCOPED_TRACE(std::string{proxy ? "proxy " : "backend "} + winner);
      FakeUpstream up;
      up.manual("/d");
      up.manual("/held");
      // A second backend that has no answer yet: the loser must not run until the whole request is answered.
      const std::string hedge = extra({{"test/hedge", ""}});
      PluggedGateway gateway({"around"}, quiet(proxy ? endpoint_of("/x", backend_of(up.url(), "/d"), hedge + ", ")
                                                     : endpoint_of("/x", backend_of(up.url(), "/d", hedge) + "," + backend_of(up.url(), "/held"))));
      TestClient client(gateway.port());
      client.send_request("GET", "/x");
      auto one = up.wait_for_request("/d"), two = up.wait_for_request("/d");
      EXPECT_NE(one.request().headers.get("X-Attempt"), two.request().headers.get("X-Attempt"));
      const bool one_wins = one.request().headers.get("X-Attempt") == winner;
      (one_wins ? one : two).answer(Reply::json(R"({"winner":1})"));
      (one_wins ? two : one).wait_for_disconnect();
      if (!proxy) up.wait_for_request("/held").answer(Reply::json(R"({"held":1})"));
      Response r = client.read();
      EXPECT_EQ(r.body, proxy ? R"({"winner":1})" : R"({"winner":1,"held":1})");
      if (proxy) {
        EXPECT_EQ(r.header("X-Won"), winner);
      }
      EXPECT_EQ(occurrences(gateway.log_to_the_end(), "done hedge 0"), 1);
    }
  }
}

TEST(AroundTest, AHedgeSurvivesTheFailureOfOneAttempt) {
  FakeUpstream up;
  up.on("/d", [](const FakeUpstream::Request& r) { return r.headers.get("X-Attempt") == "first" ? Reply{500, {}, ""} : Reply::json(R"({"a":1})"); });
  PluggedGateway gateway({"around"}, around(up, false, "test/hedge", ""));
  TestClient client(gateway.port());
  for (int i = 0; i < 5; ++i) {
    Response r = client.get("/x");
    EXPECT_EQ(r.body, R"({"a":1})");
    EXPECT_EQ(r.header("X-Won"), "second");
  }
}

TEST(AroundTest, AttemptsDoNotShareHeadersWithTheRequestTheyWereCopiedFrom) {
  FakeUpstream up;
  up.on("/d", Reply{500, {}, ""});
  PluggedGateway gateway({"around", "script"}, quiet(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"test/hedge", ""},
      {"test/proxy-inner", R"("id": "wait", "on_request": [["after", 5], ["note"]])"}}) + ", ")));
  get_once(gateway.port(), "/x");
  std::multiset<std::string> marks;
  for (const auto& r : up.requests()) {
    marks.insert(r.headers.get("X-Attempt"));
    EXPECT_EQ(r.headers.get("X-Trace"), "wait");
  }
  EXPECT_EQ(marks, (std::multiset<std::string>{"first", "second"}));
}

TEST(AroundTest, AnswersWithoutTheInside) {
  for (bool proxy : {false, true}) {
    SCOPED_TRACE(proxy ? "proxy" : "backend");
    FakeUpstream up;
    PluggedGateway gateway({"around"}, around(up, proxy, "test/answer", R"("how": "reply")"));
    Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.body, R"({"from":"around"})");
    EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
    EXPECT_EQ(up.count(), 0);
  }
}

TEST(AroundTest, NextMeansAsIfItWereNotThereAndFailItsStatus) {
  for (bool proxy : {false, true}) {
    SCOPED_TRACE(proxy ? "proxy" : "backend");
    FakeUpstream up;
    up.on("/d", Reply::json(R"({"a":1})"));
    PluggedGateway next({"around"}, around(up, proxy, "test/answer", R"("how": "next")"));
    EXPECT_EQ(get_once(next.port(), "/x").body, R"({"a":1})");
    EXPECT_EQ(up.count("/d"), 1);
    PluggedGateway fail({"around"}, around(up, proxy, "test/answer", R"("how": "fail")"));
    Response r = get_once(fail.port(), "/x");
    EXPECT_EQ(r.status, 429);
    EXPECT_EQ(r.body, "slow down");
    EXPECT_EQ(up.count("/d"), 1);
  }
}

TEST(AroundTest, AnAttemptIsCancelledByItsStageOrWithIt) {
  for (bool proxy : {false, true}) {
    for (const char* how : {"cancel", "leave"}) {
      SCOPED_TRACE(std::string{proxy ? "proxy " : "backend "} + how);
      FakeUpstream up;
      up.manual("/d");
      PluggedGateway gateway({"around"}, around(up, proxy, "test/answer", std::string{R"("how": ")"} + how + '"'));
      TestClient client(gateway.port());
      client.send_request("GET", "/x");
      up.wait_for_request("/d").wait_for_disconnect();
      EXPECT_EQ(client.read().body, R"({"from":"around"})");
      EXPECT_EQ(occurrences(gateway.log_to_the_end(), "done answer 0"), 1);
    }
  }
}

TEST(AroundTest, NothingCallsBackIntoACancelledAttempt) {
  FakeUpstream up;
  up.manual("/held");
  up.on("/d", Reply::json("{}"));
  // The attempt is left after 30 ms; its hook would go on, and log, after 60.
  PluggedGateway gateway(
      {"around", "script"},
      quiet(endpoint_of("/x",
                        backend_of(up.url(), "/d",
                                   extra({{"test/answer", R"("how": "leave")"},
                                          {"test/backend-inner", R"("id": "in", "on_request": [["later", 60], ["after", 60], ["log", "fired", "path"]])"}})) +
                            "," + backend_of(up.url(), "/held")) +
            "," + endpoint_of("/clock", backend_of(up.url(), "/d", extra({{"test/backend-inner", R"("id": "clock", "on_request": [["after", 120]])"}})))));
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  auto held = up.wait_for_request("/held");
  EXPECT_EQ(get_once(gateway.port(), "/clock").status, 200);
  held.answer(Reply::json(R"({"held":1})"));
  EXPECT_EQ(client.read().body, R"({"from":"around","held":1})");
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "fired"), 0) << log;
  EXPECT_EQ(occurrences(log, "late in"), 0) << log;
  EXPECT_EQ(occurrences(log, "done in -9"), 1) << log;
}

TEST(AroundTest, AttemptsEndWhenTheClientLeavesAndWhenTimeRunsOut) {
  for (bool proxy : {false, true}) {
    for (bool leaves : {false, true}) {
      SCOPED_TRACE(std::string{proxy ? "proxy " : "backend "} + (leaves ? "leaves" : "time-out"));
      FakeUpstream up;
      up.manual("/d");
      PluggedGateway gateway({"around"}, around(up, proxy, "test/hedge", "", leaves ? "" : R"("timeout": "200ms", )"));
      TestClient client(gateway.port());
      client.send_request("GET", "/x");
      auto one = up.wait_for_request("/d"), two = up.wait_for_request("/d");
      if (leaves) {
        client.reset();
      } else {
        EXPECT_EQ(client.read().status, 500);
      }
      one.wait_for_disconnect();
      two.wait_for_disconnect();
      gateway->process().wait_for_output(leaves ? "done hedge -9" : proxy ? "done hedge -" : "done hedge -8");
      EXPECT_EQ(occurrences(gateway.log_to_the_end(), "done hedge"), 1);
    }
  }
}

TEST(AroundTest, RawBodiesPassThroughAnAttemptBothWays) {
  for (bool proxy : {false, true}) {
    SCOPED_TRACE(proxy ? "proxy" : "backend");
    FakeUpstream up;
    const std::string answer(200'000, 'a'), question(100'000, 'q');
    up.on("/d", [&](const FakeUpstream::Request& r) { return Reply{418, {{"X-Got", std::to_string(r.body.size())}}, answer}; });
    const std::string e = extra({{"test/retry", ""}});
    PluggedGateway gateway({"around"}, quiet(no_op_endpoint("/x", backend_of(up.url(), "/d", R"("method": "POST")" + (proxy ? "" : ", " + e)),
                                                            R"("method": "POST", )" + (proxy ? e + ", " : ""))));
    TestClient client(gateway.port());
    for (int i = 0; i < 3; ++i) {
      Response r = client.post("/x", question);
      EXPECT_EQ(r.status, 418);
      EXPECT_EQ(r.header("X-Got"), "100000");
      EXPECT_EQ(r.body, answer);
    }
    EXPECT_EQ(up.count("/d"), 3);
  }
}

// ---- sluice.decoder/1, sluice.encoder/1 ----

const char* const kText = "name=gateway\nprice=1.50\nbig=12345678901234567890\nblock={a=1;  b= two;c={d=0.10}}\n";

TEST(CodecTest, AFormatOfItsOwnBecomesJson) {
  FakeUpstream up;
  up.on("/d", Reply{200, {}, kText});
  PluggedGateway gateway({"kv_codec"}, quiet(endpoint_of("/x", backend_of(up.url(), "/d", R"("encoding": "kv")"))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.body, R"({"name":"gateway","price":1.50,"big":12345678901234567890,"block":{"a":1,"b":" two","c":{"d":0.10}}})")
      << "numbers keep their text, deferred blocks are expanded by the decoder that made them";
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
}

TEST(CodecTest, DeferredTextThatNobodyTouchedIsCopied) {
  FakeUpstream up;
  up.on("/d", Reply{200, {}, kText});
  PluggedGateway gateway({"kv_codec"}, quiet(endpoint_of("/x", backend_of(up.url(), "/d", R"("encoding": "kv", "deny": ["price"])"),
                                                         R"("output_encoding": "kv", )")));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.header("Content-Type"), "text/kv");
#ifdef SLC_ISOLATED  // what was put off over there comes back as a document, and goes over again as one
  EXPECT_EQ(r.body, "name=\"gateway\"\nbig=12345678901234567890\nblock={a=1;b=\" two\";c={d=0.10}}\n") << "written anew";
  EXPECT_EQ(r.header("X-Copied"), "0");
#else
  EXPECT_EQ(r.body, "name=\"gateway\"\nbig=12345678901234567890\nblock={a=1;  b= two;c={d=0.10}}\n") << "with its blanks, as it came";
  EXPECT_EQ(r.header("X-Copied"), "1");
#endif
}

TEST(CodecTest, ManipulationsLookInsideDeferredText) {
  FakeUpstream up;
  up.on("/d", Reply{200, {}, kText});
  PluggedGateway gateway({"kv_codec"}, quiet(
      endpoint_of("/allow", backend_of(up.url(), "/d", R"("encoding": "kv", "allow": ["block.c.d", "name"])")) + "," +
      endpoint_of("/target", backend_of(up.url(), "/d", R"("encoding": "kv", "target": "block", "mapping": {"a": "one"})")) + "," +
      endpoint_of("/deny", backend_of(up.url(), "/d", R"("encoding": "kv", "deny": ["block.b", "big"])"), R"("output_encoding": "kv", )")));
  TestClient client(gateway.port());
  EXPECT_EQ(Json::parse(client.get("/allow").body), Json::parse(R"({"name":"gateway","block":{"c":{"d":0.10}}})"));
  EXPECT_EQ(Json::parse(client.get("/target").body), Json::parse(R"({"one":1,"b":" two","c":{"d":0.10}})"));
  Response r = client.get("/deny");
  EXPECT_EQ(r.body, "name=\"gateway\"\nprice=1.50\nblock={a=1;c={d=0.10}}\n");
  EXPECT_EQ(r.header("X-Copied"), "0") << "a changed value has no source text any more";
}

TEST(CodecTest, PartsOfDifferentFormatsAreMerged) {
  FakeUpstream up;
  up.on("/kv", Reply{200, {}, "k={x=1}\nboth=kv\n"});
  up.on("/json", Reply::json(R"({"j": {"y" : 2}, "both": "json"})"));
  const std::string backends = backend_of(up.url(), "/kv", R"("encoding": "kv")") + "," + backend_of(up.url(), "/json");
  PluggedGateway gateway({"kv_codec"}, quiet(endpoint_of("/json", backends) + "," + endpoint_of("/kv", backends, R"("output_encoding": "kv", )")));
  TestClient client(gateway.port());
  EXPECT_EQ(Json::parse(client.get("/json").body), Json::parse(R"({"k":{"x":1},"both":"json","j":{"y":2}})"));
  EXPECT_EQ(client.get("/kv").body, "k={x=1}\nboth=\"json\"\nj={y=2}\n");
}

TEST(CodecTest, ADecoderSaysWhyItRefusesABody) {
  FakeUpstream up;
  up.on("/d", Reply{200, {}, "fine=1\nbroken\n"});
  PluggedGateway gateway({"kv_codec"}, quiet(endpoint_of("/x", backend_of(up.url(), "/d", R"("encoding": "kv")"))));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);
  gateway->process().wait_for_output("kv: a line without =");
}

TEST(CodecTest, CollectionsAreAnnouncedToTheDecoder) {
  FakeUpstream up;
  up.on("/d", Reply{200, {}, "a=1\n"});
  up.on("/empty", Reply{200, {}, ""});
  PluggedGateway gateway({"kv_codec"}, quiet(endpoint_of("/x", backend_of(up.url(), "/d", R"("encoding": "kv", "is_collection": true)")) + "," +
                                             endpoint_of("/empty", backend_of(up.url(), "/empty", R"("encoding": "kv")"))));
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"collection":[{"a":1}]})");
  EXPECT_EQ(get_once(gateway.port(), "/empty").body, "{}");
}

// ---- sluice.resolver/1 ----

class Directory {
 public:
  std::map<std::string, std::string> environment() const { return {{"TEST_DIRECTORY", path()}}; }
  // Sends a list and waits until the plugin has published it.
  void publish(PluggedGateway& gateway, const std::string& list) {
    const int before = occurrences(gateway->log(), "published ");
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::snprintf(a.sun_path, sizeof a.sun_path, "%s", path().c_str());
    Fd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(::sendto(fd.get(), list.data(), list.size(), 0, reinterpret_cast<sockaddr*>(&a), sizeof a), static_cast<ssize_t>(list.size()));
    while (occurrences(gateway->log(), "published ") == before) std::this_thread::yield();
  }

 private:
  std::string path() const { return folder_.path() + "/directory"; }
  TempFolder folder_;
};

TEST(ResolverTest, ANewListIsUsedAndAnEmptyOneIsNot) {
  FakeUpstream a, b;
  a.on("/d", Reply::json(R"({"from":"a"})"));
  b.on("/d", Reply::json(R"({"from":"b"})"));
  Directory directory;
  PluggedGateway gateway({"directory"}, quiet(endpoint_of("/x", backend_of(a.url(), "/d", R"("sd": "test-directory")"))), 1, directory.environment());
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/x").body, R"({"from":"a"})");
  directory.publish(gateway, b.url());
  EXPECT_EQ(client.get("/x").body, R"({"from":"b"})");
  directory.publish(gateway, "-");
  EXPECT_EQ(client.get("/x").body, R"({"from":"b"})") << "an empty list keeps the last one";
  directory.publish(gateway, "ftp://nowhere " + a.url());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.get("/x").body, R"({"from":"a"})") << "a host that cannot be used is passed over";
  directory.publish(gateway, b.url());
  EXPECT_EQ(client.get("/x").body, R"({"from":"b"})");
}

TEST(ResolverTest, CallsUnderWayKeepTheirHostWhenTheListChanges) {
  FakeUpstream a, b;
  a.manual("/d");
  b.on("/d", Reply::json(R"({"from":"b"})"));
  Directory directory;
  PluggedGateway gateway({"directory"}, quiet(endpoint_of("/x", backend_of(a.url(), "/d", R"("sd": "test-directory")"))), 1, directory.environment());
  TestClient slow(gateway.port()), quick(gateway.port());
  slow.send_request("GET", "/x");
  auto call = a.wait_for_request("/d");
  directory.publish(gateway, b.url());
  EXPECT_EQ(quick.get("/x").body, R"({"from":"b"})");
  call.answer(Reply::json(R"({"from":"a"})"));
  EXPECT_EQ(slow.read().body, R"({"from":"a"})");
}

TEST(ResolverTest, NoRequestIsLostWhileListsChange) {
  FakeUpstream a, b;
  a.on("/d", Reply::json(R"({"from":"a"})"));
  b.on("/d", Reply::json(R"({"from":"b"})"));
  Directory directory;
  PluggedGateway gateway({"directory"}, quiet(endpoint_of("/x", backend_of(a.url(), "/d", R"("sd": "test-directory")"))), 2, directory.environment());
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      TestClient client(gateway.port());
      while (!stop) ++(client.get("/x").status == 200 ? good : bad);
    });
  }
  for (int i = 0; i < 30; ++i) {
    directory.publish(gateway, i % 3 == 0 ? b.url() : i % 3 == 1 ? a.url() + " " + b.url() : a.url());
    for (int seen = good + bad; good + bad < seen + 5;) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(a.count("/d") + b.count("/d"), good);
  EXPECT_GT(a.count("/d"), 0);
  EXPECT_GT(b.count("/d"), 0);
}

TEST(ResolverTest, AfterAReloadTheListOfBeforeServesUntilThereIsANewOne) {
  FakeUpstream a, b;
  a.on("/d", Reply::json(R"({"from":"a"})"));
  b.on("/d", Reply::json(R"({"from":"b"})"));
  Directory directory;
  auto environment = directory.environment();
  environment["TEST_DIRECTORY_LATE"] = "1";
  auto backend = [](const std::string& service) { return backend_of(service, "/d", R"("sd": "test-directory")"); };
  PluggedGateway gateway({"directory"}, config_of(endpoint_of("/x", backend("http://service-of-x"))), 1, environment);
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500) << "nobody has said yet where it is";
  directory.publish(gateway, a.url());
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"from":"a"})");
  for (int i = 0; i < 2; ++i) {
    const Ran ran = sluice_reload(*gateway.operator->());
    ASSERT_EQ(ran.code, 0) << ran.output;
    EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"from":"a"})") << "the new watch has published nothing";
  }
  directory.publish(gateway, b.url());
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"from":"b"})");
  gateway->configure(config_of(endpoint_of("/x", backend("http://service-of-y"))));
  ASSERT_EQ(sluice_reload(*gateway.operator->()).code, 0);
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500) << "another service has hosts of its own";
}

// ---- sluice.balancer/1 ----

TEST(BalancerTest, ChoosesModuloTheNumberOfHosts) {
  FakeUpstream a, b;
  a.on("/d", Reply::json(R"({"from":"a"})"));
  b.on("/d", Reply::json(R"({"from":"b"})"));
  const std::string hosts = a.url() + R"(", ")" + b.url();
  PluggedGateway gateway({"choosing"}, quiet(endpoint_of("/x", backend_of(hosts, "/d", extra({{"test/pick", ""}})), R"("input_headers": ["X-Host"], )")));
  TestClient client(gateway.port());
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(client.get("/x", {{"X-Host", std::to_string(i)}}).body, i % 2 == 0 ? R"({"from":"a"})" : R"({"from":"b"})");
  }
}

TEST(BalancerTest, StateIsPerWorkerAndARootBlockServesAllBackends) {
  FakeUpstream a, b;
  for (FakeUpstream* u : {&a, &b}) u->on("*", Reply::json("{}"));
  const std::string hosts = a.url() + R"(", ")" + b.url();
  PluggedGateway gateway({"choosing"}, quiet(endpoint_of("/x", backend_of(hosts, "/d")), R"("test/pick": {})"), 4);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  std::map<std::string, std::multiset<int>> turns;  // worker → turns
  for (const FakeUpstream* u : {&a, &b}) {
    for (const auto& r : u->requests()) {
      char worker[8];
      int turn = -1;
      ASSERT_EQ(std::sscanf(r.headers.get("X-Picked").c_str(), "worker %7s turn %d", worker, &turn), 2) << r.headers.get("X-Picked");
      EXPECT_EQ(turn % 2 == 0, u == &a) << "the choice is the one that was made";
      turns[worker].insert(turn);
    }
  }
#ifdef SLC_ISOLATED
  EXPECT_EQ(turns.size(), 1u) << "a helper has one worker, whichever of the gateway's asks";
#else
  EXPECT_GT(turns.size(), 1u) << "forty connections reach more than one of four workers";
#endif
  size_t all = 0;
  for (const auto& [worker, list] : turns) {
    all += list.size();
    int expected = 0;
    for (int t : list) EXPECT_EQ(t, expected++) << "worker " << worker;
  }
  EXPECT_EQ(all, 40u);
}

TEST(BalancerTest, SeesWeightsAndCallsInFlight) {
  FakeUpstream a, b;
  a.manual("/d");
  b.on("/d", Reply::json("{}"));
  Directory directory;
  PluggedGateway gateway(
      {"choosing", "directory"},
      quiet(endpoint_of("/x", backend_of(a.url(), "/d", R"("sd": "test-directory", )" + extra({{"test/pick", ""}})), R"("input_headers": ["X-Host"], )")), 1,
      directory.environment());
  directory.publish(gateway, a.url() + "*3 " + b.url());
  TestClient held(gateway.port()), free(gateway.port());
  held.send_request("GET", "/x", {{"X-Host", "0"}});
  auto call = a.wait_for_request("/d");
  EXPECT_EQ(free.get("/x", {{"X-Host", "1"}}).status, 200);
  EXPECT_EQ(b.requests().at(0).headers.get("X-Picked"), "worker 0 turn 1 weights 3 1 pending 1 0");
  call.answer(Reply::json("{}"));
  EXPECT_EQ(held.read().status, 200);
  EXPECT_EQ(free.get("/x", {{"X-Host", "1"}}).status, 200);
  EXPECT_EQ(b.requests().at(1).headers.get("X-Picked"), "worker 0 turn 2 weights 3 1 pending 0 0");
}

// ---- sluice.transport/1 ----

std::string nowhere_backend(const std::string& block, const std::string& more = "") {
  return backend_of("http://127.0.0.1:1", "/d/{id}?fixed=1",
                    more + extra({{block.substr(0, block.find(' ')), block.find(' ') == block.npos ? "" : block.substr(block.find(' '))}}));
}

TEST(TransportTest, TakesThePlaceOfTheHttpClient) {
  for (const char* after : {"", R"("after": "5ms")"}) {
    PluggedGateway gateway({"sending"}, quiet(endpoint_of("/x/{id}", nowhere_backend(std::string{"test/echo-transport "} + after, R"("method": "PUT", )"),
        R"("method": "POST", "input_headers": ["X-Asked"], "input_query_strings": ["q"], )")));
    TestClient client(gateway.port());
    for (int i = 0; i < 3; ++i) {
      Response r = client.post("/x/5?q=1&r=2", "content", {{"X-Asked", "header"}});
      EXPECT_EQ(r.status, 200);
      EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"method":"PUT","path":"/d/5","query":"fixed=1&q=1","header":"header","body":"content"})")) << r.body;
    }
  }
}

TEST(TransportTest, ItsAnswerGoesThroughTheStatusRuleAndRawEndpointsTakeItAsItIs) {
  const std::string block = R"(test/echo-transport "status": 503, "after": "1ms")";
  PluggedGateway gateway({"sending"}, quiet(endpoint_of("/x/{id}", nowhere_backend(block)) + "," + no_op_endpoint("/raw/{id}", nowhere_backend(block))));
  Response r = get_once(gateway.port(), "/x/5");
  EXPECT_EQ(r.status, 500);
  gateway->process().wait_for_output("invalid status code 503");
  Response raw = get_once(gateway.port(), "/raw/6");
  EXPECT_EQ(raw.status, 503);
  EXPECT_NE(raw.body.find("/d/6"), std::string::npos) << raw.body;
}

TEST(TransportTest, IsCancelledWhenTheClientLeavesAndWhenTimeRunsOut) {
  for (bool leaves : {false, true}) {
    SCOPED_TRACE(leaves ? "leaves" : "time-out");
    PluggedGateway gateway({"sending"}, quiet(endpoint_of("/x/{id}", nowhere_backend("test/never-transport"), leaves ? "" : R"("timeout": "150ms", )")));
    TestClient client(gateway.port());
    client.send_request("GET", "/x/1");
    gateway->process().wait_for_output("transport sends");
    if (leaves) {
      client.reset();
    } else {
      EXPECT_EQ(client.read().status, 500);
    }
    gateway->process().wait_for_output("transport cancelled");
    const std::string log = gateway.log_to_the_end();
    EXPECT_EQ(occurrences(log, "transport cancelled"), 1) << log;
    EXPECT_EQ(occurrences(log, "was suspended and not resumed"), 0) << "a slow backend is no forgotten hook\n" << log;
  }
}

TEST(TransportTest, FailsWithItsStatusAndLeavesTheOtherPartsAlone) {
  FakeUpstream up;
  up.on("/ok", Reply::json(R"({"ok":1})"));
  PluggedGateway gateway({"sending"}, quiet(endpoint_of("/x/{id}", nowhere_backend("test/failing-transport")) + "," +
                                            endpoint_of("/both/{id}", nowhere_backend("test/failing-transport") + "," + backend_of(up.url(), "/ok"))));
  Response alone = get_once(gateway.port(), "/x/1");
  EXPECT_EQ(alone.status, 503);
  EXPECT_EQ(alone.body, "busy");
  Response both = get_once(gateway.port(), "/both/1");
  EXPECT_EQ(both.status, 200);
  EXPECT_EQ(both.body, R"({"ok":1})");
  EXPECT_EQ(both.header("X-Krakend-Completed"), "false");
  EXPECT_GE(occurrences(gateway.log_to_the_end(), "the queue is full"), 2);
}

TEST(TransportTest, AttemptsOfAnAroundStageUseItAndCancelIt) {
  PluggedGateway gateway(
      {"sending", "around"},
      quiet(endpoint_of("/retry/{id}",
                        backend_of("http://127.0.0.1:1", "/d", extra({{"test/retry", R"("attempts": 2)"}, {"test/echo-transport", R"("status": 500)"}}))) +
            "," +
            endpoint_of("/leave/{id}", backend_of("http://127.0.0.1:1", "/d", extra({{"test/answer", R"("how": "leave")"}, {"test/never-transport", ""}})))));
  EXPECT_EQ(get_once(gateway.port(), "/retry/1").status, 500);
  EXPECT_EQ(get_once(gateway.port(), "/leave/1").body, R"({"from":"around"})");
  EXPECT_EQ(occurrences(gateway.log_to_the_end(), "transport cancelled"), 1);
}

// ---- sluice.log-sink/1 ----

TEST(LogSinkTest, RecordsFromTheLevelOnArriveThereAndNowhereElse) {
  FakeUpstream up;
  up.on("/d", Reply{500, {}, ""});
  TempFolder folder;
  const std::string file = folder.path() + "/log";
  const auto config = [&](int level) {
    return quiet(endpoint_of("/x", backend_of(up.url(), "/d", extra({{"test/backend-outer", R"("id": "b", "on_request": [["log", "hello", "path"]])"}}))),
                 R"("test/sink": {"file": ")" + file + R"(", "level": )" + std::to_string(level) + "}");
  };
  {
    PluggedGateway gateway({"sink", "script"}, config(1));
    get_once(gateway.port(), "/x");
    EXPECT_EQ(occurrences(gateway.log_to_the_end(), "hello /d"), 0) << "the built-in output is replaced";
    const std::string log = read_file(file);
    EXPECT_EQ(occurrences(log, "hello /d\n"), 1) << log;
    EXPECT_EQ(occurrences(log, "3 now| "), 1) << "the level and the time come along\n" << log;
    EXPECT_EQ(occurrences(log, "[BACKEND: /d]"), occurrences(log, "hello /d") + occurrences(log, "done b")) << "the host says where\n" << log;
    EXPECT_EQ(occurrences(log, "4 now| "), 1) << "the failure\n" << log;
  }
  {
    PluggedGateway gateway({"sink", "script"}, config(4));
    get_once(gateway.port(), "/x");
    gateway.log_to_the_end();
    const std::string log = read_file(file);
    EXPECT_EQ(occurrences(log, "invalid status code 500"), 1) << log;
    EXPECT_EQ(occurrences(log, "\n"), 1) << "nothing below the level\n" << log;
  }
  {
    PluggedGateway gateway({"sink", "script"}, config(6));
    get_once(gateway.port(), "/x");
    gateway.log_to_the_end();
    EXPECT_EQ(read_file(file), "") << "silent";
  }
}

TEST(LogSinkTest, WhenTheSinkIsGoneTheLevelOfTheCommandLineHoldsAgain) {
  TempFolder folder;
  const PluginFolder plugins{{"sink"}};
  GatewayOptions o = options_of(quiet("", R"("test/sink": {"file": ")" + folder.path() + R"(/log", "level": 1})"));
  o.binary = gateway_binary();
  o.arguments = {"--plugins", plugins.path(), "--log-level", "error"};
  GatewayProcess gateway(o);
  gateway.terminate();
  EXPECT_EQ(gateway.wait_for_exit(), 0);
  EXPECT_EQ(occurrences(gateway.log(), "a loud farewell"), 1) << gateway.log();
  EXPECT_EQ(occurrences(gateway.log(), "a quiet farewell"), 0) << gateway.log();
}

}  // namespace
}  // namespace sluice::test

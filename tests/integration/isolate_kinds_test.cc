// Kinds whose functions answer at once, in processes of their own: answers are the same as inside the gateway, and what such a function does
// to its process fails the calls that are inside it. The plugin is tests/integration/plugins/venom.cc.
#include <gtest/gtest.h>

#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

// With what clients may read of a failure.
std::string telling(const std::string& endpoints, const std::string& isolate, const std::string& root = "", const std::string& root_block = "") {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true, "return_error_msg": true})" +
         (root_block.empty() ? "" : ", " + root_block) + "}, " + (isolate.empty() ? "" : R"("plugin": {"isolate": )" + isolate + "}, ") + root +
         R"("endpoints": [)" + endpoints + "]}";
}

// This endpoint waits for 150 ms and no longer.
void hurry(std::string& config, const std::string& endpoint) {
  const std::string begin = R"("endpoint": ")" + endpoint + "\", ";
  config.insert(config.find(begin) + begin.size(), R"("timeout": "150ms", )");
}

struct Deed {
  const char *name, *cause;
};
void PrintTo(const Deed& d, std::ostream* out) { *out << d.name; }
const Deed kDeeds[] = {{"segv", "SIGSEGV (Segmentation fault) in "}, {"abort", "SIGABRT (Aborted) in "},
                       {"exit", "it ended by itself with exit code 3 in "}, {"loop", "it gave no sign for 900 ms and was killed, in "}};
const std::string kVenom = R"([{"plugin": "test.venom", "timeout": "900ms"}])";
constexpr auto deed_name = [](const auto& p) { return std::string{p.param.name}; };

// What two gateways answer to the same, one of which has these plugins in other processes.
class BothWays {
 public:
  BothWays(const std::string& endpoints, const std::vector<std::string>& plugins, const std::vector<std::string>& more = {})
      : inside_{more, telling(endpoints, "")}, outside_{more, telling(endpoints, list(plugins))} {}
  void expect_same(const std::string& path, const Headers& headers = {}, const char* method = "GET") {
    Response in = ask(inside_, path, headers, method), out = ask(outside_, path, headers, method);
    EXPECT_EQ(out.status, in.status) << path;
    EXPECT_EQ(out.body, in.body) << path;
    for (const char* name : {"Content-Type", "X-Krakend-Completed", "Cache-Control", "Content-Length", "X-Copied"})
      EXPECT_EQ(out.header(name), in.header(name)) << path << ' ' << name;
    }
  // Each failure has left the same line in both logs; isolated ones nothing else.
  void expect_same_log(const std::string& text) {
    inside_->process().wait_for_output(text);
    outside_->process().wait_for_output(text);
  }
  uint16_t outside() const { return outside_.port(); }
  std::string log_of_outside() { return outside_.log_to_the_end(); }

 private:
  static std::string list(const std::vector<std::string>& plugins) {
    std::string out;
    for (const std::string& p : plugins) out += (out.empty() ? "" : ", ") + (R"({"plugin": ")" + p + R"(", "timeout": "60s"})");  // however slow the machine is
    return "[" + out + "]";
  }
  static Response ask(PluggedGateway& g, const std::string& path, const Headers& headers, const char* method) {
    TestClient client(g.port());
    return client.request(method, path, headers);
  }
  PluggedGateway inside_, outside_;
};

// ---- decoders ----

// /x has the decoder alone, /both beside a part that has nothing of it.
std::string with_venom(const FakeUpstream& up) {
  return telling(
      endpoint_of("/x", backend_of(up.url(), "/d", R"("encoding": "venom")")) + "," +
          endpoint_of("/both", backend_of(up.url(), "/d", R"("encoding": "venom", "group": "p")") + "," + backend_of(up.url(), "/good", R"("group": "q")")) +
          "," + endpoint_of("/good", backend_of(up.url(), "/good")),
      kVenom);
}

class IsolatedDecoderTest : public testing::Test {
 protected:
  IsolatedDecoderTest() {
    up.on("/good", Reply::json(R"({"a":1})"));
    up.on("/d", [this](const FakeUpstream::Request&) { return Reply{200, {}, std::string{body.load()}}; });
  }
  FakeUpstream up;
  std::atomic<const char*> body{"fine"};
};
class IsolatedDecoderDeathTest : public IsolatedDecoderTest, public testing::WithParamInterface<Deed> {};

TEST_P(IsolatedDecoderDeathTest, OnlyTheAnswersInsideFail) {
  PluggedGateway gateway({"venom"}, with_venom(up));
  const std::string poison = std::string{"do:"} + GetParam().name;
  for (const char* path : {"/x", "/both"}) {
    body = poison.c_str();
    Response r = get_once(gateway.port(), path);
    if (std::string_view{path} == "/x") {
      EXPECT_EQ(r.status, 500);
      EXPECT_EQ(r.body, "a plugin is not available");
    } else {
      EXPECT_EQ(r.status, 200);
      EXPECT_EQ(r.body, R"({"q":{"a":1}})");
      EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
    }
    gateway->process().wait_for_output("[ENCODING: venom][venom] plugin test.venom: its helper process ");
    gateway->process().wait_for_output("isolated plugin test.venom (venom): its helper process died: " + std::string{GetParam().cause} + "decode");
    EXPECT_EQ(get_once(gateway.port(), "/good").body, R"({"a":1})");
    body = "fine";
    EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"text":"fine","later":{"length":4}})");
  }
}
INSTANTIATE_TEST_SUITE_P(Deeds, IsolatedDecoderDeathTest, testing::ValuesIn(kDeeds), deed_name);

TEST_F(IsolatedDecoderTest, ADeathWhereItExpandsWhatItHasPutOffIsOneOfDecode) {
  PluggedGateway gateway({"venom"}, with_venom(up));
  body = "do:expand";
  EXPECT_EQ(get_once(gateway.port(), "/x").body, "a plugin is not available");
  gateway->process().wait_for_output("isolated plugin test.venom (venom): its helper process died: SIGSEGV (Segmentation fault) in decode");
  body = "fine";
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
}

TEST_F(IsolatedDecoderTest, ItsRefusalIsTheOneThatItIsInside) {
  const std::string endpoints = endpoint_of("/x", backend_of(up.url(), "/d", R"("encoding": "venom")"));
  body = "do:refuse";
  BothWays gateways(endpoints, {"venom"}, {"venom"});
  for (int i = 0; i < 2; ++i) gateways.expect_same("/x");
  gateways.expect_same_log("[BACKEND: /d] venom: venom does not like this body");
  EXPECT_EQ(get_once(gateways.outside(), "/x").body, "venom does not like this body");
  EXPECT_EQ(occurrences(gateways.log_of_outside(), "helper process"), 0);
}

// The time-out is the client's; the loop ends by the limit of its process, and nobody is told of what nobody waits for.
TEST_F(IsolatedDecoderTest, AnAnswerThatIsNotWaitedForAnyMoreIsForgotten) {
  up.tolerate_disconnects();
  std::string config = with_venom(up);
  hurry(config, "/x");
  PluggedGateway gateway({"venom"}, config);
  body = "do:loop";
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.body, "context deadline exceeded");
  {
    TestClient gone(gateway.port());
    gone.send_request("GET", "/x");
  }
  EXPECT_EQ(get_once(gateway.port(), "/good").body, R"({"a":1})");
  gateway->process().wait_for_output("it gave no sign for 900 ms and was killed, in decode");
  gateway->process().wait_for_output("its helper process runs again");
  body = "fine";
  EXPECT_EQ(get_once(gateway.port(), "/both").body, R"({"p":{"text":"fine","later":{"length":4}},"q":{"a":1}})");
}

// Wherever the question, the answer or the waking is just then.
TEST_F(IsolatedDecoderTest, ClientsThatLeaveLeaveNothingBehind) {
  up.tolerate_disconnects();
  PluggedGateway gateway({"venom"}, with_venom(up), 2);
  for (int i = 0; i < 300; ++i) {
    TestClient client(gateway.port());
    client.send_request("GET", i % 2 ? "/x" : "/both");
    if (i % 3 == 0) {
      EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
    }
    client.reset();
  }
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"text":"fine","later":{"length":4}})");
  EXPECT_EQ(occurrences(gateway.log_to_the_end(), "its helper process"), 0);
}

TEST_F(IsolatedDecoderTest, AReloadKeepsItsHelper) {
  PluggedGateway gateway({"venom"}, with_venom(up), 2);
  auto pid = [&] {
    const Json status = status_of(*gateway.operator->());
    return status.at("isolated").items().at(0).at("helpers").items().at(0).at("pid").whole();
  };
  const auto before = pid();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
    const Ran ran = sluice_reload(*gateway.operator->());
    ASSERT_EQ(ran.code, 0) << ran.output;
  }
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"text":"fine","later":{"length":4}})");
  EXPECT_EQ(pid(), before);
}

TEST_F(IsolatedDecoderTest, WhatItCostsOverThereIsInTheAccount) {
  PluggedGateway gateway({"venom"}, with_venom(up));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  const Json status = status_of(*gateway.operator->());
  for (const Json& p : status.at("cost").at("plugins").items()) {
    if (p.at("plugin").str() != "test.venom") continue;
    const Json hooks = p.at("places").items().at(0).at("hooks");
    EXPECT_EQ(hooks.at("decode").at("calls").whole(), 3) << "each once, and not once more for the helper";
    EXPECT_EQ(hooks.at("expand").at("calls").whole(), 3) << "what it has put off is expanded over there";
    return;
  }
  ADD_FAILURE() << status.dump();
}

TEST_F(IsolatedDecoderTest, ABodyThatAHookGaveIsDecodedThereToo) {
  const std::string hook = extra({{"test/backend-outer", R"("id": "b", "on_request": [["reply", 200, "of a hook"]])"}});
  BothWays gateways(endpoint_of("/x", backend_of(up.url(), "/d", R"("encoding": "venom", )" + hook)), {"venom"}, {"venom", "script"});
  gateways.expect_same("/x");
  EXPECT_EQ(get_once(gateways.outside(), "/x").body, R"({"text":"of a hook","later":{"length":9}})");
  EXPECT_EQ(up.count("/d"), 0);
}

// ---- encoders ----

std::string with_venom_encoder(const FakeUpstream& up, const std::string& isolate = kVenom) {
  return telling(endpoint_of("/x", backend_of(up.url(), "/good"), R"("output_encoding": "venom", )") + "," +
                     endpoint_of("/merged", backend_of(up.url(), "/good", R"("group": "p")") + "," + backend_of(up.url(), "/good", R"("group": "q")"),
                                 R"("output_encoding": "venom", )") +
                     "," + endpoint_of("/good", backend_of(up.url(), "/good")),
                 isolate);
}

class IsolatedEncoderTest : public testing::Test {
 protected:
  IsolatedEncoderTest() { up.on("/good", Reply::json(R"({"a":1})")); }
  FakeUpstream up;
};
class IsolatedEncoderDeathTest : public IsolatedEncoderTest, public testing::WithParamInterface<Deed> {};

TEST_P(IsolatedEncoderDeathTest, OnlyTheAnswersInsideFail) {
  PluggedGateway gateway({"venom"}, with_venom_encoder(up));
  for (auto [path, good] : {std::pair{"/x", R"(<{"a":1}>)"}, std::pair{"/merged", R"(<{"p":{"a":1},"q":{"a":1}}>)"}}) {
    Response r = get_once(gateway.port(), path, {{"X-Poison", std::string{"encode:"} + GetParam().name}});
    EXPECT_EQ(r.status, 500);
    EXPECT_EQ(r.body, "a plugin is not available");
    EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
    EXPECT_EQ(r.headers.count("X-Krakend"), 1u);
    gateway->process().wait_for_output("[ENCODING: venom][venom] plugin test.venom: its helper process ");
    gateway->process().wait_for_output("isolated plugin test.venom (venom): its helper process died: " + std::string{GetParam().cause} + "encode");
    EXPECT_EQ(get_once(gateway.port(), "/good").body, R"({"a":1})");
    Response served = get_once(gateway.port(), path);
    EXPECT_EQ(served.status, 200);
    EXPECT_EQ(served.body, good);
  }
}
INSTANTIATE_TEST_SUITE_P(Deeds, IsolatedEncoderDeathTest, testing::ValuesIn(kDeeds), deed_name);

TEST_F(IsolatedEncoderTest, ItSeesTheClientsHeadersAndSetsItsOwn) {
  BothWays gateways(endpoint_of("/x", backend_of(up.url(), "/good"), R"("output_encoding": "venom", "cache_ttl": "60s", )"), {"venom"}, {"venom"});
  gateways.expect_same("/x");
  gateways.expect_same("/x", {{"X-Type", "text/other"}});
  gateways.expect_same("/x", {}, "HEAD");
  Response r = get_once(gateways.outside(), "/x", {{"X-Type", "text/other"}});
  EXPECT_EQ(r.header("Content-Type"), "text/other");
  EXPECT_EQ(r.header("X-Method"), "GET");
  EXPECT_EQ(get_once(gateways.outside(), "/x").header("Content-Type"), "text/venom");
}

TEST_F(IsolatedEncoderTest, ItsRefusalIsTheOneThatItIsInside) {
  BothWays gateways(endpoint_of("/x", backend_of(up.url(), "/good"), R"("output_encoding": "venom", )"), {"venom"}, {"venom"});
  for (int i = 0; i < 2; ++i) gateways.expect_same("/x", {{"X-Poison", "encode:refuse"}});
  gateways.expect_same_log("the answer cannot be encoded");
  EXPECT_EQ(occurrences(gateways.log_of_outside(), "helper process"), 0);
}

TEST_F(IsolatedEncoderTest, TheTimeOutOfTheEndpointHoldsForItToo) {
  std::string config = with_venom_encoder(up, R"([{"plugin": "test.venom", "timeout": "600ms"}])");
  for (const char* path : {"/x", "/merged"}) hurry(config, path);
  PluggedGateway gateway({"venom"}, config);
  for (const char* path : {"/x", "/merged"}) {
    Response r = get_once(gateway.port(), path, {{"X-Poison", "encode:loop"}});
    EXPECT_EQ(r.status, 500) << path;
    EXPECT_EQ(r.body, "context deadline exceeded") << path;
    EXPECT_EQ(get_once(gateway.port(), "/good").body, R"({"a":1})");
    gateway->process().wait_for_output("it gave no sign for 600 ms and was killed, in encode");
    gateway->process().wait_for_output("its helper process runs again");
  }
}

// Everything that the pipeline does with a decoded body, with the encodings of the product. Texts without blanks and escapes that need not be: what is
// put off is copied inside, and written anew here.
TEST(IsolatedCodecTest, AnswersAreThoseOfCodecsInside) {
  FakeUpstream up;
  up.tolerate_disconnects();  // of concurrent calls the slower ones are given up
  const std::map<std::string, Reply> bodies{
      {"/object", Reply::json(R"({"a":1.50,"b":{"c":[1,"two",null,true,{}],"d":{"e":-0.0e1}},"n":12345678901234567890,"u":"x\n\"y"})")},
      {"/list", Reply::json(R"([{"id":1},{"id":2},[]])")},
      {"/empty", Reply{200, {}, ""}},
      {"/null", Reply::json("null")},
      {"/broken", Reply::json(R"({"a": 1,)")},
      {"/deep", Reply::json(std::string(20'000, '[') + std::string(20'000, ']'))},
      {"/nested", Reply::json(std::string(5'000, '[') + std::string(5'000, ']'))},
      {"/created", Reply::json(R"({"made":true})", 201)},
      {"/teapot", Reply::json(R"({"no":"coffee"})", 418)},
      {"/xml", Reply{200, {}, R"(<r a="1"><b>two</b><b>three</b></r>)"}},
      {"/text", Reply{200, {}, "just text"}},
  };
  for (const auto& [path, reply] : bodies) up.on(path, reply);
  std::string big = R"({"list":[)";
  for (int i = 0; i < 60'000; ++i) big += (i ? "," : "") + (R"({"id":)" + std::to_string(i) + R"(,"text":"item number )" + std::to_string(i) + "\"}");
  up.on("/big", Reply::json(big + "]}"));
  std::vector<std::string> paths;
  std::string endpoints;
  auto add = [&](const std::string& backends, const std::string& more = "") {
    const std::string path = "/" + std::to_string(paths.size());
    endpoints += (endpoints.empty() ? "" : ",") + endpoint_of(path, backends, more);
    paths.push_back(path);
  };
  auto of = [&](const std::string& path, const std::string& more = "") { return backend_of(up.url(), path, more); };
  for (const auto& [path, reply] : bodies) {
    add(of(path));
    add(of(path, R"("encoding": "safejson")"));
    add(of(path, R"("is_collection": true)"));
  }
  add(of("/big"));
  add(of("/big", R"("target": "list", "is_collection": false)"));
  add(of("/xml", R"("encoding": "xml")"));
  add(of("/text", R"("encoding": "string")"));
  add(of("/object", R"("target": "b")"));
  add(of("/object", R"("allow": ["b.d", "n"])"));
  add(of("/object", R"("deny": ["b.c", "a"], "mapping": {"n": "number"})"));
  add(of("/object", R"("group": "g")") + "," + of("/list", R"("is_collection": true)") + "," + of("/broken", R"("group": "h")"));
  add(of("/teapot", R"("extra_config": {"backend/http": {"return_error_details": "tea"}})"));
  add(of("/teapot", R"("extra_config": {"backend/http": {"return_error_code": true}})"));
  add(of("/created") + "," + of("/object", R"("encoding": "json")"), R"("extra_config": {"proxy": {"sequential": true}}, )");
  add(of("/broken"), R"("extra_config": {"proxy": {"static": {"strategy": "always", "data": {"s": 1}}}}, )");
  add(of("/object") + "," + of("/created", R"("extra_config": {"proxy": {"shadow": true}})"));
  add(of("/object"), R"("concurrent_calls": 2, )");
  add(of("/object"), R"("cache_ttl": "60s", )");
  add(of("/object", R"("encoding": "no-op")"));
  add(of("/xml", R"("encoding": "rss")"));
  for (const char* output : {"xml", "yaml", "string", "negotiate", "json-collection"}) {
    // YAML tells numbers that came as JSON text from others, which is known of what was put off inside only (docs/isolation.md).
    add(of(std::string_view{output} == "yaml" ? "/created" : "/object"), R"("output_encoding": ")" + std::string{output} + R"(", )");
    add(of("/text", R"("encoding": "string")"), R"("output_encoding": ")" + std::string{output} + R"(", )");
  }
  endpoints += "," + no_op_endpoint("/raw", of("/teapot"));
  paths.emplace_back("/raw");
  BothWays gateways(endpoints, {"json", "xml", "string", "negotiate", "no-op", "rss", "yaml"});
  for (const std::string& path : paths) gateways.expect_same(path);
  EXPECT_EQ(occurrences(gateways.log_of_outside(), "helper process"), 0);
}

TEST(IsolatedCodecTest, WhatWasPutOffIsWrittenAnew) {
  FakeUpstream up;
  up.on("/d", Reply::json("{\"a\": [1,  2.50],\n \"u\": \"\\u00e9\"}"));
  PluggedGateway gateway({}, telling(endpoint_of("/x", backend_of(up.url(), "/d")), R"(["json"])"));
  EXPECT_EQ(get_once(gateway.port(), "/x").body, "{\"a\":[1,2.50],\"u\":\"\xc3\xa9\"}");
}

// ---- balancers ----

class IsolatedBalancerTest : public testing::Test {
 protected:
  IsolatedBalancerTest() {
    a.on("/d", Reply::json(R"({"from":"a"})"));
    b.on("/d", Reply::json(R"({"from":"b"})"));
  }
  std::string endpoints() const {
    return endpoint_of("/x", backend_of(a.url() + R"(", ")" + b.url(), "/d", extra({{"test/venom", ""}})), R"("input_headers": ["X-Host", "X-Poison"], )") +
           "," +
           endpoint_of("/both",
                       backend_of(a.url() + R"(", ")" + b.url(), "/d", R"("group": "p", )" + extra({{"test/venom", ""}})) + "," +
                           backend_of(b.url(), "/d", R"("group": "q")"),
                       R"("input_headers": ["X-Host", "X-Poison"], )") +
           "," + endpoint_of("/alone", backend_of(a.url(), "/d", extra({{"test/venom", ""}})), R"("input_headers": ["X-Poison"], )");
  }
  FakeUpstream a, b;
};
class IsolatedBalancerDeathTest : public IsolatedBalancerTest, public testing::WithParamInterface<Deed> {};

TEST_P(IsolatedBalancerDeathTest, OnlyTheCallsInsideFail) {
  PluggedGateway gateway({"venom"}, telling(endpoints(), kVenom));
  const Headers poison{{"X-Poison", std::string{"pick:"} + GetParam().name}};
  for (const char* path : {"/x", "/both"}) {
    Response r = get_once(gateway.port(), path, poison);
    if (std::string_view{path} == "/x") {
      EXPECT_EQ(r.status, 500);
      EXPECT_EQ(r.body, "a plugin is not available");
    } else {
      EXPECT_EQ(r.status, 200);
      EXPECT_EQ(r.body, R"({"q":{"from":"b"}})");
    }
    gateway->process().wait_for_output("isolated plugin test.venom (test/venom): its helper process died: " + std::string{GetParam().cause} + "pick");
    EXPECT_EQ(get_once(gateway.port(), "/alone", poison).body, R"({"from":"a"})") << "of one host nobody asks";
    EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Host", "1"}}).body, R"({"from":"b"})");
  }
  EXPECT_EQ(a.count("/d"), 2) << "no host was called for the calls that failed";
}
INSTANTIATE_TEST_SUITE_P(Deeds, IsolatedBalancerDeathTest, testing::ValuesIn(kDeeds), deed_name);

TEST_F(IsolatedBalancerTest, ItChoosesModuloTheNumberOfHostsAndMayChangeTheRequest) {
  BothWays gateways(endpoints(), {"venom"}, {"venom"});
  for (const char* host : {"0", "1", "2", "7", "4294967295", "-1"}) gateways.expect_same("/x", {{"X-Host", host}});
  for (const auto* u : {&a, &b})
    for (const auto& r : u->requests()) EXPECT_EQ(r.headers.get("X-Picked"), a.url());
  EXPECT_EQ(get_once(gateways.outside(), "/x", {{"X-Host", "0"}}).body, R"({"from":"a"})");
}

// Of the product: isolated, all workers of the gateway share a helper's turn.
TEST_F(IsolatedBalancerTest, RoundRobinGoesOnTurningOverThere) {
  PluggedGateway gateway(
      {}, telling(endpoint_of("/x", backend_of(a.url() + R"(", ")" + b.url(), "/d", extra({{"balancing/round-robin", ""}}))), R"(["balancing"])"), 2);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  EXPECT_EQ(a.count("/d"), 10);
  EXPECT_EQ(b.count("/d"), 10);
}

// ---- around stages ----

class IsolatedAroundTest : public testing::Test {
 protected:
  IsolatedAroundTest() {
    up.on("/d", [](const FakeUpstream::Request& r) { return Reply::json(R"({"a":1,"poison":")" + r.headers.get("X-Poison") + "\"}"); });
    up.on("/good", Reply::json(R"({"q":1})"));
  }
  // /b at a backend, /p around all, /both at one of two backends.
  std::string endpoints() const {
    const std::string stage = extra({{"test/venom-around", ""}}), forward = R"("input_headers": ["X-Poison", "X-Attempts"], )";
    return endpoint_of("/b", backend_of(up.url(), "/d", stage), forward) + "," + endpoint_of("/p", backend_of(up.url(), "/d"), stage + ", " + forward) + "," +
           endpoint_of("/both", backend_of(up.url(), "/d", stage) + "," + backend_of(up.url(), "/good"), forward) + "," +
           endpoint_of("/good", backend_of(up.url(), "/good"));
  }
  FakeUpstream up;
};
class IsolatedAroundDeathTest : public IsolatedAroundTest, public testing::WithParamInterface<Deed> {};

TEST_P(IsolatedAroundDeathTest, OnlyTheCallsInsideFail) {
  for (const char* hook : {"on_call", "on_attempt"}) {
    PluggedGateway gateway({"venom"}, telling(endpoints(), kVenom));
    for (const char* path : {"/b", "/p", "/both"}) {
      SCOPED_TRACE(std::string{hook} + ' ' + path);
      const int called = up.count("/d");
      Response r = get_once(gateway.port(), path, {{"X-Poison", std::string{hook} + ":" + GetParam().name}});
      if (std::string_view{path} == "/both") {
        EXPECT_EQ(r.status, 200);
        EXPECT_EQ(r.body, R"({"q":1})");
        EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
      } else {
        EXPECT_EQ(r.status, 500);
        EXPECT_EQ(r.body, "a plugin is not available");
      }
      EXPECT_EQ(up.count("/d"), called + (std::string_view{hook} == "on_attempt" ? 1 : 0));
      gateway->process().wait_for_output("isolated plugin test.venom (test/venom-around): its helper process died: " + std::string{GetParam().cause} + hook);
      gateway->process().wait_for_output("its helper process runs again");
      EXPECT_EQ(get_once(gateway.port(), "/good").body, R"({"q":1})");
      EXPECT_EQ(get_once(gateway.port(), "/b").body, R"({"a":1,"poison":""})");
      EXPECT_EQ(get_once(gateway.port(), "/p", {{"X-Attempts", "3"}}).body, R"({"a":1,"poison":""})");
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Deeds, IsolatedAroundDeathTest, testing::ValuesIn(kDeeds), deed_name);

TEST_F(IsolatedAroundTest, ADeathWhileAnAttemptRunsEndsTheAttempt) {
  up.manual("/d");
  PluggedGateway gateway({"venom"}, telling(endpoints(), R"([{"plugin": "test.venom", "timeout": "30s"}])"));
  TestClient client(gateway.port());
  client.send_request("GET", "/b");
  auto call = up.wait_for_request("/d");
  EXPECT_EQ(get_once(gateway.port(), "/p", {{"X-Poison", "on_call:segv"}}).status, 500);
  EXPECT_EQ(client.read().body, "a plugin is not available");
  call.wait_for_disconnect();
  EXPECT_EQ(get_once(gateway.port(), "/good").status, 200);
}

TEST_F(IsolatedAroundTest, AttemptsHaveABound) {
  PluggedGateway gateway({"venom"}, telling(endpoints(), R"([{"plugin": "test.venom", "timeout": "30s"}])"));
  Response r = get_once(gateway.port(), "/b", {{"X-Attempts", "1000"}});
  EXPECT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(up.count("/d"), 1000);
  EXPECT_EQ(get_once(gateway.port(), "/b", {{"X-Attempts", "1001"}}).status, 503);
  EXPECT_EQ(up.count("/d"), 2000);
  EXPECT_EQ(occurrences(gateway.log_to_the_end(), "its helper process"), 0) << "the one that is too many is refused over there";
}

}  // namespace
}  // namespace sluice::test

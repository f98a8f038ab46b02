// sluice.middleware/1 at every scope, through the real gateway. The plugin plays scripts: tests/integration/plugins/script.cc.
#include <gtest/gtest.h>

#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

// The root's block, an endpoint's and a backend's scripts: {"name", script}.
using Blocks = std::vector<std::pair<std::string, std::string>>;

std::string scripted(const std::string& endpoint, const Blocks& service = {}) {
  Blocks root{{"router", R"("disable_access_log": true, "return_error_msg": true)"}};
  root.insert(root.end(), service.begin(), service.end());
  return R"({"version": 3, "timeout": "20s", )" + extra(root) + R"(, "endpoints": [)" + endpoint + "]}";
}
std::string at_endpoint(const Blocks& blocks) { return extra(blocks) + ", "; }

std::string noting(const std::string& id) {
  return R"("id": ")" + id + R"(", "on_request": [["note"]], "on_raw_response": [["note"]], "on_response": [["note"]])";
}

// All eight places take note. "P" ids in the order of the way in.
const Blocks kService{{"test/service-inner", noting("s2")}, {"test/service-outer", noting("s1")}};
const Blocks kEndpoint{{"test/proxy-inner", noting("p2")}, {"test/endpoint-inner", noting("e2")}, {"test/endpoint-outer", noting("e1")},
                       {"test/proxy-outer", noting("p1")}};
const Blocks kBackend{{"test/backend-inner", noting("b2")}, {"test/backend-outer", noting("b1")}};
const char* const kEveryId[] = {"s1", "s2", "e1", "e2", "p1", "p2", "b1", "b2"};

TEST(MiddlewareTest, StagesSeeTheRequestInOrderAndTheResponseInReverse) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", extra(kBackend)),
                                                          R"("input_headers": ["X-Trace"], )" + at_endpoint(kEndpoint)), kService));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"a":1})");
  EXPECT_EQ(r.header("X-Trace"), "b2 b1 p2 p1 e2 e1 s2 s1");
  EXPECT_EQ(up.requests().at(0).headers.get("X-Trace"), "s1 s2 e1 e2 p1 p2 b1 b2");
  const std::string log = gateway.log_to_the_end();
  for (const char* id : kEveryId) EXPECT_EQ(occurrences(log, std::string{"done "} + id + " 0"), 1) << id << '\n' << log;
}

TEST(MiddlewareTest, RawHooksSeeTheBytesInnermostFirst) {
  FakeUpstream up;
  up.on("/d", Reply{503, {{"X-Own", "yes"}, {"Content-Type", "text/plain"}}, "bytes"});
  PluggedGateway gateway({"script"}, scripted(no_op_endpoint("/x", backend_of(up.url(), "/d", extra(kBackend)))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 503) << "no-op: every status is an answer";
  EXPECT_EQ(r.body, "bytes");
  EXPECT_EQ(r.header("X-Own"), "yes");
  EXPECT_EQ(r.header("X-Trace"), "b2 b1 b2 b1") << "both raw hooks, then both response hooks";
}

TEST(MiddlewareTest, ARawHookRepairsAnAnswerBeforeStatusRuleAndDecoder) {
  FakeUpstream up;
  up.on("/d", Reply{500, {}, "not json at all"});
  PluggedGateway gateway(
      {"script"},
      scripted(endpoint_of(
          "/x",
          backend_of(
              up.url(), "/d",
              extra(
                  {{"test/backend-inner",
                    R"("id": "b", "on_raw_response": [["log", "raw", "status"], ["log", "raw", "response-body"], ["status", 200], ["body", "response", "{\"fixed\":1}"]])"}})))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"fixed":1})");
  gateway->process().wait_for_output("raw not json at all");
  EXPECT_EQ(occurrences(gateway->log(), "raw 500"), 1);
}

TEST(MiddlewareTest, ARawHookThatRefusesFailsTheBackendOnly) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"a":1})"));
  up.on("/b", Reply::json(R"({"b":1})"));
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b",
      extra({{"test/backend-inner", R"("id": "b", "on_raw_response": [["fail", 502, "poisoned"]])"}})))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"a":1})");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  gateway->process().wait_for_output("poisoned");
}

TEST(MiddlewareTest, WhatTheRequestHooksChangeReachesTheBackend) {
  FakeUpstream up;
  up.on("*", Reply::json("{}"));
  PluggedGateway gateway(
      {"script"},
      scripted(endpoint_of(
          "/x/{id}",
          backend_of(
              up.url(), "/d/{id}",
              R"("method": "POST", )" +
                  extra(
                      {{"test/backend-outer",
                        R"("id": "b", "on_request": [["add", "request", "X-Many", "2"], ["remove", "request", "X-Drop-2"], ["show", "request", "X-Seen", "path"],
         ["show", "request", "X-Route", "route"], ["method", "PUT"], ["query", "q=changed"], ["body", "request", "new body"]])"}})),
          R"("input_headers": ["X-Set", "X-Drop-1", "X-Drop-2", "X-Many", "X-Client"], "input_query_strings": ["q"], "method": "POST", )" +
              at_endpoint(
                  {{"test/endpoint-outer",
                    R"("id": "e", "on_request": [["set", "request", "X-Set", "by endpoint"], ["remove", "request", "X-Drop-1"], ["show", "request", "X-Client", "client-ip"],
         ["add", "request", "X-Many", "1"], ["param", "id", "7"]])"}}))));
  TestClient client(gateway.port());
  Response r = client.post("/x/6?q=asked&r=no", "old body", {{"X-Set", "by client"}, {"X-Drop-1", "a"}, {"X-Drop-2", "b"}});
  EXPECT_EQ(r.status, 200) << gateway->log();
  const auto seen = up.requests().at(0);
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.target, "/d/7?q=changed");
  EXPECT_EQ(seen.body, "new body");
  EXPECT_EQ(seen.headers.get("X-Set"), "by endpoint");
  EXPECT_FALSE(seen.headers.has("X-Drop-1"));
  EXPECT_FALSE(seen.headers.has("X-Drop-2"));
  EXPECT_EQ(seen.headers.count("X-Many"), 2u);
  EXPECT_EQ(seen.headers.get("X-Seen"), "/d/7");
  EXPECT_EQ(seen.headers.get("X-Route"), "/x/{id}");
  EXPECT_EQ(seen.headers.get("X-Client"), "127.0.0.1");
}

TEST(MiddlewareTest, ABackendsPathIsTheHooksToChange) {
  FakeUpstream up;
  up.on("/elsewhere", Reply::json(R"({"a":1})"));
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", extra({{"test/backend-outer",
      R"("id": "b", "on_request": [["path", "/else where"], ["path", "/elsewhere"], ["path", "no slash"], ["query", "a=b c"]])"}})))));
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"a":1})");
  EXPECT_EQ(up.requests().at(0).target, "/elsewhere") << "what would not be one request line was refused";
}

TEST(MiddlewareTest, ServiceHooksRewriteBeforeRouting) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  PluggedGateway gateway(
      {"script"},
      scripted(endpoint_of("/new", backend_of(up.url(), "/d")),
               {{"test/service-outer",
                 R"("id": "s", "on_request": [["when", "X-Old"], ["path", "/new"]], "on_response": [["show", "response", "X-Status", "status"]])"}}));
  EXPECT_EQ(get_once(gateway.port(), "/old").header("X-Status"), "404") << "service hooks see what nobody serves";
  Response r = get_once(gateway.port(), "/old", {{"X-Old", "1"}});
  EXPECT_EQ(r.body, R"({"a":1})");
  EXPECT_EQ(r.header("X-Status"), "200");
}

TEST(MiddlewareTest, WhatTheResponseHooksChangeReachesTheClient) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d"), at_endpoint({{"test/endpoint-inner",
      R"("id": "e", "on_response": [["show", "response", "X-Was", "response-body"], ["status", 202], ["remove", "response", "X-Krakend"],
         ["set", "response", "Content-Type", "text/plain"], ["add", "response", "X-Two", "1"], ["add", "response", "X-Two", "2"],
         ["body", "response", "first, "], ["append", "second"]])"}}))));
  TestClient client(gateway.port());
  for (int i = 0; i < 2; ++i) {
    Response r = client.get("/x");
    EXPECT_EQ(r.status, 202);
    EXPECT_EQ(r.header("X-Was"), R"({"a":1})");
    EXPECT_FALSE(r.headers.has("X-Krakend"));
    EXPECT_EQ(r.headers.count("Content-Type"), 1u);
    EXPECT_EQ(r.header("Content-Type"), "text/plain");
    EXPECT_EQ(r.headers.count("X-Two"), 2u);
    EXPECT_EQ(r.body, "first, second");
  }
}

TEST(MiddlewareTest, ABodyGivenInPlaceOfAStreamedOneIsTheAnswer) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.on("/d", Reply{200, {}, std::string(300'000, 'x')});
  PluggedGateway gateway({"script"}, scripted(no_op_endpoint("/x", backend_of(up.url(), "/d"), at_endpoint({{"test/endpoint-inner",
      R"("id": "e", "on_response": [["when", "X-Replace"], ["body", "response", "short"]])"}}))));
  TestClient client(gateway.port());
  Response whole = client.get("/x");
  EXPECT_EQ(whole.body.size(), 300'000u);
  Response replaced = client.get("/x", {{"X-Replace", "1"}});
  EXPECT_EQ(replaced.body, "short");
  EXPECT_EQ(client.get("/x").body.size(), 300'000u) << "the connection is in step";
}

TEST(MiddlewareTest, DocumentsAreReplacedAtBackendAndProxy) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"a":1,"secret":2,"kept":{"n":1.50}})"));
  up.on("/b", Reply::json(R"({"b":[1,2]})"));
  PluggedGateway gateway(
      {"script"},
      scripted(endpoint_of(
          "/x",
          backend_of(up.url(), "/a", extra({{"test/backend-inner", R"("id": "b", "on_response": [["erase", "secret"], ["log", "part", "data"]])"}})) + "," +
              backend_of(up.url(), "/b", extra({{"test/backend-inner", R"("id": "c", "on_response": [["data", {"c": [true, null, "text", 1000]}]])"}})),
          at_endpoint({{"test/proxy-outer",
                        R"("id": "p", "on_response": [["log", "merged", "data"], ["when", "X-Replace"], ["data", {"all": "new"}], ["complete", false]])"}}) +
              R"("input_headers": ["X-Replace"], )")));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"a":1,"kept":{"n":1.50},"c":[true,null,"text",1000]})")) << r.body;
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
  gateway->process().wait_for_output(R"(part {"a":1,"kept":{"n":1.50}})");
  gateway->process().wait_for_output(R"(merged {"a":1,"kept")");
  Response replaced = get_once(gateway.port(), "/x", {{"X-Replace", "1"}});
  EXPECT_EQ(replaced.body, R"({"all":"new"})");
  EXPECT_EQ(replaced.header("X-Krakend-Completed"), "false");
}

TEST(MiddlewareTest, AHalfBuiltDocumentFailsTheExchangeAndNamesThePlugin) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d"), at_endpoint({{"test/proxy-outer",
      R"("id": "p", "on_response": [["half-data"]])"}}))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.body.find("\"a\""), std::string::npos) << "the old document must not go on in its place";
  gateway->process().wait_for_output("test.script left a broken or unfinished document");
}

struct Place {
  std::string outer, inner;
  bool service, endpoint;
};
const Place kPlaces[] = {{"test/service-outer", "test/service-inner", true, false},
                         {"test/endpoint-outer", "test/endpoint-inner", false, true},
                         {"test/proxy-outer", "test/proxy-inner", false, true},
                         {"test/backend-outer", "test/backend-inner", false, false}};

std::string placed(const FakeUpstream& up, const Place& p, const std::string& outer, const std::string& inner) {
  const Blocks both{{p.outer, R"("id": "outer")" + (outer.empty() ? "" : ", " + outer)}, {p.inner, R"("id": "inner", )" + inner}};
  return scripted(endpoint_of("/x", backend_of(up.url(), "/d", p.service || p.endpoint ? "" : extra(both)),
                              p.endpoint ? at_endpoint(both) : ""), p.service ? both : Blocks{});
}

TEST(MiddlewareTest, AReplyAtAnyScopeSkipsTheInsideAndIsSeenByTheStagesOutside) {
  for (const Place& p : kPlaces) {
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    PluggedGateway gateway({"script"}, placed(up, p, R"("on_response": [["show", "response", "X-Seen", "status"], ["note"]])",
        R"("on_request": [["reply", 201, "{\"said\": \"plugin\"}", "application/json"]], "on_response": [["note"]])"));
    Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.status, p.outer.find("backend") == std::string::npos ? 201 : 200) << "a backend's success is the endpoint's 200";
    EXPECT_EQ(Json::parse(r.body), Json::parse(R"({"said":"plugin"})")) << r.body;
    EXPECT_EQ(r.header("X-Seen"), "201");
    EXPECT_EQ(r.header("X-Trace"), "outer") << "the stage that answers has no response hook of its own";
    EXPECT_EQ(up.count(), 0);
    const std::string log = gateway.log_to_the_end();
    EXPECT_EQ(occurrences(log, "done inner 0"), 1) << log;
    EXPECT_EQ(occurrences(log, "done outer 0"), 1) << log;
  }
}

TEST(MiddlewareTest, AReplyThatIsNoSuccessReachesTheClientFromEveryScopeOutsideTheBackend) {
  for (const Place& p : kPlaces) {
    if (p.outer.find("backend") != std::string::npos) continue;
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    PluggedGateway gateway({"script"}, placed(up, p, "", R"("on_request": [["reply", 418, "teapot"]])"));
    Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.status, 418);
    EXPECT_EQ(r.body, "teapot");
    EXPECT_EQ(r.header("Content-Type"), "text/plain");
    EXPECT_EQ(up.count(), 0);
  }
}

TEST(MiddlewareTest, AFailureAtAnyScopeGivesItsStatusAndBodyAndItsReasonToTheLog) {
  for (const Place& p : kPlaces) {
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    PluggedGateway gateway({"script"}, placed(up, p, R"("on_response": [["show", "response", "X-Outcome", "outcome"], ["log", "outcome", "outcome"]])",
        R"("on_request": [["fail", 403, "the log may know this", "not for you", "text/plain"]])"));
    Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.status, 403);
    EXPECT_EQ(r.body, "not for you");
    EXPECT_EQ(r.header("Content-Type").substr(0, 10), "text/plain");
    EXPECT_EQ(up.count(), 0);
    const std::string log = gateway.log_to_the_end();
    EXPECT_GE(occurrences(log, "the log may know this"), 1) << log;
    EXPECT_EQ(occurrences(log, "outcome -10 the log may know this"), 1) << "SLC_EREFUSED\n" << log;
    EXPECT_EQ(occurrences(log, "done inner -10"), 1) << log;
    EXPECT_EQ(occurrences(log, "done outer -10"), 1) << log;
  }
}

// ---- headers of a failure: where it is what the client gets, they go with it ----

const char* const kBusy = R"(["set", "response", "Retry-After", "7"], ["add", "response", "X-Why", "a"], ["add", "response", "X-Why", "b"],
                             ["fail", 429, "the log may know this", "later", "text/plain"])";

void expect_busy(const Response& r) {
  EXPECT_EQ(r.status, 429);
  EXPECT_EQ(r.header("Retry-After"), "7");
  EXPECT_EQ(r.headers.count("X-Why"), 2u);
  EXPECT_EQ(r.header("Content-Type").substr(0, 10), "text/plain");
  EXPECT_EQ(r.headers.count("Content-Type"), 1u);
  EXPECT_EQ(r.body, "later");
  EXPECT_FALSE(r.headers.has("X-Own")) << "what the backend sent is no part of a failure";
}

TEST(MiddlewareTest, HeadersOfAFailureReachTheClientFromEveryScopeOnTheWayInAndOut) {
  for (const Place& p : kPlaces)
    for (const char* hook : {"on_request", "on_response"}) {
      SCOPED_TRACE(p.inner + " " + hook);
      FakeUpstream up;
      up.on("/d", Reply{200, {{"Content-Type", "application/json"}, {"X-Own", "yes"}}, R"({"a":1})"});
      PluggedGateway gateway({"script"}, placed(up, p, R"("on_response": [["note"]])", "\"" + std::string{hook} + "\": [" + kBusy + "]"));
      expect_busy(get_once(gateway.port(), "/x"));
    }
}

TEST(MiddlewareTest, HeadersOfARawHooksFailureGoWithoutThoseOfTheBackend) {
  FakeUpstream up;
  up.on("/d", Reply{200, {{"Content-Type", "application/json"}, {"X-Own", "yes"}, {"Content-Encoding", "x"}}, R"({"a":1})"});
  const std::string block = extra({{"test/backend-outer", R"("id": "o", "on_raw_response": [["note"]], "on_response": [["note"]])"},
                                   {"test/backend-inner", R"("id": "b", "on_raw_response": [)" + std::string{kBusy} + "]"}});
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", block)) + "," +
                                              no_op_endpoint("/raw", backend_of(up.url(), "/d", block))));
  for (const char* path : {"/x", "/raw"}) {
    SCOPED_TRACE(path);
    const Response r = get_once(gateway.port(), path);
    expect_busy(r);
    EXPECT_FALSE(r.headers.has("Content-Encoding"));
    EXPECT_EQ(r.header("X-Trace"), "o") << "hooks further out add theirs";
  }
}

TEST(MiddlewareTest, HeadersOfAFailureAtARawEndpointGoWithoutThoseOfTheBackend) {
  FakeUpstream up;
  up.on("/d", Reply{200, {{"Content-Type", "image/png"}, {"X-Own", "yes"}}, "bytes"});
  const std::string fails = R"("id": "f", "on_response": [)" + std::string{kBusy} + "]";
  PluggedGateway gateway({"script"}, scripted(no_op_endpoint("/backend", backend_of(up.url(), "/d", extra({{"test/backend-inner", fails}}))) + "," +
                                              no_op_endpoint("/proxy", backend_of(up.url(), "/d"), at_endpoint({{"test/proxy-inner", fails}}))));
  for (const char* path : {"/backend", "/proxy"}) {
    SCOPED_TRACE(path);
    expect_busy(get_once(gateway.port(), path));
  }
}

TEST(MiddlewareTest, HeadersOfAFailureThatIsOnePartAmongSeveralStayInside) {
  FakeUpstream up;
  up.tolerate_disconnects();  // where a required part fails, the calls of the others are given up
  up.on("/d", Reply::json(R"({"a":1})"));
  const std::string busy = extra({{"test/backend-inner", R"("id": "b", "on_request": [)" + std::string{kBusy} + "]"}});
  const std::string good = backend_of(up.url(), "/d"), bad = backend_of(up.url(), "/d", busy);
  const std::string around = at_endpoint({{"test/proxy-inner", R"("id": "p", "on_response": [)" + std::string{kBusy} + "]"}});
  const std::string required =
      R"("extra_config": {"sluice": {"required": true}, "test/backend-inner": {"id": "b", "on_request": [)" + std::string{kBusy} + "]}}";
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/part", good + "," + bad) + "," + endpoint_of("/all", bad + "," + bad) + "," +
                                              endpoint_of("/around", good + "," + good, around) + "," +
                                              endpoint_of("/first", bad + "," + good, R"("extra_config": {"proxy": {"sequential": true}}, )") + "," +
                                              endpoint_of("/required", good + "," + backend_of(up.url(), "/d", required))));
  const Response part = get_once(gateway.port(), "/part");
  EXPECT_EQ(part.status, 200);
  EXPECT_FALSE(part.headers.has("Retry-After"));
  const Response all = get_once(gateway.port(), "/all");
  EXPECT_EQ(all.status, 500) << "the failure of a merge is nobody's in particular";
  EXPECT_FALSE(all.headers.has("Retry-After"));
  for (const char* path : {"/around", "/first", "/required"}) {
    SCOPED_TRACE(path);
    const Response r = get_once(gateway.port(), path);
    EXPECT_EQ(r.status, 429);
    EXPECT_EQ(r.header("Retry-After"), "7") << "this failure is the answer";
  }
}

TEST(MiddlewareTest, HeadersOfAFailureThatWasRepairedAreGone) {
  FakeUpstream up;
  const Place& backend = kPlaces[3];
  PluggedGateway gateway(
      {"script"}, placed(up, backend, R"("on_response": [["remove", "response", "X-Why"], ["data", {"fallback": true}], ["complete", true], ["replied"]])",
                         R"("on_request": [)" + std::string{kBusy} + "]"));
  const Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"fallback":true})");
  EXPECT_FALSE(r.headers.has("X-Why"));
}

TEST(MiddlewareTest, HeadersOfAFailureStandBesideAProblemBody) {
  FakeUpstream up;
  const std::string busy = R"("id": "b", "on_request": [["set", "response", "Content-Type", "text/html"], )" + std::string{kBusy} + "]";
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", extra({{"test/backend-inner", busy}})),
                                                          R"("extra_config": {"sluice": {"problem_json": true}}, )")));
  const Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 429);
  EXPECT_EQ(r.header("Retry-After"), "7");
  EXPECT_EQ(r.headers.count("Content-Type"), 1u);
  EXPECT_EQ(r.header("Content-Type"), "application/problem+json");
}

// ---- the time that is left ----

TEST(MiddlewareTest, EveryScopeSeesTheTimeThatIsLeft) {
  const std::string show =
      R"("id": "s", "on_request": [["show", "request", "X-Left", "remaining"]], "on_response": [["show", "response", "X-Left", "remaining"]])";
  const auto left = [](const std::string& text) { return text.empty() || text == "unlimited" ? -1 : std::stoi(text); };
  struct Case {
    Place place;
    const char* endpoint;
    int backends, most;  // milliseconds, of 20 seconds
  };
  for (const Case& c : {Case{kPlaces[0], "", 1, 20'000}, Case{kPlaces[1], "", 1, 20'000}, Case{kPlaces[2], "", 1, 20'100}, Case{kPlaces[3], "", 1, 20'000},
                        Case{kPlaces[3], "", 2, 17'000}, Case{kPlaces[3], R"("concurrent_calls": 2, )", 1, 15'000},
                        Case{kPlaces[3], R"("concurrent_calls": 2, )", 2, 15'000},
                        Case{kPlaces[3], R"("extra_config": {"proxy": {"sequential": true}}, )", 2, 17'000}}) {
    SCOPED_TRACE(c.place.inner + " " + c.endpoint + std::to_string(c.backends));
    FakeUpstream up;  // the requests of this case only
    up.tolerate_disconnects();  // one of concurrent calls is enough, and the others are given up
    up.on("/d", Reply::json(R"({"a":1})"));
    const Blocks block{{c.place.inner, show}};
    std::string backends = backend_of(up.url(), "/d", c.place.service || c.place.endpoint ? "" : extra(block));
    if (c.backends == 2) backends += "," + backends;
    PluggedGateway gateway(
        {"script"},
        scripted(endpoint_of("/x", backends, R"("input_headers": ["X-Left"], )" + std::string{c.endpoint} + (c.place.endpoint ? at_endpoint(block) : "")),
                 c.place.service ? block : Blocks{}));
    const Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.status, 200) << r.body;
    const auto seen = up.requests();
    ASSERT_FALSE(seen.empty());
    for (const auto& q : seen) {
      EXPECT_GT(left(q.headers.get("X-Left")), 0) << q.headers.get("X-Left");
      EXPECT_LE(left(q.headers.get("X-Left")), c.most);
    }
    if (c.backends > 1) continue;  // headers of parts are not the client's
    EXPECT_GT(left(std::string{r.header("X-Left")}), 0);
    EXPECT_LE(left(std::string{r.header("X-Left")}), c.most);
  }
}

TEST(MiddlewareTest, AnExceptionFailsTheExchangeAndLeavesALineThatNamesHookAndPlace) {
  for (const Place& p : kPlaces) {
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    PluggedGateway gateway({"script"}, placed(up, p, "", R"("on_request": [["throw", "flux capacitor"]])"));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);
    const std::string log = gateway.log_to_the_end();
    EXPECT_EQ(occurrences(log, "on_request threw: flux capacitor"), 2) << log;
    EXPECT_NE(log.find(p.inner), std::string::npos) << log;
    EXPECT_EQ(occurrences(log, "done inner"), 2) << log;
  }
}

TEST(MiddlewareTest, ResponseHooksSeeHowABackendFailed) {
  FakeUpstream up;
  up.on("/d", Reply{404, {}, "nothing"});
  const std::string watch = R"(, "on_response": [["log", "seen by", "outcome"]])";
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", extra({{"test/backend-outer", R"("id": "b")" + watch}})),
      at_endpoint({{"test/endpoint-outer", R"("id": "e")" + watch}, {"test/proxy-outer", R"("id": "p")" + watch}})),
      {{"test/service-outer", R"("id": "s")" + watch}}));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "seen by -12 invalid status code 404"), 4) << "SLC_EBACKEND at all four scopes\n" << log;
  for (const char* id : {"b", "p", "e", "s"}) EXPECT_EQ(occurrences(log, std::string{"done "} + id + " -12"), 1) << id << '\n' << log;
}

TEST(MiddlewareTest, AResponseHookTurnsAFailureIntoAnAnswer) {
  FakeUpstream up;
  up.on("/d", Reply{500, {}, ""});
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", extra({{"test/backend-outer",
      R"("id": "b", "on_response": [["data", {"fallback": true}], ["complete", true], ["replied"]])"}})))));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"fallback":true})");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
}

TEST(MiddlewareTest, WhenTheClientLeavesEveryStageIsDoneExactlyOnce) {
  FakeUpstream up;
  up.manual("/d");
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", extra(kBackend)), at_endpoint(kEndpoint)), kService));
  {
    TestClient client(gateway.port());
    client.send_request("GET", "/x");
    auto call = up.wait_for_request("/d");
    client.reset();
    call.wait_for_disconnect();
  }
  for (const char* id : kEveryId) gateway->process().wait_for_output(std::string{"done "} + id + " -9");
  const std::string log = gateway.log_to_the_end();
  for (const char* id : kEveryId) EXPECT_EQ(occurrences(log, std::string{"done "} + id), 1) << id << '\n' << log;
}

TEST(MiddlewareTest, WhenTimeRunsOutEveryStageIsDoneExactlyOnce) {
  FakeUpstream up;
  up.manual("/d");
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d", extra(kBackend)),
                                                          R"("timeout": "200ms", )" + at_endpoint(kEndpoint)), kService));
  Response r = get_once(gateway.port(), "/x");
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.header("X-Trace"), "e2 e1 s2 s1");
  up.wait_for_request("/d").wait_for_disconnect();
  const std::string log = gateway.log_to_the_end();
  for (const char* id : kEveryId) {
    EXPECT_EQ(occurrences(log, std::string{"done "} + id + " -8"), 1) << id << '\n' << log;
    EXPECT_EQ(occurrences(log, std::string{"done "} + id), 1) << id << '\n' << log;
  }
}

TEST(MiddlewareTest, AClientThatLeavesWhileAHookWaitsTakesTheTimerWithIt) {
  for (const Place& p : kPlaces) {
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    PluggedGateway gateway(
        {"script"}, placed(up, p, "", R"("on_request": [["log", "waiting in", "scope"], ["later", 3600000], ["after", 3600000], ["reply", 200, "too late"]])"));
    {
      TestClient client(gateway.port());
      client.send_request("GET", "/x");
      gateway->process().wait_for_output("waiting in");
      client.reset();
    }
    gateway->process().wait_for_output("done inner -9");
    const std::string log = gateway.log_to_the_end();
    EXPECT_EQ(occurrences(log, "done inner"), 1) << log;
    EXPECT_EQ(occurrences(log, "done outer"), 1) << log;
    EXPECT_EQ(occurrences(log, "late inner"), 0) << log;
  }
}

TEST(MiddlewareTest, HooksWaitInAnyScopeOnTheWayInAndOut) {
  for (const Place& p : kPlaces) {
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    up.on("/d", Reply::json(R"({"a":1})"));
    PluggedGateway gateway({"script"}, placed(up, p, R"("on_request": [["after", 2], ["after", 1]], "on_response": [["after", 2], ["note"]])",
        R"("on_request": [["after", 1], ["later", 1]], "on_response": [["after", 20], ["note"]])"));
    TestClient client(gateway.port());
    for (int i = 0; i < 3; ++i) {
      Response r = client.get("/x");
      EXPECT_EQ(r.body, R"({"a":1})");
      EXPECT_EQ(r.header("X-Trace"), "inner outer");
    }
    EXPECT_EQ(occurrences(gateway.log_to_the_end(), "late inner"), 3) << "a timer that nobody waits for runs beside the hooks";
  }
}

TEST(MiddlewareTest, CalloutsAskAnotherServiceInAnyScope) {
  for (const Place& p : kPlaces) {
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    up.on("/d", Reply::json(R"({"a":1})"));
    up.on("/ask", Reply{201, {}, "granted"});
    const std::string ask = R"([["fetch", ")" + up.url() + R"(/ask", "POST", "who?"]])";
    PluggedGateway gateway({"script"}, placed(up, p, "", R"("on_request": )" + ask + R"(, "on_response": )" + ask));
    Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.body, R"({"a":1})");
    EXPECT_EQ(r.header("X-Fetched"), "201 granted");
    const auto seen = up.requests();
    ASSERT_EQ(seen.size(), 3u);
    for (size_t i : {size_t{0}, size_t{2}}) {
      EXPECT_EQ(seen[i].path, "/ask");
      EXPECT_EQ(seen[i].method, "POST");
      EXPECT_EQ(seen[i].body, "who?");
      EXPECT_EQ(seen[i].headers.get("X-Asked-By"), "inner");
    }
  }
}

TEST(MiddlewareTest, ACalloutEndsWithItsExchange) {
  for (const Place& p : kPlaces) {
    SCOPED_TRACE(p.inner);
    FakeUpstream up;
    up.manual("/ask");
    PluggedGateway gateway({"script"}, placed(up, p, "", R"("on_request": [["fetch", ")" + up.url() + R"(/ask"], ["reply", 200, "late"]])"));
    {
      TestClient client(gateway.port());
      client.send_request("GET", "/x");
      auto call = up.wait_for_request("/ask");
      client.reset();
      call.wait_for_disconnect();
    }
    gateway->process().wait_for_output("done inner -9");
  }
}

TEST(MiddlewareTest, AHookThatWaitsForNothingAfterTheTimeOutDoesNotHoldTheClient) {
  FakeUpstream up;
  up.manual("/d");
  PluggedGateway gateway({"script"}, scripted(endpoint_of("/x", backend_of(up.url(), "/d"), R"("timeout": "150ms", )" + at_endpoint({{"test/endpoint-inner",
      R"("id": "e", "on_response": [["suspend"]])"}}))));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);
  up.wait_for_request("/d").wait_for_disconnect();
  gateway->process().wait_for_output("plugin test.script (test/endpoint-inner) [ENDPOINT: /x] was suspended and not resumed");
}

TEST(MiddlewareTest, ManyRequestsAtOnceEachHaveTheirOwnState) {
  FakeUpstream up;
  up.on("/d", [](const FakeUpstream::Request& r) { return Reply::json(R"({"path":")" + r.headers.get("X-Trace") + "\"}"); });
  PluggedGateway gateway(
      {"script"},
      scripted(endpoint_of(
          "/x/{id}", backend_of(up.url(), "/d", extra(kBackend)),
          R"("input_headers": ["X-Trace"], )" +
              at_endpoint(
                  {{"test/endpoint-outer",
                    R"("id": "e", "on_request": [["show", "request", "X-Trace", "param:id"], ["after", 3]], "on_response": [["show", "response", "X-Id", "param:id"]])"}}))),
      2);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<TestClient>(gateway.port()));
    clients.back()->send_request("GET", "/x/" + std::to_string(i));
  }
  for (int i = 0; i < 20; ++i) {
    Response r = clients[static_cast<size_t>(i)]->read();
    EXPECT_EQ(r.body, R"({"path":")" + std::to_string(i) + R"( b1 b2"})");
    EXPECT_EQ(r.header("X-Id"), std::to_string(i));
  }
}

}  // namespace
}  // namespace sluice::test

// The block `sluice`: merge rules, required and optional backends, status, problem bodies, parts, headers, chains.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

std::string own(const std::string& options) { return R"("extra_config": {"sluice": {)" + options + "}}"; }

// An endpoint with the block and its backends, each a pattern and the inside of its block.
struct Backend {
  std::string pattern, options, more;
};
std::string endpoint(const FakeUpstream& up, const std::string& path, const std::string& options, const std::vector<Backend>& backends,
                     const std::string& more = "") {
  std::string list;
  for (const Backend& b : backends)
    list += (list.empty() ? "" : ", ") + backend_of(up.url(), b.pattern, own(b.options) + (b.more.empty() ? "" : ", " + b.more));
  return endpoint_of(path, list, own(options) + ", " + more);
}

Json json_of(const Response& r) { return Json::parse_or_throw(r.body, "the answer"); }

TEST(AggregationTest, StrategiesDecideAboutKeysOfSeveralBackends) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"id":1,"name":"a","tags":["x"],"meta":{"p":1,"q":1},"shops":[{"shop":1,"price":5},{"shop":2}]})"));
  up.on("/b", Reply::json(R"({"id":2,"name":"b","tags":["y","z"],"meta":{"q":2,"r":[1.50]},"shops":[{"shop":2,"open":true},{"shop":3}]})"));
  GatewayProcess gateway(options_of(config_of(
      endpoint(up, "/m", R"("merge": {"keys": {"name": "first", "tags": "concat", "meta": "deep", "shops": "zip by shop"}})", {{"/a", "", ""}, {"/b", "", ""}}) + "," +
      endpoint(up, "/error", R"("merge": {"strategy": "error"}, "problem_json": true)", {{"/a", "", ""}, {"/b", "", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(json_of(r), Json::parse(R"({"id":2,"name":"a","tags":["x","y","z"],"meta":{"p":1,"q":2,"r":[1.50]},
    "shops":[{"shop":1,"price":5},{"shop":2,"open":true},{"shop":3}]})"));
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
  r = client.get("/error");
  EXPECT_EQ(r.status, 502);
  EXPECT_EQ(json_of(r).at("detail").str(), "resp0 and resp1 both answered with the key \"id\"");
}

TEST(AggregationTest, TheOrderOfMergingIsThatOfTheConfigurationWhoeverIsFirst) {
  FakeUpstream up;
  up.manual("/a");
  up.manual("/b");
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("merge": {"strategy": "concat"})", {{"/a", "", ""}, {"/b", "", ""}}))));
  TestClient client(gateway.port());
  for (bool a_first : {true, false}) {
    client.send_request("GET", "/m");
    auto a = up.wait_for_request("/a"), b = up.wait_for_request("/b");
    const Reply of_a = Reply::json(R"({"l":[1]})"), of_b = Reply::json(R"({"l":[2]})");
    (a_first ? a : b).answer(a_first ? of_a : of_b);
    (a_first ? b : a).answer(a_first ? of_b : of_a);
    EXPECT_EQ(client.read().body, R"({"l":[1,2]})") << "a first: " << a_first;
  }
}

TEST(AggregationTest, ARequiredBackendsFailureIsTheAnswerAndEndsTheOthers) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.on("/gone", Reply::json(R"({"why":"secret"})", 404));
  up.on("/ok", Reply::json(R"({"ok":1})"));
  up.manual("/slow");
  GatewayProcess gateway(options_of(config_of(
      endpoint(up, "/m", "", {{"/slow", "", ""}, {"/gone", R"("required": true)", ""}, {"/ok", "", ""}}) + "," +
      endpoint(up, "/details", R"("parts": "header")", {{"/ok", "", ""}, {"/gone", R"("required": true)", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/m");  // while /slow has no answer
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.body, "");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  up.wait_for_request("/slow").wait_for_disconnect();
  r = client.get("/details");
  EXPECT_EQ(r.status, 404);
  EXPECT_NE(r.header("X-Sluice-Parts").find("resp1;fate=failed;status=404"), std::string::npos) << r.header("X-Sluice-Parts");
}

TEST(AggregationTest, StaticDataDoesNotHideTheFailureOfARequiredBackend) {
  FakeUpstream up;
  up.tolerate_disconnects();  // the other call is ended when the required one has failed
  up.on("/gone", Reply::json("{}", 403));
  up.on("/ok", Reply::json(R"({"ok":1})"));
  const std::string list = backend_of(up.url(), "/ok") + "," + backend_of(up.url(), "/gone", own(R"("required": true)"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", list, R"("extra_config": {"proxy": {"static": {"data": {"s": 1}}}}, )"))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(r.status, 403);
  EXPECT_EQ(r.body, "");
}

TEST(AggregationTest, StaticDataOfAFailedAnswerHasTheStatusOfTheRule) {
  FakeUpstream up;
  up.on("/bad", Reply::json("{}", 503));
  const std::string list = backend_of(up.url(), "/bad") + "," + backend_of(up.url(), "/bad");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", list, R"("extra_config": {"sluice": {"status": "first"}, "proxy": {"static": {"strategy": "errored", "data": {"sorry": true}}}}, )"))));
  Response r = get_once(gateway.port(), "/m");
  EXPECT_EQ(r.status, 503);
  EXPECT_EQ(r.body, R"({"sorry":true})");
}

TEST(AggregationTest, AnOptionalBackendsFailureLeavesTheAnswerComplete) {
  FakeUpstream up;
  up.on("/ok", Reply::json(R"({"ok":1})"));
  up.on("/bad", Reply::json("{}", 500));
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("status": "worst")", {{"/ok", "", ""}, {"/bad", R"("optional": true)", ""}}, R"("cache_ttl": "1m", )") + "," +
                                              endpoint(up, "/all", "", {{"/bad", R"("optional": true)", ""}, {"/bad", R"("optional": true)", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, R"({"ok":1})");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
  EXPECT_EQ(r.header("Cache-Control"), "public, max-age=60");
  r = client.get("/all");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body, "{}");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
}

TEST(AggregationTest, TheStatusIsWhatTheRuleSays) {
  FakeUpstream up;
  up.on("/made", Reply::json(R"({"made":1})", 201));
  up.on("/ok", Reply::json(R"({"ok":1,"state":"old"})"));
  up.on("/409", Reply::json("{}", 409));
  up.on("/503", Reply::json("{}", 503));
  const std::vector<Backend> mixed{{"/ok", "", ""}, {"/409", "", ""}, {"/503", "", ""}};
  GatewayProcess gateway(options_of(config_of(
      endpoint(up, "/none", R"("parts": "header")", mixed) + "," + endpoint(up, "/worst", R"("status": "worst")", mixed, R"("cache_ttl": "1m", )") + "," +
      endpoint(up, "/first", R"("status": "first")", mixed) + "," + endpoint(up, "/of", R"("status": "resp0")", {{"/made", "", ""}, {"/409", "", ""}}) + "," +
      endpoint(up, "/good", R"("status": "worst")", {{"/made", "", ""}, {"/ok", "", ""}}) + "," +
      endpoint(up, "/fails", R"("status": "first")", {{"/409", "", ""}, {"/503", "", ""}}) + "," +
      endpoint(up, "/when", R"("status": "worst", "status_when": [{"when": "{resp0_state} == 'new'", "status": 202}, {"when": "{resp1.status} == 409 && {resp0_ok} == 1", "status": 206}])", mixed) + "," +
      endpoint(up, "/nothing", R"("status_when": [{"when": "{resp0_ok}", "status": 204}])", {{"/ok", "", ""}, {"/made", "", ""}}))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/none").status, 200);
  Response r = client.get("/worst");
  EXPECT_EQ(r.status, 503);
  EXPECT_EQ(r.body, R"({"ok":1,"state":"old"})");
  EXPECT_EQ(client.get("/first").status, 409);
  EXPECT_EQ(client.get("/of").status, 201);
  EXPECT_EQ(client.get("/good").status, 201);
  EXPECT_EQ(client.get("/fails").status, 409);
  EXPECT_EQ(client.get("/when").status, 206);
  r = client.get("/nothing");
  EXPECT_EQ(r.status, 204);
  EXPECT_EQ(r.body, "");
  EXPECT_FALSE(r.headers.has("Content-Type"));
  EXPECT_EQ(client.get("/of").status, 201) << "the connection is in step";
}

TEST(AggregationTest, FailuresHaveProblemBodiesWhereTheyAreWanted) {
  FakeUpstream up;
  up.on("/503", Reply::json(R"({"stack":"trace"})", 503));
  const std::vector<Backend> bad{{"/503", R"("name": "stock")", ""}, {"/503", "", ""}};
  GatewayProcess gateway(options_of(R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true}, "sluice": {"problem_json": true}}, "endpoints": [)" +
                                    endpoint(up, "/m", R"("parts": "both")", bad) + "," + endpoint(up, "/off", R"("problem_json": false)", bad) + "," +
                                    endpoint_of("/{id}/one", backend_of(up.url(), "/503")) + "]}"));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(json_of(r), Json::parse(R"({"type":"about:blank","title":"Internal Server Error","status":500,"detail":"stock answered with status 503; resp1 answered with status 503",
    "parts":[{"name":"stock","fate":"failed","status":503},{"name":"resp1","fate":"failed","status":503}]})"));
  EXPECT_EQ(r.header("X-Sluice-Parts"), "stock;fate=failed;status=503, resp1;fate=failed;status=503");
  r = client.get("/off");
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.body, "");
  r = client.get("/x/one");
  EXPECT_EQ(json_of(r).at("detail").str(), "a backend did not answer as it should");
  EXPECT_EQ(r.body.find("/503"), std::string::npos) << "no path of a backend";
  r = client.get("/nowhere");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(json_of(r).at("title").str(), "Not Found");
  r = client.post("/m", "");
  EXPECT_EQ(r.status, 405);
  EXPECT_EQ(json_of(r).at("status").whole(), 405);
  EXPECT_EQ(r.header("Allow"), "GET");
  r = client.get("/%252e/one");
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(json_of(r).at("detail").str(), "encoded url params");
}

TEST(AggregationTest, WhatBecameOfEachBackendIsTold) {
  FakeUpstream up;
  up.tolerate_disconnects();
  up.on("/ok", Reply::json(R"({"ok":1})"));
  up.on("/null", Reply::json("null"));
  up.on("/bad", Reply::json("no json"));
  up.manual("/slow");
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("parts": "both", "parts_key": "about")",
                                                       {{"/ok", R"("name": "good")", ""}, {"/null", "", ""}, {"/bad", "", ""}, {"/slow", "", ""}, {"/ok", R"("when": "false")", ""}}, R"("timeout": "1s", )"))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(r.header("X-Sluice-Parts"), "good;fate=ok;status=200, resp1;fate=incomplete;status=200, resp2;fate=failed;status=502, resp3;fate=timeout;status=504, resp4;fate=skipped");
  EXPECT_EQ(json_of(r), Json::parse(R"({"ok":1,"about":[{"name":"good","fate":"ok","status":200},{"name":"resp1","fate":"incomplete","status":200},
    {"name":"resp2","fate":"failed","status":502},{"name":"resp3","fate":"timeout","status":504},{"name":"resp4","fate":"skipped"}]})"));
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  EXPECT_EQ(up.count("/ok"), 1);
  up.wait_for_request("/slow").wait_for_disconnect();
}

TEST(AggregationTest, HeadersAndCookiesPassFromTheBackendsThatMay) {
  FakeUpstream up;
  up.tolerate_disconnects();  // a required backend that fails ends the others
  up.on("/a", Reply{200, {{"Content-Type", "application/json"}, {"Set-Cookie", "a=1; Path=/"}, {"Set-Cookie", "b=2"}, {"X-Version", "a"}, {"Vary", "Accept"}, {"ETag", "\"a\""}, {"X-One", "1"}, {"X-One", "2"}}, R"({"a":1})"});
  up.on("/b", Reply{200, {{"Content-Type", "application/json"}, {"set-cookie", "a=3"}, {"X-Version", "b"}, {"Vary", "Origin"}, {"X-Hidden", "no"}, {"X-One", "3"}}, R"({"b":1})"});
  up.on("/one", Reply{201, {{"Content-Type", "application/json"}, {"X-Any", "yes"}, {"ETag", "\"x\""}, {"Connection", "X-Any2"}, {"X-Krakend", "theirs"}, {"Cache-Control", "private"}}, R"({"c":1})"});
  up.on("/bad", Reply{503, {{"Retry-After", "7"}, {"X-Version", "bad"}}, ""});
  GatewayProcess gateway(options_of(config_of(
      endpoint(up, "/m", R"("headers": {"Vary": "append", "X-Version": "first"})",
               {{"/a", R"("output_headers": ["Set-Cookie", "X-Version", "Vary", "X-One"])", ""}, {"/b", R"("output_headers": ["Set-Cookie", "X-Version", "Vary", "X-One"])", ""}}, R"("cache_ttl": "1m", )") + "," +
      endpoint(up, "/one", R"("status": "resp0")", {{"/one", R"("output_headers": ["*"])", ""}}) + "," +
      endpoint(up, "/listed", "", {{"/one", R"("output_headers": ["etag", "Cache-Control"])", ""}}, R"("cache_ttl": "1m", )") + "," +
      endpoint(up, "/required", "", {{"/a", R"("output_headers": ["X-Version"])", ""}, {"/bad", R"("required": true, "output_headers": ["Retry-After"])", ""}}) + "," +
      endpoint(up, "/none", R"("parts": "header")", {{"/a", "", ""}, {"/b", "", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  std::string seen;
  for (const auto& [name, value] : r.headers)
    if (name == "Set-Cookie" || name == "set-cookie" || name == "X-Version" || name == "Vary" || name == "X-One" || name == "X-Hidden" || name == "ETag") seen += lower(name) + "=" + value + "|";
  EXPECT_EQ(seen, "set-cookie=a=1; Path=/|set-cookie=b=2|x-version=a|vary=Accept|set-cookie=a=3|vary=Origin|x-one=3|");
  EXPECT_FALSE(r.headers.has("Cache-Control")) << "an answer with cookies is nobody else's";
  EXPECT_EQ(r.headers.count("Content-Type"), 1u);
  r = client.get("/one");
  EXPECT_EQ(r.status, 201);
  EXPECT_EQ(r.header("X-Any"), "yes");
  EXPECT_FALSE(r.headers.has("ETag"));
  EXPECT_FALSE(r.headers.has("Cache-Control"));
  EXPECT_EQ(r.headers.count("X-Krakend"), 1u);
  r = client.get("/listed");
  EXPECT_EQ(r.header("ETag"), "\"x\"");
  EXPECT_EQ(r.header("Cache-Control"), "private");
  EXPECT_EQ(r.headers.count("Cache-Control"), 1u);
  r = client.get("/required");
  EXPECT_EQ(r.status, 503);
  EXPECT_EQ(r.header("Retry-After"), "7");
  EXPECT_FALSE(r.headers.has("Set-Cookie"));
  EXPECT_FALSE(client.get("/none").headers.has("Set-Cookie"));
}

// ---- chains ----

TEST(ChainTest, StepsThatDependOnNothingRunTogetherAndOthersAsSoonAsTheyCan) {
  FakeUpstream up;
  for (const char* path : {"/a", "/b", "/c/7", "/d/8"}) up.manual(path);
  GatewayProcess gateway(options_of(config_of(
      endpoint(up, "/m", R"("chain": true)", {{"/d/{resp2_id}", "", ""}, {"/a", "", ""}, {"/b", "", ""}, {"/c/{resp1_l.1.id}", "", ""}}))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m");
  auto a = up.wait_for_request("/a"), b = up.wait_for_request("/b");
  a.answer(Reply::json(R"({"k":"a","l":[0,{"id":7}]})"));
  auto c = up.wait_for_request("/c/7");  // although /b has no answer
  b.answer(Reply::json(R"({"k":"b","id":8})"));
  auto d = up.wait_for_request("/d/8");
  c.answer(Reply::json(R"({"k":"c"})"));
  d.answer(Reply::json(R"({"k":"d"})"));
  Response r = client.read();
  EXPECT_EQ(json_of(r), Json::parse(R"({"k":"c","l":[0,{"id":7}],"id":8})")) << "merged in the order written";
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
}

TEST(ChainTest, HeadersQueryAndBodyTakeValues) {
  FakeUpstream up;
  up.on("/token", Reply::json(R"({"token":"t/1","n":1.50,"user":{"name":"A\"nn","none":null},"list":[1,{"x":2}]})"));
  up.on("/do", [](const FakeUpstream::Request& r) {
    return Reply::json(R"({"auth":")" + r.headers.get("Authorization") + R"(","tenant":")" + r.headers.get("X-Tenant") + R"(","missing":")" + r.headers.get("X-Missing") + R"(","type":")" + r.headers.get("Content-Type") +
                       R"(","length":")" + r.headers.get("Content-Length") + R"(","chunked":")" + r.headers.get("Transfer-Encoding") + R"(","target":")" + r.target + R"(","body":)" + r.body + "}");
  });
  up.on("/text", [](const FakeUpstream::Request& r) { return Reply::json(R"({"text":")" + r.body + R"(","text_type":")" + r.headers.get("Content-Type") + "\"}"); });
  GatewayProcess gateway(options_of(config_of(
      endpoint(up, "/m/{id}", R"("chain": true)",
               {{"/token", R"("hidden": true)", R"("method": "GET")"},
                {"/do",
                 R"("headers": {"authorization": "Bearer {resp0_token}", "X-Tenant": "{header.X-Client}-{resp0_n}", "X-Missing": "{header.X-Missing}"},
                    "query": {"q": "{query.page}/{id}", "token": "{resp0_token}", "left out": "{query.none}"},
                    "body": {"id": "{id}", "n": "{resp0_n}", "user": "{resp0_user}", "text": "name={resp0_user.name} n={resp0_n}", "list": ["{resp0_list.1}", true, null, 1.5], "nothing": "{resp0_user.none}", "gone": "{header.X-Missing}"})",
                 ""},
                {"/text", R"("body": "id={id}&n={resp0_n}", "headers": {"Content-Type": "application/x-www-form-urlencoded"})", ""}},
               R"("method": "POST", "input_headers": ["X-Client", "X-Missing", "Content-Type"], "input_query_strings": ["page", "none"], )"))));
  TestClient client(gateway.port());
  Response r = client.request("POST", "/m/5?page=a%26b", {{"X-Client", "c"}, {"Content-Type", "text/x"}}, "the client's");
  Json body = json_of(r);
  EXPECT_EQ(body.at("auth").str(), "Bearer t/1");
  EXPECT_EQ(body.at("tenant").str(), "c-1.50");
  EXPECT_EQ(body.at("missing").str(), "");
  EXPECT_EQ(body.at("type").str(), "application/json");
  EXPECT_EQ(body.at("chunked").str(), "");
  EXPECT_NE(body.at("length").str(), "");
  EXPECT_NE(body.at("target").str().find("q=a%26b%2F5&token=t%2F1"), std::string::npos) << body.at("target").str();
  EXPECT_EQ(body.at("target").str().find("left"), std::string::npos);
  EXPECT_EQ(body.at("body"), Json::parse(R"({"id":"5","n":1.50,"user":{"name":"A\"nn","none":null},"text":"name=A\"nn n=1.50","list":[{"x":2},true,null,1.5],"nothing":null,"gone":null})"));
  EXPECT_EQ(body.at("text_type").str(), "application/x-www-form-urlencoded");
  EXPECT_FALSE(body.has("token")) << "hidden";
  EXPECT_EQ(body.at("text").str(), "id=5&n=1.50");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
}

TEST(ChainTest, ConditionsDecideWhichStepsAreCalled) {
  FakeUpstream up;
  up.on("/kind/a", Reply::json(R"({"kind":"a"})"));
  up.on("/kind/b", Reply::json(R"({"kind":"b","id":3})"));
  up.on("/only-b/3", Reply::json(R"({"b":1})"));
  up.on("/after-b/1", Reply::json(R"({"c":1})"));
  GatewayProcess gateway(options_of(config_of(endpoint(
      up, "/m/{kind}", R"("chain": true, "parts": "header")",
      {{"/kind/{kind}", "", ""}, {"/only-b/{resp0_id}", R"("when": "{resp0_kind} == 'b'", "required": true)", ""}, {"/after-b/{resp1_b}", "", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/m/a");
  EXPECT_EQ(r.body, R"({"kind":"a"})");
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true") << "what was not wanted is not missing";
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=ok;status=200, resp1;fate=skipped, resp2;fate=skipped");
  r = client.get("/m/b");
  EXPECT_EQ(json_of(r), Json::parse(R"({"kind":"b","id":3,"b":1,"c":1})"));
}

TEST(ChainTest, AStepWithoutItsInputIsNotCalled) {
  FakeUpstream up;
  up.tolerate_disconnects();  // a required step that misses its input fails, which ends the call beside it
  up.on("/a", Reply::json(R"({"a":1,"id":null})"));
  up.on("/bad", Reply::json("{}", 503));
  GatewayProcess gateway(options_of(config_of(
      endpoint(up, "/missing", R"("chain": true, "parts": "header")", {{"/a", "", ""}, {"/never/{resp0_id}", "", ""}, {"/never/{resp0_no.such}", R"("optional": true)", ""}}) + "," +
      endpoint(up, "/failed", R"("chain": true, "parts": "header")", {{"/a", "", ""}, {"/bad", R"("optional": true)", ""}, {"/never/{resp1_x}", R"("required": true)", ""}}) + "," +
      endpoint(up, "/asked", R"("chain": true)", {{"/bad", R"("optional": true)", ""}, {"/a", R"("when": "{resp0.status} >= 500")", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/missing");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Krakend-Completed"), "false");
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=ok;status=200, resp1;fate=missed;status=502, resp2;fate=missed;status=502");
  r = client.get("/failed");
  EXPECT_EQ(r.status, 503) << "that of its input";
  r = client.get("/asked");
  EXPECT_EQ(r.body, R"({"a":1,"id":null})") << "a fallback for a failure";
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
  for (const auto& seen : up.requests()) EXPECT_EQ(seen.path.find("/never"), std::string::npos) << seen.path;
}

TEST(ChainTest, WhatIsHiddenIsNoAnswer) {
  FakeUpstream up;
  up.on("/session", Reply::json(R"({"token":"t"})"));
  up.on("/bad", Reply::json("{}", 503));
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("chain": true, "status": "worst")", {{"/session", R"("hidden": true)", ""}, {"/bad", R"("headers": {"X-Token": "{resp0_token}"})", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(r.status, 503);
  EXPECT_EQ(r.body, "");
}

TEST(ChainTest, AfterOrdersCallsThatShareNoData) {
  FakeUpstream up;
  up.manual("/first");
  up.on("/second", Reply::json(R"({"second":1})"));
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("chain": true)", {{"/second", R"("after": ["resp1"])", ""}, {"/first", "", ""}}))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m");
  auto first = up.wait_for_request("/first");
  EXPECT_EQ(up.count("/second"), 0);
  first.answer(Reply::json("{}", 500));
  EXPECT_EQ(client.read().body, R"({"second":1})");
}

TEST(ChainTest, ValuesOfBackendsStayWhereTheyArePut) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"up":"..","line":"x\r\nX-Evil: 1","q":"a&b=c"})"));
  up.on("/c", [](const FakeUpstream::Request& r) { return Reply::json(R"({"target":")" + r.target + "\"}"); });
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("chain": true, "parts": "header")",
                                                       {{"/a", R"("hidden": true)", ""}, {"/x/{resp0_up}/y", "", ""}, {"/c", R"("headers": {"X-Line": "{resp0_line}"})", ""}, {"/c", R"("query": {"a b": "{resp0_q}"})", ""}}))));
  TestClient client(gateway.port());
  Response r = client.get("/m");
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=ok;status=200, resp1;fate=failed;status=502, resp2;fate=failed;status=502, resp3;fate=ok;status=200");
  EXPECT_EQ(r.body, R"({"target":"/c?a%20b=a%26b%3Dc"})");
  EXPECT_EQ(up.count(), 2);
}

TEST(ChainTest, AClientThatLeavesEndsAllSteps) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"id":1})"));
  up.manual("/b/1");
  up.manual("/c");
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("chain": true)", {{"/a", "", ""}, {"/b/{resp0_id}", "", ""}, {"/c", "", ""}, {"/d/{resp1_x}", "", ""}}))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m");
  auto b = up.wait_for_request("/b/1"), c = up.wait_for_request("/c");
  client.reset();
  b.wait_for_disconnect();
  c.wait_for_disconnect();
  EXPECT_EQ(get_once(gateway.port(), "/__health").status, 200);
}

TEST(ChainTest, ConcurrentCallsAreMadeOfEachStep) {
  FakeUpstream up;
  up.tolerate_disconnects();  // of those that did not win
  up.on("/a", Reply::json(R"({"id":1})"));
  up.on("/b/1", [](const FakeUpstream::Request& r) { return Reply::json(R"({"q":")" + r.target + "\"}"); });
  GatewayProcess gateway(options_of(config_of(endpoint(up, "/m", R"("chain": true)", {{"/a", "", ""}, {"/b/{resp0_id}", R"("query": {"x": "{resp0_id}"})", ""}}, R"("concurrent_calls": 2, )"))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/m").body, R"({"id":1,"q":"/b/1?x=1"})");
}

TEST(ChainTest, ASequenceKeepsItsRulesAndTellsItsParts) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"id":1,"l":[1]})"));
  up.on("/b/1", Reply::json(R"({"l":[2]})"));
  up.on("/bad", Reply::json("{}", 500));
  auto sequence = [&](const std::string& path, const std::string& backends, const std::string& options) {
    return endpoint_of(path, backends, R"("extra_config": {"proxy": {"sequential": true}, "sluice": {)" + options + "}}, ");
  };
  const std::string a = backend_of(up.url(), "/a"), b = backend_of(up.url(), "/b/{resp0_id}"), bad = backend_of(up.url(), "/bad");
  GatewayProcess gateway(options_of(config_of(sequence("/m", a + "," + b, R"("merge": {"keys": {"l": "concat"}})") + "," +
                                              sequence("/stops", a + "," + bad + "," + b, R"("parts": "header")") + "," + sequence("/fails", bad + "," + a, R"("parts": "header", "problem_json": true)"))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/m").body, R"({"id":1,"l":[1,2]})");
  Response r = client.get("/stops");
  EXPECT_EQ(r.body, R"({"id":1,"l":[1]})");
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=ok;status=200, resp1;fate=failed;status=500, resp2;fate=missed");
  r = client.get("/fails");
  EXPECT_EQ(r.status, 500);
  EXPECT_NE(json_of(r).at("detail").str().find("resp0 answered with status 500"), std::string::npos);
}

TEST(ChainTest, PluginsSeeTheAnswersThatTheirBlocksAndUrlsName) {
  FakeUpstream up;
  up.manual("/first");
  up.on("/second", Reply::json(R"({"o":{"n":1.50},"none":null})"));
  const std::string texts = R"({"id": "{Resp0_id}", "n": "{resp1_o.n}", "big": "{Resp1_o.n}", "list": ["{Resp0_l}"], "own": "{Resp2_x}", "more": "<{resp0_other}>"})";
  const std::string stub = R"({"url_pattern": "/c/{resp0_url}", "host": ["http://stub"], "group": "stub", "extra_config": {"backend/stub": {"body": {"seen": )" + texts + R"(, "url": "{Resp0_url}"}}}})";
  const std::string missed = R"({"url_pattern": "/c", "host": ["http://stub"], "extra_config": {"backend/stub": {"body": {"x": "{Resp1_none}"}}}})";
  GatewayProcess gateway(options_of(config_of(endpoint_of("/m", backend_of(up.url(), "/first") + "," + backend_of(up.url(), "/second") + "," + stub + "," + missed, own(R"("chain": true, "parts": "header")") + ", "))));
  TestClient client(gateway.port());
  client.send_request("GET", "/m");
  up.wait_for_request("/first").answer(Reply::json(R"({"id":7,"l":["a","b"],"url":"u"})"));
  Response r = client.read();
  EXPECT_EQ(json_of(r).at("stub"), Json::parse(R"({"seen":{"id":"7","n":"{resp1_o.n}","big":"1.50","list":["a,b"],"own":"{Resp2_x}","more":"<{resp0_other}>"},"url":"u"})"));
  EXPECT_EQ(r.header("X-Sluice-Parts"), "resp0;fate=ok;status=200, resp1;fate=ok;status=200, resp2;fate=ok;status=200, resp3;fate=missed;status=502");
}

TEST(ChainTest, APassedOnAnswerHasAWrittenRequest) {
  FakeUpstream up;
  up.on("/raw", [](const FakeUpstream::Request& r) { return Reply{207, {{"X-Any", "1"}}, r.headers.get("X-Id") + " " + r.body}; });
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/m/{id}", backend_of(up.url(), "/raw", own(R"("headers": {"X-Id": "<{id}>"}, "body": {"id": "{id}"})")), R"("method": "POST", )"))));
  TestClient client(gateway.port());
  Response r = client.post("/m/4", "of the client");
  EXPECT_EQ(r.status, 207);
  EXPECT_EQ(r.body, "<4> {\"id\":\"4\"}");
}

// ---- the configuration of docs/aggregation.md ----

TEST(AggregationTest, TheExampleOfTheDocumentationWorks) {
  FakeUpstream up;
  up.tolerate_disconnects();  // when a required one fails
  up.on("/catalogue/7", Reply{200, {{"Content-Type", "application/json"}, {"Vary", "Accept"}, {"Set-Cookie", "c=1"}}, R"({"title":"Lamp","tags":["new"],"shops":[{"shop":"a","city":"Oslo"}]})"});
  up.on("/prices/7", Reply{200, {{"Content-Type", "application/json"}, {"Vary", "Origin"}}, R"({"title":"LAMP","tags":["sale"],"shops":[{"shop":"a","price":9.90}]})"});
  up.on("/catalogue/8", Reply::json(R"({"title":"Old","withdrawn":true})"));
  up.on("/prices/8", Reply::json("{}"));
  up.on("/session", Reply::json(R"({"token":"t"})"));
  up.on("/orders/1", [](const FakeUpstream::Request& r) {
    return r.headers.get("Authorization") == "Bearer t" ? Reply::json(R"({"customer":5,"state":"open","lines":[{"sku":"x"}]})") : Reply::json("{}", 401);
  });
  up.on("/customers/5", [](const FakeUpstream::Request& r) { return Reply::json(R"({"asked":")" + r.target + "\"}"); });
  up.on("/stock", [](const FakeUpstream::Request& r) { return Reply::json(R"({"got":)" + r.body + "}"); });
  std::string config = read_file(SLC_SOURCE_FOLDER "/config/aggregation.json");
  for (std::string host = "http://127.0.0.1:8081"; config.find(host) != config.npos;) config.replace(config.find(host), host.size(), up.url());
  GatewayProcess gateway(options_of(config));
  TestClient client(gateway.port());
  Response r = client.get("/v1/products/7");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(json_of(r), Json::parse(R"({"title":"Lamp","tags":["new","sale"],"shops":[{"shop":"a","city":"Oslo","price":9.90}]})"));
  EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
  EXPECT_EQ(r.header("X-Sluice-Parts"), "catalogue;fate=ok;status=200, prices;fate=ok;status=200, reviews;fate=failed;status=404");
  EXPECT_EQ(r.headers.count("Vary"), 2u);
  EXPECT_EQ(r.header("Set-Cookie"), "c=1");
  EXPECT_EQ(client.get("/v1/products/8").status, 410);
  r = client.get("/v1/products/9");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(json_of(r).at("detail").str(), "catalogue answered with status 404");
  r = client.get("/v1/orders/1", {{"X-Language", "no"}});
  EXPECT_EQ(json_of(r), Json::parse(R"({"order":{"customer":5,"state":"open","lines":[{"sku":"x"}]},"customer":{"asked":"/customers/5?lang=no"},
    "stock":{"got":{"order":"1","sku":"x","lines":[{"sku":"x"}]}},
    "_parts":[{"name":"session","fate":"ok","status":200},{"name":"order","fate":"ok","status":200},{"name":"customer","fate":"ok","status":200},{"name":"stock","fate":"ok","status":200}]})"));
}

// ---- what is refused, and what is warned of ----

std::string check(const std::string& config) {
  TempFolder folder;
  return run_program({gateway_binary(), "check", "-c", folder.write("krakend.json", config), "--plugins", plugins_folder()}, kLimit, {}, folder.path()).output;
}

TEST(AggregationTest, WhatCannotWorkIsRefusedWithItsPlace) {
  FakeUpstream up;
  auto checked = [&](const std::string& options, const std::vector<Backend>& backends, const std::string& more = "") {
    return check(config_of(endpoint(up, "/m/{id}", options, backends, more)));
  };
  struct {
    std::string output, words;
  } const cases[] = {
      {checked(R"("chain": true)", {{"/a/{resp1_x}", "", ""}, {"/b/{resp0_x}", "", ""}}), "can never be called: resp0 waits for resp1 waits for resp0"},
      {checked(R"("chain": true)", {{"/a/{resp0_x}", "", ""}, {"/b", "", ""}}), "resp0 waits for resp0"},
      {checked(R"("chain": true)", {{"/a/{resp2_x}", "", ""}, {"/b", "", ""}}), "the endpoint has 2 backends that answer, counted from 0"},
      {checked("", {{"/a", "", ""}, {"/b", R"("when": "{resp0_x}")", ""}}), "that needs \"chain\": true"},
      {checked(R"("chain": true)", {{"/a", R"("when": "{resp1_x} =")", ""}, {"/b", "", ""}}), "/backend/0/extra_config/sluice/when: expected an operator"},
      {checked("", {{"/a", R"("headers": {"X": "{idd}"})", ""}, {"/b", "", ""}}), "did you mean {id}?"},
      {checked("", {{"/a", R"("headers": {"Content-Length": "1"})", ""}, {"/b", "", ""}}), "belongs to the message"},
      {checked("", {{"/a", R"("body": {"x": {"y": ["{header.No}"]}})", ""}, {"/b", "", ""}}), "sluice/body/x/y/0: {header.No} is not let in"},
      {checked("", {{"/a", R"("required": true, "optional": true)", ""}, {"/b", "", ""}}), "required or optional, not both"},
      {checked("", {{"/a", R"("name": "x")", ""}, {"/b", R"("name": "x")", ""}}), "is called \"x\" already"},
      {checked("", {{"/a", R"("name": "1 x")", ""}, {"/b", "", ""}}), "expected a name"},
      {checked("", {{"/a", R"("output_headers": ["content-type"])", ""}, {"/b", "", ""}}), "is written by the gateway itself"},
      {checked("", {{"/a", R"("after": ["resp0"])", ""}, {"/b", "", ""}}), "an order of calls needs \"chain\": true"},
      {checked(R"("status": "worse")", {{"/a", "", ""}, {"/b", "", ""}}), "expected \"worst\", \"first\" or a backend such as \"resp0\", found \"worse\" (did you mean \"worst\"?)"},
      {checked(R"("status": "resp2")", {{"/a", "", ""}, {"/b", "", ""}}), "the endpoint has 2 backends"},
      {checked(R"("status_when": [{"when": "true"}])", {{"/a", "", ""}, {"/b", "", ""}}), "expected a \"status\""},
      {checked(R"("merge": {"keys": {"a": "concatt"}})", {{"/a", "", ""}, {"/b", "", ""}}), "did you mean \"concat\"?"},
      {checked(R"("merge": {"strategy": "zip by "})", {{"/a", "", ""}, {"/b", "", ""}}), "expected one of overwrite"},
      {checked(R"("parts": "footer")", {{"/a", "", ""}, {"/b", "", ""}}), "expected one of header, body, both"},
      {checked(R"("headers": {"Vary": "join"})", {{"/a", "", ""}, {"/b", "", ""}}), "expected one of overwrite, first, append"},
      {checked(R"("chain": "yes")", {{"/a", "", ""}, {"/b", "", ""}}), "expected true or false"},
  };
  for (const auto& c : cases) {
    EXPECT_NE(c.output.find("error: "), std::string::npos) << c.words << '\n' << c.output;
    EXPECT_NE(c.output.find(c.words), std::string::npos) << c.words << '\n' << c.output;
  }
  for (const auto& [when, words] : {std::pair{"{resp1_x}", "sluice/when: {resp1_x}: in a sequence only the answers of backends before this one, which is resp1, are there"},
                                    {"{resp2.status}", "{resp2.status}: in a sequence only"}, {"{resp3_x}", "the endpoint has 3 backends that answer"}}) {
    const std::string output = check(config_of(endpoint_of("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b", own(R"("when": ")" + std::string{when} + '"')) + "," + backend_of(up.url(), "/c"),
                                                           R"("extra_config": {"proxy": {"sequential": true}}, )")));
    EXPECT_NE(output.find(words), std::string::npos) << output;
  }
  const std::string both = check(config_of(endpoint_of("/m", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b"), R"("extra_config": {"proxy": {"sequential": true}, "sluice": {"chain": true}}, )")));
  EXPECT_NE(both.find("the endpoint is sequential, too"), std::string::npos) << both;
}

TEST(AggregationTest, WhatHasNoEffectOnAnAnswerThatIsPassedOnIsToldOf) {
  const std::string quiet = check(config_of(no_op_endpoint("/m", backend_of("http://h", "/a", own(R"("headers": {"X": "1"})")), own(R"("problem_json": true)") + ", ")));
  EXPECT_EQ(quiet.find("warning: "), std::string::npos) << quiet;
  const std::string told = check(config_of(no_op_endpoint("/m", backend_of("http://h", "/a", own(R"("required": true)")), own(R"("parts": "header")") + ", ")));
  for (const char* key : {"sluice/parts: has no effect", "sluice/required: has no effect"}) EXPECT_NE(told.find(key), std::string::npos) << told;
}

TEST(AggregationTest, ParametersThatNobodyPropagatesAreToldOf) {
  auto told = [](const std::string& name, const std::string& proxy, int backends) {
    std::string list;
    for (int i = 0; i < backends; ++i) list += (i ? "," : "") + backend_of("http://h", "/" + std::to_string(i));
    return check(config_of(endpoint_of("/m", list, R"("extra_config": {")" + name + R"(": {)" + proxy + "}}, ")));
  };
  const std::string list = R"("sequential_propagated_params": ["resp0_id"])";
  EXPECT_NE(told("proxy", list, 2).find("/endpoints/0/extra_config/proxy/sequential_propagated_params: has no effect: the endpoint is not \"sequential\""), std::string::npos);
  EXPECT_NE(told("github.com/devopsfaith/krakend/proxy", list, 2).find("~1krakend~1proxy/sequential_propagated_params: has no effect"), std::string::npos);
  EXPECT_NE(told("proxy", R"("sequential": true, )" + list, 1).find("has no effect: there is no later backend"), std::string::npos);
  EXPECT_EQ(told("proxy", R"("sequential": true, )" + list, 2).find("has no effect"), std::string::npos);
}

TEST(AggregationTest, TwoBackendsThatCanWriteTheSameKeyAreToldOf) {
  auto warned = [](const std::string& a, const std::string& b, const std::string& more = "") {
    return check(config_of(endpoint_of("/m", backend_of("http://h", "/a", a) + "," + backend_of("http://h", "/b", b), more))).find("can both write \"k\"") != std::string::npos;
  };
  EXPECT_TRUE(warned(R"("group": "k")", R"("group": "k")"));
  EXPECT_TRUE(warned(R"("allow": ["k.x"])", R"("allow": ["a", "k"])"));
  EXPECT_TRUE(warned(R"("group": "k")", R"("mapping": {"x": "k"})"));
  EXPECT_TRUE(warned(R"("is_collection": true, "mapping": {"collection": "k"})", R"("allow": ["x"], "mapping": {"x": "k"})"));
  EXPECT_FALSE(warned(R"("group": "k")", R"("group": "l")"));
  EXPECT_FALSE(warned(R"("group": "k")", "\"deny\": [\"k\"]")) << "nobody knows";
  EXPECT_FALSE(warned(R"("allow": ["k"], "mapping": {"k": "l"})", R"("group": "k")"));
  EXPECT_FALSE(warned(R"("group": "k")", R"("group": "k", "encoding": "no-op")"));
  EXPECT_FALSE(warned(R"("group": "k")", R"("group": "k")", own(R"("merge": {"keys": {"k": "overwrite"}})") + ", "));
  EXPECT_FALSE(warned(R"("group": "k")", R"("group": "k")", own(R"("merge": {"strategy": "deep"})") + ", "));
  EXPECT_FALSE(warned(R"("group": "k")", R"("group": "k", )" + own(R"("hidden": true)"), own(R"("chain": true)") + ", "));
}

}  // namespace
}  // namespace sluice::test

// Accounts of answers: who gets one, what stands in it, and that it is true. Where each field came from is judged by what the
// backends wrote into its value, which no rule changes: a recomputation that shares nothing with the gateway.
#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <ctime>
#include <random>
#include <set>

#include "tests/integration/gateway_config.h"
#include "tests/support/markdown.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

constexpr const char* kSecret = "a secret of the test suite";

// As docs/explain.md has it, written anew.
std::string signed_value(const std::string& method, const std::string& target, const std::string& depth, const std::string& secret = kSecret, long offset = 0) {
  const std::string seconds = std::to_string(std::time(nullptr) + offset);
  const std::string text = "sluice-explain-1\n" + method + "\n" + target + "\n" + seconds + "\n" + depth + "\n";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  std::string hex;
  char two[3];
  for (unsigned i = 0; i < size; ++i) std::snprintf(two, sizeof two, "%02x", digest[i]), hex += two;
  return seconds + "." + depth + "." + hex;
}

std::string explaining(const std::string& endpoints, const std::string& root = "",
                       const std::string& explain = R"({"secret": ")" + std::string{kSecret} + "\"}") {
  return R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true}, "sluice": {"explain": )" + explain + "}}, " + root +
         R"("endpoints": [)" + endpoints + "]}";
}

struct ExplainTest : ::testing::Test {
  FakeUpstream up;
  std::unique_ptr<GatewayProcess> gateway;
  void start(const std::string& endpoints, const std::string& root = "") {
    gateway = std::make_unique<GatewayProcess>(options_of(explaining(endpoints, root)));
  }
  Response ask(const std::string& target, const std::string& depth = "top", const std::string& method = "GET", Headers headers = {}) {
    headers.add("X-Sluice-Explain", signed_value(method, target, depth));
    return TestClient{gateway->port()}.request(method, target, headers);
  }
  Json account(const std::string& target, const std::string& depth = "top") {
    Response r = ask(target, depth);
    EXPECT_EQ(r.header("X-Sluice-Explain"), "version=1") << r.body;
    return Json::parse_or_throw(r.body, "the account");
  }
};

// "resp0 a.b" for every origin of the field at `path`; "" if there is no such field.
std::string origin_of(const Json& account, const std::string& path) {
  std::string out;
  for (const Json& f : account.at("explain").at("fields").items()) {
    if (f.at("path").str() != path) continue;
    for (const Json& o : f.at("from").items())
      out += (out.empty() ? "" : ", ") + (o.has("backend") ? "resp" + o.at("backend").str() + " " + o.at("path").str() : std::string{"nobody"});
  }
  return out;
}
std::string why_missing(const Json& account, int backend, const std::string& path) {
  for (const Json& m : account.at("explain").at("missing").items())
    if (m.at("backend").whole(-1) == backend && m.at("path").str() == path) return m.at("why").str();
  return {};
}

// ---- origins, recomputed ----

// Every value of a document says where it is: "0:a.b" is the member b of a in the first backend's answer.
Json tagged(std::mt19937& random, int backend, const std::string& path, int depth) {
  const unsigned kind = random() % 5;
  if (depth < 2 && kind == 0) {
    Json list = Json::array();
    list.push(Json::text(std::to_string(backend) + ":" + path));
    return list;
  }
  if (depth < 2 && kind <= 2) {
    Json object = Json::object();
    for (const char* key : {"x", "y", "z"})
      if (random() % 3) object.set(key, tagged(random, backend, path + "." + key, depth + 1));
    if (object.size()) return object;
  }
  return Json::text(std::to_string(backend) + ":" + path);
}

void leaves(const Json& at, const std::string& path, std::map<std::string, std::string>& out) {
  if (at.is(Json::Kind::object) && at.size()) {
    for (const auto& [key, value] : at.members()) leaves(value, path.empty() ? key : path + "." + key, out);
    return;
  }
  std::string tags;
  if (at.is(Json::Kind::string)) tags = at.str();
  for (const Json& item : at.items()) tags += (tags.empty() ? "" : ", ") + item.str();
  out[path] = tags;
}

std::string random_rules(std::mt19937& random, bool nested) {
  auto some = [&](std::vector<std::string> names) {
    std::string list;
    for (const std::string& n : names)
      if (random() % 2) list += (list.empty() ? "\"" : ", \"") + n + "\"";
    return list.empty() ? "\"" + names[0] + "\"" : list;
  };
  std::string out;
  auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (random() % 5 == 0) add(R"("target": "d")");
  const std::vector<std::string> paths =
      nested ? std::vector<std::string>{"a", "b.x", "b.y", "c.x", "d", "e.z", "x", "y"} : std::vector<std::string>{"a", "b", "c", "d", "x"};
  switch (random() % 3) {
    case 0: add(R"("allow": [)" + some(paths) + "]"); break;
    case 1: add(R"("deny": [)" + some(paths) + "]"); break;
    default: break;
  }
  if (random() % 2) add(random() % 2 ? R"("mapping": {"a": "b", "c": "renamed"})" : R"("mapping": {"b": "other", "x": "y"})");
  if (random() % 4 == 0) add(R"("group": "g")");
  if (random() % 6 == 0)
    add(R"("extra_config": {"proxy": {"flatmap_filter": [{"type": "move", "args": ["a", "moved"]}, {"type": "del", "args": ["c"]}, {"type": "move", "args": ["b.x", "b.w"]}]}})");
  return out;
}

TEST_F(ExplainTest, EveryFieldsOriginIsThatOfAnIndependentRecomputation) {
  std::mt19937 random{20261129};
  constexpr int kEndpoints = 60;
  std::string endpoints;
  std::vector<std::vector<Json>> documents(kEndpoints);
  for (int e = 0; e < kEndpoints; ++e) {
    std::string backends;
    const int n = 1 + e % 3;
    for (int b = 0; b < n; ++b) {
      Json document = Json::object();
      for (const char* key : {"a", "b", "c", "d", "e"})
        if (random() % 4) document.set(key, tagged(random, b, key, 0));
      const std::string path = "/" + std::to_string(e) + "/" + std::to_string(b);
      up.on(path, Reply::json(document.dump()));
      documents[e].push_back(std::move(document));
      backends += (backends.empty() ? "" : ", ") + backend_of(up.url(), path, random_rules(random, e % 2));
    }
    static const char* kMerges[] = {"", R"("extra_config": {"sluice": {"merge": {"strategy": "deep"}}}, )",
                                    R"("extra_config": {"sluice": {"merge": {"strategy": "first"}}}, )",
                                    R"("extra_config": {"sluice": {"merge": {"strategy": "deep", "keys": {"a": "concat", "b": "overwrite"}}}}, )",
                                    R"("extra_config": {"proxy": {"sequential": true}}, )"};
    endpoints += (e ? ", " : "") + endpoint_of("/" + std::to_string(e), backends, kMerges[random() % 5]);
  }
  start(endpoints);
  for (int e = 0; e < kEndpoints; ++e) {
    const std::string target = "/" + std::to_string(e);
    SCOPED_TRACE(target);
    Json account = this->account(target, "nested");
    const Json& body = account.at("answer").at("body");
    EXPECT_EQ(body.dump(), TestClient{gateway->port()}.get(target).body);  // asking changes nothing
    std::map<std::string, std::string> shown;
    if (body.size()) leaves(body, "", shown);
    std::set<std::string> there;
    for (const auto& [path, tags] : shown) {
      if (tags.empty()) continue;  // an empty object says nothing of itself
      std::string expected;
      for (size_t at = 0; at <= tags.size();) {  // "0:a.b, 1:c"
        size_t end = std::min(tags.find(", ", at), tags.size());
        std::string tag = tags.substr(at, end - at);
        there.insert(tag);
        expected += (expected.empty() ? "" : ", ") + std::string{"resp"} + tag[0] + " " + tag.substr(2);
        at = end + 2;
      }
      EXPECT_EQ(origin_of(account, path), expected) << path << "\n" << account.dump();
    }
    EXPECT_EQ(account.at("explain").at("fields").size(), shown.size()) << account.dump();
    std::set<std::string> gone, told;
    for (size_t b = 0; b < documents[e].size(); ++b) {
      std::map<std::string, std::string> all;
      if (documents[e][b].size()) leaves(documents[e][b], "", all);
      for (const auto& [path, tag] : all)
        if (!tag.empty() && !there.contains(tag)) gone.insert(tag);
    }
    for (const Json& m : account.at("explain").at("missing").items()) {
      if (m.has("backend")) told.insert(m.at("backend").str() + ":" + m.at("path").str());  // else an empty group, of nobody
      EXPECT_FALSE(m.at("why").str().empty());
    }
    EXPECT_EQ(told, gone) << account.dump();
    // The members of the top level alone: a value says where it is from as before.
    const Json top = this->account(target, "top");
    EXPECT_EQ(top.at("explain").at("fields").size(), body.size()) << top.dump();
    for (const auto& [key, value] : body.members()) {
      if (!value.is(Json::Kind::string)) continue;
      EXPECT_EQ(origin_of(top, key), std::string{"resp"} + value.str()[0] + " " + value.str().substr(2)) << top.dump();
    }
  }
}

TEST_F(ExplainTest, OfLargeAnswersTheFirstFieldsAreAccountedForAndNothingIsConcludedFromTheRest) {
  std::string members;
  for (int i = 0; i < 12'000; ++i) members += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
  up.on("/a", Reply::json("{" + members + "}"));
  up.on("/b", Reply::json(R"({"k1":"b","last":1})"));
  start(endpoint_of("/m", backend_of(up.url(), "/a", R"("deny": ["k0"], "mapping": {"k2": "two"})") + "," + backend_of(up.url(), "/b")));
  Json a = account("/m");
  EXPECT_EQ(a.at("answer").at("body").size(), 12'000u);  // without k0, with last
  EXPECT_EQ(a.at("explain").at("fields").size(), 10'000u);
  EXPECT_EQ(origin_of(a, "k3"), "resp0 k3");
  EXPECT_EQ(origin_of(a, "two"), "resp0 k2");
  EXPECT_EQ(origin_of(a, "k1"), "resp1 k1");
  const auto& missing = a.at("explain").at("missing").items();
  ASSERT_EQ(missing.size(), 1u) << a.at("explain").at("missing").dump().substr(0, 500);
  EXPECT_EQ(missing[0].at("why").str(), "there are more fields than an account lists");
}

TEST_F(ExplainTest, ADotInAKeyIsNoStepOfAPath) {
  up.on("/a", Reply::json(R"({"a.b":1,"a":{"b":2,"c.d":3}})"));
  up.on("/b", Reply::json(R"({"a":{"b":4}})"));
  start(endpoint_of("/x", backend_of(up.url(), "/a", R"("mapping": {"a.b": "e"})")) + "," +
        endpoint_of("/y", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b"), R"("extra_config": {"sluice": {"merge": {"strategy": "deep"}}}, )"));
  Json a = account("/x", "nested");
  EXPECT_EQ(origin_of(a, "e"), "resp0 a\\.b");
  EXPECT_EQ(origin_of(a, "a.b"), "resp0 a.b");
  EXPECT_EQ(origin_of(a, "a.c\\.d"), "resp0 a.c\\.d");
  a = account("/y", "nested");
  EXPECT_EQ(origin_of(a, "a\\.b"), "resp0 a\\.b");
  EXPECT_EQ(origin_of(a, "a.b"), "resp1 a.b");
  EXPECT_EQ(origin_of(account("/y"), "a.b"), "resp0 a.b");
}

TEST_F(ExplainTest, TopLevelFieldsSayWhichBackendAndWhichRule) {
  up.on("/products", Reply::json(R"({"items":[1],"internal":1,"total":7,"both":1})"));
  up.on("/offers", Reply::json(R"({"list":[2],"valid_until":"x","secret":1})"));
  up.on("/more", Reply::json(R"({"both":2,"late":3})"));
  start(endpoint_of("/v/{id}",
                    backend_of(up.url(), "/products", R"("deny": ["internal"], "mapping": {"items": "products"})") + "," +
                        backend_of(up.url(), "/offers", R"("allow": ["list", "valid_until"], "mapping": {"list": "current"}, "group": "offers")") + "," +
                        backend_of(up.url(), "/more"),
                    R"("extra_config": {"proxy": {"static": {"strategy": "always", "data": {"note": "n", "late": 0}}}}, )"));
  Json a = account("/v/7?x=1");
  EXPECT_EQ(origin_of(a, "products"), "resp0 items");
  EXPECT_EQ(origin_of(a, "total"), "resp0 total");
  EXPECT_EQ(origin_of(a, "offers"), "resp1 ");
  EXPECT_EQ(origin_of(a, "both"), "resp2 both");
  EXPECT_EQ(origin_of(a, "note"), "nobody");
  EXPECT_EQ(origin_of(a, "late"), "nobody");
  EXPECT_EQ(why_missing(a, 0, "internal"), "deny");
  EXPECT_EQ(why_missing(a, 0, "both"), "overwritten by resp2");
  EXPECT_EQ(why_missing(a, 1, "secret"), "not in allow");
  EXPECT_EQ(why_missing(a, 2, "late"), "overwritten by static data");
  const Json& e = a.at("explain");
  EXPECT_EQ(e.at("route").at("endpoint").str(), "/v/{id}");
  EXPECT_EQ(e.at("route").at("pointer").str(), "/endpoints/0");
  EXPECT_EQ(e.at("route").at("params").at("id").str(), "7");
  EXPECT_EQ(e.at("request").at("target").str(), "/v/7?x=1");
  EXPECT_EQ(a.at("answer").at("status").whole(), 200);
  EXPECT_EQ(a.at("answer").at("body").at("products").dump(), "[1]");
  a = account("/v/7", "nested");
  EXPECT_EQ(origin_of(a, "offers.current"), "resp1 list");
  EXPECT_EQ(origin_of(a, "offers.valid_until"), "resp1 valid_until");
}

TEST_F(ExplainTest, CallsHaveHostTimesAndStatusAndFailuresSayWhatWouldBeThere) {
  FakeUpstream dead;
  dead.refuse();
  up.on("/ok", Reply::json(R"({"ok":1})"));
  up.on("/bad", Reply::json(R"({"no":1})", 503));
  up.manual("/slow");
  up.tolerate_disconnects();
  start(endpoint_of("/m",
                    R"({"host": [")" + dead.url() + R"(", ")" + up.url() + R"("], "url_pattern": "/ok"},)" +
                        backend_of(up.url(), "/bad", R"("group": "prices")") + "," +
                        backend_of(up.url(), "/slow", R"("allow": ["a.b", "c"], "mapping": {"c": "d"})"),
                    R"("timeout": "700ms", )"));
  for (int i = 0; i < 4; ++i) {  // whichever host is first
    Json a = account("/m");
    up.wait_for_request("/slow");
    const Json& backends = a.at("explain").at("backends");
    ASSERT_EQ(backends.size(), 3u);
    const Json& ok = backends.items()[0];
    EXPECT_EQ(ok.at("fate").str(), "ok");
    const Json& requests = ok.at("calls").items().at(0).at("requests");
    const Json& last = requests.items().back();
    EXPECT_EQ(last.at("host").str(), up.url());
    EXPECT_EQ(last.at("target").str(), "/ok");
    EXPECT_EQ(last.at("status").whole(), 200);
    EXPECT_EQ(last.at("bytes").whole(), 8);
    EXPECT_TRUE(last.at("reused_connection").truth() || last.has("connect_us"));
    EXPECT_LE(last.at("first_byte_us").real(), last.at("total_us").real());
    if (requests.size() == 2) {
      EXPECT_EQ(requests.items()[0].at("host").str(), dead.url());
      EXPECT_NE(requests.items()[0].at("error").str(), "");
    }
    EXPECT_EQ(backends.items()[1].at("fate").str(), "failed");
    EXPECT_EQ(backends.items()[1].at("calls").items().at(0).at("status").whole(), 503);
    EXPECT_EQ(backends.items()[2].at("fate").str(), "timeout");
    EXPECT_TRUE(backends.items()[2].at("calls").items().at(0).at("cut_off").truth());
    std::map<std::string, std::string> would;
    for (const Json& m : a.at("explain").at("missing").items()) would[m.at("backend").str()] = m.at("would_be").dump();
    EXPECT_EQ(would["1"], R"(["prices"])");
    EXPECT_EQ(would["2"], R"(["a","d"])");
    EXPECT_EQ(a.at("answer").at("body").dump(), R"({"ok":1})");
  }
}

TEST_F(ExplainTest, EveryPluginIsThereWithItsTimeAndDecision) {
  up.on("/a", Reply::json(R"({"a":1})"));
  up.on("/fail", Reply::json("{}", 500));
  start(endpoint_of("/a", backend_of(up.url(), "/a", R"("extra_config": {"qos/ratelimit/proxy": {"max_rate": 1000, "capacity": 1000}})"),
                    R"("extra_config": {"qos/ratelimit/router": {"max_rate": 0.001, "capacity": 2}}, )") + "," +
        endpoint_of("/b", backend_of(up.url(), "/fail", R"("extra_config": {"qos/circuit-breaker": {"interval": 60, "timeout": 60, "max_errors": 1}})")));
  auto decisions = [](const Json& list) {
    std::string out;
    for (const Json& s : list.items()) {
      out += s.at("level").str() + " " + s.at("name").str() + " " + s.at("hook").str() + " " + s.at("decision").str() + "; ";
      EXPECT_GE(s.at("run_us").real(), 0);
      EXPECT_NE(s.at("plugin").str(), "");
    }
    return out;
  };
  Json a = account("/a");
  EXPECT_EQ(decisions(a.at("explain").at("stages")), "endpoint qos/ratelimit/router on_request next; gateway json encode ok; ");
  const std::string of_call = decisions(a.at("explain").at("backends").items().at(0).at("calls").items().at(0).at("stages"));
  EXPECT_EQ(of_call, "backend qos/ratelimit/proxy on_request next; backend json decode ok; ");
  account("/a");
  a = account("/a");  // the bucket is empty
  EXPECT_EQ(a.at("answer").at("status").whole(), 503);
  const Json& refused = a.at("explain").at("stages").items().at(0);
  EXPECT_EQ(refused.at("decision").str(), "fail");
  EXPECT_NE(refused.at("why").str(), "");
  EXPECT_EQ(a.at("explain").at("backends").items().at(0).at("fate").str(), "not called");
  for (int i = 0; i < 2; ++i) account("/b");
  a = account("/b");  // the breaker is open
  const Json& call = a.at("explain").at("backends").items().at(0).at("calls").items().at(0);
  EXPECT_EQ(call.at("requests").size(), 0u);
  EXPECT_EQ(call.at("stages").items().at(0).at("decision").str(), "fail") << a.dump();
}

TEST_F(ExplainTest, OnlyWhoSignsTheVeryRequestGetsAnAccount) {
  up.on("*", [](const FakeUpstream::Request& r) { return Reply{200, {}, r.headers.get("X-Sluice-Explain")}; });
  start(no_op_endpoint("/x", backend_of(up.url(), "/x"), R"("method": "ANY", "input_headers": ["*"], )"));
  auto refusal = [&](const std::string& value, const std::string& method = "GET", const std::string& target = "/x") {
    Headers headers;
    headers.add("X-Sluice-Explain", value);
    Response r = TestClient{gateway->port()}.request(method, target, headers);
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "");  // and the backend did not see it
    return r.header("X-Sluice-Explain");
  };
  EXPECT_EQ(refusal("please"), R"(refused; reason="malformed")");
  EXPECT_EQ(refusal("1.top."), R"(refused; reason="wrong signature")");
  EXPECT_EQ(refusal(signed_value("GET", "/x", "top", "another secret, also long")), R"(refused; reason="wrong signature")");
  EXPECT_EQ(refusal(signed_value("POST", "/x", "top")), R"(refused; reason="wrong signature")");
  EXPECT_EQ(refusal(signed_value("GET", "/x", "top"), "GET", "/x?y=1"), R"(refused; reason="wrong signature")");
  std::string changed = signed_value("GET", "/x", "top");
  changed.replace(changed.find("top"), 3, "nested");
  EXPECT_EQ(refusal(changed), R"(refused; reason="wrong signature")");
  EXPECT_EQ(refusal(signed_value("GET", "/x", "top", kSecret, -3600)), R"(refused; reason="expired")");
  EXPECT_EQ(refusal(signed_value("GET", "/x", "top", kSecret, 3600)), R"(refused; reason="expired")");
  EXPECT_EQ(refusal(signed_value("HEAD", "/x", "top"), "HEAD"), R"(refused; reason="an answer to HEAD has no body")");
  Json a = account("/x");
  EXPECT_EQ(a.at("explain").at("document").str(), "passed on as it came");
  EXPECT_EQ(a.at("answer").at("body_bytes").whole(), 0);
}

TEST_F(ExplainTest, WithoutTheKeyTheHeaderIsLikeAnyOther) {
  up.on("/x", [](const FakeUpstream::Request& r) { return Reply{200, {}, r.headers.get("X-Sluice-Explain")}; });
  GatewayProcess plain(options_of(config_of(no_op_endpoint("/x", backend_of(up.url(), "/x"), R"("input_headers": ["*"], )"))));
  Headers headers;
  headers.add("X-Sluice-Explain", "hello");
  EXPECT_EQ(TestClient{plain.port()}.get("/x", headers).body, "hello");
}

TEST_F(ExplainTest, StreamsAndOtherBodiesComeInsideTheAccount) {
  up.on("/text", Reply{201, {{"Content-Type", "text/plain"}, {"X-Own", "1"}}, "a \"text\"\n"});
  up.on("/bytes", Reply{200, {{"Content-Type", "application/octet-stream"}}, std::string{"\xff\x00\x01", 3}});
  up.on("/none", Reply{204, {}, ""});
  up.on("/large", Reply{200, {{"Content-Type", "text/plain"}}, std::string(size_t{5} << 20, 'x')});
  up.manual("/broken");
  std::string endpoints;
  for (const char* path : {"/text", "/bytes", "/none", "/large", "/broken"})
    endpoints += (endpoints.empty() ? "" : ", ") + no_op_endpoint(path, backend_of(up.url(), path));
  start(endpoints);
  Response r = ask("/text");
  EXPECT_EQ(r.status, 201);
  EXPECT_EQ(r.header("X-Own"), "1");
  EXPECT_EQ(r.header("Content-Type"), "application/json");
  EXPECT_EQ(r.header("Cache-Control"), "no-store");
  Json a = Json::parse_or_throw(r.body, "the account");
  EXPECT_EQ(a.at("answer").at("body_text").str(), "a \"text\"\n");
  EXPECT_EQ(account("/bytes").at("answer").at("body_base64").str(), "/wAB");
  r = ask("/none");
  EXPECT_EQ(r.status, 200);  // an account has a body
  EXPECT_EQ(Json::parse_or_throw(r.body, "the account").at("answer").at("status").whole(), 204);
  a = account("/large");
  EXPECT_EQ(a.at("answer").at("body_bytes").whole(), 5 << 20);
  EXPECT_TRUE(a.at("answer").at("body_left_out").truth());
  TestClient client{gateway->port()};
  Headers headers;
  headers.add("X-Sluice-Explain", signed_value("GET", "/broken", "top"));
  client.send_request("GET", "/broken", headers);
  auto call = up.wait_for_request("/broken");
  call.send_head(200, {{"Content-Type", "text/plain"}}, 10);
  call.send_piece("half");
  call.reset();
  a = Json::parse_or_throw(client.read().body, "the account");
  EXPECT_TRUE(a.at("answer").at("broken_off").truth());
}

TEST_F(ExplainTest, RequestsThatNobodyTakesAreAccountedForToo) {
  start(endpoint_of("/x", backend_of(up.url(), "/x")));
  Json a = account("/nowhere");
  EXPECT_EQ(a.at("answer").at("status").whole(), 404);
  EXPECT_EQ(a.at("explain").at("route").at("taken_by").str(), "nobody");
  EXPECT_EQ(account("/__health").at("explain").at("route").at("taken_by").str(), "the health page");
}

TEST_F(ExplainTest, StepsSkippedHiddenAndMissedSaySo) {
  up.on("/user", Reply::json(R"({"id":7,"kind":"plain"})"));
  up.on("/gold/7", Reply::json(R"({"bonus":1})"));
  auto own = [](const std::string& options) { return R"("extra_config": {"sluice": {)" + options + "}}"; };
  start(endpoint_of("/u",
                    backend_of(up.url(), "/user", own(R"("hidden": true)")) + "," +
                        backend_of(up.url(), "/gold/{resp0_id}", own(R"("when": "{resp0_kind} == 'gold'")")) + "," +
                        backend_of(up.url(), "/more/{resp0_nothing}", own(R"("optional": true)")),
                    own(R"("chain": true)") + ", "));
  Json a = account("/u");
  std::string fates;
  for (const Json& b : a.at("explain").at("backends").items()) fates += b.at("fate").str() + " ";
  EXPECT_EQ(fates, "ok skipped missed ");
  EXPECT_EQ(why_missing(a, 0, ""), "hidden");
}

TEST_F(ExplainTest, TheCommandPrintsATreeAndSignsForOthers) {
  up.on("/products", Reply::json(R"({"items":[1],"internal":1})"));
  start(endpoint_of("/v/{id}", backend_of(up.url(), "/products", R"("deny": ["internal"], "mapping": {"items": "products"})")));
  auto run = [&](std::vector<std::string> arguments, const std::map<std::string, std::string>& environment = {}) {
    arguments.insert(arguments.begin(), {gateway_binary(), "explain"});
    return run_program(arguments, kLimit, environment);
  };
  Ran ran = run({"--admin", gateway->admin(), "GET /v/7"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  for (const char* text :
       {"GET /v/7  200", "├─ route  GET /v/{id}", "id = \"7\"", "resp0  /products  ok", "└─ products  resp0 items", "resp0 internal  deny", "└─ answer  200"})
    EXPECT_NE(ran.output.find(text), std::string::npos) << text << "\n" << ran.output;
  ran = run({"--admin", gateway->admin(), "--json", "--nested", "GET", "/v/7"});
  EXPECT_EQ(Json::parse_or_throw(ran.output, "the output").at("explain").at("depth").str(), "nested");
  ran = run({"--admin", gateway->admin(), "--sign", "GET /v/8"});
  ASSERT_TRUE(ran.output.starts_with("X-Sluice-Explain: ")) << ran.output;
  Headers headers;
  headers.add("X-Sluice-Explain", ran.output.substr(18, ran.output.find('\n') - 18));
  EXPECT_EQ(TestClient{gateway->port()}.get("/v/8", headers).header("X-Sluice-Explain"), "version=1");
  const std::string url = "http://127.0.0.1:" + std::to_string(gateway->port());
  ran = run({"--url", url, "GET /v/7"}, {{"SLUICE_EXPLAIN_SECRET", kSecret}});
  EXPECT_EQ(ran.code, 0) << ran.output;
  ran = run({"--url", url, "GET /v/7"}, {{"SLUICE_EXPLAIN_SECRET", "not the one that is configured"}});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("without an account"), std::string::npos) << ran.output;
  const TempFolder folder;
  ran = run({"--url", url, "--secret-file", folder.write("secret", std::string{kSecret} + "\n"), "GET /v/7"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  ran = run({"--url", url, "--secret-file", folder.path() + "/none", "GET /v/7"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find(folder.path() + "/none"), std::string::npos) << ran.output;
  EXPECT_EQ(run({"GET /x", "GET /y", "GET /z"}).code, 255);
  GatewayProcess silent(options_of(config_of(endpoint_of("/v", backend_of(up.url(), "/products")))));
  ran = run({"--admin", silent.admin(), "GET /v"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find(R"("sluice": {"explain": {}})"), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace sluice::test

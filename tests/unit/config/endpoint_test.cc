// Endpoints and backends.
#include <boost/json/value.hpp>

#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(EndpointTest, DefaultsAndInheritanceFromTheRoot) {
  auto c = good(root(R"("endpoints":[{"endpoint":"/a","backend":[{}]}])"));
  const Endpoint& e = c->endpoints[0];
  EXPECT_EQ(e.method, "GET");
  EXPECT_EQ(e.timeout, seconds{2});
  EXPECT_EQ(e.cache_ttl.count(), 0);
  EXPECT_EQ(e.concurrent_calls, 1u);
  EXPECT_EQ(e.output_encoding, "");
  EXPECT_EQ(e.input_headers, std::vector<std::string>{"Content-Type"});
  EXPECT_TRUE(e.input_query_strings.empty());
  EXPECT_EQ(e.backends[0].method, "GET");
  EXPECT_EQ(e.backends[0].url_pattern, "/");
  EXPECT_EQ(e.backends[0].encoding, "");
  EXPECT_EQ(e.backends[0].sd, "");
  EXPECT_EQ(e.backends[0].sd_scheme, "http");
  EXPECT_EQ(e.backends[0].shadow_timeout, seconds{2});
  c = good(root(
      R"("timeout":"200ms","cache_ttl":"1m","output_encoding":"xml","host":["a","https://b/"],"endpoints":[{"backend":[{}]},
    {"endpoint":"/b","method":"post","timeout":"3s","cache_ttl":"1s","output_encoding":"json","concurrent_calls":"3","backend":[{"host":"c"},{"host":[]}]}])"));
  EXPECT_EQ(c->endpoints[0].path, "/");
  EXPECT_EQ(c->endpoints[0].timeout, milliseconds{200});
  EXPECT_EQ(c->endpoints[0].cache_ttl, seconds{60});
  EXPECT_EQ(c->endpoints[0].output_encoding, "xml");
  EXPECT_EQ(c->endpoints[0].backends[0].hosts, (std::vector<std::string>{"http://a", "https://b"}));
  EXPECT_EQ(c->endpoints[1].method, "POST");
  EXPECT_EQ(c->endpoints[1].timeout, seconds{3});
  EXPECT_EQ(c->endpoints[1].cache_ttl, seconds{1});
  EXPECT_EQ(c->endpoints[1].output_encoding, "json");
  EXPECT_EQ(c->endpoints[1].concurrent_calls, 3u);
  EXPECT_EQ(c->endpoints[1].backends[0].hosts, std::vector<std::string>{"http://c"});
  EXPECT_EQ(c->endpoints[1].backends[0].method, "POST");
  EXPECT_EQ(c->endpoints[1].backends[1].hosts.size(), 2u) << "an empty list inherits too";
}

TEST(EndpointTest, ZeroTimeoutMeansTheDefaultAndNegativeStays) {
  EXPECT_EQ(good_endpoint(R"("timeout":"0s")").timeout, seconds{2});
  EXPECT_EQ(good_endpoint(R"("timeout":"-1s")").timeout, -seconds{1});
  EXPECT_EQ(good_endpoint(R"("concurrent_calls":-4)").concurrent_calls, 1u);
}

TEST(EndpointTest, NumbersWithoutALeastOneNameTheMostAlone) {
  EXPECT_HAS(problems(endpoint(R"("concurrent_calls":100000,"backend":[{}])")), "expected a number of at most 65535, found the number 100000");
}

TEST(EndpointTest, PathsAreCleaned) {
  std::pair<const char*, const char*> cases[] = {{"a", "/a"},
                                                 {"", "/"},
                                                 {"//a", "/a"},
                                                 {"/a//b", "/a/b"},
                                                 {"/d/../e", "/e"},
                                                 {"/a/", "/a/"},
                                                 {"http://x/y", "/http:/x/y"},
                                                 {"/F%20oo", "/F%20oo"}};
  for (auto [in, out] : cases) EXPECT_EQ(good_endpoint("\"endpoint\":\"" + std::string{in} + "\"").path, out) << in;
}

TEST(EndpointTest, ParametersStandAnywhereInASegment) {
  struct Case {
    const char* path;
    std::vector<std::string> params;
  } cases[] = {
      {"/a/{b}/{c-d_1}", {"b", "c-d_1"}}, {"/v{n}", {"n"}}, {"/{name}:rename", {"name"}}, {"/{a}.{b}", {"a", "b"}},
      {"/s/{rest...}", {"rest"}},         {"/s/*", {"*"}},  {"/{b}/{b}", {"b", "b"}},
  };
  for (const Case& c : cases) {
    Endpoint e = good_endpoint("\"endpoint\":\"" + std::string{c.path} + "\"");
    EXPECT_EQ(e.path, c.path);
    EXPECT_EQ(e.params, c.params) << c.path;
  }
}

TEST(EndpointTest, OtherBracesAreLiteralText) {
  std::pair<const char*, const char*> cases[] = {{"/{a.b}", "/{{}a.b}"}, {"/{a b}", "/{{}a b}"}, {"/{é}", "/{{}é}"},
                                                 {"/{a", "/{{}a"},       {"/{}", "/{{}}"},       {"/{{a}}", "/{{}{a}}"},
                                                 {"/{a/b}", "/{{}a/b}"}};
  for (auto [in, out] : cases) EXPECT_EQ(good_endpoint("\"endpoint\":\"" + std::string{in} + "\"").path, out) << in;
  EXPECT_TRUE(good_endpoint(R"("endpoint":"/{a.b}")").params.empty());
}

TEST(EndpointTest, DisableRestAllowsDotsAndColonsInNames) {
  auto c = good(
      root(R"("disable_rest":true,"endpoints":[{"endpoint":"/{a.b}-{c:d}","backend":[{"url_pattern":"/{a.b}"}]}])"));
  EXPECT_EQ(c->endpoints[0].params, (std::vector<std::string>{"a.b", "c:d"}));
  EXPECT_EQ(c->endpoints[0].path, "/{a.b}-{c:d}");
}

TEST(EndpointTest, BadWildcardsAndReservedNamesAreRefused) {
  for (auto path : {"/a/*b", "/{b}*x", "/a*", "/*/a", "/{a...}/b", "/x{a...}", "/{a}{b}"})
    EXPECT_FALSE(read(backend("", path)).config) << path;
  for (auto path : {"/__health", "/__debug/x", "/a/__health", "/__echo/", "/x/../__debug"})
    EXPECT_HAS(problems(backend("", path)), "is reserved") << path;
  for (auto path : {"/__healthx", "/a__health", "/__other", "/__catchall"})
    EXPECT_TRUE(read(backend("", path)).config) << path;
  EXPECT_EQ(
      problems(
          "{\"version\": 3, \"endpoints\": [\n {\"endpoint\": \"/a/*b\", \"backend\": {\"url_pattern\": \"/\"}}]}"),
      "c.json:2:3: error: /endpoints/0/endpoint: \"/a/*b\": a '*' must be the whole last segment of the path\n");
}

TEST(EndpointTest, HarmlessMistakesInPathsAreWarnings) {
  EXPECT_HAS(problems(backend("", "/a?b=1")),
             "warning: /endpoints/0/endpoint: \"/a?b=1\": a '?' in an endpoint's path never matches");
  EXPECT_HAS(problems(backend("", "/a/:id")), "':' is literal text here; a parameter is written {name}");
  EXPECT_EQ(problems(backend("", "/{id}:x")), "");
}

// config.md §4.3: the reference's router takes both for parameters.
TEST(EndpointTest, AColonInFrontOfAWordIsToldWhereverInASegmentItStands) {
  for (auto path : {"/x/:c", "/a:b", "/{id}/a:b/c", "/a:b:c", "/{id}:x/a:b"}) {
    const std::string text = problems(backend("", path));
    EXPECT_HAS(text, "warning: /endpoints/0/endpoint: \"" + std::string{path} + "\": ':' is literal text here; a parameter is written {name}");
    EXPECT_EQ(text.find("':' is", text.find("':' is") + 1), std::string::npos) << "once for a segment\n" << text;
  }
  for (auto path : {"/a:", "/a:/b", "/{id}:x", "/{id}.a:b", "/at:{id}"}) EXPECT_EQ(problems(backend("", path)), "") << path;
}

TEST(EndpointTest, MethodsAreCheckedAndSuggested) {
  for (auto m : {"get", "Head", "POST", "PUT", "PATCH", "DELETE", "options"})
    EXPECT_EQ(problems(endpoint("\"method\":\"" + std::string{m} + "\",\"backend\":[{}]")), "");
  EXPECT_HAS(problems(endpoint(R"("method":"PSOT","backend":[{}])")),
             "/endpoints/0/method: expected GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or ANY, found \"PSOT\" (did you "
             "mean \"POST\"?)");
  EXPECT_HAS(problems(endpoint(R"("method":"CONNECT","backend":[{}])")), "/endpoints/0/method: expected GET");
}

TEST(EndpointTest, InputHeadersAreCanonicalAndReplaceTheDefault) {
  Endpoint e = good_endpoint(R"("input_headers":["x-a","AUTHORIZATION"],"input_query_strings":["q","Q"])");
  EXPECT_EQ(e.input_headers, (std::vector<std::string>{"X-A", "Authorization"}));
  EXPECT_EQ(e.input_query_strings, (std::vector<std::string>{"q", "Q"}));
  EXPECT_FALSE(e.any_header || e.any_query);
  e = good_endpoint(R"("input_headers":["x-a","*"],"input_query_strings":"*")");
  EXPECT_TRUE(e.any_header && e.any_query);
  EXPECT_EQ(e.input_headers, std::vector<std::string>{"X-A"});
  EXPECT_TRUE(e.input_query_strings.empty());
  EXPECT_TRUE(good_endpoint(R"("input_headers":"*")").input_headers.empty());
}

TEST(EndpointTest, NeedsABackend) {
  for (auto text : {"\"endpoint\":\"/x\"", "\"endpoint\":\"/x\",\"backend\":[]", "\"endpoint\":\"/x\",\"backend\":null",
                    "\"endpoint\":\"/x\",\"backend\":{}"})
    EXPECT_HAS(problems(endpoint(text)), "GET /x has no backend") << text;
}

TEST(EndpointTest, BackendsWithoutEncodingTakeTheEndpoints) {
  auto c = good(endpoint(R"("encoding":"XML","backend":[{},{"encoding":"Safejson"},{"encoding":""}])"));
  EXPECT_EQ(c->endpoints[0].backends[0].encoding, "xml");
  EXPECT_EQ(c->endpoints[0].backends[1].encoding, "safejson");
  EXPECT_EQ(c->endpoints[0].backends[2].encoding, "xml");
  EXPECT_EQ(good(endpoint(R"("output_encoding":"xml","backend":[{}])"))->endpoints[0].backends[0].encoding, "")
      << "the output has no say";
}

TEST(EndpointTest, SameMethodAndShapeTwiceNamesBothPlaces) {
  EXPECT_EQ(problems("{\"version\": 3, \"endpoints\": [\n {\"endpoint\": \"/a/{x}\", \"backend\": [{}]},\n "
                     "{\"endpoint\": \"/b\", \"backend\": [{}]},\n"
                     " {\"endpoint\": \"a//{y}\", \"backend\": [{}]},\n {\"endpoint\": \"/b\", \"method\": \"POST\", "
                     "\"backend\": [{}]}]}"),
            "c.json:4:2: error: /endpoints/2: GET /a/{y} is defined already by /endpoints/0 (line 2), as /a/{x}\n");
}

TEST(EndpointTest, HealthPathIsTaken) {
  auto text = [](const char* router) {
    return root("\"extra_config\":{\"router\":" + std::string{router} +
                "},\"endpoints\":[{\"endpoint\":\"/h\",\"backend\":[{}]}]");
  };
  EXPECT_HAS(problems(text(R"({"health_path":"/h"})")),
             "/endpoints/0/endpoint: GET /h is the path of the health endpoint (health_path)");
  EXPECT_EQ(problems(text(R"({"health_path":"/h","disable_health":true})")), "");
  EXPECT_EQ(problems(text(R"({"health_path":"/{x}"})")), "");
}

TEST(ProxyTest, SequentialAndStaticAreRead) {
  Endpoint e = good_endpoint(
      R"("extra_config":{"proxy":{"sequential":true,"sequential_propagated_params":["resp0","Resp1_a.b"],"combiner":"x","flatmap_filter":[1],
    "static":{"data":{"a":1},"strategy":"errored"}},"a/b":{}})");
  EXPECT_TRUE(e.sequential);
  EXPECT_EQ(e.sequential_propagated_params, (std::vector<std::string>{"resp0", "Resp1_a.b"}));
  EXPECT_EQ(e.static_strategy, StaticStrategy::errored);
  ASSERT_EQ(e.at.extra.size(), 1u);
  EXPECT_EQ(e.at.extra[0].name, "a/b");
  ASSERT_EQ(e.at.own.size(), 1u);
  EXPECT_EQ(e.at.own[0].pointer, "/endpoints/0/extra_config/proxy");
  auto c = good(endpoint(
      R"("backend":[{}],"extra_config":{"github.com/devopsfaith/krakend/proxy":{"static":{"data":{"a":1}}}})"));
  ASSERT_TRUE(c->endpoints[0].static_data);
  EXPECT_EQ(c->endpoints[0].static_data->at("a").as_int64(), 1);
  EXPECT_EQ(c->endpoints[0].static_strategy, StaticStrategy::always);
}

TEST(ProxyTest, EveryStrategyHasItsName) {
  std::pair<const char*, StaticStrategy> cases[] = {{"always", StaticStrategy::always},
                                                    {"success", StaticStrategy::success},
                                                    {"errored", StaticStrategy::errored},
                                                    {"complete", StaticStrategy::complete},
                                                    {"incomplete", StaticStrategy::incomplete}};
  for (auto [name, s] : cases)
    EXPECT_EQ(good_endpoint("\"extra_config\":{\"proxy\":{\"static\":{\"data\":{},\"strategy\":\"" + std::string{name} +
                            "\"}}}")
                  .static_strategy,
              s);
}

TEST(ProxyTest, WrongTypesThatTheReferenceIgnoresAreWarnings) {
  auto r = read(endpoint(
      R"("backend":[{"extra_config":{"proxy":{"shadow":"true","shadow_timeout":"x"},"backend/http":[],"backend/http/client":{"send_body_on_redirect":1,"max_gzip_ratio":-1}}}],
    "extra_config":{"proxy":{"sequential":"true","static":{"data":[1],"strategy":"sometimes"}}})"));
  ASSERT_TRUE(r.config) << r.report.format();
  const Endpoint& e = r.config->endpoints[0];
  EXPECT_FALSE(e.sequential || e.static_data || e.backends[0].shadow || e.backends[0].send_body_on_redirect);
  EXPECT_EQ(e.backends[0].max_gzip_ratio, 200u);
  EXPECT_EQ(e.static_strategy, StaticStrategy::always);
  EXPECT_EQ(e.backends[0].shadow_timeout, seconds{2});
  std::string text = r.report.format();
  EXPECT_HAS(
      text,
      "warning: /endpoints/0/extra_config/proxy/sequential: expected true or false, found the text \"true\"; ignored");
  EXPECT_HAS(text, "warning: /endpoints/0/extra_config/proxy/static/data: expected an object, found a list; ignored");
  EXPECT_HAS(text, "warning: /endpoints/0/extra_config/proxy/static/strategy: unknown strategy \"sometimes\"");
  EXPECT_HAS(text, "warning: /endpoints/0/backend/0/extra_config/backend~1http~1client/max_gzip_ratio: expected a whole number from 0 to 1000000, "
                   "found the number -1; ignored");
  EXPECT_HAS(text, "warning: /endpoints/0/backend/0/extra_config/proxy/shadow:");
  EXPECT_HAS(text, "warning: /endpoints/0/backend/0/extra_config/proxy/shadow_timeout:");
  EXPECT_HAS(text,
             "warning: /endpoints/0/backend/0/extra_config/backend~1http: expected an object, found a list; ignored");
}

TEST(ProxyTest, LimitsThatNobodyKeepsAreSaid) {
  auto r = read(root(R"("extra_config":{"router":{"max_payload":1000,"disable_gzip":true,"decompress_gzip":false}},"endpoints":[{"backend":[{}],
    "extra_config":{"proxy":{"max_payload":10,"decompress_gzip":true}}},{"endpoint":"/y","backend":[{}],"extra_config":{"proxy":{"max_payload":0}}}])"));
  ASSERT_TRUE(r.config) << r.report.format();
  EXPECT_EQ(r.report.issues().size(), 3u) << r.report.format();
  EXPECT_HAS(r.report.format(), "warning: /extra_config/router/max_payload: has no effect: request bodies that are held whole are limited to 64 MiB");
  EXPECT_HAS(r.report.format(), "warning: /endpoints/0/extra_config/proxy/max_payload: has no effect");
  EXPECT_HAS(r.report.format(), "warning: /endpoints/0/extra_config/proxy/decompress_gzip: has no effect: request bodies are passed on as they come");
}

TEST(ProxyTest, KeysOfTheOtherLevelAreSaid) {
  auto r = read(endpoint(
      R"("backend":[{"extra_config":{"proxy":{"sequential":true,"sequential_propagated_params":["resp0_a"],"static":{"data":{}}}}},{"extra_config":{"proxy":{"sequential":false}}}],
    "extra_config":{"proxy":{"shadow":true,"shadow_timeout":"1s"}})"));
  ASSERT_TRUE(r.config) << r.report.format();
  EXPECT_EQ(r.report.issues().size(), 5u) << r.report.format();
  EXPECT_FALSE(r.config->endpoints[0].sequential || r.config->endpoints[0].static_data || r.config->endpoints[0].backends[0].shadow);
  EXPECT_HAS(r.report.format(), "warning: /endpoints/0/extra_config/proxy/shadow: has no effect: it belongs to the \"proxy\" of a backend");
  EXPECT_HAS(r.report.format(), "warning: /endpoints/0/extra_config/proxy/shadow_timeout: has no effect");
  for (const char* key : {"sequential", "sequential_propagated_params", "static"})
    EXPECT_HAS(r.report.format(),
               std::string{"warning: /endpoints/0/backend/0/extra_config/proxy/"} + key + ": has no effect: it belongs to the \"proxy\" of an endpoint");
}

TEST(BackendTest, UnknownKeysOfTheClientAreSaid) {
  auto r = read(backend(R"("extra_config":{"backend/http/client":{"send_body_on_redirects":true}})"));
  ASSERT_TRUE(r.config);
  EXPECT_HAS(r.report.format(), "warning: /endpoints/0/backend/0/extra_config/backend~1http~1client/send_body_on_redirects");
  EXPECT_HAS(r.report.format(), "did you mean \"send_body_on_redirect\"?");
}

TEST(ProxyTest, WrongTypesThatKillTheReferenceAreErrors) {
  EXPECT_HAS(
      problems(endpoint(R"("backend":[{}],"extra_config":{"proxy":{"sequential_propagated_params":["resp0",5]}})")),
      "error: /endpoints/0/extra_config/proxy/sequential_propagated_params/1: expected a text");
  EXPECT_HAS(problems(endpoint(R"("backend":[{}],"extra_config":{"proxy":{"sequential_propagated_params":"resp0"}})")),
             "error: /endpoints/0/extra_config/proxy/sequential_propagated_params: expected a list");
  EXPECT_HAS(problems(endpoint(R"("backend":[{}],"extra_config":{"proxy":{"combiner":5}})")),
             "error: /endpoints/0/extra_config/proxy/combiner: expected a text");
}

TEST(ProxyTest, NoKeyOfAnyTypeCrashes) {
  const char* values[] = {"null",
                          "true",
                          "1",
                          "1e300",
                          "\"\"",
                          "\"resp\"",
                          "[]",
                          "[null]",
                          "[[]]",
                          "{}",
                          "{\"data\":null,\"strategy\":null}",
                          "{\"data\":{},\"strategy\":5}"};
  for (auto key : {"sequential", "sequential_propagated_params", "combiner", "flatmap_filter", "static", "shadow",
                   "shadow_timeout", "return_error_details", "return_error_code", "send_body_on_redirect", "max_gzip_ratio"})
    for (auto value : values)
      for (auto name : {"proxy", "router", "backend/http", "backend/http/client"}) {
        std::string extra = "\"extra_config\":{\"" + std::string{name} + "\":{\"" + key + "\":" + value +
                            "},\"github.com/devopsfaith/krakend/proxy\":" + value + "}";
        auto r = read(root(extra + ",\"endpoints\":[{" + extra + ",\"backend\":[{" + extra + "}]}]"));
        EXPECT_EQ(r.config == nullptr, r.report.failed());
        for (const Issue& issue : r.report.issues()) EXPECT_EQ(issue.line, 1u);
      }
}

TEST(ProxyTest, OnlyShadowsAreRefused) {
  EXPECT_HAS(problems(endpoint(R"("backend":[{"extra_config":{"proxy":{"shadow":true}}}])")),
             "error: /endpoints/0/backend: every backend is a shadow");
}

TEST(BackendTest, EveryKeyIsRead) {
  auto c = good(endpoint(
      R"("backend":[{"method":"post","host":["a","b:80"],"encoding":"RSS","sd":"dns","sd_scheme":"https","is_collection":"true","target":"a.b","group":"g",
    "allow":["a","b.c"],"deny":"d","mapping":{"z":"y","a":1},"input_headers":["x-a","*"],"input_query_strings":["*"],"timeout":"1s",
    "extra_config":{"proxy":{"shadow":true,"shadow_timeout":"5s"},"backend/http/client":{"send_body_on_redirect":true,"max_gzip_ratio":0},"qos/x":{}}},{}])"));
  ASSERT_EQ(c->endpoints.size(), 1u);
  const Backend& b = c->endpoints[0].backends[0];
  EXPECT_EQ(b.at.extra.size(), 1u);
  EXPECT_EQ(b.method, "POST");
  EXPECT_EQ(b.hosts, (std::vector<std::string>{"http://a", "http://b:80"}));
  EXPECT_EQ(b.encoding, "rss");
  EXPECT_EQ(b.sd, "dns");
  EXPECT_EQ(b.sd_scheme, "https");
  EXPECT_TRUE(b.is_collection && b.filters_headers && b.filters_query && b.shadow && b.send_body_on_redirect);
  EXPECT_EQ(b.max_gzip_ratio, 0u);
  EXPECT_EQ(b.target, "a.b");
  EXPECT_EQ(b.group, "g");
  EXPECT_EQ(b.allow, (std::vector<std::string>{"a", "b.c"}));
  EXPECT_EQ(b.deny, std::vector<std::string>{"d"});
  EXPECT_EQ(b.mapping, (std::vector<std::pair<std::string, std::string>>{{"z", "y"}, {"a", "1"}}))
      << "in the order of the file";
  EXPECT_EQ(b.input_headers, (std::vector<std::string>{"X-A", "*"})) << "no wildcard at this level";
  EXPECT_EQ(b.input_query_strings, std::vector<std::string>{"*"});
  EXPECT_EQ(b.shadow_timeout, seconds{5});
}

TEST(BackendTest, HostsAreCleanedUnlessToldOtherwise) {
  EXPECT_HAS(
      problems(backend(R"("host":["a","http://a/p"])")),
      "/endpoints/0/backend/0/host/1: invalid host \"http://a/p\": expected [http://]name[:port] without a path");
  EXPECT_HAS(problems(backend(R"("host":"http://a/p")")), "/endpoints/0/backend/0/host: invalid host");
  Backend b = good_backend(R"("host":["http://a/p","é"],"disable_host_sanitize":true)");
  EXPECT_EQ(b.hosts, (std::vector<std::string>{"http://a/p", "é"}));
  EXPECT_HAS(problems(root(R"("host":["a/b"])")), "/host/0: invalid host")
      << "root hosts are cleaned whether used or not";
}

TEST(BackendTest, TimeoutMustParseThoughItIsNotUsed) {
  EXPECT_HAS(problems(backend(R"("timeout":"soon")")), "/endpoints/0/backend/0/timeout: expected a duration");
}

TEST(BackendTest, MethodIsAnyToken) {
  EXPECT_EQ(good_backend(R"("method":"purge")").method, "PURGE");
  EXPECT_HAS(problems(backend(R"("method":"GET /")")),
             "/endpoints/0/backend/0/method: expected a method such as \"GET\"");
}

TEST(BackendTest, DetailsOfAnyKindSwitchTheCodeOff) {
  auto read_code = [](const char* block) {
    return read(backend("\"extra_config\":{\"backend/http\":" + std::string{block} + "}"))
        .config->endpoints[0]
        .backends[0];
  };
  EXPECT_TRUE(read_code(R"({"return_error_code":true})").return_error_code);
  EXPECT_EQ(read_code(R"({"return_error_details":"n"})").return_error_details, "n");
  EXPECT_FALSE(read_code(R"({"return_error_code":true,"return_error_details":"n"})").return_error_code);
  EXPECT_FALSE(read_code(R"({"return_error_code":true,"return_error_details":""})").return_error_code);
  EXPECT_FALSE(read_code(R"({"return_error_code":true,"return_error_details":5})").return_error_code);
  EXPECT_FALSE(read_code(R"({"return_error_code":true,"return_error_details":null})").return_error_code);
  EXPECT_TRUE(good(backend(R"("extra_config":{"github.com/devopsfaith/krakend/http":{"return_error_code":true}})"))
                  ->endpoints[0]
                  .backends[0]
                  .return_error_code);
}

// "text|{param}|<N:path>", query parts after a '~'.
std::string parts(const Backend& b) {
  std::string out;
  bool query = false;
  for (const UrlPart& p : b.url) {
    if (p.in_query && !query) out += "~";
    query = p.in_query;
    if (!out.empty() && out.back() != '~') out += "|";
    if (p.kind == UrlPart::Kind::text) out += p.text;
    if (p.kind == UrlPart::Kind::parameter) out += "{" + p.text + "}";
    if (p.kind == UrlPart::Kind::response) out += "<" + std::to_string(p.step) + ":" + p.text + ">";
  }
  return out;
}

TEST(UrlPatternTest, IsSplitAtItsPlaceholders) {
  struct Case {
    const char *pattern, *parts, *log;
  } cases[] = {
      {"", "/", "/"},
      {"a", "/a", "/a"},
      {"/u/{id}/p", "/u/|{id}|/p", "/u/{{.Id}}/p"},
      {"/{id}{id}", "/|{id}|{id}", "/{{.Id}}{{.Id}}"},
      {"/u?a={id}&b=1?", "/u~?a=|{id}|&b=1?", "/u?a={{.Id}}&b=1?"},
      {"/{id}?{id}", "/|{id}~?|{id}", "/{{.Id}}?{{.Id}}"},
      {"/s/{resp0_a.b}/{resp12_x-y}", "/s/|<0:a.b>|/|<12:x-y>", "/s/{{.Resp0_a.b}}/{{.Resp12_x-y}}"},
      {"/s/{resp99999999999_a}", "/s/|{{.Resp99999999999_a}}", "/s/{{.Resp99999999999_a}}"},
      {"/j/{JWT.sub}", "/j/|{JWT.sub}", "/j/{{.JWT.sub}}"},
      {"/a#b{id}?c", "/a", "/a#b{{.Id}}?c"},
      {"/{ b }/{}/{a{id}", "/{ b }/{}/{a|{id}", "/{ b }/{}/{a{{.Id}}"},
      {"/{", "/{", "/{"},
      {"//x/../y", "//x/../y", "//x/../y"},
  };
  for (const Case& c : cases) {
    Backend b = good_backend("\"url_pattern\":\"" + std::string{c.pattern} + "\"", "/x/{id}");
    EXPECT_EQ(parts(b), c.parts) << c.pattern;
    EXPECT_EQ(b.log_pattern, c.log) << c.pattern;
  }
}

TEST(UrlPatternTest, DeclaredNamesComeBeforeSteps) {
  EXPECT_EQ(parts(good_backend(R"("url_pattern":"/{resp0_a}")", "/{resp0_a}")), "/|{resp0_a}");
}

TEST(UrlPatternTest, RestOfThePathIsAParameter) {
  EXPECT_EQ(parts(good_backend(R"("url_pattern":"/f/{rest}")", "/{rest...}")), "/f/|{rest}");
}

TEST(UrlPatternTest, UndefinedNamesAreErrorsWithASuggestion) {
  EXPECT_EQ(problems("{\"version\": 3, \"endpoints\": [{\"endpoint\": \"/a/{user}\", \"backend\": [\n  "
                     "{\"url_pattern\": \"/{usr}/{B}/{usr}\"}]}]}"),
            "c.json:2:4: error: /endpoints/0/backend/0/url_pattern: undefined parameter {usr} (did you mean "
            "\"user\"?): the endpoint /a/{user} declares {user}\n"
            "c.json:2:4: error: /endpoints/0/backend/0/url_pattern: undefined parameter {B}: the endpoint /a/{user} "
            "declares {user}\n");
  for (auto name : {"resp0", "resp0_", "Resp0_x", "resp_x", "JWT.", "jwt.sub", "respx_y", "a#"}) {
    bool fails = std::string_view{name} != "a#";  // no placeholder at all
    EXPECT_EQ(!read(backend("\"url_pattern\":\"/{" + std::string{name} + "}\"")).config, fails) << name;
  }
  EXPECT_FALSE(read(backend(R"("url_pattern":"/{b}")", "/{B}")).config) << "names are case-sensitive";
}

}  // namespace
}  // namespace sluice::config

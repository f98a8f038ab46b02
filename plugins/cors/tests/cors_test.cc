#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sluice/testing.hpp>

#include "../origins.h"

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

constexpr auto kName = "security/cors";
constexpr auto kTypical = R"({"allow_origins": ["https://a.example", "https://*.b.example"], "allow_methods": ["GET", "POST"],
  "allow_headers": ["X-Token", "Content-Type"], "expose_headers": ["x-own", "content-length"], "allow_credentials": true, "max_age": "1h"})";

struct Case {
  FakeHost host;
  Configured cors;
  explicit Case(std::string_view json = kTypical) : cors{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_SERVICE} {
    EXPECT_TRUE(cors.ok()) << host.problem_text();
  }
};

struct Request {
  FakeExchange x;
  Case& c;
  slc_action action = SLC_NEXT;
  explicit Request(Case& of, std::string_view method, std::string_view origin) : x{of.host, SLC_AT_SERVICE}, c{of} {
    x.method = method;
    if (!origin.empty()) with("Origin", origin);
  }
  Request& with(std::string_view name, std::string_view value) {
    x.add_header(SLC_REQUEST, name, value);
    return *this;
  }
  Request& asks(std::string_view method, std::string_view headers = {}) {
    with("Access-Control-Request-Method", method);
    return headers.empty() ? *this : with("Access-Control-Request-Headers", headers);
  }
  Request& play() {
    action = c.cors.on_request(x);
    if (action == SLC_NEXT) {
      EXPECT_EQ(c.cors.on_response(x), SLC_NEXT);
    }
    return *this;
  }
  // Values of a response header, joined by "|".
  std::string of(std::string_view name) {
    std::string out;
    for (const auto& l : x.lines(SLC_RESPONSE))
      if (FakeExchange::same(l.name, name)) out += (out.empty() ? "" : "|") + std::string{l.value};
    return out;
  }
};

constexpr auto kOrigin = "Access-Control-Allow-Origin";
constexpr auto kVaryOfPreflight = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

}  // namespace

TEST(CorsTest, AnAllowedOriginMayReadTheAnswer) {
  Case c;
  Request r{c, "GET", "https://a.example"};
  r.play();
  EXPECT_EQ(r.action, SLC_NEXT);
  EXPECT_EQ(r.of(kOrigin), "https://a.example");
  EXPECT_EQ(r.of("Access-Control-Expose-Headers"), "X-Own, Content-Length");
  EXPECT_EQ(r.of("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(r.of("Vary"), "Origin");
  EXPECT_EQ(r.of("Access-Control-Max-Age"), "");
}

TEST(CorsTest, OtherOriginsAreServedWithoutTheHeaders) {
  for (const char* origin : {"https://evil.example", "https://a.example.evil", "http://a.example", "https://b.example", ""}) {
    Case c;
    Request r{c, "GET", origin};
    r.play();
    EXPECT_EQ(r.action, SLC_NEXT) << origin;
    EXPECT_EQ(r.of(kOrigin), "") << origin;
    EXPECT_EQ(r.of("Vary"), "Origin") << origin;
  }
}

TEST(CorsTest, AMethodThatIsNotListedGetsNoHeadersButOptionsDoes) {
  Case c;
  EXPECT_EQ((Request{c, "DELETE", "https://a.example"}.play().of(kOrigin)), "");
  EXPECT_EQ((Request{c, "get", "https://a.example"}.play().of(kOrigin)), "");
  EXPECT_EQ((Request{c, "OPTIONS", "https://a.example"}.play().of(kOrigin)), "https://a.example");
}

TEST(CorsTest, OriginsCompareWithoutCaseAndAreSentBackAsTheyCame) {
  Case c;
  EXPECT_EQ((Request{c, "GET", "HTTPS://X.Y.B.example"}.play().of(kOrigin)), "HTTPS://X.Y.B.example");
}

TEST(CorsTest, APreflightIsAnsweredAtOnce) {
  Case c;
  Request r{c, "OPTIONS", "https://a.example"};
  r.asks("POST", "content-type,x-token").play();
  EXPECT_EQ(r.action, SLC_REPLY);
  EXPECT_EQ(r.x.status, 204);
  EXPECT_EQ(r.x.response_body, "");
  EXPECT_EQ(r.of(kOrigin), "https://a.example");
  EXPECT_EQ(r.of("Access-Control-Allow-Methods"), "POST");
  EXPECT_EQ(r.of("Access-Control-Allow-Headers"), "content-type,x-token");
  EXPECT_EQ(r.of("Access-Control-Max-Age"), "3600");
  EXPECT_EQ(r.of("Access-Control-Expose-Headers"), "");
  EXPECT_EQ(r.of("Vary"), kVaryOfPreflight);
}

TEST(CorsTest, ARefusedPreflightHasTheStatusButNoHeaders) {
  const std::pair<const char*, std::pair<const char*, const char*>> cases[] = {
      {"https://evil.example", {"GET", ""}}, {"https://a.example", {"DELETE", ""}}, {"https://a.example", {"GET", "x-other"}}, {"", {"GET", ""}}};
  for (const auto& [origin, asked] : cases) {
    Case c;
    Request r{c, "OPTIONS", origin};
    r.asks(asked.first, asked.second).play();
    EXPECT_EQ(r.action, SLC_REPLY);
    EXPECT_EQ(r.x.status, 204);
    EXPECT_EQ(r.x.lines(SLC_RESPONSE).size(), 1u) << origin << asked.first << asked.second;
    EXPECT_EQ(r.of("Vary"), kVaryOfPreflight);
  }
}

TEST(CorsTest, TheListOfRequestedHeadersMayHaveAnyForm) {
  for (const char* list : {"x-token", "X-Token", "x-token, content-type", "x-token ,\tX-TOKEN", "x-token,,", " "}) {
    Case c;
    Request r{c, "OPTIONS", "https://a.example"};
    r.asks("GET", list).play();
    EXPECT_EQ(r.of(kOrigin), "https://a.example") << list;
  }
}

TEST(CorsTest, WithoutOptionsEverythingSimpleIsAllowed) {
  Case c{"{}"};
  EXPECT_EQ((Request{c, "GET", "https://any"}.play().of(kOrigin)), "*");
  EXPECT_EQ((Request{c, "HEAD", "https://any"}.play().of(kOrigin)), "*");
  EXPECT_EQ((Request{c, "PUT", "https://any"}.play().of(kOrigin)), "");
  Request r{c, "OPTIONS", "https://any"};
  r.asks("POST", "x-any").play();
  EXPECT_EQ(r.of("Access-Control-Allow-Headers"), "x-any");
  EXPECT_EQ(r.of("Access-Control-Max-Age"), "");
  EXPECT_EQ(r.of("Access-Control-Allow-Credentials"), "");
}

TEST(CorsTest, AStarAmongTheOriginsAllowsAllEvenWithCredentials) {
  Case c{R"({"allow_origins": ["https://a.example", "*"], "allow_credentials": true})"};
  Request r{c, "GET", "https://any"};
  r.play();
  EXPECT_EQ(r.of(kOrigin), "*");
  EXPECT_EQ(r.of("Access-Control-Allow-Credentials"), "true");
}

TEST(CorsTest, PassthroughLetsThePreflightGoOnWithItsHeaders) {
  Case c{R"({"options_passthrough": true, "max_age": "90.5s"})"};
  Request r{c, "OPTIONS", "https://any"};
  r.asks("GET").play();
  EXPECT_EQ(r.action, SLC_NEXT);
  EXPECT_EQ(r.x.status, 0);
  EXPECT_EQ(r.of("Access-Control-Allow-Methods"), "GET");
  EXPECT_EQ(r.of("Access-Control-Max-Age"), "90");
  EXPECT_EQ(r.of("Vary"), kVaryOfPreflight);
}

TEST(CorsTest, PrivateNetworkAccessIsAnsweredWhenItIsAskedForAndAllowed) {
  Case c{R"({"allow_private_network": true})"};
  Request r{c, "OPTIONS", "https://any"};
  r.asks("GET").with("Access-Control-Request-Private-Network", "true").play();
  EXPECT_EQ(r.of("Access-Control-Allow-Private-Network"), "true");
  EXPECT_EQ(r.of("Vary"), std::string{kVaryOfPreflight} + ", Access-Control-Request-Private-Network");
  EXPECT_EQ((Request{c, "OPTIONS", "https://any"}.asks("GET").play().of("Access-Control-Allow-Private-Network")), "");
  Case off{"{}"};
  Request not_allowed{off, "OPTIONS", "https://any"};
  not_allowed.asks("GET").with("Access-Control-Request-Private-Network", "true").play();
  EXPECT_EQ(not_allowed.of("Access-Control-Allow-Private-Network"), "");
}

TEST(CorsTest, StatusAndAgeOfThePreflightAreConfigured) {
  Case c{R"({"options_success_status": 200, "max_age": "-5s"})"};
  Request r{c, "OPTIONS", "https://any"};
  r.asks("GET").play();
  EXPECT_EQ(r.x.status, 200);
  EXPECT_EQ(r.of("Access-Control-Max-Age"), "0");
  Case zero{R"({"options_success_status": 0, "max_age": "900ms"})"};
  Request z{zero, "OPTIONS", "https://any"};
  z.asks("GET").play();
  EXPECT_EQ(z.x.status, 204);
  EXPECT_EQ(z.of("Access-Control-Max-Age"), "");
}

TEST(CorsTest, HeadersOfABackendStayBehindTheGatewaysOwn) {
  Case c;
  Request r{c, "GET", "https://a.example"};
  ASSERT_EQ(c.cors.on_request(r.x), SLC_NEXT);
  r.x.add_header(SLC_RESPONSE, "Vary", "Accept");
  r.x.add_header(SLC_RESPONSE, "access-control-allow-origin", "*");
  c.cors.on_response(r.x);
  EXPECT_EQ(r.of("Vary"), "Origin|Accept");
  EXPECT_EQ(r.of(kOrigin), "https://a.example|*");
}

TEST(CorsTest, TheDecisionIsMadeOnTheRequestAsItCame) {
  Case c;
  Request r{c, "GET", "https://evil.example"};
  ASSERT_EQ(c.cors.on_request(r.x), SLC_NEXT);
  r.x.method = "POST";
  r.x.lines(SLC_REQUEST).clear();
  r.with("Origin", "https://a.example");
  c.cors.on_response(r.x);
  EXPECT_EQ(r.of(kOrigin), "");
}

TEST(CorsTest, DebugLogsEachDecision) {
  Case c{R"({"allow_origins": ["https://a.example"], "debug": true})"};
  Request{c, "GET", "https://evil.example"}.play();
  EXPECT_TRUE(c.host.logged("[CORS] request GET from \"https://evil.example\": origin not allowed", SLC_DEBUG));
}

TEST(CorsTest, TheOldNameIsAnAlias) {
  FakeHost host;
  Configured cors{host, SLC_ENTRY_SYMBOL, "github_com/devopsfaith/krakend-cors", "{}", SLC_AT_SERVICE};
  EXPECT_TRUE(cors.ok());
}

TEST(CorsTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"allow_origins": "*"})", "/allow_origins"},     {R"({"allow_origins": [1]})", "/allow_origins/0"},
      {R"({"allow_methods": ["GET", 2]})", "/allow_methods/1"}, {R"({"max_age": 3600})", "/max_age"},
      {R"({"max_age": "an hour"})", "/max_age"},           {R"({"allow_credentials": "yes"})", "/allow_credentials"},
      {R"({"options_success_status": 99})", "/options_success_status"}, {R"({"expose_headers": ["a b"]})", "/expose_headers"},
  };
  for (const auto& [json, pointer] : cases) {
    FakeHost host;
    Configured cors{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_SERVICE};
    EXPECT_FALSE(cors.ok()) << json;
    EXPECT_TRUE(host.has_problem(pointer)) << json << '\n' << host.problem_text();
  }
}

TEST(OriginsTest, PrefixAndSuffixOfAPatternDoNotOverlap) {
  cors::Origins o;
  o.add("https://a*a.example");
  EXPECT_FALSE(o.allow("https://a.example"));
  EXPECT_TRUE(o.allow("https://aa.example"));
  EXPECT_TRUE(o.allow("https://a.b.a.example"));
}

TEST(CorsTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, kName, "{}", SLC_AT_SERVICE};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}

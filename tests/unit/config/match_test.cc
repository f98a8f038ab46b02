// Lists of methods, match.host and match.headers, wildcards, and routes that nobody could tell apart.
#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

using Texts = std::vector<std::string>;

std::string endpoints(std::initializer_list<std::string> all) {
  std::string list;
  for (const std::string& e : all) list += (list.empty() ? "" : ",\n ") + ("{" + e + R"(, "backend": [{}]})");
  return "{\"version\": 3, \"endpoints\": [\n " + list + "]}";
}

TEST(MethodListTest, NamesSeveralMethodsOrAny) {
  Endpoint e = good_endpoint(R"("method":["get","POST","Get"])");
  EXPECT_EQ(e.methods, (Texts{"GET", "POST"}));
  EXPECT_EQ(e.method, "GET, POST");
  EXPECT_EQ(e.backends[0].method, "") << "the request's";
  e = good_endpoint(R"("method":"any")");
  EXPECT_EQ(e.methods, (Texts{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}));
  EXPECT_EQ(e.method, "ANY");
  EXPECT_TRUE(e.conditions[0].fallback);
  e = good_endpoint(R"("method":[])");
  EXPECT_EQ(e.methods, Texts{"GET"});
  EXPECT_EQ(e.backends[0].method, "GET");
  EXPECT_EQ(good(endpoint(R"("method":"ANY","backend":[{"method":"post"}])"))->endpoints[0].backends[0].method, "POST");
  EXPECT_HAS(problems(endpoint(R"("method":["GET","PSOT"],"backend":[{}])")), "/endpoints/0/method: expected GET, HEAD, POST");
}

TEST(MethodListTest, ClashesOnOneMethodAndGivesWayIfItIsAny) {
  EXPECT_EQ(problems(endpoints({R"("endpoint": "/a", "method": ["GET", "PUT"])", R"("endpoint": "/a", "method": ["POST", "PUT"])"})),
            "c.json:3:2: error: /endpoints/1: POST, PUT /a is defined already by /endpoints/0 (line 2), as GET, PUT /a\n");
  EXPECT_EQ(problems(endpoints({R"("endpoint": "/a", "method": "ANY")", R"("endpoint": "/a", "method": "PUT")"})), "");
  EXPECT_EQ(problems(endpoints({R"("endpoint": "/a", "method": "PUT")", R"("endpoint": "/a", "method": "ANY")"})), "");
  EXPECT_HAS(problems(endpoints({R"("endpoint": "/a", "method": "ANY")", R"("endpoint": "/a", "method": "ANY")"})),
             "ANY /a is defined already by /endpoints/0");
}

TEST(MatchTest, IsReadIntoOneConditionForEachHost) {
  Endpoint e = good_endpoint(R"("match":{"host":["API.example.com","*.Example.org","[::1]"],"headers":{"X-Version":2,"accept":"*json*"}})");
  ASSERT_EQ(e.conditions.size(), 3u);
  EXPECT_EQ(e.conditions[0].host, "api.example.com");
  EXPECT_EQ(e.conditions[1].host, ".example.org");
  EXPECT_EQ(e.conditions[2].host, "[::1]");
  for (const auto& c : e.conditions)
    EXPECT_EQ(c.headers, (std::vector<std::pair<std::string, std::string>>{{"accept", "*json*"}, {"x-version", "2"}}));
  EXPECT_EQ(e.label(), "GET / (host api.example.com or *.example.org or [::1], header accept: *json*, header x-version: 2)");
  for (const char* nothing : {R"("match":{})", R"("match":null)", R"("match":{"host":[],"headers":{}})", R"("x":1)"}) {
    e = good_endpoint(nothing);
    ASSERT_EQ(e.conditions.size(), 1u) << nothing;
    EXPECT_TRUE(e.conditions[0].empty());
    EXPECT_EQ(e.label(), "GET /");
  }
  EXPECT_EQ(good_endpoint(R"("match":{"host":"a.example."})").conditions[0].host, "a.example");
}

TEST(MatchTest, WhatNoRequestCouldMeetIsRefusedWithAReason) {
  auto wrong = [](const std::string& match) { return problems(endpoint(R"("backend":[{}],"match":)" + match)); };
  EXPECT_HAS(wrong(R"({"host":["a","https://b"]})"), "/endpoints/0/match/host/1: invalid host \"https://b\": it is a name without scheme and path");
  EXPECT_HAS(wrong(R"({"host":"a.example:8080"})"), "/endpoints/0/match/host: invalid host \"a.example:8080\": ports are not looked at");
  EXPECT_HAS(wrong(R"({"host":"api.*.com"})"), "a '*' may only stand for what is before the first dot");
  EXPECT_HAS(wrong(R"({"host":"*"})"), "a '*' may only");
  for (const char* host : {"", ".", "*.", ".a", "a..b", "a b", "[x]", "é"})
    EXPECT_HAS(wrong(R"({"host":")" + std::string{host} + "\"}"), "invalid host") << host;
  EXPECT_HAS(wrong(R"({"host":["a","A"]})"), "/endpoints/0/match/host/1: \"A\" is in the list twice");
  EXPECT_HAS(wrong(R"({"headers":{"X Y":"1"}})"), "/endpoints/0/match/headers/X Y: \"X Y\" is no name of a header");
  EXPECT_HAS(wrong(R"({"headers":{"Host":"a"}})"), "hosts are matched by \"host\"");
  EXPECT_HAS(wrong(R"({"headers":{"X":" a"}})"), "blanks at its ends");
  EXPECT_HAS(wrong(R"({"headers":{"X":"a\nb"}})"), "control characters are no part of it");
  EXPECT_HAS(wrong(R"({"headers":{"X":"1","x":"2"}})"), "the header \"x\" is there twice");
  EXPECT_HAS(wrong(R"({"headers":{"X":"*********"}})"), "more than 8 '*'");
  EXPECT_HAS(wrong(R"({"headers":{"X":["1"]}})"), "/endpoints/0/match/headers/X: expected a text, found a list");
  EXPECT_HAS(wrong(R"({"headerz":{}})"), "did you mean \"headers\"?");
  EXPECT_HAS(wrong(R"("a")"), "/endpoints/0/match: expected an object");
  std::string many;
  for (int i = 0; i < 65; ++i) many += (i ? ",\"h" : "\"h") + std::to_string(i) + "\"";
  EXPECT_HAS(wrong(R"({"host":[)" + many + "]}"), "has 65 hosts; at most 64");
}

TEST(MatchTest, RoutesOfOnePathMayDifferInIt) {
  EXPECT_EQ(problems(endpoints({R"("endpoint": "/a/{x}")", R"("endpoint": "/a/{y}", "match": {"host": "h"})",
                                R"("endpoint": "/a/{z}", "match": {"headers": {"v": "1"}})", R"("endpoint": "/a/{z}", "match": {"headers": {"v": "2"}})"})),
            "");
}

TEST(MatchTest, TheSameTwiceNamesBothPlaces) {
  EXPECT_EQ(problems(endpoints({R"("endpoint": "/a", "match": {"host": ["h", "i"]})", R"("endpoint": "/a", "match": {"host": ["i", "j"]})"})),
            "c.json:3:2: error: /endpoints/1: GET /a (host i or j) is defined already by /endpoints/0 (line 2), as GET /a (host h or i)\n");
  EXPECT_EQ(problems(endpoints({R"("endpoint": "/a", "match": {"headers": {"v": "1"}})", R"("endpoint": "/a", "match": {"headers": {"V": "1"}})"})),
            "c.json:3:2: error: /endpoints/1: GET /a (header v: 1) is defined already by /endpoints/0 (line 2)\n");
}

TEST(MatchTest, WhatFitsTheSameRequestsWithoutSayingMoreIsRefusedOnce) {
  std::string text = problems(endpoints(
      {R"("endpoint": "/a", "method": "ANY", "match": {"headers": {"v": "1"}})", R"("endpoint": "/a", "method": "ANY", "match": {"headers": {"w": "1"}})"}));
  EXPECT_EQ(text,
            "c.json:3:2: error: /endpoints/1: ANY /a (header w: 1) and ANY /a (header v: 1) of /endpoints/0 (line 2) fit the same requests and neither says "
            "more; let them ask "
            "for different values of the same header, or write an endpoint that asks for the headers of both\n");
  EXPECT_EQ(problems(endpoints({R"("endpoint": "/a", "match": {"headers": {"v": "1"}})", R"("endpoint": "/a", "match": {"headers": {"w": "1"}})",
                                R"("endpoint": "/a", "match": {"headers": {"v": "1", "w": "1"}})"})),
            "");
}

TEST(WildcardTest, ItsNameAndTheStarAreParametersOfUrlPatterns) {
  Backend b = good_backend(R"("url_pattern":"/files/{rest}")", "/static/{rest...}");
  ASSERT_EQ(b.url.size(), 2u);
  EXPECT_EQ(b.url[1].kind, UrlPart::Kind::parameter);
  EXPECT_EQ(b.url[1].text, "rest");
  b = good_backend(R"("url_pattern":"/files/{*}")", "/static/*");
  ASSERT_EQ(b.url.size(), 2u);
  EXPECT_EQ(b.url[1].kind, UrlPart::Kind::parameter);
  EXPECT_EQ(b.url[1].text, "*");
  b = good_backend(R"("url_pattern":"/files/{*}")", "/static/a");
  ASSERT_EQ(b.url.size(), 1u) << "text, where there is no wildcard";
  EXPECT_EQ(b.url[0].text, "/files/{*}");
  EXPECT_HAS(problems(backend(R"("url_pattern":"/{rest...}")", "/s/{rest...}")), "undefined parameter {rest...} (did you mean \"rest\"?)");
}

}  // namespace
}  // namespace sluice::config

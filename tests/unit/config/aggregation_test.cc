// The block `sluice` as it is read: nothing of it is forgiven, and nothing is there without it.
#include <boost/json/value.hpp>

#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

std::string with_endpoint(const std::string& options) { return endpoint(R"("backend":[{}],"extra_config":{"sluice":{)" + options + "}}"); }
std::string with_backend(const std::string& options) { return backend(R"("extra_config":{"sluice":{)" + options + "}}"); }

TEST(AggregationBlockTest, WithoutTheBlockThereIsNothingOfIt) {
  auto c = good(endpoint(R"("backend":[{}])"));
  EXPECT_FALSE(c->endpoints[0].aggregation);
  EXPECT_FALSE(c->endpoints[0].backends[0].step);
  EXPECT_FALSE(c->endpoints[0].problem_json);
  EXPECT_FALSE(good(with_endpoint(""))->endpoints[0].aggregation->chain);
}

TEST(AggregationBlockTest, AccountsOfAnswersAreGivenWhereTheRootSaysSo) {
  auto with = [](const std::string& explain) { return root(R"("extra_config":{"sluice":{"explain":)" + explain + R"(}},"endpoints":[])"); };
  EXPECT_FALSE(good(root(R"("endpoints":[])"))->explain);
  auto c = good(with("{}"));
  ASSERT_TRUE(c->explain);
  EXPECT_EQ(c->explain->secret, "");
  EXPECT_EQ(c->explain->max_age, std::chrono::seconds{60});
  c = good(with(R"({"secret":"0123456789abcdef","max_age":"5m"})"));
  EXPECT_EQ(c->explain->secret, "0123456789abcdef");
  EXPECT_EQ(c->explain->max_age, std::chrono::minutes{5});
  EXPECT_EQ(good(with(R"({"max_age":"0s"})"))->explain->max_age, std::chrono::seconds{1});
  EXPECT_EQ(good(with(R"({"max_age":"100h"})"))->explain->max_age, std::chrono::hours{24});
  const std::pair<std::string, std::string> wrong[] = {
      {R"({"secret":"short"})", "/secret: expected at least 16 characters"},
      {R"({"max_age":"2d"})", "/max_age: expected a duration such as \"60s\""},
      {R"({"max_age":60})", "/max_age: expected"},
      {"true", "/extra_config/sluice/explain: expected"},
  };
  for (const auto& [block, problem] : wrong) EXPECT_HAS(problems(with(block)), problem);
}

TEST(AggregationBlockTest, EveryKeyIsRead) {
  auto c = good(with_endpoint(
      R"("merge":{"strategy":"deep","keys":{"a.b":"zip by id","c":"error"}},"status":"resp12","status_when":[{"when":"{resp0.status} == 1","status":299}],
    "problem_json":true,"parts":"body","parts_key":"about","headers":{"vary":"append"},"chain":true)"));
  const Endpoint& e = c->endpoints[0];
  const Aggregation& a = *e.aggregation;
  EXPECT_EQ(a.merge.text, "deep");
  ASSERT_EQ(a.merge_keys.size(), 2u);
  EXPECT_EQ(a.merge_keys[0].first, "a.b");
  EXPECT_EQ(a.merge_keys[0].second.text, "zip by id");
  EXPECT_EQ(a.merge_keys[0].second.pointer, "/endpoints/0/extra_config/sluice/merge/keys/a.b");
  EXPECT_EQ(a.status.text, "resp12");
  ASSERT_EQ(a.status_when.size(), 1u);
  EXPECT_EQ(a.status_when[0].status, 299);
  EXPECT_EQ(a.status_when[0].when.pointer, "/endpoints/0/extra_config/sluice/status_when/0/when");
  EXPECT_TRUE(e.problem_json);
  EXPECT_TRUE(a.parts_in_body && !a.parts_in_header && a.chain);
  EXPECT_EQ(a.parts_key, "about");
  EXPECT_EQ(a.header_rules, (std::vector<std::pair<std::string, std::string>>{{"Vary", "append"}}));

  c = good(with_backend(
      R"("name":"x-1","required":true,"hidden":true,"output_headers":["*","set-cookie"],"when":"true","after":["resp0"],"headers":{"a":"{id}"},"query":{"q":"1"},"body":{"x":1})"));
  const StepOptions& s = *c->endpoints[0].backends[0].step;
  EXPECT_EQ(s.name, "x-1");
  EXPECT_TRUE(s.required && s.hidden && !s.optional);
  EXPECT_EQ(s.output_headers, (std::vector<std::string>{"*", "Set-Cookie"}));
  EXPECT_EQ(s.when.text, "true");
  EXPECT_EQ(s.after[0].text, "resp0");
  EXPECT_EQ(s.headers[0].second.text, "{id}");
  EXPECT_EQ(s.query[0].first, "q");
  EXPECT_TRUE(s.body && s.body->is_object());
}

TEST(AggregationBlockTest, TheRootSaysForEndpointsThatDoNot) {
  auto c = good(root(
      R"("extra_config":{"sluice":{"problem_json":true}},"endpoints":[{"backend":[{}]},{"endpoint":"/b","backend":[{}],"extra_config":{"sluice":{"problem_json":false}}}])"));
  EXPECT_TRUE(c->problem_json);
  EXPECT_TRUE(c->endpoints[0].problem_json);
  EXPECT_FALSE(c->endpoints[1].problem_json);
}

TEST(AggregationBlockTest, AllMistakesAreToldAtOnceEachAtItsPlace) {
  const std::string told = problems(with_endpoint(
      R"("merge":{"strategy":"depe","keys":{"a":1}},"status":"resp12345","status_when":[5,{"when":"true","status":600}],"parts":"heeder","headers":{"a b":"first"},"cahin":true)"));
  for (const char* place :
       {"sluice/merge/strategy: expected one of", "(did you mean \"deep\"?)", "sluice/merge/keys/a: expected a text", "sluice/status: expected \"worst\"",
        "sluice/status_when/0: expected an object", "sluice/status_when/1/status: expected a whole number from 200 to 599", "(did you mean \"header\"?)",
        "sluice/headers/a b: expected the name of a header", "\"chain\""})
    EXPECT_HAS(told, place);
  const std::string more =
      problems(with_backend(R"("name":"","optional":true,"required":true,"after":["resp","resp1x"],"headers":{"a:":"1"},"output_headers":["a b"],"when":5)"));
  for (const char* place : {"sluice/name: expected a name", "not both", "sluice/after/0: expected a backend such as \"resp0\"", "sluice/after/1: expected",
                            "sluice/headers/a:: \"a:\" is no name", "sluice/output_headers/0: \"a b\" is no name", "sluice/when: expected a text"})
    EXPECT_HAS(more, place);
}

TEST(AggregationBlockTest, Http2IsInheritedAndNothingAboutAnswers) {
  auto c = good(root(
      R"("extra_config":{"sluice":{"http2":"offer"}},"endpoints":[{"backend":[{},{"extra_config":{"sluice":{"http2":"always"}}},{"extra_config":{"sluice":{"http2":"never","name":"x"}}}]}])"));
  const auto& b = c->endpoints[0].backends;
  EXPECT_EQ(b[0].http2, Http2::negotiate);
  EXPECT_EQ(b[1].http2, Http2::always);
  EXPECT_EQ(b[2].http2, Http2::never);
  EXPECT_FALSE(b[0].step || b[1].step) << "answers are put together as the reference does it";
  EXPECT_TRUE(b[2].step);
  EXPECT_EQ(good(endpoint(R"("backend":[{}])"))->endpoints[0].backends[0].http2, Http2::never);
  EXPECT_HAS(problems(with_backend(R"("http2":"allways")")),
             "sluice/http2: expected one of never, offer, always, found \"allways\" (did you mean \"always\"?)");
  EXPECT_HAS(problems(with_backend(R"("http2":true)")), "sluice/http2: expected a text");
}

TEST(AggregationBlockTest, BoundsOfBodiesAreInheritedAndAloneChangeNothingElse) {
  auto c = good(root(R"("extra_config":{"sluice":{"max_request_body":2048,"max_response_body":4096}},"endpoints":[
    {"backend":[{},{"extra_config":{"sluice":{"max_response_body":1024}}}],"extra_config":{"sluice":{"max_request_body":1099511627776}}},
    {"endpoint":"/y","backend":[{}]}])"));
  EXPECT_EQ(c->max_response_body, 4096u);
  EXPECT_EQ(c->endpoints[0].max_request_body, uint64_t{1} << 40);
  EXPECT_FALSE(c->endpoints[0].aggregation);
  EXPECT_EQ(c->endpoints[0].backends[0].max_response_body, 4096u);
  EXPECT_EQ(c->endpoints[0].backends[1].max_response_body, 1024u);
  EXPECT_FALSE(c->endpoints[0].backends[1].step);
  EXPECT_EQ(c->endpoints[1].max_request_body, 2048u);
  auto plain = good(endpoint(R"("backend":[{}])"));
  EXPECT_EQ(plain->endpoints[0].max_request_body, 64u << 20);
  EXPECT_EQ(plain->endpoints[0].backends[0].max_response_body, 256u << 20);
  EXPECT_HAS(problems(with_backend(R"("max_response_body":1023)")), "max_response_body");
  EXPECT_HAS(problems(with_backend(R"("max_response_body":"1 GB")")), "max_response_body");
}

TEST(AggregationBlockTest, ABlockOfAnotherKindIsRefused) {
  EXPECT_HAS(problems(endpoint(R"("backend":[{}],"extra_config":{"sluice":[]})")), "error: /endpoints/0/extra_config/sluice: expected an object");
  good(endpoint(R"("backend":[{}],"extra_config":{"sluice":null})"));
}

}  // namespace
}  // namespace sluice::config

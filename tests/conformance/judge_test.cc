// The comparison must find what differs, and nothing else.
#include "tests/conformance/judge.h"

#include <gtest/gtest.h>

#include "tests/conformance/features.h"
#include "tests/conformance/mock_backend.h"
#include "tests/support/test_client.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

Json J(std::string_view text) { return Json::parse_or_throw(text, "test data"); }
std::string same(std::string s) { return s; }

Answer answer(int status, std::string body, Headers headers = {}) {
  Answer a;
  a.response.status = status;
  a.response.body = std::move(body);
  a.response.headers = std::move(headers);
  return a;
}

std::vector<std::string> judge(const char* step_text, const Answer& a, const Seen& seen = {}) {
  Json step = J(step_text);
  return compare(step, step.at("expect"), describe(step, {a}, seen, same), {a});
}

TEST(JudgeTest, EqualJsonInAnotherOrderIsTheSame) {
  EXPECT_TRUE(judge(R"({"expect":{"status":200,"json":{"a":1,"b":[1,2]}}})", answer(200, R"( {"b":[1,2],"a":1})")).empty());
}

TEST(JudgeTest, EveryKindOfDifferenceIsFound) {
  EXPECT_EQ(judge(R"({"expect":{"status":201}})", answer(200, "")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"json":{"a":1}}})", answer(200, R"({"a":1.0})")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"json":{"a":1}}})", answer(200, R"({"a":1,"a":1})")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"json_text":"[1.50]"}})", answer(200, R"([1.5])")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"text":""}})", answer(200, R"({})")).size(), 1u);
  EXPECT_EQ(judge(R"({"exact":true,"expect":{"text":"{}"}})", answer(200, R"({ })")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"base64":"/w=="}})", answer(200, "\xfe")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"headers":{"X-A":"1"}}})", answer(200, "")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"headers":{"X-A":"1"}}})", answer(200, "", {{"x-a", "1"}, {"X-A", "2"}})).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"absent":["Set-Cookie"]}})", answer(200, "", {{"set-cookie", "a"}})).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"truncated":true}})", answer(200, "")).size(), 1u);
  EXPECT_EQ(judge(R"({"expect":{"connection_error":true}})", answer(200, "")).size(), 1u);
  Answer lost;
  lost.error = "connection error";
  EXPECT_EQ(judge(R"({"expect":{"status":200}})", lost).size(), 1u);
  EXPECT_TRUE(judge(R"({"expect":{"connection_error":true}})", lost).empty());
}

TEST(JudgeTest, EqualAnswersOfEveryKindPass) {
  EXPECT_TRUE(judge(R"({"expect":{"status":200,"base64":"/w=="}})", answer(200, "\xff")).empty());
  EXPECT_TRUE(judge(R"({"expect":{"headers":{"X-A":["1","2"]}}})", answer(200, "", {{"x-a", "1"}, {"X-A", "2"}})).empty());
  EXPECT_TRUE(judge(R"({"shape":true,"expect":{"json_shape":{"a":"int","b":["float"],"c":"NoneType"}}})",
                    answer(200, R"({"c":null,"b":[1.5],"a":3})")).empty());
  std::string big(kBigBody + 1, 'x');
  std::string step = R"({"expect":{"length":8193,"sha256":")" + sha256_hex(big) + "\"}}";
  EXPECT_TRUE(judge(step.c_str(), answer(200, big)).empty());
  big.back() = 'y';
  EXPECT_EQ(judge(step.c_str(), answer(200, big)).size(), 1u);
}

TEST(JudgeTest, BackendRequestsAreComparedInAnyOrderUnlessOrdered) {
  Seen seen{{"A", {J(R"({"method":"GET","path":"/2","query":{},"headers":{},"body":"","target":"/2"})"),
                   J(R"({"method":"GET","path":"/1","query":{"q":["1"]},"headers":{"h":"v"},"body":"{\"a\": 1}","target":"/1?q=1"})")}}};
  const char* expected = R"("expect":{"backend_saw":{"A":[
      {"method":"GET","path":"/1","query":{"q":["1"]},"headers":{"h":"v"},"body":"{\"a\":1}"},{"method":"GET","path":"/2"}]}}})";
  EXPECT_TRUE(judge((std::string("{") + expected).c_str(), answer(200, ""), seen).empty());
  EXPECT_FALSE(judge((std::string("{\"ordered\":true,") + expected).c_str(), answer(200, ""), seen).empty());
  EXPECT_FALSE(judge(R"({"expect":{"backend_saw":{}}})", answer(200, ""), seen).empty());
  EXPECT_FALSE(judge(R"({"expect":{"backend_saw":{"A":[{"method":"GET","path":"/2"},{"method":"GET","path":"/1"}]}}})",
                     answer(200, ""), seen).empty()) << "an unexpected header, query or body";
}

TEST(JudgeTest, StatusesOfParallelRequestsAreSorted) {
  Json step = J(R"({"parallel":3,"expect":{"statuses":[200,200,503]}})");
  std::vector<Answer> answers{answer(200, ""), answer(503, ""), answer(200, "")};
  EXPECT_TRUE(compare(step, step.at("expect"), describe(step, answers, {}, same), answers).empty());
  answers[0].response.status = 503;
  EXPECT_EQ(compare(step, step.at("expect"), describe(step, answers, {}, same), answers).size(), 1u);
}

TEST(MockBackendTest, RoutesMatchInOrderWithQueryMethodAndRepeat) {
  MockBackend backend(J(R"({"routes":[
      {"path":"/r","repeat":1,"text":"first"}, {"path":"/r","query":{"a":"1"},"text":"query"},
      {"path":"/r","method":"POST","status":201}, {"path":"/x/*","echo":true}]})"), noise_headers(), Json());
  TestClient client(backend.port());
  EXPECT_EQ(client.get("/r").body, "first");
  EXPECT_EQ(client.get("/r?a=1").body, "query");
  EXPECT_EQ(client.get("/r?a=1&a=2").status, 404);
  EXPECT_EQ(client.post("/r", "").status, 201);
  EXPECT_EQ(client.request("PUT", "/x/y?b=%C3%A9+c&d", {{"X-One", "1"}, {"Accept-Encoding", "gzip"}}, "b").body,
            R"({"method": "PUT", "path": "/x/y", "query": {"b": ["\u00e9 c"], "d": [""]}, "headers": {"x-one": "1"}, "body": "b"})");
  auto seen = backend.take();
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen[4].at("target").str(), "/x/y?b=%C3%A9+c&d");
  EXPECT_EQ(backend.count(), 0u);
}

TEST(MockBackendTest, AnswersChunkedGzippedShortAndNotAtAll) {
  MockBackend backend(J(R"({"routes":[
      {"path":"/c","chunked":true,"text":[{"text":"ab","times":600}]}, {"path":"/g","gzip":true,"body":{"a":1}},
      {"path":"/m","text":"abc","missing_bytes":2}, {"path":"/n","close":true}, {"path":"/b","base64":"/w=="},
      {"path":"/h","status":204,"headers":{"X":["1","2"]}}]})"), {}, Json());
  EXPECT_EQ(get_once(backend.port(), "/c").body.size(), 1200u);
  EXPECT_EQ(gunzip(get_once(backend.port(), "/g").body), R"({"a": 1})");
  EXPECT_TRUE(get_once(backend.port(), "/m").truncated);
  EXPECT_THROW(get_once(backend.port(), "/n"), ConnectionLost);
  EXPECT_EQ(get_once(backend.port(), "/b").body, "\xff");
  EXPECT_EQ(get_once(backend.port(), "/h").headers.count("X"), 2u);
}

TEST(FeaturesTest, LeavesOutEndpointsAndAppliesDeviations) {
  Features f(J(R"({"skip":[{"feature":"jwt","cases":["jwt-*"]}],
                   "without":[{"case":"c","endpoints":["/x"],"feature":"xml"}],
                   "deviations":[{"case":"c","step":2,"deviation":18,"expect":{"status":201,"absent":null}}]})"));
  EXPECT_EQ(f.missing("jwt-a"), "jwt");
  EXPECT_EQ(f.missing("c"), std::nullopt);
  Json c = J(R"({"config":{"endpoints":[{"endpoint":"/x"},{"endpoint":"/y"}]},
                 "steps":[{"send":{"path":"/x?a"}},{"send":{"path":"/y"},"expect":{"status":200,"absent":[]}}]})");
  f.adapt("c", c);
  EXPECT_EQ(c, J(R"({"config":{"endpoints":[{"endpoint":"/y"}]},"steps":[{"send":{"path":"/y"},"expect":{"status":201}}]})"));
  EXPECT_THROW(f.adapt("c", c), Failure) << "a second time nothing fits";
}

}  // namespace
}  // namespace sluice::test

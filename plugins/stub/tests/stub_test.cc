#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

constexpr auto kName = "backend/stub";

struct Case {
  FakeHost host;
  Configured stub;
  explicit Case(std::string_view json) : stub{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_BACKEND} {}
};

}  // namespace

TEST(StubTest, AnswersWithTheConfiguredBodyStatusAndHeaders) {
  Case c{R"({"status": 201, "headers": {"X-A": "1", "Set-Cookie": ["a=1", "b=2"]}, "body": {"id": 1.0, "s": "\n\"", "l": [true, null]}})"};
  ASSERT_TRUE(c.stub.ok()) << c.host.problem_text();
  FakeExchange x{c.host, SLC_AT_BACKEND};
  EXPECT_EQ(c.stub.send(x), SLC_REPLY);
  EXPECT_EQ(x.status, 201);
  EXPECT_EQ(x.response_body, R"({"id":1.0,"s":"\n\"","l":[true,null]})");
  EXPECT_EQ(x.header(SLC_RESPONSE, "content-type"), "application/json");
  EXPECT_EQ(x.header(SLC_RESPONSE, "x-a"), "1");
  EXPECT_EQ(x.lines(SLC_RESPONSE).size(), 4u);
}

TEST(StubTest, AnEmptyBlockAnswers200WithoutBody) {
  Case c{"{}"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  EXPECT_EQ(c.stub.send(x), SLC_REPLY);
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.response_body, "");
  EXPECT_TRUE(x.lines(SLC_RESPONSE).empty());
}

TEST(StubTest, FillsInParametersAndEscapesThemInJson) {
  Case c{R"({"body": {"id": "{id}", "via": "{request.method} {request.path}?{request.query}", "open": "{", "no": "{unknown}", "e": {}}})"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  x.params["id"] = "a\"b";
  x.path = "/p";
  x.query = "q=1";
  EXPECT_EQ(c.stub.send(x), SLC_REPLY);
  EXPECT_EQ(x.response_body, R"({"id":"a\"b","via":"GET /p?q=1","open":"{","no":"{unknown}","e":{}})");
}

TEST(StubTest, TextIsSentAsItIs) {
  Case c{R"({"text": "<id>{id}</id>{", "content_type": "text/xml"})"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  x.params["id"] = "\"7\"";
  EXPECT_EQ(c.stub.send(x), SLC_REPLY);
  EXPECT_EQ(x.response_body, "<id>\"7\"</id>{");
  EXPECT_EQ(x.header(SLC_RESPONSE, "content-type"), "text/xml");
}

TEST(StubTest, WaitsForItsLatencyWithoutBlocking) {
  Case c{R"({"latency": "150ms", "body": 1})"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  EXPECT_EQ(c.stub.send(x), SLC_PENDING);
  c.host.advance(149);
  EXPECT_FALSE(x.resumed);
  c.host.advance(1);
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.response_body, "1");
}

TEST(StubTest, JitterStaysWithinItsBound) {
  Case c{R"({"latency": "10ms", "jitter": "20ms", "body": 1})"};
  for (int i = 0; i < 50; ++i) {
    FakeExchange x{c.host, SLC_AT_BACKEND};
    ASSERT_EQ(c.stub.send(x), SLC_PENDING);
    c.host.advance(9);
    EXPECT_FALSE(x.resumed);
    c.host.advance(21);
    EXPECT_EQ(x.resumed, SLC_REPLY);
  }
}

TEST(StubTest, ACancelledCallNeverAnswers) {
  Case c{R"({"latency": "150ms"})"};
  {
    FakeExchange x{c.host, SLC_AT_BACKEND};
    EXPECT_EQ(c.stub.send(x), SLC_PENDING);
  }
  EXPECT_EQ(c.host.timers(), 0u);
}

TEST(StubTest, GivesItsResponsesInTurnAndInheritsWhatTheyLeaveOut) {
  Case c{R"({"headers": {"X-A": "base"}, "body": "base",
             "responses": [{"status": 503, "text": "busy"}, {}, {"headers": {"X-B": "2"}, "latency": "5ms"}]})"};
  ASSERT_TRUE(c.stub.ok()) << c.host.problem_text();
  for (int round = 0; round < 2; ++round) {
    FakeExchange x{c.host, SLC_AT_BACKEND}, y{c.host, SLC_AT_BACKEND}, z{c.host, SLC_AT_BACKEND};
    EXPECT_EQ(c.stub.send(x), SLC_REPLY);
    EXPECT_EQ(x.status, 503);
    EXPECT_EQ(x.response_body, "busy");
    EXPECT_EQ(x.header(SLC_RESPONSE, "content-type"), "text/plain; charset=utf-8");
    EXPECT_EQ(c.stub.send(y), SLC_REPLY);
    EXPECT_EQ(y.response_body, "\"base\"");
    EXPECT_EQ(y.header(SLC_RESPONSE, "x-a"), "base");
    EXPECT_EQ(y.header(SLC_RESPONSE, "content-type"), "application/json");
    EXPECT_EQ(c.stub.send(z), SLC_PENDING);
    c.host.advance(5);
    EXPECT_EQ(z.header(SLC_RESPONSE, "x-b"), "2");
    EXPECT_EQ(z.header(SLC_RESPONSE, "x-a"), "");
  }
}

TEST(StubTest, FailsAtItsRate) {
  Case always{R"({"failure_rate": 1, "failure": {"status": 503}})"};
  FakeExchange x{always.host, SLC_AT_BACKEND};
  EXPECT_EQ(always.stub.send(x), SLC_REPLY);
  EXPECT_EQ(x.status, 503);

  Case refusing{R"({"failure_rate": 1, "failure": "refuse"})"};
  FakeExchange y{refusing.host, SLC_AT_BACKEND};
  EXPECT_EQ(refusing.stub.send(y), SLC_FAIL);
  EXPECT_TRUE(y.failure);

  Case sometimes{R"({"failure_rate": 0.25})"};
  int failures = 0;
  for (int i = 0; i < 4000; ++i) {
    FakeExchange z{sometimes.host, SLC_AT_BACKEND};
    failures += sometimes.stub.send(z) == SLC_FAIL;
  }
  EXPECT_NEAR(failures, 1000, 280);  // ten standard deviations
}

TEST(StubTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {{R"({"status": 99})", "/status"},
                                                       {R"({"text": 1})", "/text"},
                                                       {R"({"text": "a", "body": 1})", "/text"},
                                                       {R"({"latency": "fast"})", "/latency"},
                                                       {R"({"jitter": "-1s"})", "/jitter"},
                                                       {R"({"headers": {"a b": "1"}})", "/headers/a b"},
                                                       {R"({"headers": {"a": {}}})", "/headers/a"},
                                                       {R"({"responses": []})", "/responses"},
                                                       {R"({"responses": [{}, {"status": "x"}]})", "/responses/1/status"},
                                                       {R"({"failure_rate": 2})", "/failure_rate"},
                                                       {R"({"failure": "explode"})", "/failure"},
                                                       {R"({"failure": {"status": 20}})", "/failure/status"}};
  for (const auto& [json, pointer] : cases) {
    Case c{json};
    EXPECT_FALSE(c.stub.ok()) << json;
    EXPECT_TRUE(c.host.has_problem(pointer)) << json << '\n' << c.host.problem_text();
  }
}

TEST(StubTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "backend/stub", "{}"};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}

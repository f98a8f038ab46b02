#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;

namespace {

struct Case {
  FakeHost host;
  Configured plugin;
  explicit Case(std::string_view json) : plugin{host, SLC_ENTRY_SYMBOL, "backend/graphql", json, SLC_AT_BACKEND} {}
};

}  // namespace

TEST(GraphQlTest, AQueryReplacesMethodAndBody) {
  Case c{R"({"type": "Query", "query": "q", "operationName": "Op", "variables": {"id": "{id}", "n": 3}})"};
  ASSERT_TRUE(c.plugin.ok()) << c.host.problem_text();
  for (const char* id : {"7", "8"}) {
    FakeExchange x{c.host, SLC_AT_BACKEND};
    x.params["id"] = id;
    x.query = "a=b";
    x.request_body = "what the client sent";
    x.add_header(SLC_REQUEST, "Content-Type", "text/plain");
    EXPECT_EQ(c.plugin.on_call(x), SLC_NEXT);
    EXPECT_EQ(x.method, "POST");
    EXPECT_EQ(x.request_body, std::string{R"({"query":"q","operationName":"Op","variables":{"id":")"} + id + R"(","n":3}})");
    EXPECT_EQ(x.query, "a=b");
    EXPECT_EQ(x.header(SLC_REQUEST, "content-type"), "application/json");
    EXPECT_EQ(x.header(SLC_REQUEST, "content-length"), std::to_string(x.request_body.size()));
  }
}

TEST(GraphQlTest, ParametersOfEarlierAnswersAndTokensAreFoundByTheirCapital) {
  Case c{R"({"type": "query", "query": "q", "variables": {"a": "{resp0_id}", "b": "{JWT.sub}", "c": "{none}"}})"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  x.params["Resp0_id"] = "1";
  x.params["JWT.sub"] = "ann";
  EXPECT_EQ(c.plugin.on_call(x), SLC_NEXT);
  EXPECT_EQ(x.request_body, R"({"query":"q","variables":{"a":"1","b":"ann","c":""}})");
}

TEST(GraphQlTest, GetSendsTheOperationInTheUrl) {
  Case c{R"({"type": "query", "query": "{ a }", "method": "get", "variables": {"n": 1}})"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  x.method = "POST";
  x.query = "k=v";
  x.request_body = "body";
  EXPECT_EQ(c.plugin.on_call(x), SLC_NEXT);
  EXPECT_EQ(x.method, "GET");
  EXPECT_EQ(x.request_body, "");
  EXPECT_EQ(x.query, "k=v&query=%7B%20a%20%7D&variables=%7B%22n%22%3A1%7D");
}

TEST(GraphQlTest, GetAsTheReferenceSendsNothingOfTheOperation) {
  Case c{R"({"type": "query", "query": "{ a }", "method": "GET", "get_without_parameters": true})"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  EXPECT_EQ(c.plugin.on_call(x), SLC_NEXT);
  EXPECT_EQ(x.query, "");
  EXPECT_EQ(x.header(SLC_REQUEST, "content-type"), "application/json");
}

TEST(GraphQlTest, AMutationNeedsAnObject) {
  Case c{R"({"type": "mutation", "query": "m", "variables": {"role": "guest"}})"};
  FakeExchange good{c.host, SLC_AT_BACKEND};
  good.request_body = R"({"name":"ann"})";
  EXPECT_EQ(c.plugin.on_call(good), SLC_NEXT);
  EXPECT_EQ(good.request_body, R"({"query":"m","variables":{"name":"ann","role":"guest"}})");
  for (const char* bad : {"", "[1]", "5"}) {
    FakeExchange x{c.host, SLC_AT_BACKEND};
    x.request_body = bad;
    EXPECT_EQ(c.plugin.on_call(x), SLC_FAIL) << bad;
    ASSERT_TRUE(x.failure);
    EXPECT_EQ(x.failure->http_status, 0) << "500 for the client";
  }
}

TEST(GraphQlTest, ABlockWithoutAKnownTypeDoesNothingAndSaysSo) {
  for (const char* json : {R"({"query": "q"})", R"({"type": "subscription", "query": "q"})"}) {
    Case c{json};
    EXPECT_TRUE(c.plugin.asks_for_nothing()) << json;
    EXPECT_EQ(c.host.warnings().size(), 1u);
  }
}

TEST(GraphQlTest, TheDocumentComesFromAFile) {
  const std::string path = std::filesystem::temp_directory_path() / ("graphql-test-" + std::to_string(::getpid()) + ".graphql");
  std::ofstream{path} << "{ from { file } }";
  Case c{R"({"type": "query", "query": "other", "query_path": ")" + path + "\"}"};
  std::remove(path.c_str());
  ASSERT_TRUE(c.plugin.ok()) << c.host.problem_text();
  FakeExchange x{c.host, SLC_AT_BACKEND};
  EXPECT_EQ(c.plugin.on_call(x), SLC_NEXT);
  EXPECT_EQ(x.request_body, R"({"query":"{ from { file } }"})");
}

TEST(GraphQlTest, WhatIsWrongIsRefusedAtItsPlace) {
  Case missing{R"({"type": "query", "query_path": "/nowhere/q.graphql"})"};
  EXPECT_FALSE(missing.plugin.ok());
  EXPECT_TRUE(missing.host.has_problem("/query_path"));
  EXPECT_NE(missing.host.problem_text().find("open /nowhere/q.graphql: No such file"), std::string::npos);
  Case wrong{R"({"type": 1, "query": [], "variables": 5})"};
  for (const char* at : {"/type", "/query", "/variables"}) EXPECT_TRUE(wrong.host.has_problem(at)) << at;
}

TEST(GraphQlTest, AnEmptyVariableIsALiteral) {
  Case c{R"({"type": "query", "query": "q", "variables": {"a": "", "b": "pre{id}", "c": {"d": "{id}"}}})"};
  FakeExchange x{c.host, SLC_AT_BACKEND};
  EXPECT_EQ(c.plugin.on_call(x), SLC_NEXT);
  EXPECT_EQ(x.request_body, R"({"query":"q","variables":{"a":"","b":"pre{id}","c":{"d":"{id}"}}})");
}

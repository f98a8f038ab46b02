// Compressed answers of backends: decompressed within bounds.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

// {"a":1} behind so many blanks that deflate makes next to nothing of them.
Reply blank_json(size_t blanks) {
  const std::string bytes = gzip(std::string(blanks, ' ') + "{\"a\":1}");
  return {200, {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}, bytes};
}
std::string client_block(const std::string& inside) { return R"("extra_config": {"backend/http/client": {)" + inside + "}}"; }

struct GzipAnswerTest : ::testing::Test {
  FakeUpstream up;
  GzipAnswerTest() {
    up.on("/small", blank_json(1 << 20));
    up.on("/bomb", blank_json(12 << 20));
  }
  std::string at(const std::string& path, const std::string& to, const std::string& more = "") {
    return endpoint_of(path, backend_of(up.url(), to, more));
  }
};

TEST_F(GzipAnswerTest, ABombFailsItsBackendAndNothingElse) {
  GatewayProcess gateway(options_of(config_of(at("/small", "/small") + "," + at("/bomb", "/bomb") + "," +
                                              endpoint_of("/both", backend_of(up.url(), "/bomb") + "," + backend_of(up.url(), "/small")))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/small").body, R"({"a":1})") << "little text may well repeat itself";
  EXPECT_EQ(client.get("/bomb").status, 500);
  gateway.process().wait_for_output("gzip: compression ratio over its limit");
  const Response both = client.get("/both");
  EXPECT_EQ(both.body, R"({"a":1})");
  EXPECT_EQ(both.header("X-Krakend-Completed"), "false");
}

TEST_F(GzipAnswerTest, ItsNameHasNoCaseAndAnOlderOne) {
  std::string endpoints;
  for (const std::string name : {"GZIP", "x-gzip", "Gzip"}) {
    up.on("/" + name, Reply{200, {{"Content-Type", "application/json"}, {"Content-Encoding", name}}, gzip(R"({"a":1})")});
    endpoints += at("/" + name, "/" + name) + "," + no_op_endpoint("/raw/" + name, backend_of(up.url(), "/" + name)) + ",";
  }
  endpoints.pop_back();
  GatewayProcess gateway(options_of(config_of(endpoints)));
  TestClient client(gateway.port());
  for (const std::string name : {"GZIP", "x-gzip", "Gzip"}) {
    EXPECT_EQ(client.get("/" + name).body, R"({"a":1})") << name;
    const Response raw = client.get("/raw/" + name);
    EXPECT_EQ(raw.body, R"({"a":1})") << name;
    EXPECT_EQ(raw.header("Content-Encoding"), "") << name;
  }
}

TEST_F(GzipAnswerTest, TheRatioIsTheBackendsOwn) {
  GatewayProcess gateway(options_of(config_of(at("/free", "/bomb", client_block(R"("max_gzip_ratio": 0)")) + "," +
                                              at("/wide", "/bomb", client_block(R"("max_gzip_ratio": 2000)")) + "," +
                                              at("/tight", "/bomb", client_block(R"("max_gzip_ratio": 10)")))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/free").body, R"({"a":1})");
  EXPECT_EQ(client.get("/wide").body, R"({"a":1})");
  EXPECT_EQ(client.get("/tight").status, 500);
}

TEST_F(GzipAnswerTest, WhatIsPassedOnIsNotHeldAndHasNoBound) {
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/raw", backend_of(up.url(), "/bomb")))));
  const Response r = get_once(gateway.port(), "/raw");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body.size(), (12 << 20) + 7u);
  EXPECT_EQ(r.header("Content-Encoding"), "") << "the gateway asked for gzip, not the client";
}

}  // namespace
}  // namespace sluice::test

// qos/http-cache in the running gateway: with decoders and without, stages around it, several workers, a reload.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/gateway_config.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

constexpr auto kCache = R"("extra_config": {"qos/http-cache": {}})";

Reply cacheable(std::string body, std::string control = "max-age=100", Headers more = {}) {
  Reply r{200, std::move(more), std::move(body)};
  r.headers.add("Content-Type", "application/json");
  r.headers.add("Cache-Control", std::move(control));
  r.headers.add("Date", http_date());
  return r;
}
// Each answer has the number of its request.
FakeUpstream::Handler counting(std::string control = "max-age=100", Headers more = {},
                               std::shared_ptr<std::atomic<int>> n = std::make_shared<std::atomic<int>>(0)) {
  return [=](const FakeUpstream::Request&) { return cacheable(R"({"n":)" + std::to_string(++*n) + "}", control, more); };
}

TEST(HttpCacheGatewayTest, ADecodedAnswerComesFromMemoryTheSecondTime) {
  FakeUpstream up;
  up.on("/d", counting());
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d", std::string{R"("mapping": {"n": "m"}, )"} + kCache)))));
  TestClient client(gateway.port());
  for (int i = 0; i < 3; ++i) {
    const Response r = client.get("/x");
    EXPECT_EQ(r.body, R"({"m":1})");
    EXPECT_EQ(r.header("X-Krakend-Completed"), "true");
  }
  EXPECT_EQ(up.count("/d"), 1);
}

TEST(HttpCacheGatewayTest, ARawAnswerKeepsItsHeadersAndItsLength) {
  FakeUpstream up;
  const std::string large(300'000, 'x');
  up.on("/d", cacheable(large, "max-age=100", {{"X-Of-Backend", "yes"}}));
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/x", backend_of(up.url(), "/d", kCache)))));
  TestClient client(gateway.port());
  for (int i = 0; i < 3; ++i) {
    const Response r = client.get("/x");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, large);
    EXPECT_EQ(r.headers.count("Content-Length"), 1u);
    EXPECT_EQ(r.header("Content-Length"), std::to_string(large.size()));
    EXPECT_EQ(r.header("X-Of-Backend"), "yes");
  }
  EXPECT_EQ(up.count("/d"), 1);
}

TEST(HttpCacheGatewayTest, ARawAnswerInChunksAndAnEmptyOneAreStored) {
  FakeUpstream up;
  up.manual("/chunks");
  up.on("/empty", cacheable(""));
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/c", backend_of(up.url(), "/chunks", kCache)) + "," +
                                              no_op_endpoint("/e", backend_of(up.url(), "/empty", kCache)))));
  TestClient client(gateway.port());
  client.send_request("GET", "/c");
  auto call = up.wait_for_request("/chunks");
  call.send_head(200, {{"Cache-Control", "max-age=100"}, {"Date", http_date()}});
  EXPECT_EQ(client.read_head().status, 200);
  call.send_piece("a");
  EXPECT_EQ(client.next_piece(), "a") << "it passes while it is kept";
  call.send_piece("b");
  EXPECT_EQ(client.next_piece(), "b");
  call.finish();
  EXPECT_EQ(client.next_piece(), "");
  EXPECT_EQ(client.get("/c").body, "ab");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.get("/e").body, "");
  EXPECT_EQ(up.count("/chunks"), 1);
  EXPECT_EQ(up.count("/empty"), 1);
}

TEST(HttpCacheGatewayTest, HeadHasEntriesOfItsOwn) {
  FakeUpstream up;
  up.on("/d", cacheable("twelve bytes"));
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/x", backend_of(up.url(), "/d", kCache), R"("method": "HEAD", )"))));
  TestClient client(gateway.port());
  for (int i = 0; i < 3; ++i) {
    const Response r = client.request("HEAD", "/x");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.header("Content-Length"), "12");
  }
  EXPECT_EQ(up.count("/d"), 1);
}

TEST(HttpCacheGatewayTest, ABodyThatBrokeOffIsNotStored) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/x", backend_of(up.url(), "/d", kCache)))));
  {
    TestClient client(gateway.port());
    client.send_request("GET", "/x");
    auto call = up.wait_for_request("/d");
    call.send_head(200, {{"Cache-Control", "max-age=100"}, {"Date", http_date()}}, 100);
    EXPECT_EQ(client.read_head().status, 200);
    call.send_piece("part");
    EXPECT_EQ(client.next_piece(), "part");
    call.close();
    EXPECT_THROW(client.next_piece(), ConnectionLost);
  }
  TestClient client(gateway.port());
  client.send_request("GET", "/x");
  up.wait_for_request("/d").answer(cacheable("whole"));
  EXPECT_EQ(client.read().body, "whole");
}

TEST(HttpCacheGatewayTest, AnOldAnswerIsAskedForAndHoldsOn) {
  for (const bool raw : {false, true}) {
    FakeUpstream up;
    up.on("/d", [](const FakeUpstream::Request& r) {
      Reply answer = cacheable(R"({"n":1})", "max-age=0", {{"ETag", "\"v1\""}});
      if (r.headers.get("If-None-Match") == "\"v1\"") answer = Reply{304, {{"ETag", "\"v1\""}, {"X-Now", "later"}, {"Date", http_date()}}, ""};
      return answer;
    });
    const std::string backend = backend_of(up.url(), "/d", kCache);
    GatewayProcess gateway(options_of(config_of(raw ? no_op_endpoint("/x", backend) : endpoint_of("/x", backend))));
    TestClient client(gateway.port());
    for (int i = 0; i < 3; ++i) {
      const Response r = client.get("/x");
      EXPECT_EQ(r.status, 200) << raw << i;
      EXPECT_EQ(r.body, R"({"n":1})") << raw << i;
      EXPECT_EQ(r.header("X-Now"), raw && i > 0 ? "later" : "") << raw << i;
    }
    EXPECT_EQ(up.count("/d"), 3);
    EXPECT_EQ(up.requests()[2].headers.get("If-None-Match"), "\"v1\"");
  }
}

TEST(HttpCacheGatewayTest, AnOldAnswerStandsInForAFailure) {
  for (const bool raw : {false, true}) {
    FakeUpstream up;
    auto broken = std::make_shared<std::atomic<bool>>(false);
    up.on("/d", [broken](const FakeUpstream::Request&) {
      return *broken ? Reply{503, {{"Date", http_date()}}, "overloaded, and telling so at some length"}
                     : cacheable(R"({"n":1})", "max-age=0, stale-if-error=600");
    });
    const std::string backend = backend_of(up.url(), "/d", kCache);
    GatewayProcess gateway(options_of(config_of(raw ? no_op_endpoint("/x", backend) : endpoint_of("/x", backend))));
    TestClient client(gateway.port());
    EXPECT_EQ(client.get("/x").body, R"({"n":1})");
    *broken = true;
    EXPECT_EQ(client.get("/x").body, R"({"n":1})") << raw << ": status 503";
    up.refuse();
    up.end_connections();
    for (int i = 0; i < 2; ++i) {
      const Response r = client.get("/x");
      EXPECT_EQ(r.status, 200) << raw;
      EXPECT_EQ(r.body, R"({"n":1})") << raw << ": nobody listens";
    }
  }
}

TEST(HttpCacheGatewayTest, WhatIsOutsideSeesAnswersOfTheCacheToo) {
  FakeUpstream up;
  up.on("/d", counting());
  // Two calls are let through; those that the cache answers need permission, too.
  GatewayProcess gateway(options_of(config_of(endpoint_of(
      "/x", backend_of(up.url(), "/d", R"("extra_config": {"qos/http-cache": {}, "qos/ratelimit/proxy": {"max_rate": 2, "capacity": 2, "every": "10m"}})")))));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/x").status, 200);
  EXPECT_EQ(client.get("/x").status, 200);
  EXPECT_NE(client.get("/x").status, 200);
  EXPECT_EQ(up.count("/d"), 1);
}

TEST(HttpCacheGatewayTest, ItemsAndBytesAreBounded) {
  FakeUpstream up;
  up.on("*", [](const FakeUpstream::Request& r) { return cacheable("\"" + r.path + "\""); });
  const auto backend = [&](const char* limits) {
    return backend_of(up.url(), "/{id}", std::string{R"("encoding": "string", "extra_config": {"qos/http-cache": )"} + limits + "}");
  };
  GatewayProcess gateway(options_of(config_of(endpoint_of("/items/{id}", backend(R"({"max_items": 2, "max_size": 100000})")) + "," +
                                              endpoint_of("/bytes/{id}", backend(R"({"max_items": 1000, "max_size": 350})")))));
  TestClient client(gateway.port());
  for (const std::string place : {"/items/", "/bytes/"}) {
    const std::string p = place.substr(1, 1);
    for (const char* id : {"1", "2", "3", "2", "3", "1"}) client.get(place + p + id);
    EXPECT_EQ(up.count("/" + p + "1"), 2) << place << "thrown out for the third";
    EXPECT_EQ(up.count("/" + p + "2"), 1) << place;
    EXPECT_EQ(up.count("/" + p + "3"), 1) << place;
  }
}

TEST(HttpCacheGatewayTest, VariantsAreKeptSideBySide) {
  FakeUpstream up;
  up.on("/d", [](const FakeUpstream::Request& r) {
    return cacheable(R"({"lang":")" + r.headers.get("X-Lang") + "\"}", "max-age=100", {{"Vary", "X-Lang"}});
  });
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d", kCache), R"("input_headers": ["X-Lang"], )"))));
  TestClient client(gateway.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.get("/x", {{"X-Lang", "en"}}).body, R"({"lang":"en"})");
    EXPECT_EQ(client.get("/x", {{"X-Lang", "it"}}).body, R"({"lang":"it"})");
    EXPECT_EQ(client.get("/x").body, R"({"lang":""})");
  }
  EXPECT_EQ(up.count("/d"), 3);
}

TEST(HttpCacheGatewayTest, AReloadKeepsWhatIsStored) {
  FakeUpstream up;
  up.on("/d", counting());
  const auto config = [&](const std::string& more) {
    return config_of(more + endpoint_of("/x", backend_of(up.url(), "/d", kCache)) + "," +
                     endpoint_of("/s", backend_of(up.url(), "/d", R"("extra_config": {"qos/http-cache": {"shared": true}})")));
  };
  GatewayProcess gateway(options_of(config("")));
  {
    TestClient client(gateway.port());
    EXPECT_EQ(client.get("/x").body, R"({"n":1})");
    EXPECT_EQ(client.get("/s").body, R"({"n":2})");
  }
  gateway.configure(config(endpoint_of("/new", backend_of(up.url(), "/d")) + ","));
  EXPECT_EQ(run_program({gateway_binary(), "reload", "--admin", gateway.admin()}).code, 0);
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/new").body, R"({"n":3})");
  EXPECT_EQ(client.get("/x").body, R"({"n":1})");
  EXPECT_EQ(client.get("/s").body, R"({"n":2})");
}

// The same question of many clients at once, on all workers, is one question to the backend.
TEST(HttpCacheThreadsTest, ManyAtOnceAreOneCall) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d", kCache))), 2));
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 16; ++i) {
    clients.push_back(std::make_unique<TestClient>(gateway.port()));
    clients.back()->send_request("GET", "/x");
  }
  auto call = up.wait_for_request("/d");
  // Those that are not in the gateway yet find the answer there; the others wait for it.
  call.answer(cacheable(R"({"n":1})"));
  for (auto& c : clients) EXPECT_EQ(c->read().body, R"({"n":1})");
  EXPECT_EQ(up.count("/d"), 1);
}

TEST(HttpCacheThreadsTest, WhatServesNobodyElseIsAskedForByEach) {
  FakeUpstream up;
  up.on("/d", counting("no-store"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d", kCache))), 2));
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&] {
      TestClient client(gateway.port());
      for (int i = 0; i < 25; ++i) EXPECT_EQ(client.get("/x").status, 200);
    });
  for (std::thread& t : all) t.join();
  EXPECT_EQ(up.count("/d"), 100);
}

TEST(HttpCacheThreadsTest, WorkersShareOneCacheUnderLoad) {
  FakeUpstream up;
  up.on("*", [](const FakeUpstream::Request& r) { return cacheable("\"" + r.path + "\"", "max-age=100"); });
  GatewayProcess gateway(options_of(
      config_of(endpoint_of("/x/{id}", backend_of(up.url(), "/{id}", R"("encoding": "string", "extra_config": {"qos/http-cache": {"max_items": 8}})"))), 2));
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      TestClient client(gateway.port());
      for (int i = 0; i < 100; ++i) {
        const std::string id = std::to_string((i * (t + 1)) % 12);
        EXPECT_EQ(client.get("/x/" + id).body, R"({"content":"\"/)" + id + R"(\""})");
      }
    });
  for (std::thread& t : all) t.join();
}

}  // namespace
}  // namespace sluice::test

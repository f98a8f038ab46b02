// Request bodies of every kind and method, as they reach backends.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

struct BodiesTest : ::testing::Test {
  FakeUpstream up;
  std::unique_ptr<GatewayProcess> gateway;
  void start(const std::string& endpoints) {
    up.on("*", Reply::json(R"({"ok":true})"));
    gateway = std::make_unique<GatewayProcess>(options_of(config_of(endpoints)));
  }
};

TEST_F(BodiesTest, PassForEveryMethodThroughDecodingEndpoints) {
  std::string endpoints;
  for (const char* m : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
    endpoints += (endpoints.empty() ? "" : ",") + endpoint_of("/b", backend_of(up.url(), "/b"), R"("method": ")" + std::string{m} + R"(", )");
  start(endpoints);
  for (const char* m : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    const Response r = TestClient{gateway->port()}.request(m, "/b", {{"Content-Type", "application/merge-patch+json"}}, R"({"a":null})");
    EXPECT_EQ(r.status, 200) << m;
    const auto seen = up.requests().back();
    EXPECT_EQ(seen.method, m);
    EXPECT_EQ(seen.body, R"({"a":null})") << m;
    EXPECT_EQ(seen.headers.get("Content-Type"), "application/merge-patch+json") << m;
  }
}

TEST_F(BodiesTest, AMultipartFormArrivesByteForByteAtEachBackend) {
  start(endpoint_of("/form", backend_of(up.url(), "/one") + "," + backend_of(up.url(), "/two"), R"("method": "POST", )") + "," +
        no_op_endpoint("/raw", backend_of(up.url(), "/raw"), R"("method": "POST", "input_headers": ["Content-Type", "Content-Length"], )"));
  std::string file(70'000, '\0');
  for (size_t i = 0; i < file.size(); ++i) file[i] = static_cast<char>(i * 7);
  const std::string form =
      "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n" + file + "\r\n--x--\r\n";
  for (const char* path : {"/form", "/raw"})
    EXPECT_EQ(TestClient{gateway->port()}.post(path, form, {{"Content-Type", "multipart/form-data; boundary=x"}}).status, 200) << path;
  ASSERT_EQ(up.requests().size(), 3u);
  for (const auto& seen : up.requests()) {
    EXPECT_EQ(seen.headers.get("Content-Type"), "multipart/form-data; boundary=x") << seen.path;
    EXPECT_TRUE(seen.body == form) << seen.path << " " << seen.body.size();
  }
  EXPECT_EQ(up.requests().back().headers.get("Content-Length"), std::to_string(form.size()));
}

TEST_F(BodiesTest, ACompressedRequestPassesAsItCame) {
  start(endpoint_of("/z", backend_of(up.url(), "/z"), R"("method": "PUT", "input_headers": ["Content-Type", "Content-Encoding"], )"));
  const std::string packed = gzip(std::string(5000, 'a'));
  EXPECT_EQ(TestClient{gateway->port()}.request("PUT", "/z", {{"Content-Encoding", "gzip"}}, packed).status, 200);
  EXPECT_TRUE(up.requests().back().body == packed);
  EXPECT_EQ(up.requests().back().headers.get("Content-Encoding"), "gzip");
}

TEST_F(BodiesTest, ThatAreHeldWholeMayHave64MiBAndNotAByteMore) {
  start(endpoint_of("/b", backend_of(up.url(), "/b"), R"("method": "POST", )"));
  const std::string full(size_t{64} << 20, 'x');
  EXPECT_EQ(TestClient{gateway->port()}.post("/b", full).status, 200);
  EXPECT_TRUE(up.requests().back().body == full);
  EXPECT_EQ(TestClient{gateway->port()}.post("/b", full + "x").status, 413);
  TestClient chunked(gateway->port());
  chunked.send("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4000000\r\n");
  chunked.send(full);
  chunked.send("\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.read().status, 413) << "nor without a length";
  EXPECT_EQ(up.count("/b"), 1) << "the backend heard of neither";
}

TEST_F(BodiesTest, BoundsMayBeOfTheServiceOfAnEndpointAndOfABackend) {
  const std::string small = R"("extra_config": {"sluice": {"max_response_body": 1024}})",
                    large = R"("method": "POST", "extra_config": {"sluice": {"max_request_body": 4096}}, )";
  up.on("*", Reply::json(R"({"ok":true})"));
  up.on("/long", Reply::json("{\"text\":\"" + std::string(2000, 'x') + "\"}"));
  gateway = std::make_unique<GatewayProcess>(options_of(
      R"({"version": 3, "timeout": "20s", "extra_config": {"sluice": {"max_request_body": 2048}}, "endpoints": [)" +
      endpoint_of("/a", backend_of(up.url(), "/a"), R"("method": "POST", )") + "," + endpoint_of("/b", backend_of(up.url(), "/b"), large) + "," +
      endpoint_of("/c", backend_of(up.url(), "/long")) + "," + endpoint_of("/d", backend_of(up.url(), "/long", small)) + "]}"));
  const auto posted = [&](const char* path, size_t size) { return TestClient{gateway->port()}.post(path, std::string(size, 'x')).status; };
  EXPECT_EQ(posted("/a", 2048), 200);
  EXPECT_EQ(posted("/a", 2049), 413);
  EXPECT_EQ(posted("/b", 4096), 200);
  EXPECT_EQ(posted("/b", 4097), 413);
  TestClient client{gateway->port()};
  EXPECT_EQ(client.get("/c").status, 200);
  EXPECT_EQ(client.get("/d").status, 500);
}

// Whole with their heads or not, as the network has it: bodies that pass have no bound.
TEST_F(BodiesTest, BoundsAreNotForBodiesThatPass) {
  up.on("*", Reply::json(R"({"ok":true})"));
  start(no_op_endpoint("/n", backend_of(up.url(), "/n"), R"("method": "POST", "extra_config": {"sluice": {"max_request_body": 1024}}, )"));
  const std::string body(5000, 'x'), head = "POST /n HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n";
  TestClient together{gateway->port()};
  together.send(head + body);
  EXPECT_EQ(together.read("POST").status, 200);
  EXPECT_TRUE(up.requests().back().body == body);
  EXPECT_EQ(TestClient{gateway->port()}.post("/n", std::string(300'000, 'x')).status, 200);
}

TEST_F(BodiesTest, ABodyThatIsAnnouncedAsTooLongIsNotAskedFor) {
  start(endpoint_of("/b", backend_of(up.url(), "/b"), R"("method": "POST", "extra_config": {"sluice": {"max_request_body": 1024}}, )"));
  TestClient client{gateway->port()};
  client.send("POST /b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n");
  EXPECT_EQ(client.raw_line(), "HTTP/1.1 413 Request Entity Too Large");
}

TEST_F(BodiesTest, HeadHasTheHeadersOfTheBackendAndNoBody) {
  up.on("/h", Reply{200, {{"Content-Type", "text/x"}, {"Etag", "\"1\""}}, "five!"});
  start(no_op_endpoint("/h", backend_of(up.url(), "/h"), R"("method": ["GET", "HEAD"], )"));
  TestClient client{gateway->port()};
  Response r = client.request("HEAD", "/h");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("Etag"), "\"1\"");
  EXPECT_EQ(r.header("Content-Length"), "5");
  EXPECT_EQ(r.body, "");
  EXPECT_EQ(client.get("/h").body, "five!") << "on the same connection";
}

}  // namespace
}  // namespace sluice::test

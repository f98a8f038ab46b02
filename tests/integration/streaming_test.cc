// Bodies that pass through: at once, in both directions, in bounded memory, and never silently cut.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

constexpr size_t kMiB = 1 << 20;
// A sanitizer keeps freed memory and is slow: less traffic, and no judgement of memory there.
size_t big_body() { return (instrumented_build() != nullptr ? 32 : 200) * kMiB; }
void expect_small_growth(size_t before, size_t after) {
  if (instrumented_build() == nullptr) {
    EXPECT_LT(after, before + 16 * kMiB) << "resident before: " << before;
  }
}

TEST(StreamingTest, AnEventArrivesBeforeTheStreamEnds) {
  FakeUpstream up;
  up.manual("/events");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/events", backend_of(up.url(), "/events")))));
  TestClient client(gateway.port());
  client.send_request("GET", "/events");
  auto call = up.wait_for_request("/events");
  call.send_head(200, {{"Content-Type", "text/event-stream"}});
  Response head = client.read_head();  // the head does not wait for the first event
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
  for (int i = 0; i < 5; ++i) {
    std::string event = "data: " + std::to_string(i) + "\n\n";
    call.send_piece(event);
    EXPECT_EQ(client.next_bytes(event.size()), event);
  }
  call.finish();
  EXPECT_EQ(client.next_piece(), "");
  client.send_request("GET", "/events");  // both connections are still good
  up.wait_for_request("/events").answer({200, {}, "again"});
  EXPECT_EQ(client.read().body, "again");
  EXPECT_EQ(up.connections_accepted(), 1);
}

TEST(StreamingTest, ASlowReaderDoesNotFillTheGateway) {
  FakeUpstream up;
  up.manual("/big");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/big", backend_of(up.url(), "/big"), R"("timeout": "120s", )"))));
  TestClient client(gateway.port());
  size_t before = gateway.resident_bytes();
  client.send_request("GET", "/big");
  auto call = up.wait_for_request("/big");
  size_t total = big_body();
  call.send_head(200, {{"Content-Type", "application/octet-stream"}}, total);
  EXPECT_EQ(client.read_head().status, 200);
  size_t sent = call.send_until_blocked(total, Limit(500));
  EXPECT_LT(sent, total) << "the gateway swallowed everything though nobody read";
  expect_small_growth(before, gateway.resident_bytes());
  std::thread sender([&] {
    call.send_until_blocked(total - sent, kLimit);
    call.finish();
  });
  size_t received = 0;
  for (std::string piece; !(piece = client.next_piece()).empty();) received += piece.size();
  sender.join();
  EXPECT_EQ(received, total);
  expect_small_growth(before, gateway.resident_bytes());
}

TEST(StreamingTest, ASlowBackendDoesNotFillTheGatewayWithAnUpload) {
  FakeUpstream up;
  up.manual("/up", FakeUpstream::Body::left);
  GatewayProcess gateway(
      options_of(config_of(no_op_endpoint("/up", backend_of(up.url(), "/up"), R"("method": "POST", "timeout": "120s", )"))));
  TestClient client(gateway.port());
  size_t before = gateway.resident_bytes(), total = big_body();
  client.send("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
  const std::string block(kMiB, 'u');
  const size_t sent = client.send_until_stuck(block, total);
  EXPECT_LT(sent, total) << "the gateway swallowed everything though nobody read";
  expect_small_growth(before, gateway.resident_bytes());
  auto call = up.wait_for_request("/up");
  std::thread sender([&] {
    for (size_t left = total - sent; left > 0;) {
      size_t n = std::min(left, block.size());
      client.send(std::string_view(block).substr(0, n));
      left -= n;
    }
  });
  size_t received = 0;
  for (std::string piece; !(piece = call.read_body_some()).empty();) received += piece.size();
  sender.join();
  EXPECT_EQ(received, total);
  call.answer({200, {}, "done"});
  EXPECT_EQ(client.read().body, "done");
  expect_small_growth(before, gateway.resident_bytes());
}

TEST(StreamingTest, ARequestBodyReachesTheBackendWhileItIsStillBeingSent) {
  FakeUpstream up;
  up.manual("/up", FakeUpstream::Body::left);
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/up", backend_of(up.url(), "/up"), R"("method": "POST", )"))));
  TestClient client(gateway.port());
  client.send("POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  auto call = up.wait_for_request("/up");
  std::string got;
  while (got.size() < 5) got += call.read_body_some();
  EXPECT_EQ(got, "first");
  client.send("6\r\nsecond\r\n0\r\n\r\n");
  got.clear();
  for (std::string piece; !(piece = call.read_body_some()).empty();) got += piece;
  EXPECT_EQ(got, "second");
  call.answer({200, {}, "ok"});
  EXPECT_EQ(client.read().body, "ok");
}

TEST(StreamingTest, ABodyTheBackendCutsOffIsVisiblyTruncated) {
  FakeUpstream up;
  up.manual("/cut");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/cut", backend_of(up.url(), "/cut")))));
  for (bool known_length : {true, false}) {
    TestClient client(gateway.port());
    client.send_request("GET", "/cut");
    auto call = up.wait_for_request("/cut");
    call.send_head(200, {{"Content-Type", "text/plain"}}, known_length ? std::optional<uint64_t>(100) : std::nullopt);
    EXPECT_EQ(client.read_head().status, 200);
    call.send_piece("part");
    EXPECT_EQ(client.next_bytes(4), "part");
    call.close();
    EXPECT_THROW(client.next_piece(), ConnectionLost) << "with a known length: " << known_length;
  }
}

TEST(StreamingTest, ABodyStillArrivingAtTheTimeOutIsVisiblyTruncated) {
  FakeUpstream up;
  up.manual("/slow");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/slow", backend_of(up.url(), "/slow"), R"("timeout": "300ms", )"))));
  TestClient client(gateway.port());
  client.send_request("GET", "/slow");
  auto call = up.wait_for_request("/slow");
  call.send_head(200);
  call.send_piece("part");
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_EQ(client.next_bytes(4), "part");
  EXPECT_THROW(client.next_piece(), ConnectionLost);
  call.wait_for_disconnect();
}

TEST(StreamingTest, AClientThatLeavesInTheMiddleEndsTheBackendsStream) {
  FakeUpstream up;
  up.manual("/s");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/s", backend_of(up.url(), "/s")))));
  auto client = std::make_unique<TestClient>(gateway.port());
  client->send_request("GET", "/s");
  auto call = up.wait_for_request("/s");
  call.send_head(200);
  call.send_piece("part");
  client->read_head();
  EXPECT_EQ(client->next_bytes(4), "part");
  client.reset();
  call.wait_for_disconnect();
}

TEST(StreamingTest, AnAnswerWithoutATypeGetsTheOneThatItsFirstBytesTell) {
  FakeUpstream up;
  up.on("/html", Reply{200, {}, "<!DOCTYPE html><p>x"});
  up.on("/json", Reply{404, {}, R"({"a":1})"});
  up.on("/typed", Reply{200, {{"content-type", "x/y"}}, "<html>"});
  up.on("/coded", Reply{200, {{"Content-Encoding", "br"}}, "<html>"});
  up.on("/empty", Reply{200, {}, ""});
  up.on("/big", Reply{200, {}, "%PDF-" + std::string(300'000, 'x')});
  up.manual("/late");
  std::string endpoints;
  for (const char* path : {"/html", "/json", "/typed", "/coded", "/empty", "/big", "/late"})
    endpoints += (endpoints.empty() ? "" : ",") + no_op_endpoint(path, backend_of(up.url(), path));
  endpoints += "," + no_op_endpoint("/refused", backend_of("http://127.0.0.1:1", "/")) + "," +
               no_op_endpoint("/html", backend_of(up.url(), "/html"), R"("method": "HEAD", )");
  GatewayProcess gateway(options_of(config_of(endpoints)));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/html").header("Content-Type"), "text/html; charset=utf-8");
  Response r = client.get("/json");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(r.header("Content-Length"), "7");
  r = client.get("/typed");
  EXPECT_EQ(r.header("Content-Type"), "x/y");
  EXPECT_EQ(r.headers.count("Content-Type"), 1u);
  EXPECT_FALSE(client.get("/coded").headers.has("Content-Type")) << "of compressed bytes nothing can be said";
  EXPECT_FALSE(client.get("/empty").headers.has("Content-Type"));
  EXPECT_FALSE(client.request("HEAD", "/html").headers.has("Content-Type"));
  EXPECT_FALSE(client.get("/refused").headers.has("Content-Type"));
  r = client.get("/big");
  EXPECT_EQ(r.header("Content-Type"), "application/pdf");
  EXPECT_EQ(r.body.size(), 300'005u);
  client.send_request("GET", "/late");
  auto call = up.wait_for_request("/late");
  call.send_head(200);
  call.send_piece("GIF89a");  // in a packet of its own
  EXPECT_EQ(client.read_head().header("Content-Type"), "image/gif");
  EXPECT_EQ(client.next_bytes(6), "GIF89a");
  call.finish();
  EXPECT_EQ(client.next_piece(), "");
  client.send_request("GET", "/late");
  call = up.wait_for_request("/late");
  call.send_head(200);
  call.finish();
  r = client.read();
  EXPECT_EQ(r.status, 200);
  EXPECT_FALSE(r.headers.has("Content-Type"));
  EXPECT_FALSE(r.truncated);
}

TEST(StreamingTest, ABackendThatBreaksOffBeforeTheFirstByteOfAnUntypedBodyIsVisible) {
  FakeUpstream up;
  up.manual("/s");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/s", backend_of(up.url(), "/s")))));
  TestClient client(gateway.port());
  client.send_request("GET", "/s");
  auto call = up.wait_for_request("/s");
  call.send_head(200, {}, 10);
  call.close();
  EXPECT_TRUE(client.read().truncated);
}

TEST(StreamingTest, ABodyOfUnknownLengthThatEndsWithTheConnectionIsComplete) {
  FakeUpstream up;
  up.manual("/old");
  GatewayProcess gateway(options_of(config_of(no_op_endpoint("/old", backend_of(up.url(), "/old")))));
  TestClient client(gateway.port());
  client.send_request("GET", "/old");
  auto call = up.wait_for_request("/old");
  call.send_raw("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it");
  call.close();
  Response r = client.read();
  EXPECT_EQ(r.body, "all of it");
  EXPECT_FALSE(r.truncated);
}

}  // namespace
}  // namespace sluice::test

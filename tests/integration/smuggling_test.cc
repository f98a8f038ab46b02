// Requests that two servers could read differently must not pass (RFC 9112 §11.2, deviation 30), and backends cannot confuse
// the gateway's clients either.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

// What would be a second request, were the first one read wrongly.
const std::string kHidden = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

struct Attempt {
  const char* name;
  std::string bytes;
  int status = 400;        // of the only answer
  bool in_body = false;    // found while the body streams: the backend may have seen a beginning; 500 or no answer will do
};

std::string head(const std::string& fields, const std::string& line = "POST /x HTTP/1.1") {
  return line + "\r\nHost: h\r\n" + fields + "\r\n";
}

std::vector<Attempt> attempts() {
  using namespace std::string_literals;
  return {
      {"length beside chunked", head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + kHidden},
      {"chunked beside length", head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n" + kHidden},
      {"two lengths", head("Content-Length: 0\r\nContent-Length: 37\r\n") + kHidden},
      {"the same length twice", head("Content-Length: 37\r\nContent-Length: 37\r\n") + kHidden},
      {"a list of lengths", head("Content-Length: 0, 37\r\n") + kHidden},
      {"a signed length", head("Content-Length: +0\r\n") + kHidden},
      {"a negative length", head("Content-Length: -1\r\n") + kHidden},
      {"a hexadecimal length", head("Content-Length: 0x0\r\n") + kHidden},
      {"a length beyond 64 bits", head("Content-Length: 18446744073709551616\r\n") + kHidden},
      {"an empty length", head("Content-Length: \r\n") + kHidden},
      {"space before the colon of a length", head("Content-Length : 37\r\n") + kHidden},
      {"space before the colon of a coding", head("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n" + kHidden},
      {"a folded coding", head("Transfer-Encoding:\r\n chunked\r\n") + "0\r\n\r\n" + kHidden},
      {"a folded header", head("X-A: 1\r\n\tContent-Length: 37\r\n") + kHidden},
      {"a line that begins with space", "POST /x HTTP/1.1\r\n Host: h\r\nContent-Length: 0\r\n\r\n" + kHidden},
      {"unknown coding", head("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n" + kHidden, 501},
      {"chunked is not last", head("Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n" + kHidden, 501},
      {"identity coding", head("Transfer-Encoding: identity\r\n") + kHidden, 501},
      {"chunked twice", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + kHidden, 501},
      {"bare LF between fields", "POST /x HTTP/1.1\r\nHost: h\nContent-Length: 37\r\n\r\n" + kHidden},
      {"bare LF ends the request line", "POST /x HTTP/1.1\nHost: h\r\nContent-Length: 0\r\n\r\n" + kHidden},
      {"bare LF ends the head", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\n" + kHidden},
      {"bare CR in a value", head("X-A: 1\rContent-Length: 37\r\n") + kHidden},
      {"bare CR after an empty value", head("X-A:\rTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + kHidden},
      {"NUL in a value", head("X-A: 1\0002\r\nContent-Length: 0\r\n"s) + kHidden},
      {"NUL in a name", head("Content\0-Length: 37\r\n"s) + kHidden},
      {"control character in a name", head("Content-Length\x0b: 37\r\n") + kHidden},
      {"a header without a name", head(": 1\r\n") + kHidden},
      {"two hosts", "POST /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n" + kHidden},
      {"no host", "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + kHidden},
      {"a tab in the request line", head("Content-Length: 0\r\n", "POST\t/x HTTP/1.1") + kHidden},
      {"two spaces in the request line", head("Content-Length: 0\r\n", "POST /x  HTTP/1.1") + kHidden},
      {"chunk size with a sign", head("Transfer-Encoding: chunked\r\n") + "+0\r\n\r\n" + kHidden, 400, true},
      {"chunk size with 0x", head("Transfer-Encoding: chunked\r\n") + "0x0\r\n\r\n" + kHidden, 400, true},
      {"chunk size beyond 64 bits", head("Transfer-Encoding: chunked\r\n") + "10000000000000000\r\n\r\n" + kHidden, 400, true},
      {"empty chunk size", head("Transfer-Encoding: chunked\r\n") + "\r\n\r\n" + kHidden, 400, true},
      {"chunk longer than announced", head("Transfer-Encoding: chunked\r\n") + "1\r\nabc\r\n0\r\n\r\n" + kHidden, 400, true},
      {"bare LF in the chunk framing", head("Transfer-Encoding: chunked\r\n") + "1\na\r\n0\r\n\r\n" + kHidden, 400, true},
      {"bare CR in a chunk extension", head("Transfer-Encoding: chunked\r\n") + "1;a\rb\r\na\r\n0\r\n\r\n" + kHidden, 400, true},
      {"bare LF in a chunk extension", head("Transfer-Encoding: chunked\r\n") + "1;a\nb\r\na\r\n0\r\n\r\n" + kHidden, 400, true},
  };
}

class SmugglingTest : public ::testing::Test {
 protected:
  SmugglingTest() : gateway_(options_of(config_of(endpoint_of("/x", backend_of(up_.url(), "/d"), R"("method": "POST", )") + "," +
                                                  endpoint_of("/smuggled", backend_of(up_.url(), "/smuggled")) + "," +
                                                  endpoint_of("/get", backend_of(up_.url(), "/d")) + "," +
                                                  no_op_endpoint("/raw", backend_of(up_.url(), "/raw"))))) {
    up_.on("*", Reply::json(R"({"a":1})"));
    up_.tolerate_disconnects();  // a body that turns out broken is broken off
  }
  FakeUpstream up_;
  GatewayProcess gateway_;
};

TEST_F(SmugglingTest, AmbiguousRequestsAreRefusedAndTheConnectionClosed) {
  for (const Attempt& a : attempts()) {
    SCOPED_TRACE(a.name);
    int before = up_.count();
    TestClient client(gateway_.port());
    client.send(a.bytes);
    std::string all = client.read_until_closed();
    if (!(a.in_body && all.empty())) {
      std::string line = all.substr(0, all.find("\r\n"));
      bool refused = line.starts_with("HTTP/1.1 " + std::to_string(a.status)) || (a.in_body && line.starts_with("HTTP/1.1 500"));
      EXPECT_TRUE(refused) << all;
      EXPECT_EQ(all.find("HTTP/1.1 ", 5), std::string::npos) << "a second answer: " << all;
    }
    EXPECT_EQ(up_.count("/smuggled"), 0);
    EXPECT_TRUE(a.in_body || up_.count() == before) << "the backend was asked";
  }
  EXPECT_EQ(get_once(gateway_.port(), "/get").status, 200);
}

TEST_F(SmugglingTest, AmbiguousRequestsAreRefusedByteByByte) {
  for (const Attempt& a : attempts()) {
    SCOPED_TRACE(a.name);
    TestClient client(gateway_.port());
    std::string all;
    try {
      for (char c : a.bytes) client.send(std::string_view(&c, 1));
    } catch (const ConnectionLost&) {  // refused while we were still sending
    }
    all = client.read_until_closed();
    EXPECT_EQ(all.find("HTTP/1.1 200"), std::string::npos) << all;
    EXPECT_EQ(up_.count("/smuggled"), 0);
  }
  EXPECT_EQ(get_once(gateway_.port(), "/get").status, 200);
}

TEST_F(SmugglingTest, GoodRequestsArrivingByteByByteAreServed) {
  TestClient client(gateway_.port());
  for (char c : head("Transfer-Encoding: chunked\r\n") + "3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n") client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read().status, 200);
  for (char c : head("Content-Length: 3\r\n") + "abc") client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read().status, 200);
  for (const auto& r : up_.requests()) EXPECT_EQ(r.body, "abc");
}

TEST_F(SmugglingTest, HopByHopFieldsDoNotReachTheBackend) {
  FakeUpstream up;
  up.on("*", Reply::json("{}"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/h", backend_of(up.url(), "/d"), R"("input_headers": ["*"], )"))));
  Response r = TestClient(gateway.port()).get("/h", {{"Connection", "keep-alive, X-Secret"}, {"X-Secret", "1"}, {"Keep-Alive", "timeout=5"},
                                                     {"TE", "trailers"}, {"Upgrade", "h2c"}, {"Proxy-Authorization", "x"}, {"X-Ok", "1"}});
  EXPECT_EQ(r.status, 200);
  auto requests = up.requests();
  ASSERT_EQ(requests.size(), 1u);
  const Headers& seen = requests[0].headers;
  for (const char* name : {"X-Secret", "Keep-Alive", "TE", "Upgrade", "Proxy-Authorization"}) EXPECT_FALSE(seen.has(name)) << name;
  EXPECT_EQ(seen.get("X-Ok"), "1");
}

TEST_F(SmugglingTest, ParametersCannotInjectHeadersOrRequests) {
  FakeUpstream up;
  up.on("*", Reply::json("{}"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/p/{id}", backend_of(up.url(), "/b/{id}?q={id}")))));
  TestClient client(gateway.port());
  for (const char* id : {"a%0d%0aX-Injected:%201", "a%0aX-Injected:%201", "a%20HTTP/1.1%0d%0aX-Injected:%201", "a&b=c", "a%00b"}) {
    int status = client.get(std::string("/p/") + id).status;
    EXPECT_TRUE(status == 200 || status == 400 || status == 404) << id << ": " << status;
  }
  for (const char* id : {".", "..", "%2e%2e"}) {
    int status = client.get(std::string("/p/") + id).status;
    EXPECT_NE(status, 200) << id;
  }
  for (const auto& r : up.requests()) {
    EXPECT_FALSE(r.headers.has("X-Injected")) << r.target;
    EXPECT_EQ(r.target.find_first_of(" \r\n"), std::string::npos) << r.target;
    EXPECT_EQ(r.target.find("&b=c", r.path.size()), std::string::npos) << r.target;
    EXPECT_TRUE(r.path.starts_with("/b/")) << r.target;
  }
}

// A backend's answer that could be read in two ways is a failure of the backend, and the connection is not used again.
TEST_F(SmugglingTest, AmbiguousAnswersOfABackendAreFailures) {
  const std::string hidden = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  for (const char* answer : {
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\nX-A: 1\r\n\r\n{}",
           "HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: 2\r\n\r\n{}",
           "HTTP/1.1 200 OK\r\nX-A:\rX-B: 2\r\nContent-Length: 2\r\n\r\n{}",
           "HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 2\r\n\r\n{}",
           "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
           "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
           "ICY 200 OK\r\nContent-Length: 2\r\n\r\n{}",
       }) {
    SCOPED_TRACE(answer);
    for (const char* path : {"/get", "/raw"}) {
      up_.manual("/d");
      up_.manual("/raw");
      TestClient client(gateway_.port());
      client.send_request("GET", path);
      auto call = up_.wait_for_request(path == std::string("/get") ? "/d" : "/raw");
      call.send_raw(answer + hidden);  // in one piece
      EXPECT_EQ(client.read().status, 500) << path;
      call.wait_for_disconnect();
    }
  }
}

TEST_F(SmugglingTest, BytesAfterAnAnswerAreNotTheNextAnswer) {
  up_.manual("/d");
  TestClient client(gateway_.port());
  client.send_request("GET", "/get");
  auto call = up_.wait_for_request("/d");
  call.send_raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"b\":2}");
  EXPECT_EQ(client.read().body, R"({"a":1})");
  call.wait_for_disconnect();
  client.send_request("GET", "/get");
  up_.wait_for_request("/d").answer(Reply::json(R"({"c":3})"));
  EXPECT_EQ(client.read().body, R"({"c":3})");
}

}  // namespace
}  // namespace sluice::test

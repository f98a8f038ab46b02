// The judge is tested before it judges: fake upstream, client, JSON, text conversions, child processes.
#include <gtest/gtest.h>

#include "tests/support/fake_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/json.h"
#include "tests/support/test_client.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

TEST(SupportTest, ClientReadsWhatTheUpstreamAnswers) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"a":1})", 201));
  TestClient client(up.port());
  for (int i = 0; i < 3; ++i) {
    Response r = client.post("/a?x=1", "body", {{"X-Y", "z"}});
    EXPECT_EQ(r.status, 201);
    EXPECT_EQ(r.body, R"({"a":1})");
    EXPECT_FALSE(r.truncated);
  }
  EXPECT_EQ(client.get("/none").status, 404);
  EXPECT_EQ(up.connections_accepted(), 1);
  auto seen = up.requests();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].target, "/a?x=1");
  EXPECT_EQ(seen[0].body, "body");
  EXPECT_EQ(seen[0].headers.get("x-y"), "z");
}

TEST(SupportTest, ManualRouteSendsPiecesWhenTheTestSaysSo) {
  FakeUpstream up;
  up.manual("/s");
  TestClient client(up.port());
  client.send_request("GET", "/s");
  auto call = up.wait_for_request("/s");
  call.send_head(200, {{"X-A", "b"}});
  EXPECT_EQ(client.read_head().header("x-a"), "b");
  call.send_piece("first");
  EXPECT_EQ(client.next_piece(), "first");
  call.send_piece("second");
  EXPECT_EQ(client.next_piece(), "second");
  call.finish();
  EXPECT_EQ(client.next_piece(), "");
  client.send_request("GET", "/s");  // the connection is still good
  up.wait_for_request("/s").answer({204, {}, ""});
  EXPECT_EQ(client.read().status, 204);
}

TEST(SupportTest, PipelinedRequestsAreAnsweredInOrder) {
  FakeUpstream up;
  up.on("*", [](const FakeUpstream::Request& r) { return Reply{200, {}, r.path}; });
  TestClient client(up.port());
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read().body, "/1");
  EXPECT_EQ(client.read().body, "/2");
}

TEST(SupportTest, EarlyEndOfABodyIsTruncation) {
  FakeUpstream up;
  up.manual("/t");
  TestClient client(up.port());
  client.send_request("GET", "/t");
  auto call = up.wait_for_request("/t");
  call.send_head(200, {}, 10);
  call.send_piece("12345");
  call.close();
  Response r = client.read();
  EXPECT_TRUE(r.truncated);
  EXPECT_EQ(r.body, "12345");
}

TEST(SupportTest, ResetIsALostConnection) {
  FakeUpstream up;
  up.manual("/r");
  TestClient client(up.port());
  client.send_request("GET", "/r");
  up.wait_for_request("/r").reset();
  EXPECT_THROW(client.read(), ConnectionLost);
}

TEST(SupportTest, RefusingUpstreamComesBackOnItsPort) {
  FakeUpstream up;
  up.on("/", Reply{});
  EXPECT_EQ(get_once(up.port(), "/").status, 200);
  up.refuse();
  EXPECT_THROW(TestClient{up.port()}, ConnectionLost);
  up.reopen();
  EXPECT_EQ(get_once(up.port(), "/").status, 200);
  up.wait_for_open_connections(0);
}

TEST(SupportTest, StalledUpstreamRecordsButDoesNotAnswer) {
  FakeUpstream up;
  up.on("/", Reply{});
  up.stall();
  TestClient client(up.port());
  client.send_request("GET", "/");
  up.wait_for_count("/", 1);
  EXPECT_FALSE(wait_readable(client.wire().fd(), Limit(1)));
  up.resume();
  EXPECT_EQ(client.read().status, 200);
}

TEST(SupportTest, ClientThatLeavesIsNoticedByTheCall) {
  FakeUpstream up;
  up.manual("/");
  {
    TestClient client(up.port());
    client.send_request("GET", "/");
    up.wait_for_count("/", 1);
  }
  up.wait_for_request("/").wait_for_disconnect();
}

TEST(JsonTest, NumbersKeepTheirText) {
  auto j = Json::parse(R"({"a":[1,1.0,1e0,-0,12345678901234567890]})");
  ASSERT_TRUE(j);
  EXPECT_EQ(j->dump(), R"({"a":[1,1.0,1e0,-0,12345678901234567890]})");
  EXPECT_NE(Json::parse("1"), Json::parse("1.0"));
  EXPECT_EQ(Json::parse(R"({"a":1,"b":2})"), Json::parse(R"( {"b":2, "a":1} )"));
  EXPECT_NE(Json::parse("1"), Json::parse("\"1\""));
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  for (const char* bad : {"", " ", "{", "[1,]", "{\"a\":1,}", "01", "1.", "+1", ".5", "nul", "\"a", "\"\x01\"", "\"\\x\"", "\"\\u12\"",
                          "1 2", "{1:2}", "[1 2]", "'a'", "\xef\xbb\xbf{}", "-", "1e"}) {
    EXPECT_FALSE(Json::parse(bad)) << bad;
  }
}

TEST(JsonTest, EachCutOfADocumentIsRefused) {
  std::string whole = R"({"a":[1.5e3,true,null,"x\u00e9\ud83d\ude00\n"],"b":{}})";
  ASSERT_TRUE(Json::parse(whole));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(Json::parse(std::string_view(whole).substr(0, n))) << n;
}

TEST(JsonTest, DuplicateKeysAreNoticedAndTheLastWins) {
  bool duplicates = false;
  auto j = Json::parse(R"({"x":{"a":1,"a":2}})", &duplicates);
  EXPECT_TRUE(duplicates);
  EXPECT_EQ(j->at("x").at("a").str(), "2");
}

TEST(JsonTest, DumpsAsciiLikeTheRecordedMocks) {
  auto j = Json::parse(R"({"k":"é😀\u007f\u0001\"\\/"})");
  EXPECT_EQ(j->dump({true, true, false}), "{\"k\": \"\\u00e9\\ud83d\\ude00\\u007f\\u0001\\\"\\\\/\"}");
}

TEST(TextTest, ConversionsGoBothWays) {
  EXPECT_EQ(base64("a"), "YQ==");
  for (const char* s : {"", "a", "ab", "abc", "abcd"}) EXPECT_EQ(from_base64(base64(s)), s);
  EXPECT_EQ(gunzip(gzip("hello hello hello")), "hello hello hello");
  EXPECT_EQ(utf8_to_latin1(latin1_to_utf8("a\xe9\xff")), "a\xe9\xff");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(glob_match("jwt-*", "jwt-issuer"));
  EXPECT_FALSE(glob_match("jwt-*-x", "jwt-issuer"));
}

TEST(TextTest, BrokenUtf8IsFoundAndReplaced) {
  EXPECT_TRUE(is_utf8("aé€😀"));
  for (const char* bad : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) EXPECT_FALSE(is_utf8(bad)) << bad;
  EXPECT_EQ(utf8_with_replacement("a\xff" "b"), "a\xef\xbf\xbd" "b");
  EXPECT_EQ(utf8_with_replacement("\xe2\x82" "b"), "\xef\xbf\xbd" "b");
}

TEST(ProcessTest, ExitCodeAndOutputAreCollected) {
  Ran ran = run_program({"/bin/sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_NE(ran.output.find("out\n"), std::string::npos);
  EXPECT_NE(ran.output.find("err\n"), std::string::npos);
  EXPECT_EQ(run_program({"/bin/sh", "-c", "kill -9 $$"}).code, -9);
}

TEST(ProcessTest, WaitingForOutputThatNeverComesFails) {
  Process p({"/bin/sh", "-c", "echo one"}, clean_environment({}));
  p.wait_for_output("one");
  EXPECT_THROW(p.wait_for_output("two"), Failure);
}

TEST(ProcessTest, TheCallersGatewayVariablesAreTakenAway) {
  ::setenv("KRAKEND_PORT", "1", 1);
  ::setenv("SLUICE_X", "1", 1);
  Ran ran = run_program({"/usr/bin/env"}, kLimit, {{"KRAKEND_NEW", "2"}});
  EXPECT_EQ(ran.output.find("KRAKEND_PORT"), std::string::npos);
  EXPECT_EQ(ran.output.find("SLUICE_X"), std::string::npos);
  EXPECT_NE(ran.output.find("KRAKEND_NEW=2"), std::string::npos);
}

TEST(GatewayProcessTest, AProcessThatEndsBeforeItIsReadyIsReportedWithItsLog) {
  GatewayOptions o;
  o.config = "{}";
  o.binary = "/bin/false";
  EXPECT_THROW(GatewayProcess{o}, Failure);
}

TEST(GatewayProcessTest, SanitizerReportsAreFoundInALog) {
  EXPECT_EQ(sanitizer_report("all is well"), "");
  EXPECT_NE(sanitizer_report("x\n==1==ERROR: AddressSanitizer: heap-use-after-free"), "");
  EXPECT_NE(sanitizer_report("a.cc:1:2: runtime error: signed integer overflow"), "");
}

TEST(ReservedPortTest, TwoPortsDiffer) {
  ReservedPort a, b;
  EXPECT_NE(a.number(), b.number());
}

}  // namespace
}  // namespace sluice::test

// Transports that stream, in the running gateway: both bodies piece by piece, bounded, and never silently cut. What the transport
// does is asked for by requests to /do, so that each step has happened when the next one begins.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

std::string pipe_backend(const std::string& block, const std::string& more = "", const std::string& settings = "") {
  return backend_of("http://127.0.0.1:1", "/d", settings + R"("extra_config": {"test/pipe": {)" + block + "}" + (more.empty() ? "" : ", " + more) + "}");
}
std::string pipe_config(const std::string& endpoints) {
  const std::string control = endpoint_of("/do", backend_of("http://127.0.0.1:1", "/"), extra({{"test/pipe-control", ""}}) + ", ");
  return R"({"version": 3, "timeout": "60s", "extra_config": {"router": {"disable_access_log": true, "return_error_msg": true}}, "endpoints": [)" +
         control + ", " + endpoints + "]}";
}
const std::string kPost = R"("method": "POST", )";

// Tells the transport what to do, and has its answer.
class Director {
 public:
  explicit Director(uint16_t port) : client_{port} {}
  std::string operator()(const std::string& what, const std::string& text = "", const std::string& id = "a") {
    return client_.get("/do?do=" + what + "&id=" + id + "&text=" + text).body;
  }
  size_t number(const std::string& what) { return std::stoul((*this)(what)); }
  // The number stays what it is over many turns of the gateway's loop.
  size_t settled(const std::string& what) {
    size_t last = number(what);
    for (int same = 0; same < 200; ++same)
      if (size_t now = number(what); now != last) last = now, same = 0;
    return last;
  }

 private:
  TestClient client_;
};

TEST(TransportStreamTest, EachPieceArrivesBeforeTheNextIsMade) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("type": "text/event-stream")"))));
  Director tell(gateway.port());
  TestClient client(gateway.port());
  for (int round = 0; round < 2; ++round) {
    client.send_request("GET", "/x");
    Response head = client.read_head();
    EXPECT_EQ(head.status, 200) << "the head does not wait for the first piece";
    EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(tell("emit", "piece" + std::to_string(i)), "0");
      EXPECT_EQ(client.next_bytes(6), "piece" + std::to_string(i));
    }
    EXPECT_EQ(tell("room"), std::to_string(1 << 20));
    EXPECT_EQ(tell("finish"), "0");
    EXPECT_EQ(client.next_piece(), "");
  }
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "pipe a is over"), 2) << "cancel comes for every call, once\n" << log;
}

TEST(TransportStreamTest, WhatIsEmittedBeforeTheAnswerFollowsIt) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("late": true, "length": 6)"))));
  Director tell(gateway.port());
  TestClient client(gateway.port());
  for (bool ends : {true, false}) {
    client.send_request("GET", "/x");
    while (tell("emit", "abc") == "gone") {
    }
    if (ends) {
      EXPECT_EQ(tell("emit", "def"), "0");
      EXPECT_EQ(tell("finish"), "0");
      EXPECT_EQ(tell("emit", "g"), "-4");
    }
    EXPECT_EQ(tell("head"), "0");
    EXPECT_EQ(client.read_head().header("Content-Length"), "6");
    EXPECT_EQ(client.next_bytes(ends ? 6 : 3), ends ? "abcdef" : "abc");
    if (!ends) {
      EXPECT_EQ(tell("emit", "def"), "0");
      EXPECT_EQ(tell("finish"), "0");
      EXPECT_EQ(client.next_bytes(3), "def");
    }
    EXPECT_EQ(client.next_piece(), "");
  }
}

TEST(TransportStreamTest, ItMayBeMadeFromItsOwnTimers) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("mode": "timer", "total": 4)")) + ", " +
                                                 no_op_endpoint("/untyped", pipe_backend(R"("mode": "timer", "total": 4, "type": "")"))));
  EXPECT_EQ(get_once(gateway.port(), "/x").body, "tick tick tick tick ");
  EXPECT_EQ(get_once(gateway.port(), "/untyped").body, "tick tick tick tick ");
}

TEST(TransportStreamTest, AClientThatDoesNotReadStopsTheTransportAtTheBound) {
  const size_t total = size_t{96} << 20;
  for (const char* hooks : {"", R"("test/stream-backend": {"id": "b", "mode": "keep"})"}) {
    SCOPED_TRACE(hooks);
    const std::string n = std::to_string(total), fill = R"("mode": "fill", "total": )" + n + R"(, "length": )" + n;
    PluggedGateway gateway({"piping", "streams"}, pipe_config(no_op_endpoint("/x", pipe_backend(fill, hooks))));
    Director tell(gateway.port());
    TestClient client(gateway.port());
    client.send_request("GET", "/x");
    EXPECT_EQ(client.read_head().header("Content-Length"), std::to_string(total));
    EXPECT_LT(tell.settled("made"), total) << "the transport made everything though nobody read";
    size_t received = 0;
    for (std::string piece; !(piece = client.next_piece()).empty();) received += piece.size();
    EXPECT_EQ(received, total);
    EXPECT_EQ(occurrences(gateway.log_to_the_end(), "pipe a is over"), 1);
  }
}

TEST(TransportStreamTest, HooksOfEveryScopeSeeWhatItEmitsAndGets) {
  auto hook = [](const char* scope, const char* id) {
    return std::string{R"("test/stream-)"} + scope + R"(": {"id": ")" + id + R"(", "mode": "wrap", "side": "both"})";
  };
  PluggedGateway gateway({"piping", "streams"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("mode": "echo")", hook("backend", "b"), kPost),
      kPost + R"("extra_config": {)" + hook("endpoint", "e") + ", " + hook("proxy", "p") + "}, ")));
  TestClient client(gateway.port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.post("/x", "text", {}).body, "<e><p><b><b><p><e>text</e></p></b></b></p></e>");
}

TEST(TransportStreamTest, ABodyThatIsBrokenOffCutsTheConnectionAndTheLogSaysWhy) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend("")) + ", " + no_op_endpoint("/eight", pipe_backend(R"("length": 8)"))));
  Director tell(gateway.port());
  for (const char* path : {"/x", "/eight"})
    for (const char* how : {"break", "finish", "longer"}) {
      if (path == std::string{"/x"} && how != std::string{"break"}) continue;
      SCOPED_TRACE(std::string{path} + " " + how);
      TestClient client(gateway.port());
      client.send_request("GET", path);
      client.read_head();
      EXPECT_EQ(tell("emit", "part"), "0");
      EXPECT_EQ(client.next_bytes(4), "part");
      if (how == std::string{"longer"}) EXPECT_NE(tell("emit", "morethanthat"), "0");
      else EXPECT_EQ(tell(how, "moon"), "0");
      EXPECT_THROW(client.next_piece(), ConnectionLost);
    }
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "transport test/pipe broke its body off: moon"), 2) << log;
  EXPECT_EQ(occurrences(log, "transport test/pipe broke its body off: it is shorter than was promised"), 1);
  EXPECT_EQ(occurrences(log, "transport test/pipe broke its body off: it is longer than was promised"), 1);
  EXPECT_EQ(occurrences(log, "pipe a is over"), 4);
}

TEST(TransportStreamTest, BrokenOffBeforeTheAnswerItIsAFailure) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("late": true)"))));
  Director tell(gateway.port());
  for (const char* how : {"break", "fail"}) {
    TestClient client(gateway.port());
    client.send_request("GET", "/x");
    while (tell(how, "early") == "gone") {
    }
    EXPECT_EQ(client.read().status, how == std::string{"fail"} ? 503 : 500);
  }
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "broke its body off: early"), 1) << log;
  EXPECT_EQ(occurrences(log, "pipe a is over"), 2);
}

TEST(TransportStreamTest, AClientThatLeavesAndATimeOutEndIt) {
  PluggedGateway gateway(
      {"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend("")) + ", " + no_op_endpoint("/late", pipe_backend(R"("late": true, "id": "l")")) + ", " +
                              no_op_endpoint("/short", pipe_backend(R"("id": "s")"), R"("timeout": "200ms", )") + ", " +
                              endpoint_of("/collected", pipe_backend(R"("id": "c")"), R"("timeout": "200ms", )")));
  Director tell(gateway.port());
  TestClient leaves(gateway.port()), early(gateway.port()), waits(gateway.port());
  leaves.send_request("GET", "/x");
  leaves.read_head();
  EXPECT_EQ(tell("emit", "part"), "0");
  EXPECT_EQ(leaves.next_bytes(4), "part");
  leaves.reset();
  gateway->process().wait_for_output("pipe a is over");
  EXPECT_EQ(tell("emit", "x"), "gone");
  early.send_request("GET", "/late");
  gateway->process().wait_for_output("pipe l sends");
  early.reset();
  gateway->process().wait_for_output("pipe l is over");
  waits.send_request("GET", "/short");
  waits.read_head();
  EXPECT_THROW(waits.next_piece(), ConnectionLost);
  EXPECT_EQ(get_once(gateway.port(), "/collected").status, 500);
  const std::string log = gateway.log_to_the_end();
  for (const char* id : {"a", "l", "s", "c"}) EXPECT_EQ(occurrences(log, std::string{"pipe "} + id + " is over"), 1) << log;
}

TEST(TransportStreamTest, ADecodedEndpointCollectsTheBodyWithinItsBound) {
  PluggedGateway gateway({"piping"}, pipe_config(
      endpoint_of("/x", pipe_backend("")) + ", " +
      endpoint_of("/big", pipe_backend(R"("mode": "fill", "id": "f", "total": 100000000)", R"("sluice": {"max_response_body": 2000000})",
                                       R"("encoding": "string", )")) + ", " +
      endpoint_of("/fits", pipe_backend(R"("mode": "fill", "id": "f", "total": 3000000)", "", R"("encoding": "string", )"))));
  Director tell(gateway.port());
  for (bool whole : {true, false}) {
    TestClient client(gateway.port());
    client.send_request("GET", "/x");
    while (tell("emit", R"({"a":[1,)") == "gone") {
    }
    EXPECT_EQ(tell("emit", "2]}"), "0");
    EXPECT_EQ(tell(whole ? "finish" : "break", "halfway"), "0");
    Response r = client.read();
    EXPECT_EQ(r.status, whole ? 200 : 500);
    if (whole) {
      EXPECT_EQ(r.body, R"({"a":[1,2]})");
    }
  }
  EXPECT_EQ(get_once(gateway.port(), "/big").status, 500);
  gateway->process().wait_for_output("response body too large");
  gateway->process().wait_for_output("pipe f is over");
  EXPECT_EQ(get_once(gateway.port(), "/fits").body, R"({"content":")" + std::string(3'000'000, 'f') + "\"}");
  const std::string log = gateway.log_to_the_end();
  EXPECT_NE(log.find("broke its body off: halfway"), log.npos) << log;
  EXPECT_EQ(occurrences(log, "pipe a is over"), 2);
  EXPECT_EQ(occurrences(log, "pipe f is over"), 2);
}

TEST(TransportStreamTest, ARequestsBodyComesWhileTheClientSendsIt) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("mode": "echo")", "", kPost), kPost)));
  TestClient client(gateway.port());
  for (bool chunked : {true, false}) {
    SCOPED_TRACE(chunked ? "chunked" : "with a length");
    client.send(chunked ? "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
                        : "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nfirst");
    Response head = client.read_head("POST");
    EXPECT_EQ(head.header("Content-Length"), chunked ? "" : "11");
    EXPECT_EQ(client.next_bytes(5), "first");
    client.send(chunked ? "6\r\nsecond\r\n" : "second");
    EXPECT_EQ(client.next_bytes(6), "second");
    if (chunked) client.send("0\r\n\r\n");
    EXPECT_EQ(client.next_piece(), "");
  }
  const std::string log = gateway.log_to_the_end();
  EXPECT_NE(log.find("pipe a sends, -1 bytes come"), log.npos) << log;
  EXPECT_NE(log.find("pipe a sends, 11 bytes come"), log.npos) << log;
}

TEST(TransportStreamTest, AClientThatSendsAndDoesNotReadIsHeldUpInBothDirections) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("mode": "echo")", "", kPost), kPost)));
  TestClient client(gateway.port());
  const size_t total = size_t{64} << 20;
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
  const std::string block(1 << 20, 'u');
  const size_t sent = client.send_until_stuck(block, total);
  EXPECT_LT(sent, total) << "the gateway swallowed everything though nobody read";
  std::thread sender([&] {
    for (size_t left = total - sent; left > 0;) {
      const size_t n = std::min(left, block.size());
      client.send(std::string_view(block).substr(0, n));
      left -= n;
    }
  });
  EXPECT_EQ(client.read_head("POST").status, 200);
  size_t received = 0;
  for (std::string piece; !(piece = client.next_piece()).empty();) {
    EXPECT_EQ(piece.find_first_not_of('u'), piece.npos);
    received += piece.size();
  }
  sender.join();
  EXPECT_EQ(received, total);
}

TEST(TransportStreamTest, AnUploadThatItDoesNotTakeIsLeftWithTheClient) {
  for (const char* hooks : {"", R"("test/stream-backend": {"id": "b", "mode": "keep", "side": "request"})"}) {
    SCOPED_TRACE(hooks);
    PluggedGateway gateway({"piping", "streams"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("mode": "hold")", hooks, kPost), kPost)));
    Director tell(gateway.port());
    TestClient client(gateway.port());
    const size_t total = size_t{48} << 20;
    client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
    const std::string block(1 << 20, 'u');
    const size_t sent = client.send_until_stuck(block, total);
    EXPECT_LT(sent, total) << "the gateway swallowed everything though nobody took it";
    EXPECT_EQ(tell("got"), "0");
    EXPECT_EQ(tell("take"), "0");
    for (size_t left = total - sent; left > 0;) {
      const size_t n = std::min(left, block.size());
      client.send(std::string_view(block).substr(0, n));
      left -= n;
    }
    EXPECT_EQ(client.read("POST").body, std::to_string(total));
    EXPECT_EQ(occurrences(gateway.log_to_the_end(), "pipe a is over"), 1);
  }
}

TEST(TransportStreamTest, ABodyThatIsHereAsAWholeComesInPiecesToo) {
  PluggedGateway gateway({"piping"}, pipe_config(endpoint_of("/x", pipe_backend(R"("mode": "echo")", "", kPost), kPost) + ", " +
                                                 no_op_endpoint("/raw", pipe_backend(R"("mode": "echo")", "", kPost), kPost) + ", " +
                                                 no_op_endpoint("/hold", pipe_backend(R"("mode": "hold", "id": "h")", "", kPost), kPost)));
  Director tell(gateway.port());
  TestClient client(gateway.port());
  EXPECT_EQ(client.post("/x", R"({"a":1})", {}).body, R"({"a":1})");
  EXPECT_EQ(client.post("/raw", "all at once", {}).body, "all at once");
  client.send_request("POST", "/hold", {}, "12345");
  while (tell("take", "", "h") != "0") {
  }
  EXPECT_EQ(client.read("POST").body, "5");
  client.send_request("POST", "/hold");
  gateway->process().wait_for_output("pipe h sends, 0 bytes come");
  client.reset();
  gateway.log_to_the_end();
}

TEST(TransportStreamTest, AnUploadThatItRefusesOrThatTheClientBreaksOffFailsTheCall) {
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("mode": "refuse")", "", kPost), kPost) + ", " +
                                                 endpoint_of("/whole", pipe_backend(R"("mode": "refuse")", "", kPost), kPost) + ", " +
                                                 no_op_endpoint("/hold", pipe_backend(R"("mode": "hold", "id": "h")", "", kPost), kPost)));
  for (const char* path : {"/x", "/whole"}) {
    TestClient client(gateway.port());
    Response r = client.post(path, "body", {});
    EXPECT_EQ(r.status, 418);
    EXPECT_EQ(r.body, "no");
    client.send(std::string{"POST "} + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\nbeginning");
    if (path == std::string{"/whole"}) client.send(std::string(300'000 - 9, 'x'));
    EXPECT_EQ(client.read("POST").status, 418);
  }
  TestClient broken(gateway.port());
  broken.send("POST /hold HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  gateway->process().wait_for_output("pipe h sends");
  Director tell(gateway.port());
  while (tell("take", "", "h") != "0") {
  }
  broken.send("no chunk\r\n");
  EXPECT_EQ(broken.read("POST").status, 500);
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "pipe a is over"), 4) << log;
  EXPECT_EQ(occurrences(log, "pipe h is over"), 1) << log;
  EXPECT_EQ(occurrences(log, "pipe will not have it"), 4) << log;
}

TEST(TransportStreamTest, TheAttemptThatAnAroundStageUsesStreamsOn) {
  PluggedGateway gateway({"piping", "around", "streams"}, pipe_config(no_op_endpoint("/x",
      pipe_backend(R"("mode": "timer", "total": 3)", R"("test/retry": {}, "test/stream-backend": {"id": "b", "mode": "upper"})"))));
  EXPECT_EQ(get_once(gateway.port(), "/x").body, "TICK TICK TICK ");
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "pipe a sends"), occurrences(log, "pipe a is over"));
}

TEST(TransportStreamTest, AHookThatPutsAnotherBodyInItsPlaceEndsIt) {
  PluggedGateway gateway({"piping", "script"}, pipe_config(no_op_endpoint("/x",
      pipe_backend("", R"("test/backend-inner": {"id": "s", "on_raw_response": [["body", "response", "another"]]})"))));
  EXPECT_EQ(get_once(gateway.port(), "/x").body, "another");
  EXPECT_EQ(occurrences(gateway.log_to_the_end(), "pipe a is over"), 1);
}

TEST(TransportStreamTest, WhatNobodyReadsIsNoHindrance) {
  const std::string head = R"("method": "HEAD", )";
  PluggedGateway gateway({"piping"}, pipe_config(no_op_endpoint("/x", pipe_backend(R"("mode": "timer", "total": 3)", "", head), head) + ", " +
                                                 no_op_endpoint("/early", pipe_backend(R"("id": "e")", "", kPost), kPost)));
  TestClient client(gateway.port());
  for (int i = 0; i < 2; ++i) {
    Response r = client.request("HEAD", "/x");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "");
  }
  // The answer ends before the request does.
  Director tell(gateway.port());
  client.send("POST /early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  client.read_head("POST");
  while (tell("got", "", "e") != "5") {
  }
  EXPECT_EQ(tell("emit", "enough", "e"), "0");
  EXPECT_EQ(tell("finish", "", "e"), "0");
  EXPECT_EQ(client.next_bytes(6), "enough");
  EXPECT_EQ(client.next_piece(), "");
  const std::string log = gateway.log_to_the_end();
  EXPECT_EQ(occurrences(log, "pipe a is over"), 2) << log;
  EXPECT_EQ(occurrences(log, "pipe e is over"), 1) << log;
}

TEST(TransportStreamTest, ItCannotBeIsolated) {
  std::string config = pipe_config(no_op_endpoint("/x", pipe_backend("")));
  config.replace(0, 1, R"({"plugin": {"isolate": {"piping": {}}}, )");
  const Ran ran = run_plugged({"piping"}, "check", config);
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.output.find(R"("test/pipe" has hooks for bodies that pass in pieces, and those are not handed to another process)"), ran.output.npos)
      << ran.output;
}

}  // namespace
}  // namespace sluice::test

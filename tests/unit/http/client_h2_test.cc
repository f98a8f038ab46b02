// What one call over HTTP/2 gets, whatever the peer does.
#include "client_h2_fixture.h"

namespace sluice::http {
namespace {

using Fields = H2Peer::Fields;

class Http2CallTest : public H2Fixture {};

TEST_F(Http2CallTest, ASmallAnswerComesInOneCall) {
  make_client();
  Backend& b = make_h2();
  serve = [](H2Peer& p) {
    if (p.complete.empty()) return;
    p.held = true;  // head and body leave together
    p.respond(p.complete[0], {{":status", "201"}, {"content-type", "text/plain"}, {"empty", ""}}, "hello");
    p.held = false;
    p.flush();
  };
  auto c = call(always(b));
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->status, 201);
  EXPECT_EQ(c->headers, "content-type: text/plain\nempty: \n");
  EXPECT_EQ(c->body, "hello");
  EXPECT_EQ(c->events, 1);
  auto& got = h2[0]->requests[1].fields;
  EXPECT_EQ(got[":method"], "GET");
  EXPECT_EQ(got[":scheme"], "http");
  EXPECT_EQ(got[":path"], "/p?q");
  EXPECT_EQ(got[":authority"], c->origin.authority);
  EXPECT_FALSE(got.count("host"));
}

TEST_F(Http2CallTest, FieldsOfAConnectionStayHere) {
  make_client();
  Backend& b = make_h2();
  serve = echo;
  auto c = call(always(b), "GET",
                "X-Name: Value\r\nConnection: close, X-Private\r\nX-Private: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nUpgrade: x\r\nProxy-Connection: x\r\n"
                "Transfer-Encoding: chunked\r\nCookie: a=b\r\n");
  auto d = call(always(b), "GET", "TE: gzip\r\nHOST: other.example\r\n");
  run_until([&] { return c->done() && d->done(); });
  auto got = h2[0]->requests[1].fields;
  for (const char* name : {":method", ":scheme", ":path", ":authority"}) got.erase(name);
  EXPECT_EQ(got, (std::map<std::string, std::string>{{"x-name", "Value"}, {"te", "trailers"}, {"cookie", "a=b"}}));
  EXPECT_FALSE(h2[0]->requests[3].fields.count("te"));
  EXPECT_EQ(h2[0]->requests[3].fields[":authority"], "other.example");
}

TEST_F(Http2CallTest, EveryByteMayComeAlone) {
  make_client();
  Backend& b = make_h2();
  hold = true;
  std::string body = "some body";
  auto c = call(always(b), "PUT", "Content-Length: 9\r\n", body);
  run_until([&] { return arrived(1, 1) && !h2[0]->complete.empty(); });
  EXPECT_EQ(h2[0]->requests[1].body, body);
  h2[0]->head(1, {{":status", "103"}, {"link", "x"}});
  h2[0]->respond(1, {{":status", "200"}, {"x-long", std::string(300, 'l')}}, "answer", false, false);
  std::string out = h2[0]->output();
  h2[0]->more(1, "", true);
  out += h2[0]->output();
  for (char byte : out) {
    h2[0]->peer->send({&byte, 1});
    turns(2);
  }
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->status, 200);
  EXPECT_EQ(c->headers, "x-long: " + std::string(300, 'l') + "\n");
  EXPECT_EQ(c->body, "answer");
}

TEST_F(Http2CallTest, InterimAnswersAreSwallowedButTheHundred) {
  make_client();
  Backend& b = make_h2();
  auto c = call(always(b)), d = call(always(b));
  run_until([&] { return arrived(1, 2); });
  h2[0]->head(1, {{":status", "100"}});
  run_until([&] { return c->continues == 1; });
  EXPECT_EQ(c->events, 0);
  h2[0]->head(1, {{":status", "103"}});
  h2[0]->respond(1, {{":status", "200"}});
  for (int i = 0; i < 9; ++i) h2[0]->head(3, {{":status", "103"}});
  run_until([&] { return c->done() && d->done(); });
  EXPECT_EQ(c->status, 200);
  EXPECT_EQ(d->code, Errc::protocol);
  EXPECT_NE(d->message.find("too many 1xx"), std::string::npos) << d->message;
}

TEST_F(Http2CallTest, AnswersWithoutABody) {
  make_client();
  Backend& b = make_h2();
  auto head = call(always(b), "HEAD"), none = call(always(b)), same = call(always(b)), empty = call(always(b));
  run_until([&] { return arrived(1, 4); });
  h2[0]->respond(1, {{":status", "200"}, {"content-length", "1000"}});
  h2[0]->respond(3, {{":status", "204"}});
  h2[0]->respond(5, {{":status", "304"}, {"content-length", "7"}});
  h2[0]->respond(7, {{":status", "200"}}, "");
  run_until([&] { return head->done() && none->done() && same->done() && empty->done(); });
  for (auto* c : {head.get(), none.get(), same.get(), empty.get()}) {
    EXPECT_TRUE(c->last) << c->message;
    EXPECT_EQ(c->body, "");
  }
  EXPECT_EQ(same->status, 304);
}

TEST_F(Http2CallTest, TrailersAreDropped) {
  make_client();
  Backend& b = make_h2();
  auto c = call(always(b));
  run_until([&] { return arrived(1, 1); });
  h2[0]->respond(1, {{":status", "200"}}, "body", false, false);
  run_until([&] { return c->body == "body"; });
  h2[0]->head(1, {{"x-sum", "1"}}, true);
  run_until([&] { return c->done(); });
  EXPECT_TRUE(c->last);
  EXPECT_EQ(c->headers, "");
}

TEST_F(Http2CallTest, ABodyThatIsNotOfItsLengthIsTruncated) {
  make_client();
  Backend& b = make_h2();
  auto less = call(always(b)), more = call(always(b)), whole = call(always(b));
  run_until([&] { return arrived(1, 3); });
  h2[0]->respond(1, {{":status", "200"}, {"content-length", "10"}}, "12345");
  h2[0]->respond(3, {{":status", "200"}, {"content-length", "3"}}, "12345");
  h2[0]->respond(5, {{":status", "200"}, {"content-length", "5"}}, "12345");
  run_until([&] { return less->done() && more->done() && whole->done(); });
  EXPECT_EQ(less->code, Errc::truncated);
  EXPECT_EQ(more->code, Errc::truncated);
  EXPECT_TRUE(whole->last);
}

TEST_F(Http2CallTest, AResetIsToldToThatCallAlone) {
  make_client();
  Backend& b = make_h2();
  auto before = call(always(b)), within = call(always(b)), other = call(always(b));
  run_until([&] { return arrived(1, 3); });
  h2[0]->reset(1, NGHTTP2_INTERNAL_ERROR);
  h2[0]->respond(3, {{":status", "200"}}, "part", false, false);
  run_until([&] { return before->done() && within->body == "part"; });
  h2[0]->reset(3, NGHTTP2_CANCEL);
  run_until([&] { return within->done(); });
  EXPECT_EQ(before->code, Errc::reset);
  EXPECT_FALSE(before->nothing_sent);
  EXPECT_FALSE(before->call->unanswered()) << "the backend has said something";
  EXPECT_NE(before->message.find("INTERNAL_ERROR"), std::string::npos) << before->message;
  EXPECT_EQ(within->code, Errc::reset);
  h2[0]->respond(5, {{":status", "200"}}, "all");
  run_until([&] { return other->done(); });
  EXPECT_EQ(other->body, "all");
  EXPECT_EQ(b.peers.size(), 1u);
}

TEST_F(Http2CallTest, AConnectionThatEndsEndsItsCalls) {
  make_client();
  Backend& b = make_h2();
  auto before = call(always(b)), within = call(always(b));
  run_until([&] { return arrived(1, 2); });
  h2[0]->respond(3, {{":status", "200"}}, "part", false, false);
  run_until([&] { return within->body == "part"; });
  b.peers[0]->close();
  run_until([&] { return before->done() && within->done(); });
  EXPECT_EQ(before->code, Errc::reset);
  EXPECT_EQ(within->code, Errc::truncated);
  EXPECT_EQ(client->stats().active, 0u);
}

TEST_F(Http2CallTest, AHeadBeyondTheLimitEndsItsCall) {
  make_client({.max_header_bytes = 2000});
  Backend& b = make_h2();
  auto big = call(always(b)), small = call(always(b));
  run_until([&] { return arrived(1, 2); });
  h2[0]->respond(1, {{":status", "200"}, {"x", std::string(2000, 'x')}}, "body");
  h2[0]->respond(3, {{":status", "200"}, {"x", std::string(1000, 'x')}}, "body");
  run_until([&] { return big->done() && small->done(); });
  EXPECT_EQ(big->code, Errc::limit);
  EXPECT_EQ(small->body, "body");
}

TEST_F(Http2CallTest, GivingUpOneOfSeveralResetsItsStreamAlone) {
  make_client();
  Backend& b = make_h2();
  auto a = call(always(b)), c = call(always(b)), d = call(always(b));
  run_until([&] { return arrived(1, 3); });
  c.reset();
  run_until([&] { return h2[0]->requests[3].closed; });
  EXPECT_EQ(h2[0]->requests[3].code, uint32_t{NGHTTP2_CANCEL});
  h2[0]->respond(1, {{":status", "200"}}, "a");
  h2[0]->respond(5, {{":status", "200"}}, "d");
  run_until([&] { return a->done() && d->done(); });
  EXPECT_EQ(a->body + d->body, "ad");
  auto unsent = call(always(b));
  unsent.reset();  // before its head has left
  auto after = call(always(b));
  run_until([&] { return arrived(1, 4); });
  h2[0]->respond(h2[0]->requests.rbegin()->first, {{":status", "200"}}, "after");
  run_until([&] { return after->done(); });
  EXPECT_EQ(after->body, "after");
  EXPECT_EQ(b.peers.size(), 1u);
}

TEST_F(Http2CallTest, ASinkMayEndItsCallAndOthers) {
  make_client();
  Backend& b = make_h2();
  auto a = call(always(b)), c = call(always(b)), d = call(always(b));
  run_until([&] { return arrived(1, 3); });
  bool ended = false;
  a->hook = [&] { ended = true, a->call.reset(), c->call.reset(); };
  h2[0]->held = true;
  for (int32_t id : {1, 3, 5}) h2[0]->respond(id, {{":status", "200"}}, "body", false, false);
  h2[0]->held = false;
  h2[0]->flush();
  run_until([&] { return ended && d->body == "body"; });
  EXPECT_EQ(c->events, 0);
  run_until([&] { return h2[0]->requests[1].closed && h2[0]->requests[3].closed; });
  h2[0]->more(5, "", true);
  run_until([&] { return d->done(); });
}

TEST_F(Http2CallTest, AnEndAndAWholeAnswerMayComeTogether) {
  make_client();
  Backend& b = make_h2();
  auto first = call(always(b));
  run_until([&] { return arrived(1, 1); });
  h2[0]->respond(1, {{":status", "200"}});
  run_until([&] { return first->done(); });
  for (int round = 0; round < 3; ++round) {
    auto a = call(always(b)), c = call(always(b));
    for (auto* one : {a.get(), c.get()})
      one->hook = [one] {
        if (one->last) one->call.reset();
      };
    const size_t seen = 1 + 2 * static_cast<size_t>(round);
    run_until([&] { return arrived(1, seen + 2); });
    auto last = h2[0]->requests.rbegin()->first;
    h2[0]->respond(last - 2, {{":status", "200"}}, "", false, false);
    run_until([&] { return a->status == 200; });
    h2[0]->held = true;
    h2[0]->more(last - 2, "a", true);
    h2[0]->respond(last, {{":status", "200"}}, "c");
    h2[0]->held = false;
    h2[0]->flush();
    run_until([&] { return a->done() && c->done(); });
    EXPECT_EQ(a->body + c->body, "ac");
  }
}

TEST_F(Http2CallTest, APausedCallStopsItsStreamAndNoOther) {
  make_client();
  Backend& b = make_h2();
  auto slow = call(always(b)), quick = call(always(b));
  run_until([&] { return arrived(1, 2); });
  slow->hook = [&] { slow->call->pause(); };
  const std::string big(3 << 20, 's');
  h2[0]->respond(1, {{":status", "200"}}, big, true, false);
  h2[0]->respond(3, {{":status", "200"}}, big, true, false);
  run_until([&] { return quick->done(); });
  EXPECT_TRUE(quick->body == big);
  // What has left is no more than the room that the paused call has, before and after.
  const size_t sent = big.size() - h2[0]->requests[1].answer.size();
  EXPECT_EQ(sent, size_t{512 * 1024});
  EXPECT_LE(slow->body.size(), sent);
  const size_t got = slow->body.size();
  turns(5);
  EXPECT_EQ(slow->body.size(), got);
  slow->hook = {};
  slow->call->resume();
  run_until([&] { return slow->done(); });
  EXPECT_TRUE(slow->body == big);
}

TEST_F(Http2CallTest, AWholeBodyWaitsForThePeersWindow) {
  make_client();
  settings.push_back({NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10});
  auto_window = false;
  Backend& b = make_h2();
  std::string body;
  for (int i = 0; i < 60'000; ++i) body += static_cast<char>('a' + i % 26);
  auto first = call(always(b));  // the settings are known from here on
  run_until([&] { return arrived(1, 1); });
  h2[0]->respond(1, {{":status", "200"}});
  run_until([&] { return first->done(); });
  auto c = call(always(b), "POST", "Content-Length: 60000\r\n", body);
  run_until([&] { return h2[0]->requests[3].body.size() == 10; });
  turns(3);
  EXPECT_EQ(h2[0]->requests[3].body.size(), 10u);
  nghttp2_submit_window_update(h2[0]->session, 0, 3, 1 << 20);
  h2[0]->flush();
  run_until([&] { return h2[0]->requests[3].ended; });
  EXPECT_EQ(h2[0]->requests[3].body, body);
  h2[0]->respond(3, {{":status", "200"}});
  run_until([&] { return c->done(); });
}

TEST_F(Http2CallTest, AnUploadWaitsForRoomAndIsTold) {
  make_client();
  settings.push_back({NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000});
  auto_window = false;
  Backend& b = make_h2();
  auto streaming = [](ClientCall::Request& r) { r.streaming = r.chunked = true, r.idempotent = false; };
  auto c = call(always(b), "POST", "", {}, streaming);
  Slice early = "early ";
  EXPECT_FALSE(c->call->send_body({&early, 1}, false));
  run_until([&] { return c->writable == 1; });
  run_until([&] { return h2[0] && h2[0]->requests[1].body == "early "; });
  std::string piece(64 * 1024, 'p');
  Slice s = piece;
  bool room = true;
  int pieces = 0;
  for (; room && pieces < 100; ++pieces) room = c->call->send_body({&s, 1}, false);
  EXPECT_LT(pieces, 100) << "somebody has to wait";
  turns(3);
  EXPECT_EQ(c->writable, 1);
  nghttp2_submit_window_update(h2[0]->session, 0, 1, 16 << 20);
  nghttp2_submit_window_update(h2[0]->session, 0, 0, 16 << 20);
  h2[0]->flush();
  run_until([&] { return c->writable == 2; });
  Slice end = "end";
  c->call->send_body({&end, 1}, true);
  run_until([&] { return h2[0]->requests[1].ended; });
  EXPECT_EQ(h2[0]->requests[1].body.size(), 6 + static_cast<size_t>(pieces) * piece.size() + 3) << "bare bytes, without chunks";
  h2[0]->respond(1, {{":status", "200"}});
  run_until([&] { return c->done(); });
  EXPECT_TRUE(c->last);
}

TEST_F(Http2CallTest, AnAnswerBeforeTheEndOfTheUploadEndsIt) {
  make_client();
  Backend& b = make_h2();
  auto c = call(always(b), "POST", "", {}, [](ClientCall::Request& r) { r.streaming = r.chunked = true, r.idempotent = false; });
  run_until([&] { return arrived(1, 1); });
  h2[0]->respond(1, {{":status", "413"}});
  run_until([&] { return c->done(); });
  EXPECT_EQ(c->status, 413);
  run_until([&] { return h2[0]->requests[1].closed; });
  Slice s = "late";
  EXPECT_TRUE(c->call->send_body({&s, 1}, true));
}

TEST_F(Http2CallTest, TheTimeForAHeadIsEachCallsOwn) {
  make_client({.response_header_timeout_ms = 30});
  Backend& b = make_h2();
  auto served = call(always(b));
  run_until([&] { return arrived(1, 1); });
  h2[0]->respond(1, {{":status", "200"}}, "begun", false, false);
  run_until([&] { return served->status == 200; });
  auto late = call(always(b));
  run_until([&] { return late->done(); });
  EXPECT_EQ(late->code, Errc::timeout);
  run_until([&] { return h2[0]->requests[3].closed; });
  h2[0]->more(1, ".", true);
  run_until([&] { return served->done(); });
  EXPECT_EQ(served->body, "begun.");
}

}  // namespace
}  // namespace sluice::http

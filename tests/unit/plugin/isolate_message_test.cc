// Calls and replies between the gateway and a helper: what a plugin does to the mirror happens to the exchange, and a reply
// that is anything else changes nothing and is refused.
#include <gtest/gtest.h>

#include "core/document/write.h"
#include "core/plugin/isolate/control.h"
#include "core/plugin/isolate/message.h"
#include "core/plugin/isolate/mirror.h"
#include "core/plugin/isolate/supervisor.h"
#include "tests/unit/plugin/fake.h"

namespace sluice::plugin::isolate {
namespace {

using plugin::testing::FakeExchange;
using plugin::testing::FakeWorker;
using plugin::testing::S;

struct MessageTest : ::testing::Test {
  MessageTest() : gateway{worker}, helper{worker} {
    slc_exchange& x = *gateway.x;
    x.request.method = "POST", x.request.path = "/p", x.request.query = "q=1";
    x.request.headers.add("X-One", "1");
    x.request.headers.add("x-two", "2");
    x.request.body.push("hel"), x.request.body.push("lo");
    x.host = "h", x.client_ip = "1.2.3.4", x.route = "/p";
    gateway.params.push({"id", "7"});
    x.response.status = 200;
    x.response.complete = true;
    x.response.headers.add("Content-Type", "text/plain");
    document::Builder b{x.arena(), nullptr};
    b.begin(document::Kind::object), b.key("a"), b.begin(document::Kind::array), b.integer(1), b.string("two"), b.null(), b.boolean(true);
    b.end(), b.key("n"), b.number_text("1.50"), b.end();
    x.response.has_data = b.finish(&x.response.data);
  }
  std::string call(CallHead head = {}) {
    std::string out;
    EXPECT_TRUE(put_call(out, head, *gateway.x));
    return out.substr(4);
  }
  // The call read into the mirror, as the helper does it.
  bool arrive(const std::string& frame) {
    kept = frame;
    Reader r{kept};
    CallHead head;
    if (!take_head(r, &head) || !take_call(r, head, *helper.x, inside)) return false;
    before.take(*helper.x);
    return true;
  }
  std::string reply(slc_action action = SLC_NEXT, bool data = false) {
    std::string out;
    put_reply(out, 9, action, false, data, *helper.x, before);
    return out.substr(4);
  }
  bool back(const std::string& frame) {
    Reply r;
    return r.take(frame, gateway.arena) && r.apply(*gateway.x);
  }
  static std::string all(slc_exchange& x) {
    std::string out;
    CallHead head;
    put_call(out, head, x);
    return out;
  }

  FakeWorker worker;
  FakeExchange gateway, helper;
  std::string kept;
  Error inside;
  Before before;
};

TEST_F(MessageTest, TheMirrorShowsWhatTheExchangeShows) {
  ASSERT_TRUE(arrive(call()));
  EXPECT_EQ(all(*helper.x), all(*gateway.x));
  EXPECT_EQ(document::to_json(helper.arena, helper.x->response.data), R"({"a":[1,"two",null,true],"n":1.50})");
}

TEST_F(MessageTest, TheTimeThatIsLeftGoesByTheHelpersOwnClock) {
  gateway.x->ends_ms = worker.loop.now_ms() + 1234;
  ASSERT_TRUE(arrive(call()));
  EXPECT_EQ(kLoopService.remaining_ms(helper.x.get()), 1234u);
  gateway.x->ends_ms = UINT64_MAX;
  ASSERT_TRUE(arrive(call()));
  EXPECT_EQ(kLoopService.remaining_ms(helper.x.get()), UINT32_MAX);
}

TEST_F(MessageTest, AReplyWithoutChangesIsSmallAndChangesNothing) {
  ASSERT_TRUE(arrive(call()));
  std::string was = all(*gateway.x), r = reply();
  EXPECT_EQ(r.size(), 14u);
  ASSERT_TRUE(back(r));
  EXPECT_EQ(all(*gateway.x), was);
}

TEST_F(MessageTest, EveryChangeArrives) {
  ASSERT_TRUE(arrive(call()));
  slc_exchange* m = helper.x.get();
  const slc_exchange_api& api = kExchangeService;
  api.set_field(m, SLC_METHOD, S("PUT")), api.set_field(m, SLC_PATH, S("/other")), api.set_field(m, SLC_QUERY, S(""));
  api.remove_header(m, SLC_REQUEST, api.intern(nullptr, S("X-One")));
  api.add_header(m, SLC_REQUEST, api.intern(nullptr, S("X-Three")), S("3"));
  api.set_header(m, SLC_RESPONSE, api.intern(nullptr, S("Content-Type")), S("text/html"));
  api.set_param(m, S("id"), S("8")), api.set_param(m, S("new"), S("9"));
  api.set_status(m, 418), api.set_complete(m, 0);
  api.set_body(m, SLC_REQUEST, S("other")), api.append_body(m, S("answer"), 0);
  slc_builder* b = api.replace_data(m);
  kDocumentService.string(b, S("all new"));
  ASSERT_TRUE(finish_building(*m));
  ASSERT_TRUE(back(reply(SLC_NEXT, true)));
  EXPECT_EQ(all(*gateway.x), all(*helper.x));
  EXPECT_EQ(gateway.x->request.headers.get("X-Three"), "3");
}

TEST_F(MessageTest, AFailureArrivesWithItsWords) {
  ASSERT_TRUE(arrive(call()));
  kExchangeService.fail(helper.x.get(), 403, S("no"), S("{}"), S("application/json"));
  ASSERT_TRUE(back(reply(SLC_FAIL)));
  const Error& e = gateway.x->error;
  EXPECT_EQ(e.code, Errc::rejected);
  EXPECT_EQ(e.http_status, 403);
  EXPECT_EQ(e.message, "no");
  EXPECT_EQ(e.body, "{}");
  EXPECT_EQ(e.content_type, "application/json");
}

TEST_F(MessageTest, BodiesThatTheHelperHasAreNotSentAgain) {
  ASSERT_TRUE(arrive(call()));
  CallHead again;
  again.request_body = false;
  std::string second = call(again);
  EXPECT_EQ(second.find("hello"), second.npos);
  std::string first = kept;  // the mirror's views are of it
  Reader r{second};
  CallHead head;
  ASSERT_TRUE(take_head(r, &head));
  ASSERT_TRUE(take_call(r, head, *helper.x, inside));
  EXPECT_EQ(http::total_size(helper.x->request.body.span()), 5u);
}

TEST_F(MessageTest, CostsComeAlongAndChangeNothing) {
  ASSERT_TRUE(arrive(call()));
  const std::string was = all(*gateway.x);
  const Cost costs[] = {{HookKind::on_request, 1, 2, 3, 4}, {HookKind::timer, 5, 6, 7, 8}};
  std::string out;
  put_reply(out, 9, SLC_NEXT, false, false, *helper.x, before, costs);
  Reply r;
  ASSERT_TRUE(r.take(std::string_view{out}.substr(4), gateway.arena));
  ASSERT_TRUE(r.apply(*gateway.x));
  ASSERT_EQ(r.costs.size(), 2u);
  EXPECT_EQ(r.costs[1].kind, HookKind::timer);
  EXPECT_EQ(r.costs[1].calls, 5u);
  EXPECT_EQ(r.costs[1].ticks, 6u);
  EXPECT_EQ(r.costs[1].longest, 7u);
  EXPECT_EQ(r.costs[1].bytes, 8u);
  EXPECT_EQ(all(*gateway.x), was);
  out[out.size() - 1 - 33] = static_cast<char>(kHookKinds);
  EXPECT_FALSE(r.take(std::string_view{out}.substr(4), gateway.arena)) << "of no kind";
  for (size_t n = 4; n < out.size(); ++n) EXPECT_FALSE(r.take(std::string_view{out}.substr(4, n - 4), gateway.arena)) << n;
  EXPECT_TRUE(r.take(reply(), gateway.arena));
  EXPECT_TRUE(r.costs.empty());
}

// ---- functions that answer at once ----

struct AtOnceTest : MessageTest {
  // The call read into the mirror.
  bool arrive(Hook hook, const Question& q = {}) {
    CallHead head;
    head.hook = hook, head.id = 9;
    kept.clear();
    EXPECT_TRUE(put_call(kept, head, *gateway.x, q));
    kept.erase(0, 4);
    Reader r{kept};
    if (!take_head(r, &head) || !take_call(r, head, *helper.x, inside, &asked)) return false;
    EXPECT_EQ(head.hook, hook);
    before.take(*helper.x);
    return true;
  }
  bool answered(const std::string& out, HookKind kind) {
    call.kind = kind;
    Reply r;
    return r.take(std::string_view{out}.substr(4), gateway.arena) && r.answer(*gateway.x, call);
  }
  std::string decoded(slc_status status, document::Node* tree, slc_str why) {
    std::string out;
    put_decoded(out, 9, status, helper.arena, tree, why);
    put_costs(out, {});
    return out;
  }
  Question asked;
  RemoteCall call{HookKind::decode};
};

TEST_F(AtOnceTest, ADecoderIsGivenTheBodyAndNothingElse) {
  gateway.x->response.body.push("by"), gateway.x->response.body.push("tes");
  ASSERT_TRUE(arrive(Hook::decode, {.flags = SLC_DECODE_COLLECTION}));
  EXPECT_EQ(asked.flags, uint32_t{SLC_DECODE_COLLECTION});
  ASSERT_EQ(helper.x->response.body.size(), 1u);
  EXPECT_EQ(helper.x->response.body[0], "bytes");
  EXPECT_EQ(kept.size(), kHeadSize + 4 + 4 + 5);
  for (size_t n = 0; n < kept.size(); ++n) {
    Reader r{std::string_view{kept}.substr(0, n)};
    CallHead head;
    EXPECT_FALSE(take_head(r, &head) && take_call(r, head, *helper.x, inside)) << n;
  }
}

TEST_F(AtOnceTest, ATreeComesBackOrWhyThereIsNone) {
  document::Builder b{helper.arena, nullptr};
  document::Node tree;
  b.begin(document::Kind::object), b.key("a"), b.number_text("1.50"), b.end();
  ASSERT_TRUE(b.finish(&tree));
  ASSERT_TRUE(answered(decoded(SLC_OK, &tree, {nullptr, 0}), HookKind::decode));
  EXPECT_EQ(call.status, SLC_OK);
  EXPECT_EQ(document::to_json(gateway.arena, gateway.x->response.data), R"({"a":1.50})");
  ASSERT_TRUE(answered(decoded(SLC_EDECODE, nullptr, S("no tree")), HookKind::decode));
  EXPECT_EQ(call.status, SLC_EDECODE);
  EXPECT_EQ((std::string_view{call.why, call.why_size}), "no tree");
  EXPECT_FALSE(gateway.x->error) << "the pipeline says what it means";
  call.why = nullptr;
  ASSERT_TRUE(answered(decoded(SLC_EDECODE, nullptr, {nullptr, 0}), HookKind::decode));
  EXPECT_EQ(call.why, nullptr);
  EXPECT_FALSE(answered(decoded(SLC_OK, nullptr, {nullptr, 0}), HookKind::decode)) << "good, and no tree";
}

TEST_F(AtOnceTest, AnEncoderSeesTheClientsHeadersAndChangesHeadersAndBodyAlone) {
  http::Headers client{gateway.arena};
  client.add("Accept", "text/x");
  gateway.x->client_headers = &client;
  gateway.x->response.headers.bind(gateway.arena);
  ASSERT_TRUE(arrive(Hook::encode));
  slc_exchange* m = helper.x.get();
  const slc_exchange_api& api = kExchangeService;
  EXPECT_EQ(view(api.header(m, SLC_CLIENT, api.intern(nullptr, S("Accept")), 0)), "text/x");
  api.set_header(m, SLC_RESPONSE, api.intern(nullptr, S("Content-Type")), S("text/x"));
  api.append_body(m, S("<x>"), 0);
  api.set_header(m, SLC_REQUEST, api.intern(nullptr, S("X-One")), S("2"));
  api.fail(m, 403, S("no"), S(""), S(""));
  std::string out;
  put_reply(out, 9, SLC_OK, false, false, *m, before);
  ASSERT_TRUE(answered(out, HookKind::encode));
  EXPECT_EQ(gateway.x->response.headers.get("Content-Type"), "text/x");
  EXPECT_EQ(gateway.x->response.body[0], "<x>");
  EXPECT_EQ(gateway.x->request.headers.get("X-One"), "1");
  EXPECT_FALSE(gateway.x->error);
  m->response.headers.add("X-Bad", "a\r\nb");
  out.clear();
  put_reply(out, 9, SLC_OK, false, false, *m, before);
  EXPECT_FALSE(answered(out, HookKind::encode));
}

TEST_F(AtOnceTest, ABalancerSeesTheHostsAndChooses) {
  const slc_candidate hosts[] = {{S("http://a"), 3, 1, 0}, {S("http://b"), 1, 0, 0}};
  ASSERT_TRUE(arrive(Hook::pick, {.candidates = hosts, .count = 2, .list = 7}));
  ASSERT_EQ(asked.count, 2u);
  EXPECT_EQ(asked.list, 7u);
  EXPECT_EQ(view(asked.candidates[0].url), "http://a");
  EXPECT_EQ(asked.candidates[0].weight, 3u);
  EXPECT_EQ(asked.candidates[0].pending, 1u);
  EXPECT_EQ(view(asked.candidates[1].url), "http://b");
  slc_exchange* m = helper.x.get();
  kExchangeService.set_header(m, SLC_REQUEST, kExchangeService.intern(nullptr, S("X-One")), S("2"));
  std::string out;
  put_reply(out, 9, SLC_NEXT, false, false, *m, before, {}, 5);
  ASSERT_TRUE(answered(out, HookKind::pick));
  EXPECT_EQ(call.chosen, 5u);
  EXPECT_EQ(gateway.x->request.headers.get("X-One"), "2");
  out.clear();
  put_reply(out, 9, SLC_NEXT, false, false, *m, before);
  EXPECT_FALSE(answered(out, HookKind::pick)) << "nothing was chosen";
  EXPECT_FALSE(arrive(Hook::pick)) << "among nothing";
}

// ---- around stages ----

TEST_F(MessageTest, AnAttemptComesAsAnExchangeWithItsNumber) {
  CallHead head;
  head.kind = CallKind::attempt, head.hook = Hook::call, head.id = 3;
  gateway.x->error.code = Errc::status;
  gateway.x->error.message = "503";
  const std::string frame = call(head);
  Reader r{frame};
  CallHead got;
  ASSERT_TRUE(take_head(r, &got));
  EXPECT_EQ(got.kind, CallKind::attempt);
  EXPECT_EQ(got.id, 3u);
  ASSERT_TRUE(take_call(r, got, *helper.x, inside));
  EXPECT_EQ(kExchangeService.outcome(helper.x.get(), nullptr), SLC_EBACKEND);
  EXPECT_EQ(document::to_json(helper.arena, helper.x->response.data), R"({"a":[1,"two",null,true],"n":1.50})");
  for (Hook other : {Hook::request, Hook::done, Hook::decode, Hook::attempt}) {
    head.hook = other;
    const std::string odd = call(head);
    Reader o{odd};
    EXPECT_FALSE(take_head(o, &got)) << static_cast<int>(other) << ": nobody else has attempts";
  }
}

// What the stage has changed in the answer that it uses is told from there on; what it changed in the request is not lost.
TEST_F(MessageTest, ChangesOfAUsedAnswerAreToldFromItOn) {
  ASSERT_TRUE(arrive(call()));
  slc_exchange* m = helper.x.get();
  const slc_exchange_api& api = kExchangeService;
  api.set_header(m, SLC_REQUEST, api.intern(nullptr, S("X-One")), S("2"));
  m->response.status = 404;
  m->error.code = Errc::status, m->error.message = "404";
  before.take_response(*m);
  api.set_header(m, SLC_RESPONSE, api.intern(nullptr, S("X-Won")), S("yes"));
  std::string out;
  put_reply(out, 9, SLC_REPLY, false, false, *m, before, {}, 2);
  Reply r;
  ASSERT_TRUE(r.take(std::string_view{out}.substr(4), gateway.arena));
  EXPECT_EQ(r.chosen(), std::optional<uint32_t>{2});
  ASSERT_TRUE(r.apply(*gateway.x));
  EXPECT_EQ(gateway.x->request.headers.get("X-One"), "2");
  EXPECT_EQ(gateway.x->response.headers.get("X-Won"), "yes");
  EXPECT_EQ(gateway.x->response.status, 200) << "the gateway has it from the attempt";
  EXPECT_FALSE(gateway.x->error);
}

TEST(HostListsTest, TextsStayAsLongAsTheListIsTheSame) {
  BlockPool blocks;
  Arena arena{blocks};
  HostLists lists;
  auto first_of = [&](uint64_t list, const char* a, const char* b) {
    const slc_candidate hosts[] = {{str(arena.copy(a)), 1, 0, 0}, {str(arena.copy(b)), 1, 0, 0}};
    const slc_candidate* all = lists.settle({.candidates = hosts, .count = 2, .list = list}, arena);
    EXPECT_EQ(view(all[0].url), a);
    EXPECT_EQ(view(all[1].url), b);
    return all[0].url.ptr;
  };
  const char* one = first_of(1, "http://a", "http://b");
  EXPECT_NE(first_of(2, "http://a", "http://b"), one) << "another list of the same hosts";
  EXPECT_EQ(first_of(1, "http://a", "http://b"), one);
  first_of(1, "http://c", "http://d");
  for (uint64_t i = 0; i < 3 * HostLists::kMost; ++i) first_of(i, "http://a", "http://b");
}

// The answer has come and wakes on the next turn; before that the exchange ends, and the call with it.
TEST(RemoteCallTest, WhatIsAnsweredAndNotYetWokenIsTakenBackToo) {
  FakeWorker worker;
  const uint32_t used = worker.worker->tokens->used();
  {
    auto call = std::make_unique<RemoteCall>(HookKind::decode);
    call->carrier = worker.worker.get();
    call->take_back = [](RemoteCall& of) noexcept { static_cast<slc_worker*>(of.carrier)->tokens->drop(of); };
    const slc_token token = worker.worker->tokens->suspend(*call);
    ASSERT_NE(token, 0u);
    EXPECT_EQ(TokenTable::resume(token, SLC_NEXT), SLC_OK);
  }
  worker.turn();
  EXPECT_EQ(worker.worker->tokens->used(), used);
}

TEST(TreeBankTest, ATextIsKeptOnceAsLongAsSomebodyNeedsIt) {
  TreeBank bank;
  const uint64_t a = bank.take("a"), b = bank.take("b");
  EXPECT_EQ(bank.take("a"), a);
  EXPECT_NE(a, b);
  EXPECT_EQ(bank.size(), 2u);
  EXPECT_TRUE(bank.keep(b));
  EXPECT_FALSE(bank.drop(a));
  EXPECT_TRUE(bank.drop(a));
  EXPECT_FALSE(bank.keep(a)) << "it is gone";
  EXPECT_FALSE(bank.drop(a));
  EXPECT_EQ(bank.text(b), "b");
  EXPECT_GT(bank.take("a"), b) << "no number comes again";
}

TEST_F(MessageTest, EveryPieceOfACallAndOfAReplyIsRefusedAndNothingElseHappens) {
  std::string whole = call();
  ASSERT_TRUE(arrive(whole));
  slc_exchange* m = helper.x.get();
  kExchangeService.set_status(m, 404);
  kExchangeService.set_body(m, SLC_RESPONSE, S("x"));
  kExchangeService.add_header(m, SLC_REQUEST, kExchangeService.intern(nullptr, S("X-A")), S("b"));
  std::string answer = reply(SLC_NEXT, true), was = all(*gateway.x);
  for (size_t n = 0; n < answer.size(); ++n) {
    Reply r;
    EXPECT_FALSE(r.take(answer.substr(0, n), gateway.arena)) << n;
  }
  EXPECT_EQ(all(*gateway.x), was);
  Reply r;
  EXPECT_FALSE(r.take(answer + "x", gateway.arena)) << "something behind the end";
  for (size_t n = 0; n < whole.size(); ++n) {
    FakeExchange fresh{worker};
    std::string part = whole.substr(0, n);
    Reader reader{part};
    CallHead head;
    EXPECT_FALSE(take_head(reader, &head) && take_call(reader, head, *fresh.x, inside)) << n;
  }
}

// What no host service in the helper would have let through: the process is not what it was.
TEST_F(MessageTest, ForgedChangesAreRefused) {
  auto forged = [&](uint8_t part, auto&& put) {
    std::string out;
    Writer w{out};
    w.u64(9), w.i32(SLC_NEXT), w.u8(0), w.u8(part);
    put(w);
    w.u8(0);
    return out;
  };
  auto header = [](const char* name, const char* value) {
    return [=](Writer& w) { w.u32(1), w.text(name), w.text(value); };
  };
  EXPECT_FALSE(back(forged(1, [](Writer& w) { w.text("GET / HTTP/1.1"); })));
  EXPECT_FALSE(back(forged(2, [](Writer& w) { w.text("no slash"); })));
  EXPECT_FALSE(back(forged(3, [](Writer& w) { w.text("a\r\nb"); })));
  EXPECT_FALSE(back(forged(4, header("X-A", "a\r\nX-B: b"))));
  EXPECT_FALSE(back(forged(4, header("X A", "a"))));
  EXPECT_FALSE(back(forged(5, header("", "a"))));
  EXPECT_FALSE(back(forged(7, [](Writer& w) { w.i32(101); })));
  EXPECT_FALSE(back(forged(11, [](Writer& w) { w.u8(8); }))) << "an end without a beginning";
  EXPECT_FALSE(back(forged(11, [](Writer& w) { w.u8(3), w.text("1.5.2"); }))) << "no number";
  EXPECT_FALSE(back(forged(11, [](Writer& w) { w.u8(6), w.u8(0), w.u8(8); }))) << "a value without key";
  EXPECT_FALSE(back(forged(200, [](Writer&) {})));
  EXPECT_FALSE(back(forged(4, [](Writer& w) { w.u32(UINT32_MAX); }))) << "more than there is";
  EXPECT_TRUE(back(forged(4, header("X-A", "b")))) << "the forger is able to do it right";
}

TEST_F(MessageTest, AFieldThatTheGatewayHadLetInMayStay) {
  gateway.x->request.headers.add("X-Odd", "a\x01z");
  ASSERT_TRUE(arrive(call()));
  kExchangeService.add_header(helper.x.get(), SLC_REQUEST, kExchangeService.intern(nullptr, S("X-New")), S("n"));
  ASSERT_TRUE(back(reply()));
  EXPECT_EQ(gateway.x->request.headers.get("X-New"), "n");
}

TEST(ControlInputTest, FramesComeOutWholeHoweverTheyArrive) {
  Message a{Control::log}, b{Control::sync};
  a->text("text");
  b->u64(7);
  std::string bytes = a.take() + b.take();
  ControlInput in;
  std::vector<std::string> frames;
  for (char c : bytes) {
    in.add({&c, 1});
    for (std::string_view f; in.next(&f);) frames.emplace_back(f);
  }
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].back(), 't');
  EXPECT_EQ(frames[1].size(), 9u);
  in.add("\xff\xff\xff\xff");
  std::string_view f;
  EXPECT_FALSE(in.next(&f));
  EXPECT_TRUE(in.broken());
}

}  // namespace
}  // namespace sluice::plugin::isolate

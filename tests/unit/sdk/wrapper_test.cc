#include "plugin_under_test.h"

#include <gtest/gtest.h>

#include <thread>

#include <sluice/testing.hpp>

using namespace sdk_test;
using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

SLC_PLUGIN_WITH("sluice.test", "1.2.3", SLC_STARTS_THREADS, Middle, Options, Workers, Quiet, Retry, sluice::Decoder<Words>,
                sluice::Encoder<Words>, sluice::Decoder<Raw>, sluice::Encoder<Raw>, Sd, Last, Slow, Sink, Whole)

namespace {

struct Fixture {
  FakeHost host;
  Configured middle{host, SLC_ENTRY_SYMBOL, "test/middle", "{}"};
};

std::unique_ptr<FakeExchange> asking(FakeHost& host, std::string_view what) {
  auto x = std::make_unique<FakeExchange>(host);
  x->add_header(SLC_REQUEST, "x-do", what);
  return x;
}

}  // namespace

TEST(EntryTest, IsPlainConstantDataWithOneBindingPerClass) {
  const slc_entry& e = SLC_ENTRY_SYMBOL;
  EXPECT_EQ(e.magic, SLC_ABI_MAGIC);
  EXPECT_EQ(e.size, sizeof(slc_entry));
  EXPECT_STREQ(e.id, "sluice.test");
  EXPECT_STREQ(e.version, "1.2.3");
  EXPECT_EQ(e.flags, unsigned{SLC_STARTS_THREADS} | SLC_BUILD_FLAGS);
  EXPECT_EQ(e.binding_count, 13u);
  EXPECT_EQ(e.binding_size, sizeof(slc_binding));
  const slc_binding& m = e.bindings[0];
  EXPECT_STREQ(m.name, "test/middle");
  EXPECT_STREQ(m.interface_id, SLC_IFACE_MIDDLEWARE);
  EXPECT_EQ(m.scopes, unsigned{SLC_AT_ENDPOINT | SLC_AT_BACKEND});
  EXPECT_EQ(m.stage, 42);
  EXPECT_STREQ(m.aliases[0], "old/middle");
  EXPECT_STREQ(m.aliases[1], "older/middle");
  EXPECT_EQ(m.aliases[2], nullptr);
  for (uint32_t i = 0; i < e.binding_count; ++i) {
    EXPECT_NE(e.get_interface(e.bindings[i].interface_id, e.bindings[i].name), nullptr) << e.bindings[i].name;
  }
}

TEST(EntryTest, KindsAreFoundByTheHooksOfAClass) {
  const slc_entry& e = SLC_ENTRY_SYMBOL;
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < e.binding_count; ++i) ids.emplace_back(e.bindings[i].interface_id);
  EXPECT_EQ(ids, (std::vector<std::string>{SLC_IFACE_MIDDLEWARE, SLC_IFACE_MIDDLEWARE, SLC_IFACE_MIDDLEWARE, SLC_IFACE_MIDDLEWARE,
                                           SLC_IFACE_AROUND, SLC_IFACE_DECODER, SLC_IFACE_ENCODER, SLC_IFACE_DECODER, SLC_IFACE_ENCODER,
                                           SLC_IFACE_RESOLVER, SLC_IFACE_BALANCER, SLC_IFACE_TRANSPORT, SLC_IFACE_LOG_SINK}));
}

TEST(EntryTest, UnknownInterfacesAndNamesAreNull) {
  EXPECT_EQ(SLC_ENTRY_SYMBOL.get_interface("sluice.middleware/2", "test/middle"), nullptr);
  EXPECT_EQ(SLC_ENTRY_SYMBOL.get_interface(SLC_IFACE_MIDDLEWARE, "test/slow"), nullptr);
}

TEST(EntryTest, AbsentHooksAreNullEntries) {
  const auto get = [](const char* name) {
    return static_cast<const slc_middleware*>(SLC_ENTRY_SYMBOL.get_interface(SLC_IFACE_MIDDLEWARE, name));
  };
  EXPECT_NE(get("test/middle")->on_request, nullptr);
  EXPECT_EQ(get("test/middle")->on_raw_response, nullptr);
  EXPECT_NE(get("test/middle")->on_done, nullptr);  // destroys what its exchanges keep
  EXPECT_EQ(get("test/quiet")->on_request, nullptr);
  EXPECT_NE(get("test/quiet")->on_raw_response, nullptr);
  EXPECT_EQ(get("test/quiet")->on_response, nullptr);
  EXPECT_EQ(get("test/quiet")->on_done, nullptr);
  EXPECT_EQ(get("test/middle")->life->worker_start, nullptr);
  EXPECT_NE(get("test/workers")->life->worker_start, nullptr);
  EXPECT_EQ(static_cast<const slc_decoder*>(SLC_ENTRY_SYMBOL.get_interface(SLC_IFACE_DECODER, "raw"))->decode, nullptr);
  EXPECT_EQ(static_cast<const slc_encoder*>(SLC_ENTRY_SYMBOL.get_interface(SLC_IFACE_ENCODER, "raw"))->encode, nullptr);
}

TEST(EntryTest, LoadsAndUnloadsOnce) {
  {
    FakeHost host;
    Configured a{host, SLC_ENTRY_SYMBOL, "test/middle", "{}"};
    Configured b{host, SLC_ENTRY_SYMBOL, "old/middle", "{}"};
    EXPECT_EQ(Whole::loads, 1);
  }
  EXPECT_EQ(Whole::loads, 0);
}

TEST(BarrierTest, AThrowingConstructorRefusesTheConfiguration) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "test/middle", R"({"throw": 1})"};
  EXPECT_FALSE(c.ok());
  EXPECT_NE(host.problem_text().find("the constructor threw: thrown by the constructor"), std::string::npos) << host.problem_text();
}

TEST(BarrierTest, AThrowingHookFailsItsExchange) {
  Fixture f;
  const auto x = asking(f.host, "throw");
  EXPECT_EQ(f.middle.on_request(*x), SLC_FAIL);
  EXPECT_TRUE(f.host.logged("on_request threw: thrown by the hook", SLC_ERROR));
}

TEST(BarrierTest, AThrowingCallbackFailsItsExchange) {
  Fixture f;
  const auto x = asking(f.host, "throw later");
  EXPECT_EQ(f.middle.on_request(*x), SLC_PENDING);
  f.host.advance(20);
  EXPECT_EQ(x->resumed, SLC_FAIL);
  EXPECT_TRUE(f.host.logged("threw: late", SLC_ERROR));
}

TEST(ExchangeTest, RepliesAndFailures) {
  Fixture f;
  const auto x = asking(f.host, "reply");
  EXPECT_EQ(f.middle.on_request(*x), SLC_REPLY);
  EXPECT_EQ(x->status, 418);
  EXPECT_EQ(x->response_body, "teapot");
  EXPECT_EQ(x->header(SLC_RESPONSE, "content-type"), "text/plain");
  const auto y = asking(f.host, "fail");
  EXPECT_EQ(f.middle.on_request(*y), SLC_FAIL);
  EXPECT_EQ(y->failure->http_status, 403);
  EXPECT_EQ(y->failure->why, "not today");
  EXPECT_EQ(y->failure->body, "no");
}

TEST(ExchangeTest, StateLivesFromHookToHook) {
  Fixture f;
  const auto x = asking(f.host, "state");
  EXPECT_EQ(f.middle.on_request(*x), SLC_NEXT);
  EXPECT_EQ(f.middle.on_response(*x), SLC_NEXT);
  EXPECT_EQ(x->response_body, "kept from the request");
}

TEST(ExchangeTest, MetricsAreCounted) {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.middle.on_request(*asking(f.host, ""));
  EXPECT_EQ(f.host.metric("middle_calls_total"), 3);
  EXPECT_EQ(f.host.metric("middle_gauge"), -6);
  EXPECT_EQ(f.host.metric("middle_sizes"), 3);
  EXPECT_EQ(f.host.last_observed, 1.5);
}

TEST(AsyncTest, ATimerAnswersTheHookLater) {
  Fixture f;
  const auto x = asking(f.host, "after");
  EXPECT_EQ(f.middle.on_request(*x), SLC_PENDING);
  f.host.advance(19);
  EXPECT_FALSE(x->resumed);
  f.host.advance(1);
  EXPECT_EQ(x->resumed, SLC_REPLY);
  EXPECT_EQ(x->status, 201);
  EXPECT_EQ(alive, 1);  // the closure lives until the exchange is done
  x->finish();
  EXPECT_EQ(alive, 0);
}

TEST(AsyncTest, AWaitThatTheHookDidNotAnswerWithIsDroppedAndSaid) {
  Fixture f;
  const auto x = asking(f.host, "forget");
  EXPECT_EQ(f.middle.on_request(*x), SLC_NEXT);
  EXPECT_FALSE(x->suspended());
  EXPECT_TRUE(f.host.logged("on_request began to wait", SLC_WARNING));
  // The next hook waits for itself, and the forgotten callback does not speak for it.
  EXPECT_EQ(f.middle.on_response(*x), SLC_PENDING);
  EXPECT_TRUE(x->suspended());
  f.host.advance(5);
  EXPECT_FALSE(x->resumed);
  EXPECT_EQ(x->status, 0);
  f.host.advance(15);
  EXPECT_EQ(x->resumed, SLC_REPLY);
  EXPECT_EQ(x->status, 202);
  EXPECT_EQ(x->resumes, 1u);
  x->finish();
  EXPECT_EQ(alive, 0);
}

TEST(AsyncTest, ATransportThatAnswersInsteadOfWaitingIsNotCalledBack) {
  FakeHost host;
  Configured slow{host, SLC_ENTRY_SYMBOL, "test/slow", "{}", SLC_AT_BACKEND};
  FakeExchange x{host, SLC_AT_BACKEND};
  x.path = "/forget";
  EXPECT_EQ(slow.send(x), SLC_REPLY);
  EXPECT_EQ(alive, 0);
  EXPECT_TRUE(host.logged("send began to wait", SLC_WARNING));
  host.advance(10);
  EXPECT_EQ(x.status, 204);
  EXPECT_EQ(x.resumes, 0u);
}

TEST(AsyncTest, AnAnswerThatFollowsFromAWaitIsNoMistake) {
  Fixture f;
  for (const char* what : {"after", "chain", "later", "suspend", "throw later"}) f.middle.on_request(*asking(f.host, what));
  EXPECT_FALSE(f.host.logged("began to wait"));
}

TEST(AsyncTest, AClosureIsDestroyedWhenTheClientLeaves) {
  Fixture f;
  for (const char* what : {"after", "chain", "later"}) {
    {
      const auto x = asking(f.host, what);
      f.middle.on_request(*x);
      EXPECT_EQ(alive, 1) << what;
    }
    EXPECT_EQ(alive, 0) << what;
    EXPECT_EQ(f.host.timers(), 0u);
    EXPECT_TRUE(f.host.callouts().empty());
  }
}

TEST(AsyncTest, ACallbackMayWaitAgain) {
  Fixture f;
  const auto x = asking(f.host, "chain");
  EXPECT_EQ(f.middle.on_request(*x), SLC_PENDING);
  ASSERT_EQ(f.host.callouts().size(), 1u);
  const auto c = f.host.callouts()[0];
  EXPECT_EQ(c.url, "http://a/");
  EXPECT_EQ(c.method, "POST");
  EXPECT_EQ(c.body, "b");
  EXPECT_EQ(c.timeout_ms, 300u);
  EXPECT_EQ(c.max_body, 10u);
  ASSERT_EQ(c.headers.size(), 1u);
  EXPECT_EQ(c.headers[0].second, "1");
  f.host.answer(0, 207, "multi");
  EXPECT_FALSE(x->resumed);
  f.host.advance(5);
  EXPECT_EQ(x->resumed, SLC_REPLY);
  EXPECT_EQ(x->resumes, 1u);
  EXPECT_EQ(x->status, 207);
  EXPECT_EQ(x->response_body, "multi");
}

TEST(AsyncTest, AFailedCalloutSaysWhy) {
  Fixture f;
  const auto x = asking(f.host, "chain");
  f.middle.on_request(*x);
  f.host.answer_error(0, SLC_ETIMEOUT, "took too long");
  EXPECT_EQ(x->resumed, SLC_FAIL);
  EXPECT_EQ(x->failure->http_status, 502);
  EXPECT_EQ(x->failure->why, "took too long");
}

TEST(AsyncTest, WorkWithoutWaitingGoesOnBesideTheRequest) {
  Fixture f;
  const auto x = asking(f.host, "later");
  x->path = "/p";
  EXPECT_EQ(f.middle.on_request(*x), SLC_NEXT);
  f.host.advance(5);
  EXPECT_TRUE(f.host.logged("timer of /p 7 true 1.5", SLC_INFO));
  f.host.answer(0, 200, "", {{"X-R", "yes"}});
  EXPECT_TRUE(f.host.logged("reply yes"));
  EXPECT_FALSE(x->suspended());
}

TEST(AsyncTest, AnotherThreadMayResumeAndOnlyTheFirstResumeCounts) {
  Fixture f;
  const auto x = asking(f.host, "suspend");
  EXPECT_EQ(f.middle.on_request(*x), SLC_PENDING);
  std::thread{[] { Middle::suspended.resume(sluice::next); }}.join();
  EXPECT_EQ(x->resumed, SLC_NEXT);
  EXPECT_EQ(Middle::suspended.resume(sluice::done).value, SLC_ESTALE);
  EXPECT_EQ(x->resumes, 1u);
}

TEST(AsyncTest, AResumeAfterTheEndIsHarmless) {
  Fixture f;
  {
    const auto x = asking(f.host, "suspend");
    f.middle.on_request(*x);
  }
  EXPECT_EQ(Middle::suspended.resume(sluice::next).value, SLC_ESTALE);
}

TEST(PerWorkerTest, EachWorkerHasItsOwnState) {
  {
    FakeHost host{2};
    Configured w{host, SLC_ENTRY_SYMBOL, "test/workers", "{}"};
    EXPECT_EQ(alive, 2);
    FakeExchange a{host, SLC_AT_ENDPOINT, 0}, b{host, SLC_AT_ENDPOINT, 1}, c{host, SLC_AT_ENDPOINT, 1};
    w.on_request(a);
    w.on_request(b);
    w.on_request(c);
    EXPECT_EQ(a.response_body, "0/2:1");
    EXPECT_EQ(b.response_body, "1/2:1");
    EXPECT_EQ(c.response_body, "1/2:2");
  }
  EXPECT_EQ(alive, 0);
}

TEST(AroundTest, ASecondAttemptReplacesAFailedOne) {
  FakeHost host;
  Configured retry{host, SLC_ENTRY_SYMBOL, "test/retry", "{}", SLC_AT_BACKEND};
  FakeExchange x{host, SLC_AT_BACKEND};
  EXPECT_EQ(retry.on_call(x), SLC_PENDING);
  ASSERT_EQ(host.attempts().size(), 1u);
  host.finish_attempt(0, [](FakeExchange& a) { a.outcome = SLC_EREFUSED; });
  EXPECT_FALSE(x.resumed);
  ASSERT_EQ(host.attempts().size(), 2u);
  host.finish_attempt(1, [](FakeExchange& a) { a.status = 200, a.response_body = "second"; });
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.response_body, "second");
  x.finish();
  EXPECT_EQ(alive, 0);
}

TEST(TransportTest, AnswersNowOrLaterAndCleansUp) {
  FakeHost host;
  Configured slow{host, SLC_ENTRY_SYMBOL, "test/slow", "{}", SLC_AT_BACKEND};
  FakeExchange now{host, SLC_AT_BACKEND}, later{host, SLC_AT_BACKEND}, never{host, SLC_AT_BACKEND};
  now.path = "/now";
  EXPECT_EQ(slow.send(now), SLC_REPLY);
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(slow.send(later), SLC_PENDING);
  EXPECT_EQ(slow.send(never), SLC_PENDING);
  EXPECT_EQ(alive, 2);
  slow.cancel(never);
  EXPECT_EQ(alive, 1);
  host.exchange_ends(never);
  host.advance(10);
  EXPECT_EQ(later.resumed, SLC_REPLY);
  EXPECT_EQ(later.response_body, "late");
  EXPECT_EQ(alive, 0);  // there is no on_done for transports
}

TEST(CodecTest, DecodesAndExpandsAndEncodes) {
  FakeHost host;
  Configured decoder{host, SLC_ENTRY_SYMBOL, "words", {}, 0, SLC_IFACE_DECODER};
  Configured encoder{host, SLC_ENTRY_SYMBOL, "words", {}, 0, SLC_IFACE_ENCODER};
  ASSERT_TRUE(decoder.ok() && encoder.ok()) << host.problem_text();
  for (size_t piece = 0; piece < 6; ++piece) {
    Json out;
    ASSERT_EQ(decoder.decode("a bc d", out, piece), SLC_OK);
    EXPECT_EQ(out.write(), R"({"words":["a","bc","d"]})");
    EXPECT_EQ(out.find("words")->source, "a bc d");
    FakeExchange x{host};
    x.data = out;
    x.has_data = true;
    EXPECT_EQ(encoder.encode(x), SLC_OK);
    EXPECT_EQ(x.response_body, "a bc d");
  }
  Json out;
  EXPECT_EQ(decoder.decode("oh!", out), SLC_EDECODE);
  EXPECT_EQ(decoder.decode_error, "no exclamations");
  EXPECT_EQ(decoder.decode("throw", out), SLC_EDECODE);
  EXPECT_EQ(sluice::view(encoder.table<slc_encoder>().content_type), "text/words");
}

TEST(ResolverTest, AWatchLivesUntilItIsEnded) {
  FakeHost host;
  Configured sd{host, SLC_ENTRY_SYMBOL, "watching"};
  const auto list = sd.watch({"http://a"});
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].weight, 3u);
  EXPECT_EQ(alive, 0);
}

TEST(BalancerTest, Picks) {
  FakeHost host;
  Configured last{host, SLC_ENTRY_SYMBOL, "test/last", "{}", SLC_AT_BACKEND};
  FakeExchange x{host, SLC_AT_BACKEND};
  EXPECT_EQ(last.pick(x, std::vector<slc_candidate>(3)), 2u);
}

TEST(LogSinkTest, GetsRecordsAndMayThrow) {
  FakeHost host;
  Configured sink{host, SLC_ENTRY_SYMBOL, "test/sink", "{}", SLC_AT_SERVICE};
  const auto& t = sink.table<slc_log_sink>();
  EXPECT_EQ(t.level(sink.object()), SLC_WARNING);
  for (const char* text : {"throw", "m"}) {
    const slc_log_record r{sizeof r, SLC_ERROR, 1, {text, std::strlen(text)}, {"here", 4}};
    t.write(sink.object(), &r);
  }
  t.flush(sink.object());
  EXPECT_EQ(Sink::text, "m@here\nflushed\n");
}

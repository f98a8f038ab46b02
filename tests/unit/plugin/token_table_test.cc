#include "core/plugin/token_table.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using testing::FakeExchange;
using testing::FakeWorker;

const slc_loop_api& api = kLoopService;

// Waits for the exchange's resume as the pipeline does, and notes the action.
struct Waiter : loop::Completion {
  explicit Waiter(slc_exchange& x) : loop::Completion{[](loop::Completion& c) noexcept {
                                       auto& w = static_cast<Waiter&>(c);
                                       w.action = w.task.result(), w.done = true;
                                     }},
                                     task{resumed(x)} {
    task.start(*this);
  }
  loop::Task<slc_action> task;
  slc_action action = 77;
  bool done = false;
};

TEST(TokenTest, ResumeIsDeliveredOnALaterTurnNeverInsideTheCall) {
  FakeWorker w;
  FakeExchange x{w};
  slc_token token = api.suspend(x);
  ASSERT_NE(token, 0u);
  Waiter waiter{*x.x};
  EXPECT_EQ(api.resume(token, SLC_REPLY), SLC_OK);
  EXPECT_FALSE(waiter.done);
  w.turn();
  ASSERT_TRUE(waiter.done);
  EXPECT_EQ(waiter.action, SLC_REPLY);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

TEST(TokenTest, ResumeBeforeTheHookReturnedCounts) {
  FakeWorker w;
  FakeExchange x{w};
  api.resume(api.suspend(x), SLC_NEXT);
  Waiter waiter{*x.x};
  EXPECT_FALSE(waiter.done);
  w.turn();
  EXPECT_EQ(waiter.action, SLC_NEXT);
}

TEST(TokenTest, DoubleLateAndInventedTokensAreStale) {
  FakeWorker w;
  FakeExchange x{w};
  slc_token token = api.suspend(x);
  Waiter waiter{*x.x};
  EXPECT_EQ(api.resume(token, SLC_NEXT), SLC_OK);
  EXPECT_EQ(api.resume(token, SLC_FAIL), SLC_ESTALE);
  w.turn();
  EXPECT_EQ(waiter.action, SLC_NEXT);
  EXPECT_EQ(api.resume(token, SLC_NEXT), SLC_ESTALE);
  for (slc_token invented : {slc_token{0}, slc_token{1}, ~slc_token{0}, token + 1, token ^ (slc_token{1} << 40), token | slc_token{9} << 56})
    EXPECT_EQ(api.resume(invented, SLC_NEXT), SLC_ESTALE) << invented;
}

TEST(TokenTest, TheSlotsNextUseHasAnotherToken) {
  FakeWorker w;
  FakeExchange x{w};
  slc_token first = api.suspend(x);
  slc_token second = api.suspend(x);  // a second suspend() gives up the first
  EXPECT_NE(first, second);
  EXPECT_EQ(api.resume(first, SLC_NEXT), SLC_ESTALE);
  EXPECT_EQ(w.worker->tokens->used(), 1u);
  drop_suspension(*x.x);
  EXPECT_EQ(api.resume(second, SLC_NEXT), SLC_ESTALE);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

TEST(TokenTest, PendingWithoutSuspendFailsAtOnce) {
  FakeWorker w;
  FakeExchange x{w};
  Waiter waiter{*x.x};
  EXPECT_TRUE(waiter.done);
  EXPECT_EQ(waiter.action, SLC_FAIL);
}

TEST(TokenTest, UnknownActionsResumeAsFailure) {
  for (slc_action a : {SLC_PENDING + 0, 4711, -99}) {
    FakeWorker w;
    FakeExchange x{w};
    slc_token token = api.suspend(x);
    Waiter waiter{*x.x};
    api.resume(token, a);
    w.turn();
    EXPECT_EQ(waiter.action, SLC_FAIL);
  }
}

TEST(TokenTest, AnExchangeThatEndsMakesItsTokenStaleEvenAfterTheResume) {
  FakeWorker w;
  auto x = std::make_unique<FakeExchange>(w);
  slc_token token = api.suspend(*x);
  x.reset();
  EXPECT_EQ(api.resume(token, SLC_NEXT), SLC_ESTALE);
  x = std::make_unique<FakeExchange>(w);
  token = api.suspend(*x);
  EXPECT_EQ(api.resume(token, SLC_NEXT), SLC_OK);  // queued …
  x.reset();                                       // … for nobody
  FakeExchange other{w};
  api.suspend(other);  // in the same slot
  Waiter waiter{*other.x};
  w.turn();
  EXPECT_FALSE(waiter.done);
}

TEST(TokenTest, AnEarlierWakeUpDoesNotEndALaterSuspension) {
  FakeWorker w;
  FakeExchange x{w};
  slc_token token = api.suspend(x);
  api.resume(token, SLC_NEXT);
  w.turn();  // delivered although nobody waits: the hook answered something else than PENDING
  api.suspend(x);
  Waiter waiter{*x.x};
  EXPECT_FALSE(waiter.done);
}

TEST(TokenTest, OfManyThreadsExactlyOneResumes) {
  FakeWorker w;
  for (int round = 0; round < 50; ++round) {
    FakeExchange x{w};
    slc_token token = api.suspend(x);
    Waiter waiter{*x.x};
    std::atomic<int> ok{0}, stale{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] { (api.resume(token, SLC_REPLY) == SLC_OK ? ok : stale)++; });
    for (auto& t : threads) t.join();
    EXPECT_EQ(ok, 1);
    EXPECT_EQ(stale, 3);
    w.until([&] { return waiter.done; });
    EXPECT_EQ(waiter.action, SLC_REPLY);
  }
}

TEST(TokenTest, ThreadsMayResumeWhileExchangesEndAndWorkersGo) {
  std::atomic<slc_token> token{0};
  std::atomic<bool> stop{false};
  std::thread hammer{[&] {
    while (!stop) api.resume(token, SLC_NEXT);
  }};
  for (int worker = 0; worker < 5; ++worker) {
    FakeWorker w;
    for (int i = 0; i < 200; ++i) {
      FakeExchange x{w};
      token = api.suspend(x);
      w.turn();
    }
  }
  stop = true;
  hammer.join();
}

TEST(TokenTest, ANewWorkerOfTheSameIndexDoesNotKnowOldTokens) {
  slc_token old;
  {
    FakeWorker w;
    FakeExchange x{w};
    old = api.suspend(x);
  }
  EXPECT_EQ(api.resume(old, SLC_NEXT), SLC_ESTALE);
  FakeWorker w;
  FakeExchange x{w};
  EXPECT_NE(api.suspend(x), old);
  EXPECT_EQ(api.resume(old, SLC_NEXT), SLC_ESTALE);
}

TEST(TokenTest, ServiceCallsFromAForeignThreadAreRefused) {
  FakeWorker w;
  FakeExchange x{w};
  slc_token timer = 1, suspended = 1;
  slc_status cancelled = SLC_OK;
  std::thread{[&] {
    suspended = api.suspend(x);
    timer = api.timer(w.worker.get(), x, 1, [](void*, slc_exchange*) noexcept {}, nullptr);
    cancelled = api.cancel(w.worker.get(), 1);
  }}.join();
  EXPECT_EQ(suspended, 0u);
  EXPECT_EQ(timer, 0u);
  EXPECT_EQ(cancelled, SLC_ETHREAD);
}

struct Fired {
  int count = 0;
  slc_exchange* with = nullptr;
  static void note(void* user, slc_exchange* x) noexcept { ++static_cast<Fired*>(user)->count, static_cast<Fired*>(user)->with = x; }
};

TEST(TimerTest, FiresOnceWithItsOwnerAndItsTokenIsStaleThen) {
  FakeWorker w;
  FakeExchange x{w};
  Fired fired;
  slc_token token = api.timer(w.worker.get(), x, 0, Fired::note, &fired);
  ASSERT_NE(token, 0u);
  EXPECT_EQ(fired.count, 0);
  w.until([&] { return fired.count != 0; });
  EXPECT_EQ(fired.with, x.x.get());
  EXPECT_EQ(api.cancel(w.worker.get(), token), SLC_ESTALE);
  EXPECT_EQ(x->operations, nullptr);
}

TEST(TimerTest, CancelledTimersNeverCallBack) {
  FakeWorker w;
  Fired cancelled, with_exchange, last;
  slc_token token = api.timer(w.worker.get(), nullptr, 1, Fired::note, &cancelled);
  EXPECT_EQ(api.cancel(w.worker.get(), token), SLC_OK);
  EXPECT_EQ(api.cancel(w.worker.get(), token), SLC_ESTALE);
  {
    FakeExchange x{w};
    for (int i = 0; i < 3; ++i) api.timer(w.worker.get(), x, 1, Fired::note, &with_exchange);
  }
  api.timer(w.worker.get(), nullptr, 3, Fired::note, &last);
  w.until([&] { return last.count != 0; });
  EXPECT_EQ(cancelled.count, 0);
  EXPECT_EQ(with_exchange.count, 0);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

TEST(TimerTest, ATimerMayStartAndCancelOthersWhileItFires) {
  FakeWorker w;
  struct Both {
    FakeWorker* w;
    slc_token other;
    Fired again;
  } both{&w, 0, {}};
  both.other = api.timer(w.worker.get(), nullptr, 60'000, Fired::note, &both.again);
  api.timer(
      w.worker.get(), nullptr, 1,
      [](void* user, slc_exchange*) noexcept {
        auto& b = *static_cast<Both*>(user);
        api.cancel(b.w->worker.get(), b.other);
        api.timer(b.w->worker.get(), nullptr, 1, Fired::note, &b.again);
      },
      &both);
  w.until([&] { return both.again.count != 0; });
  EXPECT_EQ(both.again.count, 1);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

TEST(TimerTest, AnOwnerOfAnotherWorkerIsRefused) {
  FakeWorker w0{0, 2}, w1{1, 2};
  FakeExchange x{w0};
  EXPECT_EQ(api.timer(w1.worker.get(), x, 1, Fired::note, nullptr), 0u);
  EXPECT_EQ(api.timer(nullptr, nullptr, 1, Fired::note, nullptr), 0u);
  EXPECT_EQ(api.timer(w0.worker.get(), nullptr, 1, nullptr, nullptr), 0u);
}

TEST(PostTest, RunsOnTheLoopFromAnyThreadAndNotInsideTheCall) {
  FakeWorker w;
  static std::thread::id ran;
  ran = {};
  std::thread{[&] { EXPECT_EQ(api.post(w.worker.get(), [](void*) noexcept { ran = std::this_thread::get_id(); }, nullptr), SLC_OK); }}.join();
  EXPECT_EQ(ran, std::thread::id{});
  w.until([&] { return ran != std::thread::id{}; });
  EXPECT_EQ(ran, std::this_thread::get_id());
  EXPECT_EQ(api.worker_count(w.worker.get()), 1u);
}

TEST(TokenTest, AWorkerWhoseNumberFitsIntoNoTokenHasNone) {
  FakeWorker first{0, 257}, beyond{256, 257};
  FakeExchange here{first}, there{beyond};
  const slc_token token = api.suspend(here.x.get());
  ASSERT_NE(token, 0u);
  EXPECT_FALSE(TokenTable::publish(beyond.worker->tokens.get()));
  EXPECT_EQ(api.suspend(there.x.get()), 0u) << "it would be a token of worker 0";
  EXPECT_EQ(api.timer(beyond.worker.get(), there.x.get(), 1, [](void*, slc_exchange*) noexcept {}, nullptr), 0u);
  Waiter waiter{*here.x};
  EXPECT_EQ(api.resume(token, SLC_NEXT), SLC_OK) << "worker 0 is still found";
  first.turn();
  EXPECT_EQ(waiter.action, SLC_NEXT);
}

}  // namespace
}  // namespace sluice::plugin

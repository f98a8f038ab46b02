// The pool, jobs of workers, lookups and events.
#include "core/plugin/work.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "core/plugin/background_dns.h"
#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using testing::FakeExchange;
using testing::FakeWorker;
using testing::kTestHost;
using testing::S;

// A job whose run() waits until the test lets it go.
struct Gated {
  std::mutex mutex;
  std::condition_variable moved;
  bool open = false;
  std::atomic<int> begun{0}, done{0}, dropped{0};
  slc_exchange* done_with = nullptr;
  std::thread::id done_on{};

  slc_job job() {
    slc_job j{};
    j.size = sizeof j;
    j.run = [](void* user) noexcept {
      auto& g = *static_cast<Gated*>(user);
      ++g.begun;
      std::unique_lock lock{g.mutex};
      g.moved.notify_all();
      g.moved.wait(lock, [&] { return g.open; });
    };
    j.done = [](void* user, slc_exchange* x) noexcept {
      auto& g = *static_cast<Gated*>(user);
      const std::lock_guard lock{g.mutex};  // several may be done at a time
      g.done_with = x;
      g.done_on = std::this_thread::get_id();
      ++g.done;
      g.moved.notify_all();
    };
    j.drop = [](void* user) noexcept {
      auto& g = *static_cast<Gated*>(user);
      const std::lock_guard lock{g.mutex};
      ++g.dropped;
      g.moved.notify_all();
    };
    return j;
  }
  void release() {
    const std::lock_guard lock{mutex};
    open = true;
    moved.notify_all();
  }
  template <class F>
  void wait(F what) {
    std::unique_lock lock{mutex};
    moved.wait(lock, what);
  }
};

const slc_work_api& work = kWorkService;

TEST(JobTest, RunsElsewhereAndIsDoneOnTheWorker) {
  FakeWorker w;
  FakeExchange x{w};
  Gated g;
  const slc_job j = g.job();
  slc_token token = 0;
  ASSERT_EQ(work.submit(w.worker.get(), x, &j, &g, &token), SLC_OK);
  EXPECT_NE(token, 0u);
  g.wait([&] { return g.begun == 1; });
  EXPECT_EQ(g.done, 0);
  g.release();
  w.until([&] { return g.done == 1; });
  EXPECT_EQ(g.done_with, x.x.get());
  EXPECT_EQ(g.done_on, std::this_thread::get_id());
  EXPECT_EQ(g.dropped, 0);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
  EXPECT_EQ(kLoopService.cancel(w.worker.get(), token), SLC_ESTALE);
}

TEST(JobTest, OfAnExchangeThatEndsIsDroppedOnceItHasRun) {
  FakeWorker w;
  Gated g;
  const slc_job j = g.job();
  {
    FakeExchange x{w};
    ASSERT_EQ(work.submit(w.worker.get(), x, &j, &g, nullptr), SLC_OK);
    g.wait([&] { return g.begun == 1; });
  }
  EXPECT_EQ(g.dropped, 0) << "run still uses it";
  g.release();
  g.wait([&] { return g.dropped == 1; });
  w.turn();
  EXPECT_EQ(g.done, 0);
}

TEST(JobTest, ThatHasRunButIsNotDoneYetIsDroppedAtOnce) {
  FakeWorker w;
  Gated g;
  g.release();
  const slc_job j = g.job();
  slc_token token = 0;
  ASSERT_EQ(work.submit(w.worker.get(), nullptr, &j, &g, &token), SLC_OK);
  while (g.begun == 0) std::this_thread::yield();
  EXPECT_EQ(kLoopService.cancel(w.worker.get(), token), SLC_OK);
  g.wait([&] { return g.dropped == 1; });
  w.turn();
  EXPECT_EQ(g.done + g.dropped, 1);
}

TEST(JobTest, BeyondTheBoundIsRefusedAndThoseThatWaitAreDroppedWithoutRunning) {
  FakeWorker w;
  Gated blocking, waiting;
  const slc_job j = blocking.job(), later = waiting.job();
  {
    FakeExchange x{w};
    for (size_t i = 0; i < WorkPool::kThreads; ++i) ASSERT_EQ(work.submit(w.worker.get(), x, &j, &blocking, nullptr), SLC_OK);
    blocking.wait([&] { return blocking.begun == static_cast<int>(WorkPool::kThreads); });
    int taken = 0;
    while (work.submit(w.worker.get(), x, &later, &waiting, nullptr) == SLC_OK) ++taken;
    EXPECT_EQ(taken, static_cast<int>(WorkPool::kMostWaiting));
    EXPECT_EQ(work.submit(w.worker.get(), x, &later, &waiting, nullptr), SLC_ELIMIT);
  }
  EXPECT_EQ(waiting.dropped, static_cast<int>(WorkPool::kMostWaiting));
  EXPECT_EQ(waiting.begun, 0);
  blocking.release();
  blocking.wait([&] { return blocking.dropped == static_cast<int>(WorkPool::kThreads); });
}

TEST(JobTest, MalformedOnesAreRefused) {
  FakeWorker w;
  Gated g;
  slc_job j = g.job();
  j.done = nullptr;
  EXPECT_EQ(work.submit(w.worker.get(), nullptr, &j, &g, nullptr), SLC_EINVAL);
  j = g.job(), j.run = nullptr;
  EXPECT_EQ(work.submit(w.worker.get(), nullptr, &j, &g, nullptr), SLC_EINVAL);
  j = g.job(), j.flags = 1;
  EXPECT_EQ(work.submit(w.worker.get(), nullptr, &j, &g, nullptr), SLC_EINVAL);
  j = g.job(), j.size = 8;
  EXPECT_EQ(work.later(&kTestHost, 0, &j, &g, nullptr), SLC_EINVAL);
  j = g.job();
  EXPECT_EQ(work.submit(nullptr, nullptr, &j, &g, nullptr), SLC_EINVAL);
  slc_status elsewhere = SLC_OK;
  std::thread{[&] { elsewhere = work.submit(w.worker.get(), nullptr, &j, &g, nullptr); }}.join();
  EXPECT_EQ(elsewhere, SLC_ETHREAD);
}

TEST(WorkPoolTest, OnePluginNeverHasAllThreadsAndWhatRunsIsNamed) {
  WorkPool& pool = WorkPool::get();
  const Place hog{.plugin = "acme.hog", .binding = "acme/hog", .where = "[ENDPOINT: /x]", .version = "1.0.0"};
  const Place other{.plugin = "acme.other", .binding = "acme/other", .where = "[ENDPOINT: /y]", .version = "1.0.0"};
  Gated gate;
  const slc_job job = gate.job();
  const auto start = [&](const Place& place, std::function<void()> run) {
    auto w = std::make_shared<Work>();
    w->run = std::move(run), w->ended = [](bool) {}, w->place = &place;
    ASSERT_EQ(pool.hold(w), SLC_OK);
    pool.release(w, 0);
  };
  for (size_t i = 0; i < WorkPool::kThreads + 2; ++i) start(hog, [&] { job.run(&gate); });
  gate.wait([&] { return gate.begun == static_cast<int>(WorkPool::kMostOfOne); });
  std::promise<void> ran;
  start(other, [&] { ran.set_value(); });
  ran.get_future().wait();  // a thread was left for it
  EXPECT_EQ(gate.begun, static_cast<int>(WorkPool::kMostOfOne));
  const auto running = pool.running();
  EXPECT_EQ(std::count_if(running.begin(), running.end(), [](const auto& r) { return r.call.plugin == "acme.hog"; }), static_cast<int>(WorkPool::kMostOfOne));
  EXPECT_EQ(running.front().call.text(), "[ENDPOINT: /x][acme/hog] work of plugin acme.hog 1.0.0");
  pool.end_all_of(&other);
  EXPECT_EQ(pool.that_run({&hog, &other}), std::vector<const Place*>{&hog});
  gate.release();
  pool.end_all_of(&hog);
  EXPECT_TRUE(pool.that_run({&hog, &other}).empty());
}

TEST(LaterTest, RunsAndIsDoneOnThePool) {
  Gated g;
  g.release();
  const slc_job j = g.job();
  ASSERT_EQ(work.later(&kTestHost, 1, &j, &g, nullptr), SLC_OK);
  g.wait([&] { return g.done == 1; });
  EXPECT_EQ(g.done_with, nullptr);
  EXPECT_NE(g.done_on, std::this_thread::get_id());
}

TEST(LaterTest, IsInTheAccountOfWhoAskedForIt) {
  auto account = cost::find_or_make({"work.cost", "1.0.0", "t/work", SLC_IFACE_MIDDLEWARE}, "", 1);
  const Place place{"work.cost", "t/work", "", "1.0.0", account.get(), nullptr};
  Gated g;
  g.release();
  const slc_job j = g.job();
  {
    PlaceScope scope{&place, HookKind::create};
    for (int i = 0; i < 3; ++i) ASSERT_EQ(work.later(&kTestHost, 0, &j, &g, nullptr), SLC_OK);
  }
  g.wait([&] { return g.done == 3; });
  WorkPool::get().end_all_of(&place);  // the last of them has been counted when it has ended
  EXPECT_EQ(account->totals()[static_cast<size_t>(HookKind::work)].calls, 3u) << "run() and done() are one";
}

TEST(LaterTest, WithdrawnBeforeItsTimeNeverRuns) {
  Gated g;
  const slc_job j = g.job();
  slc_token token = 0;
  ASSERT_EQ(work.later(&kTestHost, 3'600'000, &j, &g, &token), SLC_OK);
  const Host other{"somebody.else"};
  EXPECT_EQ(work.withdraw(&other, token), SLC_ESTALE);
  EXPECT_EQ(work.withdraw(&kTestHost, token), SLC_OK);
  EXPECT_EQ(work.withdraw(&kTestHost, token), SLC_ESTALE);
  EXPECT_EQ(g.begun, 0);
  EXPECT_EQ(g.dropped, 1);
}

TEST(LaterTest, WithdrawWaitsForOneThatRuns) {
  Gated g;
  const slc_job j = g.job();
  slc_token token = 0;
  ASSERT_EQ(work.later(&kTestHost, 0, &j, &g, &token), SLC_OK);
  g.wait([&] { return g.begun == 1; });
  std::thread opener{[&] { g.release(); }};
  const slc_status withdrawn = work.withdraw(&kTestHost, token);
  EXPECT_TRUE(withdrawn == SLC_OK || withdrawn == SLC_ESTALE) << withdrawn;  // stale: it was over before
  EXPECT_EQ(g.done + g.dropped, 1) << "over when withdraw returns";
  opener.join();
}

TEST(LaterTest, WhatAnObjectStartedEndsBeforeTheObject) {
  const Place place{"test.plugin", "t/x", "[TEST]"};
  Gated running, waiting;
  const slc_job j = running.job(), k = waiting.job();
  {
    PlaceScope scope{&place};
    ASSERT_EQ(work.later(&kTestHost, 0, &j, &running, nullptr), SLC_OK);
    ASSERT_EQ(work.later(&kTestHost, 3'600'000, &k, &waiting, nullptr), SLC_OK);
  }
  running.wait([&] { return running.begun == 1; });
  std::thread opener{[&] { running.release(); }};
  WorkPool::get().end_all_of(&place);
  EXPECT_EQ(running.done + running.dropped, 1);
  EXPECT_EQ(waiting.dropped, 1);
  EXPECT_EQ(waiting.begun, 0);
  opener.join();
}

// ---- events ----

struct Bell {
  int heard = 0;
  slc_token token = 0, cancels = 0;
  FakeWorker* w = nullptr;
};
void hear(void* user) noexcept {
  auto& b = *static_cast<Bell*>(user);
  ++b.heard;
  if (b.cancels) kLoopService.cancel(b.w->worker.get(), std::exchange(b.cancels, 0));
}

TEST(EventTest, SignalsOfOtherThreadsAreHeardOnceUntilTheFunctionRan) {
  FakeWorker w;
  Bell b;
  const slc_token token = kLoopService.event(w.worker.get(), hear, &b);
  ASSERT_NE(token, 0u);
  std::thread{[&] {
    for (int i = 0; i < 100; ++i) EXPECT_EQ(kLoopService.signal(token), SLC_OK);
  }}.join();
  EXPECT_EQ(b.heard, 0);
  w.turn();
  EXPECT_EQ(b.heard, 1);
  kLoopService.signal(token);
  EXPECT_EQ(b.heard, 1) << "never from inside the call";
  w.turn();
  EXPECT_EQ(b.heard, 2);
  EXPECT_EQ(kLoopService.resume(token, SLC_NEXT), SLC_ESTALE) << "an event is no suspension";
}

TEST(EventTest, ACancelledOneIsSilentEvenWhenItWasSignalled) {
  FakeWorker w;
  Bell b;
  const slc_token token = kLoopService.event(w.worker.get(), hear, &b);
  kLoopService.signal(token);
  EXPECT_EQ(kLoopService.cancel(w.worker.get(), token), SLC_OK);
  w.turn();
  EXPECT_EQ(b.heard, 0);
  EXPECT_EQ(kLoopService.signal(token), SLC_ESTALE);
  EXPECT_EQ(kLoopService.signal(0), SLC_ESTALE);
  EXPECT_EQ(kLoopService.signal(slc_token{77} << 56 | 5), SLC_ESTALE);
}

TEST(EventTest, MayCancelItselfWhileItRuns) {
  FakeWorker w;
  Bell b;
  b.w = &w;
  b.cancels = kLoopService.event(w.worker.get(), hear, &b);
  kLoopService.signal(b.cancels);
  w.turn();
  EXPECT_EQ(b.heard, 1);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

TEST(EventTest, EndsWithItsObjectAndNobodyComplains) {
  FakeWorker w;
  Bell b;
  const Place place{"test.plugin", "t/x", "[TEST]"};
  {
    PlaceScope scope{&place};
    kLoopService.event(w.worker.get(), hear, &b);
  }
  EXPECT_EQ(w.worker->tokens->cancel_of(&place), 0u);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

// ---- names ----

struct Heard {
  std::mutex mutex;
  std::condition_variable moved;
  int calls = 0;
  slc_status result = 77;
  std::string names, error;
  slc_exchange* with = nullptr;
  static void tell(void* user, slc_exchange* x, const slc_dns_reply* r) noexcept {
    auto& h = *static_cast<Heard*>(user);
    const std::lock_guard lock{h.mutex};
    ++h.calls;
    h.with = x;
    h.result = r->result;
    h.names.clear();
    for (uint32_t i = 0; i < r->count; ++i) h.names += (i ? " " : "") + testing::text(r->records[i].name);
    h.error = r->error.ptr ? testing::text(r->error) : "";
    h.moved.notify_all();
  }
};
slc_dns_query query(std::string_view name, uint32_t kind = SLC_DNS_ADDRESSES) { return {sizeof(slc_dns_query), kind, S(name), 0, 0}; }

TEST(LookupTest, LiteralsAreAnsweredALaterTurn) {
  FakeWorker w;
  FakeExchange x{w};
  Heard h;
  const slc_dns_query q = query("2001:db8::7");
  slc_token token = 0;
  ASSERT_EQ(kDnsService.lookup(w.worker.get(), x, &q, Heard::tell, &h, &token), SLC_OK);
  EXPECT_EQ(h.calls, 0);
  w.until([&] { return h.calls > 0; });
  EXPECT_EQ(h.result, SLC_OK);
  EXPECT_EQ(h.names, "2001:db8::7");
  EXPECT_EQ(h.with, x.x.get());
  EXPECT_EQ(kLoopService.cancel(w.worker.get(), token), SLC_ESTALE);
}

TEST(LookupTest, EndsWithItsOwnerWithoutACall) {
  FakeWorker w;
  Heard h;
  const slc_dns_query q = query("192.0.2.1");
  {
    FakeExchange x{w};
    ASSERT_EQ(kDnsService.lookup(w.worker.get(), x, &q, Heard::tell, &h, nullptr), SLC_OK);
  }
  bool over = false;
  struct Timer : loop::Deadline {
    bool* over = nullptr;
  } timer;
  timer.over = &over;
  timer.on_expire([](loop::Deadline& d) noexcept { *static_cast<Timer&>(d).over = true; });
  w.loop.deadlines().arm(timer, 20);
  w.until([&] { return over; });
  EXPECT_EQ(h.calls, 0);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
}

TEST(LookupTest, BadQueriesAreRefused) {
  FakeWorker w;
  Heard h;
  slc_dns_query q = query("x");
  q.kind = 9;
  EXPECT_EQ(kDnsService.lookup(w.worker.get(), nullptr, &q, Heard::tell, &h, nullptr), SLC_EINVAL);
  q = query("");
  EXPECT_EQ(kDnsService.lookup(w.worker.get(), nullptr, &q, Heard::tell, &h, nullptr), SLC_EINVAL);
  q = query(std::string(256, 'a'));
  EXPECT_EQ(kDnsService.lookup_background(&kTestHost, &q, Heard::tell, &h, nullptr), SLC_EINVAL);
  q = query("x"), q.flags = 1;
  EXPECT_EQ(kDnsService.lookup_background(&kTestHost, &q, Heard::tell, &h, nullptr), SLC_EINVAL);
}

TEST(LookupTest, InTheBackgroundAnswersOnThePool) {
  Heard h;
  const slc_dns_query q = query("192.0.2.9");
  ASSERT_EQ(kDnsService.lookup_background(&kTestHost, &q, Heard::tell, &h, nullptr), SLC_OK);
  std::unique_lock lock{h.mutex};
  h.moved.wait(lock, [&] { return h.calls == 1; });
  EXPECT_EQ(h.names, "192.0.2.9");
  EXPECT_EQ(h.with, nullptr);
}

TEST(LookupTest, InTheBackgroundIsInTheAccountOfWhoAskedForIt) {
  auto account = cost::find_or_make({"lookup.cost", "1.0.0", "t/lookup", SLC_IFACE_MIDDLEWARE}, "", 1);
  const Place place{"lookup.cost", "t/lookup", "", "1.0.0", account.get(), nullptr};
  Heard h;
  const slc_dns_query q = query("192.0.2.9");
  {
    PlaceScope scope{&place, HookKind::create};
    ASSERT_EQ(kDnsService.lookup_background(&kTestHost, &q, Heard::tell, &h, nullptr), SLC_OK);
  }
  {
    std::unique_lock lock{h.mutex};
    h.moved.wait(lock, [&] { return h.calls == 1; });
  }
  WorkPool::get().end_all_of(&place);
  EXPECT_EQ(account->totals()[static_cast<size_t>(HookKind::callback)].calls, 1u);
}

}  // namespace
}  // namespace sluice::plugin

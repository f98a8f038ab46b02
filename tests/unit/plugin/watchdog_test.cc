#include "core/plugin/watchdog.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using testing::FakeWorker;

// What the kernel would say about the thread is the test's.
class TestDog : public Watchdog {
 public:
  using Watchdog::Watchdog;
  ThreadUse use;

 protected:
  ThreadUse use_of(pthread_t, pid_t) const override { return use; }
};

constexpr uint64_t kMs = 1'000'000;

class WatchdogTest : public ::testing::Test {
 protected:
  FakeWorker worker;  // this thread is watched
  TestDog dog{100};
  std::shared_ptr<cost::Account> account = cost::find_or_make({"p.watched", "1.2.0", "t/slow", SLC_IFACE_MIDDLEWARE}, "[ENDPOINT: /x]", 1);
  Place place{"p.watched", "t/slow", "[ENDPOINT: /x]", "1.2.0", account.get(), nullptr};
  static uint32_t stalled() { return hook_state.stalled_ms.load(); }
  uint64_t stalls() const { return account->totals()[static_cast<size_t>(HookKind::on_request)].stalls; }
};

TEST_F(WatchdogTest, AHookThatDoesNotMoveOnIsMarkedAndClearedWhenItReturns) {
  {
    PlaceScope scope{&place, HookKind::on_request};
    dog.tick(1000);
    dog.use.cpu_ns = 50 * kMs;
    dog.tick(1050);
    EXPECT_EQ(stalled(), 0u);
    dog.use.cpu_ns = 120 * kMs, dog.use.queued_ns = 10 * kMs;
    dog.tick(1130);
    EXPECT_EQ(stalled(), 130u);
    EXPECT_EQ(hook_state.stalled_cpu_ms.load(), 120u);
    EXPECT_EQ(hook_state.stalled_queued_ms.load(), 10u);
  }
  EXPECT_EQ(stalled(), 0u);
  EXPECT_EQ(stalls(), 1u);
  Stall last = watchdog::recent().at(0);
  EXPECT_EQ(last.plugin, "p.watched");
  EXPECT_EQ(last.version, "1.2.0");
  EXPECT_EQ(last.place, "[ENDPOINT: /x]");
  EXPECT_EQ(last.hook, HookKind::on_request);
  EXPECT_TRUE(last.over);
  EXPECT_EQ(last.cpu_ms, 120u);
}

TEST_F(WatchdogTest, ManyShortHooksAreNoStall) {
  for (uint64_t now = 5000; now < 6000; now += 20) {
    PlaceScope scope{&place, HookKind::on_request};
    dog.tick(now);
  }
  dog.tick(6100);
  EXPECT_EQ(stalled(), 0u);
  EXPECT_EQ(stalls(), 0u);
}

TEST_F(WatchdogTest, TimeWithoutACpuIsNoHooksFault) {
  PlaceScope scope{&place, HookKind::on_request};
  dog.tick(1000);
  dog.use = {.cpu_ns = 20 * kMs, .queued_ns = 400 * kMs, .ready = true};
  dog.tick(1450);
  EXPECT_EQ(stalled(), 0u) << "30 ms are unknown, and the thread is ready";
  dog.use = {.cpu_ns = 20 * kMs, .queued_ns = 0, .ready = true};
  dog.tick(1450);
  EXPECT_EQ(stalled(), 0u) << "a stretch that goes on is in neither count";
  dog.use = {.cpu_ns = 110 * kMs, .queued_ns = 400 * kMs, .ready = true};
  dog.tick(1550);
  EXPECT_EQ(stalled(), 550u);
}

TEST_F(WatchdogTest, AHookThatSleepsHoldsTheLoopToo) {
  PlaceScope scope{&place, HookKind::on_request};
  dog.tick(1000);
  dog.tick(1200);
  EXPECT_EQ(stalled(), 200u);
  EXPECT_EQ(hook_state.stalled_cpu_ms.load(), 0u);
}

TEST_F(WatchdogTest, AHookThatIsStillInsideIsNotedOnceWithItsName) {
  {
    PlaceScope scope{&place, HookKind::on_response};
    dog.tick(1000);
    for (uint64_t now : {2100, 2200, 2300}) dog.tick(now);
    auto all = watchdog::recent();
    Stall last = all.at(0);
    EXPECT_FALSE(last.over);
    EXPECT_EQ(last.hook, HookKind::on_response);
    EXPECT_EQ(last.binding, "t/slow");
    EXPECT_EQ(last.wall_ms, 1100u);
    EXPECT_TRUE(all.size() < 2 || all[1].over || all[1].wall_ms != 1200);
  }
  EXPECT_TRUE(watchdog::recent().at(0).over);
}

TEST_F(WatchdogTest, ALimitOfZeroTurnsItOff) {
  dog.set_limit(0);
  PlaceScope scope{&place, HookKind::on_request};
  dog.tick(1000);
  dog.tick(9000);
  EXPECT_EQ(stalled(), 0u);
}

TEST_F(WatchdogTest, ACallWithoutAPlaceIsWatchedToo) {
  {
    PlaceScope scope{nullptr, HookKind::post};
    dog.tick(1000);
    dog.tick(1200);
    EXPECT_EQ(stalled(), 200u);
  }
  EXPECT_EQ(watchdog::recent().at(0).plugin, "");
  EXPECT_EQ(watchdog::recent().at(0).hook, HookKind::post);
}

TEST_F(WatchdogTest, AnAccountThatIsGoneIsNotLookedInto) {
  auto other = cost::find_or_make({"p.gone", "1", "t/gone", ""}, "[ENDPOINT: /gone]", 1);
  Place gone{"p.gone", "t/gone", "", "1", other.get(), nullptr};
  PlaceScope scope{&gone, HookKind::on_request};
  cost::Account* left = other.get();
  {
    PlaceScope inner{&place, HookKind::on_request};
    dog.tick(1000);
    dog.tick(3000);
    EXPECT_EQ(watchdog::recent().at(0).plugin, "p.watched");
  }
  cost::Owner owner;
  std::string where;
  EXPECT_TRUE(cost::describe(left, &owner, &where));
  EXPECT_EQ(where, "[ENDPOINT: /gone]");
  EXPECT_FALSE(cost::describe(nullptr, &owner, &where));
  EXPECT_FALSE(cost::describe(reinterpret_cast<const cost::Account*>(&gone), &owner, &where));
}

TEST_F(WatchdogTest, TheKernelsCountsAreRead) {
  class Open : public Watchdog {
   public:
    using Watchdog::use_of;
  } open;
  ThreadUse before = open.use_of(pthread_self(), gettid()), after = before;
  while (after.cpu_ns - before.cpu_ns < 2 * kMs) after = open.use_of(pthread_self(), gettid());
  EXPECT_TRUE(after.ready);
  EXPECT_GE(after.queued_ns, before.queued_ns);
}

TEST(WatchdogThreadTest, ItStartsTakesAnotherLimitAndEnds) {
  Watchdog dog{1};
  dog.start();
  dog.start();
  dog.set_limit(0);
  dog.set_limit(5);
}

}  // namespace
}  // namespace sluice::plugin

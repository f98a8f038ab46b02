#include "core/loop/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice::loop {
namespace {

TEST(LoopPostTest, EveryThreadsPostsRunInItsOrderOnTheLoopsThread) {
  constexpr int kThreads = 4, kEach = 500;
  Loop loop;
  std::thread::id on;
  int next[kThreads] = {}, left = kThreads * kEach;
  bool wrong = false;
  std::thread runner{[&] {
    on = std::this_thread::get_id();
    loop.run();
  }};
  std::vector<std::thread> posters;
  for (int t = 0; t < kThreads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        loop.post([&, t, i] {
          wrong = wrong || next[t]++ != i || std::this_thread::get_id() != on;
          if (--left == 0) loop.stop();
        });
      }
    });
  }
  for (auto& p : posters) p.join();
  runner.join();
  EXPECT_FALSE(wrong);
  EXPECT_EQ(left, 0);
}

TEST(LoopPostTest, APostFromAPostRunsBehindThoseAlreadyQueued) {
  Loop loop;
  std::string order;
  loop.post([&] {
    order += 'a';
    loop.post([&] {
      order += 'c';
      loop.stop();
    });
  });
  loop.post([&] { order += 'b'; });
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(LoopPostTest, AfterTheEndAPostIsDestroyedAndNeverRun) {
  Loop loop;
  loop.stop();
  loop.run();
  auto held = std::make_shared<int>(1);
  bool ran = false;
  loop.post([held, &ran] { ran = true; });
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(ran);
}

TEST(LoopPostTest, StoppingFromAnotherThreadEndsTheRun) {
  Loop loop;
  std::thread runner{[&] { loop.run(); }};
  loop.stop();
  loop.stop();  // twice is once
  runner.join();
}

TEST(ReadBlockTest, BlocksThatComeBackAreHandedOutAgainUpToABound) {
  Loop loop;
  std::vector<ReadBlock*> kept;
  for (int i = 0; i < 40; ++i) {
    loop.read_block();
    kept.push_back(loop.share_read_block());
  }
  std::vector<ReadBlock*> distinct = kept;
  std::sort(distinct.begin(), distinct.end());
  EXPECT_EQ(std::unique(distinct.begin(), distinct.end()), distinct.end()) << "a block that somebody holds is not given twice";
  ReadBlock* current = kept.back();
  for (ReadBlock* b : kept) loop.release(b);
  EXPECT_EQ(loop.read_block(), current) << "nobody else holds it";
  // What is beyond the bound was freed; LeakSanitizer sees what was not.
}

TEST(DeadlineTest, OutlivesItsQueueAndMayBeArmedElsewhere) {
  Deadline d;
  bool fired = false;
  d.on_expire([](Deadline& self) noexcept { self.owner<bool>() = true; }, &fired);
  {
    Loop loop;
    loop.deadlines().arm(d, 60'000);
    EXPECT_TRUE(d.armed());
    loop.stop();
    loop.run();
  }
  EXPECT_FALSE(d.armed());
  EXPECT_FALSE(fired);
  Loop other;
  other.deadlines().arm(d, 0);
  Deadline end;
  end.on_expire([](Deadline& self) noexcept { self.owner<Loop>().stop(); }, &other);
  other.deadlines().arm(end, 2);
  other.run();
  EXPECT_TRUE(fired);
}

TEST(DeadlineTest, AfterCloseArmingDoesNothing) {
  Loop loop;
  loop.deadlines().close();
  Deadline d;
  loop.deadlines().arm(d, 0);
  EXPECT_FALSE(d.armed());
  loop.stop();
  loop.run();
}

TEST(DeadlineTest, EqualDurationsExpireInOrderOfArming) {
  Loop loop;
  struct Named : Deadline {
    std::string* order = nullptr;
    char name = 0;
    Loop* stop = nullptr;
  } all[4];
  std::string order;
  for (int i = 0; i < 4; ++i) {
    all[i].order = &order, all[i].name = static_cast<char>('a' + i), all[i].stop = i == 1 ? &loop : nullptr;
    all[i].on_expire([](Deadline& d) noexcept {
      auto& self = static_cast<Named&>(d);
      *self.order += self.name;
      if (self.stop) self.stop->stop();
    });
    loop.deadlines().arm(all[i], 3);
  }
  loop.deadlines().arm(all[1], 3);  // again: behind the others
  loop.run();
  EXPECT_EQ(order, "acdb");
}

TEST(DeadlineTest, AShorterOneArmedLaterIsNotHeldUpByALongerOne) {
  Loop loop;
  struct Stops : Deadline {
    Loop* loop = nullptr;
  } soon;
  Deadline late;
  late.on_expire([](Deadline&) noexcept { FAIL() << "a minute has passed"; });
  soon.loop = &loop;
  soon.on_expire([](Deadline& d) noexcept { static_cast<Stops&>(d).loop->stop(); });
  loop.deadlines().arm(late, 60'000);
  loop.deadlines().arm(soon, 1);
  loop.run();
  EXPECT_FALSE(soon.armed());
}

}  // namespace
}  // namespace sluice::loop

#include "core/loop/deadlines.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/loop/loop.h"

namespace sluice::loop {
namespace {

struct Timed : Deadline {
  explicit Timed(std::function<void()> f) : call{std::move(f)} {
    on_expire([](Deadline& d) noexcept { static_cast<Timed&>(d).call(); });
  }
  std::function<void()> call;
};

TEST(DeadlinesTest, ExpireInOrderOfTimeNotOfArming) {
  Loop loop;
  std::string order;
  Timed a{[&] { order += 'a'; }}, b{[&] { order += 'b'; }}, c{[&] { order += 'c', loop.stop(); }};
  loop.deadlines().arm(c, 30);
  loop.deadlines().arm(a, 1);
  loop.deadlines().arm(b, 10);
  loop.run();
  EXPECT_EQ(order, "abc");
  EXPECT_FALSE(a.armed());
}

TEST(DeadlinesTest, ALateLoopKeepsTheOrderOfTimes) {
  Loop loop;
  std::string order;
  Timed a{[&] { order += 'a'; }}, b{[&] { order += 'b'; }}, c{[&] { order += 'c', loop.stop(); }};
  Timed late{[&] {
    loop.deadlines().arm(c, 3);
    loop.deadlines().arm(a, 1);
    loop.deadlines().arm(b, 2);
    // Holds the loop until all of them are due.
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(6);
    while (std::chrono::steady_clock::now() < until) {
    }
  }};
  loop.deadlines().arm(late, 1);
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(DeadlinesTest, ADisarmedOrDestroyedOneNeverExpires) {
  Loop loop;
  bool wrong = false;
  Timed disarmed{[&] { wrong = true; }}, last{[&] { loop.stop(); }};
  auto destroyed = std::make_unique<Timed>([&] { wrong = true; });
  loop.deadlines().arm(disarmed, 1);
  loop.deadlines().arm(*destroyed, 1);
  loop.deadlines().arm(last, 5);
  disarmed.disarm();
  destroyed.reset();
  loop.run();
  EXPECT_FALSE(wrong);
}

TEST(DeadlinesTest, ACallbackMayDestroyAnotherThatIsDueAtOnce) {
  Loop loop;
  bool wrong = false;
  auto other = std::make_unique<Timed>([&] { wrong = true; });
  Timed first{[&] { other.reset(); }}, last{[&] { loop.stop(); }};
  loop.deadlines().arm(first, 3);
  loop.deadlines().arm(*other, 3);
  loop.deadlines().arm(last, 3);
  loop.run();
  EXPECT_FALSE(wrong);
}

TEST(DeadlinesTest, ArmingAgainMovesTheTime) {
  Loop loop;
  std::string order;
  Timed moved{[&] { order += 'm', loop.stop(); }}, other{[&] { order += 'o'; }};
  loop.deadlines().arm(moved, 1);
  loop.deadlines().arm(other, 5);
  loop.deadlines().arm(moved, 20);
  loop.run();
  EXPECT_EQ(order, "om");
}

TEST(DeadlinesTest, ACallbackThatArmsItselfWithZeroDoesNotStarveTheLoop) {
  Loop loop;
  int expired = 0;
  bool stopping = false;
  Timed* self = nullptr;
  Timed again{[&] {
    ++expired;
    if (!stopping) loop.deadlines().arm(*self, 0);
  }};
  self = &again;
  loop.deadlines().arm(again, 0);
  loop.post([&] {  // another event of the loop gets its turn
    stopping = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(stopping);
}

TEST(DeadlinesTest, ClosingFromACallbackLeavesTheOthersSilent) {
  Loop loop;
  bool wrong = false;
  Timed closes{[&] { loop.deadlines().close(), loop.stop(); }}, other{[&] { wrong = true; }};
  loop.deadlines().arm(closes, 2);
  loop.deadlines().arm(other, 2);
  loop.run();
  EXPECT_FALSE(wrong);
}

TEST(DeadlinesTest, ManyDistinctDurationsAllExpire) {
  Loop loop;
  int left = 150;
  std::vector<std::unique_ptr<Timed>> all;
  for (int i = 0; i < 150; ++i) {
    all.push_back(std::make_unique<Timed>([&] {
      if (--left == 0) loop.stop();
    }));
    loop.deadlines().arm(*all.back(), static_cast<uint64_t>(i % 2 ? i / 4 : 150 - i) / 4);
  }
  loop.run();
  EXPECT_EQ(left, 0);
}

TEST(LoopTest, PostedFunctionsRunInOrder) {
  Loop loop;
  std::string order;
  for (char c = 'a'; c <= 'z'; ++c) loop.post([&order, c] { order += c; });
  loop.stop();
  loop.run();
  EXPECT_EQ(order, "abcdefghijklmnopqrstuvwxyz");
}

TEST(LoopTest, ASharedReadBlockIsNotHandedOutAgainUntilReleased) {
  Loop loop;
  ReadBlock* first = loop.read_block();
  EXPECT_EQ(loop.read_block(), first);
  ReadBlock* kept = loop.share_read_block();
  EXPECT_EQ(kept, first);
  ReadBlock* second = loop.read_block();
  EXPECT_NE(second, first);
  EXPECT_FALSE(loop.in_read_block(first->bytes));
  EXPECT_TRUE(loop.in_read_block(second->bytes + ReadBlock::kSize - 1));
  loop.release(kept);
  EXPECT_EQ(loop.read_block(), second);
}

TEST(LoopTest, HttpDateHasTheFixedForm) {
  Loop loop;
  std::string_view date = loop.http_date();
  ASSERT_EQ(date.size(), 29u);
  EXPECT_EQ(date.substr(25), " GMT");
  EXPECT_EQ(date[3], ',');
}

}  // namespace
}  // namespace sluice::loop

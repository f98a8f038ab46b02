#include "core/log/queue.h"

#include <gtest/gtest.h>

#include <deque>

namespace sluice::log {
namespace {

TEST(QueueTest, GivesRecordsBackInOrder) {
  Queue q{100};
  EXPECT_EQ(q.push({"a", "", "bc"}), 0u);
  EXPECT_EQ(q.push({""}), 0u);
  EXPECT_EQ(q.push({"d"}), 0u);
  std::string out;
  ASSERT_TRUE(q.pop(out));
  EXPECT_EQ(out, "abc");
  ASSERT_TRUE(q.pop(out));
  EXPECT_EQ(out, "");
  ASSERT_TRUE(q.pop(out));
  EXPECT_EQ(out, "d");
  EXPECT_FALSE(q.pop(out));
  EXPECT_TRUE(q.empty());
}

TEST(QueueTest, DropsTheOldestLineWhenTheNumberOfLinesIsReached) {
  Queue q{2};
  EXPECT_EQ(q.push({"1"}), 0u);
  EXPECT_EQ(q.push({"2"}), 0u);
  EXPECT_EQ(q.push({"3"}), 1u);
  std::string out;
  ASSERT_TRUE(q.pop(out));
  EXPECT_EQ(out, "2");
}

TEST(QueueTest, NeverHoldsMoreThanItsBytesAndDropsOnlyWhatItMust) {
  Queue q{1000000};
  std::string line(1000, 'x');
  size_t dropped = 0, pushed = 0;
  for (; pushed < 3000; ++pushed) dropped += q.push({line});
  EXPECT_EQ(q.capacity(), Queue::kMostBytes);
  EXPECT_EQ(q.lines(), Queue::kMostBytes / 1004);
  EXPECT_EQ(q.lines() + dropped, pushed);
}

TEST(QueueTest, RefusesARecordBeyondTheBound) {
  Queue q{10};
  EXPECT_EQ(q.push({std::string(Queue::kMostRecord + 1, 'x')}), 1u);
  EXPECT_TRUE(q.empty());
}

TEST(QueueTest, ShowsTheBeginningOfTheOldestRecordWithoutTakingIt) {
  Queue q{10};
  char four[4];
  EXPECT_FALSE(q.peek(four, 4));
  q.push({"abc"});
  EXPECT_FALSE(q.peek(four, 4));
  EXPECT_TRUE(q.peek(four, 3));
  EXPECT_EQ(std::string(four, 3), "abc");
  EXPECT_EQ(q.lines(), 1u);
}

// Against a plain model, through growth, wrapping and dropping by lines.
TEST(QueueTest, AgreesWithAModelForMixedSizes) {
  Queue q{300};
  std::deque<std::string> model;
  uint32_t seed = 7;
  std::string out;
  for (int i = 0; i < 20000; ++i) {
    seed = seed * 1664525 + 1013904223;
    if ((seed >> 28) < 10) {
      std::string text((seed >> 8) % 900, static_cast<char>('a' + i % 26));
      size_t dropped = q.push({text});
      model.push_back(text);
      for (; dropped; --dropped) model.pop_front();
    } else {
      ASSERT_EQ(q.pop(out), !model.empty());
      if (model.empty()) continue;
      ASSERT_EQ(out, model.front());
      model.pop_front();
    }
    ASSERT_EQ(q.lines(), model.size());
  }
}

}  // namespace
}  // namespace sluice::log

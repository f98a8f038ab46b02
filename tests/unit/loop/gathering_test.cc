#include "core/loop/gathering.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::loop {
namespace {

constexpr uint64_t kWindowMs = uint64_t{1} << Gathering::kWindowShift;

// The rule alone, with a clock of the test's own; nobody pauses here.
class GatheringTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(uv_loop_init(&loop_), 0); }
  void TearDown() override { EXPECT_EQ(uv_loop_close(&loop_), 0); }
  // One turn for each of the first `count` streams, each with one large read. Would the last one have paused?
  bool turns(uint32_t count, uint64_t now) {
    bool pause = false;
    for (uint32_t i = 0; i < count; ++i) {
      gathering_.count(marks_[i], now);
      pause = gathering_.worth_a_pause();
    }
    return pause;
  }

  uv_loop_t loop_;
  Gathering gathering_{&loop_};
  std::vector<Gathering::Mark> marks_ = std::vector<Gathering::Mark>(64);
};

TEST_F(GatheringTest, ManyLargeBodiesAtOnceAreWorthAPause) {
  EXPECT_FALSE(turns(Gathering::kManyStreams - 1, 1000));
  EXPECT_TRUE(turns(Gathering::kManyStreams, 1000));
}

TEST_F(GatheringTest, OneStreamIsOneStreamHoweverMuchItBrings) {
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_FALSE(turns(1, 1000 + i % 4));
}

TEST_F(GatheringTest, ATurnThatGatheredEnoughGoesOnAtOnce) {
  EXPECT_TRUE(turns(Gathering::kManyStreams, 1000));
  for (uint32_t i = 0; i < Gathering::kEnough; ++i) gathering_.count(marks_[i], 1000);
  EXPECT_FALSE(gathering_.worth_a_pause());
  for (uint32_t i = 0; i < Gathering::kEnough - 1; ++i) gathering_.count(marks_[i], 1000);
  EXPECT_TRUE(gathering_.worth_a_pause()) << "each turn counts anew";
}

TEST_F(GatheringTest, ATurnThatBroughtASmallRequestGoesOnAtOnce) {
  EXPECT_TRUE(turns(Gathering::kManyStreams, 1000));
  gathering_.count(marks_[0], 1000);
  gathering_.received(marks_[1], 1);
  EXPECT_FALSE(gathering_.worth_a_pause());
  EXPECT_TRUE(turns(1, 1000)) << "each turn counts anew";
}

TEST_F(GatheringTest, SmallRequestsOfATurnWithoutLargeOnesAreForgotten) {
  EXPECT_TRUE(turns(Gathering::kManyStreams, 1000));
  gathering_.received(marks_[1], Gathering::kLarge - 1);
  gathering_.before_waiting();
  EXPECT_TRUE(turns(1, 1000));
}

TEST_F(GatheringTest, StreamsOfTheWindowBeforeCountAndOlderOnesDoNot) {
  EXPECT_TRUE(turns(Gathering::kManyStreams, 1000 * kWindowMs));
  EXPECT_TRUE(turns(1, 1001 * kWindowMs));
  EXPECT_FALSE(turns(1, 1002 * kWindowMs));
  EXPECT_TRUE(turns(Gathering::kManyStreams, 2000 * kWindowMs));
  EXPECT_FALSE(turns(1, 2002 * kWindowMs));
}

TEST_F(GatheringTest, AStreamThatGoesOnIsCountedInEachWindow) {
  for (uint64_t window = 1000; window < 1010; ++window) EXPECT_TRUE(turns(Gathering::kManyStreams, window * kWindowMs)) << window;
}

TEST_F(GatheringTest, TheFirstMillisecondsOfALoopAreLikeAllOthers) { EXPECT_TRUE(turns(Gathering::kManyStreams, 0)); }

TEST_F(GatheringTest, OnlyReadsOfLargeBodiesCount) {
  for (Gathering::Mark& m : marks_) gathering_.received(m, Gathering::kLarge - 1);
  EXPECT_EQ(gathering_.large_reads(), 0u);
  for (Gathering::Mark& m : marks_) EXPECT_EQ(m.window, 0u);
  gathering_.received(marks_[0], Gathering::kLarge);
  EXPECT_EQ(gathering_.large_reads(), 1u);
  EXPECT_NE(marks_[0].window, 0u);
}

}  // namespace
}  // namespace sluice::loop

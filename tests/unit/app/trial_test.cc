#include <gtest/gtest.h>

#include "core/app/gateway_trial.h"

namespace sluice::app {
namespace {

struct TallyTest : ::testing::Test {
  void fresh(int bad, int good) {
    for (int i = 0; i < bad; ++i) tally.new_side()->count(true);
    for (int i = 0; i < good; ++i) tally.new_side()->count(false);
  }
  void old(int bad, int good) {
    for (int i = 0; i < bad; ++i) tally.old_side()->count(true);
    for (int i = 0; i < good; ++i) tally.old_side()->count(false);
  }
  int told = 0;
  Tally tally{{.max_error_rate = 10, .min_requests = 10}, [this] { ++told; }};
};

TEST_F(TallyTest, TheRequestThatMakesThemEnoughIsJudgedThoughItIsGood) {
  fresh(6, 3);
  EXPECT_EQ(told, 0) << "too few to say";
  fresh(0, 1);
  EXPECT_EQ(told, 1);
  fresh(5, 5);
  EXPECT_EQ(told, 1) << "once";
}

TEST_F(TallyTest, FurtherFailuresAreJudgedAndGoodRequestsDoNoHarm) {
  fresh(1, 19);
  EXPECT_EQ(told, 0) << "5 % are allowed";
  fresh(0, 80);
  EXPECT_EQ(told, 0);
  fresh(11, 0);
  EXPECT_EQ(told, 1);
}

TEST_F(TallyTest, WithoutAFailureItMayBeExceededWhenTheOtherSideGetsBetter) {
  old(10, 0);
  fresh(6, 4);
  EXPECT_EQ(told, 0) << "the other side is no better";
  old(0, 90);
  EXPECT_TRUE(tally.exceeded()) << "what the end of its time looks at";
  fresh(1, 0);
  EXPECT_EQ(told, 1);
}

TEST_F(TallyTest, WhatCameToNothingMayBeToldAgain) {
  fresh(6, 4);
  EXPECT_EQ(told, 1);
  fresh(0, 100);
  EXPECT_FALSE(tally.exceeded());
  tally.go_on();
  fresh(20, 0);
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace sluice::app

#include "core/http/http2_budget.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

uint32_t takes(Http2Budget& b, uint64_t now) {
  uint32_t n = 0;
  while (b.take(now)) ++n;
  return n;
}

TEST(Http2BudgetTest, ABurstIsFreeAndThenItTakesTime) {
  Http2Budget b{100, 10};
  b.begin(5'000);
  EXPECT_EQ(takes(b, 5'000), 100u);
  EXPECT_EQ(takes(b, 5'050), 0u) << "not even one has come back";
  EXPECT_EQ(takes(b, 6'050), 10u);
  EXPECT_EQ(takes(b, 3'600'000), 100u) << "never more than the burst";
}

TEST(Http2BudgetTest, AskingInVainLosesNoTime) {
  Http2Budget b{1, 1};
  b.begin(0);
  EXPECT_TRUE(b.take(0));
  for (uint64_t now = 100; now < 1000; now += 100) EXPECT_FALSE(b.take(now));
  EXPECT_TRUE(b.take(1000)) << "a second has passed since the last one";
}

}  // namespace
}  // namespace sluice::http

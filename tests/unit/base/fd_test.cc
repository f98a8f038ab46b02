#include "core/base/fd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace sluice {
namespace {

TEST(FdTest, ALineForAReaderThatTakesNothingIsNotWaitedFor) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd from{ends[0]}, to{ends[1]};
  const std::string line(4096, 'x');
  int taken = 0;
  while (taken < 1000 && write_if_taken(to.get(), line, 0)) ++taken;
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 1000) << "the pipe is full";
  EXPECT_FALSE(takes_bytes(to.get(), 0));
  char piece[4096];
  ASSERT_EQ(::read(from.get(), piece, sizeof piece), 4096);
  EXPECT_TRUE(takes_bytes(to.get(), 0));
  EXPECT_TRUE(write_if_taken(to.get(), "more", 0));
}

}  // namespace
}  // namespace sluice

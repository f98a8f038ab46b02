#include "../mask.h"

#include <gtest/gtest.h>

using example::Mask;

namespace {

std::string masked(std::string_view text, size_t piece, size_t least = 5, size_t keep = 2) {
  Mask mask{least, keep};
  std::string out;
  for (size_t at = 0; at < text.size(); at += piece) mask.pass(text.substr(at, piece), out);
  mask.finish(out);
  return out;
}

TEST(MaskTest, HidesLongNumbersAndNoOthers) {
  EXPECT_EQ(masked("a 1234 b 12345 c 1234567890", 1000), "a 1234 b ***45 c ********90");
  EXPECT_EQ(masked("", 1), "");
  EXPECT_EQ(masked("12345", 1000, 5, 0), "*****");
}

TEST(MaskTest, HowATextIsCutMakesNoDifference) {
  const std::string text = R"({"card":"4111111111111111","n":1234,"m":12345} 99999)" + std::string(300, '7');
  const std::string whole = masked(text, text.size());
  EXPECT_EQ(whole.size(), text.size());
  for (size_t piece = 1; piece < text.size(); ++piece) EXPECT_EQ(masked(text, piece), whole) << piece;
}

TEST(MaskTest, WhatIsHeldBackIsBounded) {
  Mask mask{5, 2};
  std::string out;
  for (int i = 0; i < 10000; ++i) mask.pass("7", out);
  EXPECT_EQ(out.size(), 9998u);
}

TEST(MaskTest, KnowsWhatItLeavesAlone) {
  Mask mask{5, 2};
  std::string out;
  EXPECT_TRUE(mask.leaves_alone("no digits"));
  EXPECT_FALSE(mask.leaves_alone("1"));
  mask.pass("ends in 1", out);
  EXPECT_FALSE(mask.leaves_alone("no digits")) << "a digit is held back, and has to come first";
}

}  // namespace

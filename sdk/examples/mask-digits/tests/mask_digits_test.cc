#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

class MaskDigitsTest : public ::testing::Test {
 protected:
  std::string pass(FakeExchange& x, const std::vector<std::string>& pieces, std::string_view type = "application/json") {
    x.add_header(SLC_RESPONSE, "content-type", type);
    EXPECT_EQ(plugin_.on_response(x), SLC_NEXT);
    return plugin_.pass_body(x, SLC_RESPONSE, pieces);
  }
  FakeHost host_;
  Configured plugin_{host_, SLC_ENTRY_SYMBOL, "example/mask-digits", "{}"};
};

TEST_F(MaskDigitsTest, HidesANumberThatIsCutInTwo) {
  ASSERT_TRUE(plugin_.ok()) << host_.problem_text();
  FakeExchange x{host_};
  EXPECT_EQ(pass(x, {R"({"card":"41111111)", R"(11111111","n":1)", "2", "}"}), R"({"card":"************1111","n":12})");
  EXPECT_EQ(x.expected[SLC_RESPONSE], SLC_LENGTH_KEPT);
}

TEST_F(MaskDigitsTest, WhatIsHeldBackComesAtTheEnd) {
  FakeExchange x{host_};
  EXPECT_EQ(pass(x, {"x 1", "23", ""}), "x 123");
}

TEST_F(MaskDigitsTest, APieceWithoutDigitsIsNotCopied) {
  FakeExchange x{host_};
  plugin_.on_response(x);
  EXPECT_EQ(plugin_.on_response_chunk(x, "nothing to hide"), SLC_NEXT);
  EXPECT_TRUE(x.emitted[SLC_RESPONSE].empty());
}

TEST_F(MaskDigitsTest, PiecesThatAreLargerThanTheRoomTakeSeveralTurns) {
  std::string text;
  while (text.size() < (5u << 20)) text += "number 4111111111111111, ";
  FakeExchange x{host_};
  const std::string out = pass(x, {text});
  EXPECT_EQ(out.size(), text.size());
  EXPECT_EQ(out.substr(0, 25), "number ************1111, ");
  EXPECT_EQ(out.find("4111111111111111"), out.npos);
}

TEST_F(MaskDigitsTest, LeavesImagesAlone) {
  FakeExchange x{host_};
  x.add_header(SLC_RESPONSE, "content-type", "image/png");
  EXPECT_EQ(plugin_.on_response(x), SLC_NEXT);
  EXPECT_EQ(x.expected[SLC_RESPONSE], SLC_BODY_SKIPPED);
}

TEST_F(MaskDigitsTest, RefusesWhatItCannotRead) {
  FakeExchange x{host_};
  x.add_header(SLC_RESPONSE, "content-type", "text/plain");
  x.add_header(SLC_RESPONSE, "content-encoding", "br");
  EXPECT_EQ(plugin_.on_response(x), SLC_FAIL);
  EXPECT_EQ(x.failure->http_status, 502);
}

TEST(MaskDigitsConfigurationTest, HidesAtLeastOneDigit) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "example/mask-digits", R"({"least": 4, "keep": 4})"};
  EXPECT_FALSE(plugin.ok());
  EXPECT_TRUE(host.has_problem("/keep")) << host.problem_text();
}

}  // namespace
